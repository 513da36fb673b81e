"""The files of a replay and the mornings on which they arrive: generated ones, or real ones from a folder.

Writes below the demo's own folder only. What was injected is written to `landing/injected.json` for people and tests;
nothing of the product reads it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from pathlib import Path

from freehold.demo.faults import Fault, plan_faults, spoil
from freehold.demo.generator import TradingDay, to_csv, trading_days
from freehold.foundation import Exit, FreeholdError

LANDING = "landing/lines"
MANIFEST = "landing/injected.json"
_DAY_FILE = re.compile(r"(\d{4}-\d{2}-\d{2})\.csv")


@dataclass(frozen=True, slots=True, order=True)
class Arrival:
    """A file for a trading day, and the morning on which it is there."""

    morning: date
    day: date
    file: Path


def generate(folder: Path, seed: int, end: date, days: int) -> tuple[Arrival, ...]:
    """Write `days` calendar days of files ending with `end`, five of them spoilt, and the manifest of what was done.

    Files go to `folder/deliveries/<morning>/<day>.csv`; the same seed, end and days always write the same bytes.
    """
    made = list(trading_days(seed, end - timedelta(days=days - 1), end))
    faults = {f.day: f for f in plan_faults(seed, [d.date for d in made])}
    arrivals = tuple(sorted(a for day in made for a in _deliver(folder, day, faults.get(day.date))))
    _write_manifest(folder / MANIFEST, seed, faults.values())
    return arrivals


def collect(data: Path, days: int | None = None) -> tuple[Arrival, ...]:
    """Return the daily files of a folder, each arriving on the morning after its day; the last `days` if given.

    Raises:
        FreeholdError: FH-X103 there is no YYYY-MM-DD.csv in the folder.
    """
    files = sorted(data.glob("*.csv")) if data.is_dir() else []
    found = [(_date_of(f), f) for f in files if _DAY_FILE.fullmatch(f.name)]
    if not found:
        raise FreeholdError(
            "FH-X103",
            f"`{data}` holds no daily files." if data.is_dir() else f"There is no folder `{data}`.",
            fix="Give a folder with one YYYY-MM-DD.csv a trading day, or leave out --data for generated days.",
            exit_code=Exit.USAGE,
        )
    found = found[-days:] if days else found
    return tuple(Arrival(day + timedelta(days=1), day, file) for day, file in found)


def by_morning(arrivals: Sequence[Arrival]) -> list[tuple[date, list[Arrival]]]:
    """Return every calendar morning from the first arrival to the last, with what arrives on it, often nothing."""
    if not arrivals:
        return []
    coming = {morning: list(group) for morning, group in groupby(sorted(arrivals), key=lambda a: a.morning)}
    first, last = min(coming), max(coming)
    mornings = (first + timedelta(days=n) for n in range((last - first).days + 1))
    return [(morning, coming.get(morning, [])) for morning in mornings]


def land(folder: Path, arrival: Arrival) -> Path:
    """Put an arrived file into the estate's landing folder, whole or not at all; a second one replaces the first."""
    target = folder / LANDING / f"{arrival.day}.csv"
    target.parent.mkdir(parents=True, exist_ok=True)
    coming = target.with_suffix(".part")
    shutil.copyfile(arrival.file, coming)
    os.replace(coming, target)  # noqa: PTH105 - says what it does: atomic
    return target


def _deliver(folder: Path, day: TradingDay, fault: Fault | None) -> Iterable[Arrival]:
    if fault is None:
        yield _written(folder, day.date + timedelta(days=1), day.date, to_csv(day.lines))
        return
    if fault.spoilt_on:
        yield _written(folder, fault.spoilt_on, day.date, spoil(fault, day))
    yield _written(folder, fault.righted_on, day.date, to_csv(day.lines))


def _written(folder: Path, morning: date, day: date, content: bytes) -> Arrival:
    file = folder / "deliveries" / str(morning) / f"{day}.csv"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    return Arrival(morning, day, file)


def _write_manifest(path: Path, seed: int, faults: Iterable[Fault]) -> None:
    said = [
        {
            "kind": str(fault.kind),
            "day": str(fault.day),
            "spoilt_file_on": str(fault.spoilt_on) if fault.spoilt_on else None,
            "right_file_on": str(fault.righted_on),
            "what": fault.what,
        }
        for fault in sorted(faults, key=lambda f: f.day)
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"seed": seed, "injected": said}, indent=2) + "\n")


def _date_of(file: Path) -> date:
    try:
        return date.fromisoformat(file.stem)
    except ValueError as error:
        raise FreeholdError(
            "FH-X104",
            f"`{file.name}` is not a date.",
            fix="Name daily files YYYY-MM-DD.csv, or move this one elsewhere.",
            exit_code=Exit.USAGE,
        ) from error
