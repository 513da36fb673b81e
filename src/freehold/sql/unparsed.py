"""What keeps a text from being SQL, in plain words, and at which sign of it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sqlglot import exp
from sqlglot.errors import ParseError, SqlglotError


@dataclass(frozen=True, slots=True)
class Unparsed:
    """Why a text does not parse: what is wrong, near what, and the offset of that, from 0."""

    problem: str
    near: str
    offset: int

    @property
    def said(self) -> str:
        """The end of a sentence that begins with the text not parsing."""
        return f" near `{self.near}`: {self.problem}" if self.near else f": {self.problem}"


def unparsed(error: SqlglotError, sql: str, *, prefix: str = "") -> Unparsed:
    """Return what an error of sqlglot says of a text that was parsed behind a prefix."""
    whole = prefix + sql
    first = error.errors[0] if isinstance(error, ParseError) and error.errors else None
    found = _unexpected(first, whole) if first is not None else _unclosed(error, whole)
    return Unparsed(found.problem, found.near, min(max(0, found.offset - len(prefix)), len(sql)))


def _unexpected(first: dict[str, object], sql: str) -> Unparsed:
    problem, near = str(first.get("description") or ""), str(first.get("highlight") or "")
    if "<class" in problem:  # names of the library's own parts
        problem = "something is missing"
    line, last = int(str(first.get("line") or 1)), int(str(first.get("col") or 1))  # the last sign of what is near
    begins = sum(len(one) + 1 for one in sql.split("\n")[: line - 1])
    return Unparsed(f"{problem.rstrip('.')}.", near, begins + max(0, last - max(1, len(near))))


def _unclosed(error: SqlglotError, sql: str) -> Unparsed:
    """Return what is wrong with a text that has no tokens: a quote, or a comment, that is never closed.

    The tokenizer's own error tells the offset of a quote, and nothing of a comment.
    """
    found = re.match(r"Missing (\S+) from \d+:(\d+)", str(error.__cause__))
    opening = int(found[2]) if found else max(0, sql.rfind("/*"))
    what = f"The `{found[1]}` here is not closed." if found else "The comment here is not closed."
    return Unparsed(what, next(iter(sql[opening : opening + 20].splitlines()), ""), opening)


def offset_of(tree: exp.Expr, *, prefix: str = "") -> int:
    """Return the offset at which a part of a text begins that was parsed behind a prefix; 0 where no name tells it."""
    starts = [part.meta["start"] for part in tree.walk() if "start" in part.meta]
    return int(max(0, min(starts, default=0) - len(prefix)))
