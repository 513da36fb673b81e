"""The documents that are a role's own: those it signs, and, for consumers, those that are written for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from freehold.server.web.model import Crumb
from freehold.server.web.showing import Asked
from freehold.server.written import readable

_OWNERS: Mapping[str, tuple[str, ...]] = {
    "product": ("role:pm",),
    "dataops": ("role:dataops-lead",),
    "leader": ("role:vp-data",),
}


def papers_of(asked: Asked, home: str) -> tuple[Crumb, ...]:
    """Return the documents of a home that the reader may read, in the order of their ids."""
    return tuple(_papers_of(asked, home))


def _papers_of(asked: Asked, home: str) -> Iterator[Crumb]:
    for file in readable(asked).values():
        if file.owner in _OWNERS.get(home, ()) if home != "consumer" else file.audience.startswith("consumer"):
            yield Crumb(file.name, f"/documents/{file.id}")
