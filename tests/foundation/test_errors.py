"""Errors are data, time goes forward, ids sort."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freehold.foundation import (
    Caller,
    FreeholdError,
    Problems,
    RandomIds,
    SeededIds,
    SimulatedClock,
    Where,
    near,
    near_end,
)

START = datetime(2024, 1, 1, tzinfo=UTC)


def test_an_error_says_what_where_and_how_to_mend_it() -> None:
    """Three short lines, and the same as an object."""
    error = FreeholdError("FH-X001", "The thing is wrong.", where=Where("a.yaml", 3, 7), fix="Mend the thing.")
    assert str(error) == "FH-X001  a.yaml:3:7\nThe thing is wrong.\nFix: Mend the thing."
    assert error.to_json() == {
        "type": "https://freehold.dev/errors/FH-X001",
        "code": "FH-X001",
        "title": "The thing is wrong.",
        "where": "a.yaml:3:7",
        "fix": "Mend the thing.",
    }


def test_several_errors_stand_in_the_order_of_their_places() -> None:
    """By file, then line, then column."""
    places = [Where("b.yaml", 1, 1), Where("a.yaml", 10, 1), Where("a.yaml", 9, 5)]
    found = Problems([FreeholdError("FH-X001", str(w), where=w) for w in places])
    assert [str(e.where) for e in found.errors] == ["a.yaml:9:5", "a.yaml:10:1", "b.yaml:1:1"]


@pytest.mark.parametrize(
    ("word", "said"),
    [
        pytest.param("ordrs", "Did you mean `orders`?", id="a letter missing"),
        pytest.param("xyzzy", "", id="nothing near"),
    ],
)
def test_near_matches_are_offered_only_when_near(word: str, said: str) -> None:
    """A guess that helps nobody is not made."""
    assert near(word, ["orders", "customers"]) == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("4782a9b9dbe3", "Did you mean `4782a9b9dbe2`?", id="the end of one"),
        pytest.param("question/0198-4782a9b9dbe3", "Did you mean `question/0198-4782a9b9dbe2`?", id="all of one"),
        pytest.param("question/0198-acbb59e3ef1f", "", id="made at the same time"),
        pytest.param("zzz", "", id="nothing near"),
        pytest.param("", "", id="nothing"),
    ],
)
def test_ends_of_ids_are_near_too(text: str, said: str) -> None:
    """As much of an id is compared as somebody wrote of it."""
    assert near_end(text, ["question/0198-4782a9b9dbe2", "incident/0199-acbb59e3ef1f"]) == said


def test_a_simulated_clock_never_runs_backwards() -> None:
    """It moves when told to, and refuses an earlier instant."""
    clock = SimulatedClock(START)
    clock.advance(timedelta(hours=1))
    with pytest.raises(ValueError, match="backwards"):
        clock.move_to(START)
    assert clock.now() == START + timedelta(hours=1)


@given(st.integers(0, 2**32), st.integers(1, 50))
def test_seeded_ids_repeat_sort_and_look_like_version_seven(seed: int, count: int) -> None:
    """The same seed, the same ids; later ones sort after earlier ones."""
    first, again = SeededIds(seed, START), SeededIds(seed, START)
    ids = [first.new() for _ in range(count)]
    assert ids == [again.new() for _ in range(count)]
    assert ids == sorted(set(ids))
    assert {i[14] for i in ids} == {"7"}
    assert {i[19] for i in ids} <= set("89ab")


def test_random_ids_are_new_each_time() -> None:
    """No two alike."""
    source = RandomIds()
    assert len({source.new() for _ in range(1000)}) == 1000


def test_who_sits_at_the_shell_is_only_as_sure_as_the_shell() -> None:
    """Local assurance, whatever the name."""
    assert Caller.at_the_shell().assurance == "local"
