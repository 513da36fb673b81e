"""A question as one statement: a branch for each pass over a fact, their rows put together, arithmetic on top.

Branches are put together by UNION ALL and an outer GROUP BY, which keeps a group that only one of them has and a group
whose key is unknown, in any number of facts, without a full join. A row of a fact is never joined to many of another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlglot import exp

from freehold.foundation import FreeholdError, near
from freehold.metrics.branches import branch_query, refused
from freehold.metrics.dialects import checked, empty, finished
from freehold.metrics.evidence import rows_of
from freehold.metrics.expressions import parts_of
from freehold.metrics.lowering import Branch, Lowered, lower, result_type, unfilled
from freehold.metrics.model import Dataset
from freehold.metrics.paths import listed
from freehold.metrics.query import Query
from freehold.metrics.rollups.reading import Reading, reading_of
from freehold.metrics.rollups.use import Use
from freehold.metrics.rows import Rows, Scope
from freehold.metrics.spans import periods


@dataclass(frozen=True, slots=True)
class Compiled:
    """A question as SQL. `keys` and `values` are the columns of its answer, in order.

    `datasets` are those its answer is about; `uses` tell which of their rows were read from rollups, where there are
    any.
    """

    query: Query
    sql: str
    dialect: str
    keys: tuple[str, ...]
    values: tuple[str, ...]
    lowered: Lowered
    datasets: tuple[Dataset, ...]
    uses: tuple[Use, ...] = ()

    def pretty(self) -> str:
        """Return the SQL laid out for reading."""
        import sqlglot

        return sqlglot.parse_one(self.sql, read=self.dialect).sql(self.dialect, pretty=True)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the answer, in order."""
        return (*self.keys, *self.values)


@dataclass(frozen=True, slots=True)
class Pass:
    """A branch, and how it is read: from the rows of its fact, or from a rollup."""

    branch: Branch
    reading: Reading | None
    use: Use | None

    @classmethod
    def of(cls, scope: Scope, query: Query, branch: Branch) -> Pass:
        """Find how a branch is read.

        Raises:
            FreeholdError: FH-N3xx where it asks for what there is not; the metric is named.
        """
        if not scope.held:
            return cls(branch, None, None)
        try:
            return cls(branch, *reading_of(scope, query, branch))
        except FreeholdError as error:
            told = refused(branch, error)
            raise told from (None if told is error else error)

    def select(self, scope: Scope, query: Query) -> exp.Query:
        """Return it as a query."""
        return branch_query(scope, query, self.branch) if self.reading is None else self.reading.select()

    def rows(self, scope: Scope, query: Query) -> Rows:
        """Return the rows that tell which periods there are: those of the rollup, if it can tell days apart."""
        unit = "hour" if query.time is not None and query.time.grain == "hour" else "day"
        if self.reading is not None and self.reading.knows(unit):
            return self.reading.rows()
        shape = self.branch.shape
        return Rows(scope, query, scope.catalogue.models[shape.model], shape.fact)


def compiled(scope: Scope, query: Query) -> Compiled:
    """Compile a question.

    Raises:
        FreeholdError: FH-N1xx to FH-N3xx: it asks for what there is not, or for what has no one right answer.
    """
    checked(scope.dialect)
    read: dict[str, Dataset] = {}

    def relation(dataset: Dataset) -> exp.Table:
        read.setdefault(dataset.source, dataset)
        return scope.relation(dataset)

    lowered = lower(scope.catalogue, query)
    _expect_names(query, lowered)
    shared = _Shared(replace(scope, relation=relation))
    passes = [Pass.of(shared.scope, query, branch) for branch in lowered.branches.values()]
    tree = _assembled(replace(shared.scope, evidence=shared.name), query, lowered, passes)
    shared.put_before(tree)
    for one in passes:
        for dataset in one.reading.reads if one.reading is not None else ():
            read.setdefault(dataset.source, dataset)
    return Compiled(
        query=query,
        sql=tree.sql(scope.dialect, comments=False),
        dialect=scope.dialect,
        keys=tuple(key.text for key in query.by),
        values=tuple(name for name, _ in lowered.outputs),
        lowered=lowered,
        datasets=tuple(read.values()),
        uses=tuple(one.use for one in passes if one.use is not None),
    )


class _Shared:
    """The queries of evidence models that a statement reads: each stands at its head, once."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self._queries: dict[str, exp.Query] = {}

    def name(self, dataset: Dataset) -> exp.Table:
        """Return the name under which the rows of a dataset stand."""
        if dataset.source not in self._queries:
            self._queries[dataset.source] = rows_of(self.scope, dataset)
        return exp.to_table(f"evidence{list(self._queries).index(dataset.source)}")

    def put_before(self, tree: exp.Query) -> None:
        """Write the queries before all others that the statement defines."""
        others = list(tree.ctes)
        for number, query in enumerate(self._queries.values()):
            finished(query, self.scope.dialect)
            tree.with_(f"evidence{number}", query, copy=False)
        if others and self._queries:
            made = tree.args["with_"]
            made.set("expressions", [*made.expressions[len(others) :], *others])


def _expect_names(query: Query, lowered: Lowered) -> None:
    """Refuse two columns of one name: a reader would take one for the other."""
    names = [*(key.text for key in query.by), *(name for name, _ in lowered.outputs)]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        id_ = lowered.ids.get(twice) or next((i for n, i in lowered.ids.items() if twice.startswith(n)), twice)
        raise FreeholdError(
            "FH-N111", f"Two columns of the answer would be called `{twice}`.",
            fix=f"Ask for the metric by its whole name, `{id_}`.",
        )  # fmt: skip


def tree_of(scope: Scope, query: Query) -> exp.Query:
    """Return a question as a tree, to stand inside another one."""
    lowered = lower(scope.catalogue, query)
    passes = [Pass(branch, None, None) for branch in lowered.branches.values()]
    return _assembled(scope, query, lowered, passes, in_order=False)


def _assembled(
    scope: Scope, query: Query, lowered: Lowered, passes: Sequence[Pass], *, in_order: bool = True
) -> exp.Query:
    groups: dict[tuple[int, ...] | None, list[tuple[str, Pass]]] = {None: []}
    ctes: list[tuple[str, exp.Query]] = []
    for number, one in enumerate(passes):
        name = f"b{number}"
        ctes.append((name, one.select(scope, query)))
        kept = one.branch.shape.kept
        groups.setdefault(None if kept == tuple(range(len(query.by))) else kept, []).append((name, one))
    if not groups[None]:
        raise FreeholdError(
            "FH-N101", "Nothing is asked for that depends on rows.", fix="Ask for a metric over a dataset."
        )
    filling = _filled(scope, query, lowered, groups[None])
    if filling is not None:
        ctes.append(("periods", filling))
    whole = range(len(query.by))
    source = _together(scope, groups.pop(None), whole, ctes, "g", filling is not None and query)
    body = exp.select(copy=False).from_(exp.to_table(source), copy=False)
    _join_totals(scope, groups, source, ctes, body)
    selected = [exp.alias_(exp.column(f"k{i}", table=source), key.text, quoted=True) for i, key in enumerate(query.by)]
    values = lowered.outputs if scope.fewest <= 1 else [(name, unfilled(value)) for name, value in lowered.outputs]
    selected += [exp.alias_(value, name, quoted=True, copy=False) for name, value in values]
    body.select(*selected, copy=False)
    body = _cut(body, query, [*(key.text for key in query.by), *(name for name, _ in lowered.outputs)], in_order)
    for name, cte in ctes:
        body.with_(name, cte, copy=False)
    finished(body, scope.dialect)
    return body


def _together(
    scope: Scope,
    parts: Sequence[tuple[str, Pass]],
    keys: Sequence[int],
    ctes: list[tuple[str, exp.Query]],
    name: str,
    filled: Query | bool,
) -> str:
    """Return the name of the one row set of several branches with the same keys, adding what is needed to `ctes`."""
    if len(parts) == 1 and not filled:
        return parts[0][0]
    kinds = {
        one.alias: result_type(scope.catalogue.models[branch.shape.model], branch.shape.fact, one.node)
        if branch.shape.conversion is None else "bigint"
        for branch in (one.branch for _, one in parts) for one in branch.aggregates
    }  # fmt: skip
    names = [f"k{i}" for i in keys]
    count = len(parts) + bool(filled)
    selects: list[exp.Query] = []
    for source, each in parts:
        own = {one.alias for one in each.branch.aggregates}
        columns = [exp.column(alias) if alias in own else exp.alias_(empty(kind, scope.dialect, count), alias)
                   for alias, kind in kinds.items()]  # fmt: skip
        selects.append(exp.select(*map(exp.column, names), *columns, copy=False).from_(source, copy=False))
    if isinstance(filled, Query):
        selects.append(_every_period(scope, filled, selects, kinds, count))
    union = _united(selects, distinct=False)
    merged = [exp.alias_(_any_value(alias, kind), alias, copy=False) for alias, kind in kinds.items()]
    inner = exp.select(*map(exp.column, names), *merged, copy=False).from_(union.subquery("u", copy=False), copy=False)
    if names:
        inner.group_by(*map(exp.column, names), copy=False)
    ctes.append((name, inner))
    return name


def _any_value(alias: str, kind: str) -> exp.Expr:
    """Return the one value of a column that at most one row of a group has."""
    pick = exp.LogicalOr if kind == "boolean" else exp.Max
    return pick(this=exp.column(alias))


def _filled(scope: Scope, query: Query, lowered: Lowered, parts: Sequence[tuple[str, Pass]]) -> exp.Select | None:
    """Return all periods of the question, where a metric in it says what a period without rows is worth."""
    values = (value for name, value in lowered.outputs if name in query.metrics and _fills(scope, name))
    filling = {column.name for value in values for column in value.find_all(exp.Column)}
    each = [one for _, one in parts if any(a.alias in filling for a in one.branch.aggregates)]
    if query.time is None or not each:
        return None
    facts = {(one.branch.shape.model, one.branch.shape.fact): one.rows(scope, query) for one in each}
    return periods(tuple(facts.values()), query, each[0].branch.shape)


def _fills(scope: Scope, name: str) -> bool:
    return scope.catalogue.metric(name).fill is not None


def _every_period(
    scope: Scope, query: Query, selects: Sequence[exp.Query], kinds: dict[str, str], count: int
) -> exp.Select:
    """Return a row without values for each group in each period."""
    keys = [(i, key) for i, key in enumerate(query.by)]
    others = [i for i, key in keys if not key.is_time]
    columns = [
        exp.column("p", table="s").as_(f"k{i}") if key.is_time else exp.column(f"k{i}", table="o") for i, key in keys
    ]
    columns += [exp.alias_(empty(kind, scope.dialect, count), alias) for alias, kind in kinds.items()]
    dense = exp.select(*columns, copy=False).from_(exp.alias_(exp.to_table("periods"), "s", table=True), copy=False)
    if others:
        each = [
            exp.select(*(exp.column(f"k{i}") for i in others)).from_(one.args["from_"].this.copy()) for one in selects
        ]
        groups = _united(each, distinct=True) if len(each) > 1 else each[0].distinct()
        dense.join(groups.subquery("o", copy=False), join_type="cross", copy=False)
    return dense


def _united(selects: Sequence[exp.Query], *, distinct: bool) -> exp.Query:
    whole, *more = selects
    for one in more:
        whole = exp.union(whole, one, distinct=distinct, copy=False)
    return whole


def _join_totals(
    scope: Scope,
    groups: dict[tuple[int, ...] | None, list[tuple[str, Pass]]],
    source: str,
    ctes: list[tuple[str, exp.Query]],
    body: exp.Select,
) -> None:
    """Join the totals that shares are of, each over fewer keys than the answer."""
    for number, (kept, parts) in enumerate(groups.items()):
        assert kept is not None
        name = _together(scope, parts, kept, ctes, f"t{number}", False)
        if kept:
            same = [
                exp.NullSafeEQ(this=exp.column(f"k{i}", table=source), expression=exp.column(f"k{i}", table=name))
                for i in kept
            ]
            body.join(exp.to_table(name), on=exp.and_(*same, copy=False), join_type="left", copy=False)
        else:
            body.join(exp.to_table(name), join_type="cross", copy=False)


def _cut(body: exp.Select, query: Query, names: Sequence[str], in_order: bool) -> exp.Select:
    """Return the answer under its own condition, in order, and no longer than asked."""
    if query.having is not None:
        body = (
            exp.select("*")
            .from_(body.subquery("answer", copy=False))
            .where(_of_answer(query.having, names), copy=False)
        )
    order = query.order or tuple((key.text, False) for key in query.by) if in_order else ()
    for name, descends in order:
        _known(name, names)
        column = exp.column(exp.to_identifier(name, quoted=True))
        body = body.order_by(exp.Ordered(this=column, desc=descends, nulls_first=False), copy=False)
    return body.limit(query.limit, copy=False) if query.limit is not None else body


def _of_answer(condition: exp.Expr, names: Sequence[str]) -> exp.Expr:
    copied = condition.copy()
    for node in list(copied.find_all(exp.Column)):
        name = ".".join(parts_of(node))
        _known(name, names)
        column = exp.column(exp.to_identifier(name, quoted=True))
        if node is copied:
            return column
        node.replace(column)
    return copied


def _known(name: str, names: Sequence[str]) -> None:
    if name not in names:
        raise FreeholdError(
            "FH-N110",
            f"The answer has no column `{name}`.",
            fix=near(name, names) or f"It has {listed(names, most=10)}.",
        )
