"""A turn: what the ledger tells becomes alerts, raised once, over once they are, and told once."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import watched_estate
from freehold.delivery.graph import Graph
from freehold.ledger import Event, Ledger
from freehold.reliability import watch
from freehold.reliability.alerts import Alert, State, alert, alerts, close, silence, with_right_since
from freehold.reliability.alerts.turn import KEPT
from freehold.reliability.signals import Signal, SignalKind
from freehold.reliability.slo import Watch
from watched_estate import DAILY, LINES, RAW, START, Bench

WORKER = Path(__file__).with_name("turning_process.py")
SLO = f"""\
apiVersion: openslo/v1
kind: SLO
metadata: {{name: fresh}}
spec:
  service: {LINES}
  indicatorRef: freshness
  timeWindow: [{{duration: 30d}}]
  budgetingMethod: Timeslices
  objectives: [{{target: 0.99}}]
"""
DAY = {"interval_start": "2026-11-01T00:00:00Z", "interval_end": "2026-11-02T00:00:00Z"}


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """An estate and an empty ledger."""
    made = Bench(watched_estate.write(tmp_path))
    with made.ledger:
        yield made


def only(bench: Bench) -> Alert:
    """Return the one alert there is."""
    (found,) = alerts(bench.ledger, "prod", closed=True)
    return found


def states(bench: Bench) -> list[tuple[str, str, str]]:
    """Return each alert: its kind, where it stands, what it was."""
    return [(one.kind, str(one.state), one.verdict) for one in alerts(bench.ledger, "prod", closed=True)]


def test_a_broken_contract_calls_whoever_is_on_call(bench: Bench) -> None:
    """An alert says who is paged, who after that, what to do, and why; the group is told after group_wait."""
    evidence = bench.check("fail", operator="mustBeGreaterThan", threshold=10, value=3)
    turn = bench.turn()
    found = only(bench)

    assert turn.raised == (found.id,)
    assert (found.page, found.severity, found.monitor, found.since) == (True, "critical", "rows", START)
    assert (found.responder, found.escalation, found.owner) == ("user:idp/ana", "user:idp/ben", "team:data")
    assert (found.runbook, found.evidence) == ("https://runbooks.example.com/orders", evidence)
    assert found.reason == "`rows` is 3, and must be more than 10"
    assert bench.notified() == []
    assert turn.next_at == START + timedelta(seconds=30)
    assert bench.pass_by(seconds=30).turn().notified[0].alerts == (found.id,)
    assert bench.notified() == [("first", 1, 0)]


def test_columns_that_are_missing_are_named_in_words(bench: Bench) -> None:
    """What such a check measures are names, which no limit compares."""
    said = {"class": "schema", "operator": "mustBe", "threshold": 0, "value": "price", "failing": 1, "total": 4}
    bench.check("fail", reason="missing columns: price", **said)
    bench.turn()

    assert only(bench).reason == "missing columns: price"


def test_a_flapping_source_is_one_alert_and_pages_once(bench: Bench) -> None:
    """What is right for a few minutes and wrong again is one alert, told once; right for half an hour, it is over."""
    for status in ("fail", "pass") * 8:
        bench.check(status)
        bench.turn()
        bench.pass_by(minutes=7)
    assert [one["page"] for one in bench.told("alert.raised")] == [True]
    assert [reason for reason, *_ in bench.notified()] == ["first"]

    bench.pass_by(minutes=60).turn()
    bench.pass_by(minutes=6).turn()
    assert states(bench) == [("check", "closed", "fixed")]
    assert [reason for reason, *_ in bench.notified()] == ["first", "resolved"]
    assert bench.turn().next_at is None


def test_right_for_long_is_over_and_wrong_again_is_another(bench: Bench) -> None:
    """It is over since it was right, and what breaks later is a new alert, even where nobody looked meanwhile."""
    for status in ("fail", "pass", "fail"):
        bench.check(status)
        bench.pass_by(hours=2)
    bench.turn()

    assert states(bench) == [("check", "closed", "fixed"), ("check", "firing", "")]
    (over,) = bench.ledger.read(types=("alert.resolved",))
    assert over.occurred_at == START + timedelta(hours=2)


def test_what_is_right_and_not_over_yet_says_since_when(bench: Bench) -> None:
    """Whoever mended it sees that it worked; wrong again, or over, it says so no more."""

    def right() -> list[Any]:
        told = with_right_since(bench.ledger, "prod", alerts(bench.ledger, "prod"))
        return [(one.state, one.right_since and one.right_since - START) for one in told]

    bench.check("fail")
    bench.turn()
    assert right() == [(State.FIRING, None)]
    bench.pass_by(minutes=7).check("pass")
    bench.turn()
    assert right() == [(State.FIRING, timedelta(minutes=7))]
    bench.pass_by(minutes=1).check("fail")
    bench.turn()
    assert right() == [(State.FIRING, None)]
    bench.pass_by(minutes=1).check("pass")
    bench.pass_by(hours=1).turn()
    assert right() == []


def test_a_turn_with_nothing_new_does_nothing(bench: Bench) -> None:
    """Where nothing was told and nothing is due, nothing is written: not even a lease is taken."""
    bench.check("pass")
    bench.turn()
    kept = bench.ledger.state.get(KEPT, "prod")
    for _ in range(3):
        assert bench.pass_by(hours=1).turn().raised == ()
    assert bench.ledger.state.get(KEPT, "prod") == kept


def test_what_is_held_back_is_over_when_its_day_comes_again(bench: Bench) -> None:
    """A day in quarantine stays wrong while other days pass; it is fixed once it passes itself."""
    held = {"target": "candidate", "candidate": "7", **{"interval_start": DAY["interval_start"]}}
    bench.check("fail", **held)
    bench.tell("candidate.quarantined", LINES, candidate="7")
    bench.check("warn", name="mean", **(held | {"blocking": False, "severity": "warning"}))
    bench.turn()
    assert [(one.page, one.is_held, one.is_breach) for one in alerts(bench.ledger, "prod")] == [
        (False, True, False)
    ] * 2

    bench.pass_by(days=1).check("pass", target="candidate", candidate="8", interval_start="2026-11-02T00:00:00Z")
    bench.pass_by(hours=2).turn()
    assert {state for _, state, _ in states(bench)} == {"firing"}
    again = {"target": "candidate", "candidate": "9", "interval_start": DAY["interval_start"]}
    bench.check("pass", **again)
    bench.check("pass", name="mean", **(again | {"blocking": False}))
    bench.pass_by(hours=2).turn()
    assert states(bench) == [("check", "closed", "fixed")] * 2


def test_what_was_published_wrong_is_over_when_its_day_comes_again(bench: Bench) -> None:
    """A day that consumers read stays wrong while other days pass, and whoever does without a candidate of it."""
    of = {"target": "candidate", "blocking": False}
    bench.check("fail", candidate="7", interval_start=DAY["interval_start"], **of)
    bench.turn()
    assert (only(bench).is_breach, only(bench).page) == (True, True)
    bench.pass_by(days=1).check("pass", candidate="8", interval_start="2026-11-02T00:00:00Z", **of)
    bench.tell("candidate.discarded", LINES, candidate="9", **DAY)
    bench.pass_by(hours=2).turn()
    assert states(bench) == [("check", "firing", "")]
    bench.check("pass", candidate="10", interval_start=DAY["interval_start"], **of)
    bench.pass_by(hours=2).turn()
    assert states(bench) == [("check", "resolved", "")]


def test_all_that_is_live_passes_for_what_was_published_and_not_for_what_is_held(bench: Bench) -> None:
    """Whatever day was wrong, readers have it no more; what is in quarantine they never had."""
    bench.check("fail", target="candidate", candidate="7", interval_start=DAY["interval_start"], blocking=False)
    bench.check("fail", name="mean", target="candidate", candidate="8", interval_start=DAY["interval_start"])
    bench.turn()
    for name in ({}, {"name": "mean"}):
        bench.pass_by(hours=1).check("pass", **name)
    bench.pass_by(hours=2).turn()
    assert sorted(states(bench)) == [("check", "closed", "fixed"), ("check", "firing", "")]


def test_how_old_the_newest_rows_are_is_of_no_interval(bench: Bench) -> None:
    """The next that comes is the newest then."""
    of = {"target": "candidate", "blocking": False, "kind": "freshness", "name": "age"}
    bench.check("warn", candidate="7", interval_start=DAY["interval_start"], **of)
    bench.turn()
    bench.pass_by(days=1).check("pass", candidate="8", interval_start="2026-11-02T00:00:00Z", **of)
    bench.pass_by(hours=2).turn()
    assert states(bench) == [("check", "resolved", "")]


def test_a_discarded_candidate_is_nobodys_trouble(bench: Bench) -> None:
    """Who does without a candidate ends its alerts; what it was, somebody still has to say."""
    bench.check("fail", target="candidate", candidate="7", interval_start=DAY["interval_start"])
    bench.turn()
    bench.tell("candidate.discarded", LINES, candidate="7", **DAY)
    bench.pass_by(hours=1).turn()
    assert states(bench) == [("check", "resolved", "")]


def run(bench: Bench, status: str, **said: Any) -> str:
    """Record how a build ended."""
    run_id = str(said.pop("run_id", "r1"))
    return bench.tell("run.completed", str(said.pop("asset", LINES)), run_id=run_id, status=status, run=run_id, **said)


def test_a_failed_run_is_right_with_the_next_that_does_not(bench: Bench) -> None:
    """It is told once, by the step that failed, whatever the schedule says of it; the next one mends it."""
    run(bench, "failed", code="FH-E101", **DAY)
    run(bench, "failed", code="FH-E101", due_at="2026-11-02T05:00:00Z")
    bench.turn()
    assert states(bench) == [("run", "firing", "")]
    run(bench, "success", run_id="r2", **DAY)
    bench.pass_by(hours=1).turn()
    assert states(bench) == [("run", "closed", "fixed")]


def test_a_scheduled_run_that_never_began_is_told(bench: Bench) -> None:
    """Where no step is told to have failed, the schedule's own word counts."""
    run(bench, "failed", code="FH-E101", due_at="2026-11-02T05:00:00Z", asset="shop.orders")
    bench.turn()
    assert (only(bench).asset, only(bench).monitor) == ("shop.orders", "schedule")


def test_an_attempt_that_is_followed_by_another_is_none(bench: Bench) -> None:
    """Only the last attempt tells whether a run failed."""
    run(bench, "failed", final=False)
    assert bench.turn().raised == ()


DUE = {"due_at": "2026-11-02T06:30:00Z", "deadline_at": "2026-11-02T07:00:00Z", **DAY}


def test_what_does_not_come_is_late_at_its_deadline(bench: Bench) -> None:
    """Nothing has to be told for it: the turn says when to come back, and by then it is late; what comes mends it."""
    bench.tell("run.expected", RAW, **DUE)
    assert bench.turn().next_at == START + timedelta(hours=1)
    assert bench.pass_by(minutes=59).turn().raised == ()
    bench.pass_by(minutes=2).turn()
    found = only(bench)
    assert (found.kind, found.since, found.page) == ("late", START + timedelta(hours=1), False)
    assert found.reason == "the delivery due 2026-11-02 06:30 UTC has not come"

    run(bench, "quarantined", asset=RAW, **DAY)
    bench.pass_by(hours=1).turn()
    assert states(bench) == [("late", "closed", "fixed")]


@pytest.mark.parametrize(
    "came",
    [
        pytest.param({"asset": RAW, **DAY}, id="a delivery of its interval"),
        pytest.param({"asset": RAW, "due_at": DUE["due_at"]}, id="a run that answers its due time"),
    ],
)
def test_what_comes_in_time_is_not_late(bench: Bench, came: dict[str, Any]) -> None:
    """What was expected and came raises nothing, at any time after."""
    of = (
        DUE
        if "interval_start" in came
        else {k: v for k, v in DUE.items() if not k.startswith("int")} | {"schedule": "x"}
    )
    bench.tell("run.expected", RAW, **of)
    run(bench, "success", **came)
    bench.pass_by(hours=3).turn()
    assert states(bench) == []


def test_a_missed_run_is_late_at_once(bench: Bench) -> None:
    """What was not made up is late, though nobody waits for it."""
    bench.tell("run.expected", "shop.orders", due_at="2026-11-02T05:00:00Z", schedule="daily", missed=True)
    bench.turn()
    assert only(bench).reason == "the run due 2026-11-02 05:00 UTC has not come"


def test_columns_that_strayed_are_right_with_the_next_that_did_not(bench: Bench) -> None:
    """A delivery of other columns is wrong until one comes with those of the contract."""
    bench.tell("schema.observed", RAW, breaking=True, announced=False, diff={"missing": ["price"]}, run="r1")
    bench.turn()
    assert only(bench).reason == "the columns are not those of the contract: missing price"
    run(bench, "success", run_id="r1", asset=RAW)
    bench.pass_by(hours=1).turn()
    assert only(bench).state is State.FIRING
    run(bench, "success", run_id="r2", asset=RAW)
    bench.pass_by(hours=1).turn()
    assert states(bench) == [("schema", "closed", "fixed")]


def anomaly(bench: Bench, id_: str, *, asset: str = LINES, deviations: float = 4.0, batch: str = "1") -> None:
    """Record that a batch has too many rows."""
    said = {"anomaly": id_, "batch": batch, "measure": "rows", "grade": "severe", "value": 9.0, "expected": 2.0}
    bench.tell("anomaly.found", asset, **said, deviations=deviations)


def test_an_anomaly_is_quiet_once_a_batch_is_as_usual(bench: Bench) -> None:
    """It is over then, and what it was somebody has to say; what they say of the anomaly goes for the alert."""
    anomaly(bench, "odd")
    bench.turn()
    bench.pass_by(days=1).tell("profile.observed", LINES, batch="2", columns={})
    bench.pass_by(hours=1).turn()
    assert states(bench) == [("anomaly", "resolved", "")]


def test_an_anomaly_is_quiet_once_another_batch_is_live_instead(bench: Bench) -> None:
    """What was built before is live again without being built: no batch is measured, and yet it is over."""
    found = {"batch": "7", "measure": "mean", "grade": "severe", "value": 40.0, "expected": 4.0}
    bench.tell("anomaly.found", LINES, anomaly="a", **found)
    bench.turn()
    bench.pass_by(hours=1).tell("asset.published", LINES, deployment="9", batches_added=["8"], batches_removed=["6"])
    bench.turn()
    assert states(bench) == [("anomaly", "firing", "")]
    bench.pass_by(hours=1).tell("asset.published", LINES, deployment="10", batches_added=["6"], batches_removed=["7"])
    bench.turn()
    bench.pass_by(hours=1).turn()
    assert states(bench) == [("anomaly", "resolved", "")]


@pytest.mark.parametrize(
    ("said", "state"),
    [
        pytest.param(None, "firing", id="nobody said what it was"),
        pytest.param({"verdict": "fixed", "batch": "7"}, "firing", id="another came in its place"),
        pytest.param({"verdict": "expected"}, "closed", id="somebody said it is right"),
    ],
)
def test_an_anomaly_is_told_where_its_batch_is_live_again(
    bench: Bench, said: dict[str, str] | None, state: str
) -> None:
    """A rollback to what is as wrong mends nothing, though no batch is measured for it."""
    bench.tell("asset.published", LINES, deployment="8", batches_added=["6"], batches_removed=[])
    found = {"measure": "mean", "grade": "severe", "value": 40.0, "expected": 4.0}
    bench.tell("anomaly.found", LINES, anomaly="a", batch="6", **found)
    bench.turn()
    bench.pass_by(minutes=1).tell("asset.published", LINES, deployment="9", batches_added=["7"], batches_removed=["6"])
    bench.tell("anomaly.found", LINES, anomaly="b", batch="7", **found)
    if said:
        bench.tell("anomaly.closed", LINES, anomaly="a", **said)
    bench.turn()
    bench.pass_by(minutes=1).tell("asset.published", LINES, deployment="10", batches_added=["6"], batches_removed=["7"])
    bench.turn()
    bench.pass_by(hours=1).turn()

    assert [one for _, one, _ in states(bench)] == [state]


def test_what_is_said_of_an_anomaly_closes_its_alert(bench: Bench) -> None:
    """At once: what somebody says needs no time to hold."""
    anomaly(bench, "odd")
    bench.turn()
    bench.tell("anomaly.closed", LINES, anomaly="odd", verdict="expected")
    bench.turn()
    assert states(bench) == [("anomaly", "closed", "expected")]


def test_two_signals_on_one_path_call_once(bench: Bench) -> None:
    """A check and an anomaly above it agree: the second pages, says of which, and a third does not page again."""
    bench.check("fail", target="candidate", candidate="7", asset=DAILY)
    anomaly(bench, "odd", asset=RAW)
    anomaly(bench, "other", asset=LINES)
    bench.turn()
    found = alerts(bench.ledger, "prod")

    assert [one.page for one in found] == [False, True, False]
    assert found[1].why == f"Two signals on one path agree: this and alert {found[0].id} (check)."
    assert found[2].why == f"Alert {found[1].id}, on the same path, pages already."


def test_what_gets_worse_calls_then(bench: Bench) -> None:
    """An alert that paged nobody is told once more when what was held back reaches consumers, and pages then."""
    bench.check("fail", target="candidate", candidate="7")
    bench.turn()
    bench.pass_by(minutes=5).check("fail")
    bench.turn()

    assert [one["page"] for one in bench.told("alert.raised")] == [False, True]
    assert only(bench).page


def test_what_calls_already_is_told_as_worse(bench: Bench) -> None:
    """Two signals agree on what was held back; once it reaches consumers, it is told to be a breach, and not held."""
    anomaly(bench, "odd", asset=RAW)
    bench.check("fail", target="candidate", candidate="7")
    bench.turn()
    assert (only_check(bench).page, only_check(bench).is_breach, only_check(bench).is_held) == (True, False, True)
    bench.pass_by(minutes=5).check("fail")
    bench.turn()
    found = only_check(bench)
    assert (found.page, found.is_breach, found.is_held) == (True, True, False)
    assert found.why == "The contract is broken in what consumers read."

    bench.pass_by(minutes=5).check("fail", target="candidate", candidate="8")
    bench.pass_by(minutes=5).check("fail")
    bench.turn()
    assert (only_check(bench).is_breach, len(bench.told("alert.raised"))) == (True, 3), "it is as bad as it was"


def only_check(bench: Bench) -> Alert:
    """Return the one alert of a check there is."""
    (found,) = [one for one in alerts(bench.ledger, "prod", closed=True) if one.kind is SignalKind.CHECK]
    return found


@pytest.mark.parametrize("first", ["anomaly", "alert"])
def test_what_somebody_closed_meanwhile_stays_so(bench: Bench, first: str) -> None:
    """Who closes an anomaly and its alert, in whatever order, before a turn was taken, keeps no alert from coming."""
    anomaly(bench, "odd")
    bench.turn()
    id_ = only(bench).id
    if first == "alert":
        close(bench.ledger, "prod", id_, "false")
    bench.tell("anomaly.closed", LINES, anomaly="odd", verdict="expected")
    if first == "anomaly":
        close(bench.ledger, "prod", id_, "false")
    bench.turn()
    assert states(bench) == [("anomaly", "closed", "false")]
    bench.pass_by(minutes=5).check("fail")
    bench.turn()
    assert [state for _, state, _ in states(bench)] == ["closed", "firing"]


def test_what_was_over_before_somebody_closed_it_is_what_they_said(bench: Bench) -> None:
    """It passes, half an hour goes by, and somebody says that it was false: one turn reads it all."""
    bench.check("fail")
    bench.turn()
    bench.check("pass")
    bench.pass_by(minutes=31).check("pass", name="other")
    bench.check("fail", name="rows")
    close(bench.ledger, "prod", only(bench).id, "false")
    bench.turn()
    assert [(state, verdict) for _, state, verdict in states(bench)] == [("closed", "false"), ("firing", "")]


def test_history_calls_nobody(bench: Bench) -> None:
    """What is read of last month raises alerts of last month, and none of them pages."""
    bench.check("fail")
    bench.pass_by(days=30).turn()
    found = only(bench)

    assert (found.raised_at, found.page) == (START, False)
    assert "not in time" in found.why
    assert bench.notified() == []


def test_what_is_read_late_and_fails_still_calls(bench: Bench) -> None:
    """What was read too late to page anybody does so with the next time it fails, if that is read in time."""
    bench.check("fail")
    bench.pass_by(hours=5).turn()
    assert not only(bench).page
    bench.pass_by(hours=1)
    last = bench.check("fail")
    bench.turn()
    assert (only(bench).page, only(bench).since, only(bench).evidence) == (True, START, last)


def slo(asset: str = DAILY) -> Signal:
    """Return an SLO that burns."""
    return Signal(SignalKind.SLO, asset, "shop.orders", "fresh", START, START, "slo-1", "it burns", is_breach=True)


def test_an_slo_is_wrong_for_as_long_as_it_is_among_those_that_burn(bench: Bench) -> None:
    """They are told whole at each turn; where nobody looked at them, they stand as they were."""
    bench.turn(burning=[slo()])
    assert (only(bench).kind, only(bench).page) == ("slo", True)
    bench.turn(burning=[slo()])
    bench.pass_by(hours=1).turn()
    assert states(bench) == [("slo", "firing", "")]
    bench.turn(burning=[])
    bench.pass_by(hours=1).turn()
    assert states(bench) == [("slo", "resolved", "")]


def test_a_budget_that_is_gone_calls_though_nothing_else_happens(bench: Bench) -> None:
    """What burned and paged nobody does once it breaks its promise: no event has to come for that."""
    bench.turn(burning=[replace(slo(), is_breach=False)])
    assert not only(bench).page
    at = bench.pass_by(hours=3).clock.now()
    bench.turn(burning=[replace(slo(), seen_at=at)])
    assert (only(bench).page, only(bench).is_breach) == (True, True)


def test_a_budget_that_burns_once_more_is_another_alert(bench: Bench) -> None:
    """With the same evidence as before: it is told nonetheless."""
    for burning in ([slo()], [], [replace(slo(), seen_at=START + timedelta(hours=2))]):
        bench.turn(burning=burning)
        bench.pass_by(hours=1).turn()
    assert states(bench) == [("slo", "resolved", ""), ("slo", "firing", "")]


def test_what_is_below_a_page_is_not_told_of_apart(bench: Bench) -> None:
    """A page above in the lineage inhibits those below it."""
    bench.check("fail", asset=DAILY)
    bench.check("fail", asset=RAW)
    bench.turn()
    bench.pass_by(minutes=1).turn()
    (told,) = bench.told("alert.notified")
    assert [alert(bench.ledger, "prod", id_).asset for id_ in told["alerts"]] == [RAW]


def test_a_silence_is_kept(bench: Bench) -> None:
    """What is silenced is raised, and told to nobody until the silence is over."""
    silence(bench.ledger, "prod", ["product=shop.orders"], START, START + timedelta(hours=1), "we know")
    bench.check("fail")
    for _ in range(11):
        bench.turn()
        bench.pass_by(minutes=5)
    assert only(bench).page
    assert bench.notified() == []
    bench.pass_by(minutes=10).turn()
    assert bench.notified() == [("first", 1, 0)]


def test_who_closes_an_alert_ends_it(bench: Bench) -> None:
    """What was closed is told as over; the same, found once more, is another alert."""
    bench.check("fail")
    bench.turn()
    bench.pass_by(minutes=1).turn()
    close(bench.ledger, "prod", only(bench).id, "false")
    bench.turn()
    bench.pass_by(minutes=6).turn()
    assert bench.notified() == [("first", 1, 0), ("resolved", 0, 1)]
    bench.check("fail")
    bench.turn()
    assert [(one.state, one.verdict) for one in alerts(bench.ledger, "prod", closed=True)] == [
        (State.CLOSED, "false"),
        (State.FIRING, ""),
    ]


def test_all_at_once_is_as_one_after_the_other(bench: Bench, tmp_path: Path) -> None:
    """Whether turns are taken after each event or once at the end, the alerts are the same."""
    other = Bench(watched_estate.write(tmp_path / "other"))
    steps: list[Callable[[Bench], object]] = [
        lambda b: b.check("fail", target="candidate", candidate="7"),
        lambda b: run(b, "failed", run_id="r1"),
        lambda b: b.check("pass", target="candidate", candidate="8"),
        lambda b: run(b, "success", run_id="r2"),
        lambda b: anomaly(b, "odd"),
        lambda b: b.tell("profile.observed", LINES, batch="2", columns={}),
        lambda b: b.check("fail", name="other"),
    ]
    for step in steps:
        for one in (bench, other):
            step(one)
            one.pass_by(hours=1)
        bench.turn()
    other.turn()
    with other.ledger:
        seen = [[(a.id, a.state, a.verdict, a.raised_at) for a in alerts(b.ledger, "prod", closed=True)]
                for b in (bench, other)]  # fmt: skip
    assert len(seen[0]) == 4
    assert seen[0] == seen[1]


def test_a_kept_state_that_was_lost_is_made_again(bench: Bench) -> None:
    """All is read anew then, and nothing is told twice."""
    bench.check("fail")
    bench.check("fail", name="other")
    bench.turn()
    before = [event.id for event in bench.ledger.read(types=("alert.*",))]
    bench.ledger.state.delete(KEPT, "prod")
    bench.ledger.state.delete("alerts/assets/prod", *bench.ledger.state.many("alerts/assets/prod"))
    bench.pass_by(hours=1).turn()

    assert [e.id for e in bench.ledger.read(types=("alert.raised", "alert.resolved"))] == before


def test_two_turns_beside_each_other_tell_once(bench: Bench) -> None:
    """However many take a turn at once, each alert is raised once, and each group is told once."""
    for number in range(40):
        bench.check("fail", name=f"check_{number}")
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: bench.turn(), range(8)))
    bench.pass_by(minutes=1)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: bench.turn(), range(8)))
    bench.turn()

    assert len(bench.told("alert.raised")) == 40
    assert bench.notified() == [("first", 40, 0)]


@pytest.mark.parametrize("statement", [*range(1, 15), 18, 25, 40])
def test_a_turn_that_is_killed_is_taken_again(bench: Bench, tmp_path: Path, statement: int) -> None:
    """SIGKILL before any statement that writes: the next turn tells what was to be told, and nothing twice."""
    bench.check("fail")
    bench.check("fail", target="candidate", candidate="7", name="held")
    at = (bench.clock.now() + timedelta(minutes=1)).isoformat()
    killed = subprocess.run([sys.executable, str(WORKER), str(tmp_path), at, str(statement)], timeout=120, check=False)
    assert killed.returncode in (-signal.SIGKILL, 0)
    bench.pass_by(minutes=1)
    for _ in range(3):
        bench.turn()
        bench.pass_by(seconds=31)

    assert len(bench.told("alert.raised")) == 2
    assert bench.notified() == [("first", 1, 0)]


@pytest.mark.parametrize("statement", [1, 2, 4, 7, 11, 16, 24])
def test_a_watch_that_is_killed_while_a_budget_burns_pages_once(tmp_path: Path, statement: int) -> None:
    """SIGKILL before any statement that writes: who watches next raises the alert once, and tells once."""
    bench = Bench(watched_estate.write(tmp_path, **{"slo.yaml": SLO}))
    with bench.ledger:
        observed = {"asset": LINES, "data_time": (START - timedelta(days=3)).isoformat(), "target_s": 86_400}
        bench.ledger.append(
            Event("freshness.observed", observed, occurred_at=START, env="prod", subject=LINES, product="shop.orders")
        )
        at = bench.pass_by(hours=2).clock.now().isoformat()
        words = [sys.executable, str(WORKER), str(tmp_path), at, str(statement), "slos"]
        assert subprocess.run(words, timeout=120, check=False).returncode in (-signal.SIGKILL, 0)
        for _ in range(3):
            watched_again(bench)
            bench.pass_by(seconds=31)

        (raised,) = bench.told("alert.raised")
        assert (raised["kind"], raised["page"]) == ("slo", True)
        assert bench.notified() == [("first", 1, 0)]

        for _ in range(3):
            watched_again(bench.pass_by(hours=1))
        assert {one["alert_id"] for one in bench.told("alert.raised")} == {raised["alert_id"]}
        assert [reason for reason, *_ in bench.notified()] == ["first"]


def watched_again(bench: Bench) -> None:
    """Watch all, as a process does that begins."""
    graph = Graph.of(bench.estate, "prod")
    promises = Watch(bench.estate, graph, bench.ledger, "prod", bench.clock.now())
    watch(bench.estate, bench.ledger, "prod", lambda: graph, bench.clock, slos=promises)


def test_a_server_of_its_own_keeps_the_same(postgres_url: str, tmp_path: Path) -> None:
    """On PostgreSQL alerts are raised and told as on SQLite."""
    made = Bench(watched_estate.write(tmp_path))
    made.ledger.close()
    with Ledger.open(postgres_url, root=tmp_path, clock=made.clock) as ledger:
        made.ledger = ledger
        made.check("fail")
        made.turn()
        made.pass_by(minutes=1).turn()
        assert made.notified() == [("first", 1, 0)]
