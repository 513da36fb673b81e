"""Scorecards as an asker may see them: as things stand in a snapshot, and of what that holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from freehold import opening
from freehold.delivery.evaluating import Scorecard, evaluate_whole, scorecards, wanted
from freehold.rules import rule_sets_in

if TYPE_CHECKING:
    from datetime import datetime

    from freehold.server.snapshots import Snapshot
    from freehold.server.web.showing import Asked

RULE_EVALUATED = "rule.evaluated"


def scored(asked: Asked, *, product: str = "", domain: str = "", rule_set: str = "") -> tuple[Scorecard, ...]:
    """Return the scorecards of what an asker may see, of a product, a domain or a rule set alone where one is named.

    They are worked out once for each snapshot of the estate. Metrics, secrets and the estate as a whole are for those
    who see all.

    Raises:
        FreeholdError: FH-R010 there is no such product, domain or rule set.
    """
    whole = asked.snapshot.whole or asked.snapshot
    cards = whole.derived("scorecards", lambda: _cards(asked, whole))
    cards = tuple(card for one in cards if (card := one.of(asked.snapshot.seen)).rows)
    return wanted(
        cards, asked.snapshot.estate, product=product or None, domain=domain or None, rule_set=rule_set or None
    )


def rules_recorded_at(asked: Asked) -> datetime | None:
    """Return when a result of a rule was recorded last; None where none ever was, or the asker sees a part."""
    if asked.snapshot.seen is not None:
        return None
    told = asked.served.snapshots.ledger.read(types=(RULE_EVALUATED,), newest_first=True, limit=1)
    return next((event.recorded_at for event in told), None)


def _cards(asked: Asked, whole: Snapshot) -> tuple[Scorecard, ...]:
    dialect = opening.dialect_of(whole.estate, opening.chosen_environment(whole.estate, whole.env))
    found = evaluate_whole(
        whole.estate,
        whole.graph,
        asked.served.snapshots.ledger,
        env=whole.env,
        dialect=dialect,
        now=asked.served.snapshots.clock.now(),
        record=False,
    )
    return scorecards(found.results(), rule_sets_in(whole.estate))
