"""How to read the pieces of a layout with the least work when there are many rows.

Each rule is exact. A rule that cannot prove leaves its pieces to the next one: footers, then lists of values, then one
pass in which ranges are proved by their bounds, then counting what the bounds did not prove, uniqueness, references.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from freehold.engines import Capabilities, Column
from freehold.foundation import FreeholdError
from freehold.quality import sqltree as sql
from freehold.quality.coltypes import family
from freehold.quality.footers import read_footers
from freehold.quality.keys import Keys
from freehold.quality.layout import ALONE, COUNTABLE, Layout, Piece, Question
from freehold.quality.measures import Aggregate, Dangling, Settled, Surplus, Violations
from freehold.quality.reading import Reader, is_about_a_statement
from freehold.quality.sqltree import REST, ROWS, WHOLE
from freehold.quality.state import MOST_VALUES, ColumnProfile, TableState

if TYPE_CHECKING:
    from freehold.quality.plan import Scope

LARGE = 200_000  # rows from which on it pays to think before evaluating
FEW = 64  # most values a column may have to have them counted with every small batch
MOST_COUNTED = 8
SAMPLE = 100_000


@dataclass(frozen=True)
class PlannedCheck:
    """A line of `check --explain`: which rule is to decide a check, in which statement, at what cost.

    `cost_ns` is an estimate in nanoseconds of CPU for each row, from measurements on DuckDB; 0 needs no scan.
    """

    check_id: str
    claim: str
    rule: str
    statement: str
    cost_ns: float


@dataclass
class Strategy:
    """What is known about the columns, and the rules that make use of it."""

    columns: Mapping[str, Column]
    capabilities: Capabilities
    values: bool
    low: set[str] | None = None  # columns of at most 1,000 values; None before anybody looked
    few_valued: tuple[str, ...] = ()
    large_from: int = LARGE
    _counted: dict[str, dict[Any, int]] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        columns: Sequence[Column],
        capabilities: Capabilities,
        profile: Mapping[str, ColumnProfile] | None,
        values: bool,
    ) -> Strategy:
        """Return the strategy for a table, from its profile if there is one."""
        made = cls({c.name: c for c in columns}, capabilities, values)
        if profile:
            made._learn(profile)
        return made

    @property
    def keys(self) -> Keys:
        """The rules for keys: what is unique, what refers to something."""
        return Keys(self.columns, self.capabilities)

    @property
    def is_ignorant(self) -> bool:
        """Whether nobody has counted distinct values yet."""
        return self.low is None

    def is_large(self, rows: int) -> bool:
        """Whether so many rows are worth a plan."""
        return rows >= self.large_from

    def learn(self, state: TableState) -> None:
        """Remember the columns of few values once a batch has shown enough rows."""
        if self.low is None and state.rows >= MOST_VALUES:
            self._learn(state.columns)

    def _learn(self, profile: Mapping[str, ColumnProfile]) -> None:
        known = {n: p for n, p in profile.items() if n in self.columns and p.is_low_cardinality}
        self.low = set(known)
        few = [n for n, p in known.items() if (p.distinct_about or 0) <= FEW and self._kind(n) in COUNTABLE]
        self.few_valued = tuple(few[:MOST_COUNTED])

    def counted(self) -> dict[str, dict[Any, int]]:
        """Return the values that a list of values has counted in this evaluation."""
        found, self._counted = self._counted, {}
        return found

    def _kind(self, name: str) -> str:
        return family(self.columns[name].type)

    def read(self, reader: Reader, layout: Layout, scope: Scope, size: int) -> None:
        """Read every piece of a layout."""
        pieces = layout.pieces
        if scope.parquet and self.capabilities.reads_parquet_footers:
            read_footers(reader, layout, scope.parquet, self.columns)
            needed = [p for p in pieces.values() if not p.is_profile]
        else:
            needed = [p for p in pieces.values() if not p.sorts]
        if self.low is None:
            self._look(reader, needed, scope)
        for name in self._worth_listing(reader, needed):
            self._list_values(reader, name, needed)
        self._pass(reader, layout, needed)
        self.keys.prove(reader, layout, [p for p in needed if not isinstance(p.measure, Dangling)], size)
        self.keys.refer(reader, layout, needed, scope.rest_state)
        for source in (REST, WHOLE):
            self._in_chunks(reader, reader.readings.lacks(p for p in needed if p.source == source), "one pass")
        for piece in reader.readings.lacks(p for p in needed if p.source == ALONE):
            reader.read([piece], "own query")

    # ---- columns of few values

    def _look(self, reader: Reader, pieces: Sequence[Piece], scope: Scope) -> None:
        """Learn from a sample which columns have few values; being wrong costs time, never exactness."""
        wanted = sorted({c for p in reader.readings.lacks(pieces) if (c := self._listable(p))})
        if not wanted:
            return
        source: exp.Expr = sql.table(ROWS)
        trees = [exp.ApproxDistinct(this=sql.column(name)) for name in wanted]
        inner = exp.Select(expressions=[sql.column(name) for name in wanted], from_=exp.From(this=source))
        if scope.rows.startswith("("):
            inner.set("limit", exp.Limit(expression=exp.Literal.number(SAMPLE)))
        else:
            source.set("sample", exp.TableSample(method=exp.var("SYSTEM"), percent=exp.Literal.number(1)))
        select = sql.fetch(
            [sql.count(), *trees], exp.Subquery(this=inner, alias=exp.TableAlias(this=exp.to_identifier("sample")))
        )
        rows, *found = reader.rows(select)[0]
        most = min(MOST_VALUES, rows // 20)
        self.low = {name for name, distinct in zip(wanted, found, strict=True) if distinct <= most}

    def _listable(self, piece: Piece) -> str | None:
        """Return the column whose list of values could answer a piece that is costly to count row by row."""
        measure = piece.measure
        if piece.source == ROWS and isinstance(measure, Violations) and len(measure.columns) == 1:
            name = measure.columns[0]
            cheap = measure.subject is not None and isinstance(measure.subject, exp.Column)
            return name if name in self.columns and not cheap else None
        if piece.source == ROWS and isinstance(measure, Aggregate) and measure.distinct_of:
            return measure.distinct_of
        return None

    def _worth_listing(self, reader: Reader, pieces: Sequence[Piece]) -> list[str]:
        found = {c for p in reader.readings.lacks(pieces) if (c := self._listable(p))}
        return sorted(found & (self.low or set()))

    def _list_values(self, reader: Reader, name: str, pieces: Sequence[Piece]) -> None:
        """Count each value of a column once, and ask the checks of the values instead of the rows."""
        asked = [p for p in reader.readings.lacks(pieces) if self._answers(p, name)]
        tree, value = sql.column(name), exp.column("v")
        groups = sql.fetch([sql.aliased(tree, "v"), sql.aliased(sql.count(), "n")], sql.table(ROWS))
        groups.set("group", exp.Group(expressions=[tree.copy()]))
        counted = [p for p in asked if isinstance(p.measure, Violations)]
        flags = [self._asked_of_value(p, name, value) for p in counted]
        source = exp.Subquery(this=groups, alias=exp.TableAlias(this=exp.to_identifier("listed")))
        select = sql.fetch([value, exp.column("n"), *flags], source)
        select.set("limit", exp.Limit(expression=exp.Literal.number(MOST_VALUES + 2)))
        try:
            started = reader.session.cost.seconds
            found = reader.rows(select)
        except FreeholdError as error:
            if not is_about_a_statement(error):
                raise
            return  # one of the conditions breaks: the pass over the rows will find out which
        if len(found) > MOST_VALUES + 1:
            return  # the sample misled: too many values to list
        self._take_values(reader, name, asked, counted, found, select, reader.session.cost.seconds - started)

    def _asked_of_value(self, piece: Piece, name: str, value: exp.Expr) -> exp.Expr:
        assert isinstance(piece.measure, Violations)
        condition = piece.measure.condition.copy().transform(
            lambda node: value.copy() if isinstance(node, exp.Column) and node.name.lower() == name.lower() else node
        )
        return sql.case(condition, exp.Literal.number(1))

    def _answers(self, piece: Piece, name: str) -> bool:
        measure = piece.measure
        if piece.source != ROWS:
            return False
        if isinstance(measure, Violations):
            return measure.columns == (name,)
        if isinstance(measure, Aggregate):
            return measure.distinct_of == name
        return piece.tree == sql.count(sql.column(name))

    def _take_values(
        self, reader: Reader, name: str, asked: list[Piece], counted: list[Piece],
        found: list[tuple[Any, ...]], select: exp.Expr, seconds: float,
    ) -> None:  # fmt: skip
        values = {row[0]: row[1] for row in found if row[0] is not None}
        read: dict[str, Any] = {}
        for piece in asked:
            if isinstance(piece.measure, Aggregate):
                read[piece.key] = len(values)
            elif piece not in counted:
                read[piece.key] = sum(values.values())
        for number, piece in enumerate(counted, start=2):
            read[piece.key] = sum(row[1] for row in found if row[number])
        reader.readings.take(read, "list of values", reader.fill(select.sql(reader.dialect)), seconds)
        if len(values) <= MOST_VALUES and self.values:
            self._counted[name] = values

    # ---- one pass over the rows

    def _pass(self, reader: Reader, layout: Layout, pieces: Sequence[Piece]) -> None:
        """Read the rest of the pieces over the rows; a range is first asked of its bounds."""
        lacking = reader.readings.lacks(p for p in pieces if p.source == ROWS)
        bounded = [p for p in lacking if isinstance(p.measure, Violations) and p.measure.subject is not None]
        implied = _implied(lacking)
        distinct = [p for p in lacking if p.tree.find(exp.Distinct)]
        apart = {p.key for p in (*bounded, *distinct)} | implied.keys()
        proofs = [bounds_of(p) for p in bounded]
        self._in_chunks(reader, [*(p for p in lacking if p.key not in apart), *proofs], "one pass")
        for piece, proof in zip(bounded, proofs, strict=True):
            _take_proof(reader, piece.key, proof.key, "bounds")
        for key, stricter in implied.items():
            _take_proof(reader, key, stricter, "a stricter pattern")
        self._in_chunks(reader, reader.readings.lacks(p for p in lacking if p not in distinct), "counted")
        self.keys.count_distinct(reader, layout, distinct)

    def _in_chunks(self, reader: Reader, pieces: Sequence[Piece], rule: str) -> None:
        most = self.capabilities.max_aggregates
        chunk: list[Piece] = []
        size = 0
        for piece in pieces:
            if chunk and (len(chunk) >= most or size + len(piece.key) > self.capabilities.max_sql_bytes * 3 // 4):
                reader.read(chunk, rule)
                chunk, size = [], 0
            chunk.append(piece)
            size += len(piece.key) + 10
        if chunk:
            reader.read(chunk, rule)


def bounds_of(piece: Piece) -> Piece:
    """Return the piece that is true where the smallest or largest value violates, so that counting is needed."""
    assert isinstance(piece.measure, Violations)
    condition, subject = piece.measure.condition, piece.measure.subject
    assert subject is not None
    nan = exp.IsNan(this=subject.copy())
    held = sql.replaced(condition, nan, exp.false())
    ends = [sql.replaced(held, subject, kind(this=subject.copy())) for kind in (exp.Min, exp.Max)]
    if condition.find(exp.IsNan):  # counted, because an engine may answer MAX from file statistics that leave NaN out
        ends.append(exp.GT(this=sql.count_case(nan), expression=exp.Literal.number(0)))
    return Piece(f"bounds|{piece.key}", sql.either(ends), piece.source)


def _take_proof(reader: Reader, key: str, proof: str, rule: str) -> None:
    """Record that nothing violates, if the proof says so; NULL says that there is no value at all."""
    found = reader.readings
    if proof in found.values and not found.values[proof]:
        found.take({key: 0}, rule, found.statements.get(proof))


def _implied(pieces: Sequence[Piece]) -> dict[str, str]:
    """Return which regular expressions hold if a stricter one of the same column holds: key -> stricter key."""
    asked = [p for p in pieces if isinstance(p.measure, Violations) and p.measure.is_regex and p.measure.pattern]
    found: dict[str, str] = {}
    for loose in asked:
        for strict in asked:
            if strict.key != loose.key and strict.key not in found and _proves(strict, loose):
                found[loose.key] = strict.key
                break
    return found


def _proves(strict: Piece, loose: Piece) -> bool:
    a, b = strict.measure, loose.measure
    if not isinstance(a, Violations) or not isinstance(b, Violations) or a.columns != b.columns:
        return False
    return a.pattern is not None and b.pattern is not None and a.pattern.implies(b.pattern)


# Nanoseconds of CPU a row, measured on DuckDB 2.0 over 10 million rows; they rank rules, they promise nothing.
_COSTS = {"bounds": 6.0, "list of values": 1.0, "regex": 100.0, "uniqueness": 60.0, "anti-join": 25.0, "one pass": 5.0}


_STATEMENTS = {"bounds": "one pass"}  # the bounds are read in the pass over the rows


def planned(layout: Layout, strategy: Strategy, rows: int) -> tuple[PlannedCheck, ...]:
    """Return a line for each check: what is to decide it on that many rows."""
    return tuple(_planned(question, layout, strategy, rows) for question in layout.questions)


def _planned(question: Question, layout: Layout, strategy: Strategy, rows: int) -> PlannedCheck:
    measure, check = question.measure, question.check
    if isinstance(measure, Settled):
        return PlannedCheck(check.id, check.claim, measure.rule, "none", 0.0)
    rule = _rule(question, layout, strategy)
    if not strategy.is_large(rows):
        rule = "fused"
    return PlannedCheck(check.id, check.claim, rule, _STATEMENTS.get(rule, rule), _cost(rule, measure))


def _rule(question: Question, layout: Layout, strategy: Strategy) -> str:
    measure = question.measure
    piece = layout.pieces.get(question.terms[0][1])
    listed = strategy._listable(piece) if piece else None
    if listed and listed in (strategy.low or ()):
        return "list of values"
    if isinstance(measure, Violations) and measure.subject is not None:
        return "bounds"
    if isinstance(measure, Surplus):
        return "uniqueness"
    if isinstance(measure, Dangling):
        return "anti-join"
    return "own query" if piece and piece.source == ALONE else "one pass"


def _cost(rule: str, measure: Any) -> float:
    if isinstance(measure, Violations) and measure.is_regex and rule != "list of values":
        return _COSTS["regex"]
    return _COSTS.get(rule, 20.0)
