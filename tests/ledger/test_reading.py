"""Reading: filters, cursors, as-of, and files for others."""

from __future__ import annotations

import json
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from happenings import START, check

from freehold.foundation import FreeholdError, SimulatedClock
from freehold.ledger import Event, Ledger


@pytest.fixture
def told(ledger: Ledger, clock: SimulatedClock) -> Ledger:
    """A ledger with six events, an hour apart."""
    for event in [
        check(1),
        Event("deploy.started", {"deploy_id": "d1", "env": "prod"}, env="prod", product="sales.orders", run_id="r1"),
        check(2),
        Event("deploy.completed", {"deploy_id": "d1", "env": "prod", "status": "success"}, env="prod", run_id="r1"),
        Event("check.completed", check(3).data, subject="sales.orders.daily", product="sales.orders"),
        check(4, id="last"),
    ]:
        ledger.append(event)
        clock.advance(timedelta(hours=1))
    return ledger


@pytest.mark.parametrize(
    ("filters", "seqs"),
    [
        pytest.param({}, [1, 2, 3, 4, 5, 6], id="everything"),
        pytest.param({"after": 2, "upto": 4}, [3, 4], id="after a number up to a number"),
        pytest.param({"types": ["check.completed"]}, [1, 3, 5, 6], id="a type"),
        pytest.param({"types": "deploy.*"}, [2, 4], id="a family of types"),
        pytest.param({"types": ["deploy.started", "check.*"], "limit": 2}, [1, 2], id="two types, at most two"),
        pytest.param({"subject": "sales.orders.daily"}, [5], id="a subject"),
        pytest.param({"product": "sales.orders"}, [1, 2, 3, 5, 6], id="a product"),
        pytest.param({"env": "prod"}, [2, 4], id="an environment"),
        pytest.param({"run_id": "r1"}, [2, 4], id="a run"),
        pytest.param({"since": START + timedelta(hours=1), "until": START + timedelta(hours=3)}, [2, 3], id="a time"),
        pytest.param({"newest_first": True, "limit": 2}, [6, 5], id="the newest two"),
        pytest.param({"newest_first": True, "upto": 3, "types": "check.*"}, [3, 1], id="backwards from a number"),
        pytest.param({"limit": 0}, [], id="none at all"),
        pytest.param({"subject": "nobody"}, [], id="what is not there"),
    ],
)
def test_a_read_gives_what_fits(told: Ledger, filters: dict[str, Any], seqs: list[int]) -> None:
    """Filters narrow, and the order is that of the numbers."""
    assert [event.seq for event in told.read(**filters)] == seqs


def test_a_read_of_a_misspelt_type_says_so(told: Ledger) -> None:
    """An empty answer would look like an answer."""
    with pytest.raises(FreeholdError, match=r"no event type `check\.complete`"):
        told.read(types=["check.complete"])


@pytest.mark.parametrize("newest_first", [False, True])
def test_a_long_read_goes_on_over_many_pages(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, newest_first: bool
) -> None:
    """No event is read twice or left out where one page ends and the next begins."""
    monkeypatch.setattr("freehold.ledger.ledger.PAGE", 7)
    ledger.append(*(check(n) for n in range(30)))

    seqs = [event.seq for event in ledger.read(newest_first=newest_first, limit=25)]

    assert seqs == (list(range(30, 5, -1)) if newest_first else list(range(1, 26)))


def test_a_reader_can_go_on_where_it_stopped(told: Ledger) -> None:
    """The last number seen is the cursor."""
    first = list(told.read(limit=4))
    told.append(check(5))

    assert [event.seq for event in told.read(after=first[-1].seq)] == [5, 6, 7]


@pytest.mark.parametrize(
    ("hours", "seq"),
    [
        pytest.param(-1, 0, id="before the first event"),
        pytest.param(0, 1, id="at the instant of the first"),
        pytest.param(2.5, 3, id="between two"),
        pytest.param(99, 6, id="after the last"),
    ],
)
def test_a_time_resolves_to_the_last_number_recorded_by_then(told: Ledger, hours: float, seq: int) -> None:
    """As of T means recorded_at <= T."""
    assert told.sequence_as_of(START + timedelta(hours=hours)) == seq


def test_an_id_that_is_not_there_is_none(told: Ledger) -> None:
    """And one that is, is its event."""
    assert told.get("nothing") is None
    assert getattr(told.get("last"), "seq", 0) == 6


def test_an_export_to_json_lines_is_the_events(told: Ledger, tmp_path: Path) -> None:
    """One object a line, as `to_json` gives it, and a checkpoint to hold it against."""
    path = tmp_path / "events.jsonl"

    assert told.export(path, types="deploy.*") == 2

    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    assert lines == [event.to_json() for event in told.read(types="deploy.*")]
    assert lines[0]["occurred_at"] == "2011-03-01T07:00:00.000000Z"
    assert told.verify().checkpoints > 0


def test_an_export_to_parquet_is_the_events(told: Ledger, tmp_path: Path) -> None:
    """Typed envelope columns, the payload as JSON."""
    import pyarrow.parquet as pq

    path = tmp_path / "events.parquet"

    assert told.export(path, format="parquet") == 6

    rows = pq.read_table(path).to_pylist()
    assert [row["seq"] for row in rows] == [1, 2, 3, 4, 5, 6]
    assert rows[1]["recorded_at"] == START + timedelta(hours=1)
    assert [json.loads(row["data"]) for row in rows] == [dict(event.data) for event in told.read()]


@pytest.mark.parametrize("types", ["usage.query", ("check.completed", "usage.query"), "usage.*"])
def test_what_is_kept_in_files_is_not_exported_as_nothing(told: Ledger, tmp_path: Path, types: Any) -> None:
    """Usage has no rows to write: whoever asks for it is told where it is, and nothing is written."""
    told.raw.append("usage.query", [Event("usage.query", {"consumer": "service:close"})])

    with pytest.raises(FreeholdError) as refused:
        told.export(tmp_path / "usage.jsonl", types=types)

    assert refused.value.code == "FH-L601"
    folder = Path(refused.value.fix.split("/*.parquet")[0].removeprefix("Read "))
    assert len(list(folder.glob("*.parquet"))) == 1
    assert not (tmp_path / "usage.jsonl").exists()


def test_an_export_that_cannot_be_written_leaves_nothing(told: Ledger, tmp_path: Path) -> None:
    """Another format, or a place where no file can be."""
    with pytest.raises(FreeholdError, match="not exported as `json`"):
        told.export(tmp_path / "x", format="json")
    (tmp_path / "file").write_text("")
    with pytest.raises(FreeholdError, match="cannot be written"):
        told.export(tmp_path / "file" / "x")
    with pytest.raises(FreeholdError, match="cannot be written"):
        told.export(tmp_path / "no" / "such" / "folder.jsonl")
    with pytest.raises(FreeholdError, match="is no file"):
        told.export(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(FreeholdError, match="is no file"):
        told.export(tmp_path / "pipe")
    assert (tmp_path / "pipe").is_fifo()
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.endswith("partial")) == []
