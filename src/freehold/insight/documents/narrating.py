"""The narrative as a file that people fill in: a part after the other, each below what it is to answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from freehold.estate.reading import read_documents
from freehold.foundation import Exit, FreeholdError

if TYPE_CHECKING:
    from freehold.insight.documents.declared import DocumentFile


def narrative_text(file: DocumentFile, written: Mapping[str, str] | None = None) -> str:
    """Return the YAML of a narrative, with what is `written` of it already."""
    parts = ("\n".join(_part(name, asks, (written or {}).get(name, ""))) for name, asks in file.narrative.items())
    return f"# What a person writes in `{file.name}`, as Markdown.\n\n" + "\n".join(parts)


def narrative_from(text: str, name: str) -> dict[str, str]:
    """Return the parts of a narrative that are written, from the text of its file.

    Raises:
        FreeholdError: FH-O110 it is none; `name` is what it is called to the reader.
    """
    said: Any = next((d.value for d in read_documents(text.encode(), name)), {})
    if not isinstance(said, dict) or not all(isinstance(v, str | None) for v in said.values()):
        raise FreeholdError(
            "FH-O110", f"`{name}` is no narrative.", exit_code=Exit.USAGE,
            fix="Write a text for each part: `movement: |`, and the words below it.",
        )  # fmt: skip
    return {part: words for part, words in said.items() if words}


def _part(name: str, asks: str, text: str) -> Iterator[str]:
    yield f"# {asks}"
    yield f"{name}: |{'2' if text[:1].isspace() else ''}"
    yield from (f"  {line}".rstrip() for line in text.splitlines())
    yield ""
