"""XML without surprises: elements that know their line; documents that declare types or entities are refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NoReturn
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from freehold.connect.bi.files import broken
from freehold.foundation import FreeholdError, Where

DEEPEST = 500


class Node(Element):
    """An element with the line it begins in."""

    line = 0

    def named(self, name: str) -> Iterator[Node]:
        """Yield the elements of a name below this one, at any depth, in order."""
        for child in self.iter():
            if isinstance(child, Node) and name_of(child) == name:
                yield child

    def children(self, name: str) -> Iterator[Node]:
        """Yield the elements of a name right below this one."""
        for child in self:
            if isinstance(child, Node) and name_of(child) == name:
                yield child


def name_of(node: Element) -> str:
    """Return the name of an element, without the feature that Tableau may put in front: `_.fcp.….true...relation`."""
    return str(node.tag).rpartition("...")[2]


def parsed(content: bytes, path: str) -> Node:
    """Return the root of an XML document.

    Raises:
        FreeholdError: FH-X203 it is no XML, with line and column; FH-X207 it declares a document type or entities,
            which an export never does and an attack does.
    """
    parser = expat.ParserCreate()
    parser.buffer_text = True
    builder = TreeBuilder(element_factory=Node)
    depth = 0

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > DEEPEST:
            raise broken(path, f"it is nested deeper than {DEEPEST}", parser.CurrentLineNumber)
        node = builder.start(tag, attributes)
        assert isinstance(node, Node)
        node.line = parser.CurrentLineNumber

    def end(tag: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(tag)

    def refuse(*_: object) -> NoReturn:
        raise FreeholdError(
            "FH-X207",
            f"`{path}` declares a document type or entities, which could make a small file endless.",
            where=Where(path, parser.CurrentLineNumber, 1),
            fix="Remove the declaration; exports of Tableau have none.",
        )

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = refuse
    try:
        parser.Parse(content, True)
    except expat.ExpatError as error:
        said = expat.ErrorString(error.code)
        raise broken(path, f"it is no XML ({said})", error.lineno, error.offset + 1) from error
    root = builder.close()
    assert isinstance(root, Node)
    return root
