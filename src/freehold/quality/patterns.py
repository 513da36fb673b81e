"""Regular expressions that are cheaper as something else, and those that imply each other.

RE2 costs 70 to 160 ns a row. A pattern of one repeated class, such as `^[0-9a-f]{32}$`, is understood here: what only
fixes a length or a first character is asked that way, and a stricter pattern that holds proves the looser ones. What is
not understood stays a regular expression; nothing is ever guessed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from sqlglot import exp

from freehold.quality import sqltree as sql

Ranges = tuple[tuple[int, int], ...]  # of code points, both ends included

_LAST = 0x10FFFF
_NO_BREAK: Ranges = ((0, 9), (11, _LAST))
_SHORT = {"d": ((48, 57),), "w": ((48, 57), (65, 90), (95, 95), (97, 122))}
_ATOM = r"\.|\[(?:\\.|[^\]\\\[])+\]|\\[dw]|[A-Za-z0-9 _@,;:=/#%&~<>!-]"
_WHOLE = re.compile(rf"(\^?)({_ATOM})(\+|\*|\?|\{{\d+(?:,\d*)?\}})?(\$?)")
_MEMBER = re.compile(r"(\\.|[^\\])(?:-(\\.|[^\\]))?")
_MOST_RANGES = 6


@dataclass(frozen=True)
class Uniform:
    """A pattern of one class of characters, repeated `least` to `most` times (None: without end)."""

    ranges: Ranges
    least: int
    most: int | None
    from_start: bool
    to_end: bool

    def implies(self, other: Uniform) -> bool:
        """Return whether every text that matches this pattern matches the other."""
        if not (self.from_start and self.to_end) or not _within(self.ranges, other.ranges):
            return False
        if self.least < other.least:
            return False
        if not (other.from_start and other.to_end):
            return True
        return other.most is None or (self.most is not None and self.most <= other.most)


def understood(pattern: str) -> Uniform | None:
    """Return a pattern as one repeated class, or None where it is more than that."""
    found = _WHOLE.fullmatch(pattern)
    if not found:
        return None
    ranges = _ranges(found[2])
    if ranges is None:
        return None
    least, most = _times(found[3])
    return Uniform(ranges, least, most, bool(found[1]), bool(found[4]))


def matches(tree: exp.Expr, pattern: str) -> exp.Expr:
    """Return the cheapest condition that is true exactly of the texts a pattern matches (RE2, anywhere in the text)."""
    found = understood(pattern)
    if found and found.from_start and found.to_end and found.ranges == _NO_BREAK:
        return _of_length(tree, found)
    if found and found.from_start and not found.to_end and found.least == 1 and found.ranges[0][0] > 0:
        return _begins(tree, found.ranges) if len(found.ranges) <= _MOST_RANGES else _asked(tree, pattern)
    return _asked(tree, pattern)


def _asked(tree: exp.Expr, pattern: str) -> exp.Expr:
    return exp.RegexpLike(this=tree.copy(), expression=exp.Literal.string(pattern))


def _of_length(tree: exp.Expr, wanted: Uniform) -> exp.Expr:
    """`.` matches everything but a line break, so a text without one is asked for its length alone."""
    size, number = exp.Length(this=tree.copy()), exp.Literal.number
    broken = exp.Chr(expressions=[number(10)])
    conditions: list[exp.Expr] = [exp.Not(this=sql.call("contains", tree, broken))]
    if wanted.most == wanted.least:
        conditions.insert(0, exp.EQ(this=size, expression=number(wanted.least)))
    else:
        conditions.insert(0, exp.GTE(this=size, expression=number(wanted.least)))
        if wanted.most is not None:
            conditions.append(exp.LTE(this=size.copy(), expression=number(wanted.most)))
    return exp.Paren(this=sql.both(conditions))


def _begins(tree: exp.Expr, ranges: Ranges) -> exp.Expr:
    first = exp.Unicode(this=tree.copy())
    number = exp.Literal.number
    return sql.either(exp.Between(this=first.copy(), low=number(low), high=number(high)) for low, high in ranges)


def _times(text: str | None) -> tuple[int, int | None]:
    if text is None:
        return 1, 1
    if text in "+*?":
        return {"+": (1, None), "*": (0, None), "?": (0, 1)}[text]
    low, comma, high = text[1:-1].partition(",")
    return int(low), (int(high) if high else None) if comma else int(low)


def _ranges(atom: str) -> Ranges | None:
    if atom == ".":
        return _NO_BREAK
    if not atom.startswith("["):
        return _SHORT[atom[1]] if atom.startswith("\\") else ((ord(atom), ord(atom)),)
    body = atom[1:-1]
    negated = body.startswith("^")
    found: list[tuple[int, int]] = []
    for low, high in _MEMBER.findall(body[1:] if negated else body):
        one = _member(low, high)
        if one is None:
            return None
        found += one
    return _complement(_joined(found)) if negated else _joined(found)


def _member(low: str, high: str) -> list[tuple[int, int]] | None:
    if low.startswith("\\") and low[1] in _SHORT and not high:
        return list(_SHORT[low[1]])
    ends = [_code(text) for text in (low, high or low)]
    if ends[0] is None or ends[1] is None or ends[0] > ends[1]:
        return None
    return [(ends[0], ends[1])]


def _code(text: str) -> int | None:
    """Return the code point a member of a class stands for; None for an escape that is more than its character."""
    if not text.startswith("\\"):
        return ord(text)
    return None if text[1].isalnum() else ord(text[1])


def _joined(ranges: list[tuple[int, int]]) -> Ranges:
    joined: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if joined and low <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(high, joined[-1][1]))
        else:
            joined.append((low, high))
    return tuple(joined)


def _complement(ranges: Ranges) -> Ranges | None:
    edges = [-1, *(edge for pair in ranges for edge in pair), _LAST + 1]
    gaps = [(edges[i] + 1, edges[i + 1] - 1) for i in range(0, len(edges), 2)]
    return tuple(gap for gap in gaps if gap[0] <= gap[1]) or None


def _within(inner: Ranges, outer: Ranges) -> bool:
    return all(any(low <= start and end <= high for low, high in outer) for start, end in inner)
