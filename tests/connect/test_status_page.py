"""The status page: from evidence, the same bytes of the same instant, and nothing that nobody approved."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from xml.etree import ElementTree

import pytest

from freehold.connect.status_page import PublicIncident, Standing, Update, files_of, status_page
from freehold.connect.status_page.standing import Owed, days_of, now_of
from freehold.estate import load_estate
from freehold.estate.scaffold import scaffold, write_new
from freehold.foundation import SimulatedClock
from freehold.ledger import Event, Ledger

TODAY = date(2026, 11, 20)
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
_MIDNIGHT = {TODAY + timedelta(days=n): datetime.combine(TODAY + timedelta(days=n), time(), UTC) for n in range(-99, 2)}
_KEY = '  - {property: "freehold:status_page", value: {name: "Orders <all>", description: "What was sold"}}\n'


def incident(severity: int, began: datetime, ended: datetime | None) -> PublicIncident:
    """Return an incident of which customers were told."""
    return PublicIncident("1", ("shop.orders",), severity, began, ended, (Update("u", began, "We are on it."),))


def ago(days: float) -> datetime:
    """Return the instant so many days ago."""
    return NOW - timedelta(days=days)


@pytest.mark.parametrize(
    ("owed", "incidents", "expected"),
    [
        pytest.param([True], [], "available", id="what was due came"),
        pytest.param([True, False], [], "late", id="of two things one did not come"),
        pytest.param([], [], "unknown", id="nothing was due"),
        pytest.param([True], [(1, 3, 1)], "outage", id="it was down"),
        pytest.param([False], [(3, 3, 1)], "disturbed", id="worse than late"),
        pytest.param([True], [(1, 9, 3)], "available", id="that was over before"),
        pytest.param([], [(2, 1.9, None)], "outage", id="it still is"),
    ],
)
def test_a_day_is_as_bad_as_the_worst_of_it(
    owed: list[bool], incidents: list[tuple[int, float, float | None]], expected: str
) -> None:
    """By what was due of it on that day, and by the incidents that lasted into it."""
    day = TODAY - timedelta(days=2)
    told = [incident(sev, ago(began), ago(ended) if ended else None) for sev, began, ended in incidents]
    days = days_of([Owed(f"a{n}", day, kept) for n, kept in enumerate(owed)], told, TODAY, _MIDNIGHT)

    assert (len(days), {one.day: one.standing for one in days}[day]) == (90, expected)


def test_it_is_now_as_its_last_day_told_or_as_bad_as_what_is_open() -> None:
    """A day on which nothing was due changes nothing."""
    days = days_of([Owed("a", TODAY - timedelta(days=3), False)], [], TODAY, _MIDNIGHT)

    assert now_of(days, []) == Standing.LATE
    assert now_of(days, [incident(1, ago(1), None)]) == Standing.OUTAGE
    assert now_of(days, [incident(1, ago(2), ago(1))]) == Standing.LATE
    assert now_of((), []) == Standing.UNKNOWN


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """The ledger of an estate whose product is on the status page, with three incidents."""
    files = scaffold("shop", TODAY)
    product = next(name for name, text in files.items() if "kind: DataProduct" in text)
    before, at, rest = files[product].partition("customProperties:\n")
    files[product] = f"{before}{at}{_KEY}{rest}"
    write_new(tmp_path, files)
    with Ledger.open("sqlite:///state.db", root=tmp_path, clock=SimulatedClock(ago(10))) as one:
        yield one


def _recorded(ledger: Ledger, id_: str, severity: int, *said: tuple[str | None, str], resolved: bool = False) -> None:
    """Record an incident of the product with words for some readers each, and how it ended."""
    first = {"incident": id_, "kind": "data", "sev": severity, "detected_at": ago(9).isoformat()}
    ledger.append(Event("incident.opened", first, subject=id_, product="shop.orders", occurred_at=ago(9)))
    for audience, text in said:
        words = ledger.side.put("update", {"text": text}, subject=id_)
        told = {"incident": id_, "comms": words, "audience": audience}
        ledger.append(Event("incident.updated", told, subject=id_, occurred_at=ago(8)))
    if resolved:
        told = {"incident": id_, "restored_at": ago(7).isoformat()}
        ledger.append(Event("incident.resolved", told, subject=id_, occurred_at=ago(7)))


def test_customers_read_what_was_approved_for_them_and_no_more(ledger: Ledger, tmp_path: Path) -> None:
    """An incident of which nobody approved words is not there, nor are words for others; markup stays text."""
    _recorded(ledger, "incident/told", 1, ("engineers", "SECRET stack"), ("customers", "<b>Late</b> & *sorry*."))
    _recorded(ledger, "incident/inside", 1, ("engineers", "SECRET"), ("executives", "SECRET"), (None, "SECRET"))
    _recorded(ledger, "incident/false", 5, ("customers", "SECRET"))
    page = status_page(load_estate(tmp_path), ledger, "prod", NOW)
    files = files_of(page)
    everything = b"".join(files.values()).decode()
    feed = ElementTree.fromstring(files["feed.atom"])
    atom = "{http://www.w3.org/2005/Atom}"

    assert ([one.id for one in page.incidents], page.standing) == (["told"], Standing.OUTAGE)
    assert "SECRET" not in everything
    assert "&lt;b&gt;Late&lt;/b&gt; &amp; <em>sorry</em>." in files["index.html"].decode()
    assert "Orders &lt;all&gt;" in files["index.html"].decode()
    assert [one.findtext(f"{atom}content") for one in feed.iter(f"{atom}entry")] == ["<b>Late</b> & *sorry*."]
    assert json.loads(files["status.json"])["incidents"] == json.loads(files["shop.orders/status.json"])["incidents"]


def test_as_of_the_same_instant_it_is_the_same_whatever_came_later(ledger: Ledger, tmp_path: Path) -> None:
    """To the byte; and before an incident was told of, it is not there."""
    estate, clock = load_estate(tmp_path), ledger.clock
    assert isinstance(clock, SimulatedClock)
    before = files_of(status_page(estate, ledger, "prod", ago(10)))
    clock.move_to(ago(5))
    _recorded(ledger, "incident/told", 1, ("customers", "We are on it."), resolved=True)
    then = files_of(status_page(estate, ledger, "prod", ago(4)))
    clock.move_to(ago(1))
    _recorded(ledger, "incident/more", 1, ("customers", "Again."))

    assert files_of(status_page(estate, ledger, "prod", ago(10))) == before
    assert files_of(status_page(estate, ledger, "prod", ago(4))) == then
    assert b"We are on it." not in before["index.html"]
    assert b"resolved" in then["index.html"]


def test_what_came_the_evening_before_is_not_late_on_the_day_it_was_due(ledger: Ledger, tmp_path: Path) -> None:
    """It goes by the interval that is due, and is late where another one came."""
    for day, came in ((3, 0), (2, 1)):
        due = ago(day)
        span = {"interval_start": f"{ago(day + 1):%Y-%m-%dT%H:%M:%SZ}", "interval_end": f"{due:%Y-%m-%dT%H:%M:%SZ}"}
        told = {"asset": "shop.orders.orders", "due_at": due.isoformat(), "deadline_at": due.isoformat(), **span}
        about = {"subject": "shop.orders.orders", "product": "shop.orders", "env": "prod"}
        ledger.append(Event("run.expected", told, occurred_at=due, **about))
        ended = due - timedelta(hours=14) - timedelta(days=came)
        of = {"interval_start": f"{ago(day + 1 + came):%Y-%m-%dT%H:%M:%SZ}", "ended": ended.isoformat()}
        done = {"run_id": f"r{day}", "asset": "shop.orders.orders", "status": "success", **of}
        ledger.append(Event("run.completed", done, occurred_at=ended, **about))
    (product,) = status_page(load_estate(tmp_path), ledger, "prod", NOW).products
    stood = {one.day: one.standing for one in product.days}

    assert stood[ago(3).date()] == Standing.AVAILABLE
    assert stood[ago(2).date()] == Standing.LATE


def test_words_of_before_the_end_are_not_called_resolved(ledger: Ledger, tmp_path: Path) -> None:
    """The feed is newer once an incident is over, since readers ask for it again only then."""
    _recorded(ledger, "incident/told", 2, ("customers", "We are on it."), resolved=True)
    feed = ElementTree.fromstring(files_of(status_page(load_estate(tmp_path), ledger, "prod", NOW))["feed.atom"])
    atom = "{http://www.w3.org/2005/Atom}"
    (entry,) = feed.iter(f"{atom}entry")

    assert "resolved" not in (entry.findtext(f"{atom}title") or "")
    assert feed.findtext(f"{atom}updated") == ago(7).isoformat()


def test_it_needs_no_script_and_leads_nowhere_else(ledger: Ledger, tmp_path: Path) -> None:
    """A web site of files, wherever they lie: every link is a file of it."""
    files = files_of(status_page(load_estate(tmp_path), ledger, "prod", NOW))
    for name, content in files.items():
        if not name.endswith(".html"):
            continue
        text = content.decode()
        links = [part.partition('"')[0] for part in text.split('href="')[1:]]
        folder = Path(name).parent

        assert "<script" not in text
        assert "style=" not in text
        assert {str(Path("/", folder, link).resolve()).lstrip("/") for link in links} <= files.keys()
