"""One asset of the demo is taken away: announced to who reads it, answered by one of them, the other reminded."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from freehold.cli.demo import catalog_of
from freehold.demo.consumers import read_all
from freehold.demo.deliveries import generate
from freehold.demo.estate_files import prepare
from freehold.demo.office import Office
from freehold.demo.replay import Stage, first_instant, replay
from freehold.insight import Asking, compute, period_named
from freehold.leaving.leaving import leaving_in

ENDS = datetime(2026, 10, 2, 6, tzinfo=UTC)
FIRST = date(2026, 10, 5)  # a Monday, on which all that the script has is begun at once
MONTHS, DAYS = "sales.orders.monthly_revenue", "sales.orders.daily_revenue"
PACK, CLOSE = "service:simulated/board-pack", "service:simulated/month-end-close"


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A shop of three days, read once by everybody, whose office has worked off what it says of endings."""
    folder: Path = tmp_path_factory.mktemp("ending")
    prepare(folder)
    arrivals = generate(folder, 7, ENDS.date(), 3)
    with Stage(folder, first_instant(arrivals), 7) as stage, catalog_of(stage) as catalog:
        replay(stage, arrivals, consumers=False, not_after=ENDS)
        relations = {a.id: a.relation.sql for a in stage.delivery.graph.assets.values()}
        stage.ledger.raw.append("usage.query", list(read_all(stage.engine, relations, stage.clock.now())))
        office = Office(stage, lambda at: stage.clock.move_to(max(at, stage.clock.now())), catalog)
        for after in (0, 1, 3, 16):
            office.work(FIRST + timedelta(days=after), 60 + after)
        yield stage


def test_who_reads_it_is_told_answers_and_is_reminded(stage: Stage) -> None:
    """By the services that everybody has: one notice, of whom one moved, and the other was told again."""
    sent = [event.data for event in stage.ledger.read(types=("notice.sent",))]
    answered = [event.data for event in stage.ledger.read(types=("notice.acknowledged",))]

    assert [(set(one["audience"]), one["topic"], one["days_left"]) for one in sent] == [
        ({PACK, CLOSE}, MONTHS, None),
        ({PACK}, MONTHS, 29),
    ]
    assert [(one["consumer"], one["action"]) for one in answered] == [(CLOSE, "moved")]


def test_what_it_comes_to_is_counted_and_told(stage: Stage) -> None:
    """Half of those who rely on it have moved; what was found twice is there still; its page says what to use."""
    found = compute("deprecation-progress", stage.ledger, period_named("2026-10", "Europe/London"), asking=Asking())
    twice = compute("redundancy-retired", stage.ledger, period_named("2026", "Europe/London"), asking=Asking())
    leaving = leaving_in(stage.ledger, stage.estate, stage.delivery.graph, stage.delivery.env)

    assert (found.numerator, found.denominator) == (1, 2)
    assert (twice.numerator, twice.denominator) == (0, 1)
    assert leaving[f"asset:{MONTHS}"].instead == DAYS
