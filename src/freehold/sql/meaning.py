"""What a query means, column by column, as digests: equal digests, equal rows.

A query is digested bottom-up, scope by scope. Every column of a scope has a digest of its expression, in which each
column it reads is replaced by that column's own digest; beside them stands one digest of the rows: what is read, how
it is joined, filtered, grouped, made distinct. Names of tables, aliases and CTEs, layout and comments vanish on the
way; so does a scope that only passes its source on. Given the meanings of the relations a query reads, the digests
reach through a whole graph of models: a model needs building again exactly when one of its digests differs, whichever
file the change was made in.

Digests are conservative: what cannot be taken apart (a pivot, a recursive CTE, an ambiguous column) is digested as a
text, with everything it reads, so that a difference is never missed; it may be seen where there is none.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.normalize_identifiers import normalize_identifiers
from sqlglot.optimizer.qualify_columns import qualify_columns
from sqlglot.optimizer.scope import Scope, build_scope
from sqlglot.schema import MappingSchema

from freehold.foundation import FreeholdError
from freehold.sql.kernel import parse

VERSION = 2
"""Of the algorithm: part of every key under which digests are kept."""

_SURPRISED = (AssertionError, AttributeError, IndexError, KeyError, TypeError, ValueError)
_MULTIPLIES = (exp.UDTF, exp.Explode, exp.Anonymous, exp.GenerateSeries, exp.Inline)
_TAKEN_APART = {"expressions", "with_", "from_", "joins", "distinct"}
_PLAIN_TABLE = {"this", "alias", "db", "catalog"}
_PLAIN_QUERY = {"this", "alias", "with_"}
_PLAIN_JOIN = {"this", "on", "using", "side", "kind", "method"}


@dataclass(frozen=True, slots=True)
class Meaning:
    """The digests of a relation.

    Attributes:
        rows: of which rows there are, whatever their columns hold.
        columns: of each column, by name, in order.
        is_open: there may be columns that are not listed; their digests follow from `rows` and their names.
        is_whole: the query could not be taken apart, so any change of it changes every digest.
        missing: the relation and column that the query reads and that are known not to be there; of several, one.
    """

    rows: str
    columns: Mapping[str, str]
    is_open: bool = False
    is_whole: bool = False
    missing: tuple[str, str] | None = None

    @property
    def all(self) -> str:
        """One digest of everything."""
        return digest("all", self.rows, *(f"{name}={value}" for name, value in self.columns.items()))

    def column(self, name: str) -> str | None:
        """Return the digest of a column, or None if there is no such column."""
        found = self.columns.get(name)
        return digest("open", self.rows, name) if found is None and self.is_open else found


def digest(*parts: str) -> str:
    """Return 20 hexadecimal digits that stand for these texts."""
    return hashlib.blake2b("\x1f".join(parts).encode(), digest_size=10).hexdigest()


def meaning_of(sql: str, dialect: str, sources: Mapping[str, Meaning], name_of: Callable[[exp.Table], str]) -> Meaning:
    """Return what a query means, given what the relations mean that it reads.

    Args:
        sql: one SELECT, or set operation.
        dialect: of the query, as sqlglot names it.
        sources: meanings by relation name; a relation that is not among them counts by its name and is open.
        name_of: returns the name, as `sources` spells it, of a table in the query.
    """
    try:
        tree = _qualified(sql, dialect, sources, name_of)
        scope = build_scope(tree)
        if scope is None:
            raise _UnclearError("no scope")
        return _Reading(dialect, sources, name_of).of(scope)
    except _MissingError as error:
        return replace(whole(sql, dialect, sources, name_of), missing=(error.relation, error.column))
    except (_UnclearError, SqlglotError, RecursionError, FreeholdError):
        return whole(sql, dialect, sources, name_of)


def whole(sql: str, dialect: str, sources: Mapping[str, Meaning], name_of: Callable[[exp.Table], str]) -> Meaning:
    """Return the meaning of a query as one text over everything it reads."""
    try:
        tree = normalize_identifiers(parse(sql, dialect), dialect=dialect)
        read = sorted({name_of(t) for t in tree.find_all(exp.Table)})
        text = str(tree.sql(dialect, comments=False, normalize_functions="upper"))
        names = [] if tree.is_star else tree.named_selects
    except (SqlglotError, RecursionError, FreeholdError):
        read, text, names = sorted(sources), sql, []
    rows = digest("whole", text, *(f"{name}={sources[name].all}" for name in read if name in sources))
    return Meaning(rows, {name: digest("column", rows, name) for name in names}, is_open=not names, is_whole=True)


class _UnclearError(Exception):
    """A query that cannot be taken apart."""


class _MissingError(_UnclearError):
    """A query that reads a column of a relation whose columns are all known, and this is none of them."""

    def __init__(self, relation: str, column: str) -> None:
        super().__init__(f"{relation}.{column}")
        self.relation = relation
        self.column = column


def _qualified(
    sql: str, dialect: str, sources: Mapping[str, Meaning], name_of: Callable[[exp.Table], str]
) -> exp.Query:
    tree = normalize_identifiers(parse(sql, dialect), dialect=dialect)
    if any(w.args.get("recursive") for w in tree.find_all(exp.With)):
        raise _UnclearError("a recursive CTE")
    _refuse_whole_rows(tree, sources, name_of)
    known: dict[str, object] = {}
    defined = {cte.alias_or_name for cte in tree.find_all(exp.CTE)}
    for number, table in enumerate(list(tree.find_all(exp.Table))):
        if not table.args.get("db") and table.name in defined:
            continue
        if not isinstance(table.this, exp.Identifier):
            raise _UnclearError("a table function")
        source = sources.get(name := name_of(table))
        table.meta["relation"] = name
        if not table.alias:
            table.set("alias", exp.TableAlias(this=exp.to_identifier(table.name or f"t{number}", quoted=True)))
        # Only the alias is referred to: a name of one part lets the schema know each relation by what we call it.
        table.set("db", None)
        table.set("catalog", None)
        table.set("this", exp.to_identifier(f"r{number}", quoted=True))
        if source is not None and not source.is_open and source.columns:
            known[f"r{number}"] = dict.fromkeys(source.columns, "UNKNOWN")
    for number, nested in enumerate(list(tree.find_all(exp.Subquery))):
        if not nested.alias and isinstance(nested.parent, exp.From | exp.Join):
            nested.set("alias", exp.TableAlias(this=exp.to_identifier(f"s{number}", quoted=True)))
    schema = MappingSchema(known, dialect=dialect, normalize=False)
    try:
        return qualify_columns(tree, schema, allow_partial_qualification=True)
    except _SURPRISED as error:  # the library meets a shape it did not expect: then nobody takes it apart
        raise _UnclearError(str(error)) from error


def _refuse_whole_rows(tree: exp.Expr, sources: Mapping[str, Meaning], name_of: Callable[[exp.Table], str]) -> None:
    """Refuse what reads every column there is without naming any: `COLUMNS(*)`, `ORDER BY ALL`, a row as a value."""
    if next(tree.find_all(exp.Columns), None) is not None:
        raise _UnclearError("COLUMNS")
    if any(isinstance(one.parent, exp.Subquery | exp.CTE) for one in tree.find_all(exp.Pivot)):
        raise _UnclearError("a PIVOT that stands alone")
    if any(isinstance(one.this, exp.Var) for one in tree.find_all(exp.Ordered)):
        raise _UnclearError("ORDER BY ALL")
    held = list(tree.find_all(exp.Table, exp.Subquery, exp.CTE))
    rows = {one.alias_or_name.lower() for one in held} - {""}
    columns = {name.lower() for t in tree.find_all(exp.Table) if (m := sources.get(name_of(t))) for name in m.columns}
    columns |= {name.lower() for query in tree.find_all(exp.Query) for name in query.named_selects}
    for column in tree.find_all(exp.Column):
        name = column.name.lower()
        if not column.table and name in rows and name not in columns:
            raise _UnclearError(f"the row {name} as a value")


@dataclass
class _Sources:
    """The sources of one SELECT in order, and how a column of it is found."""

    names: list[str]
    meanings: list[Meaning]
    relations: list[str]
    outer: _Sources | None = None
    aliases: dict[str, str] = field(default_factory=dict)

    def digest_of(self, column: exp.Column) -> tuple[str, bool]:
        """Return the digest of a column where it is read, and whether it is what its source holds, unchanged."""
        table, name = column.table, column.name
        if table:
            if table in self.names:
                number = self.names.index(table)
                return self._of(number, name)
            if self.outer is not None:
                found, _ = self.outer.digest_of(column)
                return digest("outer", found), False
            raise _UnclearError(column.sql())
        return self._unqualified(column)

    def _unqualified(self, column: exp.Column) -> tuple[str, bool]:
        name = column.name
        holding = [n for n, m in enumerate(self.meanings) if name in m.columns]
        if len(self.meanings) == 1 and (holding or self.meanings[0].is_open) and name not in self.aliases:
            return self._of(0, name)
        if len(holding) == 1 and not any(m.is_open for m in self.meanings):
            return self._of(holding[0], name)
        if name in self.aliases and not holding:
            return self.aliases[name], False
        if not holding and self.outer is None and not any(m.is_open for m in self.meanings):
            raise _MissingError(self.relations[0] if len(self.relations) == 1 else "", name)
        raise _UnclearError(column.sql())

    def _of(self, number: int, name: str) -> tuple[str, bool]:
        found = self.meanings[number].column(name)
        if found is None:
            raise _MissingError(self.relations[number], name)
        return (found, True) if len(self.meanings) == 1 else (digest(f"#{number}", found), True)


@dataclass
class _Reading:
    """Digests the scopes of one query, each once."""

    dialect: str
    sources: Mapping[str, Meaning]
    name_of: Callable[[exp.Table], str]
    _known: dict[int, Meaning] = field(default_factory=dict)

    def of(self, scope: Scope, outer: _Sources | None = None) -> Meaning:
        if id(scope) not in self._known:
            query = scope.expression
            if isinstance(query, exp.SetOperation):
                found = self._of_set(scope, query, outer)
            elif isinstance(query, exp.Select):
                found = self._of_select(scope, query, outer)
            else:
                raise _UnclearError(query.key)
            self._known[id(scope)] = found
        return self._known[id(scope)]

    # -- set operations

    def _of_set(self, scope: Scope, query: exp.SetOperation, outer: _Sources | None) -> Meaning:
        sides = [self.of(side, outer) for side in scope.set_operation_scopes]
        if len(sides) != 2 or query.args.get("by_name") or any(s.is_open for s in sides):
            raise _UnclearError("set operation")
        left, right = sides
        if len(left.columns) != len(right.columns):
            raise _UnclearError("set operation of unequal width")
        pairs = zip(left.columns.items(), right.columns.values(), strict=True)
        columns = {name: digest(query.key, above, below) for (name, above), below in pairs}
        frame = [query.key, left.rows, right.rows]
        if query.args.get("distinct"):
            frame += ["distinct", *columns.values()]
        reading = _Sources([], [], [], outer, dict(columns))
        frame += self._clauses(query, reading, {"this", "expression", "distinct", "with_"})
        return Meaning(digest(*frame), columns)

    # -- one SELECT

    def _of_select(self, scope: Scope, query: exp.Select, outer: _Sources | None) -> Meaning:
        reading = self._reading(scope, outer)
        self._put_subqueries(scope, reading)
        columns, multiplied = self._projections(query, reading)
        if columns is None:
            return self._passed_on(query, reading)
        reading.aliases = dict(columns)
        frame = self._frame(query, reading, columns, multiplied)
        return Meaning(frame, columns)

    def _reading(self, scope: Scope, outer: _Sources | None) -> _Sources:
        names, meanings, relations = [], [], []
        for name, (node, source) in scope.selected_sources.items():
            held = node if isinstance(node, exp.Table) else node.parent
            if held is None:
                raise _UnclearError(name)
            plain = _PLAIN_TABLE if isinstance(held, exp.Table) else _PLAIN_QUERY
            alias = held.args.get("alias")
            if any(v and key not in plain for key, v in held.args.items()) or (alias and alias.args.get("columns")):
                raise _UnclearError(name)
            if isinstance(source, Scope):
                if source.is_udtf:
                    raise _UnclearError(name)
                meanings.append(self.of(source))
            else:
                meanings.append(self._relation(source))
            names.append(name)
            relations.append(name if isinstance(source, Scope) else source.meta.get("relation") or self.name_of(source))
        laterals = scope.expression.args.get("laterals")
        if laterals or len(names) != len(scope.expression.args.get("joins") or ()) + bool(
            scope.expression.args.get("from_")
        ):
            raise _UnclearError("laterals")
        return _Sources(names, meanings, relations, outer)

    def _relation(self, table: exp.Table) -> Meaning:
        name = table.meta.get("relation") or self.name_of(table)
        return self.sources.get(name) or Meaning(digest("relation", name), {}, is_open=True)

    def _put_subqueries(self, scope: Scope, reading: _Sources) -> None:
        """Put the digest of every subquery in an expression in its place."""
        for sub in scope.subquery_scopes:
            found = self.of(sub, reading)
            node = sub.expression
            holder = node.parent if isinstance(node.parent, exp.Subquery) else node
            holder.replace(exp.to_identifier("q" + digest("subquery", found.all)))

    def _projections(self, query: exp.Select, reading: _Sources) -> tuple[dict[str, str] | None, list[str]]:
        """Return the digest of each column, and those that may change how many rows there are; None for `*` alone."""
        columns: dict[str, str] = {}
        multiplied: list[str] = []
        for projection in query.expressions:
            if projection.is_star:
                if len(query.expressions) == 1 and len(reading.meanings) == 1 and isinstance(projection, exp.Star):
                    return None, []
                raise _UnclearError("a star over unknown columns")
            name = projection.alias_or_name
            value = projection.unalias()
            multiplies = any(True for _ in value.find_all(*_MULTIPLIES))
            found = self._digest(value, reading)
            if not name or name in columns:
                raise _UnclearError("a column without a name of its own")
            columns[name] = found
            reading.aliases[name] = found
            if multiplies:
                multiplied.append(found)
        return columns, multiplied

    def _passed_on(self, query: exp.Select, reading: _Sources) -> Meaning:
        """Return what `SELECT * FROM one` means where the columns of that one are not known."""
        only = reading.meanings[0]
        if any(query.args.get(key) for key in ("where", "group", "having", "qualify", "distinct", "limit", "offset")):
            raise _UnclearError("a star over unknown columns")
        return only

    def _digest(self, value: exp.Expr, reading: _Sources) -> str:
        if isinstance(value, exp.Column):
            return reading.digest_of(value)[0]
        return digest("expression", self._text(value, reading))

    def _text(self, node: exp.Expr, reading: _Sources) -> str:
        """Return an expression as text in which every column is its digest."""
        holder = exp.Paren(this=node.copy())
        for column in list(holder.find_all(exp.Column)):
            if isinstance(column.this, exp.Star):
                raise _UnclearError("a star in an expression")
            column.replace(exp.to_identifier("c" + reading.digest_of(column)[0]))
        return str(holder.this.sql(self.dialect, comments=False, normalize_functions="upper"))

    # -- which rows there are

    def _frame(self, query: exp.Select, reading: _Sources, columns: Mapping[str, str], multiplied: list[str]) -> str:
        clauses = self._clauses(query, reading, _TAKEN_APART)
        clauses += [self._join(join, reading) for join in query.args.get("joins") or ()]
        distinct = query.args.get("distinct")
        if distinct is not None:
            if distinct.args.get("on") is not None:
                clauses.append("distinct on " + self._text(distinct.args["on"], reading))
                clauses += columns.values()
            clauses += ["distinct", *columns.values()]
        if multiplied:
            clauses += ["multiplied", *multiplied]
        if not query.args.get("group") and any(_aggregates(p) for p in query.expressions):
            clauses.append("one row")
        if not clauses and len(reading.meanings) == 1:
            return reading.meanings[0].rows
        return digest("select", *(m.rows for m in reading.meanings), "|", *clauses)

    def _clauses(self, query: exp.Query, reading: _Sources, besides: set[str]) -> list[str]:
        """Return the text of every clause; one that we do not know stays in it, so that it is never overlooked."""
        found = []
        for key, value in sorted(query.args.items()):
            if key in besides or value is None or value is False or value == []:
                continue
            for node in value if isinstance(value, list) else [value]:
                said = self._text(node, reading) if isinstance(node, exp.Expr) else str(node)
                found.append(f"{key} {said}")
        return found

    def _join(self, join: exp.Join, reading: _Sources) -> str:
        said = [str(join.args.get(key) or "") for key in ("side", "kind", "method")]
        odd = [k for k, v in join.args.items() if v and k not in _PLAIN_JOIN]
        if odd or join.args.get("using"):
            raise _UnclearError("a join by names")  # qualifying turns USING into ON where it knows the columns
        on = join.args.get("on")
        return "join " + " ".join(said) + (self._text(on, reading) if on is not None else "")


def _aggregates(projection: exp.Expr) -> bool:
    """Say whether a projection folds rows into one; a window over an aggregate does not."""
    return any(not isinstance(found.parent, exp.Window) for found in projection.find_all(exp.AggFunc))
