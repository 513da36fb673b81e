"""Evidence: typed tables of what was known, the same from segments as from rows."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from happenings import START, check
from places import Place

from freehold.foundation import FreeholdError, SimulatedClock
from freehold.ledger import Event, Evidence, Ledger, Vocabulary, tail
from freehold.ledger import segments as cutting
from freehold.ledger.columns import columns


@pytest.fixture(params=["rows", "segments", "both"])
def filled(request: pytest.FixtureRequest, ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> Ledger:
    """A ledger of 24 events, read from rows alone, from segments alone, or from both."""
    monkeypatch.setattr(cutting, "EVENTS_EACH", {"rows": 1000, "segments": 8, "both": 10}[request.param])
    for number in range(12):
        ledger.append(
            check(number, value=number * 1.5, failing=number, interval_start=date(2011, 3, 1 + number)),
            Event("work.created", {"item": f"i{number}", "type": "question"}, run_id="r1"),
        )
    return ledger


def test_fields_are_columns_of_their_types(ledger: Ledger) -> None:
    """Instants in UTC whatever their zone, lists as lists, mixed values as text, what is absent as NULL."""
    started = datetime(2011, 3, 1, 8, 30, tzinfo=timezone(timedelta(hours=2)))
    ledger.append(
        Event("run.completed", {"run_id": "r", "asset": "a", "status": "success", "started": started, "rows": 7}),
        check(1, threshold="5 %", value=2.5, interval_start="2011-03-01", blocking=True),
        Event("deploy.completed", {"deploy_id": "d", "env": "prod", "status": "success", "assets": ["a", "b"]}),
    )
    with ledger.evidence() as evidence:
        (run,) = evidence.query("SELECT started, rows, bytes, final, interval_start FROM run_completed")
        (checked,) = evidence.query("SELECT threshold, value, interval_start, blocking FROM check_completed")
        (deployed,) = evidence.query("SELECT assets, occurred_at, actor FROM deploy_completed")

    assert run == (datetime(2011, 3, 1, 6, 30), 7, None, True, None)  # noqa: DTZ001
    assert checked == ("5 %", "2.5", datetime(2011, 3, 1), True)  # noqa: DTZ001
    assert deployed == (["a", "b"], START.replace(tzinfo=None), "system:freehold")


def test_rows_and_segments_answer_alike(filled: Ledger) -> None:
    """Where an event is read from does not show."""
    with filled.evidence() as evidence:
        assert evidence.query("SELECT COUNT(*), SUM(failing), MAX(value) FROM check_completed") == [(12, 66, "9")]
        assert evidence.query("SELECT list(seq ORDER BY seq) FROM events") == [(list(range(1, 25)),)]
        assert evidence.query("SELECT COUNT(*) FROM quality_events WHERE failing > 5") == [(6,)]
        everything = evidence.query("SELECT seq, type, data FROM events ORDER BY seq LIMIT 2")
        assert [(seq, type_) for seq, type_, _ in everything] == [(1, "check.completed"), (2, "work.created")]
        assert json.loads(everything[1][2]) == {"item": "i0", "type": "question"}


def test_a_field_wins_over_the_envelope_and_both_are_there(filled: Ledger) -> None:
    """The `type` of a work item is its own; that of the event is `event_type`; the envelope fills what is absent."""
    filled.append(Event("run.completed", {"run_id": "own", "asset": "a", "status": "failed"}, run_id="envelope"))
    with filled.evidence() as evidence:
        assert evidence.query("SELECT DISTINCT type, event_type, run_id FROM work_created") == [
            ("question", "work.created", "r1")
        ]
        assert evidence.query("SELECT run_id, event_run_id FROM run_completed") == [("own", "envelope")]


@pytest.mark.parametrize("upto", [0, 1, 7, 8, 9, 20, 24])
def test_evidence_as_of_a_number_knows_nothing_later(filled: Ledger, upto: int) -> None:
    """Also inside a segment, and though later events are there."""
    with filled.evidence() as everything:
        assert everything.seq == 24
    with filled.evidence(upto) as evidence:
        assert evidence.query("SELECT COUNT(*), COALESCE(MAX(seq), 0) FROM events") == [(upto, upto)]
        assert evidence.has("work.created") == (upto >= 2)


def test_evidence_as_of_a_time_is_what_was_recorded_by_then(ledger: Ledger, clock: SimulatedClock) -> None:
    """Not what had happened by then: late news is late."""
    ledger.append(check(1))
    clock.advance(timedelta(days=1))
    late = Event("check.completed", check(2).data, occurred_at=START - timedelta(days=9))
    ledger.append(late)

    with ledger.evidence(START + timedelta(hours=1)) as then, ledger.evidence() as now:
        assert (then.seq, then.instant) == (1, START + timedelta(hours=1))
        assert then.query("SELECT COUNT(*) FROM check_completed") == [(1,)]
        assert now.query("SELECT MIN(occurred_at) FROM check_completed") == [(datetime(2011, 2, 20, 6),)]  # noqa: DTZ001


def test_a_number_that_is_not_sealed_is_refused(ledger: Ledger) -> None:
    """Evidence is of what is sealed."""
    with pytest.raises(FreeholdError, match="no sealed event 5"):
        ledger.evidence(5)


@pytest.mark.parametrize("view", [name.replace(".", "_") for name in Vocabulary().names])
def test_every_view_has_its_columns_before_the_first_event(empty: Evidence, view: str) -> None:
    """A query over what never happened answers, with no rows."""
    type_ = Vocabulary()[view.replace("_", ".", 1)]

    assert empty.columns_of(view) == columns(type_)
    assert empty.query(f"SELECT * FROM {view}") == []


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Evidence of an empty ledger."""
    with Ledger.open("sqlite:///s.db", root=tmp_path_factory.mktemp("empty")) as ledger, ledger.evidence() as evidence:
        yield evidence


def test_every_family_has_a_view(empty: Evidence) -> None:
    """With the columns of all its types."""
    for family in Vocabulary().families:
        assert "event_type" in empty.columns_of(f"{family}_events")
    assert "facts" not in empty.columns_of("asset_facts")


@pytest.mark.parametrize(
    ("sql", "fix"),
    [
        pytest.param("SELECT * FROM check_complete", "`check_completed`", id="a view misspelt"),
        pytest.param("SELECT statu FROM check_completed", "docs/reference", id="a column misspelt"),
        pytest.param("SELEC 1", "docs/reference", id="no SQL"),
    ],
)
def test_a_query_that_cannot_be_answered_says_why(empty: Evidence, sql: str, fix: str) -> None:
    """With the near match of the view."""
    with pytest.raises(FreeholdError) as refused:
        empty.query(sql)

    assert refused.value.code == "FH-L404"
    assert fix in refused.value.fix


def test_a_view_that_is_not_there_says_so(empty: Evidence) -> None:
    """Like a query."""
    with pytest.raises(FreeholdError, match="no view `check_complete`"):
        empty.columns_of("check_complete")


@pytest.mark.parametrize(
    ("each", "asked"),
    [
        pytest.param(1000, (3, 9, 5, 9, 4, 12), id="of rows alone, back and forth"),
        pytest.param(4, (3, 9, 5, 2, 12, 7, 8, 11), id="across segments, some of them newer than what is asked for"),
        pytest.param(1000, tuple(range(1, 9)), id="one event more each time"),
    ],
)
def test_each_number_has_its_own_evidence_whatever_was_asked_before(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, each: int, asked: tuple[int, ...]
) -> None:
    """What a ledger has read before shows in no answer: each ends at the number it is as of, and what came is there."""
    monkeypatch.setattr(cutting, "EVENTS_EACH", each)
    monkeypatch.setattr(tail, "_PIECES", 3)
    there = 0
    for number in asked:
        if number > there:
            ledger.append(*(check(n) for n in range(there, number)))
            there = number
            ledger.seal()
        with ledger.evidence(number) as evidence:
            found = evidence.query("SELECT list(seq ORDER BY seq) FROM check_completed")
            assert found == [(list(range(1, number + 1)),)]
            assert (evidence.has("check.completed"), evidence.has("work.created")) == (True, False)


def test_segments_are_made_once_and_made_anew_when_they_do_not_fit(
    opened: Callable[..., Ledger], clock: SimulatedClock, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of another chain, of another vocabulary, or with a file missing: the ledger is the truth."""
    monkeypatch.setattr(cutting, "EVENTS_EACH", 4)
    ledger = opened(clock=clock)
    ledger.append(*(check(n) for n in range(9)))
    (place.folder / "evidence" / "default" / "000000000001-000000000004").mkdir(parents=True)

    def made() -> dict[str, int]:
        with ledger.evidence() as evidence:
            assert evidence.query("SELECT COUNT(*) FROM check_completed") == [(9,)]
        return {str(path): path.stat().st_mtime_ns for path in place.folder.rglob("evidence/**/*.parquet")}

    first = made()
    assert len(first) == 2
    assert made() == first

    path = Path(min(first))
    path.unlink()
    again = made()
    assert set(again) == set(first)
    assert again[str(path)] != first[str(path)]

    manifest = path.parent / "manifest.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"seal": "of another chain"}))
    assert made()[str(path)] != again[str(path)]


def test_a_later_vocabulary_makes_the_segments_anew(
    opened: Callable[..., Ledger], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A column that came later is there for old events too."""
    monkeypatch.setattr(cutting, "EVENTS_EACH", 2)
    opened().append(*(Event("forecast.set", {"period": "2011", "amount": n}) for n in range(4)))
    with opened().evidence() as evidence:
        assert evidence.query("SELECT SUM(amount) FROM forecast_set") == [(6.0,)]
    schema = json.loads(json.dumps(Vocabulary()["forecast.set"].schema))
    schema["properties"]["method"] = {"type": "string", "default": "guess", "x-since": 2}
    (tmp_path / "events").mkdir()
    (tmp_path / "events" / "forecast.set.json").write_text(json.dumps(schema | {"x-version": 2}))

    with opened(vocabulary=Vocabulary(tmp_path / "events")).evidence() as evidence:
        assert evidence.query("SELECT DISTINCT method FROM forecast_set") == [("guess",)]


def test_raw_events_are_evidence_from_when_their_segment_was_sealed(ledger: Ledger, clock: SimulatedClock) -> None:
    """Exact, typed, as of any number, each row with the number that seals it."""
    for day in range(3):
        clock.advance(timedelta(days=1))
        used = [Event("usage.query", {"consumer": f"c{n % (day + 1)}", "duration_ms": n}) for n in range(10)]
        ledger.raw.append("usage.query", used)

    with ledger.evidence() as now, ledger.evidence(START + timedelta(days=2)) as then, ledger.evidence(0) as never:
        counted = "SELECT COUNT(*), COUNT(DISTINCT consumer), MAX(seq), MAX(recorded_at) FROM usage_query"
        assert now.query(counted) == [(30, 3, 3, datetime(2011, 3, 4, 6))]  # noqa: DTZ001
        assert then.query(counted) == [(20, 2, 2, datetime(2011, 3, 3, 6))]  # noqa: DTZ001
        assert then.query("SELECT COUNT(*) FROM serve_events WHERE event_type = 'usage.query'") == [(20,)]
        assert never.query("SELECT COUNT(*) FROM usage_query") == [(0,)]
        assert (now.has("usage.query"), never.has("usage.query"), now.has("usage.view")) == (True, False, False)


@pytest.mark.parametrize(
    ("type_", "events", "code"),
    [
        pytest.param("check.completed", [check(1)], "FH-L007", id="a type of the ledger"),
        pytest.param("usage.query", [], "FH-L007", id="no events"),
        pytest.param("usage.query", [check(1)], "FH-L007", id="events of another type"),
        pytest.param("usage.query", [Event("usage.query", {})], "FH-L002", id="a payload it does not take"),
        pytest.param("usage.quer", [], "FH-L001", id="a type misspelt"),
    ],
)
def test_a_segment_that_cannot_be_is_refused(ledger: Ledger, type_: str, events: list[Event], code: str) -> None:
    """And nothing is recorded."""
    with pytest.raises(FreeholdError) as refused:
        ledger.raw.append(type_, events)

    assert refused.value.code == code
    assert list(ledger.read()) == []


def test_facts_of_an_asset_are_known_as_of_any_time(ledger: Ledger, clock: SimulatedClock) -> None:
    """Tier and owner hold from one applied estate to the next."""
    for tier in (3, 1):
        facts = {"sales.orders.lines": {"tier": tier, "owner": "team:sales"}, "sales.orders.daily": {"tier": 2}}
        ledger.append(Event("estate.applied", {"estate": "e", "resources": {}, "assets": facts, "env": "prod"}))
        clock.advance(timedelta(days=1))

    with ledger.evidence() as evidence:
        facts = evidence.query(
            "SELECT tier, owner, valid_from, valid_to FROM asset_facts WHERE asset = 'sales.orders.lines' ORDER BY seq"
        )

    first, second = datetime(2011, 3, 1, 6), datetime(2011, 3, 2, 6)  # noqa: DTZ001
    assert [row[:3] for row in facts] == [(3, "team:sales", first), (1, "team:sales", second)]
    assert facts[0][3] == second
    assert facts[1][3] > datetime.now(UTC).replace(tzinfo=None)


def test_threads_that_miss_the_same_segments_do_not_take_them_from_each_other(
    opened: Callable[..., Ledger], place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the first pages of a server do: each has its answer, whoever made the segments."""
    monkeypatch.setattr(cutting, "EVENTS_EACH", 4)
    ledger = opened()
    ledger.append(*(check(n) for n in range(16)))
    ledger.seal()

    def asked(_: int) -> object:
        with ledger.evidence() as evidence:
            return evidence.query("SELECT COUNT(*) FROM check_completed")[0][0]

    with ThreadPoolExecutor(6) as many:
        for _ in range(3):
            shutil.rmtree(place.folder / "evidence", ignore_errors=True)
            assert set(many.map(asked, range(6))) == {16}
