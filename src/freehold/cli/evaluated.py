"""What rules come to: after something was run, or because somebody asks."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from freehold.cli.opened import chosen_environment, dialect_of, estate_in_force, opened_ledger
from freehold.cli.output import counted, say
from freehold.cli.watched import watch_after
from freehold.foundation import SystemClock

if TYPE_CHECKING:
    from freehold.delivery import Delivery
    from freehold.delivery.evaluating import Evaluated, Scorecard
    from freehold.estate.model import Estate
    from freehold.ledger import Ledger

_MOST = 5


@dataclass(frozen=True, slots=True)
class OpenedRules:
    """The rules of an estate in an environment, and the ledger that they are evaluated by."""

    estate: Estate
    ledger: Ledger
    env: str
    dialect: str

    def evaluated(self, *, record: bool) -> Evaluated:
        """Evaluate every rule as things stand now."""
        from freehold.connect.listing import graph_of
        from freehold.delivery.evaluating import evaluate_whole

        graph, now = graph_of(self.estate, self.env, self.dialect), SystemClock().now()
        of = (self.estate, graph, self.ledger)
        return evaluate_whole(*of, env=self.env, dialect=self.dialect, now=now, record=record)

    def cards(self) -> tuple[Scorecard, ...]:
        """Return the scorecards as things stand now."""
        from freehold.delivery.evaluating import scorecards
        from freehold.rules import rule_sets_in

        found = self.evaluated(record=False)
        say_badges(found)
        return scorecards(found.results(), rule_sets_in(self.estate))


@contextmanager
def opened_rules(start: str | None, env: str | None) -> Iterator[OpenedRules]:
    """Open what the rules of the estate around a folder are evaluated by; the warehouse is not asked."""
    from freehold.delivery.majors import placed_by_ledger

    estate = estate_in_force(start, env)
    chosen = chosen_environment(estate, env)
    with opened_ledger(estate) as ledger:
        placed = placed_by_ledger(estate, ledger, chosen.name, SystemClock().now())[0]
        yield OpenedRules(placed, ledger, chosen.name, dialect_of(estate, chosen))


def evaluated_after(delivery: Delivery, assets: Collection[str]) -> Evaluated:
    """Evaluate the rules over what was touched, record what changed, and say which badges moved and what is wrong."""
    from freehold.delivery.evaluating import evaluate_after

    found = evaluate_after(delivery, assets)
    say_badges(found)
    watch_after(delivery)
    return found


def say_badges(found: Evaluated) -> None:
    """Say which badges were won and lost, and which rules could not be evaluated."""
    for badge in found.lost[:_MOST]:
        subject, _, rule_set = badge.partition(" ")
        say(f"{subject} lost the badge {rule_set}: freehold rules scorecard --set {rule_set}")
    if len(found.lost) > _MOST:
        say(f"And {counted(len(found.lost) - _MOST, 'badges')} more fell.")
    if found.broken:
        say(f"{counted(len(found.broken), 'errors')} in rules, which nothing passes until they are mended:")
        for error in found.broken[:_MOST]:
            say(f"  {error.code}  {error.where}: {error.problem}")
