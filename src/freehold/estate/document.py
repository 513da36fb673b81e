"""One YAML document as read: a tree of nodes that know their places, and the plain values inside it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from freehold.estate.scalars import Scalar
from freehold.estate.spelling import place_in
from freehold.foundation import Where

Step = str | int


class ScalarNode:
    """A word, number, truth value or nothing; `style` is the quote it was written in ('' for plain)."""

    __slots__ = ("column", "line", "style", "text", "value")

    def __init__(self, value: Scalar, text: str, style: str, line: int, column: int) -> None:
        self.value = value
        self.text = text
        self.style = style
        self.line = line
        self.column = column


class ListNode:
    """A list; `flow` when it was written in brackets."""

    __slots__ = ("column", "flow", "items", "line", "value")

    def __init__(self, flow: bool, line: int, column: int) -> None:
        self.items: list[Node] = []
        self.value: list[Any] = []
        self.flow = flow
        self.line = line
        self.column = column


class MapNode:
    """A mapping from words to nodes, in the order of the file. A key is always text, as JSON has it."""

    __slots__ = ("column", "entries", "flow", "line", "value")

    def __init__(self, flow: bool, line: int, column: int) -> None:
        self.entries: dict[str, tuple[ScalarNode, Node]] = {}
        self.value: dict[str, Any] = {}
        self.flow = flow
        self.line = line
        self.column = column


Node = ScalarNode | ListNode | MapNode


@dataclass(frozen=True, eq=False)
class Document:
    """One document of a file. `value` is what it says; `where` tells the place of any part of it in the `source`."""

    path: str
    root: Node
    source: str = field(repr=False)

    @property
    def value(self) -> Any:
        """Plain dicts, lists and scalars; keys are text, order is the file's."""
        return self.root.value

    def where(self, *path: Step) -> Where:
        """Return the place of the value at a path; of the nearest part around it when there is none."""
        node = self._nearest(path)
        return Where(self.path, node.line, node.column)

    def where_key(self, *path: Step) -> Where:
        """Return the place of the key at a path, where it is a key; else the place of the value."""
        if path:
            around = self._nearest(path[:-1])
            if isinstance(around, MapNode) and path[-1] in around.entries:
                key = around.entries[str(path[-1])][0]
                return Where(self.path, key.line, key.column)
        return self.where(*path)

    def place(self, *path: Step) -> Callable[[int], Where]:
        """Return what tells the place of a sign, by its offset in the text at a path, however the file spells it."""
        node, start = self._nearest(path), self.where(*path)
        if not isinstance(node, ScalarNode):
            return lambda _offset: start

        def place(offset: int) -> Where:
            found = place_in(self.source, (node.line, node.column), node.style, node.text, offset)
            return Where(self.path, *found)

        return place

    def node(self, *path: Step) -> Node | None:
        """Return the node at a path, or None."""
        node: Node | None = self.root
        for step in path:
            node = _child(node, step) if node else None
        return node

    @cached_property
    def digest(self) -> str:
        """The sha256 of what the document says: layout, quoting and comments do not count, order does."""
        text = json.dumps(self.value, ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()

    def dump(self) -> str:
        """Write the document as YAML. Reading it again gives the same values in the same order; comments are gone."""
        from freehold.estate.writing import written

        return written(self.root)

    def _nearest(self, path: tuple[Step, ...]) -> Node:
        node = self.root
        for step in path:
            child = _child(node, step)
            if child is None:
                break
            node = child
        return node


def _child(node: Node, step: Step) -> Node | None:
    if isinstance(node, MapNode):
        entry = node.entries.get(str(step))
        return entry[1] if entry else None
    if isinstance(node, ListNode) and isinstance(step, int) and 0 <= step < len(node.items):
        return node.items[step]
    return None
