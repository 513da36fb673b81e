"""A change that is reviewed and passes every check is wrong: what the product makes of it, step by step."""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from rich.console import Console

from freehold.demo.deliveries import generate
from freehold.demo.estate_files import begin, prepare
from freehold.demo.people import OWNER
from freehold.demo.replay import Stage, Summary, first_instant, replay
from freehold.demo.story import Story, tell
from freehold.demo.telling import print_story, story_json
from freehold.insight import Asking, compute, period_named
from freehold.reliability.anomalies import anomalies
from freehold.reliability.incidents import Incident, alerts_of, frozen, incidents
from freehold.reliability.learning import DOCUMENT, postmortem_of
from freehold.work import Work

ENDS = datetime(2026, 10, 21, 18, tzinfo=UTC)  # a Wednesday
LINES = "sales.orders.lines"

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="the demo's changes are in git")


@dataclass(frozen=True)
class Lived:
    """A replay and what is told of it."""

    stage: Stage
    summary: Summary
    story: Story

    @property
    def incident(self) -> Incident:
        """The incident of which somebody said what did it."""
        (found,) = (one for one in incidents(self.stage.ledger).values() if one.causes)
        return found


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lived]:
    """Three weeks of October in which files are changed."""
    folder: Path = tmp_path_factory.mktemp("october")
    prepare(folder)
    arrivals = [one for one in generate(folder, 7, date(2026, 10, 20), 21) if _is_right(folder, one.day)]
    repository = begin(folder, first_instant(arrivals))
    with Stage(folder, first_instant(arrivals), 7) as stage:
        summary = replay(stage, arrivals, not_after=ENDS, repository=repository)
        yield Lived(stage, summary, tell(stage.delivery, "demo", summary.notes, summary.read))


def _is_right(folder: Path, day: date) -> bool:
    """Whether a day came once: this is about a change, not about files."""
    return len(list(folder.glob(f"deliveries/*/{day}.csv"))) == 1


def test_it_is_reviewed_and_every_check_passes(lived: Lived) -> None:
    """The gate let it through, somebody approved it, it is in git, and no check that blocks said no."""
    ledger, live_at = lived.stage.ledger, lived.story.blamed[0].live_at
    told = list(ledger.read(types=("change.*", "estate.applied")))
    applied = next(e for e in told if e.type == "estate.applied" and e.occurred_at == live_at)
    merged = next(e for e in told if e.type == "change.merged" and e.data["commit"] == applied.data["commit"])
    approved = [e for e in told if e.type == "change.approved" and e.subject == merged.subject]
    failed = [
        e for e in ledger.read(types=("check.completed",), since=live_at)
        if e.occurred_at == live_at and e.data["blocking"] and e.data["status"] != "pass"
    ]  # fmt: skip

    assert applied.data["changed"] == [f"Model:{LINES}"]
    assert [e.actor for e in approved] == ["service:simulated/owner"]
    assert failed == []


def test_it_is_detected_at_once_and_named_first(lived: Lived) -> None:
    """What is unusual of the rows opens an incident by itself, and the change is its first suspect."""
    one = lived.incident
    signs = {(alert.column, alert.direction) for alert in alerts_of(lived.stage.ledger, one)}

    assert one.opened_by == "system:freehold"
    assert (one.root, one.detected_at) == (LINES, lived.story.blamed[0].live_at)
    assert ("customer_id", "low") in signs
    assert [suspect["kind"] for suspect in one.suspects][:1] == ["code"]
    assert one.causes == (one.suspects[0]["event"],)


def test_it_is_taken_back_and_told_before_it_is_mended(lived: Lived) -> None:
    """Rollback and freeze in a step each, an update approved, then the next commit; in this order."""
    one = lived.incident
    kinds = [(mitigation.kind, mitigation.target) for mitigation in one.mitigations]
    mended = [
        e.occurred_at for e in lived.stage.ledger.read(types=("estate.applied",)) if e.occurred_at > one.detected_at
    ]

    assert kinds == [("rollback", "sales.orders"), ("freeze", "sales.revenue")]
    assert [(update.audience, update.approver) for update in one.updates] == [("customers", "service:simulated/owner")]
    assert one.acknowledged_at is not None
    assert one.mitigated_at is not None
    assert one.detected_at < one.acknowledged_at < one.mitigated_at < one.updates[0].at < mended[0]
    assert (one.state, one.shown_by.partition("/")[0]) == ("resolved", "service:checks")
    assert frozen(lived.stage.ledger) == {}


def test_what_it_taught_is_written_and_signed_in_time(lived: Lived) -> None:
    """It was severe, so a postmortem is owed, and is signed by the owner within its days; it proposes a rule."""
    one, stage = lived.incident, lived.stage
    library = stage.library(OWNER)
    (signed,) = library.signatures(DOCUMENT)
    work = Work(stage.estate, stage.ledger, clock=stage.clock, ids=stage.ids)
    found = postmortem_of(stage.estate, work, one)

    assert one.sev is not None
    assert one.sev <= 2
    assert (signed.signer, signed.parameters["item"]) == ("service:simulated/owner", one.id)
    assert one.resolved_at is not None
    assert one.resolved_at < signed.signed_at == lived.story.blamed[0].learned_at
    assert (found.state, found.is_late) == ("published", False)
    assert [action.owner for action in found.actions] == ["service:simulated/steward"]
    assert f"A rule of {LINES} was missing, and is proposed." in library.narrative_of(signed)["lessons"]


def test_the_figures_are_right_again(lived: Lived) -> None:
    """What was read was too little, by what guests bought; what is live comes to the files, guests and all."""
    (told,) = lived.story.blamed
    stage = lived.stage
    session = stage.delivery.session("compare")
    graph = stage.delivery.graph.assets
    raw, days = graph["sales.orders.raw_lines"].relation.sql, graph["sales.orders.daily_revenue"].relation.sql
    once = f"SELECT DISTINCT InvoiceNo, StockCode, InvoiceDate, Quantity, UnitPrice, CustomerID, Country FROM {raw}"
    money = f"SELECT cast(sum(Quantity * UnitPrice) AS decimal(18, 2)) FROM ({once})"
    try:
        ((live,),) = session.rows(f"SELECT sum(revenue) FROM {days}")
        ((right,),) = session.rows(f"{money} WHERE UnitPrice > 0")
        ((known,),) = session.rows(
            f"{money} WHERE CustomerID IS NOT NULL AND cast(InvoiceDate AS date) = ?", (told.day,)
        )
    finally:
        session.close()

    assert abs(Decimal(live) - Decimal(right)) < 1
    assert abs(told.figure.wrong - Decimal(known)) < 1
    assert told.figure.wrong < told.figure.right * Decimal("0.95")
    assert told.readers == 4


def test_nothing_stays_unusual_of_what_was_mended(lived: Lived) -> None:
    """What the change made unusual is closed, and neither the mending nor the next day is told as unusual."""
    mine = anomalies(lived.stage.ledger, "prod", asset=LINES, closed=True)

    assert {one.found_at for one in mine if one.measure.column == "customer_id"} == {lived.incident.detected_at}
    assert {one.verdict for one in mine} == {"fixed"}


def test_merges_and_deployments_give_a_lead_time(lived: Lived) -> None:
    """What is merged in the afternoon is live the next morning; a mending goes at once."""
    asking = Asking(zone="Europe/London")
    october, ledger = period_named("2026-10", "Europe/London"), lived.stage.ledger
    found = compute("lead-time-for-changes", ledger, october, asking=asking)
    failed = compute("change-failure-rate", ledger, october, asking=asking)

    assert found.n == 3
    assert found.numerator == pytest.approx(2 * 14 * 3_600)
    assert failed.numerator >= 1


def test_the_story_says_it_in_three_lines(lived: Lived) -> None:
    """For a person with the command to look, for a machine with the same facts."""
    out = io.StringIO()
    print_story(lived.story, Console(file=out, width=300, no_color=True, highlight=False))
    (told,) = story_json(lived.story)["blamed"]
    text = out.getvalue()

    assert "One change was wrong though every check passed." in text
    assert "suspect 1 of" in text
    assert "taken back in one step" in text
    assert f"freehold -C demo incidents show {lived.incident.id.rpartition('/')[2]}" in text
    assert (told["incident"], told["suspect"], told["told"]) == (lived.incident.id, 1, ["customers"])
    assert lived.summary.read.keys() == {lived.incident.id}
