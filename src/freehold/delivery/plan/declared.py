"""What a change declares beside data and metrics: who is told, who may see, what is promised of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

_OF_ASSETS = ("DataContract", "Model", "Seed")
_WORDS = {"added": "is new", "changed": "changes", "removed": "goes"}


@dataclass(frozen=True, slots=True)
class Declared:
    """A resource that files declare otherwise than before; `what` is `added`, `changed` or `removed`."""

    kind: str
    id: str
    what: str

    def __str__(self) -> str:
        """Return it as a plan says it: ``Channel `desk` is new``."""
        return f"{self.kind} `{self.id}` {_WORDS[self.what]}"

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {"kind": self.kind, "id": self.id, "what": self.what}


def declared_otherwise(
    now: Mapping[str, str], then: Mapping[str, str], *, products: Collection[str], has_metrics: bool
) -> tuple[Declared, ...]:
    """Return what is declared otherwise, by kind and id, without what is told of already.

    Args:
        now: the content of each resource as it would be, by `kind:id`.
        then: as it is.
        products: those of whose assets something is told.
        has_metrics: whether metrics are told of, whose files are semantic models.
    """
    found = []
    for name in sorted({*now, *then}):
        kind, _, id_ = name.partition(":")
        is_told = kind in _OF_ASSETS or (kind == "DataProduct" and id_ in products)
        if now.get(name) == then.get(name) or is_told or (kind == "SemanticModel" and has_metrics):
            continue
        found.append(Declared(kind, id_, "added" if name not in then else "removed" if name not in now else "changed"))
    return tuple(found)
