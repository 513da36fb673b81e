"""Categories: what is new and what is lost is told, and neither what comes and goes nor what chance leaves out."""

from __future__ import annotations

import pytest

from freehold.reliability.categories import compared
from freehold.reliability.judging import Grade

Counts = dict[str, int]
USUAL: Counts = {"de": 600, "fr": 300, "us": 100}


def days(number: int, *, more: dict[int, Counts] | None = None) -> list[Counts]:
    """Return what ordinary days have, and on some of them more."""
    return [USUAL | (more or {}).get(day, {}) for day in range(number)]


def found(
    history: list[Counts], newest: Counts, phase: list[Counts] | None = None
) -> dict[str, tuple[Grade, list[str]]]:
    """Return the grade of what is new and what is lost, each with the categories."""
    told = compared(history, history if phase is None else phase, newest)
    return {one.name: (one.verdict.grade, list(one.categories)) for one in told}


@pytest.mark.parametrize(
    ("history", "newest", "new", "lost"),
    [
        (days(30), USUAL, (Grade.USUAL, []), (Grade.USUAL, [])),
        (days(30), {**USUAL, "uk": 200}, (Grade.SEVERE, ["uk"]), (Grade.USUAL, [])),
        (days(30), {**USUAL, "uk": 20}, (Grade.UNUSUAL, ["uk"]), (Grade.USUAL, [])),
        (days(30), {**USUAL, "uk": 1}, (Grade.USUAL, ["uk"]), (Grade.USUAL, [])),
        (days(30), {"de": 700, "us": 300}, (Grade.USUAL, []), (Grade.SEVERE, ["fr"])),
        (days(30), {"de": 60, "FR": 30, "us": 10}, (Grade.SEVERE, ["FR"]), (Grade.SEVERE, ["fr"])),
        (days(30), {"de": 9, "fr": 3}, (Grade.USUAL, []), (Grade.USUAL, [])),
        (days(30, more={9: {"uk": 5}}), {**USUAL, "uk": 200}, (Grade.USUAL, []), (Grade.USUAL, [])),
        (days(30, more={9: {"at": 5}, 20: {"ch": 5}}), {**USUAL, "uk": 20}, (Grade.USUAL, ["uk"]), (Grade.USUAL, [])),
        (days(30, more={9: {"us": 0}}), {"de": 700, "fr": 300}, (Grade.USUAL, []), (Grade.USUAL, [])),
        (days(8), {**USUAL, "uk": 200}, (Grade.SEVERE, ["uk"]), (Grade.UNKNOWN, [])),
        (days(7), {**USUAL, "uk": 200}, (Grade.UNKNOWN, []), (Grade.UNKNOWN, [])),
    ],
    ids=[
        "as ever", "a large one is new", "a small one is new", "one row is nothing", "one is lost", "one is respelled",
        "so few rows lack one by chance", "it was there before", "something new is nothing special",
        "it was not always there", "new is known after eight", "of fewer nothing is said",
    ],
)  # fmt: skip
def test_what_is_new_and_what_is_lost(
    history: list[Counts], newest: Counts, new: tuple[Grade, list[str]], lost: tuple[Grade, list[str]]
) -> None:
    """By what was there before, and how sure that is."""
    assert found(history, newest) == {"new": new, "lost": lost}


def test_what_is_there_on_other_days_alone_is_not_lost() -> None:
    """A category that no batch of the same phase had is not missed."""
    history = days(28)
    phase = [{"de": 600, "fr": 300}] * 4

    assert found(history, {"de": 700, "fr": 300}, phase)["lost"] == (Grade.USUAL, [])
