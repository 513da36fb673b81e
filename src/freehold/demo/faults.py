"""What goes wrong with a day's file on its way, and what the sender did about it.

Each fault spoils one delivery; the right file follows one or two days later. This module knows nothing of contracts,
checks or warehouses: it does not know whether anybody will notice.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, time, timedelta
from enum import StrEnum
from random import Random

from freehold.demo.generator import HEADER, Line, TradingDay, cells, to_csv


class FaultKind(StrEnum):
    """The ways in which a delivery goes wrong."""

    CURRENCY = "currency slip"
    TRUNCATED = "truncated day"
    DUPLICATED = "duplicated load"
    SCHEMA = "schema change"
    LATE = "late day"


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: the day it spoils, when the spoilt file came (None: nothing came) and when the right one did."""

    kind: FaultKind
    day: date
    spoilt_on: date | None
    righted_on: date
    what: str


_GAP = 4  # trading days between two faults, so that one is mended before the next


def plan_faults(seed: int, days: Sequence[date]) -> tuple[Fault, ...]:
    """Choose which of the trading days go wrong and how; fewer than five where the days are too few.

    The first third stays clean, so that there is something to compare with, and the last day too, so that every
    correction has come when the days are over.
    """
    random = Random(f"faults/{seed}")
    room = list(days[max(len(days) // 3, 1) : -3])
    count = min(len(FaultKind), len(room) // _GAP)
    kinds = list(FaultKind)[:count]
    random.shuffle(kinds)
    stride = len(room) // count if count else 0
    chosen = [room[place * stride + random.randrange(stride - _GAP + 1)] for place in range(count)]
    return tuple(_fault(random, kind, day) for kind, day in zip(kinds, chosen, strict=True))


def spoil(fault: Fault, day: TradingDay) -> bytes:
    """Return the file that came first, as the fault left it. The same fault and day always give the same bytes."""
    random = Random(f"spoil/{fault.kind}/{fault.day}/{fault.what}")
    match fault.kind:
        case FaultKind.CURRENCY:
            return to_csv(_repriced(day.lines, _rate(fault)))
        case FaultKind.TRUNCATED:
            return to_csv(_until(day.lines, _drop_time(fault)))
        case FaultKind.DUPLICATED:
            return to_csv((*day.lines, *_stamped_later(day.lines, timedelta(minutes=random.randint(2, 9)))))
        case FaultKind.SCHEMA:
            return _with_channel(day.lines, random)
        case FaultKind.LATE:
            raise ValueError("a late day sends nothing until it sends the right file")


def _fault(random: Random, kind: FaultKind, day: date) -> Fault:
    due = day + timedelta(days=1)
    righted = due + timedelta(days=random.choice((1, 2)))
    if kind is FaultKind.LATE:
        return Fault(kind, day, None, righted, f"the file came on {righted}, {(righted - due).days} day(s) late")
    return Fault(kind, day, due, righted, _story(random, kind))


def _story(random: Random, kind: FaultKind) -> str:
    if kind is FaultKind.CURRENCY:
        return random.choice(("prices in pence, 100 to the pound", "prices in Swedish krona, 13 to the pound"))
    if kind is FaultKind.TRUNCATED:
        return f"the connection dropped at the line of {time(10, random.randrange(25, 59)):%H:%M}"
    if kind is FaultKind.DUPLICATED:
        return "the export ran twice; the second run stamped its lines minutes later"
    return "UnitPrice is called Price, and a column Channel came before it"


def _rate(fault: Fault) -> int:
    return 100 if "pence" in fault.what else 13


def _drop_time(fault: Fault) -> time:
    return time.fromisoformat(fault.what[-5:])


def _repriced(lines: Sequence[Line], rate: int) -> list[Line]:
    return [replace(line, price=round(line.price * rate, 3)) for line in lines]


def _until(lines: Sequence[Line], drop: time) -> list[Line]:
    first = lines[0].invoice
    return [line for line in lines if line.ordered_at.time() < drop or line.invoice == first]


def _stamped_later(lines: Sequence[Line], by: timedelta) -> list[Line]:
    return [replace(line, ordered_at=line.ordered_at + by) for line in lines]


def _with_channel(lines: Sequence[Line], random: Random) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*HEADER[:5], "Channel", "Price", *HEADER[6:]])
    for line in lines:
        texts = cells(line)
        writer.writerow([*texts[:5], random.choice(("web", "phone")), *texts[5:]])
    return out.getvalue().encode()
