"""Learning when data comes, and proposing it as a change of its contract that touches nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from freehold.estate.calendars import Days
from freehold.estate.model import Estate
from freehold.foundation import FreeholdError, SimulatedClock
from freehold.ledger import Event, Ledger
from freehold.reliability.slo.learning import Learned, learn
from freehold.reliability.slo.proposing import promised, proposal_for

from .shop import ASSET, CONTRACTS, START, estate

LONDON = ZoneInfo("Europe/London")
ENGLAND = Days(country="GB", subdivision="ENG")
HALF = timedelta(minutes=30)
MONDAY = date(2011, 1, 10)


def weeks(count: int, on: Callable[[date], bool], at: Callable[[int], str]) -> list[datetime]:
    """Return arrivals on the days of some weeks that are meant, at the time of each."""
    days = [MONDAY + timedelta(days=n) for n in range(7 * count)]
    return [datetime.combine(d, time.fromisoformat(at(n)), LONDON) for n, d in enumerate(days) if on(d)]


def said(found: Learned) -> tuple[str, str]:
    """Return what a contract would say."""
    return f"{found.at:%H:%M}", ", ".join(f"{name} {value}" for name, value in found.arrives.items())


@pytest.mark.parametrize(
    ("arrivals", "expected"),
    [
        pytest.param(
            weeks(8, lambda d: d.weekday() < 5, lambda n: f"06:{n % 20:02}"), ("06:20", "days sun-thu, grace 30m"),
            id="on weekday mornings, of the day before",
        ),
        pytest.param(
            weeks(8, lambda _: True, lambda n: f"{5 + n % 4:02}:00"), ("08:00", "days mon-sun, grace 3h"),
            id="with a spread",
        ),
        pytest.param(
            weeks(8, lambda _: True, lambda n: "23:50" if n % 2 else "23:10"), ("23:50", "days mon-sun, grace 30m"),
            id="late in the evening",
        ),
        pytest.param(
            weeks(8, lambda d: d.weekday() == 0, lambda _: "09:00")
            + weeks(8, lambda d: d.weekday() == 3, lambda _: "09:00"),
            ("09:00", "days wed,sun, grace 30m"), id="twice a week",
        ),
        pytest.param(
            weeks(8, lambda _: True, lambda n: "04:00" if n < 50 else "07:30"), ("07:30", "days mon-sun, grace 30m"),
            id="an hour that has moved",
        ),
        pytest.param(
            weeks(18, lambda d: d.weekday() < 5 and not ENGLAND.is_holiday(d), lambda _: "06:00"),
            ("06:00", "days sun-thu, grace 30m"), id="holidays in spring",
        ),
        pytest.param(
            [at + HALF * n for at in weeks(26, lambda d: d.weekday() < 5, lambda _: "06:00") for n in (0, 1)],
            ("06:00", "days sun-thu, grace 30m"), id="a correction is no arrival",
        ),
    ],
)  # fmt: skip
def test_what_arrivals_teach(arrivals: list[datetime], expected: tuple[str, str]) -> None:
    """Days, hour and grace, in words of a contract."""
    assert said(learn(ASSET, arrivals, LONDON, ENGLAND)) == expected


def test_data_around_midnight_is_of_one_day() -> None:
    """What comes between a quarter to and a quarter past midnight is the same day's, and due after midnight."""
    nights = [datetime(2011, 1, 10, 23, 45, tzinfo=LONDON) + timedelta(days=n, minutes=30 * (n % 2)) for n in range(56)]
    found = learn(ASSET, nights, LONDON, ENGLAND)

    assert (f"{found.at:%H:%M}", found.days, found.late) == ("00:15", frozenset(range(7)), 0)


def test_it_says_how_it_would_have_done() -> None:
    """Of eight weeks two days never came, and one was hours late: three of them would have been told."""
    arrivals = weeks(8, lambda d: d.day not in (20, 21), lambda n: "11:00" if n == 30 else "06:00")
    found = learn(ASSET, arrivals, LONDON, ENGLAND)

    assert (found.expected, found.late) == (56, 5)


@pytest.mark.parametrize(
    ("arrivals", "why"),
    [
        pytest.param([], "on 0 days", id="nothing"),
        pytest.param(weeks(2, lambda _: True, lambda _: "06:00"), "on 14 days", id="two weeks"),
        pytest.param(weeks(30, lambda d: d.day == 3, lambda _: "06:00") * 3, "on 7 days", id="once a month"),
        pytest.param(
            [datetime(2011, 1, 10, tzinfo=UTC) + timedelta(hours=4 * n) for n in range(300)], "several times a day",
            id="every four hours",
        ),
        pytest.param(
            [datetime(2011, 1, 10, 6, tzinfo=UTC) + timedelta(days=11 * n) for n in range(20)], "no day of the week",
            id="every eleven days",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_learned_is_said(arrivals: list[datetime], why: str) -> None:
    """FH-E314 says why, and nothing is guessed."""
    with pytest.raises(FreeholdError, match=why) as caught:
        learn(ASSET, arrivals, LONDON, ENGLAND)

    assert caught.value.code == "FH-E314"


BLOCK = CONTRACTS["shop/contracts/lines.odcs.yaml"]
LEARNED = Learned(frozenset(range(5)), time(6, 20), timedelta(minutes=45), True, LONDON, 40, 40, 0)
ARRIVES = '- {property: "freehold:arrives", value: {days: mon-fri, except: holidays, grace: "45m"}}'


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(
            BLOCK, BLOCK + f'  - {{property: timeOfAvailability, value: "06:20"}}\ncustomProperties:\n  {ARRIVES}\n',
            id="neither is there",
        ),
        pytest.param(
            BLOCK + '  - {property: timeOfAvailability, value: "05:00", element: lines.sold_on}  # by the till\n'
            + 'customProperties:\n  - property: "freehold:arrives"\n    value:\n      days: mon-sun\n  # the rest\n'
            + '  - {property: team, value: shop}\n',
            BLOCK + '  - {property: timeOfAvailability, value: "06:20", element: lines.sold_on}  # by the till\n'
            + f'customProperties:\n  {ARRIVES}\n  # the rest\n  - {{property: team, value: shop}}\n',
            id="both are there, one over several lines, and a comment",
        ),
        pytest.param(
            BLOCK + 'customProperties: [{property: team, value: shop},\n  {property: desk, value: 3}]\n---\nfoo: 1\n',
            BLOCK + '  - {property: timeOfAvailability, value: "06:20"}\n'
            + 'customProperties: [{property: team, value: shop}, {property: desk, value: 3}, ' + ARRIVES[2:]
            + ']\n---\nfoo: 1\n',
            id="in brackets, and another document below",
        ),
    ],
)  # fmt: skip
def test_a_contract_is_changed_where_it_has_to_be(tmp_path: Path, before: str, after: str) -> None:
    """Two entries, and not a letter of anything else; doing it again changes nothing."""
    contract = estate(tmp_path, {}).contracts[ASSET]

    assert promised(before, contract, LEARNED) == after
    assert promised(after, contract, LEARNED) == after


@pytest.fixture
def shop(tmp_path: Path) -> Estate:
    """The shop."""
    return estate(tmp_path / "shop", {})


@pytest.fixture
def ledger(shop: Estate) -> Iterator[Ledger]:
    """Its ledger."""
    with Ledger.open("sqlite:///state.db", root=shop.root, clock=SimulatedClock(START)) as opened:
        yield opened


def test_a_proposal_is_of_what_the_ledger_tells(shop: Estate, ledger: Ledger) -> None:
    """Six weeks of publications at ten past five are a promise for the next; applied, it is one that loads."""
    for n in range(42):
        at = START + timedelta(days=n, hours=5, minutes=10)
        said = {"asset": ASSET, "deployment": str(n)}
        ledger.append(Event("asset.published", said, occurred_at=at, env="prod", subject=ASSET))
    found = proposal_for(shop, ledger, "prod", ASSET)
    (shop.root / found.path).write_text(found.after, encoding="utf-8")
    again = proposal_for(estate_again(shop), ledger, "prod", ASSET)

    assert '+  - {property: timeOfAvailability, value: "05:10"}' in found.diff
    assert '+  - {property: "freehold:arrives", value: {days: mon-sun, grace: "30m"}}' in found.diff
    assert again.diff == ""


def estate_again(shop: Estate) -> Estate:
    """Load the shop as it is now."""
    from freehold.estate import load_estate

    return load_estate(shop.root)


def test_what_has_no_contract_can_promise_nothing(shop: Estate, ledger: Ledger) -> None:
    """FH-E315 says so."""
    with pytest.raises(FreeholdError, match="no contract") as caught:
        proposal_for(shop, ledger, "prod", "shop.orders.none")

    assert caught.value.code == "FH-E315"
