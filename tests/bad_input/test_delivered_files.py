"""A delivered file that is wrong: kept aside with one clear reason, and consumers keep the last good version."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from estate import freehold, left, measured, newest_day, with_bytes, with_lines

ROW = "20261120-900,2026-11-20 10:00:00"

# what is wrong: the change, the line it is on (None: the file as a whole), its code, what it says
WRONG: dict[str, tuple[Callable[[Path], None], int | None, str, str]] = {
    "a quote that never ends": (with_lines(f'{ROW},"no end,5.00,PAID'), 6, "FH-E201", "unterminated quote"),
    "quotes inside quotes": (with_lines(f'{ROW},"a "quoted" name",5.00,PAID'), 6, "FH-E201", "unterminated quote"),
    "a quote and three megabytes without an end": (
        with_lines(f'{ROW},"{"x" * 3_000_000}'),
        6,
        "FH-E201",
        "unterminated quote",
    ),
    "a field too many": (with_lines(f"{ROW},a,5.00,PAID,more"), 6, "FH-E201", "Expected Number of Columns: 5 Found: 6"),
    "a field too few": (with_lines(f"{ROW},a"), 6, "FH-E201", "Expected Number of Columns: 5 Found: 3"),
    "a word where a number belongs": (with_lines(f"{ROW},a,many,PAID"), 6, "FH-E201", '"many"'),
    "text that is not UTF-8": (
        with_bytes(lambda content: content + b"20261120-901,2026-11-20 10:00:00,Caf\xe9,1.00,PAID\n"),
        None,
        "FH-D304",
        "byte 0xe9",
    ),
    "UTF-16": (with_bytes(lambda content: content.decode().encode("utf-16")), None, "FH-D304", "byte 0xff"),
    "more decimals than the contract has": (with_lines(f"{ROW},a,5.009,PAID"), 6, "FH-D306", "`5.009` is no DECIMAL"),
    "an instant without an end": (with_lines("20261120-900,infinity,a,5.00,PAID"), 6, "FH-D306", "`infinity` is no"),
    "a column without a name": (
        with_bytes(lambda content: content.replace(b"state", b"state,", 1)),
        1,
        "FH-D302",
        "Column 6 of 6 has no name",
    ),
    "a header with a column in two cases": (
        with_bytes(lambda content: content.replace(b"customer", b"AMOUNT,customer", 1)),
        1,
        "FH-D303",
        "`AMOUNT` and `amount` stands twice",
    ),
    "quotes that swallow a line": (
        with_lines(f'{ROW},"a,5.00,PAID', '20261120-901,2026-11-20 10:00:00,b",5.00,PAID'),
        6,
        "FH-D306",
        "ends in line 7",
    ),
    "quotes that swallow many lines": (
        with_lines(f'{ROW},"a,5.00,PAID', *[f"{ROW},b,5.00,PAID"] * 40, f'{ROW},b",5.00,PAID'),
        6,
        "FH-D306",
        "ends in line 47",
    ),
    "nothing at all": (with_bytes(lambda _: b""), None, "FH-D302", "is empty"),
    "another header": (
        with_bytes(lambda content: content.replace(b"amount", b"amout", 1)),
        1,
        "FH-D303",
        "Did you mean `amout`?",
    ),
    "a header with a column twice": (
        with_bytes(lambda content: content.replace(b"customer", b"amount", 1)),
        1,
        "FH-D303",
        "`customer`",
    ),
}


@pytest.mark.parametrize("case", WRONG.values(), ids=WRONG.keys())
def test_a_day_that_cannot_be_read_is_kept_aside_with_its_reason(
    estate: Path, case: tuple[Callable[[Path], None], int | None, str, str]
) -> None:
    """One reason that names file and line; what reads the day waits; nothing is published; the ledger tells of it."""
    change, line, code, said = case
    before = left(estate)
    change(estate)
    file = str(newest_day(estate).relative_to(estate))
    answer = freehold(estate, "run", "--json")
    assert answer.is_calm
    assert answer.code == 1
    assert answer.err in ("", "1 alert raised: freehold alerts list\n")  # of columns
    assert [(s["asset"].rpartition(".")[2], s["status"]) for s in answer.steps] == [
        ("raw_orders", "quarantined"),
        ("orders", "held"),
    ]
    reason = answer.steps[0]["reason"]
    assert re.match(rf"{code}  {re.escape(file)}(:{line or ''}\d*:\d+)?\n", reason), reason
    assert said in reason
    assert len(reason) < 1000
    after = left(estate)
    assert (after.views, after.published) == (before.views, before.published)
    told = after.since(before)
    assert told.count("candidate.quarantined") == 1
    assert not {"asset.published", "deploy.completed"} & set(told)


def test_the_same_fault_is_told_again_and_recorded_once(estate: Path) -> None:
    """A second run ends with 1 as well, and adds nothing to the ledger."""
    with_lines(f"{ROW},a,many,PAID")(estate)
    assert freehold(estate, "run").code == 1
    before = left(estate)
    again = freehold(estate, "run", "--json")
    assert again.code == 1
    assert again.steps[0]["repeated"]
    assert "many" in again.steps[0]["reason"]
    assert left(estate) == before


def test_a_mended_day_is_published(estate: Path) -> None:
    """Nothing has to be cleared by hand: the right file is enough."""
    good = newest_day(estate).read_bytes()
    before = left(estate)
    with_lines(f"{ROW},a,many,PAID")(estate)
    freehold(estate, "run")
    path = newest_day(estate)
    path.write_bytes(good + f"{path.stem.replace('-', '')}-902,{path.stem} 10:00:00,a,5.00,paid\n".encode())
    assert freehold(estate, "run").code == 0
    assert len(left(estate).views["orders"]) == len(before.views["orders"]) + 1


@pytest.mark.parametrize("limit", ["", ", threads: 1, memory_limit: 200MB"], ids=["as it comes", "held to 200 MB"])
def test_a_day_of_50_megabytes_is_loaded_within_bounds(estate: Path, limit: str) -> None:
    """DuckDB streams it: the whole process, Python and all, stays far below the size of the data in memory."""
    config = estate / "estate.yaml"
    config.write_text(config.read_text().replace('warehouse.db"}', f'warehouse.db"{limit}}}'))
    path = newest_day(estate)
    with path.open("w") as day:
        day.write("order_id,ordered_at,customer,amount,state\n")
        for start in range(0, 850_000, 50_000):
            day.writelines(
                f"{i // 1000:08d}-{i % 1000:03d},{path.stem} 10:{i // 60 % 60:02d}:{i % 60:02d},customer-{i:06d},"
                f"{i % 90}.50,PAID\n"
                for i in range(start, start + 50_000)
            )
    assert path.stat().st_size > 50_000_000
    answer, peak_mb = measured(estate, "run", "--json")
    assert answer.code == 0, answer.err + answer.out[-2000:]
    assert {step["rows"] for step in answer.steps} == {850_000}
    assert peak_mb < (400 if limit else 600)
