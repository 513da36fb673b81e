"""Events that others tell in our own words: a line of JSON each, for what is instrumented nowhere in here.

A survey, an experiment, a headcount: Freehold sees none of them happen, and KPIs are about them. Whoever knows writes a
line in the vocabulary of docs/reference/events.md. Only types that nobody here records are taken: of its own
deployments, checks and approvals Freehold is told by nobody.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from freehold.foundation import Exit, FreeholdError, Problems, Where, near
from freehold.foundation.times import instant_of
from freehold.ledger import Event

if TYPE_CHECKING:
    from freehold.ledger import Ledger, Vocabulary

KEYS = ("type", "occurred_at", "data", "id", "env", "subject", "product", "run_id", "correlation_id")
_OURS = ("seq", "schema_version", "workspace", "actor", "assurance", "recorded_at", "replay")  # of an export, not read
_NAMESPACE = uuid.UUID("5d3c1c9e-6f0a-5c58-9d0e-3f6c0f3f7b11")
_SKEW = timedelta(minutes=5)  # by which the clock of another system may be ahead of ours
_FIRST = 1990  # years before were written by no clock
_NOTHING = "side:00000000-0000-0000-0000-000000000000"  # where what is kept apart is not kept yet


@dataclass(frozen=True, slots=True)
class Record:
    """An event of a file, with what of it is to be kept apart: free text and persons, by the field that names them."""

    event: Event
    apart: Mapping[str, Any]


def is_records(path: Path) -> bool:
    """Whether a file is of such events, by its first line: it says a `type` and no `eventType`."""
    if not path.is_file():
        return False
    with path.open(encoding="utf-8", errors="replace") as file:
        first = next((line for line in file if line.strip()), "")
    try:
        said = json.loads(first)
    except (ValueError, RecursionError):
        return False
    return isinstance(said, dict) and "type" in said and "eventType" not in said and "run" not in said


def read(path: Path, vocabulary: Vocabulary, now: datetime, env: str) -> tuple[Record, ...]:
    """Read a file of events, each judged by its type.

    Args:
        path: a file of JSON lines with the keys `KEYS`; what only an export has is passed by.
        vocabulary: the types there are.
        now: nothing can have happened after it.
        env: the environment of events that name none.

    Raises:
        Problems: FH-X135 for every line that is no event, and why; nothing is returned then.
        FreeholdError: FH-X130 there is no such file.
    """
    if not path.is_file():
        raise FreeholdError(
            "FH-X130", f"There is no file `{path}`.", fix="Name a file of events.", exit_code=Exit.USAGE
        )
    found: list[Record] = []
    problems: list[FreeholdError] = []
    for number, line in enumerate(path.read_text("utf-8-sig", errors="replace").split("\n"), start=1):
        if not line.strip():
            continue
        try:
            found.append(_record(line, vocabulary, now, env))
        except _Wrong as wrong:
            where = Where(str(path), number, _column(line, wrong))
            problems.append(FreeholdError("FH-X135", wrong.problem, where=where, fix=wrong.fix))
    if problems:
        raise Problems(problems) if len(problems) > 1 else problems[0]
    return tuple({record.event.id: record for record in found}.values())


def record(records: tuple[Record, ...], ledger: Ledger) -> tuple[Event, ...]:
    """Record what is not recorded yet, and return it: all that goes into rows at once, of each frequent type all.

    Events of frequent types are known again by all of a file, the others each by its id.

    Raises:
        FreeholdError: as `Ledger.append` and `RawSegments.append`.
    """
    fresh = [one for one in records if one.event.id is None or ledger.get(one.event.id) is None]
    rows = [one for one in fresh if not ledger.vocabulary[one.event.type].is_raw]
    ledger.append(*(_kept(one, ledger) for one in rows))
    told = [one.event for one in rows]
    for type_ in dict.fromkeys(one.event.type for one in fresh if one not in rows):
        events = [one.event for one in fresh if one.event.type == type_]
        content = "\n".join(str(event.id) for event in events)
        segment = str(uuid.uuid5(_NAMESPACE, f"{type_}\n{content}"))
        if ledger.get(segment) is None:
            ledger.raw.append(type_, events, id=segment)
            told += events
    return tuple(told)


def _kept(one: Record, ledger: Ledger) -> Event:
    """Return an event whose free text and persons lie in the side store."""
    ids = {name: ledger.side.put("told", value) for name, value in one.apart.items()}
    return replace(one.event, data={**one.event.data, **ids})


class _Wrong(Exception):
    def __init__(self, problem: str, fix: str, word: str = "", column: int = 0) -> None:
        self.problem, self.fix, self.word, self.column = problem, fix, word, column
        super().__init__(problem)


def _record(line: str, vocabulary: Vocabulary, now: datetime, env: str) -> Record:
    try:
        said = json.loads(line)
    except json.JSONDecodeError as error:
        fix = "Write one object a line, in quotes what is text."
        raise _Wrong(f"This line is no JSON: {error.msg}.", fix, column=error.colno) from error
    except RecursionError as error:
        raise _Wrong("This line nests too deep.", "Write one object a line.") from error
    if not isinstance(said, dict):
        raise _Wrong("This line is no object.", 'Write `{"type": …, "occurred_at": …, "data": {…}}`.')
    for key in said:
        if key not in (*KEYS, *_OURS):
            raise _Wrong(f"`{key}` is no key of an event.", near(key, KEYS) or f"Known: {', '.join(KEYS)}.", key)
    name = _text(said, "type")
    others = [one for one in vocabulary.names if vocabulary[one].is_told_by_others]
    if name not in others:
        what = (
            "is recorded by Freehold itself, and told by nobody else" if name in vocabulary else "is no type of event"
        )
        fix = near(name, others) or f"Others may tell of: {', '.join(others)}."
        raise _Wrong(f"`{name}` {what}.", fix, name)
    at = _instant(_text(said, "occurred_at"), now)
    data = said.get("data")
    if not isinstance(data, dict):
        raise _Wrong("`data` is no object.", f"Its fields: {', '.join(vocabulary[name].fields)}.", "data")
    apart = {key: data[key] for key in data if _is_apart(vocabulary, name, key) and data[key] is not None}
    plain = {**data, **dict.fromkeys(apart, _NOTHING)}
    try:
        vocabulary[name].payload(plain)
    except FreeholdError as error:
        raise _Wrong(error.problem, error.fix, _first_named(error.problem, data)) from error
    rest = {key: _text(said, key) for key in ("subject", "product", "run_id", "correlation_id") if said.get(key)}
    id_ = _text(said, "id") if said.get("id") else str(uuid.uuid5(_NAMESPACE, json.dumps(said, sort_keys=True)))
    return Record(Event(name, plain, id_, at, str(said.get("env") or env), **rest), apart)


def _text(said: Mapping[str, Any], key: str) -> str:
    value = said.get(key)
    if not isinstance(value, str) or not value:
        raise _Wrong(f"`{key}` is {'missing' if value is None else 'no text'}.", f"Say `{key}`.", key)
    return value


def _instant(text: str, now: datetime) -> datetime:
    """Return when something happened; without a zone it is UTC."""
    try:
        at = instant_of(text)
    except ValueError as error:
        fix = "Write one such as 2026-11-02T09:30:00Z."
        raise _Wrong(f"`occurred_at` is no instant: {text}.", fix, "occurred_at") from error
    if not at.year >= _FIRST or at > now + _SKEW:
        when = "in the future" if at > now else f"before {_FIRST}"
        raise _Wrong(f"`occurred_at` lies {when}: {text}.", "Tell of what happened.", "occurred_at")
    return at


def _is_apart(vocabulary: Vocabulary, name: str, key: str) -> bool:
    return "side:" in str(vocabulary[name].fields.get(key, {}).get("pattern", ""))


def _first_named(problem: str, data: Mapping[str, Any]) -> str:
    return next((word for word in _quoted(problem) if word in data), "data")


def _quoted(text: str) -> Iterator[str]:
    yield from re.findall(r"`([^`]+)`", text)


def _column(line: str, wrong: _Wrong) -> int:
    """Return where in its line the word stands that an error is about."""
    return wrong.column or line.find(f'"{wrong.word}"') + 1 or 1
