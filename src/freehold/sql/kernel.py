"""Parsing and normal forms, all through sqlglot.

Two texts mean the same when their normal forms are equal under the kernel that runs now. Stored texts are compared
that way and never by an old hash, so that a new version of sqlglot rebuilds nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.normalize_identifiers import normalize_identifiers

from freehold.foundation import FreeholdError, Where
from freehold.sql.unparsed import unparsed

Place = Callable[[int], Where]


def parse(sql: str, dialect: str, where: Where | None = None, place: Place | None = None) -> exp.Query:
    """Parse exactly one query.

    Args:
        sql: its text.
        dialect: how it is spelled, by sqlglot's name.
        where: the place of the text, if it has one.
        place: gives the place of a sign by its offset in the text; default: the text is all of the file of `where`.

    Raises:
        FreeholdError: FH-Q001 the text does not parse; FH-Q002 it is not one query.
    """
    try:
        statements = [s for s in sqlglot.parse(sql, read=dialect) if s is not None]
    except SqlglotError as error:
        raise _unparsable(error, sql, where, place) from error
    if len(statements) != 1 or not isinstance(statements[0], exp.Query):
        found = f"{len(statements)} statements" if len(statements) != 1 else statements[0].key.upper()
        raise FreeholdError(
            "FH-Q002", f"A model is one SELECT; here are {found}.", where=where, fix="Write a single query."
        )
    return statements[0]


@lru_cache(maxsize=4096)
def normalised(sql: str, dialect: str) -> str:
    """Return the normal form of a query: one spelling of names and space, no comments."""
    tree = normalize_identifiers(parse(sql, dialect), dialect=dialect)
    return str(tree.sql(dialect, comments=False, normalize_functions="upper"))


def same_meaning(left: str, right: str, dialect: str) -> bool:
    """Say whether two queries have the same normal form."""
    return left == right or normalised(left, dialect) == normalised(right, dialect)


def tables_of(query: exp.Query) -> tuple[exp.Table, ...]:
    """Return the tables a query reads, without the names its own WITH defines."""
    defined = {cte.alias_or_name for cte in query.find_all(exp.CTE)}
    return tuple(t for t in query.find_all(exp.Table) if t.args.get("db") or t.name not in defined)


def _unparsable(error: SqlglotError, sql: str, where: Where | None, place: Place | None) -> FreeholdError:
    why = unparsed(error, sql)
    if where is not None:
        where = place(why.offset) if place is not None else _place_in_file(where.path, sql, why.offset)
    return FreeholdError(
        "FH-Q001",
        f"This SQL does not parse{why.said}",
        where=where,
        fix="Mend the statement; `freehold validate` shows all such places at once.",
    )


def _place_in_file(path: str, sql: str, offset: int) -> Where:
    before = sql[:offset].split("\n")
    return Where(path, len(before), len(before[-1]) + 1)
