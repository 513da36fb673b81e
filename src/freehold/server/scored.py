"""Scorecards as an asker may see them: as things stand in a snapshot, and of what that holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from freehold import opening
from freehold.delivery.evaluating import Row, Scorecard, evaluate_whole, scorecards, wanted
from freehold.rules import rule_sets_in

if TYPE_CHECKING:
    from freehold.server.snapshots import Snapshot
    from freehold.server.web.showing import Asked


def scored(asked: Asked, *, product: str = "", domain: str = "", rule_set: str = "") -> tuple[Scorecard, ...]:
    """Return the scorecards of what an asker may see, of a product, a domain or a rule set alone where one is named.

    They are worked out once for each snapshot of the estate. Secrets, and the estate as a whole, are for who sees all.

    Raises:
        FreeholdError: FH-R010 there is no such product, domain or rule set.
    """
    whole = asked.snapshot.whole or asked.snapshot
    cards = whole.derived("scorecards", lambda: _cards(asked, whole))
    if asked.snapshot.seen is not None:
        seen = asked.snapshot.seen
        kept = (Scorecard(c.rule_set, c.name, tuple(r for r in c.rows if _is_of(r, seen))) for c in cards)
        cards = tuple(card for card in kept if card.rows)
    return wanted(
        cards, asked.snapshot.estate, product=product or None, domain=domain or None, rule_set=rule_set or None
    )


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


def _is_of(row: Row, seen: frozenset[str]) -> bool:
    return row.subject in seen or row.subject.rpartition(".")[0] in seen
