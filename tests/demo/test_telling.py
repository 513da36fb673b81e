"""How the story reads in a terminal, and that a machine is told the same."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from rich.console import Console

from freehold.demo.figure import Figure
from freehold.demo.story import Broken, Caught, Kept, Late, Protected, Story
from freehold.demo.telling import print_story, story_json

CAUGHT = Caught(
    day=date(2026, 6, 3),
    asset="sales.orders.lines",
    candidate="41",
    caught_at=datetime(2026, 6, 4, 5, 45, tzinfo=UTC),
    recovered_at=datetime(2026, 6, 5, 5, 45, tzinfo=UTC),
    broken=(Broken("c1", "The average price of an article is between 1.50 and 9 pounds.", "318.2", "must be 1.5"),),
    reason="",
    figure=Figure(Decimal("3000000.00"), Decimal("30000.00")),
    protected=(
        Protected(
            "simulated/board-pack",
            "board pack",
            1,
            (Kept("sales.orders.monthly_revenue", "d-1", datetime(2026, 6, 3, 5, 45, tzinfo=UTC), date(2026, 6, 2)),),
        ),
    ),
    look="freehold -C demo quarantine show 41",
)


def _told(story: Story) -> str:
    out = io.StringIO()
    print_story(story, Console(file=out, width=200, no_color=True, highlight=False))
    return out.getvalue()


@pytest.mark.parametrize(
    "words",
    [
        pytest.param("The average price of an article is between 1.50 and 9 pounds. It was 318.2", id="what broke"),
        pytest.param("£3,000,000.00 for 3 Jun 2026 instead of £30,000.00", id="the wrong figure and the right one"),
        pytest.param("+£2,970,000.00, +9,900 %", id="in pounds and per cent"),
        pytest.param("board pack (1) · simulated consumers", id="who was protected, labelled as simulated"),
        pytest.param("monthly_revenue as published 3 Jun 05:45, data through 2 Jun 2026", id="what they kept"),
        pytest.param("freehold -C demo quarantine show 41", id="the next command"),
    ],
)
def test_a_fault_is_told_in_full(words: str) -> None:
    """Each part of the story is there, in words a person understands."""
    assert words in _told(Story((CAUGHT,), ()))


def test_no_fault_is_no_story() -> None:
    """Where nothing went wrong, that is what is said."""
    assert "no story to tell" in _told(Story((), ()))


def test_a_late_day_is_a_line() -> None:
    """A late day is told in one line, by how much it was late."""
    late = Late(date(2026, 6, 9), "sales.orders.raw_lines", datetime(2026, 6, 12, 5, 45, tzinfo=UTC), 2)

    assert "9 Jun 2026  the file of sales.orders.raw_lines came 2 days late" in _told(Story((CAUGHT,), (late,)))


def test_json_says_the_same() -> None:
    """The machine's object has the same figures and marks consumers as simulated."""
    (caught,) = story_json(Story((CAUGHT,), ()))["caught"]

    assert caught["figure"]["difference"] == Decimal("2970000.00")
    assert caught["figure"]["percent"] == Decimal("9900.0")
    assert caught["protected"][0]["simulated"] is True


def test_three_are_told_those_with_figures_first() -> None:
    """Of more than three, those whose wrong figure is known are told, in the order of time."""
    from dataclasses import replace

    refused = replace(CAUGHT, figure=None, caught_at=datetime(2026, 6, 1, 5, 45, tzinfo=UTC))
    others = tuple(replace(CAUGHT, caught_at=datetime(2026, 6, n, 5, 45, tzinfo=UTC)) for n in (9, 10, 11))
    story = Story((refused, *others), ())

    assert story.told == others
