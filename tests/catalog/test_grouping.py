"""Groups of a drawing: told from arrays as they would be told one node after the other."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from freehold.catalog.entry import TABLES
from freehold.catalog.grouping import Gists, gathered, placed

KINDS = (next(iter(TABLES)), "metric")
PRODUCTS = ("", "d.a", "d.b")

# Of each node its entry, product, kind, signal, whether it is whole, and its distance.
one = st.tuples(
    st.integers(1, 6), st.sampled_from(PRODUCTS), st.sampled_from(KINDS), st.integers(0, 3), st.booleans(),
    st.integers(-2, 2),
)  # fmt: skip


def facts_of(nodes: list[tuple[int, str, str, int, bool, int]]) -> list[tuple[int, int, str, str, int, bool, int]]:
    """Return nodes with their numbers; those of one entry have its product, kind and signal."""
    first: dict[int, tuple[str, str, int]] = {}
    rows = []
    for number, (entry, product, kind, signal, is_whole, hop) in enumerate(nodes, 100):
        rows.append((number, entry, *first.setdefault(entry, (product, kind, signal)), is_whole, hop))
    return rows


@given(nodes=st.lists(one, min_size=1, max_size=30), room=st.integers(1, 4), by_columns=st.booleans())
def test_groups_are_those_of_looking_at_each_node(
    nodes: list[tuple[int, str, str, int, bool, int]], room: int, by_columns: bool
) -> None:
    """Each node is in one group; the groups that matter most come first, and what is left is one more."""
    rows = facts_of(nodes)
    gists = Gists.read((row[:6] for row in rows), by_columns=by_columns)
    found = gathered(gists, np.array([row[6] for row in rows]), lambda _: room, by_columns=by_columns)

    def of(row: tuple[int, int, str, str, int, bool, int]) -> int | str:
        return row[1] if by_columns and row[3] in TABLES else row[2] or f"{row[3]}:"

    nearest = {of(row): min((r[6] for r in rows if of(r) == of(row)), key=lambda hop: (abs(hop), hop)) for row in rows}
    groups = defaultdict(list)
    for row in rows:
        groups[nearest[of(row)] if by_columns else row[6], of(row)].append(row)
    expected = []
    for hop in sorted({hop for hop, _ in groups}):
        ranked = sorted(
            (name for at, name in groups if at == hop),
            key=lambda name: (
                -max(r[4] for r in groups[hop, name]), -len(groups[hop, name]), isinstance(name, str), name,
            ),
        )  # fmt: skip
        kept = ranked[:room] if len(ranked) > room + 1 else ranked
        expected += [(hop, name, 0, {r[0] for r in groups[hop, name]}) for name in kept]
        if rest := ranked[len(kept) :]:
            expected.append((hop, "", len(rest), {r[0] for name in rest for r in groups[hop, name]}))

    assert [(g.hop, g.of, g.others, set(g.members.tolist())) for g in found] == expected
    whole = {row[0] for row in rows if by_columns and row[3] in TABLES and row[5]}
    assert [g.count for g in found] == [len(members - whole) for *_, members in expected]


@given(
    signals=st.lists(st.integers(0, 3), min_size=1, max_size=20),
    most=st.integers(1, 25),
    places=st.dictionaries(st.integers(100, 119), st.integers(0, 5)),
)
def test_those_are_named_that_matter_most(signals: list[int], most: int, places: dict[int, int]) -> None:
    """Of equals the first in the order of their table; what is named stands in that order."""
    nodes = range(100, 100 + len(signals))
    rows = [(node, node, "d.a", KINDS[1], signal, False) for node, signal in zip(nodes, signals, strict=True)]
    (group,) = gathered(Gists.read(rows, by_columns=True), np.zeros(len(rows), np.int64), lambda _: 1, by_columns=True)
    best = sorted(nodes, key=lambda node: (-signals[node - 100], places.get(node, 0), node))[:most]

    assert group.chosen(most, places) == tuple(sorted(best, key=lambda node: (places.get(node, 0), node)))


@given(nodes=st.lists(one, min_size=1, max_size=30))
def test_every_node_has_its_place(nodes: list[tuple[int, str, str, int, bool, int]]) -> None:
    """What is named has one of its own; everything else that of its group."""
    rows = facts_of(nodes)
    gists = Gists.read((row[:6] for row in rows), by_columns=False)
    found = gathered(gists, np.array([row[6] for row in rows]), lambda _: 2, by_columns=False)
    named = [group.chosen(2, {}) for group in found]
    at = dict(zip(*(part.tolist() for part in placed(found, named)), strict=True))

    own = [node for some in named for node in some]
    assert [at[node] for node in own] == list(range(len(found), len(found) + len(own)))
    assert {n: p for n, p in at.items() if n not in own} == {
        node: place for place, group in enumerate(found) for node in group.members.tolist() if node not in own
    }
