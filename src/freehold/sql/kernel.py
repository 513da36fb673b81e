"""Parsing and normal forms, all through sqlglot.

Two texts mean the same when their normal forms are equal under the kernel that runs now. Stored texts are compared
that way and never by an old hash, so that a new version of sqlglot rebuilds nothing.
"""

from __future__ import annotations

from functools import lru_cache

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError
from sqlglot.optimizer.normalize_identifiers import normalize_identifiers

from freehold.foundation import FreeholdError, Where


def parse(
    sql: str, dialect: str, where: Where | None = None, line_offset: int = 0, column_offset: int = 0
) -> exp.Query:
    """Parse exactly one query.

    `line_offset` is added to the lines that errors name, for texts that begin further down in their file, and
    `column_offset` to the columns of the first line.

    Raises:
        FreeholdError: FH-Q001 the text does not parse; FH-Q002 it is not one query.
    """
    try:
        statements = [s for s in sqlglot.parse(sql, read=dialect) if s is not None]
    except ParseError as error:
        raise _unparsable(error, where, line_offset, column_offset) from error
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


def _unparsable(error: ParseError, where: Where | None, line_offset: int, column_offset: int) -> FreeholdError:
    first = error.errors[0] if error.errors else {}
    problem = str(first.get("description") or str(error).splitlines()[0])
    near_text = str(first.get("highlight") or "")
    if where is not None and first.get("line"):
        line, last = int(first["line"]), int(first.get("col") or 1)  # the last character of what is highlighted
        column = max(1, last - max(0, len(near_text) - 1)) + (column_offset if line == 1 else 0)
        where = Where(where.path, line + line_offset, column)
    return FreeholdError(
        "FH-Q001",
        f"This SQL does not parse near `{near_text}`: {problem}"
        if near_text
        else f"This SQL does not parse: {problem}",
        where=where,
        fix="Mend the statement; `freehold validate` shows all such places at once.",
    )
