"""Agents over the Model Context Protocol: a stock client, over HTTP, gets what pages show and no more."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx2
import pytest

from freehold.opening import ledger_around
from live_agent import NEWEST, asked, told
from live_server import PAGE, Running, made_token

FREEHOLD = Path(sys.executable).with_name("freehold")
TOOLS = ["search_products", "describe", "query_metric", "explain_number", "get_lineage", "get_health"]
OF_THE_CATALOG = ["search_products", "describe", "get_lineage", "get_health"]


@pytest.fixture(scope="module")
def token(server: Running) -> str:
    """A token that may see the catalog and ask metrics."""
    with server.signed_in(**PAGE) as client:
        return made_token(client, "catalog:read", "metrics:query")


@pytest.mark.parametrize("mode", [NEWEST, "auto", "legacy"])
def test_a_stock_client_sees_the_tools_and_calls_them(server: Running, token: str, mode: str) -> None:
    """By the newest protocol, by finding out which, and by the handshake of older ones."""
    tools, health = asked(server, token, ("get_health", {}), mode=mode)

    assert [tool.name for tool in tools] == TOOLS
    assert all(tool.description and tool.input_schema["type"] == "object" and tool.output_schema for tool in tools)
    assert all(tool.annotations.read_only_hint for tool in tools)
    assert told(health)["products"][0]["safe_to_use"] == "safe to use"


def test_a_number_is_the_same_for_an_agent_as_everywhere(server: Running, browser: httpx2.Client, token: str) -> None:
    """Page, API, terminal and agent: one question, one answer, digit by digit."""
    question = {"metrics": ["shop.revenue"], "by": ["day"]}
    _, result = asked(server, token, ("query_metric", {**question, "limit": 1000}))
    page = json.loads(browser.get("/explore.json?metric=shop.revenue&by=day").text, parse_float=Decimal)["page"]
    api = json.loads(browser.post("/api/v1/query", json=question).text, parse_float=Decimal)
    said = subprocess.run(
        [str(FREEHOLD), "-C", str(server.root), "query", "shop.revenue", "--by", "day", "--json"],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    theirs = json.loads(said.stdout, parse_float=Decimal)
    ours = told(result)
    shown = [{"day": day["value"], "shop.revenue": value["value"]} for day, value in page["answered"]["rows"]]

    assert ours["rows"] == api["rows"] == theirs["rows"] == shown
    assert ours["provenance"]["definitions"] == {"shop.revenue": theirs["metrics"]["shop.revenue"]["definition"]}
    assert ours["provenance"]["quality_state"] == theirs["state"]


def test_an_answer_carries_where_it_is_from(server: Running, token: str) -> None:
    """By which definition, certified, from which data, as of when, in which state, and the id that explains it."""
    _, result = asked(server, token, ("query_metric", {"metrics": ["revenue"], "by": ["day"], "limit": 2}))
    provenance = told(result)["provenance"]
    said = subprocess.run(
        [str(FREEHOLD), "-C", str(server.root), "explain", provenance["query_id"], "--json"],
        check=True, capture_output=True, text=True,
    )  # fmt: skip

    assert json.loads(said.stdout)["metric"] == "shop.revenue"
    assert provenance["certified"] is True
    assert provenance["as_of"]
    assert (provenance["rows"], provenance["truncated"]) == (2, True)
    assert provenance["sources"][0]["asset"] == "shop.orders.orders"


def test_a_number_nobody_certified_is_given_only_to_who_asks_for_such(server: Running, token: str) -> None:
    """And is marked then."""
    question = {"metrics": ["shop.orders"]}
    _, refused, given = asked(
        server, token, ("query_metric", question), ("query_metric", {**question, "uncertified": True})
    )

    assert (refused.is_error, told(refused)["code"]) == (True, "FH-A141")
    assert "shop.revenue" in told(refused)["fix"]
    assert (given.is_error, told(given)["provenance"]["certified"]) == (False, False)


@pytest.mark.parametrize(
    ("name", "said", "code"),
    [
        ("query_metric", {"metrics": ["shop.revenu"]}, "FH-N107"),
        ("query_metric", {"metrics": ["shop.revenue"], "by": ["colour"]}, "FH-N301"),
        ("query_metric", {"metric": "shop.revenue"}, "FH-A112"),
        ("query_metric", {"metrics": ["shop.revenue"], "limit": 100_000}, "FH-A112"),
        ("describe", {"name": "shop.order"}, "FH-N107"),
        ("get_health", {"product": "shop.order"}, "FH-D201"),
        ("get_health", {"product": "nothing"}, "FH-D201"),
        ("get_lineage", {"of": "nothing"}, "FH-F004"),
        ("query_metric", {"metrics": [" "], "uncertified": True}, "FH-N107"),
        ("explain_number", {"metric": "shop.revenue", "period": "soon"}, "FH-N105"),
        ("drop_table", {}, "FH-A112"),
    ],
    ids=[
        "half a metric", "a key it has not", "a word it does not know", "too many rows", "half a product",
        "the health of half a name", "the health of nothing", "the lineage of nothing", "no metric", "no period",
        "a tool there is not",
    ],
)  # fmt: skip
def test_what_cannot_be_answered_says_how_to_mend_it(
    server: Running, token: str, name: str, said: dict[str, Any], code: str
) -> None:
    """As a result that an agent can read: the code, what is wrong, and the fix."""
    _, result = asked(server, token, (name, said))

    assert result.is_error
    assert told(result)["code"] == code
    assert told(result)["fix"]
    assert not any(there in told(result)["fix"] for there in ("`freehold ", "`/"))


def test_a_metric_and_a_product_are_described(server: Running, token: str) -> None:
    """Enough of each to ask it rightly: dimensions, owner, contract with its verdicts."""
    _, metric, product, found, lineage = asked(
        server, token, ("describe", {"name": "revenue"}), ("describe", {"name": "shop.orders"}),
        ("search_products", {"query": "revenue"}), ("get_lineage", {"of": "shop.orders.orders", "way": "drop"}),
    )  # fmt: skip
    dimensions = {one["name"] for one in told(metric)["described"]["dimensions"]}
    contracts = told(product)["described"]["contracts"]
    _, twin, by_name, column = asked(
        server, token, ("describe", {"name": "metric:shop.orders"}), ("get_lineage", {"of": "metric:revenue"}),
        ("get_lineage", {"of": "metric:shop.revenue"}),
    )  # fmt: skip

    assert "orders.state" in dimensions
    assert told(metric)["described"]["excludes"] == "cancelled orders"
    assert all(check.startswith("pass: ") for part in contracts for c in part["columns"] for check in c["checks"])
    assert told(found)["hits"][0]["id"] == "shop.revenue"
    assert told(lineage)["hit"]["metrics"]
    assert (told(product)["kind"], told(product)["also"]) == ("product", ["metric:shop.orders"])
    assert (told(twin)["kind"], told(twin)["described"]["id"]) == ("metric", "shop.orders")
    assert told(by_name)["of"] == told(column)["of"] == "shop.revenue"


def test_an_explanation_is_that_of_the_page(server: Running, browser: httpx2.Client, token: str) -> None:
    """Both name the same change and the same slices."""
    page = browser.get("/explain.json?metric=shop.revenue&by=day").json()["page"]
    _, result = asked(server, token, ("explain_number", {"metric": "shop.revenue", "grain": "day"}))
    ours = told(result)

    assert f"{ours['moved']['after']['value']:,.2f}" == page["value"]
    assert ours["sql"] == page["sql"]
    assert ours["provenance"]["certified"] is True


def test_an_explanation_says_what_it_rests_on_and_what_is_not_whole(server: Running, token: str) -> None:
    """Its provenance is that of any number; a comparison with what is not all there is none, and is said to be none."""
    _, values = asked(server, token, ("query_metric", {"metrics": ["revenue"], "by": ["day"]}))
    first = told(values)["rows"][0]["day"]
    of_first = {"metric": "revenue", "grain": "day", "period": first}
    _, given, of_nothing = asked(
        server, token, ("explain_number", of_first), ("explain_number", {"metric": "revenue", "period": "1999-01"})
    )
    ours = told(given)
    recalled = subprocess.run(
        [str(FREEHOLD), "-C", str(server.root), "explain", ours["provenance"]["query_id"], "--json"],
        check=True, capture_output=True, text=True,
    )  # fmt: skip

    assert set(ours["provenance"]) == set(told(values)["provenance"])
    assert json.loads(recalled.stdout)["since"] == []
    assert (ours["begins_at"], ours["moved"]["change"]) == (first, None)
    assert "so it has 0 of its 1 days" in " ".join(ours["notes"])
    assert (told(of_nothing)["code"], first in told(of_nothing)["fix"]) == ("FH-A143", True)


def test_tools_are_those_that_the_token_is_for(server: Running, browser: httpx2.Client) -> None:
    """One for the catalog alone neither sees nor calls what asks numbers; one without the catalog does not come in."""
    tools, refused = asked(server, made_token(browser, "catalog:read"), ("query_metric", {"metrics": ["shop.revenue"]}))
    with server.client(authorization=f"Bearer {made_token(browser, 'metrics:query')}") as program:
        outside = program.post("/mcp", json={})

    assert [tool.name for tool in tools] == OF_THE_CATALOG
    assert (told(refused)["code"], "`freehold" in told(refused)["fix"]) == ("FH-A102", False)
    assert (outside.status_code, outside.json()["code"]) == (403, "FH-A102")


@pytest.mark.parametrize("sent", ["nothing", "no token of ours", "a cookie"])
def test_nobody_comes_in_without_a_token(server: Running, browser: httpx2.Client, sent: str) -> None:
    """A browser that is signed in is none: no page can make it ask on somebody's behalf."""
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
    headers = {"accept": "application/json"} | ({"authorization": "Bearer fh_user_x"} if "token" in sent else {})
    if sent == "a cookie":
        answer = browser.post("/mcp", json=body, headers=headers)
    else:
        with server.client(**headers) as client:
            answer = client.post("/mcp", json=body)

    assert (answer.status_code, answer.json()["code"]) == (401, "FH-A101")
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_a_policy_holds_for_agents(made_estate: Path, tmp_path: Path, serving: Callable[..., Running]) -> None:
    """They see what the token's owner may, the answer says that it is a part, and the use is counted as an agent's."""
    root = tmp_path / "shop"
    shutil.copytree(made_estate, root)
    (root / "policies.yaml").write_text(
        "apiVersion: freehold.dev/v1\nkind: DataPolicy\nmetadata: {id: orders-by-state}\n"
        "spec: {of: [shop.orders.orders], grants: [{to: [everyone], rows: \"state = 'paid'\"}]}\n"
    )
    running = serving(root, rates={"read": 100_000, "write": 100_000, "sign_in": 100_000})
    with running.signed_in(**PAGE) as client:
        token = made_token(client, "catalog:read", "metrics:query")
    question = {"metrics": ["shop.orders"], "by": ["state"], "uncertified": True}
    explained = {"metric": "shop.orders", "grain": "day", "uncertified": True}
    _, result, explanation = asked(running, token, ("query_metric", question), ("explain_number", explained))
    assert running.app is not None
    running.app.state.served.usage.flush()
    with ledger_around(str(root)) as ledger, ledger.evidence() as evidence:
        rows = list(evidence.query("SELECT channel, consumer_type FROM usage_query WHERE channel = 'mcp'", ()))

    assert [row["state"] for row in told(result)["rows"]] == ["paid"]
    assert told(result)["provenance"]["policies"] == ["orders-by-state"]
    assert told(explanation)["provenance"]["policies"] == ["orders-by-state"]
    assert "In part, as you may see it by orders-by-state." in told(explanation)["notes"]
    assert [tuple(row) for row in rows] == [("mcp", "agent")] * 2


def test_no_result_is_longer_than_an_agent_can_read(
    server: Running, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows that are too many are left out, and that is said; anything else too long is refused."""
    monkeypatch.setattr("freehold.server.agents.protocol.LONGEST_TEXT", 2_000)
    _, rows, whole = asked(
        server,
        token,
        ("query_metric", {"metrics": ["revenue"], "by": ["orders.order_id"]}),
        ("describe", {"name": "shop.orders"}),
    )

    assert len(rows.content[0].text) <= 2_000
    assert told(rows)["provenance"]["truncated"] is True
    assert told(whole)["code"] == "FH-A142"


def test_the_protocols_library_is_brought_by_the_first_who_asks() -> None:
    """Neither `freehold --help` nor an application that nobody asks imports it."""
    code = "import sys, freehold.cli, freehold.server.application; sys.exit('mcp' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
