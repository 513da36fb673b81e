"""Evaluating the rules of an estate and recording what changed: over all of it, or over what something touched."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from freehold.delivery.evaluating.evidence import Facts
from freehold.delivery.evaluating.metrics import JudgedMetrics
from freehold.delivery.evaluating.subjects import OVER_ESTATE, Subjects
from freehold.delivery.evaluating.touched import Touched, touched_since
from freehold.foundation import FreeholdError, Problems
from freehold.rules import (
    KEPT,
    CompiledRule,
    Last,
    Outcome,
    Result,
    Sweep,
    badge_events,
    badges_told,
    compiled,
    ended,
    rule_sets_of,
    standing_results,
    sweep,
    swept,
)

if TYPE_CHECKING:
    from freehold.delivery.graph import Graph
    from freehold.delivery.service import Delivery
    from freehold.estate.model import Estate
    from freehold.ledger import Event, Ledger
    from freehold.rules import Subject
    from freehold.rules.badges import Badges

_AT_ONCE = 5_000  # events in one transaction


@dataclass(frozen=True, slots=True)
class Evaluated:
    """What came of an evaluation.

    Attributes:
        sweeps: of the rules over each kind of subject that was looked at, by the word for it.
        changes: how many results are not as the ledger told them.
        won, lost: badges, as `subject rule set`.
        broken: what is wrong with rule sets that could not be evaluated.
    """

    sweeps: Mapping[str, Sweep]
    changes: int
    won: tuple[str, ...]
    lost: tuple[str, ...]
    broken: tuple[FreeholdError, ...]

    def count(self, outcome: Outcome) -> int:
        """Return how many results came out so."""
        return sum(one.count(outcome) for one in self.sweeps.values())

    def results(self, *outcomes: Outcome) -> Iterator[Result]:
        """Yield the results with one of the outcomes, all where none is named."""
        for one in self.sweeps.values():
            yield from one.results(*outcomes)


def rules_in_force(estate: Estate) -> tuple[dict[str, tuple[CompiledRule, ...]], list[FreeholdError], dict[str, str]]:
    """Return the rules over each kind of subject, what is wrong with others, and whose badge there is, by rule set.

    The rules of a set that is in error are none: they are neither passed nor failed, and its badge is held by nobody.
    """
    found: dict[str, tuple[CompiledRule, ...]] = {}
    broken: list[FreeholdError] = []
    having: dict[str, str] = {}
    for kind, table in OVER_ESTATE.items():
        made: list[CompiledRule] = []
        for one in rule_sets_of(estate, kind):
            having |= {one.id: kind} if one.has_badge else {}
            try:
                made += compiled(one, table)
            except Problems as problems:
                broken += problems.errors
        found[kind] = tuple(made)
    return found, broken, having


def evaluate_whole(
    estate: Estate, graph: Graph, ledger: Ledger, *, env: str, dialect: str, now: datetime, record: bool = True
) -> Evaluated:
    """Evaluate every rule over every subject of an estate, and record each result that changed.

    Args:
        estate: with the names its outputs are published by.
        graph: of that estate.
        ledger: what tells of it, and where it is recorded.
        env: the environment whose runs and checks count.
        dialect: of the SQL of its models.
        now: the instant that ages and waivers go by.
        record: whether anything is recorded.
    """
    return _Evaluation(estate, graph, ledger, env, dialect, now).go(None, record=record)


def evaluate_touched(
    estate: Estate, graph: Graph, ledger: Ledger, assets: Collection[str], *, env: str, dialect: str, now: datetime
) -> Evaluated:
    """Evaluate the rules over assets that a run built or judged, and over what changed files are about; record it.

    Once a day, and where rules themselves changed, everything is: what stands on the clock falls by itself.
    """
    one = _Evaluation(estate, graph, ledger, env, dialect, now)
    touched = touched_since(estate, graph, one.metrics, ledger, env, assets, one.today, KEPT)
    if touched is not None and touched.is_nothing:
        return Evaluated({}, 0, (), (), ())
    return one.go(touched, record=True)


def evaluate_after(delivery: Delivery, assets: Collection[str]) -> Evaluated:
    """Evaluate what a run through a delivery touched; see `evaluate_touched`."""
    return evaluate_touched(
        delivery.estate,
        delivery.graph,
        delivery.ledger,
        assets,
        env=delivery.env,
        dialect=delivery.engine.capabilities.dialect,
        now=delivery.clock.now(),
    )


class _Evaluation:
    def __init__(self, estate: Estate, graph: Graph, ledger: Ledger, env: str, dialect: str, now: datetime) -> None:
        self._estate, self._graph, self._ledger, self._env, self._now = estate, graph, ledger, env, now
        self.metrics = JudgedMetrics(estate, graph, dialect)
        self.today = now.astimezone(ZoneInfo(str(estate.defaults.get("timezone", "UTC")))).date()

    def go(self, touched: Touched | None, *, record: bool) -> Evaluated:
        """Evaluate what was touched (default: all) and record what changed."""
        rules, broken, having = rules_in_force(self._estate)
        others = {one.id for one in rule_sets_of(self._estate, "change")}
        upto = self._ledger.seal()
        with self._ledger.evidence() as evidence:
            subjects = self._subjects(Facts(evidence, self._env, self._now), touched)
            only = None if touched is None else touched.all
            last = standing_results(evidence, self._env, without=others, only=only)
            held = badges_told(evidence, self._env, only=only)
        waivers = self._estate.waivers.values()
        sweeps = {
            kind: sweep(ours, subjects.of(kind, None if touched is None else touched.of(kind)), waivers, self.today)
            for kind, ours in rules.items()
            if ours and (touched is None or touched.of(kind) != frozenset())
        }
        badges = tuple(self._badges(sweeps, having, held, is_whole=touched is None))
        changes = self._changes(sweeps, last, is_whole=touched is None)
        count = self._record(changes, badges, upto, is_whole=touched is None) if record else sum(1 for _ in changes)
        named = [(bool(e.data["held"]), f"{e.data['subject']} {e.data['rule_set']}") for e in badges]
        won, lost = (tuple(name for held, name in named if held is wanted) for wanted in (True, False))
        return Evaluated(sweeps, count, won, lost, tuple(broken))

    def _subjects(self, facts: Facts, touched: Touched | None) -> Subjects:
        """Return what rules may be about with what evidence tells, of which no more is asked than is needed."""
        of = (self._estate, self._graph, self.metrics, self.today)
        if touched is None:
            return Subjects(*of, facts.assets(), facts.products(), facts.estate())
        assets = touched.assets | self.metrics.assets(touched.metrics)
        return Subjects(*of, facts.assets(assets), facts.products(touched.products))

    def _changes(
        self, sweeps: Mapping[str, Sweep], last: dict[tuple[str, str], Last], *, is_whole: bool
    ) -> Iterator[Event]:
        for one in sweeps.values():
            yield from swept(one, last, product_of, env=self._env)
        gone = (pair for pair in last if is_whole or _is_swept(sweeps, pair[0].rpartition("/")[0], pair[1]))
        yield from ended(gone, env=self._env)

    def _badges(
        self, sweeps: Mapping[str, Sweep], having: Mapping[str, str], told: Badges, *, is_whole: bool
    ) -> Iterator[Event]:
        found = [f for one in sweeps.values() for f in one.outcomes() if f[0].rule_set in having]
        there = {(subject.id, rule.rule_set) for rule, subject, _ in found}
        lost = (pair for pair, held in told.items() if held and pair not in there)
        gone = [pair for pair in lost if is_whole or _is_swept(sweeps, pair[1], pair[0])]
        products = {subject.id: product_of(subject) for _, subject, _ in found}
        yield from badge_events(found, having, told, gone, lambda of: products.get(of, ""), env=self._env)

    def _record(self, changes: Iterable[Event], badges: Sequence[Event], upto: int, *, is_whole: bool) -> int:
        """Record results and badges, and up to where they go; return how many results there were."""
        count = 0
        for part in _batched(changes, _AT_ONCE):
            count += len(part)
            self._ledger.append(*part)
        kept = dict(self._ledger.state.get(KEPT, self._env) or {}) | {"upto": upto}
        if is_whole:
            kept["day"] = self.today.isoformat()
        of_metrics = {str(e.data["subject"]): bool(e.data["held"]) for e in badges if e.data["kind"] == "metric"}
        gone = set(kept.get("lapsed", ())) | {one for one, is_held in of_metrics.items() if not is_held}
        kept["lapsed"] = sorted(gone - {one for one, is_held in of_metrics.items() if is_held})
        self._ledger.append(*badges, keep={(KEPT, self._env): kept})
        return count


def product_of(subject: Subject) -> str:
    """Return the product a subject is of; empty where it is of none."""
    return str(subject.facts.get("product") or "")


def _is_swept(sweeps: Mapping[str, Sweep], rule_set: str, subject: str) -> bool:
    """Whether a rule set was evaluated over a subject: a metric may be called as a product is."""
    return any(one.has(rule_set, subject) for one in sweeps.values())


def _batched(events: Iterable[Event], size: int) -> Iterator[list[Event]]:
    """Yield events so many at a time."""
    waiting = iter(events)
    while part := list(islice(waiting, size)):
        yield part
