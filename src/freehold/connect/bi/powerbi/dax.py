"""DAX, as far as names go: which columns, measures and whole tables a formula mentions."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import NamedTuple

_SILENT = re.compile(r'"(?:[^"]|"")*"|/\*.*?\*/|(?://|--)[^\n]*', re.DOTALL)
_NAME = re.compile(
    r"(?:'(?P<quoted>(?:[^']|'')+)'|(?P<plain>[^\W\d][\w.]*))?\s*\[(?P<name>(?:[^\]]|\]\])+)\]"
    r"|'(?P<table>(?:[^']|'')+)'|(?P<word>[^\W\d][\w.]*)(?P<call>\s*\()?"
)


class Mention(NamedTuple):
    """`'Table'[Name]`, `[Name]` with an empty table, or a table alone with an empty name."""

    table: str
    name: str


def mentions(formula: str, tables: Collection[str]) -> tuple[Mention, ...]:
    """Return what a formula mentions, each once, in order; texts and comments mention nothing.

    `tables` are the names of the model: a word that is none of them is a function or a variable. Names are compared
    without regard to case, as DAX compares them, and returned as the model spells them.
    """
    spelt = {name.casefold(): name for name in tables}
    found: dict[Mention, None] = {}
    for match in _NAME.finditer(_SILENT.sub(" ", formula)):
        if match["name"]:
            table = (match["quoted"] or match["plain"] or "").replace("''", "'")
            if table and table.casefold() not in spelt and match["plain"]:
                table = ""  # a keyword before a bracket: RETURN [Measure]
            found[Mention(spelt.get(table.casefold(), table), match["name"].replace("]]", "]"))] = None
            continue
        table = (match["table"] or match["word"] or "").replace("''", "'")
        if table.casefold() in spelt and not match["call"]:
            found[Mention(spelt[table.casefold()], "")] = None
    return tuple(found)
