"""Pictures of answers as geometry: within their box, in the order of size, none of what there is not."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from freehold.server.web.drawing import effect_bar
from freehold.server.web.picturing import MOST_BARS, MOST_LINES, MOST_STRIPS, bars, lines, strips

VALUES = st.floats(-1e9, 1e9, allow_nan=False)
PERIODS = [f"2026-01-{day:02}" for day in range(1, 11)]
SERIES = st.dictionaries(
    st.text("abcdefgh", min_size=1, max_size=4),
    st.dictionaries(st.sampled_from(PERIODS), VALUES, min_size=1),
    min_size=1,
    max_size=20,
)


@given(SERIES)
def test_lines_and_strips_stay_in_their_box(series: dict[str, dict[str, float]]) -> None:
    """Whatever the values: a few lines with names that do not cover each other, levels from none to full."""
    drawn, heat = lines("t", "", series, PERIODS, PERIODS), strips("t", "", series, PERIODS)

    assert drawn is not None
    assert heat is not None
    assert len(drawn.lines) == min(MOST_LINES, len(series))
    assert drawn.left_out == len(series) - len(drawn.lines)
    places = sorted(line.name_y for line in drawn.lines)
    assert all(below - above >= 14.9 for above, below in pairwise(places))
    assert all(0 <= line.end_y <= drawn.height for line in drawn.lines)
    assert len(heat.strips) == min(MOST_STRIPS, len(series))
    assert all(0 <= cell.level <= 6 and 0 <= cell.x < heat.width for strip in heat.strips for cell in strip.cells)


@given(st.lists(st.tuples(st.text(max_size=5), VALUES, st.just("")), max_size=40))
def test_bars_are_the_largest_first(values: list[tuple[str, float, str]]) -> None:
    """The longest is the whole width; nothing is drawn of nothing."""
    drawn = bars("t", "", values)
    if not any(value for _, value, _ in values):
        assert drawn is None
        return

    assert drawn is not None
    lengths = [bar.length for bar in drawn.bars]
    assert lengths == sorted(lengths, reverse=True)
    assert lengths[0] == 100
    assert len(drawn.bars) + drawn.left_out == len(values)
    assert len(drawn.bars) <= MOST_BARS


@given(VALUES, VALUES)
def test_an_effect_goes_from_the_middle(effect: float, other: float) -> None:
    """To the right for more, to the left for less, never out of the box."""
    x, width = effect_bar(effect, max(abs(effect), abs(other)))

    assert 0 <= x <= 80.0
    assert x + width <= 160
    assert (x == 80.0) == (effect >= 0) or width <= 1.0
