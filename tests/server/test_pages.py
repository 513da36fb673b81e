"""What pages and the API say: the same as the estate's own readers, as HTML and as JSON."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from pathlib import Path

import httpx2
import pytest

from freehold.server.web.drawing import Happening, Value, line_chart, spark
from freehold.server.web.pages import deployments
from freehold.server.web.showing import environment
from live_postgres import LivePostgres
from live_process import until
from live_server import PAGE, Running, made_token

FREEHOLD = Path(sys.executable).with_name("freehold")
PAGES = [
    "/",
    "/products",
    "/products/shop.orders",
    "/metrics",
    "/metrics/shop.revenue",
    "/explain",
    "/explain?metric=shop.revenue",
    "/explore",
    "/explore?metric=shop.revenue&by=day&by=orders.state&compare=prior:1day",
    "/views",
    "/search",
    "/search?q=orders",
    "/lineage",
    "/lineage?of=asset:shop.orders.orders",
    "/lineage?of=asset:shop.orders.orders.amount&way=drop",
    "/deployments",
    "/homes/consumer",
    "/homes/product",
    "/homes/product?since=30",
    "/homes/dataops",
    "/homes/dataops?since=7",
    "/homes/leader",
    "/kpis",
    "/kpis?for=dataops",
    "/kpis/validation-pass-rate",
    "/kpis/K08",
    "/alerts",
    "/alerts?view=digest",
    "/scorecards",
    "/slos",
    "/slos?product=shop.orders",
    "/usage",
    "/scorecards?product=shop.orders",
    "/scorecards?set=readiness",
    "/documents",
    "/documents/business-review",
    "/documents/release-notes?reader=engineer",
    "/documents/product-guide?product=shop.orders",
    "/kpis/deployment-frequency?period=2011-W09",
    "/events/1",
    "/requests",
    "/requests?what=churn",
    "/requests?type=metric_dispute&what=orders",
    "/requests/suggested?what=orders",
    "/inbox",
    "/objectives",
    "/roadmap",
    "/roadmap/order",
    "/roadmap/promises",
    "/roadmap/promises?period=2011-Q1",
    "/jobs",
    "/settings/tokens",
    "/settings/sessions",
    "/-/ui",
]


@pytest.mark.parametrize("grain", ["day", "week", "month"])
def test_a_metric_of_one_period_shows_its_value(browser: httpx2.Client, grain: str) -> None:
    """Too few values to draw are shown all the same: all orders are of one week when that began seven days ago."""
    values = browser.get(f"/api/v1/metrics/shop.revenue/values?by={grain}").json()["values"]
    page = browser.get(f"/metrics/shop.revenue.json?by={grain}").json()["page"]
    html = browser.get(f"/metrics/shop.revenue?by={grain}").text

    assert values
    assert page["value"]
    assert f">{page['value']}<" in html
    assert "No value yet" not in html
    assert (page["chart"] is None) == (len(values) < 2)


@pytest.mark.parametrize("path", PAGES)
def test_every_page_is_whole_and_the_same_as_json(browser: httpx2.Client, path: str) -> None:
    """One title, one first heading, one main part; at the same path with `.json`, the model it shows."""
    page = browser.get(path)
    plain, _, words = path.partition("?")
    beside = "/home.json" if path == "/" else f"{plain}.json?{words}"
    told = browser.get(beside, headers={"accept": "application/json"}).json()

    assert page.status_code == 200
    assert (page.text.count("<h1"), page.text.count("<main")) == (1, 1)
    assert told["title"] in page.text
    assert set(told) == {"title", "sentence", "as_of", "waits", "page"}


def test_the_list_of_products_says_what_status_says(server: Running, browser: httpx2.Client) -> None:
    """Pages, API and command line read the same."""
    said = subprocess.run(
        [str(FREEHOLD), "-C", str(server.root), "status", "--json"], check=True, capture_output=True, text=True
    )
    theirs = json.loads(said.stdout)["products"][0]
    ours = browser.get("/api/v1/products", headers={"accept": "application/json"}).json()["items"][0]

    assert (ours["id"], ours["owner"], ours["tier"]) == (theirs["product"], theirs["owner"], theirs["tier"])
    assert ours["safe"] == "safe to use"
    assert theirs["safe"] == "yes"
    assert datetime.fromisoformat(ours["published_at"]) == datetime.fromisoformat(theirs["published_at"])


def test_a_product_shows_each_claim_of_its_contract_with_its_verdict(browser: httpx2.Client) -> None:
    """What is promised, and whether it holds of what is live."""
    page = browser.get("/products/shop.orders.json").json()["page"]
    claims = [check for part in page["contracts"] for column in part["columns"] for check in column["checks"]]

    assert page["safe"]["word"] == "safe to use"
    assert claims
    assert {check["mark"]["word"] for check in claims} == {"pass"}
    assert [s["label"] for s in page["snippets"]] == ["SQL", "Python", "Over HTTP"]


def test_as_many_checks_hold_as_stand_there(browser: httpx2.Client) -> None:
    """What the figure counts is what can be read: those of the contract, and that rows are of their interval."""
    page = browser.get("/products/shop.orders.json").json()["page"]
    shown = [
        check["mark"]["word"]
        for part in page["contracts"]
        for check in (*part["checks"], *(one for column in part["columns"] for one in column["checks"]))
    ]
    told = next(one for one in page["figures"] if one["name"] == "Checks that hold")

    assert (told["value"], told["unit"]) == (str(shown.count("pass")), f"of {len(shown) - shown.count('skipped')}")


def test_who_is_to_sign_in_is_told_what_people_call_the_estate(server: Running, browser: httpx2.Client) -> None:
    """As pages do, and not as its folder is called."""
    assert browser.get("/products").status_code == 200
    snapshots = server.app.state.served.snapshots

    assert (snapshots.estate_name, server.root.name) == ("Shop", "shop")


def test_a_metric_is_the_same_on_the_page_in_the_api_and_at_the_terminal(
    server: Running, browser: httpx2.Client
) -> None:
    """One definition, one number."""
    page = browser.get("/metrics/shop.revenue.json?by=month").json()["page"]
    api = browser.get("/api/v1/metrics/shop.revenue/values?by=month", headers={"accept": "application/json"}).json()
    said = subprocess.run(
        [str(FREEHOLD), "-C", str(server.root), "query", "shop.revenue", "--by", "month", "--format", "json"],
        check=True,
        capture_output=True,
        text=True,
    )
    theirs = {
        row["month"][:10]: row["shop.revenue" if "shop.revenue" in row else "revenue"]
        for row in json.loads(said.stdout)["rows"]
    }

    assert {v["period"]: v["value"] for v in api["values"]} == pytest.approx(theirs)
    if page["chart"]:
        assert [p["value"] for p in page["chart"]["points"]] == [v["value"] for v in api["values"]]


def test_htmx_gets_the_part_that_changes(browser: httpx2.Client) -> None:
    """Another period swaps the chart alone."""
    part = browser.get("/metrics/shop.revenue?by=day", headers={"hx-request": "true"}).text

    assert part.strip().startswith('<section id="trend"')
    assert "<html" not in part


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/products/shop.order", "FH-D201"),
        ("/metrics/shop.revenu", "FH-N107"),
        ("/kpis/validation", "FH-K002"),
        ("/api/v1/kpis/validation", "FH-K002"),
        ("/events/0", "FH-A107"),
        ("/events/99999999", "FH-A107"),
        ("/events/no-such-id", "FH-A107"),
        ("/nowhere", "FH-A107"),
        ("/api/v1/nowhere", "FH-A107"),
        ("/api/v1/products/x", "FH-D201"),
    ],
)
def test_what_is_not_there_is_told_in_the_form_that_was_asked_for(browser: httpx2.Client, path: str, code: str) -> None:
    """To people a page, to programs a problem object of RFC 9457 with the code and the near match."""
    told = browser.get(path, headers={"accept": "application/json"})
    assert told.status_code == 404
    assert told.headers["content-type"] == "application/problem+json"
    assert {"type", "title", "status", "code", "instance"} <= set(told.json())
    assert told.json()["code"] == code
    if not path.startswith("/api"):
        page = browser.get(path)
        assert (page.status_code, code in page.text) == (404, True)
        part = browser.get(path, headers={"hx-request": "true"})
        assert "<html" not in part.text


def test_a_defect_tells_nobody_its_particulars(
    server: Running, browser: httpx2.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page says that it is one and under which id the log has the rest."""
    monkeypatch.setattr("freehold.server.web.pages.settings.browser", lambda _: 1 // 0)
    told = browser.get("/settings/sessions.json", headers={"accept": "application/json"})

    assert told.status_code == 500
    assert told.json()["code"] == "FH-A110"
    assert "division" not in told.text
    assert any(line["event"] == "defect" for line in server.log)


def test_json_that_is_known_is_not_sent_again(browser: httpx2.Client) -> None:
    """By its ETag."""
    first = browser.get("/api/v1/metrics", headers={"accept": "application/json"})
    again = browser.get("/api/v1/openapi.json")
    known = browser.get("/api/v1/openapi.json", headers={"if-none-match": again.headers["etag"]})

    assert first.headers["etag"]
    assert (known.status_code, known.content) == (304, b"")


def test_the_api_describes_itself(browser: httpx2.Client) -> None:
    """In OpenAPI 3.1, each operation with an id, and problems as what they are."""
    described = browser.get("/api/v1/openapi.json").json()
    operations = [op for path in described["paths"].values() for op in path.values()]

    assert described["openapi"].startswith("3.1")
    assert len({op["operationId"] for op in operations}) == len(operations) >= 6
    assert all("401" in op["responses"] for op in operations)


def test_a_word_that_the_api_does_not_know_is_refused(browser: httpx2.Client) -> None:
    """Whoever misspells a filter is not told of everything, as if they had asked for that."""
    misspelt = browser.get("/api/v1/runs?prodct=shop.orders")
    strange = browser.get("/api/v1/inbox?late=1")
    right = browser.get("/api/v1/runs?product=shop.orders")

    assert [(one.status_code, one.json()["code"]) for one in (misspelt, strange)] == [(400, "FH-A112")] * 2
    assert (misspelt.json()["title"], "`product`" in misspelt.json()["fix"]) == (
        "`prodct` is no word of this query.", True,
    )  # fmt: skip
    assert right.status_code == 200


def test_lists_go_on_by_a_cursor(browser: httpx2.Client) -> None:
    """A page of a list names the next one; past the end there is nothing."""
    whole = browser.get("/api/v1/products?limit=1").json()
    beyond = browser.get("/api/v1/products", params={"after": "zzz"}).json()

    assert len(whole["items"]) == 1
    assert beyond["items"] == []
    assert beyond["next"] is None


def test_metrics_are_figures_to_programs_and_a_page_to_people(server: Running, browser: httpx2.Client) -> None:
    """One address, as either expects it."""
    assert "<h1" in browser.get("/metrics").text
    with server.client(authorization=f"Bearer {made_token(browser, 'server:observe')}", **PAGE) as program:
        told = program.get("/metrics").text  # whatever a token accepts, it sees what its scope is for
    assert "freehold_requests_total" in told
    assert "freehold_request_seconds_bucket" in told


def test_health_and_readiness_are_told_to_anybody(server: Running) -> None:
    """And nothing else with them."""
    with server.client() as anybody:
        assert anybody.get("/health").json() == {"status": "ok"}
        assert anybody.get("/ready").json() == {"status": "ok", "waits": False}


def test_every_asset_of_a_page_is_there_for_ever(browser: httpx2.Client) -> None:
    """Named by its content, immutable, and compressed where that gains something."""
    named = set(re.findall(r'"(/-/static/[^"]+)"', browser.get("/").text))
    assert len(named) >= 5
    for path in named:
        answer = browser.get(path)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert browser.get(path, headers={"if-none-match": answer.headers["etag"]}).status_code == 304
        if path.endswith((".js", ".css")):
            assert answer.headers["content-encoding"] == "gzip"


def test_a_new_run_and_a_changed_file_are_seen_soon(own_server: Running) -> None:
    """Nobody restarts anything: what has changed is read within seconds, and only then."""
    root = own_server.root
    with own_server.signed_in() as client:
        before = client.get("/products.json").json()
        product = root / "shop/orders/product.odps.yaml"
        product.write_text(product.read_text().replace("name: Orders", "name: Orders of the shop"))
        newest = sorted((root / "landing/orders").iterdir())[-1]
        newest.write_text(newest.read_text() + newest.read_text().splitlines()[-1].replace(",", "9,", 1) + "\n")
        ran = subprocess.run([str(FREEHOLD), "-C", str(root), "run"], capture_output=True, text=True, check=False)
        after = until(
            lambda: (told := client.get("/products.json").json())["as_of"] != before["as_of"] and told, "it was read"
        )
    assert ran.returncode in (0, 1), ran.stderr
    assert after["page"]["products"][0]["name"] == "Orders of the shop"
    assert after["as_of"] > before["as_of"]


def test_while_somebody_writes_pages_show_what_was_and_say_so(own_server: Running) -> None:
    """A page never waits for a writer, nor a writer for a page."""
    root = own_server.root
    with own_server.signed_in(**PAGE) as client:
        assert client.get("/products").status_code == 200
        path = str(root / ".freehold/warehouse.db")
        code = (
            f"from freehold.engines import open_engine; engine = open_engine('duckdb:///{path}', wait_s=60);"
            "print('held', flush=True); input()"
        )
        with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            assert writer.stdout.readline() == b"held\n"
            notes = [client.get("/products") for _ in range(150)]
            assert {n.status_code for n in notes} == {200}
            writer.communicate(b"\n")
        assert client.get("/products").status_code == 200
    assert (root / ".freehold/warehouse.db").is_file()


def test_templates_refuse_names_that_are_not_there() -> None:
    """A page with a hole in it is an error, not an empty place."""
    from jinja2 import UndefinedError

    with pytest.raises(UndefinedError):
        environment().from_string("{{ nobody_gave_this }}").render()
    assert environment().from_string("{{ x }}").render(x="<b>") == "&lt;b&gt;"


@pytest.mark.parametrize("at", [date(2026, 12, 7), datetime(2026, 12, 7, 23, tzinfo=UTC)])
def test_a_day_is_said_as_people_say_it(at: date) -> None:
    """Whether it is a day or an instant of it."""
    assert environment().from_string("{{ at|day }}").render(at=at) == "7 Dec 2026"


START = datetime(2026, 11, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        ([0.0, 10.0], ["0", "5", "10"]),
        ([96.0, 100.0], ["96", "98", "100"]),
        ([-5.0, 5.0], ["−5", "0", "5"]),
        ([3.0, 3.0], ["0", "1", "2", "3"]),
        ([0.0, 0.0], ["0", "0.5", "1"]),
    ],
    ids=["from zero", "far from zero", "both sides", "all the same", "nothing at all"],
)
def test_gridlines_are_round_and_hold_the_line(values: list[float], labels: list[str]) -> None:
    """Whatever the values, the line lies between round figures."""
    drawn = line_chart("x", "", [Value(START.replace(day=2 + i), str(i), v) for i, v in enumerate(values)])

    assert drawn is not None
    assert drawn.gridlines[0].label == labels[0]
    assert drawn.gridlines[-1].label == labels[-1]
    assert all(drawn.top <= p.y <= drawn.bottom for p in drawn.points)


def test_a_single_value_is_no_line() -> None:
    """It is told as a figure."""
    assert line_chart("x", "", [Value(START, "1", 1.0)]) is None
    assert spark([1.0], "one") is None


def test_what_happened_is_marked_where_it_happened() -> None:
    """In the time of the line, and nowhere else."""
    values = [Value(START.replace(day=d), str(d), float(d)) for d in (2, 12)]
    marks = [Happening(START.replace(day=d), str(d), "#") for d in (1, 7, 20)]
    drawn = line_chart("x", "", values, marks)

    assert drawn is not None
    (mark,) = drawn.annotations
    assert mark.x == pytest.approx((drawn.points[0].x + drawn.points[1].x) / 2, abs=0.1)


def test_it_serves_an_estate_whose_state_and_warehouse_are_on_a_server(
    made_estate: Path, tmp_path: Path, postgres: LivePostgres, serving: Callable[..., Running]
) -> None:
    """Sign-in, pages and values alike, with PostgreSQL for both."""
    urls = [postgres.fresh(), postgres.fresh()]
    root = tmp_path / "shop"
    shutil.copytree(made_estate, root, ignore=shutil.ignore_patterns(".freehold"))
    said = (root / "estate.yaml").read_text()
    said = re.sub(r"state: sqlite\S+", f'state: "{urls[0]}"', said)
    (root / "estate.yaml").write_text(re.sub(r'\{url: "duckdb[^"]+"\}', f'{{url: "{urls[1]}"}}', said))
    subprocess.run([str(FREEHOLD), "-C", str(root), "run"], check=True, capture_output=True, timeout=120)
    server = serving(root, rates={"read": 100_000, "write": 100_000, "sign_in": 100_000})
    with server.signed_in(**PAGE) as client:
        assert client.get("/products.json").json()["page"]["products"][0]["safe"]["word"] == "safe to use"
        assert client.get("/products/shop.orders").status_code == 200
        values = client.get("/api/v1/metrics/shop.revenue/values?by=month").json()
        assert values.get("values"), values
        token = made_token(client, "catalog:read")
    with server.client(authorization=f"Bearer {token}") as program:
        assert program.get("/api/v1/products").status_code == 200


def test_many_readers_at_once_get_one_answer(server: Running) -> None:
    """From many threads, while others sign in: no error, and one snapshot for all."""
    with server.signed_in(**PAGE) as client, ThreadPoolExecutor(24) as pool:
        paths = [PAGES[i % len(PAGES)] for i in range(240)]
        statuses = list(pool.map(lambda path: client.get(path).status_code, paths))
        signed = list(pool.map(lambda _: _comes_in(server), range(12)))

    assert set(statuses) == {200}
    assert set(signed) == {200}


def _comes_in(server: Running) -> int:
    with server.signed_in() as client:
        return client.get("/api/v1/me").status_code


def test_the_values_of_home_follow_and_then_are_there(own_server: Running) -> None:
    """The page waits for no value; once they were asked for they come with it, as their own pages say them."""
    with own_server.signed_in(**PAGE) as client:
        first = client.get("/")
        part = client.get("/", headers={"hx-request": "true"})
        again = client.get("/")
        figures = client.get("/home.json").json()["page"]["metrics"]
        shown = client.get(f"{figures[0]['href']}.json?by=week").json()["page"]

    assert 'hx-get="/"' in first.text
    assert part.text.strip().startswith('<section class="section metrics-now"')
    assert 'hx-get="/"' not in again.text
    assert figures[0]["value"] == shown["value"]
    assert figures[0]["value"] in again.text


def test_a_page_shows_what_its_reader_may_see(
    made_estate: Path, tmp_path: Path, serving: Callable[..., Running]
) -> None:
    """A policy holds on pages and in the API as everywhere: its part for whom it gives one, a refusal for others."""
    policy = """apiVersion: freehold.dev/v1
kind: DataPolicy
metadata: {id: orders-by-state}
spec: {of: [shop.orders.orders], grants: [{to: [%s], rows: "state = 'paid'"}]}
"""
    shown = []
    for name, to in (("whole", None), ("part", "everyone"), ("nothing", '"user:idp/somebody"')):
        root = tmp_path / name
        shutil.copytree(made_estate, root)
        if to is not None:
            (root / "policies.yaml").write_text(policy % to)
        with serving(root, rates={"read": 100_000, "write": 100_000, "sign_in": 100_000}).signed_in(**PAGE) as client:
            page = client.get("/metrics/shop.orders.json?by=day").json()["page"]
            answered = client.get("/api/v1/metrics/shop.orders/values?by=day")
            shown.append((page["value"], answered.status_code, answered.json()))

    (whole, _, all_rows), (part, _, some_rows), (nothing, status, refused) = shown
    assert whole
    assert part
    assert whole != part
    assert sum(v["value"] for v in some_rows["values"]) < sum(v["value"] for v in all_rows["values"])
    assert nothing == ""
    assert (status, refused["code"]) == (403, "FH-N506")


def test_deployments_come_in_pages_that_leave_none_out(
    server: Running, browser: httpx2.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many there are: older ones are a link away, and the way back leads to the same."""
    whole = [d["id"] for d in browser.get("/deployments.json?kind=all").json()["page"]["deployments"]]
    monkeypatch.setattr(deployments, "_PER_PAGE", 2)
    server.app.state.served.pages.clear()
    seen, href, newer = [], "/deployments?kind=all", ""
    while href:
        page = browser.get(href.replace("?", ".json?")).json()["page"]
        seen.append([d["id"] for d in page["deployments"]])
        href, newer = page["older_href"], page["newer_href"]

    assert len(seen) > 2
    assert [id_ for part in seen for id_ in part] == whole
    back = browser.get(newer.replace("?", ".json?")).json()["page"]["deployments"]
    assert [d["id"] for d in back] == seen[-2]
