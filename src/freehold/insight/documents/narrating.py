"""The narrative as a file that people fill in: a part after the other, each below what it is to answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from freehold.insight.documents.declared import DocumentFile


def narrative_text(file: DocumentFile, written: Mapping[str, str] | None = None) -> str:
    """Return the YAML of a narrative, with what is `written` of it already."""
    parts = ("\n".join(_part(name, asks, (written or {}).get(name, ""))) for name, asks in file.narrative.items())
    return f"# What a person writes in `{file.name}`, as Markdown.\n\n" + "\n".join(parts)


def _part(name: str, asks: str, text: str) -> Iterator[str]:
    yield f"# {asks}"
    yield f"{name}: |{'2' if text[:1].isspace() else ''}"
    yield from (f"  {line}".rstrip() for line in text.splitlines())
    yield ""
