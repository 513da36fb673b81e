"""What other tools did, recorded: once, whole, and with what never came."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from freehold.cli import cli
from freehold.connect.schedules import Cron, Steady
from freehold.foundation import FreeholdError, Problems


@pytest.fixture
def watched(project: Path) -> Path:
    """Return a project with an estate that watches it."""
    CliRunner().invoke(cli, ["init", "--from-dbt", str(project)], catch_exceptions=False)
    return project


def imported(project: Path, path: Path, *words: str) -> Result:
    """Import a file into the ledger of the estate."""
    return CliRunner().invoke(cli, ["-C", str(project / "freehold"), "ledger", "import", str(path), "--json", *words])


def recorded(project: Path, kind: str) -> list[dict[str, Any]]:
    """Return the events of a type, oldest first."""
    words = ["-C", str(project / "freehold"), "ledger", "tail", "-n", "500", "--type", kind, "--json"]
    return list(json.loads(CliRunner().invoke(cli, words, catch_exceptions=False).stdout)["events"])


def results(project: Path, version: int = 6, which: str = "build") -> Path:
    """Write what dbt says of a run: a model that was built, one that failed, one skipped, and two tests."""
    manifest = json.loads((project / "target/manifest.json").read_text())
    tests = [id_ for id_, node in manifest["nodes"].items() if node["resource_type"] == "test"][:2]
    when = {"started_at": "2026-03-02T06:00:00Z", "completed_at": "2026-03-02T06:00:02Z"}
    said = {
        "metadata": {
            "dbt_schema_version": f"https://schemas.getdbt.com/dbt/run-results/v{version}.json",
            "dbt_version": "1.11.16",
            "generated_at": "2026-03-02T06:05:00Z",
            "invocation_id": "one",
        },
        "args": {"which": which},
        "results": [
            {"unique_id": "model.shop.orders", "status": "success", "timing": [{"name": "execute", **when}],
             "execution_time": 2.0, "adapter_response": {"rows_affected": 7}},
            {"unique_id": "model.shop.daily_revenue", "status": "error", "timing": [], "execution_time": 0.5,
             "adapter_response": {}, "message": "Ada's row is wrong"},
            {"unique_id": "model.shop.stg_orders", "status": "skipped", "timing": [], "execution_time": 0},
            {"unique_id": tests[0], "status": "pass", "timing": [], "execution_time": 0.1, "failures": 0},
            {"unique_id": tests[1], "status": "fail", "timing": [], "execution_time": 0.1, "failures": 3},
            {"unique_id": "model.shop.gone", "status": "success", "timing": [], "execution_time": 0.1},
        ],
    }  # fmt: skip
    path = project / "target/run_results.json"
    path.write_text(json.dumps(said))
    return path


@pytest.mark.parametrize("version", [4, 5, 6], ids=lambda v: f"v{v}")
def test_a_run_of_dbt_becomes_events_once(version: int, watched: Path) -> None:
    """Models become runs and tests become checks, under the names of the estate; a second time adds nothing."""
    path = results(watched, version)
    first, second = imported(watched, path), imported(watched, path.parent)

    assert json.loads(first.stdout)["recorded"] == {"run.completed": 3, "check.completed": 2}
    assert (json.loads(second.stdout)["recorded"], json.loads(second.stdout)["known"]) == ({}, 5)
    assert len(json.loads(first.stdout)["notices"]) == 1
    runs = {e["data"]["asset"]: e["data"] for e in recorded(watched, "run.completed")}
    assert {name: run["status"] for name, run in runs.items()} == {
        "shop.core.orders": "success",
        "shop.finance.daily_revenue": "failed",
        "shop.stg_orders": "skipped",
    }
    assert (runs["shop.core.orders"]["rows"], runs["shop.core.orders"]["cost_s"]) == (7, 2)
    checks = [(e["data"]["status"], e["data"]["failing"]) for e in recorded(watched, "check.completed")]
    assert sorted(checks) == [("fail", 3), ("pass", 0)]
    assert "Ada" not in json.dumps(recorded(watched, "run.completed"))


def test_a_command_that_built_nothing_is_no_run(watched: Path) -> None:
    """The results that `dbt compile` leaves say success of everything, and are refused."""
    error = imported(watched, results(watched, which="generate")).exception

    assert isinstance(error, FreeholdError)
    assert (error.code, "dbt generate" in error.problem) == ("FH-X134", True)


def test_results_without_a_manifest_are_refused(watched: Path, tmp_path: Path) -> None:
    """Which models tests are about is in the manifest; without it nothing is recorded."""
    alone = tmp_path / "alone"
    alone.mkdir()
    results(watched).rename(alone / "run_results.json")

    error = imported(watched, alone / "run_results.json").exception
    assert isinstance(error, FreeholdError)
    assert error.code == "FH-X133"


def airflow(day: int, kind: str = "COMPLETE", schedule: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """Return the event of a nightly run whose interval ends on a day of March 2026, at three."""
    dag = {"dag_id": "nightly", "start_date": "2026-01-01T00:00:00Z"}
    dag |= schedule or {"timetable": {"expression": "0 3 * * *", "timezone": "UTC"}}
    run = {
        "run_type": "scheduled",
        "data_interval_start": f"2026-03-{day - 1:02}T03:00:00Z",
        "data_interval_end": f"2026-03-{day:02}T03:00:00Z",
    }
    return {
        "eventType": kind,
        "eventTime": f"2026-03-{day:02}T03:{'00' if kind == 'START' else '09'}:30.5+00:00",
        "job": {"namespace": "air", "name": "nightly"},
        "run": {"runId": f"run-{day}", "facets": {"airflowDagRun": {"dag": dag, "dagRun": run}}},
        **more,
    }


def task(retries: int, attempt: int, kind: str) -> dict[str, Any]:
    """Return the event of an attempt of a task in it."""
    said = airflow(2, kind)
    facet = said["run"]["facets"].pop("airflowDagRun")
    facet |= {"task": {"task_id": "load", "retries": retries}, "taskInstance": {"try_number": attempt}}
    said["run"] = {
        "runId": f"task-{attempt}",
        "facets": {"airflow": facet, "parent": {"run": {"runId": "run-2"}, "job": {"namespace": "air", "name": "n"}}},
    }
    return {**said, "job": {"namespace": "air", "name": "nightly.load"}}


def written(folder: Path, *events: dict[str, Any] | str) -> Path:
    """Write events, one on each line."""
    path = folder / "events.jsonl"
    path.write_text("".join((e if isinstance(e, str) else json.dumps(e)) + "\n" for e in events))
    return path


def test_runs_of_airflow_and_those_that_never_came(watched: Path, tmp_path: Path) -> None:
    """Each run that ended is told once, with when it started; each time it was due is expected, runs or not."""
    path = written(tmp_path, airflow(2, "START"), airflow(2), airflow(3, "FAIL"), airflow(6, "ABORT"))
    first, second = imported(watched, path), imported(watched, path)

    assert json.loads(first.stdout)["recorded"] == {"run.expected": 5, "run.completed": 3}
    assert json.loads(second.stdout)["recorded"] == {}
    ran = [e["data"] for e in recorded(watched, "run.completed")]
    assert [(r["status"], r["trigger"]) for r in ran] == [(s, "schedule") for s in ("success", "failed", "failed")]
    assert ran[0]["started"].startswith("2026-03-02T03:00:30")
    assert ran[0]["interval_end"] == "2026-03-02T03:00:00+00:00"
    due = [e["data"]["due_at"][:10] for e in recorded(watched, "run.expected")]
    assert due == [f"2026-03-0{day}" for day in range(2, 7)]


def test_what_was_due_between_two_files_counts(watched: Path, tmp_path: Path) -> None:
    """Nights between the last run of one file and the first of the next were due, too."""
    imported(watched, written(tmp_path, airflow(2)))
    imported(watched, written(tmp_path, airflow(6)))

    assert len(recorded(watched, "run.expected")) == 5


def test_an_attempt_that_is_tried_again_is_not_the_last(watched: Path, tmp_path: Path) -> None:
    """Of a task with retries, a failure before the last is not final; its run belongs to that of the DAG."""
    imported(watched, written(tmp_path, task(1, 1, "FAIL"), task(1, 2, "FAIL")))

    told = [(e["data"]["attempt"], e["data"]["final"]) for e in recorded(watched, "run.completed")]
    assert told == [(1, False), (2, True)]
    assert {e["correlation_id"] for e in recorded(watched, "run.completed")} == {"run-2"}


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ({"schedule_interval": "0 3 * * *"}, 5),
        ({"schedule_interval": "1 day, 0:00:00"}, 5),
        ({"timetable": {"delta": 43200.0}}, 9),
        ({"timetable_summary": "0 3 * * *"}, 5),
        ({"timetable": {}}, 2),
        ({"schedule_interval": "0 3 * * 1#2"}, 2),
    ],
    ids=["cron of Airflow 2", "a span of Airflow 2", "a delta", "a summary", "no schedule", "a cron we do not know"],
)
def test_schedules_as_airflow_tells_of_them(
    schedule: dict[str, Any], expected: int, watched: Path, tmp_path: Path
) -> None:
    """Every shape in which Airflow names a schedule is followed; of another one only the runs told of are expected."""
    path = written(tmp_path, airflow(2, schedule=schedule), airflow(6, schedule=schedule))
    said = json.loads(imported(watched, path).stdout)

    assert said["recorded"]["run.expected"] == expected
    assert bool(said["notices"]) is (expected == 2)


def test_lines_that_cannot_be_read_are_all_named_and_nothing_is_recorded(watched: Path, tmp_path: Path) -> None:
    """Each bad line is told with its number; the good ones wait until the file is mended."""
    no_run = airflow(3)
    no_run["run"] = {}
    path = written(
        tmp_path, airflow(2), '{"eventType"', airflow(3, "DONE"), no_run, {**airflow(3), "eventTime": "soon"}
    )
    error = imported(watched, path).exception

    assert isinstance(error, Problems)
    assert [(e.code, e.where.line if e.where else 0) for e in error.errors] == [("FH-X131", n) for n in (2, 3, 4, 5)]
    assert recorded(watched, "run.completed") == []


def test_what_tells_of_no_run_is_passed_by(watched: Path, tmp_path: Path) -> None:
    """Events of a data set or of a job alone are no runs; a folder of files, laid out or not, is read whole."""
    folder = tmp_path / "events"
    folder.mkdir()
    (folder / "a.json").write_text(json.dumps(airflow(2), indent=2))
    written(folder, {"eventTime": "2026-03-01T00:00:00Z", "dataset": {"namespace": "n", "name": "d"}}, airflow(3))
    (folder / "notes.txt").write_text("no event")

    assert json.loads(imported(watched, folder).stdout)["recorded"] == {"run.expected": 2, "run.completed": 2}


@pytest.mark.parametrize("name", ["nothing.jsonl", "empty"], ids=["no file", "an empty folder"])
def test_nothing_to_read_is_an_error(name: str, watched: Path, tmp_path: Path) -> None:
    """A path that leads to no events is refused, as an error of usage."""
    (tmp_path / "empty").mkdir()
    error = imported(watched, tmp_path / name).exception

    assert isinstance(error, FreeholdError)
    assert (error.code in ("FH-X130", "FH-X132"), error.exit_code) == (True, 2)


DAY = datetime(2026, 3, 27, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "zone", "due"),
    [
        ("30 6 * * *", "UTC", ["27 06:30", "28 06:30", "29 06:30"]),
        ("0 6 * * mon-fri", "UTC", ["27 06:00"]),
        ("0 0 29 * fri", "UTC", ["27 00:00", "29 00:00"]),
        ("0 */12 * * 0", "UTC", ["29 00:00", "29 12:00"]),
        ("@daily", "America/New_York", ["27 04:00", "28 04:00", "29 04:00"]),
        ("30 2 * * *", "Europe/Berlin", ["27 01:30", "28 01:30", "29 01:30"]),
        ("0 0 1 1 *", "UTC", []),
        ("5,10 1-2 * mar 6", "UTC", ["28 01:05", "28 01:10", "28 02:05", "28 02:10"]),
    ],
    ids=["daily", "on weekdays", "either of two fields of days", "steps on Sundays", "a preset in a zone",
         "a night that the clocks cut short", "another season", "lists, ranges and names"],
)  # fmt: skip
def test_when_a_cron_expression_is_due(text: str, zone: str, due: list[str]) -> None:
    """Expressions mean what cron takes them for, in the zone of the schedule."""
    found = Cron.parse(text, zone).between(DAY, DAY + timedelta(days=2, hours=23))

    assert [f"{at:%d %H:%M}" for at in found] == due


@pytest.mark.parametrize(
    "text", ["", "* * * *", "60 * * * *", "0 0 * * 1#2", "0 0 L * *", "a b c d e", "5-1 * * * *"], ids=repr
)
def test_what_is_no_cron_expression_is_refused(text: str) -> None:
    """What says something else, or something that only some dialects know, is never guessed at."""
    with pytest.raises(ValueError, match=r"\w"):
        Cron.parse(text)


@given(
    minute=st.integers(0, 59),
    every=st.integers(1, 23),
    start=st.integers(0, 1_000_000).map(lambda minutes: datetime(2025, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)),
    hours=st.integers(0, 200),
)
def test_what_is_due_lies_in_the_span_and_is_told_in_order(
    minute: int, every: int, start: datetime, hours: int
) -> None:
    """Whatever the schedule, what was due lies in the span, in order, once; two spans side by side miss nothing."""
    end, schedules = (
        start + timedelta(hours=hours),
        (Cron.parse(f"{minute} */{every} * * *"), Steady(timedelta(hours=every), start)),
    )
    for schedule in schedules:
        between: Callable[[datetime, datetime], list[datetime]] = lambda a, b, s=schedule: list(s.between(a, b))  # noqa: E731
        found, half = between(start, end), start + (end - start) / 2
        assert found == sorted(set(found))
        assert all(start <= at <= end for at in found)
        assert sorted({*between(start, half), *between(half, end)}) == found
