"""When each step of a run was worked on, as its event tells: from when work on it began, for as long as it took."""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from shop import Shop, days, ordinary_day, write_day

from freehold.delivery import Delivery
from freehold.foundation import SystemClock


def told(live: Shop) -> list[dict[str, Any]]:
    """Return what the steps of the last run were told to be, the first to begin first, with their times as instants."""
    found = [e.data for e in live.ledger.read(types=("run.completed",))]
    mine = [one for one in found if one["run_id"] == found[-1]["run_id"]]
    timed = [{**one, **{k: datetime.fromisoformat(one[k]) for k in ("started", "ended")}} for one in mine]
    return sorted(timed, key=lambda one: one["started"])


def test_a_step_begins_when_work_on_it_does_and_lasts_as_long(tmp_path: Path) -> None:
    """One after the other, each with the seconds it cost; not all at the end of their wave."""
    live = Shop.open(tmp_path)
    for index, on in enumerate(days(2)):
        write_day(tmp_path, on, ordinary_day(index))
    delivery = Delivery(live.delivery.estate, live.engine, live.ledger, clock=SystemClock(), jobs=1)
    delivery.run()
    steps = told(live)
    delivery.close()
    live.close()

    assert len(steps) > 2
    for one in steps:
        assert (one["ended"] - one["started"]).total_seconds() == pytest.approx(one["cost_s"], abs=1e-3)
        assert one["cost_s"] > 0
    assert all(before["ended"] <= after["started"] for before, after in pairwise(steps))


def test_what_waits_took_no_time(tmp_path: Path) -> None:
    """A step that is held did no work."""
    live = Shop.open(tmp_path)
    write_day(tmp_path, days(1)[0], [("a", "b", "many", 1.0)])
    live.delivery.run()
    steps = told(live)
    live.close()

    assert {one["status"] for one in steps} == {"quarantined", "held"}
    for one in steps:
        assert (one["ended"] == one["started"]) == (one["status"] == "held")
