"""Every alert is closed with what it was; monitors are judged by that, and one that is wrong too often pages nobody."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

import watched_estate
from freehold.foundation import FreeholdError
from freehold.reliability import anomalies, look
from freehold.reliability.alerts import (
    VERDICTS,
    WEEK,
    alerts,
    close,
    digest,
    end,
    in_a_line,
    monitors,
    silence,
    silences,
)
from watched_estate import LINES, START, Bench


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """An estate and an empty ledger."""
    made = Bench(watched_estate.write(tmp_path))
    with made.ledger:
        yield made


def judged(bench: Bench, *verdicts: str) -> None:
    """Have the same check fail once for each verdict, and say it of each alert."""
    for verdict in verdicts:
        bench.check("fail")
        bench.turn()
        close(bench.ledger, "prod", alerts(bench.ledger, "prod")[-1].id, verdict)
        bench.pass_by(hours=1)


@pytest.mark.parametrize(
    ("verdicts", "precision", "is_demoted"),
    [
        pytest.param(["false"] * 9, 0.0, False, id="nine are too few to judge by"),
        pytest.param(["false"] * 10, 0.0, True, id="ten false ones demote"),
        pytest.param(["false"] * 8 + ["fixed"] * 2, 0.2, True, id="two in ten are too few"),
        pytest.param(["false"] * 7 + ["fixed"] * 3, 0.3, False, id="three in ten are enough"),
        pytest.param(["false"] * 7 + ["expected"] * 3, 0.3, False, id="what was expected was worth it"),
        pytest.param(["false"] * 9 + ["duplicate"] * 3, 0.0, False, id="duplicates do not count"),
        pytest.param(["fixed"] * 5 + ["false"] * 10, 0.0, True, id="the last ten count"),
        pytest.param(["false"] * 10 + ["fixed"] * 3, 0.3, False, id="who is right again is restored"),
    ],
)
def test_a_monitor_is_judged_by_its_last_ten(
    bench: Bench, verdicts: list[str], precision: float, is_demoted: bool
) -> None:
    """Its precision is the share that was worth it; below 30 % of ten it is demoted, with an event."""
    judged(bench, *verdicts)
    (found,) = monitors(bench.ledger, "prod")

    assert (found.precision, found.is_demoted) == (pytest.approx(precision), is_demoted)
    told = [event.type for event in bench.ledger.read(types=("monitor.demoted", "monitor.restored"))]
    assert (told[-1:] == ["monitor.demoted"]) is is_demoted


def test_a_demoted_monitor_calls_nobody_and_says_so(bench: Bench) -> None:
    """What it finds is raised, and is in the digest; another monitor of the same asset still pages."""
    judged(bench, *["false"] * 10)
    bench.check("fail")
    bench.check("fail", name="other")
    bench.turn()
    found = {one.monitor: one for one in alerts(bench.ledger, "prod")}

    assert (found["rows"].page, found["other"].page) == (False, True)
    assert found["rows"].why == "Its monitor is demoted: 0 % of its last 10 alerts were worth it."
    (part,) = digest(bench.ledger, "prod", bench.clock.now() - WEEK)
    assert [one.id for one in part.alerts] == [found["rows"].id]
    assert in_a_line((part,)) == "1 alert that paged nobody, 1 of which stand"


def test_a_demoted_monitor_is_restored_by_what_was_mended(bench: Bench) -> None:
    """Nobody has to say so: alerts that are over since a check passes count as fixed."""
    judged(bench, *["false"] * 10)
    for _ in range(3):
        bench.check("fail")
        bench.turn()
        bench.check("pass")
        bench.pass_by(hours=1).turn()

    assert [one.is_demoted for one in monitors(bench.ledger, "prod")] == [False]


def test_what_is_said_of_an_alert_is_said_of_its_anomaly(bench: Bench) -> None:
    """An anomaly that was expected is closed with its alert, once: the turn that reads that says nothing new."""
    for day in range(20):
        start, stop = (f"2026-10-{day + more:02}T00:00:00Z" for more in (1, 2))
        said = {"batch": str(day), "columns": {}, "interval_start": start, "interval_end": stop}
        bench.tell("profile.observed", LINES, rows=0 if day == 19 else 1000, **said)
    look(bench.ledger, "prod")
    bench.turn()
    (of,) = alerts(bench.ledger, "prod")
    close(bench.ledger, "prod", of.id, "expected")
    bench.turn()

    assert [(one.is_open, one.verdict) for one in anomalies(bench.ledger, "prod", closed=True)] == [(False, "expected")]
    assert [one["verdict"] for one in bench.told("alert.closed")] == ["expected"]
    assert alerts(bench.ledger, "prod") == ()


def test_what_cannot_be_closed(bench: Bench) -> None:
    """What is not there, was closed before, or is called by no verdict is refused, and nothing is recorded."""
    bench.check("fail")
    bench.turn()
    (of,) = alerts(bench.ledger, "prod")
    with pytest.raises(FreeholdError, match="FH-E334"):
        close(bench.ledger, "prod", of.id, "whatever")
    with pytest.raises(FreeholdError, match="FH-E332"):
        close(bench.ledger, "prod", "nothing", "fixed")
    close(bench.ledger, "prod", of.id, VERDICTS[0])
    with pytest.raises(FreeholdError, match="FH-E333"):
        close(bench.ledger, "prod", of.id, "false")
    assert [one["verdict"] for one in bench.told("alert.closed")] == ["fixed"]


def test_a_silence_is_in_force_until_it_ends(bench: Bench) -> None:
    """It keeps who set it and why; ended before its time, it is over; why can be erased."""
    made = silence(bench.ledger, "prod", ["product=shop.orders"], START, START + timedelta(hours=2), "a migration")
    (found,) = silences(bench.ledger, "prod", START)
    assert found == made
    assert found.comment == "a migration"
    assert "migration" not in str(bench.told("silence.set"))

    end(bench.ledger, "prod", made.id)
    assert silences(bench.ledger, "prod", START) == ()
    (over,) = silences(bench.ledger, "prod", START, over=True)
    assert not over.silences({"product": "shop.orders"}, START + timedelta(hours=1))
    with pytest.raises(FreeholdError, match="FH-E337"):
        end(bench.ledger, "prod", made.id)
    with pytest.raises(FreeholdError, match="FH-E336"):
        end(bench.ledger, "prod", "none")


@pytest.mark.parametrize(
    ("matchers", "hours"),
    [
        pytest.param(["product=~.*"], 1, id="one of everything"),
        pytest.param(["product!=other"], 1, id="one of nearly everything"),
        pytest.param([], 1, id="one of nothing in particular"),
        pytest.param(["product=shop.orders"], 0, id="one that lasts no time"),
        pytest.param(["product=shop.orders"], -1, id="one that is over"),
    ],
)
def test_no_silence_is_of_everything_or_of_no_time(bench: Bench, matchers: list[str], hours: int) -> None:
    """At least one matcher has to be one that an alert without labels does not match, as in Alertmanager."""
    with pytest.raises(FreeholdError, match="FH-E335"):
        silence(bench.ledger, "prod", matchers, START, START + timedelta(hours=hours))
    assert bench.told("silence.set") == []
