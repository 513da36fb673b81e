"""Runs of other orchestrators, from the OpenLineage events that they emit: Airflow's above all.

A run that ended becomes `run.completed` of its job. The schedule of a DAG becomes `run.expected` for every time that it
was due between its first run told of and the newest event, so that a run which never came counts. An event is told
once, however often its file is read: its id follows from the run it tells of.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from freehold.connect.schedules import Cron, Steady
from freehold.foundation import Exit, FreeholdError, Problems, Where
from freehold.ledger import Event

_NAMESPACE = uuid.UUID("5c1a7c1e-93a4-4d0e-8f53-7d6a5b0f4e21")
_ENDED = {"COMPLETE": "success", "FAIL": "failed", "ABORT": "failed"}
_TYPES = {*_ENDED, "START", "RUNNING", "OTHER"}
_ENDINGS = (".json", ".jsonl", ".ndjson")
_TRIGGERS = {"scheduled": "schedule", "manual": "manual", "backfill": "backfill", "asset_triggered": "change"}
_LASTING = re.compile(r"(?:(\d+) days?,? ?)?(?:(\d+):(\d\d):(\d\d)(?:\.\d+)?)?")


@dataclass(frozen=True, slots=True)
class Told:
    """One run event as it was read; `where` is its line."""

    where: Where
    type: str
    at: datetime
    run: str
    job: str
    facets: Mapping[str, Any]
    rows: int | None = None
    size: int | None = None

    @property
    def dag(self) -> Mapping[str, Any]:
        """What Airflow tells of the DAG, of a task or of the DAG's own run."""
        return _mapping(self._airflow, "dag")

    @property
    def dag_run(self) -> Mapping[str, Any]:
        """What Airflow tells of the run of the DAG."""
        return _mapping(self._airflow, "dagRun")

    @property
    def is_of_dag(self) -> bool:
        """Whether it tells of a whole run of a DAG, and not of a task in it."""
        return bool(self.dag) and not _mapping(self._airflow, "task")

    @property
    def attempt(self) -> tuple[int | None, bool]:
        """Which attempt of a task it was, from 1, and whether no other follows."""
        number = _mapping(self._airflow, "taskInstance").get("try_number")
        retries = _mapping(self._airflow, "task").get("retries")
        if not isinstance(number, int):
            return None, True
        return number, self.type != "FAIL" or not isinstance(retries, int) or number > retries

    @property
    def _airflow(self) -> Mapping[str, Any]:
        return _mapping(self.facets, "airflowDagRun") or _mapping(self.facets, "airflow")

    @property
    def interval(self) -> tuple[str | None, str | None]:
        """The span of data that the run is about, as Airflow tells it, else as its nominal time."""
        nominal = _mapping(self.facets, "nominalTime")
        start = self.dag_run.get("data_interval_start") or nominal.get("nominalStartTime")
        end = self.dag_run.get("data_interval_end") or nominal.get("nominalEndTime")
        return _spelt(start), _spelt(end)

    @property
    def due_at(self) -> datetime | None:
        """When the run of a DAG was due: at the end of its interval. None where nobody scheduled it."""
        if self.dag_run.get("run_type") != "scheduled" and not str(self.dag_run.get("run_id")).startswith("scheduled"):
            return None
        return _instant(self.interval[1] or self.interval[0])


def read(path: Path, latest: datetime | None = None) -> tuple[Told, ...]:
    """Read a file of events, one on each line or one in all, or all such files of a folder.

    What tells of no run, but of a job or a data set alone, is passed by.

    Args:
        path: the file, or the folder.
        latest: the last instant that can have come; what is dated later was written by a clock that is wrong.

    Raises:
        Problems: FH-X131 for every line that is no OpenLineage event; nothing is returned then.
        FreeholdError: FH-X130 there is no such file; FH-X132 the folder has none.
    """
    found: list[Told] = []
    problems: list[FreeholdError] = []
    for file in _files(path):
        for where, said in _documents(file, problems):
            try:
                told = told_of(said, where)
                if told is not None and latest is not None and told.at > latest:
                    raise ValueError(f"`eventTime` lies in the future: {said['eventTime']!r}")
            except ValueError as error:
                problems.append(_wrong(where, str(error)))
            else:
                found += [told] if told else []
    if problems:
        raise Problems(problems)
    return tuple(found)


def events(
    told: Iterable[Told], env: str, since: Mapping[str, datetime], began: Mapping[str, datetime] | None = None
) -> tuple[list[Event], list[str]]:
    """Return the events that runs and schedules are, oldest first, and what a person should know of the schedules.

    Args:
        told: what was read.
        env: the environment they are of.
        since: by job, when it was last due as far as the ledger knows.
        began: by run, when it started, of runs whose start was told before.
    """
    all_ = sorted(told, key=lambda one: one.at)
    started = {**(began or {}), **{one.run: one.at for one in reversed(all_) if one.type == "START"}}
    ended = {(one.run, one.job): one for one in all_ if one.type in _ENDED}
    made = [_completed(one, started.get(one.run), env) for one in ended.values()]
    due, notices = _expected(all_, env, since)
    return sorted([*due, *made], key=lambda e: e.occurred_at or datetime.min.replace(tzinfo=UTC)), notices


def job_id(name: str) -> str:
    """Return the id that a job is recorded under: its name, as ids are spelt."""
    return re.sub(r"[^a-z0-9._/-]+", "_", name.lower()).strip("_.") or "unnamed"


def _completed(one: Told, started: datetime | None, env: str) -> Event:
    attempt, is_final = one.attempt
    start, end = one.interval
    status = _ENDED[one.type]
    content = {
        "run_id": one.run,
        "asset": one.job,
        "trigger": _TRIGGERS.get(str(one.dag_run.get("run_type") or "")),
        "attempt": attempt,
        "final": is_final,
        "status": status,
        "started": started.isoformat() if started else None,
        "ended": one.at.isoformat(),
        "rows": one.rows,
        "bytes": one.size,
        "interval_start": start,
        "interval_end": end,
        "failure_mode": "execution" if status == "failed" else None,
        "code": "ABORT" if one.type == "ABORT" else None,
    }
    parent = _mapping(_mapping(one.facets, "parent"), "run").get("runId")
    id_ = str(uuid.uuid5(_NAMESPACE, f"{env}|run|{one.run}|{one.job}"))
    return Event(
        *("run.completed", content, id_, one.at, env, one.job),
        run_id=one.run,
        correlation_id=str(parent or ""),
    )


def _expected(told: list[Told], env: str, since: Mapping[str, datetime]) -> tuple[list[Event], list[str]]:
    runs: dict[str, list[Told]] = {}
    for one in told:
        if one.is_of_dag and one.due_at is not None:
            runs.setdefault(one.job, []).append(one)
    found, notices = [], []
    for job, ones in runs.items():
        known = [one.due_at for one in ones if one.due_at]
        schedule = _schedule(ones[-1].dag, known[0])
        if isinstance(schedule, str):
            notices.append(f"The schedule of {job} is not followed ({schedule}); only the runs told of were expected.")
            due = sorted(set(known))
        else:
            due = list(schedule.between(min([*known, *([since[job]] if job in since else [])]), told[-1].at))
        said = _said(ones[-1].dag)
        found += [_due(job, at, said, env) for at in sorted({*due, *known})]
    return found, notices


def _due(job: str, at: datetime, schedule: str, env: str) -> Event:
    content = {"asset": job, "due_at": at.isoformat(), "schedule": schedule or None}
    id_ = str(uuid.uuid5(_NAMESPACE, f"{env}|due|{job}|{at.isoformat()}"))
    return Event("run.expected", content, id_, at, env, job)


def _said(dag: Mapping[str, Any]) -> str:
    """Return a schedule as a person reads it."""
    timetable = _mapping(dag, "timetable")
    said = timetable.get("expression") or dag.get("schedule_interval") or dag.get("timetable_summary")
    return str(said or timetable.get("delta") or "").strip('"')


def _schedule(dag: Mapping[str, Any], known: datetime) -> Cron | Steady | str:
    """Return the schedule of a DAG, or why it cannot be followed."""
    timetable = _mapping(dag, "timetable")
    delta = timetable.get("delta")
    if isinstance(delta, int | float) and not isinstance(delta, bool) and delta > 0:
        return Steady(timedelta(seconds=float(delta)), known)
    said = _said(dag)
    lasting = _LASTING.fullmatch(said)
    if said and lasting:
        days, hours, minutes, seconds = (int(part or 0) for part in lasting.groups())
        every = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
        return Steady(every, known) if every else f"`{said}` is no span"
    zone = timetable.get("timezone")
    try:
        return Cron.parse(said, zone if isinstance(zone, str) else "UTC") if said else "none is told"
    except ValueError as error:
        return str(error)


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        found = sorted(p for p in path.rglob("*") if p.suffix in _ENDINGS and p.is_file())
        if not found:
            raise FreeholdError(
                "FH-X132",
                f"`{path}` holds no file that ends with {', '.join(_ENDINGS)}.",
                fix="Name the file, or the folder that the file transport of OpenLineage writes to.",
                exit_code=Exit.USAGE,
            )
        return found
    if not path.is_file():
        raise FreeholdError(
            "FH-X130", f"There is no file `{path}`.", fix="Name a file or folder of events.", exit_code=Exit.USAGE
        )
    return [path]


def _documents(file: Path, problems: list[FreeholdError]) -> Iterator[tuple[Where, Any]]:
    """Yield the JSON documents of a file with their lines; what is none goes to the problems."""
    text = file.read_text(encoding="utf-8", errors="replace")
    lines = [(n, line) for n, line in enumerate(text.splitlines(), start=1) if line.strip()]
    if len(lines) > 1 and lines[0][1].strip() in ("{", "["):
        lines = [(1, text)]  # one document, laid out over several lines
    for number, line in lines:
        where = Where(str(file), number, 1)
        try:
            said = json.loads(line)
        except (ValueError, RecursionError) as error:
            if isinstance(error, json.JSONDecodeError):
                where = Where(str(file), number + error.lineno - 1, error.colno)
            problems.append(_wrong(where, f"it is no JSON: {getattr(error, 'msg', error)}"))
            continue
        yield from ((where, one) for one in said) if isinstance(said, list) else [(where, said)]


def told_of(said: Any, where: Where) -> Told | None:
    """Return a run event; None for an event of another kind.

    Raises:
        ValueError: it is none, or lacks what every one has.
    """
    if not isinstance(said, dict):
        raise ValueError("it is no object")
    if "run" not in said and ("dataset" in said or "job" in said):
        return None
    kind = str(said.get("eventType") or "OTHER").upper()
    if kind not in _TYPES:
        raise ValueError(f"`{said['eventType']}` is no type of event: {', '.join(sorted(_TYPES))}")
    at = _instant(said.get("eventTime"))
    if at is None:
        raise ValueError(f"`eventTime` is no instant: {said.get('eventTime')!r}")
    run, job = _mapping(said, "run"), _mapping(said, "job")
    for name, value in (("run.runId", run.get("runId")), ("job.name", job.get("name"))):
        if not isinstance(value, str) or not value:
            raise ValueError(f"`{name}` is missing")
    rows, size = _written(said.get("outputs"))
    return Told(where, kind, at, run["runId"], job_id(job["name"]), _mapping(run, "facets"), rows, size)


def _written(outputs: object) -> tuple[int | None, int | None]:
    """Return rows and bytes that a run wrote, where it wrote one data set and says so."""
    if not isinstance(outputs, list) or len(outputs) != 1 or not isinstance(outputs[0], Mapping):
        return None, None
    said = _mapping(_mapping(outputs[0], "outputFacets"), "outputStatistics")
    rows, size = (said.get(name) for name in ("rowCount", "size"))
    return (rows if type(rows) is int else None), (size if type(size) is int else None)


def _wrong(where: Where, why: str) -> FreeholdError:
    return FreeholdError(
        "FH-X131",
        f"This line is no OpenLineage event: {why}.",
        where=where,
        fix="Take the line away, or write the file anew; nothing of it was recorded.",
    )


def _mapping(said: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = said.get(name)
    return found if isinstance(found, Mapping) else {}


def _instant(text: object) -> datetime | None:
    """Return an instant; without a zone it counts as UTC."""
    try:
        found = datetime.fromisoformat(str(text))
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _spelt(text: object) -> str | None:
    found = _instant(text) if text else None
    return found.isoformat() if found else None
