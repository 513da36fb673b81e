"""What is of products that a caller may not see: told by names, and taken out of sentences that name it."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from typing import Any

_NAMES = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]*[A-Za-z0-9]")
_INSTEAD = "something that is not shown"


@dataclass(frozen=True)
class Cover:
    """Lies over the products of an estate that somebody may not see.

    Attributes:
        products: all that there are.
        seen: those of them that may be seen.
    """

    products: frozenset[str]
    seen: frozenset[str]

    @classmethod
    def over(cls, products: Collection[str], seen: Collection[str]) -> Cover:
        """Return the cover over all products but those that are seen."""
        return cls(frozenset(products), frozenset(seen))

    def hides(self, name: str) -> bool:
        """Whether a name is that of a product under it, of an asset or a column of one, or of a relation it is read as.

        Relations are told by their schema: `sales_orders.lines`, `dev__sales_orders.lines`.
        """
        if name in self.products:
            return name not in self.seen
        parts = name.split(".")
        for end in range(len(parts) - 1, 0, -1):
            known = ".".join(parts[:end])
            if known in self.products:
                return known not in self.seen
        return any(part.rpartition("__")[2] in self._schemas for part in parts[:-1])

    def names_hidden(self, said: Any) -> bool:
        """Whether a value of a file names anything under it, as a text of its own."""
        if isinstance(said, str):
            return self.hides(said)
        if isinstance(said, dict):
            return any(self.names_hidden(one) for one in (*said, *said.values()))
        return isinstance(said, list | tuple) and any(self.names_hidden(one) for one in said)

    def plain(self, text: str) -> str:
        """Return a sentence in which nothing that is hidden is named."""
        return _NAMES.sub(lambda found: _INSTEAD if self.hides(found[0]) else found[0], text)

    @cached_property
    def _schemas(self) -> frozenset[str]:
        return frozenset(product.replace(".", "_") for product in self.products - self.seen)
