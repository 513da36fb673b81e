"""What is above and below an asset, asked for only where it matters, and then remembered."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

Inputs = Mapping[str, Iterable[str]]
"""What each asset reads, by asset."""


class Neighbours:
    """The lineage of an estate, read when it is asked for the first time."""

    def __init__(self, inputs: Callable[[], Inputs]) -> None:
        self._read = inputs
        self._above: Mapping[str, tuple[str, ...]] | None = None
        self._below: dict[str, list[str]] = defaultdict(list)
        self._known: dict[tuple[str, bool], frozenset[str]] = {}

    def is_above(self, asset: str, other: str) -> bool:
        """Whether an asset is among what another reads, directly or not."""
        return asset in self._reached(other, above=True)

    def path(self, asset: str, among: Collection[str]) -> Iterator[str]:
        """Yield an asset itself and what is above and below it, of some assets."""
        for one in (asset, *self._reached(asset, above=True), *self._reached(asset, above=False)):
            if one in among:
                yield one

    def _reached(self, asset: str, *, above: bool) -> frozenset[str]:
        if (asset, above) not in self._known:
            self._known[asset, above] = self._walked(asset, above=above)
        return self._known[asset, above]

    def _walked(self, asset: str, *, above: bool) -> frozenset[str]:
        if self._above is None:
            self._above = {one: tuple(inputs) for one, inputs in self._read().items()}
            for one, inputs in self._above.items():
                for name in inputs:
                    self._below[name].append(one)
        along: Mapping[str, Collection[str]] = self._above if above else self._below
        reached: set[str] = set()
        waiting = [asset]
        while waiting:
            fresh = [one for one in along.get(waiting.pop(), ()) if one not in reached and one != asset]
            reached.update(fresh)
            waiting += fresh
        return frozenset(reached)
