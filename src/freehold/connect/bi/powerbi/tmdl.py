"""TMDL, the text form of a tabular model: objects by indentation, properties, expressions that span lines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from freehold.connect.bi.files import broken

_OBJECT = re.compile(r"^(?P<kind>[A-Za-z]\w*)\s+(?P<name>'(?:[^']|'')*'|[^=:]+?)\s*(?P<given>=\s*(?P<value>.*))?$")
_AT_THE_TOP = {
    *("table", "expression", "relationship", "model", "database", "role", "perspective", "culture", "cultureInfo"),
    *("dataSource", "function", "queryGroup", "ref", "annotation"),
}
_PROPERTY = re.compile(r"^(?P<name>\w+)\s*(?P<sign>[:=])\s*(?P<value>.*)$")
_QUOTED = re.compile("'(?:[^']|'')+'")
_FENCE = "```"


@dataclass
class Thing:
    """An object of a model: `table Sales`, `measure 'Net sales' = …`, with its properties and what is inside it."""

    kind: str
    name: str
    line: int
    expression: str = ""
    properties: dict[str, str] = field(default_factory=dict)
    inside: list[Thing] = field(default_factory=list)

    def of(self, kind: str) -> Iterator[Thing]:
        """Yield the objects of a kind right inside it."""
        return (thing for thing in self.inside if thing.kind == kind)


def parsed(text: str, path: str) -> Thing:
    """Return the objects of a file, inside one that has no kind.

    Raises:
        FreeholdError: FH-X203 nothing in it is an object of a model, or an expression has no end.
    """
    root = Thing("", "", 0)
    open_: list[tuple[int, Thing]] = [(-1, root)]
    lines = text.splitlines()
    at = 0
    while at < len(lines):
        line, said = lines[at], lines[at].strip()
        at += 1
        if not said or said.startswith("///"):
            continue
        depth = _depth(line)
        while open_[-1][0] >= depth:
            open_.pop()
        parent = open_[-1][1]
        match = None if _PROPERTY.match(said) else _OBJECT.match(said)
        if match:
            thing = Thing(match["kind"], _unquoted(match["name"] or ""), at)
            parent.inside.append(thing)
            open_.append((depth, thing))
            if match["given"] is not None:
                # what is deeper than the properties of the object is its expression
                thing.expression, at = _expression(lines, at, match["value"], depth + 1, path)
        elif match := _PROPERTY.match(said):
            value = match["value"]
            if match["sign"] == "=":
                value, at = _expression(lines, at, value, depth, path)
            parent.properties.setdefault(match["name"], _unquoted(value))
    if not any(thing.kind in _AT_THE_TOP for thing in root.inside):
        raise broken(path, "it holds no object of a tabular model")
    return root


def _expression(lines: list[str], at: int, first: str, depth: int, path: str) -> tuple[str, int]:
    """Return the expression that begins behind a sign and the line after it."""
    first = first.strip()
    if first.startswith(_FENCE) or (not first and at < len(lines) and lines[at].strip() == _FENCE):
        begin = at if first.startswith(_FENCE) else at + 1
        for end in range(begin, len(lines)):
            if lines[end].strip() == _FENCE:
                return "\n".join(lines[begin:end]), end + 1
        raise broken(path, f"an expression that begins with {_FENCE} has no end", begin)
    taken = [first] if first else []
    while at < len(lines) and (not lines[at].strip() or _depth(lines[at]) > depth):
        taken.append(lines[at])
        at += 1
    return "\n".join(taken).strip(), at


def _depth(line: str) -> int:
    """Return how deep a line stands: a tab or four spaces are a level."""
    blank = line[: len(line) - len(line.lstrip())]
    return blank.count("\t") + len(blank.replace("\t", "")) // 4


def _unquoted(name: str) -> str:
    name = name.strip()
    return name[1:-1].replace("''", "'") if _QUOTED.fullmatch(name) else name
