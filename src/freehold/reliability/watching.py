"""One turn of watching: what is unusual is looked for, what is wrong becomes alerts, and those incidents."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from freehold.reliability.alerts.turn import Turn, take_turn
from freehold.reliability.anomalies import Anomaly, look
from freehold.reliability.incidents.gathering import Gathered, gather

if TYPE_CHECKING:
    from freehold.delivery.graph import Graph
    from freehold.delivery.lineage import EstateLineage
    from freehold.estate.model import Estate
    from freehold.foundation import Clock
    from freehold.ledger import Ledger
    from freehold.reliability.slo import Watch


@dataclass(frozen=True, slots=True)
class Watched:
    """What a turn came to: what is unusual, what became of alerts, and what of incidents."""

    anomalies: tuple[Anomaly, ...]
    alerts: Turn
    incidents: Gathered


def watch(
    estate: Estate,
    ledger: Ledger,
    env: str,
    graph: Callable[[], Graph],
    clock: Clock,
    *,
    slos: Watch | None = None,
    lineage: Callable[[], EstateLineage] | None = None,
) -> Watched:
    """Look at what the ledger has told since the last turn. It costs a few small reads where that is nothing.

    Whoever runs something calls it after that, and who stays calls it from time to time: things are late, over and told
    again by the passing of time alone. Turns may be taken beside each other, and a turn that is killed is taken again.

    Args:
        estate: says who answers for what, and who is told.
        ledger: what happened.
        env: the environment.
        graph: reads its assets; called only where the lineage matters.
        clock: of now.
        slos: watches promises, for who stays; without it what is told of SLOs stands as it was.
        lineage: reads the columns of the estate, where an incident asks; without it assets alone are walked.

    Raises:
        Problems: FH-E330, FH-E331 the file of kind Alerting is wrong.
        FreeholdError: FH-L202 a lease was lost on the way; the next turn does it.
    """
    now = clock.now()
    found = look(ledger, env)
    burning = slos.told(now) if slos is not None else None
    alerts = take_turn(estate, ledger, env, lambda: graph().inputs(), now, burning)
    budgets = slos.budgets(now) if slos is not None else None
    return Watched(found, alerts, gather(estate, ledger, env, graph, lineage=lineage, budgets=budgets, clock=clock))
