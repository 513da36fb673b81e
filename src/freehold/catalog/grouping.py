"""Nodes at their distances in groups, as a drawing has them: all of them counted, few of them to be named.

In arrays, since a node may have a hundred thousand around it, of which nobody can read more than a few.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from freehold.catalog.entry import TABLES

Numbers = npt.NDArray[np.int64]
Marks = npt.NDArray[np.bool_]
_NAMES_FROM = 1 << 40  # what groups by a name is told from what groups by an entry, and comes after it
_NODE_BITS, _MOST_SIGNAL = 40, 255


class Gists(NamedTuple):
    """Nodes with what groups them, place by place.

    Attributes:
        nodes: their numbers.
        ofs: what each is grouped by: the number of an entry; of a name, its place in `names` and `_NAMES_FROM`.
        signals: how much each matters, from 0 to 255.
        wholes: which stand for their entries, whose headings they are.
        names: products and kinds, in order.
    """

    nodes: Numbers
    ofs: Numbers
    signals: Numbers
    wholes: Marks
    names: tuple[str, ...]

    @classmethod
    def read(cls, rows: Iterable[tuple[int, int, str, str, int, int]], *, by_columns: bool) -> Gists:
        """Return nodes of which the tables tell: each with its entry, product, kind, signal, and whether it is whole.

        Columns are grouped by their entries where those are tables; everything else by its product, or its kind.
        """
        facts: dict[tuple[str, str], int] = {}
        told = [
            (node, entry, facts.setdefault((product, kind), len(facts)), signal, is_whole)
            for node, entry, product, kind, signal, is_whole in rows
        ]
        nodes, entries, at, signals, wholes = np.array(told, np.int64).reshape(-1, 5).T
        return cls.made(nodes, entries, list(facts), at, signals, wholes.astype(np.bool_), by_columns=by_columns)

    @classmethod
    def made(
        cls,
        nodes: Numbers,
        entries: Numbers,
        facts: Sequence[tuple[str, str]],
        at: Numbers,
        signals: Numbers,
        wholes: Marks,
        *,
        by_columns: bool,
    ) -> Gists:
        """Return the same from arrays; `facts` are products and kinds, and `at` says which of these a node has."""
        called = [product or f"{kind}:" for product, kind in facts]
        names = tuple(sorted(set(called)))
        codes = {name: _NAMES_FROM + place for place, name in enumerate(names)}
        of_name = np.array([codes[name] for name in called], np.int64)[at]
        in_table = np.array([by_columns and kind in TABLES for _, kind in facts], np.bool_)[at]
        return cls(nodes, np.where(in_table, entries, of_name), signals, wholes & in_table, names)


@dataclass(slots=True)
class Gathered:
    """Nodes of one distance that belong together.

    Attributes:
        of: the number of an entry, or a name; empty for what is left of a distance.
        members: its nodes, and `rows` those that are not its heading, with how much each matters; of what is left
            there are no rows, since it names none.
        count: how many are not its heading.
        others: how many groups were put together, where this is what is left.
    """

    hop: int
    of: int | str
    members: Numbers
    rows: Numbers
    signals: Numbers
    count: int
    others: int = 0

    def chosen(self, most: int, places: Mapping[int, int]) -> tuple[int, ...]:
        """Return the nodes that matter most, in the order of their places, then of their numbers."""
        if places:
            at = np.fromiter((places.get(node, 0) for node in self.rows.tolist()), np.int64, len(self.rows))
            best = np.lexsort((self.rows, at, -self.signals))[:most]
            return tuple(self.rows[best[np.lexsort((self.rows[best], at[best]))]].tolist())
        ranks = (_MOST_SIGNAL - self.signals) << _NODE_BITS | self.rows
        best = np.argpartition(ranks, most)[:most] if len(ranks) > most else np.arange(len(ranks))
        return tuple(np.sort(self.rows[best]).tolist())


def gathered(gists: Gists, hops: Numbers, most: Callable[[int], int], *, by_columns: bool) -> list[Gathered]:
    """Return nodes in groups, by distance and then by how much they matter.

    Args:
        gists: the nodes.
        hops: the distance of each, below zero before the start.
        most: how many groups a distance has, by that; the others are put together.
        by_columns: what is grouped by the same stands at one distance, the least of any: an entry is drawn once.
    """
    if by_columns:
        hops = _nearest(gists.ofs, hops)
    order = np.lexsort((gists.ofs, hops))  # nodes of a group lie together from here on
    ofs, at = gists.ofs[order], hops[order]
    begins = np.flatnonzero(np.concatenate(([True], (ofs[1:] != ofs[:-1]) | (at[1:] != at[:-1]))))
    counts = np.diff(np.append(begins, len(order)))
    signals = np.maximum.reduceat(gists.signals[order], begins)
    ranked = np.lexsort((ofs[begins], -counts, -signals, at[begins]))
    found: list[Gathered] = []
    for hop, groups in _by_hop(at[begins][ranked], ranked):
        room = most(hop)
        kept = groups[:room] if len(groups) > room + 1 else groups
        for group in kept.tolist():
            members = order[begins[group] : begins[group] + counts[group]]
            rows = members[~gists.wholes[members]]
            of = int(ofs[begins[group]])
            name = of if of < _NAMES_FROM else gists.names[of - _NAMES_FROM]
            found.append(Gathered(hop, name, gists.nodes[members], gists.nodes[rows], gists.signals[rows], len(rows)))
        if len(kept) < len(groups):
            is_left = np.zeros(len(begins), np.bool_)
            is_left[groups[len(kept) :]] = True
            left = order[np.repeat(is_left, counts)]
            count, none = int((~gists.wholes[left]).sum()), np.zeros(0, np.int64)
            found.append(Gathered(hop, "", gists.nodes[left], none, none, count, len(groups) - len(kept)))
    return found


def _nearest(ofs: Numbers, hops: Numbers) -> Numbers:
    """Return, for each node, the least distance of any that is grouped by the same; before the start comes first."""
    far = 2 * np.abs(hops) + (hops > 0)
    order = np.lexsort((far, ofs))
    is_first = np.concatenate(([True], ofs[order][1:] != ofs[order][:-1]))
    found = np.empty_like(hops)
    found[order] = hops[order][is_first][np.cumsum(is_first) - 1]
    return found


def _by_hop(hops: Numbers, groups: Numbers) -> Iterable[tuple[int, Numbers]]:
    """Yield groups, which are in order, by their distances."""
    each, first = np.unique(hops, return_index=True)
    return zip(each.tolist(), np.split(groups, first[1:]), strict=True)


def placed(every: Sequence[Gathered], named: Sequence[Sequence[int]]) -> tuple[Numbers, Numbers]:
    """Return all nodes, and for each a number: of a node that is named its own, counted on from the number of groups
    in the order in which they are named; of any other that of its group.
    """
    nodes = np.concatenate([one.members for one in every])
    codes = np.repeat(np.arange(len(every)), [len(one.members) for one in every])
    order = np.argsort(nodes)
    known = np.fromiter((node for some in named for node in some), np.int64)
    codes[order[np.searchsorted(nodes, known, sorter=order)]] = len(every) + np.arange(len(known))
    return nodes, codes
