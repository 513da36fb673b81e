"""The plan: made once for an asset's checks and columns, evaluated on every batch.

Making it parses every user's SQL and builds every tree; generating text happens on the first scope of each shape. After
that an evaluation is string replacement, one statement, and arithmetic.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from freehold.engines import Capabilities, Column, Session
from freehold.quality import sqltree as sql
from freehold.quality.answers import Asker, sample_of
from freehold.quality.layout import STATE, Layout, Piece, Question, Shape, known_of, lay_out
from freehold.quality.measures import Dangling, Measure, Settled, Table
from freehold.quality.model import Check, Result
from freehold.quality.profiling import Profiler
from freehold.quality.reading import Fused, Reader
from freehold.quality.sqltree import REST, ROWS, WHOLE
from freehold.quality.state import ColumnProfile, TableState
from freehold.quality.strategy import LARGE, PlannedCheck, Strategy, planned
from freehold.quality.translating import measure_of


@dataclass(frozen=True)
class Scope:
    """The rows to judge, and what they are judged beside.

    Attributes:
        rows: SQL of the rows to judge: a relation name or a SELECT in parentheses.
        references: relation SQL of every asset that a reference names.
        now: the instant that ages are counted to.
        rest: SQL of rows that stay live beside them; None where `rows` is everything.
        rest_state: merged states of the rest's partitions, where they are known. It must have been judged batch by
            batch with the same checks; without it the rest is read again, which is exact but slower.
        parquet: the Parquet files that `rows` is exactly the content of.
    """

    rows: str
    references: Mapping[str, str]
    now: datetime
    rest: str | None = None
    rest_state: TableState | None = None
    parquet: tuple[str, ...] = ()


@dataclass(frozen=True)
class Evaluation:
    """What was found: a result for each check in order, the state of `rows`, and what it cost."""

    results: tuple[Result, ...]
    state: TableState
    queries: int
    seconds: float


@dataclass
class CheckPlan:
    """The planned checks of one asset. Reused for every batch; it remembers how large the last one was."""

    checks: tuple[Check, ...]
    columns: tuple[Column, ...]
    capabilities: Capabilities
    measures: tuple[tuple[Check, Measure], ...]
    strategy: Strategy
    _layouts: dict[Shape, _Prepared] = field(default_factory=dict)
    _unbindable: dict[str, str] = field(default_factory=dict)
    _samples: dict[tuple[str, str], str | None] = field(default_factory=dict)
    _last_rows: int | None = None

    @classmethod
    def make(
        cls,
        checks: Iterable[Check],
        columns: tuple[Column, ...],
        capabilities: Capabilities,
        profile: Mapping[str, ColumnProfile] | None = None,
        *,
        values: bool = True,
    ) -> CheckPlan:
        """Return the plan for an asset's checks on a table of these columns.

        `profile` is `TableState.columns` of what is known already; `values=False` leaves the counts of single values
        out of the states, one statement less for each batch.
        """
        checks = tuple(checks)
        table = Table(columns, capabilities.dialect)
        measures = tuple((check, measure_of(check, table)) for check in checks)
        return cls(checks, columns, capabilities, measures, Strategy.of(columns, capabilities, profile, values))

    def explain(self, rows: int | None = None) -> tuple[PlannedCheck, ...]:
        """Return which rule is to decide each check, on how many rows (by default as many as last time)."""
        size = rows if rows is not None else self._last_rows if self._last_rows is not None else LARGE
        return planned(self._prepared(Shape(False)).layout, self.strategy, size)

    def evaluate(self, session: Session, scope: Scope) -> Evaluation:
        """Judge the rows of a scope. Call it outside a transaction: a failing statement must not abort one.

        Raises:
            FreeholdError: the engine failed, or the rows themselves cannot be read. A check that cannot be asked is
                not raised: its verdict is `error`.
        """
        started, before = time.perf_counter(), session.cost.queries
        prepared = self._prepared(self._shape(scope))
        fill = _Relations(scope, prepared.whole)
        reader = Reader(session, fill, self.capabilities.dialect, self._unbindable)
        _recall(reader, scope)
        _blame_missing_references(reader, prepared.layout, scope)
        size = self._size(reader, scope)
        profiler = Profiler(prepared.layout, self.columns, self.strategy)
        if not self.strategy.is_large(size) and not scope.parquet:
            pieces = reader.readings.lacks(prepared.layout.pieces.values())
            heavy = _heavy(pieces, scope, self.strategy)
            light = [p for p in pieces if p.key not in heavy] if heavy else pieces
            reader.read_fused(prepared.fused(light, self._unbindable, reader), "fused")
            if heavy:
                self.strategy.keys.refer(reader, prepared.layout, list(heavy.values()), scope.rest_state)
        else:
            self.strategy.read(reader, prepared.layout, scope, size)
        state = profiler.state(reader)
        self._last_rows = state.rows
        merged = TableState.merge(scope.rest_state, state) if scope.rest_state else state
        asker = Asker(reader.readings, fill, scope.now, merged, self._sample)
        results = tuple(asker.result(question) for question in prepared.layout.questions)
        return Evaluation(results, state, session.cost.queries - before, time.perf_counter() - started)

    def _shape(self, scope: Scope) -> Shape:
        learns = self.strategy.is_ignorant
        if scope.rest is None:
            return Shape(False, learns=learns)
        state = scope.rest_state
        return Shape(True, known_of(state) if state else frozenset(), learns)

    def _prepared(self, shape: Shape) -> _Prepared:
        if shape not in self._layouts:
            layout = lay_out(self.measures, self.columns, shape, self.capabilities.dialect)
            self._layouts[shape] = _Prepared(layout, _whole(self.columns, self.capabilities.dialect))
        return self._layouts[shape]

    def _size(self, reader: Reader, scope: Scope) -> int:
        """Return about how many rows there are: what the last batch had, else by counting."""
        if self._last_rows is not None and not scope.parquet:
            return self._last_rows
        return int(reader.rows(sql.fetch([sql.count()], sql.table(ROWS)))[0][0])

    def _sample(self, question: Question) -> str | None:
        name = (question.check.id, question.where)
        if name not in self._samples:
            key = next((c.columns for c in self.checks if c.arguments.get("primary")), ())
            table = Table(self.columns, self.capabilities.dialect)
            found = [c.name for k in key if (c := table.find(k))]
            select = sample_of(question, found, [c.name for c in self.columns])
            self._samples[name] = select.sql(self.capabilities.dialect) if select else None
        return self._samples[name]


@dataclass
class _Prepared:
    """A layout with the texts that were generated for it."""

    layout: Layout
    whole: str
    _texts: dict[tuple[str, ...], Fused] = field(default_factory=dict)

    def fused(self, pieces: list[Piece], unbindable: Mapping[str, str], reader: Reader) -> Fused:
        sound = tuple(p for p in pieces if p.key not in unbindable)
        reader.readings.errors.update({p.key: unbindable[p.key] for p in pieces if p.key in unbindable})
        name = tuple(p.key for p in sound)
        if name not in self._texts:
            self._texts[name] = Fused(sound, self.layout.dialect)
        return self._texts[name]


class _Relations:
    """Puts the relations of one scope in place of the tokens of a statement."""

    def __init__(self, scope: Scope, whole: str) -> None:
        self._references = {sql.reference_token(a): relation for a, relation in scope.references.items()}
        self._rows, self._rest = scope.rows, scope.rest
        self._whole = whole if scope.rest is not None else scope.rows

    def __call__(self, text: str) -> str:
        text = text.replace(WHOLE, self._whole).replace(ROWS, self._rows)
        if self._rest is not None:
            text = text.replace(REST, self._rest)
        for token, relation in self._references.items():
            text = text.replace(token, relation)
        return text


def _whole(columns: tuple[Column, ...], dialect: str) -> str:
    """Return the rows and the rest as one relation; columns by name, because their order may differ."""
    from sqlglot import exp

    here, there = (sql.fetch([sql.column(c.name) for c in columns], sql.table(source)) for source in (ROWS, REST))
    union = exp.Union(this=here, expression=there, distinct=False)
    return f"({union.sql(dialect)})"


def _heavy(pieces: list[Piece], scope: Scope, strategy: Strategy) -> dict[str, Piece]:
    """Return the references of many kept rows: they are worth a proof before an anti-join."""
    if scope.rest_state is None or not strategy.is_large(scope.rest_state.rows):
        return {}
    return {p.key: p for p in pieces if isinstance(p.measure, Dangling)}


def _recall(reader: Reader, scope: Scope) -> None:
    """Put what the rest's state knows among the readings."""
    if scope.rest_state is None:
        return
    known: dict[str, Any] = {f"{STATE}|rows": scope.rest_state.rows}
    known |= {f"{STATE}|{name}": tally for name, tally in scope.rest_state.tallies.items()}
    known |= {f"{STATE}|nulls:{name}": column.nulls for name, column in scope.rest_state.columns.items()}
    reader.readings.take(known, "kept state", None)


def _blame_missing_references(reader: Reader, layout: Layout, scope: Scope) -> None:
    """Make errors of the checks whose referenced asset has no relation in this scope."""
    for piece in layout.pieces.values():
        measure = piece.measure
        named = getattr(measure, "assets", ()) or ((a,) if (a := getattr(measure, "asset", None)) else ())
        lacking = [asset for asset in named if asset not in scope.references]
        if lacking and not isinstance(measure, Settled):
            reader.readings.errors[piece.key] = f"`{lacking[0]}` has nothing live to compare with; run it first"
