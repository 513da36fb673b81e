"""Asking, explaining and saving through the server: one number on every surface, within what the asker may see."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx2
import pyarrow.parquet as pq
import pytest
import yaml
from pyarrow import BufferReader

from freehold.foundation import FreeholdError, SystemClock
from freehold.ledger import Ledger
from freehold.opening import ledger_around
from freehold.server.identity import Who
from freehold.server.questions import Question, question_of
from freehold.server.saved import SavedViews
from live_process import until
from live_server import PAGE, Running, made_token

FREEHOLD = Path(sys.executable).with_name("freehold")
FREE = {"rates": {"read": 100_000, "write": 100_000, "sign_in": 100_000}}
BY_DAY = "/explore.json?metric=shop.revenue&by=day"


@pytest.fixture
def own_estate(made_estate: Path, tmp_path: Path) -> Path:
    """A copy of the estate for a test that changes it."""
    root = tmp_path / "shop"
    shutil.copytree(made_estate, root)
    return root


def asked_at_the_terminal(root: Path, *words: str) -> dict[str, Any]:
    """Return what `freehold query` says as JSON, numbers as they are written."""
    said = subprocess.run(
        [str(FREEHOLD), "-C", str(root), "query", *words, "--format", "json"],
        check=True,
        capture_output=True,
        text=True,
    )
    return json.loads(said.stdout, parse_float=Decimal)  # type: ignore[no-any-return]


def rows_on(page: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the rows that a page of the explorer shows."""
    answered = page["page"]["answered"]
    names = [column["name"] for column in answered["columns"]]
    return [dict(zip(names, (cell["value"] for cell in row), strict=True)) for row in answered["rows"]]


def test_a_question_has_one_answer_on_the_page_in_the_api_and_at_the_terminal(
    server: Running, browser: httpx2.Client
) -> None:
    """To the last digit: rows, state and definition."""
    ours = json.loads(browser.get(BY_DAY).text, parse_float=Decimal)
    question = {"metrics": ["shop.revenue"], "by": ["day"]}
    api = json.loads(browser.post("/api/v1/query", json=question).text, parse_float=Decimal)
    theirs = asked_at_the_terminal(server.root, "shop.revenue", "--by", "day")

    assert rows_on(ours) == api["rows"] == theirs["rows"]
    assert len(api["rows"]) > 1
    assert (api["state"], api["metrics"], api["columns"]) == (theirs["state"], theirs["metrics"], theirs["columns"])


def test_before_the_first_run_there_is_nothing_to_answer_from(tmp_path: Path, serving: Callable[..., Running]) -> None:
    """Everybody is told so, and what to do: no page breaks, and no engine speaks of its tables."""
    subprocess.run([str(FREEHOLD), "init", str(tmp_path / "new")], check=True, capture_output=True)
    new = serving(tmp_path / "new")
    with new.signed_in() as client:
        pages = [client.get(f"{path}?metric=shop.revenue", headers=PAGE) for path in ("/explore", "/explain")]
        values = client.get("/api/v1/metrics/shop.revenue/values")
    asked, explained = (
        subprocess.run([str(FREEHOLD), "-C", str(new.root), *words], capture_output=True, text=True, check=False)
        for words in (["query", "revenue"], ["explain", "revenue", "--by", "colour"])
    )

    assert all("was never published" in page.text and "FH-E201" not in page.text for page in pages)
    assert [page.status_code < 500 for page in pages] == [True, True]
    assert (values.status_code, values.json()["code"]) == (409, "FH-N501")
    assert (asked.returncode, "`freehold run` builds" in asked.stderr) == (1, True)
    assert (explained.returncode, "FH-N301" in explained.stderr) == (2, True)


def test_an_answer_is_explained_later_by_its_id(server: Running, browser: httpx2.Client) -> None:
    """What the page answered, `freehold explain` knows."""
    page = browser.get("/explore.json?metric=shop.revenue&by=month&is=state=paid").json()["page"]
    said = subprocess.run(
        [str(FREEHOLD), "-C", str(server.root), "explain", page["answered"]["query_id"], "--json"],
        check=True, capture_output=True, text=True,
    )  # fmt: skip

    assert json.loads(said.stdout)["question"]["where"] == "state = 'paid'"


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/explore.json?metric=shop.revenu", "FH-N107"),
        ("/explore.json?metric=shop.revenue&by=colour", "FH-N301"),
        ("/explore.json?metric=shop.revenue&where=sum(amount)>1", "FH-N203"),
        ("/explore.json?metric=shop.revenue&from=yesterday", "FH-N105"),
        ("/explore.json?metric=shop.revenue&to=9999-12-31", "FH-N105"),
        ("/explore.json?metric=shop.revenue&where={{7}}", "FH-A144"),
        ("/explore.json?metric=shop.revenue&compare=prior:1month", "FH-N208"),
        ("/explore.json?metric=shop.revenue&by=day&by=month", "FH-N102"),
        ("/explore.json?metric=shop.revenue&is=length(state)=1", "FH-N102"),
    ],
    ids=[
        "no such metric", "no such field", "an aggregate of rows", "no day", "beyond all days", "no condition",
        "nothing to compare with", "two times",
        "an expression for a field",
    ],
)  # fmt: skip
def test_what_has_no_right_answer_is_said_where_the_answer_would_be(
    browser: httpx2.Client, path: str, code: str
) -> None:
    """In the words of the compiler, with the question still there to be mended."""
    told = browser.get(path).json()["page"]
    page = browser.get(path.replace(".json", ""))

    assert told["answered"] is None
    assert told["fault"]["code"] == code
    assert (page.status_code, code in page.text) == (200, True)
    assert 'aria-label="The question"' in page.text


def test_a_word_that_no_question_has_is_a_problem(browser: httpx2.Client) -> None:
    """A limit in words cannot be shown as a question."""
    assert browser.get("/explore.json?metric=shop.revenue&limit=many").json()["code"] == "FH-N103"


def test_a_click_on_a_value_narrows_to_it_and_goes_on_to_the_next_key(browser: httpx2.Client) -> None:
    """Rows lead on: a value of a key to its rows by another key, a month to its weeks, a number to what explains it."""
    page = browser.get("/explore.json?metric=shop.revenue&by=state").json()["page"]["answered"]
    state = page["rows"][0][0]
    drilled = question_of(httpx2.URL(state["href"]).params.multi_items())
    narrowed = browser.get(state["href"].replace("/explore?", "/explore.json?")).json()["page"]
    months = browser.get("/explore.json?metric=shop.revenue&by=month").json()["page"]["answered"]["rows"]
    weeks = question_of(httpx2.URL(months[0][0]["href"]).params.multi_items())

    assert [f.word for f in drilled.filters] == [f"state={state['value']}"]
    assert drilled.by != ("state",)
    assert narrowed["fault"] is None
    assert weeks.by == ("week",)
    assert weeks.start == months[0][0]["value"]
    assert months[0][1]["href"].startswith("/explain?")
    assert browser.get(months[0][1]["href"]).status_code == 200


def test_values_of_a_field_are_suggested_with_what_they_amount_to(browser: httpx2.Client) -> None:
    """Each with the question for it alone and the one for all but it."""
    told = browser.get("/explore.json?metric=shop.orders&field=state").json()["page"]["suggestions"]
    only = question_of(httpx2.URL(told["values"][0]["href"]).params.multi_items())
    but = question_of(httpx2.URL(told["values"][0]["but_href"]).params.multi_items())

    assert {one["text"] for one in told["values"]} >= {"paid", "cancelled"}
    assert [f.is_not for f in (*only.filters, *but.filters)] == [False, True]


def test_rows_come_as_files_too(browser: httpx2.Client) -> None:
    """All of them, as CSV and as Parquet, whatever page is shown."""
    csv = browser.get("/explore.csv?metric=shop.revenue&by=day")
    parquet = browser.get("/explore.parquet?metric=shop.revenue&by=day")
    rows = rows_on(browser.get(BY_DAY).json())

    assert csv.headers["content-disposition"] == 'attachment; filename="revenue-day.csv"'
    assert len(csv.text.splitlines()) == len(rows) + 1
    assert pq.read_table(BufferReader(parquet.content)).num_rows == len(rows)


def test_many_rows_are_turned_over_page_by_page(browser: httpx2.Client) -> None:
    """A page holds 100, says which of how many, and leads to the next; past the end is the end."""
    path = "/explore.json?metric=shop.revenue&by=orders.order_id"
    first, last = browser.get(path).json()["page"]["answered"], browser.get(f"{path}&page=9999").json()["page"]

    assert len(first["rows"]) == 100
    assert first["pages"]["before"] == ""
    assert first["pages"]["told"].startswith("1 to 100 of ")
    assert last["answered"]["pages"]["after"] == ""
    assert last["answered"]["rows"]


def test_columns_are_headed_by_what_people_call_them(browser: httpx2.Client) -> None:
    """The name by which they are asked for stays beside."""
    path = "/explore.json?metric=shop.average_order&metric=shop.revenue&by=week&by=orders.state&compare=prior:1week"
    answer = browser.get(path).json()["page"]["answered"]
    found = {column["name"]: column["called"] for column in answer["columns"]}

    assert found["week"] == "Week"
    assert found["orders.state"] == "State"
    assert found["shop.average_order"] == "Average order"
    assert 'title="shop.average_order">Average order' in browser.get(path.replace(".json", "")).text


@pytest.mark.parametrize("number", ["x", "-1", "1.5", "9999999", "²", ""])
def test_a_page_that_is_no_number_is_refused(browser: httpx2.Client, number: str) -> None:
    """As every other word of an address that means nothing; an empty one is no word."""
    answer = browser.get(f"/explore.json?metric=shop.revenue&page={number}")

    assert answer.status_code == (400 if number else 200)
    assert ("FH-A112" in answer.text) is bool(number)


def test_htmx_gets_the_explorer_alone(browser: httpx2.Client) -> None:
    """A change of the question swaps it and nothing around it."""
    part = browser.get("/explore?metric=shop.revenue&by=day", headers={"hx-request": "true"}).text

    assert part.strip().startswith('<div id="explore"')
    assert "<html" not in part


# -- views ------------------------------------------------------------------------------------------------------------


def saved(client: httpx2.Client, name: str = "Paid by day", **said: str) -> str:
    """Save a view by the form and return its path."""
    question = "metric=shop.revenue&by=day&is=state%3Dpaid"
    made = client.post("/views", data={"name": name, "question": question, **said})
    assert made.status_code == 303, made.text
    return str(made.headers["location"])


def test_a_view_keeps_the_question_and_shows_todays_answer(server: Running, browser: httpx2.Client) -> None:
    """Under an address of its own, listed on the page and in the API, with an event that names nobody's words."""
    path = saved(browser, description="What was paid")
    shown, question = browser.get(f"{path}.json").json(), {"metrics": ["shop.revenue"], "by": ["day"]}
    answer = browser.post("/api/v1/query", json={**question, "where": "state = 'paid'"}).json()
    listed = browser.get("/api/v1/views").json()["items"]
    with ledger_around(str(server.root)) as ledger:
        event = next(iter(ledger.read(types=("view.saved",), newest_first=True)))

    assert shown["title"] == "Paid by day"
    assert rows_on(shown) == answer["rows"]
    assert shown["page"]["saved"]["changed"] == []
    assert path.rpartition("/")[2] in {one["id"] for one in listed}
    assert "Paid by day" in browser.get("/views").text
    assert event.data["metrics"] == ["shop.revenue"]
    assert "Paid" not in json.dumps(event.data)


def test_a_view_says_when_a_number_is_defined_otherwise_by_now(
    own_estate: Path, serving: Callable[..., Running]
) -> None:
    """It was saved by one definition; another one gives another number under the same name."""
    with serving(own_estate, **FREE).signed_in(**PAGE) as client:
        path = saved(client)
        file = own_estate / "shop/orders/metrics/shop.yaml"
        file = file if file.exists() else next((own_estate / "shop/orders/metrics").glob("*.yaml"))
        file.write_text(file.read_text().replace("orders.state <> 'cancelled'", "orders.state = 'paid'"))
        changed = until(lambda: client.get(f"{path}.json").json()["page"]["saved"]["changed"], "the file was read")

        assert changed == ["shop.revenue"]
        assert "defined otherwise" in client.get(path).text


def test_a_view_is_renamed_and_deleted(browser: httpx2.Client) -> None:
    """By the forms on its page; a deleted one is not there."""
    path = saved(browser)
    browser.post(f"{path}/rename", data={"name": "Paid"})
    renamed = browser.get(f"{path}.json").json()["title"]
    deleted = browser.post(f"{path}/delete")

    assert renamed == "Paid"
    assert deleted.headers["location"] == "/views"
    assert browser.get(path, headers={"accept": "application/json"}).json()["code"] == "FH-A145"


@pytest.mark.parametrize("change", ["rename", "delete"])
def test_nobody_changes_a_view_of_somebody_else(tmp_path: Path, change: str) -> None:
    """It is refused with whose it is, and stays as it was."""
    ana, bo = (Who(f"user:idp/{name}", name, (), "oidc", "session", name) for name in ("ana", "bo"))
    with Ledger.open(f"sqlite:///{tmp_path}/state.db", root=tmp_path) as ledger:
        views = SavedViews(ledger, SystemClock())
        made = views.save(ana, "Mine", "", Question(("shop.revenue",)), {"shop.revenue": "abc"})
        with pytest.raises(FreeholdError) as refused:
            views.rename(bo, made.id, "Ours", "") if change == "rename" else views.delete(bo, made.id)

        assert (refused.value.code, "user:idp/ana" in refused.value.problem) == ("FH-A146", True)
        assert views.all() == (made,)
        assert views.all(seen=["shop.orders"]) == ()


@pytest.mark.parametrize(
    "said",
    [{"name": ""}, {"name": "x" * 81}, {"name": "Mine", "description": "x" * 401}, {"name": "Mine", "question": ""}],
    ids=["no name", "a name too long", "a description too long", "no question"],
)
def test_a_view_needs_a_name_and_a_question(browser: httpx2.Client, said: dict[str, str]) -> None:
    """It is refused with the reason, and nothing is kept."""
    question = {"question": "metric=shop.revenue"}
    told = browser.post("/views", data=question | said, headers={"accept": "application/json"})

    assert (told.status_code, told.json()["code"]) == (400, "FH-A112")


# -- explaining -------------------------------------------------------------------------------------------------------


def test_an_explanation_is_that_of_the_terminal(server: Running, browser: httpx2.Client) -> None:
    """What moved it, by how much, in which slices: the page and `freehold explain` say one thing."""
    shown = browser.get("/explain.json?metric=shop.revenue&by=day").json()["page"]
    command = shown["command"].split()[1:]
    said = subprocess.run(
        [str(FREEHOLD), "-C", str(server.root), *command, "--json"], check=True, capture_output=True, text=True
    )
    theirs = json.loads(said.stdout)

    assert shown["value"].replace(",", "") == f"{theirs['moved']['after']['value']:.2f}"
    assert {s["title"] for s in shown["slices"]} <= set(theirs["moved"]["by"])
    assert shown["columns"] == theirs["columns"]
    assert shown["sql"] == theirs["sql"]


def test_a_period_before_the_data_is_said_to_be_none(browser: httpx2.Client) -> None:
    """Nobody takes the first day for a rise out of nothing; of a whole one nothing is said."""
    points = browser.get("/metrics/shop.revenue.json?by=day").json()["page"]["chart"]["points"]
    first, second = (
        " ".join(
            browser.get(f"/explain.json?metric=shop.revenue&by=day&period={one['key'][:10]}").json()["page"]["notes"]
        )
        for one in points[:2]
    )

    assert "so it has 0 of its 1 days" in first
    assert "is not whole" not in second


def test_points_of_a_metric_lead_to_what_explains_them(browser: httpx2.Client) -> None:
    """Each point of the chart on a metric's page is the way to its own explanation."""
    points = browser.get("/metrics/shop.revenue.json?by=day").json()["page"]["chart"]["points"]
    explained = browser.get(points[1]["href"].replace("/explain?", "/explain.json?")).json()["page"]

    assert explained["value"] == points[1]["shown"]
    assert explained["chart"]["focus"]["key"] == points[1]["key"]


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/explain.json?metric=shop.revenu", 404, "FH-N107"),
        ("/explain.json?metric=shop.revenue&period=soon", 400, "FH-N105"),
    ],
    ids=["no such metric", "no period"],
)
def test_what_cannot_be_explained_is_a_problem(browser: httpx2.Client, path: str, status: int, code: str) -> None:
    """With the near match."""
    told = browser.get(path)

    assert (told.status_code, told.json()["code"]) == (status, code)


# -- who may ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scope", "method", "path", "status"),
    [
        ("metrics:query", "POST", "/api/v1/query", 200),
        ("catalog:read", "POST", "/api/v1/query", 403),
        ("metrics:query", "GET", "/explore.json", 200),
        ("catalog:read", "GET", "/explore.json", 403),
        ("metrics:query", "GET", "/api/v1/views", 200),
        ("metrics:query", "POST", "/views", 403),
        ("catalog:read", "GET", "/explain.json", 403),
    ],
    ids=[
        "a token for numbers asks", "one for the catalog does not", "it explores", "the other not", "it lists views",
        "no token saves one", "explaining takes the right to ask",
    ],
)  # fmt: skip
def test_a_token_asks_where_its_scope_reaches(
    server: Running, browser: httpx2.Client, scope: str, method: str, path: str, status: int
) -> None:
    """A question in a body reads; what changes something takes a person."""
    body = {"json": {"metrics": ["shop.revenue"]}} if method == "POST" else {}
    with server.client(authorization=f"Bearer {made_token(browser, scope)}") as program:
        assert program.request(method, path, **body).status_code == status  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "question",
    [
        {},
        {"metrics": []},
        {"metrics": ["a"], "sql": "x"},
        {"metrics": ["a"], "limit": -1},
        {"metrics": ["a"], "limit": 0},
        {"metrics": ["a"], "limit": 10**9},
    ],
    ids=["nothing", "no metric", "a word it does not know", "fewer than none", "none", "too many"],
)
def test_a_malformed_question_is_told_as_such(browser: httpx2.Client, question: dict[str, Any]) -> None:
    """Before anything is computed."""
    told = browser.post("/api/v1/query", json=question, headers={"accept": "application/json"})

    assert (told.status_code, told.json()["code"]) == (400, "FH-A112")


@pytest.mark.parametrize("over", [-1, 0, 1], ids=["one row too few", "just as many", "one more"])
def test_an_answer_says_whether_a_limit_cut_it(browser: httpx2.Client, over: int) -> None:
    """The limit of whoever asks cuts as the server's does; an answer that is no longer than it is whole."""
    question = {"metrics": ["shop.revenue"], "by": ["day"], "order": ["day"]}
    whole = browser.post("/api/v1/query", json=question).json()
    limit = len(whole["rows"]) + over
    part = browser.post("/api/v1/query", json=question | {"limit": limit}).json()

    assert not whole["is_cut"]
    assert part["is_cut"] is (over < 0)
    assert part["rows"] == whole["rows"][:limit]


def test_what_is_copied_as_yaml_is_taken_by_the_api(browser: httpx2.Client) -> None:
    """The snippet of the page is a body of the API, and has the same answer."""
    path = "/explore.json?metric=shop.revenue&by=day&is=state=paid&order=-shop.revenue&limit=3"
    page = browser.get(path).json()
    text = next(s["text"] for s in page["page"]["snippets"] if s["label"].startswith("YAML"))

    assert browser.post("/api/v1/query", json=yaml.safe_load(text)).json()["rows"] == rows_on(page)


POLICY = """apiVersion: freehold.dev/v1
kind: DataPolicy
metadata: {id: orders-by-state}
spec: {of: [shop.orders.orders], grants: [{to: [%s], rows: "state = 'paid'"}]}
"""


def test_a_policy_holds_wherever_numbers_are_asked(own_estate: Path, serving: Callable[..., Running]) -> None:
    """The explorer, its files, pages, explanations and the API show a reader what the policy does, and say so."""
    (own_estate / "policies.yaml").write_text(POLICY % "everyone")
    with serving(own_estate, **FREE).signed_in(**PAGE) as client:
        page = client.get("/explore.json?metric=shop.orders&by=state").json()["page"]["answered"]
        api = client.post("/api/v1/query", json={"metrics": ["shop.orders"], "by": ["state"]}).json()
        explained = client.get("/explain.json?metric=shop.orders&by=day").json()["page"]
        file = client.get("/explore.csv?metric=shop.orders&by=state").text
        metric = client.get("/metrics/shop.orders.json?by=day").json()["page"]
        values = client.get("/api/v1/metrics/shop.orders/values?by=day").json()
        pages = [
            client.get(path).text for path in ("/metrics/shop.orders?by=day", "/explain?metric=shop.orders&by=day")
        ]
    said = subprocess.run(
        [str(FREEHOLD), "-C", str(own_estate), "explain", "shop.orders", "--json"], check=True, capture_output=True
    )

    assert [row[0]["value"] for row in page["rows"]] == ["paid"]
    assert any("orders-by-state" in note for note in page["notes"])
    assert ([r["state"] for r in api["rows"]], api["policies"]) == (["paid"], ["orders-by-state"])
    assert "cancelled" not in file
    assert "'paid'" in explained["sql"]
    told = "In part, as you may see it by orders-by-state."
    assert ([*metric["notes"], *explained["notes"]], values["policies"]) == ([told, told], ["orders-by-state"])
    assert [page.count(told) for page in pages] == [1, 1]
    assert json.loads(said.stdout)["policies"] == ["orders-by-state"]


def test_whom_no_grant_names_is_told_so_and_sees_nothing(own_estate: Path, serving: Callable[..., Running]) -> None:
    """An answer that was computed for another is not theirs either."""
    subprocess.run(
        [str(FREEHOLD), "-C", str(own_estate), "query", "shop.orders", "--by", "state"], check=True, capture_output=True
    )
    (own_estate / "policies.yaml").write_text(POLICY % '"user:idp/somebody"')
    with serving(own_estate, **FREE).signed_in(**PAGE) as client:
        page = client.get("/explore.json?metric=shop.orders&by=state").json()["page"]
        api = client.post("/api/v1/query", json={"metrics": ["shop.orders"]}, headers={"accept": "application/json"})

    assert (page["answered"], page["fault"]["code"]) == (None, "FH-N506")
    assert (api.status_code, api.json()["code"]) == (403, "FH-N506")


def test_who_looks_at_numbers_is_counted(own_estate: Path, serving: Callable[..., Running]) -> None:
    """Pages and the API are channels of use, as the terminal is; adoption counts them."""
    running = serving(own_estate, **FREE)
    with running.signed_in(**PAGE) as client:
        client.get("/metrics/shop.revenue?by=day")
        client.get("/explore?metric=shop.orders&by=day")
        client.post("/api/v1/query", json={"metrics": ["shop.revenue"]})
        assert running.app is not None
        running.app.state.served.usage.flush()
    with ledger_around(str(own_estate)) as ledger, ledger.evidence() as evidence:
        rows = evidence.query(
            "SELECT channel, metrics[1], consumer_type FROM usage_query WHERE channel <> 'cli' ORDER BY ALL", ()
        )

    assert [tuple(row) for row in rows] == [
        ("api", "shop.revenue", "person"), ("portal", "shop.orders", "person"), ("portal", "shop.revenue", "person"),
    ]  # fmt: skip


def test_markup_in_the_words_of_a_question_stays_text(browser: httpx2.Client) -> None:
    """Whatever an address holds is shown as it is written."""
    word = quote("<script>alert(1)</script>")
    page = browser.get(f"/explore?metric=shop.revenue&is=state={word}&where={word}").text

    assert "<script>alert" not in page
    assert "&lt;script&gt;" in page
