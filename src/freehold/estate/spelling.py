"""Where the signs of a text stand in the file that says it, however YAML spells it: quoted, folded, moved in, escaped.

What YAML changes of a text are its white space, the quotes around it, and escapes; of the rest the file has the same
signs in the same order. So a sign of the text is found by counting those before it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

_BREAK = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
_WHITE = " \t\r\n\x85\u2028\u2029"
_ESCAPE = re.compile(r"x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|\r\n|.", re.DOTALL)
_WHITE_WORDS = (*_WHITE, "\r\n", *"tnrNLP")

Place = tuple[int, int]


def place_in(source: str, begins: Place, style: str, text: str, offset: int) -> Place:
    """Return the line and the column, both from 1, at which a sign of a text stands in its file.

    White space is found where the sign after it stands; the end of the text, behind its last sign.

    Args:
        source: the whole file.
        begins: where the text, its quote or the mark of its block begins.
        style: its quote, `|` or `>` for a block, or nothing.
        text: what it says.
        offset: of the sign, from 0.
    """
    if not text.strip(_WHITE):
        return begins
    before = sum(sign not in _WHITE for sign in text[:offset])
    is_behind = not text[offset:].strip(_WHITE)
    at = next(islice(_signs(source, _start(source, begins, style), style), before - is_behind, None))
    starts = [0, *(found.end() for found in _BREAK.finditer(source, 0, at))]
    return len(starts), at - starts[-1] + 1 + is_behind


def _start(source: str, begins: Place, style: str) -> int:
    """Return where the signs of a text begin: behind its quote, or below the mark of its block."""
    line, column = begins
    breaks = (found.end() for found in _BREAK.finditer(source))
    if style in ("|", ">"):
        return next(islice(breaks, line - 1, None))
    return (next(islice(breaks, line - 2, None)) if line > 1 else 0) + column - 1 + len(style)


def _signs(source: str, at: int, style: str) -> Iterator[int]:
    """Yield where each sign stands that is no white space; one that is escaped, where its escape begins."""
    while at < len(source):
        sign, size = source[at], 1
        is_white = sign in _WHITE
        if style == "'" and sign == "'":
            size = 2
        elif style == '"' and sign == "\\" and (escape := _ESCAPE.match(source, at + 1)):
            code = escape[1] or escape[2] or escape[3]
            size = 1 + len(escape[0])
            is_white = chr(int(code, 16)) in _WHITE if code else escape[0] in _WHITE_WORDS
        if not is_white:
            yield at
        at += size
