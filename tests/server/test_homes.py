"""Homes by role: whose is whose, what each tells of an estate in each state, and what stands where nothing is yet."""

from __future__ import annotations

import getpass
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from freehold import opening
from freehold.insight import builtin_kpis
from freehold.ledger import Event
from freehold.server.web.pages.homes.spans import last_friday
from freehold.work.alike import alike
from live_server import PAGE, Running

FREEHOLD = Path(sys.executable).with_name("freehold")
HOMES = ("consumer", "product", "dataops", "leader")
FAST = {"read": 100_000, "write": 100_000, "sign_in": 100_000}
JSON = {"accept": "application/json"}
LOCAL = f"user:local/{getpass.getuser()}"


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory, serving: Callable[..., Running]) -> Running:
    """A server over an estate in which nothing ever happened."""
    root = tmp_path_factory.mktemp("fresh") / "shop"
    subprocess.run([str(FREEHOLD), "init", str(root)], check=True, capture_output=True, timeout=120)
    return serving(root, rates=FAST)


@pytest.fixture(scope="module")
def eventful(made_estate: Path, tmp_path_factory: pytest.TempPathFactory, serving: Callable[..., Running]) -> Running:
    """A server over an estate in which much happened: deployments taken back, incidents, work held, a bill."""
    root = tmp_path_factory.mktemp("eventful") / "shop"
    shutil.copytree(made_estate, root)
    with opening.ledger_around(str(root)) as ledger:
        ledger.append(*_much())
    return serving(root, rates=FAST)


def _much() -> Iterator[Event]:
    now = datetime.now(UTC)
    for i in range(8):
        said = {"deploy_id": f"d-{i}", "status": "success", "resources": ["shop.orders.orders"], "env": "prod"}
        at, more = now - timedelta(seconds=9 - i), {"env": "prod", "product": "shop.orders"}
        yield Event("deploy.completed", said | {"change_ids": [f"c-{i}"]}, occurred_at=at, **more)
        if i < 4:
            yield Event("deploy.rolled_back", {"deploy_id": f"d-{i}", "env": "prod"}, occurred_at=at, **more)
    run = {"run_id": "r-1", "asset": "shop.orders.orders", "status": "failed"}
    yield Event("run.completed", run, occurred_at=now, env="prod", product="shop.orders")
    opened = {"incident": "i-1", "kind": "data", "detected_at": now.isoformat()}
    yield Event("incident.opened", opened, occurred_at=now, product="shop.orders")
    bill = {"source": "cloud", "effective_cost": 1204.5, "currency": "GBP", "period_end": "2011-03-01"}
    yield Event("cost.recorded", bill, occurred_at=now)


def _page(server: Running, path: str) -> dict[str, Any]:
    with server.signed_in(**JSON) as client:
        told: dict[str, Any] = client.get(path).json()
    return told


FOR_LEADERS = sum(any(target.whose in ("vp", "all") for target in kpi.targets) for kpi in builtin_kpis().values())
TEACHING = {
    "consumer": ("Nothing is known to be used by you yet", "Nothing that is coming", "You have asked for nothing yet"),
    "product": ("Nothing was built", "Nothing was changed", "Nobody asks for anything", "not instrumented"),
    "dataops": ("Nothing runs by itself yet", "Nothing was changed or taken back", "not instrumented"),
    "leader": (
        "No KPI has evidence enough yet",
        f"{FOR_LEADERS} not instrumented: start with these two",
        "not instrumented",
    ),
}


@pytest.mark.parametrize("home", HOMES)
def test_where_nothing_happened_every_section_teaches(fresh: Running, home: str) -> None:
    """No empty table and no zero that stands for what nobody knows: each says what would stand there."""
    with fresh.signed_in(**PAGE) as client:
        got = client.get(f"/homes/{home}")

    assert got.status_code == 200
    assert [words for words in TEACHING[home] if words not in got.text] == []
    assert "<tbody>\n</tbody>" not in got.text


def test_the_leader_reads_what_crossed_its_target_and_is_led_to_it(eventful: Running) -> None:
    """A sentence with its number, red first; risk and money as far as there is evidence."""
    page = _page(eventful, "/homes/leader.json")["page"]
    first = page["sentences"][0]

    assert first["mark"]["word"] == "off target"
    assert re.match(r"Change failure rate .* off its target of < 10 %\.", first["text"])
    assert first["href"] == "/kpis/change-failure-rate"
    assert (page["money"]["value"], page["money"]["unit"]) == ("1,204.50", "GBP")
    assert {k["name"] for k in page["eight"]} >= {"Change failure rate", "Validation pass rate"}
    assert len(page["start_with"]) == 2


def test_the_product_manager_reads_five_lines_since_friday(eventful: Running) -> None:
    """Promises, incidents, changes, what was asked, KPIs: each with its state and where to look."""
    page = _page(eventful, "/homes/product.json?since=1")["page"]
    lines = {line["topic"]: line for line in page["lines"]}

    assert list(lines) == ["Promises", "Incidents", "Changes", "Asked", "KPIs"]
    assert (lines["Promises"]["mark"]["word"], lines["Incidents"]["text"]) == (
        "broken",
        "1 incident opened, 0 resolved.",
    )
    assert "4 changes deployed" in lines["Changes"]["text"] or "changes deployed" in lines["Changes"]["text"]
    assert "Orders" in lines["Promises"]["text"]
    assert [row["id"] for row in page["strip"]] == ["shop.orders"]
    assert page["waiting"]["is_to_follow"] is False


def test_dataops_reads_what_failed_after_which_change(eventful: Running) -> None:
    """What was stated to have failed, as the change failure rate counts it; and builds that failed soon after."""
    page = _page(eventful, "/homes/dataops.json?since=1")["page"]
    changes = {row["id"]: row for row in page["changes"]}

    assert changes["d-0"]["stated"] == ["taken back"]
    assert changes["d-0"]["mark"]["word"] == "failed"
    assert changes["d-7"]["stated"] == []
    assert changes["d-7"]["after"] == ["shop.orders.orders"]
    assert "Deployment frequency" in {k["name"] for k in page["strip"]}


def test_decisions_follow_the_page_and_are_in_its_json(eventful: Running) -> None:
    """To plan may take a while, which no page waits for."""
    with eventful.signed_in(**PAGE) as client:
        whole = client.get("/homes/product").text
        part = client.get("/homes/product", headers={"hx-request": "true"}).text

    assert 'hx-get="/homes/product"' in whole
    assert part.strip().startswith('<section class="section decisions"')
    assert "No decision waits" in part


@pytest.mark.parametrize(
    ("role", "home"),
    [("leader", "leader"), ("owner", "product"), ("operations", "dataops"), ("reader", "consumer")],
    ids=["a leader leads", "an owner manages", "who operates runs", "any other role reads"],
)
def test_the_first_home_follows_from_the_roles_in_teams(
    made_estate: Path, tmp_path: Path, serving: Callable[..., Running], role: str, home: str
) -> None:
    """Nobody has to choose; whoever holds no role is a consumer."""
    root = tmp_path / "shop"
    shutil.copytree(made_estate, root)
    teams = root / "teams.yaml"
    said = teams.read_text(encoding="utf-8").replace("roles: {owner: [", f'roles: {{{role}: ["{LOCAL}"], was: [')
    teams.write_text(said, encoding="utf-8")
    subprocess.run([str(FREEHOLD), "-C", str(root), "apply"], check=False, capture_output=True, timeout=120)
    server = serving(root, rates=FAST)
    with server.signed_in(**PAGE) as client:
        page = client.get("/").text

    assert re.search(rf'value="{home}" aria-current="page"', page), re.findall(r'value="\w+" aria-current', page)


def test_the_chosen_home_is_kept_for_the_person_and_not_for_the_browser(fresh: Running) -> None:
    """Chosen in one browser, it is the first page in another; what is no home is refused."""
    with fresh.signed_in(**PAGE) as client:
        chosen = client.post("/homes", data={"role": "dataops"})
        wrong = client.post("/homes", data={"role": "emperor"})
    with fresh.signed_in(**PAGE) as another:
        first = another.get("/").text
        another.post("/homes", data={"role": "consumer"})

    assert (chosen.status_code, chosen.headers["location"]) == (303, "/homes/dataops")
    assert wrong.status_code == 400
    assert 'value="dataops" aria-current="page"' in first


LONDON = ZoneInfo("Europe/London")


@pytest.mark.parametrize(
    ("now", "then"),
    [
        ("2011-03-07T08:00+00:00", "2011-03-04T17:00+00:00"),
        ("2011-03-04T16:59+00:00", "2011-02-25T17:00+00:00"),
        ("2011-03-04T17:00+00:00", "2011-03-04T17:00+00:00"),
        ("2011-03-28T08:00+01:00", "2011-03-25T17:00+00:00"),
    ],
    ids=["on Monday the one before", "on Friday not yet", "on Friday at once", "over a change of clocks"],
)
def test_since_friday_is_since_its_closing_hour(now: str, then: str) -> None:
    """Five in the afternoon where the estate is."""
    assert last_friday(datetime.fromisoformat(now), LONDON) == datetime.fromisoformat(then)


@given(st.datetimes(datetime(2000, 1, 2), datetime(2090, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 bounds are naive
def test_the_last_friday_is_a_friday_of_the_last_seven_days(now: datetime) -> None:
    """Whatever the day and hour."""
    found = last_friday(now, LONDON)
    here = found.astimezone(LONDON)

    assert found <= now
    assert now - found < timedelta(days=7, hours=2)  # two clocks may change
    assert (here.weekday(), here.hour, here.minute) == (4, 17, 0)


@pytest.mark.parametrize(
    ("one", "other", "is_alike"),
    [
        ("churn by month", "Churn, by months please", True),
        ("customer churn", "churn of customers", True),
        ("churn by region", "revenue by region", False),
        ("the data", "a data", False),
    ],
    ids=["plural and politeness", "another order", "another number", "words that tell nothing"],
)
def test_requests_may_ask_for_the_same(one: str, other: str, is_alike: bool) -> None:
    """Half of the telling words in common, and any at all."""
    assert alike(one, other) is alike(other, one) is is_alike


def test_a_request_is_asked_for_shown_and_withdrawn_by_who_asked(fresh: Running) -> None:
    """It stands on the reader's home with its clock; who holds no role cannot take it."""
    with fresh.signed_in(**PAGE) as client:
        made = client.post("/requests", data={"what": "churn by month", "why": "budget", "product": "shop.orders"})
        twice = client.post("/requests", data={"what": "Churn by months"})
        rows = client.get("/requests.json").json()["page"]["requests"]
        mine = client.get("/homes/consumer.json").json()["page"]["requests"]
        strip = client.get("/homes/product.json").json()["page"]["strip"]
        taken = client.post(f"/items/{rows[0]['id']}", data={"move": "take"})
        gone = client.post(f"/items/{rows[0]['id']}", data={"move": "withdraw"})
        left = client.get("/requests.json").json()["page"]

    assert (made.status_code, twice.status_code) == (303, 303)
    assert [row["what"] for row in rows] == ["churn by month", "Churn by months"]
    assert rows[0]["alike"] == ["Churn by months"]
    assert (rows[0]["moves"], rows[0]["is_mine"], rows[0]["product"]) == (["withdraw"], True, "shop.orders")
    assert rows[0]["due_at"]
    assert {row["what"] for row in mine} == {"churn by month", "Churn by months"}
    assert [row["requests"] for row in strip if row["id"] == "shop.orders"] == [1]
    assert taken.status_code == 403
    assert "FH-W104" in taken.text
    assert gone.status_code == 303
    assert [row["state"]["word"] for row in left["closed"]] == ["withdrawn"]


@pytest.mark.parametrize(
    ("said", "code"),
    [({}, "FH-W106"), ({"what": "   "}, "FH-W106"), ({"what": "x", "product": "no.such"}, "FH-W106")],
    ids=["nothing", "blanks", "a product that is not there"],
)
def test_a_request_that_says_nothing_is_refused_where_it_was_made(
    fresh: Running, said: dict[str, str], code: str
) -> None:
    """The form stays, with what is wrong above it, and nothing is recorded."""
    with fresh.signed_in(**PAGE) as client:
        got = client.post("/requests", data=said)

    assert got.status_code == 400
    assert code in got.text
    assert 'id="what"' in got.text


@pytest.mark.parametrize(
    ("words", "first", "among"),
    [
        ("", "Home", "Make a token"),
        ("reven", "revenue", "Search everything for “reven”"),
        ("kpi", "KPIs", "KPIs"),
        ("K08", "Time to restore", "Time to restore"),
        ("my home", "Make Consumer my home", "Make Leader my home"),
        ("colours", "Colours: light", "Colours: dark"),
        ("zorbulon", "Ask for “zorbulon”", "Search everything for “zorbulon”"),
        ("%", "Ask for “%”", "Search everything for “%”"),
    ],
    ids=[
        "nothing yet", "half a name", "a page", "a tag", "switching home", "colours", "nothing has it", "no word",
    ],
)  # fmt: skip
def test_the_palette_ranks_pages_things_and_actions(browser: httpx2.Client, words: str, first: str, among: str) -> None:
    """What begins as typed comes first; what nothing has can be asked for."""
    entries = browser.get("/palette", params={"q": words}).json()["entries"]
    titles = [entry["title"] for entry in entries]

    assert titles[0] == first
    assert among in titles
    assert all(entry["href"].startswith("/") or entry["does"] for entry in entries)
    assert len(titles) == len(set(zip(titles, (e["href"] for e in entries), strict=True)))


def test_the_product_that_is_found_can_be_rolled_back_from_the_palette(eventful: Running) -> None:
    """To the newest change of it that is live, if there is one."""
    entries = _page(eventful, "/palette?q=orders")["entries"]
    back = [e for e in entries if e["title"].startswith("Roll back shop")]

    assert all(e["href"].endswith("#rollback") for e in back)


def test_views_are_events_with_programs_apart_and_tell_what_somebody_uses(
    made_estate: Path, tmp_path: Path, serving: Callable[..., Running]
) -> None:
    """Written when the server ends, at the latest; a product that is looked at often is one that is used."""
    from live_server import made_token

    root = tmp_path / "shop"
    shutil.copytree(made_estate, root)
    served = serving(root, rates=FAST)
    with served.signed_in(**PAGE) as client:
        token = made_token(client, "catalog:read", "metrics:query")
        for _ in range(3):
            client.get("/products/shop.orders")
        client.get("/metrics/shop.revenue")
    with served.client(authorization=f"Bearer {token}", **JSON) as program:
        program.get("/products/shop.orders.json")
    served.end()
    with opening.ledger_around(str(root)) as ledger:
        sealed = [e for e in ledger.read(types=("segment.sealed",)) if e.data["type"] == "usage.view"]
        wanted = ("page", "consumer", "consumer_type", "product", "metric")
        rows = [row for one in sealed for row in ledger.raw.rows(one, wanted)]
    looked = [(row["consumer_type"], row["product"]) for row in rows if row["page"] == "product"]
    used = _page(serving(root, rates=FAST), "/homes/consumer.json")["page"]["used"]

    assert looked.count(("person", "shop.orders")) == 3
    assert {row["metric"] for row in rows if row["page"] == "metric"} == {"shop.revenue"}
    assert {row["consumer"] for row in rows} == {LOCAL}
    assert {u["name"]: u["mine"] for u in used} == {
        "Revenue": "1 read, 1 seen",  # its page shows its values, which is to read them
        "shop.orders.orders": "1 read",
        "shop.orders": f"{len(looked)} seen",
    }
