"""`freehold mcp`: a stock client starts it, and gets over its streams what it would get of a server."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from freehold.opening import ledger_around
from live_agent import FREEHOLD, NEWEST, asked_here, told
from live_process import freehold, served

TOOLS = ["search_products", "describe", "query_metric", "explain_number", "get_lineage", "get_health"]
_SAID = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
_HELLO = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": _SAID})
QUESTION = {"metrics": ["shop.revenue"], "by": ["day"]}


@contextmanager
def _started(command: list[str], *lines: str) -> Iterator[subprocess.Popen[str]]:
    """Start something that answers lines, and send it some; its input is closed at the end."""
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd="/"
    ) as process:
        assert process.stdin is not None
        process.stdin.write("".join(f"{line}\n" for line in lines))
        process.stdin.flush()
        yield process


def _answer(process: subprocess.Popen[str], id_: int) -> dict[str, Any]:
    """Return the result of a question, when it comes."""
    assert process.stdout is not None
    return next(one["result"] for one in map(json.loads, process.stdout) if one.get("id") == id_)


@pytest.fixture
def root(made_estate: Path, tmp_path: Path) -> Path:
    """An estate of the test's own, with all its data published."""
    folder = tmp_path / "shop"
    shutil.copytree(made_estate, folder)
    return folder


@pytest.mark.parametrize("mode", [NEWEST, "legacy"])
def test_a_stock_client_starts_it_and_asks(root: Path, mode: str) -> None:
    """All six tools, and a number that is digit by digit what the terminal prints, in each form of the protocol."""
    tools, number, health = asked_here(root, ("query_metric", QUESTION), ("get_health", {}), mode=mode)
    theirs = json.loads(freehold(root, "query", "shop.revenue", "--by", "day", "--json").stdout, parse_float=Decimal)

    assert [tool.name for tool in tools] == TOOLS
    assert told(number)["rows"] == theirs["rows"]
    assert told(health)["products"][0]["safe_to_use"] == "safe to use"


def test_what_cannot_be_answered_is_a_result_as_at_a_server(root: Path) -> None:
    """With its code and its fix; and the next call is answered."""
    wrongly = ("query_metric", {"metrics": ["shop.revenu"]})
    _, wrong, right = asked_here(root, wrongly, ("describe", {"name": "revenue"}))

    assert (wrong.is_error, told(wrong)["code"]) == (True, "FH-N107")
    assert told(right)["kind"] == "metric"


def test_it_tells_how_it_is_started(root: Path) -> None:
    """As hosts of agents read it: what is started by that, from wherever, answers."""
    said = json.loads(freehold(root, "mcp", "--json").stdout)["mcpServers"]["shop"]
    with _started([said["command"], *said["args"]], _HELLO) as process:
        assert _answer(process, 1)["serverInfo"]["title"] == "Freehold: shop"


def test_its_questions_count_as_an_agents_of_whoever_started_it(root: Path) -> None:
    """They are evidence of use when it has ended, and can be explained by their id."""
    _, number = asked_here(root, ("query_metric", QUESTION))
    with ledger_around(str(root)) as ledger, ledger.evidence() as evidence:
        rows = [tuple(r) for r in evidence.query("SELECT channel, consumer_type FROM usage_query", ())]
    explained = freehold(root, "explain", told(number)["provenance"]["query_id"], "--json")

    assert ("mcp", "agent") in rows
    assert json.loads(explained.stdout)["metric"] == "shop.revenue"


def test_it_answers_beside_a_server(root: Path) -> None:
    """Which has the estate, and goes on."""
    with served(root) as server:
        _, number = asked_here(root, ("query_metric", QUESTION))
        assert server.client.get("/api/v1/jobs").status_code == 200

    assert told(number)["provenance"]["certified"] is True


def test_an_estate_in_error_is_told_in_the_tools(tmp_path: Path) -> None:
    """Where nothing was ever applied: the agent gets a result that names each place, and not a broken stream."""
    root = tmp_path / "shop"
    assert freehold(tmp_path, "init", str(root)).returncode == 0
    (root / "teams.yaml").unlink()
    _, health = asked_here(root, ("get_health", {}))

    assert health.is_error
    assert "shop/orders/product.odps.yaml" in json.dumps(told(health)["errors"])


def test_no_estate_is_said_before_the_protocol_begins(tmp_path: Path) -> None:
    """On standard error, with an exit code; standard output is the protocol's."""
    ended = freehold(tmp_path, "mcp", stdin=subprocess.DEVNULL)

    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith("FH-")


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_when_it_is_told_to(root: Path, how: signal.Signals) -> None:
    """Though nobody closes its input; and the ledger is whole."""
    with _started([str(FREEHOLD), "-C", str(root), "mcp"], _HELLO) as process:
        assert _answer(process, 1)["serverInfo"]["name"] == "freehold"
        process.send_signal(how)
        assert process.wait(60) == 128 + how

    assert freehold(root, "audit", "verify").returncode == 0


def test_lines_that_are_no_questions_end_nothing(root: Path) -> None:
    """Not JSON, not of the protocol, in between: the next question is answered, and only answers are on the stream."""
    lines = [
        "hello",
        "[]",
        '{"jsonrpc": "2.0"}',
        _HELLO,
        json.dumps({"jsonrpc": "2.0", "method": "notifications/initialized"}),
        json.dumps({"jsonrpc": "2.0", "id": 2, "method": "tools/list"}),
    ]
    with _started([str(FREEHOLD), "-C", str(root), "mcp"], *lines) as process:
        assert len(_answer(process, 2)["tools"]) == 6
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(60) == 0
