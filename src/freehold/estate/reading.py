"""Strict YAML: bytes in, documents with places out, or one clear error for each thing that is wrong.

Refused: duplicate keys, unknown tags, merge keys, deep nesting, many aliases, big files, bytes that are not UTF-8.
Works on libyaml's events rather than on composed nodes: an alias or a depth is seen, and refused, when it comes.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from yaml import YAMLError
from yaml.cyaml import CParser  # type: ignore[attr-defined]
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    StreamEndEvent,
)

from freehold.estate.document import Document, ListNode, MapNode, Node, ScalarNode
from freehold.estate.scalars import Scalar, meaning
from freehold.foundation import Exit, FreeholdError, Problems, Where

LARGEST_FILE = 1_000_000  # bytes
DEEPEST = 64
MOST_ALIASES = 100
MOST_NODES = 1_000_000  # with every alias written out

_CONTROL = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TAG = "tag:yaml.org,2002:"
_TAG_TYPES: dict[str, tuple[type, ...]] = {"int": (int,), "float": (float, int), "bool": (bool,), "null": (type(None),)}


def read_documents(content: bytes, path: str) -> tuple[Document, ...]:
    """Read all documents of a YAML file; empty documents are left out.

    Raises:
        FreeholdError: FH-V003 to FH-V013, with the place; Problems for several in one file.
    """
    if len(content) > LARGEST_FILE:
        raise too_large(path, len(content))
    text = decoded(content, path)
    return _Composer(text, path).documents()


def read_file(root: Path, path: str) -> bytes:
    """Return the bytes of a file of the estate, looking at its size first.

    Raises:
        FreeholdError: FH-V002 it cannot be read; FH-V003 it is larger than 1 MB.
    """
    try:
        size = (root / path).stat().st_size
        if size > LARGEST_FILE:
            raise too_large(path, size)
        return (root / path).read_bytes()
    except OSError as error:
        raise FreeholdError(
            "FH-V002",
            f"The file cannot be read: {error.strerror or error}.",
            where=Where(path),
            fix="Check that it exists and that you may read it.",
            exit_code=Exit.ENVIRONMENT,
        ) from error


def too_large(path: str, size: int) -> FreeholdError:
    """Return the error for a file above the limit."""
    return FreeholdError(
        "FH-V003",
        f"The file has {size / 1e6:,.1f} MB; a file of an estate has at most {LARGEST_FILE // 1_000_000} MB.",
        where=Where(path),
        fix="Split it, or move data out of the estate (for example to a folder named `data`).",
    )


def decoded(content: bytes, path: str) -> str:
    """Return UTF-8 text without its byte order mark.

    Raises:
        FreeholdError: FH-V004 names the first byte that is not UTF-8.
    """
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # utf-8-sig counts from behind the mark.
        start = error.start + (3 if content.startswith(b"\xef\xbb\xbf") else 0)
        before = content[:start]
        line = before.count(b"\n") + 1
        column = len(before[before.rfind(b"\n") + 1 :].decode("utf-8", "replace")) + 1
        utf16 = content[:2] in (b"\xff\xfe", b"\xfe\xff")
        what = "It looks like UTF-16." if utf16 else "It may be Latin-1 or Windows-1252."
        raise FreeholdError(
            "FH-V004",
            f"The file is not UTF-8: byte 0x{content[start]:02x} at offset {start:,} (line {line}). {what}",
            where=Where(path, line, column),
            fix="Save it as UTF-8.",
        ) from error


class _Composer:
    """Builds the trees of one file from its events, and gathers what is wrong on the way."""

    def __init__(self, text: str, path: str) -> None:
        self._text = text
        self._path = path
        self._errors: list[FreeholdError] = []
        self._next = CParser(text).get_event
        self._nodes = 0
        self._aliases = 0
        self._anchors: dict[str, tuple[Node, int]] = {}  # with the number of nodes inside; -1 while it is open

    def documents(self) -> tuple[Document, ...]:
        try:
            found = tuple(self._documents())
        except YAMLError as error:
            raise self._with_others(_syntax_error(error, self._text, self._path)) from error
        if self._errors:
            raise Problems(self._errors) if len(self._errors) > 1 else self._errors[0]
        return found

    def _documents(self) -> list[Document]:
        found = []
        while not isinstance(event := self._next(), StreamEndEvent):
            if isinstance(event, DocumentStartEvent):
                self._anchors.clear()
                root = self._node(self._next(), 0)
                if not (isinstance(root, ScalarNode) and root.value is None):
                    found.append(Document(self._path, root, self._text))
        return found

    def _node(self, event: Any, depth: int) -> Node:
        kind = event.__class__
        if kind is AliasEvent:
            return self._alias(event)
        self._nodes += 1
        mark = event.start_mark
        if kind is ScalarEvent:
            style = event.style or ""
            plain = event.implicit[0] and not style
            value = self._plain(event) if plain else event.value
            if event.tag is not None:
                value = self._tagged(event)
            made = ScalarNode(value, event.value, style, mark.line + 1, mark.column + 1)
            if event.anchor:
                self._anchors[event.anchor] = (made, 1)
            return made
        return self._collection(event, depth + 1)

    def _collection(self, event: Any, depth: int) -> Node:
        mark = event.start_mark
        if depth > DEEPEST:
            raise self._error("FH-V007", f"Nested more than {DEEPEST} levels deep.", event, "Flatten the document.")
        if event.tag not in (None, "!", _TAG + "map", _TAG + "seq"):
            self._refuse_tag(event)
        mapping = event.__class__ is MappingStartEvent
        made: MapNode | ListNode = (MapNode if mapping else ListNode)(
            bool(event.flow_style), mark.line + 1, mark.column + 1
        )
        before = self._nodes
        if event.anchor:
            self._anchors[event.anchor] = (made, -1)
        if isinstance(made, MapNode):
            self._fill_map(made, depth)
        else:
            self._fill_list(made, depth)
        if event.anchor:
            self._anchors[event.anchor] = (made, self._nodes - before + 1)
        return made

    def _fill_list(self, made: ListNode, depth: int) -> None:
        while (event := self._next()).__class__ is not SequenceEndEvent:
            item = self._node(event, depth)
            made.items.append(item)
            made.value.append(item.value)

    def _fill_map(self, made: MapNode, depth: int) -> None:
        while (event := self._next()).__class__ is not MappingEndEvent:
            key = self._key(event, depth)
            value = self._node(self._next(), depth)
            if key.text in made.entries:
                first = made.entries[key.text][0]
                self._errors.append(
                    self._error(
                        "FH-V006",
                        f"The key `{key.text}` stands twice; first at line {first.line}, column {first.column}.",
                        event,
                        "Keep one of them.",
                    )
                )
                continue
            made.entries[key.text] = (key, value)
            made.value[key.text] = value.value

    def _key(self, event: Any, depth: int) -> ScalarNode:
        key = self._node(event, depth)
        if not isinstance(key, ScalarNode) or key.value is None:
            raise self._error("FH-V013", "A key must be a word.", event, "Write a plain or quoted word before the `:`.")
        if key.text == "<<" and not key.style:
            raise self._error(
                "FH-V013", "Merge keys (`<<`) are no part of YAML 1.2.", event, "Write the keys out where they belong."
            )
        return key

    def _alias(self, event: Any) -> Node:
        self._aliases += 1
        if self._aliases > MOST_ALIASES:
            raise self._error("FH-V008", f"More than {MOST_ALIASES} aliases.", event, "Write the values out.")
        node, size = self._anchors.get(event.anchor, (None, 0))
        if node is None:
            raise self._error("FH-V008", f"No anchor `&{event.anchor}` stands above.", event, "Write the value out.")
        if size < 0:
            raise self._error("FH-V008", f"`*{event.anchor}` contains itself.", event, "Write the value out.")
        self._nodes += size
        if self._nodes > MOST_NODES:
            raise self._error("FH-V008", f"Aliases blow up to over {MOST_NODES:,} values.", event, "Write them out.")
        return node

    def _plain(self, event: Any) -> Scalar:
        try:
            return meaning(event.value)
        except ValueError as error:
            self._errors.append(self._error("FH-V005", f"This is {error}.", event, "Quote it to make it text."))
            return str(event.value)

    def _tagged(self, event: Any) -> Scalar:
        if event.tag in ("!", _TAG + "str"):
            return str(event.value)
        types = _TAG_TYPES.get(event.tag.removeprefix(_TAG))
        read = meaning(event.value)
        if types is None or not event.tag.startswith(_TAG) or not isinstance(read, types):
            self._refuse_tag(event)
        return read

    def _refuse_tag(self, event: Any) -> None:
        short = event.tag.replace(_TAG, "!!")
        self._errors.append(self._error("FH-V009", f"The tag `{short}` has no meaning here.", event, "Remove it."))

    def _error(self, code: str, problem: str, event: Any, fix: str) -> FreeholdError:
        mark = event.start_mark
        return FreeholdError(code, problem, where=Where(self._path, mark.line + 1, mark.column + 1), fix=fix)

    def _with_others(self, error: FreeholdError) -> FreeholdError:
        return Problems([*self._errors, error]) if self._errors else error


def _syntax_error(error: YAMLError, text: str, path: str) -> FreeholdError:
    mark = getattr(error, "problem_mark", None)
    if mark is None:
        return _control_character(text, path)
    where = Where(path, mark.line + 1, mark.column + 1)
    problem = str(getattr(error, "problem", None) or "unreadable")
    context = getattr(error, "context", None)
    start = getattr(error, "context_mark", None)
    line = text.splitlines()[mark.line] if mark.line < len(text.splitlines()) else ""
    if "tab character" in problem or (line[: mark.column + 1].strip() == "" and "\t" in line[: mark.column + 1]):
        fix = "Indent with spaces, not tabs."
    elif "cannot start any token" in problem:
        fix = "Put the value in quotes."
    elif "mapping values are not allowed" in problem:
        fix = "Quote a value that holds `: `, or mend the indentation of this line."
    else:
        fix = "Close what was opened there, or quote the value." if start else "Mend the line."
    begun = f", {context} that starts at line {start.line + 1}, column {start.column + 1}" if context and start else ""
    return FreeholdError("FH-V005", f"This is not YAML: {problem}{begun}.", where=where, fix=fix)


def _control_character(text: str, path: str) -> FreeholdError:
    found = _CONTROL.search(text)
    start = found.start() if found else 0
    line = text.count("\n", 0, start) + 1
    column = start - (text.rfind("\n", 0, start) + 1) + 1
    name = f"U+{ord(found[0]):04X}" if found else "unknown"
    return FreeholdError(
        "FH-V005",
        f"The control character {name} has no place in YAML.",
        where=Where(path, line, column),
        fix="Remove it, or write it as an escape in double quotes.",
    )
