"""Notices: to whom, about which version, from when; and what the gate makes of them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from shop import HERE, Shop
from versions_of_daily import first, second

from freehold.delivery.majors import advanced, placed, places_of
from freehold.delivery.notices import Sent, acknowledgement, days_ahead, notices_of, sent_notices
from freehold.delivery.plan import Past, Plan, Reader, Version
from freehold.delivery.plan import plan as plan_of
from freehold.estate.dashboards import Dashboard, Reading
from freehold.foundation import FreeholdError

NOW = datetime(2024, 3, 1, 12, tzinfo=UTC)
ANA = Past(used={"shop.orders.daily": (Reader("user:idp/ana", "person", 12),)})
BOARD = Dashboard("board", "Board pack", "csv", HERE, viewers=41, reads=(Reading("shop.orders.daily", "lines", HERE),))


def _plan(past: Past = ANA, dashboards: tuple[Dashboard, ...] = (BOARD,)) -> Plan:
    before, after = first(Path("shop")), second(Path("shop"))
    places = places_of(before)
    version = Version(placed(before, places), "what was applied", is_deployed=True)
    estate = placed(after, advanced(places, after, NOW, lambda _: True))
    return plan_of(estate, version, "prod", "duckdb", past=past, dashboards=dashboards)


def _sent(topic: str = "shop.orders.daily", version: str = "2.0.0", on: date = date(2024, 3, 1)) -> Sent:
    at = datetime(on.year, on.month, on.day, tzinfo=UTC)
    return Sent("n-1", at, topic, "shop.orders", version, date(2024, 5, 30), ("user:idp/ana",), "p", {})


def test_a_notice_says_to_whom_about_what_and_from_when() -> None:
    """Everybody the plan names, the version, its last day, and what to read instead."""
    (found,) = notices_of(_plan(), first(Path("shop")), NOW)
    assert found.audience == ("user:idp/ana", "dashboard:board")
    assert (found.asset, found.version, found.instead) == ("shop.orders.daily", "2.0.0", "shop.orders.daily_v2")
    assert found.effective_on == date(2024, 5, 30)
    text = found.text("We drop it for good reasons.")
    for part in ("30 May 2024", "shop.orders.daily_v2", "daily.lines", "ana", "41 viewers", "good reasons", found.id):
        assert part in text


def test_nobody_reads_it_so_nobody_is_told() -> None:
    """A notice without readers is none."""
    assert not notices_of(_plan(Past(), ()), first(Path("shop")), NOW)


def test_a_notice_made_twice_is_one_notice() -> None:
    """The same plan, readers and day give the same id, so that sending it again tells it once."""
    one, other = (notices_of(_plan(), first(Path("shop")), NOW) for _ in range(2))
    assert [n.event().id for n in one] == [n.event().id for n in other]


@pytest.mark.parametrize(
    ("sent", "days"),
    [
        ((_sent(),), 90),
        ((_sent(on=date(2024, 2, 1)), _sent()), 119),
        ((_sent(topic="shop.orders"),), 90),
        ((_sent(version=""),), 90),
        ((_sent(version="3.0.0"),), 0),
        ((_sent(topic="shop.orders.totals"),), 0),
        ((), 0),
    ],
    ids=(
        "of the asset",
        "the first of two counts",
        "of the product",
        "of no version in particular",
        "of another version",
        "of another asset",
        "none was sent",
    ),
)
def test_notice_counts_from_the_first_that_told_of_this_change(sent: tuple[Sent, ...], days: int) -> None:
    """Days between telling and taking effect, of notices about this asset and version."""
    topics = ("shop.orders.daily_v2", "shop.orders.daily", "shop.orders")
    assert days_ahead(sent, topics, "2.0.0", date(2024, 5, 30)) == days


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The ledger is the same whatever the warehouse."""
    return tmp_path


def test_an_answer_is_remembered_with_its_notice(opened: Shop) -> None:
    """Whoever was told may answer, by their whole name or its end."""
    (made,) = notices_of(_plan(), first(Path("shop")), NOW)
    opened.ledger.append(made.event())
    opened.ledger.append(acknowledgement(sent_notices(opened.ledger), made.id, "ana", "moved"))
    (found,) = sent_notices(opened.ledger)
    assert found.answers == {"user:idp/ana": "moved"}
    assert found.effective_on == made.effective_on
    assert found.sent_at - opened.clock.now() < timedelta(seconds=1)


@pytest.mark.parametrize(
    ("notice", "by", "code"),
    [("n-9", "ana", "FH-G008"), ("n-1", "bob", "FH-G009"), ("n-1", "", "FH-G009")],
    ids=("no such notice", "it was not sent to them", "nobody"),
)
def test_an_answer_to_nothing_or_by_a_stranger_is_refused(notice: str, by: str, code: str) -> None:
    """The near matches, or the audience, are named."""
    with pytest.raises(FreeholdError) as caught:
        acknowledgement((_sent(),), notice, by, "")
    assert caught.value.code == code
    assert caught.value.fix
