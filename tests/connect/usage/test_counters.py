"""Counters: what they grew by between two imports is what was read, and a reset is seen."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freehold.connect.usage.counters import Grown, grown
from freehold.foundation import FreeholdError
from used_shop import EXPORTS, Shop

SEEN = "SELECT consumer, columns, calls, duration_ms, rows FROM uses ORDER BY calls DESC"


def counter(calls: int, ms: float = 0, rows: int = 0, since: str = "", **more: int) -> dict[str, Any]:
    """Return a counter."""
    return {"calls": calls, "ms": ms, "rows": rows, "since": since, **more}


GREW = {
    "one that was not there counts whole": (None, counter(3, 30, 9), Grown(3, 30, 9)),
    "one that stands grew by nothing": (counter(3, 30, 9), counter(3, 30, 9), Grown(0, 0, 0)),
    "one that grew counts what it grew by": (counter(3, 30, 9), counter(5, 70, 10), Grown(2, 40, 1)),
    "one that is smaller was reset": (counter(9, 90, 9), counter(2, 20, 4), Grown(2, 20, 4, is_reset=True)),
    "one that began later was reset, though it is larger": (
        counter(9, 90, 9, "mon"), counter(12, 20, 4, "tue"), Grown(12, 20, 4, is_reset=True)
    ),
    "what was written aside grew, too": (counter(3, spilled=4096), counter(4, spilled=5096), Grown(1, 0, 0, 1000)),
    "what was written aside before is not known": (counter(3), counter(4, spilled=5096), Grown(1, 0, 0)),
    "what was written aside since a reset is all of it": (
        counter(9, spilled=9000), counter(2, spilled=100), Grown(2, 0, 0, 100, is_reset=True)
    ),
    "one that learned to say since when was not reset": (counter(3, 1, 1), counter(4, 2, 2, "mon"), Grown(1, 1, 1)),
}  # fmt: skip


@pytest.mark.parametrize(("before", "now", "expected"), GREW.values(), ids=list(GREW))
def test_a_counter_grows_or_begins_anew(before: dict[str, Any] | None, now: dict[str, Any], expected: Grown) -> None:
    """What a counter tells of is the difference, or all of it."""
    assert grown(before, now) == expected


@given(st.lists(st.tuples(st.integers(0, 9), st.booleans()), min_size=1))
def test_no_call_is_told_twice_or_lost(steps: list[tuple[int, bool]]) -> None:
    """Over any growth, and resets that say so, the differences add up to what was called."""
    before, calls, told, epoch = counter(0, since="0"), 0, 0, 0
    for more, is_reset in steps:
        epoch += is_reset
        calls = more if is_reset else calls + more
        now = counter(calls, since=str(epoch))
        told += grown(before, now).calls
        before = now

    assert told == sum(more for more, _ in steps)


def named(shop: Shop) -> None:
    """Have the shop name the roles of its server."""
    shop.name(postgres={"ana": ["user:idp/ana"], "etl": ["service:nightly"]})


def test_snapshots_become_differences(shop: Shop) -> None:
    """The first says where counting begins; the second four more calls, and two of a statement that is new."""
    named(shop)

    first = shop.take(EXPORTS / "statements-1.csv", "pg_stat_statements")
    assert (first.is_baseline, first.recorded) == (True, 0)
    second = shop.take(EXPORTS / "statements-2.csv", "pg_stat_statements")

    assert (second.recorded, second.known, second.resets) == (2, 1, 0)
    assert shop.rows(SEEN) == [
        ("user:idp/ana", ["amount", "order_id"], 4, 20.0, 1), ("user:idp/ana", ["state"], 2, 4.0, 3),
    ]  # fmt: skip
    assert shop.rows("SELECT sum(reads) FROM uses") == [(6,)]


def test_a_reset_is_seen_and_a_snapshot_told_once(shop: Shop) -> None:
    """After a reset all calls are new; the same snapshot again tells nothing, an older one is refused."""
    named(shop)
    for number in (1, 2, 2):
        shop.take(EXPORTS / f"statements-{number}.csv", "pg_stat_statements")
    assert shop.rows("SELECT sum(reads) FROM uses") == [(6,)]

    told = shop.take(EXPORTS / "statements-3.csv", "pg_stat_statements")

    assert (told.resets, told.recorded) == (1, 1)
    assert shop.rows("SELECT sum(reads) FROM uses") == [(9,)]
    with pytest.raises(FreeholdError) as caught:
        shop.take(EXPORTS / "statements-2.csv", "pg_stat_statements")
    assert caught.value.code == "FH-X404"
    assert shop.take(EXPORTS / "statements-1.csv", "pg_stat_statements", of="other").is_baseline


def test_counters_of_the_future_are_counted_and_leave_those_of_before(
    shop: Shop, written: Callable[[str, str], Path]
) -> None:
    """Nothing of them is recorded; the next snapshot grows from the one before them."""
    text = (EXPORTS / "statements-2.csv").read_text(encoding="utf-8")
    shop.take(EXPORTS / "statements-1.csv", "pg_stat_statements")

    ahead = shop.take(written("a.csv", text.replace("2026-11-16", "2999-11-16")), "pg_stat_statements")
    after = shop.take(EXPORTS / "statements-2.csv", "pg_stat_statements")

    assert (ahead.ahead, ahead.recorded, ahead.is_baseline) == (ahead.told, 0, False)
    assert (after.recorded, after.known, after.ahead) == (2, 1, 0)


def test_a_file_that_says_no_time_is_of_when_it_was_written(shop: Shop, written: Callable[[str, str], Path]) -> None:
    """Where the export has no `taken_at`, reads are dated by the file."""
    lines = (EXPORTS / "statements-1.csv").read_text(encoding="utf-8").splitlines()
    for name, calls, at in (("a.csv", 10, 1_700_000_000), ("b.csv", 12, 1_700_086_400)):
        rows = [line.rpartition(",")[0].replace(",10,100", f",{calls},100") for line in lines]
        place = written(name, "\n".join(rows))
        os.utime(place, (at, at))
        shop.take(place, "pg_stat_statements")

    assert shop.rows("SELECT epoch(occurred_at), calls FROM usage_query") == [(1_700_086_400.0, 2)]
