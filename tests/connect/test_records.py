"""Events that others tell: judged by their type, recorded once, and nothing of a file that has a wrong line."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from freehold.connect.records import is_records, read, record
from freehold.foundation import FreeholdError, SimulatedClock
from freehold.insight import compute, period_named
from freehold.ledger import Ledger

NOW = datetime(2011, 4, 10, 12, tzinfo=UTC)
AT = "2011-04-02T09:00:00Z"


def line(type_: str = "survey.answered", at: str = AT, data: Any = None, **more: Any) -> str:
    """Return a line of a file."""
    return json.dumps({"type": type_, "occurred_at": at, "data": data or {"instrument": "nps", "score": 9}, **more})


@pytest.fixture
def ledger(tmp_path: Path) -> Any:
    """Return a ledger of its own."""
    with Ledger.open("sqlite:///state.db", root=tmp_path, clock=SimulatedClock(NOW)) as one:
        yield one


def written(tmp_path: Path, *lines: str) -> Path:
    """Return a file of lines."""
    path = tmp_path / "events.jsonl"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_answers_to_a_survey_are_a_kpi(ledger: Ledger, tmp_path: Path) -> None:
    """Six lines, told twice, are six events; words that somebody wrote are apart, where they can be erased."""
    answers = [line(at=f"2011-04-0{n}T09:00:00Z", data={"instrument": "nps", "score": n + 4}) for n in range(2, 6)]
    words = line(data={"instrument": "nps", "score": 2, "comment": "It came late."})
    path = written(
        tmp_path, *answers, words, line("survey.sent", data={"instrument": "nps", "survey": "s", "recipients": 9})
    )
    assert is_records(path)

    first = record(read(path, ledger.vocabulary, NOW, "prod"), ledger)
    again = record(read(path, ledger.vocabulary, NOW, "prod"), ledger)

    assert (len(first), len(again)) == (6, 0)
    value = compute("stakeholder-satisfaction", ledger, period_named("2011-Q2"), NOW)
    assert (value.value, value.n, value.numerator) == (-20, 5, -1)
    (said,) = [e.data["comment"] for e in ledger.read(types=("survey.answered",)) if e.data.get("comment")]
    kept = ledger.side.get(said)
    assert kept is not None
    assert kept.payload == "It came late."
    assert ledger.side.erase(said)


def test_frequent_types_make_a_segment_once(ledger: Ledger, tmp_path: Path) -> None:
    """The same file again is known."""
    path = written(tmp_path, *(line("ai.invoked", data={"use_case": f"u{n}"}) for n in range(3)))

    counts = [len(record(read(path, ledger.vocabulary, NOW, "prod"), ledger)) for _ in range(2)]

    assert counts == [3, 0]
    with ledger.evidence() as evidence:
        assert evidence.query("SELECT count(*) FROM ai_invoked") == [(3,)]


WRONG = {
    "no JSON": ('{"type": ', 10, "no JSON"),
    "no object": ("[]", 1, "no object"),
    "an unknown key": (line(wen="now"), line(wen="now").index('"wen"') + 1, "`wen` is no key"),
    "an unknown type": (line("survey.answerd"), 10, "no type of event"),
    "a type of ours": (line("deploy.completed"), 10, "recorded by Freehold itself"),
    "no time": (line(at=""), 29, "`occurred_at` is no text"),
    "a time that is none": (line(at="2011-02-30T00:00:00Z"), 29, "no instant"),
    "the future": (line(at=f"{NOW + timedelta(days=1):%FT%TZ}"), 29, "lies in the future"),
    "the year 1": (line(at="0001-01-01T00:00:00+14:00"), 29, "before 1990"),
    "data that is none": (line(data=[1]), 68, "`data` is no object"),
    "an unknown field": (line(data={"instrumnt": "nps"}), 77, "has no field `instrumnt`"),
    "a wrong value": (line(data={"instrument": "nps", "score": "nine"}), 98, "does not take 'nine'"),
}


@pytest.mark.parametrize(("wrong", "column", "told"), WRONG.values(), ids=WRONG)
def test_of_a_file_with_a_wrong_line_nothing_is_recorded(
    ledger: Ledger, tmp_path: Path, wrong: str, column: int, told: str
) -> None:
    """The line is told with its number and where in it."""
    path = written(tmp_path, line(), "", wrong)

    with pytest.raises(FreeholdError) as refused:
        record(read(path, ledger.vocabulary, NOW, "prod"), ledger)

    assert refused.value.code == "FH-X135"
    assert told in refused.value.problem
    where = refused.value.where
    assert where is not None
    assert where.line == 3
    assert wrong[where.column - 1 :].startswith(wrong[column - 1 :][:6]), where.column
    assert not list(ledger.read(types=("survey.answered",)))
