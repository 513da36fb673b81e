"""Changes to files of people: one entry more in a list, or another in its place, and nothing else touched.

Comments, order and quoting stay. What cannot be edited so is left to whoever called, who reads the outcome again.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from freehold.estate.document import ListNode, MapNode
from freehold.estate.writing import inline

if TYPE_CHECKING:
    from freehold.estate.document import Document, Node, Step


def with_entry(
    text: str, document: Document, path: tuple[Step, ...], entry: Mapping[str, Any], place: int | None = None
) -> str:
    """Return the text of a file with an entry in a list of one of its documents.

    Args:
        text: of the whole file.
        document: that is in it.
        path: to the list; where there is none, it begins at the end of what it belongs to.
        entry: that is to be in it, written on one line.
        place: of the entry that it is laid over; None: it is added after all others.
    """
    lines, node = text.splitlines(), document.node(*path)
    if not isinstance(node, ListNode) or not node.items:
        return _begun(lines, document, path, entry)
    said: list[dict[str, Any]] = node.value
    if node.flow:
        items = [{**one, **entry} if n == place else one for n, one in enumerate(said)]
        where = document.where_key(*path)
        first, last = where.line - 1, max(_last_line(one) for one in node.items)
        whole = inline(items if place is not None else [*items, dict(entry)])
        return _joined([*lines[:first], f"{' ' * (where.column - 1)}{path[-1]}: {whole}", *lines[last:]])
    indent = node.items[-1].column - 3  # the dash and a space stand before an entry
    if place is None:
        last = _block_end(lines, node.items[-1].line, indent)
        return _joined([*lines[:last], f"{' ' * indent}- {inline(dict(entry))}", *lines[last:]])
    first, last = node.items[place].line - 1, _block_end(lines, node.items[place].line, indent)
    comment = lines[first].partition("  #")[2] if last == first + 1 else ""
    new = f"{' ' * indent}- {inline({**said[place], **entry})}" + (f"  #{comment}" if comment else "")
    return _joined([*lines[:first], new, *lines[last:]])


def diff_of(path: str, before: str, after: str) -> str:
    """Return a change of one file as a unified diff, as `git apply` takes it; empty where nothing changed."""
    was, now = before.splitlines(keepends=True), after.splitlines(keepends=True)
    return "".join(difflib.unified_diff(was, now, f"a/{path}", f"b/{path}"))


def _begun(lines: list[str], document: Document, path: tuple[Step, ...], entry: Mapping[str, Any]) -> str:
    around = document.node(*path[:-1])
    if not isinstance(around, MapNode) or around.flow:
        return _joined(lines)
    indent = around.column - 1
    end = _block_end(lines, around.line, indent - 1)
    begins = " " * indent
    return _joined([*lines[:end], f"{begins}{path[-1]}:", f"{begins}  - {inline(dict(entry))}", *lines[end:]])


def _block_end(lines: list[str], line: int, indent: int) -> int:
    """Return the number of lines up to the end of what begins in a line, counted from 1, and is further in."""
    end = line
    for place in range(line, len(lines)):
        said = lines[place]
        if said.startswith("---") or (said.strip() and len(said) - len(said.lstrip()) <= indent):
            break
        end = place + 1 if said.strip() else end
    return end


def _last_line(node: Node) -> int:
    """Return the last line in which something of a value begins."""
    if isinstance(node, MapNode):
        return max([node.line, *(_last_line(value) for _, value in node.entries.values())])
    return max([node.line, *(_last_line(one) for one in node.items)]) if isinstance(node, ListNode) else node.line


def _joined(lines: list[str]) -> str:
    return "\n".join(lines) + "\n"
