"""Parsing and normal forms, all through sqlglot.

Two texts mean the same when their normal forms are equal under the kernel that runs now. Stored texts are compared
that way and never by an old hash, so that a new version of sqlglot rebuilds nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError, SqlglotError
from sqlglot.optimizer.normalize_identifiers import normalize_identifiers

from freehold.foundation import FreeholdError, Where

Place = Callable[[int, int], Where]


def parse(sql: str, dialect: str, where: Where | None = None, place: Place | None = None) -> exp.Query:
    """Parse exactly one query.

    Args:
        sql: its text.
        dialect: how it is spelled, by sqlglot's name.
        where: the place of the text, if it has one.
        place: gives the place of a line and a column of the text, both from 1; default: those of the file of `where`.

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
    first = error.errors[0] if isinstance(error, ParseError) and error.errors else {}
    if isinstance(error, ParseError):
        problem, near_text = (
            str(first.get("description") or str(error).splitlines()[0]),
            str(first.get("highlight") or ""),
        )
        line, last = (
            int(first.get("line") or 0),
            int(first.get("col") or 1),
        )  # the last character of what is highlighted
        column = max(1, last - max(0, len(near_text) - 1))
    else:
        problem, near_text, opening = _unclosed(error, sql)
        before = sql[:opening].split("\n")
        line, column = len(before), len(before[-1]) + 1
    if where is not None and line:
        where = place(line, column) if place is not None else Where(where.path, line, column)
    return FreeholdError(
        "FH-Q001",
        f"This SQL does not parse near `{near_text}`: {problem}"
        if near_text
        else f"This SQL does not parse: {problem}",
        where=where,
        fix="Mend the statement; `freehold validate` shows all such places at once.",
    )


def _unclosed(error: SqlglotError, sql: str) -> tuple[str, str, int]:
    """Return what is wrong with a text that has no tokens, what it begins with there, and its offset.

    Only a quote or a comment that is never closed does that; the tokenizer's own error tells the offset of the first.
    """
    found = re.match(r"Missing (\S+) from \d+:(\d+)", str(error.__cause__))
    opening = int(found[2]) if found else max(0, sql.rfind("/*"))
    what = f"The `{found[1]}` here is not closed." if found else "The comment here is not closed."
    return what, sql[opening : opening + 20].splitlines()[0], opening
