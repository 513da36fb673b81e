"""Evidence models: datasets whose rows a query gives, where a number is no aggregate of rows as they lie.

The query is read as DuckDB spells SQL and translated to what runs it. Whatever it reads is a dataset of its own, so
that versions, states, policies and lineage are those of its tables. It may have joins and windows, and no clock, no
file and no function whose effect is not known: what a caller writes must have no way past the policies of a table.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from sqlglot import exp

from freehold.foundation import FreeholdError, Where
from freehold.metrics.expressions import CHANGING
from freehold.metrics.model import Dataset, EvidenceQuery, Field
from freehold.metrics.paths import listed
from freehold.sql import digest, parse, tables_of
from freehold.sql.kernel import Place
from freehold.sql.lineage import Lineage, lineage_of

if TYPE_CHECKING:
    from freehold.metrics.rows import Policy, Scope

DIALECT = "duckdb"
Table = Callable[[str, Where], Dataset]
_SPENT = (exp.Command, exp.DDL, exp.DML, exp.Into, exp.ReadCSV, exp.ReadParquet, exp.Parameter, exp.SessionParameter)
# What functions of DuckDB begin with that give the same for the same arguments, wherever and whenever they are called.
_OF_ARGUMENTS = ("array_", "date", "epoch", "json_", "len", "list_", "map_", "regexp_", "row", "str", "struct_")


def evidence_query(
    text: str, what: str, where: Where, table: Table, *, words: Collection[str] = (), place: Place | None = None
) -> EvidenceQuery:
    """Read the query of a dataset.

    Args:
        text: one SELECT whose columns have names.
        what: how errors call it.
        where: where it stands.
        table: gives the dataset that a name in FROM means.
        words: names that may stand in it as `:name`, to be filled in by whoever asks. Where there are any, functions
            need not be known to all engines: it runs in DuckDB.
        place: gives the place of a sign by its offset in the text.

    Raises:
        FreeholdError: FH-Q001 and FH-Q002 it is no query; FH-N410 it holds what has no place in it.
    """
    tree = parse(text, DIALECT, where, place)
    for node in tree.walk():
        if why := _out_of_place(node, words):
            shown = node.sql(DIALECT)
            shown = shown if len(shown) <= 80 else f"{shown[:77]}…"
            raise FreeholdError("FH-N410", f"`{shown}` has no place in {what}.", where=where, fix=why)
    if twice := next(_meaning_two_things(tree), None):
        raise FreeholdError(
            "FH-N410", f"`{twice}` names a part of {what} where it may as well be a table.", where=where,
            fix="Give the part another name.",
        )  # fmt: skip
    names = [column.output_name for column in tree.selects]
    if not names or any(not name or name == "*" for name in names) or tree.is_star:
        raise FreeholdError(
            "FH-N410", f"The columns of {what} have no names.", where=where,
            fix="Write them out, with AS where one is computed; no star at the outermost.",
        )  # fmt: skip
    tables = {name: table(name, where) for name in dict.fromkeys(_name(t) for t in tables_of(tree))}
    return EvidenceQuery(tree, tables)


def _out_of_place(node: exp.Expr, words: Collection[str]) -> str:
    """Return why a part of a query may not stand in it; empty where it may."""
    if isinstance(node, CHANGING):
        return "It is something else on another day; read times from rows."
    if isinstance(node, exp.Table) and not isinstance(node.this, exp.Identifier | exp.Unnest | exp.GenerateSeries):
        return "Read assets, and tables of the warehouse."
    if isinstance(node, _SPENT):
        return "Evidence is one SELECT over assets, and tables of the warehouse."
    if isinstance(node, exp.Placeholder):
        known = f"Use {listed([f':{w}' for w in words])}." if words else "Nothing is filled in here; write the value."
        return "" if node.name in words else known
    if isinstance(node, exp.Anonymous) and not (words and node.name.lower().startswith(_OF_ARGUMENTS)):
        return "Use a function that all engines know." if not words else "Use a function of its arguments alone."
    return ""


def _meaning_two_things(tree: exp.Query) -> Iterator[str]:
    """Yield names that a WITH defines and that stand where they do not mean that part, or may not.

    What such a name means there is a table, and must not be taken for the part: no policy would hold for it.
    """
    for part in tree.find_all(exp.CTE):
        parts = list(part.parent.expressions) if part.parent is not None else []
        first = parts.index(part) + (0 if part.parent is not None and part.parent.args.get("recursive") else 1)
        seen = {id(node) for below in parts[first:] for node in below.walk()}
        seen |= {id(node) for node in _body(part)}
        for table in tree.find_all(exp.Table):
            if table.db or table.name.lower() != part.alias.lower():
                continue
            if id(table) not in seen or table.name != part.alias:
                yield str(table.name)


def _body(part: exp.CTE) -> Iterator[exp.Expr]:
    """Yield what stands in the query that a WITH belongs to, the WITH itself left out."""
    with_ = part.parent
    if with_ is not None and with_.parent is not None:
        yield from with_.parent.walk(prune=lambda node: node is with_)


def _name(table: exp.Table) -> str:
    return ".".join(part.name for part in table.parts)


def query_name(query: EvidenceQuery) -> str:
    """Return what a query is called where a source is told: the same for the same text, however it is laid out."""
    return f"sql:{digest(query.tree.sql(DIALECT, comments=False))[:12]}"


def fields_of(query: EvidenceQuery, where: Where) -> dict[str, Field]:
    """Return a field for each column of a query; their types are for the warehouse to tell."""
    return {name: Field(name, where, None, name) for name in query.tree.named_selects}


def moved_tables(query: EvidenceQuery, move: Callable[[Dataset], Dataset]) -> EvidenceQuery:
    """Return a query whose tables are others by the same names."""
    return replace(query, tables={name: move(table) for name, table in query.tables.items()})


def rows_of(scope: Scope, dataset: Dataset) -> exp.Query:
    """Return the query of a dataset with its tables where they lie, each seen through the caller's policy.

    Raises:
        FreeholdError: FH-N212 a policy masks columns of a table whose columns nobody declares.
    """
    assert dataset.query is not None
    tree = dataset.query.tree.copy()
    for node in tables_of(tree):
        table = dataset.query.tables[_name(node)]
        alias = node.args.get("alias")
        seen = _seen(scope.relation(table), scope.policy(table), table, dataset)
        name = alias.name if alias is not None and alias.name else node.name
        if isinstance(seen, exp.Select):
            placed: exp.Expr = seen.subquery(name, copy=False)
        else:
            placed = exp.alias_(seen, name, table=True, copy=False)
        if alias is not None and alias.columns:
            placed.args["alias"].set("columns", [c.copy() for c in alias.columns])
        for kept in ("joins", "laterals", "pivots"):
            placed.set(kept, node.args.get(kept))
        node.replace(placed)
    return tree


def _seen(relation: exp.Expr, policy: Policy | None, table: Dataset, dataset: Dataset) -> exp.Expr:
    if policy is None or (policy.rows is None and not policy.masks):
        return relation
    columns: list[exp.Expr] = [exp.Star()]
    if policy.masks:
        if not table.fields:
            raise FreeholdError(
                "FH-N212",
                f"`{table.source}` is masked for you, and `{dataset.name}` reads it in a query: nobody declares its "
                "columns, so it is not known which of them would be seen.",
                where=dataset.where, fix=f"Declare the columns of `{table.source}` in a contract.",
            )  # fmt: skip
        names = [f.column or f.name for f in table.fields.values()]
        columns = [
            exp.alias_(policy.masks[n].copy(), n, quoted=True)
            if n in policy.masks
            else exp.column(exp.to_identifier(n, quoted=True))
            for n in names
        ]
    seen = exp.select(*columns, copy=False).from_(relation, copy=False)
    return seen.where(policy.rows.copy(), copy=False) if policy.rows is not None else seen


def columns_behind(dataset: Dataset, column: str) -> Iterator[tuple[str, str]]:
    """Yield the (source, column) that a column of an evidence model comes from, and those that decide on its rows.

    Where the query cannot be taken apart, every declared column of its tables is yielded.
    """
    assert dataset.query is not None
    known = {name: tuple(f.column or f.name for f in t.fields.values()) for name, t in dataset.query.tables.items()}
    found = _lineage(dataset.query.tree.sql(DIALECT, comments=False), tuple(known.items()))
    sources = {name: t.source for name, t in dataset.query.tables.items()}
    if found.failures or found.ambiguous:
        yield from ((sources[name], one) for name, columns in known.items() for one in columns)
        return
    behind = [(s.table, s.column) for output in found.outputs if output.column == column for s in output.sources]
    behind += [(one.table, one.column) for one in found.influences]
    yield from dict.fromkeys((sources[table], name) for table, name in behind if table in sources)


@lru_cache(maxsize=256)
def _lineage(sql: str, known: tuple[tuple[str, tuple[str, ...]], ...]) -> Lineage:
    columns = dict(known)
    return lineage_of(sql, DIALECT, columns_of=lambda name: columns.get(name) or None, name_of=_name)
