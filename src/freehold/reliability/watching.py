"""One turn of watching: what is unusual is looked for, and what is wrong becomes alerts and notifications."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from freehold.reliability.alerts.turn import Turn, take_turn
from freehold.reliability.anomalies import Anomaly, look

if TYPE_CHECKING:
    from freehold.estate.model import Estate
    from freehold.foundation import Clock
    from freehold.ledger import Ledger
    from freehold.reliability.alerts.lineage import Inputs


@dataclass(frozen=True, slots=True)
class Watched:
    """What a turn came to: what is unusual, and what became of alerts."""

    anomalies: tuple[Anomaly, ...]
    alerts: Turn


def watch(estate: Estate, ledger: Ledger, env: str, inputs: Callable[[], Inputs], clock: Clock) -> Watched:
    """Look at what the ledger has told since the last turn. It costs three small reads where that is nothing.

    Whoever runs something calls it after that, and who stays calls it from time to time: things are late, over and told
    again by the passing of time alone. Turns may be taken beside each other, and a turn that is killed is taken again.

    Args:
        estate: says who answers for what, and who is told.
        ledger: what happened.
        env: the environment.
        inputs: reads what each asset reads; called only where the lineage matters.
        clock: of now.

    Raises:
        Problems: FH-E330, FH-E331 the file of kind Alerting is wrong.
    """
    found = look(ledger, env)
    return Watched(found, take_turn(estate, ledger, env, inputs, clock.now()))
