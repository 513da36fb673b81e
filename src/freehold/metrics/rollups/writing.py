"""Rollups as a person would write them, and a file with one more of them; everything else in it stays as it is."""

from __future__ import annotations

from typing import Any

from freehold.estate.document import Document, MapNode
from freehold.estate.reading import read_documents
from freehold.estate.writing import inline
from freehold.foundation import Exit, FreeholdError, Where
from freehold.metrics.model import Rollup


def line_of(rollup: Rollup) -> str:
    """Return a rollup as one line of YAML."""
    said = _said(rollup)
    inside = ", ".join(f"{key}: {inline(value)}" for key, value in said.items())
    return f"{rollup.name}: {{{inside}}}"


def _said(rollup: Rollup) -> dict[str, Any]:
    return {"metrics": list(rollup.metrics), "by": [key.text for key in rollup.by]}


def with_rollup(text: str, path: str, rollup: Rollup) -> str:
    """Return the text of a file with one more rollup in its model.

    Raises:
        FreeholdError: FH-N608 the file is in a form in which a line cannot simply be added.
    """
    documents = list(read_documents(text.encode("utf-8"), path))
    number, document = next(
        ((i, d) for i, d in enumerate(documents) if d.value.get("name") == rollup.model), (0, documents[0])
    )
    lines = text.splitlines(keepends=True)
    there = document.node("rollups")
    is_block = isinstance(document.root, MapNode) and not document.root.flow and document.value.get("name")
    if not is_block or (there is not None and (not isinstance(there, MapNode) or there.flow)):
        raise _not_added(path, rollup)
    if isinstance(there, MapNode):
        first = next(iter(there.entries.values()))[0]
        at, indent, more = first.line - 1, " " * (first.column - 1), ""
    else:
        after = documents[number + 1] if number + 1 < len(documents) else None
        at, indent, more = _end(lines, document, after), "  ", "rollups:\n"
    if at and not lines[at - 1].endswith("\n"):
        lines[at - 1] += "\n"
    lines.insert(at, f"{more}{indent}{line_of(rollup)}\n")
    made = "".join(lines)
    _expect_added(made, path, number, document, rollup)
    return made


def _end(lines: list[str], document: Document, after: Document | None) -> int:
    """Return after which line a document has said everything: before the next one, blank lines and comments left."""
    start = document.root.line
    until = after.root.line - 1 if after is not None else len(lines)
    marks = [i for i in range(start, until) if lines[i].startswith(("---", "..."))]
    end = marks[0] if marks else until
    while end > start and (not lines[end - 1].strip() or lines[end - 1].startswith("#")):
        end -= 1
    return end


def _expect_added(text: str, path: str, number: int, before: Document, rollup: Rollup) -> None:
    """Make sure that the file says what it said, and the rollup."""
    wanted = {**before.value, "rollups": {**(before.value.get("rollups") or {}), rollup.name: _said(rollup)}}
    try:
        found = list(read_documents(text.encode("utf-8"), path))[number].value
    except FreeholdError as error:
        raise _not_added(path, rollup) from error
    if found != wanted:
        raise _not_added(path, rollup)


def _not_added(path: str, rollup: Rollup) -> FreeholdError:
    return FreeholdError(
        "FH-N608", f"The rollup `{rollup.name}` cannot be added to the file as it is written.", where=Where(path, 1, 1),
        fix=f"Add it by hand, under `rollups`: {line_of(rollup)}", exit_code=Exit.USAGE,
    )  # fmt: skip
