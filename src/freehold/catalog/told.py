"""What many nodes are told in: counts, and the few that matter most."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from heapq import nsmallest
from typing import NamedTuple


class Facts(NamedTuple):
    """What many entries have in common."""

    product: str
    kind: str
    owner: str
    scope: str


@dataclass(frozen=True, slots=True)
class Told:
    """How many nodes there are, how many of each product, and the few that matter most: how much, and which."""

    count: int
    products: Counter[str]
    ranked: tuple[tuple[int, int], ...]

    @property
    def named(self) -> list[int]:
        """The nodes that are to be named."""
        return [node for _, node in self.ranked]

    def with_(self, other: Told, shown: int) -> Told:
        """Return two of different nodes as one."""
        ranked = nsmallest(shown, (*self.ranked, *other.ranked))
        return Told(self.count + other.count, self.products + other.products, tuple(ranked))
