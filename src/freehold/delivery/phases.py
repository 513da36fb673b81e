"""In which order the assets of a graph are brought up to date, where some are built by interval and some whole.

Interval assets go interval by interval, one wave each; whole assets go once. An asset that is built whole from interval
assets waits for all their waves, and an interval asset that reads a whole one waits for it. So the graph falls into
phases, whole ones and interval ones in turn, each after everything it reads.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from freehold.delivery.graph import Graph


@dataclass(frozen=True, slots=True)
class Phase:
    """Assets that go together, each after those it waits for."""

    by_interval: bool
    assets: tuple[str, ...]


def waits_for(graph: Graph, referred: Mapping[str, Set[str]]) -> dict[str, set[str]]:
    """Return for every asset what has to be up to date before it: what it reads, and what its checks refer to.

    A check may refer to an asset that is built from its own; that one it does not wait for.
    """
    found = {id_: set(asset.inputs) for id_, asset in graph.assets.items()}
    for id_, names in sorted(referred.items()):
        wished = {name for name in names if name in graph.assets and name != id_} - found[id_]
        for name in sorted(wished):
            if id_ not in _reached(name, found):
                found[id_].add(name)
    return found


def phases(graph: Graph, waiting: Mapping[str, Set[str]]) -> tuple[Phase, ...]:
    """Return the phases of a graph in order."""
    numbers: dict[str, int] = {}
    for id_ in ordered(waiting):
        highest = max((numbers[name] for name in waiting[id_]), default=0)
        numbers[id_] = highest + (highest % 2 != int(graph.assets[id_].by_interval))
    return tuple(
        Phase(bool(number % 2), tuple(id_ for id_, n in numbers.items() if n == number))
        for number in sorted(set(numbers.values()))
    )


def ordered(waiting: Mapping[str, Set[str]]) -> tuple[str, ...]:
    """Return assets so that each comes after those it waits for; else in the order of their ids."""
    sorter = TopologicalSorter({id_: sorted(names) for id_, names in sorted(waiting.items())})
    try:
        return tuple(sorter.static_order())
    except CycleError as error:  # pragma: no cover - the graph has none, and none is added to it
        raise AssertionError(error) from error


def _reached(start: str, waiting: Mapping[str, Set[str]]) -> set[str]:
    """Return an asset and everything it waits for, directly or not."""
    seen, open_ = {start}, [start]
    while open_:
        for name in waiting[open_.pop()]:
            if name not in seen:
                seen.add(name)
                open_.append(name)
    return seen
