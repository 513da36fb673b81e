"""Freezing a metric: where nobody says from which day on, the evidence of the incident does."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import pytest
from troubled import LINES, START, Troubled

from freehold.foundation import FreeholdError
from freehold.ledger import Event
from freehold.reliability.alerts import close
from freehold.reliability.incidents import freeze, frozen, incident_of

METRIC = "shop.revenue"


def judged(shop: Troubled, day: str | None) -> str:
    """Record that a check failed of the interval of a day; return the id of the event."""
    said = {"check_id": "rows", "asset": LINES, "status": "fail",
            "interval_start": f"{day}T00:00:00Z" if day else None}  # fmt: skip
    id_ = f"judged-{day}"
    shop.ledger.append(Event("check.completed", said, id_, START - timedelta(minutes=1), "prod", subject=LINES))
    return id_


def frozen_from(shop: Troubled, id: str) -> str:
    """Freeze the metric as part of an incident; return from which day on."""
    freeze(incident_of(shop.ledger, id), shop.ledger, METRIC, (METRIC,))
    return frozen(shop.ledger)[METRIC].since.isoformat()


@pytest.mark.parametrize(
    ("days", "first"),
    [
        (["2011-02-03", "2011-02-01"], "2011-02-01"),
        (["2011-02-03", None], "2011-02-03"),
        ([None], START.date().isoformat()),
    ],
    ids=["the earliest of what was judged", "what tells no interval is left out", "none tells: when it began"],
)
def test_the_first_day_is_that_of_the_evidence(shop: Troubled, days: Sequence[str | None], first: str) -> None:
    """A backfill of old data that is wrong makes the metric wrong from that data on, not from today."""
    for n, day in enumerate(days):
        shop.alert(LINES, column=f"c{n}", evidence=judged(shop, day))
    (opened, *_) = shop.turn().opened

    assert frozen_from(shop, opened) == first


def test_what_an_alert_stood_on_before_it_got_worse_counts(shop: Troubled) -> None:
    """An alert that is raised again stands on a later interval: the first one was wrong all the same."""
    shop.alert(LINES, evidence=judged(shop, "2011-02-01"))
    shop.alert(LINES, evidence=judged(shop, "2011-02-05"), severity="critical")
    (opened,) = shop.turn().opened

    assert frozen_from(shop, opened) == "2011-02-01"


def test_what_was_right_after_all_freezes_nothing(shop: Troubled) -> None:
    """The interval of an alert that was closed as false is not the first day that is wrong."""
    false = shop.alert(LINES, kind="schema", evidence=judged(shop, "2011-01-01"))
    shop.alert(LINES, evidence=judged(shop, "2011-02-05"))
    (opened,) = shop.turn().opened
    close(shop.ledger, "prod", false, "false")

    assert frozen_from(shop, opened) == "2011-02-05"


def test_a_freeze_is_corrected_by_freezing_again(shop: Troubled) -> None:
    """Another day, other words: what is said last counts; what is not said again stays, and the same is no change."""
    shop.alert(LINES)
    (opened,) = shop.turn().opened

    def again(since: date | None = None, note: str = "") -> tuple[bool, str, str]:
        done = freeze(incident_of(shop.ledger, opened), shop.ledger, METRIC, (METRIC,), since, note)
        now = frozen(shop.ledger)[METRIC]
        return done.is_new, now.since.isoformat(), now.note

    assert again(date(2010, 1, 5), "Pounds.") == (True, "2010-01-05", "Pounds.")
    assert again() == (False, "2010-01-05", "Pounds.")
    assert again(date(2011, 1, 5)) == (True, "2011-01-05", "Pounds.")
    assert again(note="Pence.") == (True, "2011-01-05", "Pence.")
    assert again(date(2011, 1, 5), "Pence.") == (False, "2011-01-05", "Pence.")


def test_a_day_to_come_is_no_first_wrong_day(shop: Troubled) -> None:
    """It is a slip of the pen, and would keep nobody from the number of today."""
    shop.alert(LINES)
    (opened,) = shop.turn().opened
    with pytest.raises(FreeholdError) as refused:
        freeze(incident_of(shop.ledger, opened), shop.ledger, METRIC, (METRIC,), START.date() + timedelta(days=400))

    assert refused.value.code == "FH-E401"
    assert METRIC not in frozen(shop.ledger)
