"""What arrives when, what is spoilt on the way, and what is written down about it."""

from __future__ import annotations

import json
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from freehold.demo.deliveries import MANIFEST, by_morning, collect, generate, land
from freehold.demo.faults import Fault, FaultKind, plan_faults, spoil
from freehold.demo.generator import to_csv, trading_days
from freehold.foundation import FreeholdError

END = date(2026, 6, 30)


def _tree(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_same_seed_and_end_give_the_same_bytes(tmp_path: Path) -> None:
    """Two demos of one seed and one last day hold the same files, the manifest included."""
    generate(tmp_path / "one", 3, END, 30)
    generate(tmp_path / "two", 3, END, 30)

    assert _tree(tmp_path / "one") == _tree(tmp_path / "two")


@pytest.mark.parametrize("seed", range(12))
def test_faults_are_apart_and_mended(seed: int) -> None:
    """In sixty days every kind of fault happens once, none before the first is mended, all mended in time."""
    days = [d.date for d in trading_days(1, END - timedelta(days=59), END)]
    faults = sorted(plan_faults(seed, days), key=lambda f: f.day)

    assert {f.kind for f in faults} == set(FaultKind)
    assert all(earlier.righted_on < later.day for earlier, later in pairwise(faults))
    assert all(1 <= (f.righted_on - f.day).days - 1 <= 2 for f in faults)
    assert max(f.righted_on for f in faults) <= END + timedelta(days=1)


@pytest.mark.parametrize(("days", "most"), [(5, 0), (20, 3), (40, 5)], ids=["five days", "twenty days", "forty days"])
def test_few_days_hold_few_faults(days: int, most: int) -> None:
    """Too few days carry fewer faults, never two that overlap."""
    span = [d.date for d in trading_days(1, END - timedelta(days=days - 1), END)]

    assert len(plan_faults(4, span)) <= most


def test_manifest_says_what_was_injected(tmp_path: Path) -> None:
    """What went wrong is written down, for people and tests."""
    arrivals = generate(tmp_path, 3, END, 60)
    said = json.loads((tmp_path / MANIFEST).read_text())["injected"]

    assert {f["kind"] for f in said} == {str(kind) for kind in FaultKind}
    for fault in said:
        mornings = [str(a.morning) for a in arrivals if str(a.day) == fault["day"]]
        expected = [m for m in (fault["spoilt_file_on"], fault["right_file_on"]) if m]
        assert mornings == expected


@pytest.mark.parametrize("kind", [k for k in FaultKind if k is not FaultKind.LATE])
def test_spoilt_files_differ_from_the_right_ones(kind: FaultKind) -> None:
    """A spoilt file is another file, and spoiling is repeatable."""
    day = next(trading_days(5, END, END))
    what = {FaultKind.TRUNCATED: "the connection dropped at the line of 10:40"}.get(kind, "prices in pence")
    fault = Fault(kind, END, END + timedelta(days=1), END + timedelta(days=2), what)

    assert spoil(fault, day) != to_csv(day.lines)
    assert spoil(fault, day) == spoil(fault, day)


def test_a_second_file_replaces_the_first_whole(tmp_path: Path) -> None:
    """A right file takes the place of the spoilt one; nothing half-written is left beside it."""
    arrivals = generate(tmp_path, 3, END, 60)
    day = next(a.day for a in arrivals if sum(b.day == a.day for b in arrivals) == 2)
    first, second = (a for a in arrivals if a.day == day)
    land(tmp_path, first)
    target = land(tmp_path, second)

    assert target.read_bytes() == second.file.read_bytes()
    assert [p.name for p in target.parent.iterdir()] == [f"{day}.csv"]


def test_every_morning_is_lived_through(tmp_path: Path) -> None:
    """Mornings without a file are mornings all the same: Saturday's, and those of late days."""
    arrivals = generate(tmp_path, 3, END, 30)
    mornings = by_morning(arrivals)

    assert [m for m, _ in mornings] == sorted({m for m, _ in mornings})
    assert len(mornings) == (mornings[-1][0] - mornings[0][0]).days + 1
    assert any(not coming for _, coming in mornings)
    assert [a for _, coming in mornings for a in coming] == list(arrivals)


@pytest.mark.parametrize("name", [None, "notes.txt"], ids=["no such folder", "a folder without daily files"])
def test_no_daily_files(tmp_path: Path, name: str | None) -> None:
    """A folder that holds no daily files is one clear error that names it."""
    folder = tmp_path / "data"
    if name:
        folder.mkdir()
        (folder / name).write_text("")

    with pytest.raises(FreeholdError) as caught:
        collect(folder)

    assert caught.value.code == "FH-X103"
    assert str(folder) in caught.value.problem


def test_a_name_that_is_no_date(tmp_path: Path) -> None:
    """A file named after a day that does not exist is refused by name."""
    (tmp_path / "2026-02-30.csv").write_text("")

    with pytest.raises(FreeholdError, match="2026-02-30"):
        collect(tmp_path)
