"""The rows of a fact as a question sees them: joined as far as names reach, each dataset under its caller's policy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from sqlglot import exp

from freehold.foundation import FreeholdError
from freehold.metrics.catalogue import Catalogue
from freehold.metrics.conditions import judge
from freehold.metrics.evidence import rows_of
from freehold.metrics.expressions import guarded, is_ours, parts_of
from freehold.metrics.model import TIME_TYPES, Dataset, Field, Model
from freehold.metrics.paths import Path, Place, place_of, time_of, unknown_field
from freehold.metrics.query import Key, Query, key_of
from freehold.metrics.timing import Period

if TYPE_CHECKING:
    from freehold.metrics.rollups.use import Held

FACT = "f"
_A_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Policy:
    """What a caller may see of a dataset: rows that meet a condition, and other values in place of some columns.

    Both are over the columns of the relation, unqualified. `name` is the policy's, `fewest` the least number of rows a
    group must have to be shown, and `states` are those of data that is answered from; empty for all.
    """

    rows: exp.Expr | None = None
    masks: Mapping[str, exp.Expr] = field(default_factory=dict)
    name: str = ""
    fewest: int = 1
    states: tuple[str, ...] = ()

    @property
    def hides(self) -> bool:
        """Whether anything is not seen, or seen in another form."""
        return self.rows is not None or bool(self.masks) or self.fewest > 1


@dataclass(frozen=True)
class Scope:
    """What a question is compiled against: models, where their datasets lie, what the caller may see, the dialect.

    `relation` gives the table or view of a dataset's source. `fewest` is the least number of rows a group must have to
    be shown. `held` are the rollups that may be read instead of rows. `evidence` gives the name under which the rows of
    an evidence model stand at the head of the statement; without it they stand where they are read.
    """

    catalogue: Catalogue
    relation: Callable[[Dataset], exp.Table]
    dialect: str = "duckdb"
    policy: Callable[[Dataset], Policy | None] = lambda _: None
    fewest: int = 1
    held: tuple[Held, ...] = ()
    evidence: Callable[[Dataset], exp.Table] | None = None


class Rows:
    """The FROM side of one branch: it starts at a fact, and grows a join for each name that leads further."""

    def __init__(self, scope: Scope, query: Query, model: Model, fact: str) -> None:
        self.scope = scope
        self.query = query
        self.model = model
        self.fact = model.datasets[fact]
        self.calendar = model.calendar
        self.zone = query.zone or model.calendar.zone
        self._aliases: dict[Path, str] = {(): FACT}
        self._used: dict[str, dict[str, None]] = {FACT: {}}
        self._per: list[tuple[str, exp.Query, exp.Expr]] = []

    # -- names ---------------------------------------------------------------------------------------------------------

    def place(self, parts: tuple[str, ...]) -> Place:
        """Return what a dotted name means here; a word that is the fact's own dataset or a role counts as such."""
        return place_of(self.model, self.fact.name, parts)

    def column(self, place: Place) -> exp.Expr:
        """Return SQL for the value of a field, joining what leads to it."""
        return self._value(self.model.datasets[place.dataset], place.field, self._joined(place.path))

    def bound(self, tree: exp.Expr) -> exp.Expr:
        """Return a copy of an expression with its names replaced by columns of the joined rows."""
        if isinstance(tree, exp.Column):
            if isinstance(tree.this, exp.Star):
                return exp.Star()
            return self.column(self.place(parts_of(tree)))
        copied = tree.copy()
        for node in list(copied.find_all(exp.Column, exp.Anonymous)):
            if is_ours(node, "per") and node is not copied:
                node.replace(self._per_something(node))
            elif isinstance(node, exp.Column) and _still_in(node, copied):
                node.replace(exp.Star() if isinstance(node.this, exp.Star) else self.column(self.place(parts_of(node))))
        return guarded(copied)

    def condition(self, tree: exp.Expr) -> exp.Expr:
        """Return a condition that was asked, bound like any expression.

        Raises:
            FreeholdError: FH-N112 it has no truth value, or compares a field with what it does not hold.
        """
        judge(tree, self._field_meant)
        return self.bound(tree)

    def _field_meant(self, column: exp.Column) -> Field | None:
        """Return the field a name means; None for a metric in a call of ours, and a star."""
        if isinstance(column.this, exp.Star) or any(is_ours(n, "per") for n in (column.parent,) if n is not None):
            return None
        return self.place(parts_of(column)).field

    def key(self, key: Key) -> exp.Expr:
        """Return SQL for a key that is a field."""
        place = self.place(key.parts)
        value = self.column(place)
        if key.grain is None:
            return value
        if place.field.type and place.field.type not in TIME_TYPES:
            raise FreeholdError(
                "FH-N102",
                f"`{'.'.join(key.parts)}` is no time, so it has no {key.grain.replace('_', ' ')}.",
                fix=f"Ask by `{'.'.join(key.parts)}`, or by `{key.grain}` of the metric's own time.",
            )
        local = self.local(self.model.datasets[place.dataset], place.field, value)
        return self.calendar.trunc(key.grain, local, of_days=place.field.is_interval_of_days)

    # -- time ----------------------------------------------------------------------------------------------------------

    @property
    def _dated(self) -> Place:
        place = time_of(self.model, self.fact.name)
        if place is None:
            raise FreeholdError(
                "FH-N304", f"The rows of `{self.fact.name}` have no time.", where=self.fact.where,
                fix=f"Say `time:` of the dataset `{self.fact.name}`: the field that dates its rows.",
            )  # fmt: skip
        return place

    @property
    def time(self) -> Field:
        """The field that dates the rows of the fact.

        Raises:
            FreeholdError: FH-N304 the dataset has none.
        """
        return self._dated.field

    def when(self) -> exp.Expr:
        """Return SQL for the local time of a row of the fact."""
        place = self._dated
        return self.local(self.model.datasets[place.dataset], place.field, self.column(place))

    def bucket(self, grain: str) -> exp.Expr:
        """Return SQL for the start of the period a row of the fact lies in."""
        return self.calendar.trunc(grain, self.when(), of_days=self.time.is_interval_of_days)

    def local(self, dataset: Dataset, field: Field, value: exp.Expr) -> exp.Expr:
        """Return SQL for the local timestamp (or date) of an instant, in the zone the question counts days in."""
        if field.type == "DateTimeTz":
            return exp.AtTimeZone(this=value, zone=exp.Literal.string(self.zone or "UTC"))
        if field.is_interval_of_days or not self.zone or (dataset.zone or self.zone) == self.zone:
            return value
        there = exp.AtTimeZone(this=value, zone=exp.Literal.string(dataset.zone))
        return exp.AtTimeZone(this=there, zone=exp.Literal.string(self.zone))

    def within(self, start: datetime | None, end: datetime | None) -> list[exp.Expr]:
        """Return the conditions that rows of the fact lie from `start` to before `end`, over the column as it is."""
        if start is None and end is None:
            return []
        field = self.time
        value = self.column(self._dated)
        found: list[exp.Expr] = []
        if start is not None:
            found.append(exp.GTE(this=value, expression=self._instant(field, start)))
        if end is not None:
            found.append(exp.LT(this=value.copy(), expression=self._instant(field, end)))
        return found

    def _instant(self, field: Field, local: datetime) -> exp.Expr:
        """Return a local instant as a literal that the column can be compared with."""
        if field.is_interval_of_days:
            return _literal(local.date().isoformat(), "date")
        if field.type == "DateTimeTz":
            aware = local.replace(tzinfo=ZoneInfo(self.zone or "UTC"))
            return _literal(aware.astimezone(UTC).isoformat(sep=" "), "timestamptz")
        there = self.model.datasets[self._dated.dataset].zone
        if self.zone and there and self.zone != there:
            aware = local.replace(tzinfo=ZoneInfo(self.zone)).astimezone(ZoneInfo(there))
            local = aware.replace(tzinfo=None)
        return _literal(local.isoformat(sep=" "), "timestamp")

    def counted(self) -> exp.Expr:
        """Return SQL for the number of rows behind a group; rows of a table summed up already stand for many."""
        if not self.fact.counted:
            return exp.Count(this=exp.Star())
        return exp.Sum(this=self._value(self.fact, self.fact.fields[self.fact.counted], FACT))

    # -- SQL -----------------------------------------------------------------------------------------------------------

    def select(self, *columns: exp.Expr) -> exp.Select:
        """Return a SELECT of columns that were bound here, from the fact and everything they reached."""
        query = exp.select(*columns, copy=False).from_(self._scan(self.fact, FACT), copy=False)
        for path, alias in self._aliases.items():
            if path:
                target = self.model.datasets[path[-1].target]
                on = exp.and_(*self._on(path, alias), copy=False)
                query.join(self._scan(target, alias), on=on, join_type="left", copy=False)
        for alias, nested, same in self._per:
            query.join(nested.subquery(alias), on=same, join_type="left", copy=False)
        return query

    def _joined(self, path: Path) -> str:
        """Return the alias a path ends in, joining all its steps."""
        for length in range(1, len(path) + 1):
            step = path[:length]
            if step not in self._aliases:
                if self.model.datasets[step[-1].target].validity is not None and self.fact.time is not None:
                    self.column(self._dated)  # what says when stands before what held then
                self._aliases[step] = f"j{len(self._aliases)}"
                self._used[self._aliases[step]] = {}
                self._on(step, self._aliases[step])  # notes the columns it needs, before any scan is written
        return self._aliases[path]

    def _on(self, path: Path, alias: str) -> list[exp.Expr]:
        join, before = path[-1], self._aliases[path[:-1]]
        source, target = self.model.datasets[join.source], self.model.datasets[join.target]
        on: list[exp.Expr] = [
            exp.EQ(
                this=self._value(source, _field(self.model, source, here), before),
                expression=self._value(target, _field(self.model, target, there), alias),
            )
            for here, there in zip(join.columns, join.target_columns, strict=True)
        ]
        if target.validity is not None:
            on += self._valid(source, target, before, alias)
        return on

    def _valid(self, source: Dataset, target: Dataset, before: str, alias: str) -> list[exp.Expr]:
        """Return the conditions that a row of a slowly changing dataset held when the row before it happened."""
        assert target.validity is not None
        if self.fact.time is not None:
            moment = self.column(self._dated)
        elif source.time is not None and source.time in source.fields:
            moment = self._value(source, source.fields[source.time], before)
        else:
            raise FreeholdError(
                "FH-N304",
                f"Which row of `{target.name}` held for a row of `{self.fact.name}` cannot be told: it has no time.",
                where=self.fact.where, fix=f"Say `time:` of the dataset `{self.fact.name}`.",
            )  # fmt: skip
        start = self._value(target, target.fields[target.validity.start], alias)
        end = self._value(target, target.fields[target.validity.end], alias)
        open_end = exp.Is(this=end, expression=exp.Null())
        return [
            exp.GTE(this=moment, expression=start),
            exp.Paren(this=exp.Or(this=open_end, expression=exp.LT(this=moment.copy(), expression=end.copy()))),
        ]

    def _value(self, dataset: Dataset, field: Field, alias: str, trail: tuple[str, ...] = ()) -> exp.Expr:
        if field.expression is None:
            self._used[alias][field.column or field.name] = None
            return exp.column(exp.to_identifier(field.column or field.name, quoted=True), table=alias)
        if field.name in trail:
            raise FreeholdError(
                "FH-N205", f"The field `{field.name}` of `{dataset.name}` stands on itself.", where=field.where,
                fix="Break the circle.",
            )  # fmt: skip
        copied = exp.Paren(this=field.expression.copy())
        for node in list(copied.find_all(exp.Column)):
            inner = dataset.fields.get(node.name)
            if inner is None or (inner.name == field.name and not trail):
                inner = Field(node.name, field.where, None, node.name)
            node.replace(self._value(dataset, inner, alias, (*trail, field.name)))
        return guarded(copied)

    def _scan(self, dataset: Dataset, alias: str) -> exp.Expr:
        """Return a dataset as a source, seen through the caller's policy."""
        if dataset.query is not None:
            shared = self.scope.evidence(dataset) if self.scope.evidence is not None else None
            return (
                exp.alias_(shared, alias, table=True, copy=False)
                if shared is not None
                else rows_of(self.scope, dataset).subquery(alias, copy=False)
            )
        policy, relation = self.scope.policy(dataset), self.scope.relation(dataset)
        if policy is None or (policy.rows is None and not policy.masks):
            return exp.alias_(relation, alias, table=True, copy=False)
        columns: list[exp.Expr] = [
            exp.alias_(policy.masks[name].copy(), name, quoted=True)
            if name in policy.masks
            else exp.column(exp.to_identifier(name, quoted=True))
            for name in self._used[alias]
        ]
        columns = columns or [exp.alias_(exp.Literal.number(1), "one")]  # rows are counted, and nothing of them read
        seen = exp.select(*columns, copy=False).from_(relation, copy=False)
        if policy.rows is not None:
            seen.where(policy.rows.copy(), copy=False)
        return seen.subquery(alias, copy=False)

    def _per_something(self, node: exp.Expr) -> exp.Expr:
        """Return `per(metric, field, …)` as a column: the metric's value for this row's values of the fields.

        Without fields it is the metric's value over everything.
        """
        from freehold.metrics.compiling import tree_of

        if not node.expressions or not all(isinstance(e, exp.Column) for e in node.expressions):
            raise FreeholdError(
                "FH-N204", f"`{node.sql()}` is no metric per something.", fix="Write per(revenue, buyer.customer_id)."
            )
        metric, *by = node.expressions
        alias = f"p{len(self._per)}"
        name = self.scope.catalogue.metric(".".join(parts_of(metric)), within=self.model.name).id
        keys = tuple(key_of(key.sql()) for key in by)
        nested = tree_of(self.scope, Query((name,), keys, zone=self.query.zone))
        same = [
            exp.EQ(
                this=self.column(self.place(parts_of(key))),
                expression=exp.column(exp.to_identifier(key.sql(), quoted=True), table=alias),
            )
            for key in by
        ]
        self._per.append((alias, nested, exp.and_(*same, copy=False) if same else exp.true()))
        return exp.column(exp.to_identifier(name, quoted=True), table=alias)


def _still_in(node: exp.Expr, tree: exp.Expr) -> bool:
    """Whether a node is still part of a tree from which others were taken out."""
    return node.root() is tree


def _field(model: Model, dataset: Dataset, name: str) -> Field:
    found = dataset.fields.get(name)
    if found is None:
        raise unknown_field(model, dataset.name, name)
    return found


def _literal(text: str, kind: str) -> exp.Expr:
    return exp.Cast(this=exp.Literal.string(text), to=exp.DataType.build(kind))


def moved(query: Query, length: Period | None) -> tuple[datetime | None, datetime | None]:
    """Return the time a question is about, so much earlier."""
    if length is None:
        return query.start, query.end
    return (length.before(query.start) if query.start else None, _moved_end(query.start, query.end, length))


def _moved_end(start: datetime | None, end: datetime | None, length: Period) -> datetime | None:
    """Return the end so much earlier: that of whole months, else of the last day, since months differ in length."""
    if end is None:
        return None
    whole_months = end.day == 1 and (start is None or start.day == 1)
    if not length.months or end.time() != time.min or whole_months:
        return length.before(end)
    return length.before(end - _A_DAY) + _A_DAY
