"""Judging a candidate by its contract, in the state of the world it would be published into."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime

from freehold.delivery.asset import Asset, Kind
from freehold.delivery.graph import Graph
from freehold.delivery.interval import Interval
from freehold.delivery.overlay import Overlay, fingerprint
from freehold.delivery.release import Candidate
from freehold.delivery.states import States
from freehold.delivery.textual import column_type
from freehold.delivery.times import in_interval, interval_check
from freehold.engines import Capabilities, Column, Session
from freehold.estate.model import Contract
from freehold.foundation import FreeholdError
from freehold.quality import (
    Check,
    CheckPlan,
    Evaluation,
    Result,
    Scope,
    Verdict,
    check_findings,
    compile_checks,
    references_of,
)

_AGE = "freshness"  # the kind of check that asks how old the newest row is
_TESTED = "+"  # in a fingerprint, between what the contract says and what a tool tests


class Auditor:
    """The checks of an estate and their plans, each made once."""

    def __init__(self, graph: Graph, capabilities: Capabilities, states: States) -> None:
        self._graph = graph
        self._states = states
        self._capabilities = capabilities
        self._checks: dict[str, tuple[Check, ...]] = {}
        self._plans: dict[tuple[str, tuple[Column, ...]], CheckPlan] = {}
        self._fingerprints: dict[str, str] = {}

    def checks(self, asset: Asset) -> tuple[Check, ...]:
        """Return the checks that the contract of an asset means."""
        if asset.id not in self._checks:
            self._checks[asset.id] = checks_of(self._graph, asset)
        return self._checks[asset.id]

    def every(self, asset: Asset) -> tuple[Check, ...]:
        """Return all checks that a candidate of an asset is judged by.

        Beside those of its contract that its rows are of their interval, and the tests of the tool that builds it.
        """
        timed = interval_check(asset) if self.checks(asset) else None
        tests = asset.observed.tests if asset.observed and asset.is_ordered else ()
        return (*self.checks(asset), *tests, *((timed,) if timed else ()))

    def judged(self, asset: Asset) -> frozenset[str]:
        """Return the ids of all checks that a candidate of an asset is judged by."""
        return frozenset(check.id for check in self.every(asset))

    def referred(self, asset: Asset) -> frozenset[str]:
        """Return the assets that checks of an asset refer to."""
        return references_of(self.checks(asset))

    def fingerprint(self, asset: Asset) -> str:
        """Return what changes when an asset would be judged differently."""
        if asset.id not in self._fingerprints:
            tests = asset.observed.tests if asset.observed and asset.is_ordered else ()
            told = judged_by(self.checks(asset))
            self._fingerprints[asset.id] = f"{told}{_TESTED}{judged_by(tests)}" if tests else told
        return self._fingerprints[asset.id]

    def plan(self, asset: Asset, columns: tuple[Column, ...]) -> CheckPlan:
        """Return the plan of an asset's checks over these columns."""
        key = (asset.id, columns)
        if key not in self._plans:
            self._plans[key] = CheckPlan.make(self.checks(asset), columns, self._capabilities)
        return self._plans[key]

    def candidate(
        self, session: Session, asset: Asset, candidate: Candidate, query: str, overlay: Overlay, now: datetime
    ) -> Evaluation:
        """Judge a candidate: its own rows, beside the rows that would stay live with it."""
        rest, rest_state = None, None
        if asset.kind is Kind.VIEW:
            rows = f"({query})"
            columns = session.columns_of(query)
        elif asset.by_interval:
            columns = overlay.columns[candidate.physical]
            rows = overlay.batch(candidate)
            rest = overlay.beside(candidate)
            if rest is not None:
                audit = self.fingerprint(asset)
                rest_state = self._states.beside(session, asset, candidate, overlay, audit)
        else:
            columns = overlay.columns[candidate.physical]
            rows = overlay.table(candidate)
        references = self._references(asset, overlay)
        scope = Scope(rows=rows, rest=rest, rest_state=rest_state, references=references, now=now)
        evaluation = self.plan(asset, columns).evaluate(session, scope)
        if asset.by_interval:
            self._states.keep(candidate.id, evaluation.state)
            if _is_of_before(candidate, overlay):
                asked = tuple(one for one in evaluation.results if one.check.kind != _AGE)
                evaluation = replace(evaluation, results=asked)
        timed = interval_check(asset)
        if timed is not None and candidate.interval is not None and evaluation.results:
            result = in_interval(timed, candidate.interval, evaluation.state, session, rows)
            evaluation = replace(evaluation, results=(*evaluation.results, result))
        return evaluation

    def standing(self, session: Session, asset: Asset, overlay: Overlay, now: datetime) -> Evaluation:
        """Judge everything that is live of an asset; a check of one interval judges each that is live."""
        rows = overlay.reading(asset)
        columns = session.columns_of(f"SELECT * FROM {rows} AS t")
        scope = Scope(rows=rows, rest=None, references=self._references(asset, overlay), now=now)
        checks = self.checks(asset)
        apart = [c for c in checks if c.is_of_one_interval] if overlay.in_batches(asset) else []
        if not apart:
            return self.plan(asset, columns).evaluate(session, scope)
        together = CheckPlan.make([c for c in checks if c not in apart], columns, self._capabilities)
        whole = together.evaluate(session, scope)
        each = CheckPlan.make(apart, columns, self._capabilities, values=False)
        found: list[tuple[Interval | None, Evaluation]] = []
        for interval, candidate in sorted(overlay.standing(asset.id).items(), key=lambda item: item[1].id):
            found.append((interval, each.evaluate(session, replace(scope, rows=overlay.batch(candidate)))))
        folded = {c.id: _folded([(i, e.results[n]) for i, e in found]) for n, c in enumerate(each.checks)}
        results = iter(whole.results)
        return Evaluation(
            tuple(folded[c.id] if c.id in folded else next(results) for c in checks),
            whole.state,
            whole.queries + sum(e.queries for _, e in found),
            whole.seconds + sum(e.seconds for _, e in found),
        )

    def _references(self, asset: Asset, overlay: Overlay) -> dict[str, str]:
        named = references_of(self.checks(asset))
        return {name: overlay.reading(self._graph.assets[name]) for name in named if name in self._graph.assets}


def _is_of_before(candidate: Candidate, overlay: Overlay) -> bool:
    """Say whether readers have rows of later intervals: then a candidate's age tells nothing of the asset's."""
    live, own = overlay.live.get(candidate.asset), candidate.interval
    if live is None or own is None:
        return False
    return any(one.interval is not None and one.interval.start > own.start for one in live.members)


def judged_by(checks: Iterable[Check]) -> str:
    """Return a fingerprint of checks: it changes when an asset would be judged differently."""
    return fingerprint(
        *(
            repr((c.id, c.kind, c.columns, c.scope, c.blocking, c.operator, c.threshold, c.unit, dict(c.arguments)))
            for c in checks
        )
    )


def by_contract(audit: str | None) -> str | None:
    """Return the part of an asset's fingerprint that tells of its contract alone: what is live can be judged by that.

    The tests of a tool that builds it are made of what the tool has just built.
    """
    return audit.partition(_TESTED)[0] if audit else audit


def checks_of(graph: Graph, asset: Asset) -> tuple[Check, ...]:
    """Return the checks that the contract of an asset means."""
    if asset.contract is None or asset.schema is None:
        return ()

    def named(name: str, contract: Contract) -> str | None:
        contract_id, _, schema = name.rpartition(".")
        wanted = contract_id or contract.id
        for other in graph.assets.values():
            if other.contract and other.schema and other.contract.id == wanted and other.schema.name == schema:
                return other.id
        return name if name in graph.assets else None

    return compile_checks(asset.id, asset.contract, asset.schema, incremental=asset.by_interval, resolve=named)


def hopeless_checks(graph: Graph, dialect: str) -> Iterator[FreeholdError]:
    """Return an error for every check that could never be settled, as far as contracts alone tell.

    A check of a column without a type is not judged: only the warehouse knows what the column holds.
    """
    for asset in graph.assets.values():
        declared = asset.schema.columns if asset.schema else ()
        typed = {p.column for p in declared if p.logical_type or p.physical_type}
        columns = tuple(Column(p.column, column_type(p)) for p in declared)
        checks = (c for c in checks_of(graph, asset) if typed.issuperset(c.columns) or not declared)
        yield from check_findings(checks, columns, dialect)


_WORST = (Verdict.ERROR, Verdict.FAIL, Verdict.WARN)
_MOST_NAMED = 3


def _folded(found: list[tuple[Interval | None, Result]]) -> Result:
    """Return one result for those of all intervals: the worst, which says where; else the newest."""
    cost = sum(r.cost_s for _, r in found)
    for verdict in _WORST:
        bad = [(interval, r) for interval, r in found if r.verdict is verdict]
        if bad:
            named = ", ".join(str(interval) for interval, _ in bad[:_MOST_NAMED])
            more = f" and {len(bad) - _MOST_NAMED} more" if len(bad) > _MOST_NAMED else ""
            reason = f"in {len(bad)} of {len(found)} intervals: {named}{more}"
            return replace(bad[-1][1], reason="; ".join(x for x in (reason, bad[-1][1].reason) if x), cost_s=cost)
    return replace(found[-1][1], cost_s=cost)
