"""What a policy masks is nowhere: on no page, in no answer or file, in no error, by no name that asks for it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

import masked_estate
from changing_estates import freehold
from freehold.insight import builtin_kpis
from freehold.ledger import Ledger
from live_agent import asked as agent_asked
from live_process import until
from live_server import PAGE, Running, known_as, read_at, token_of
from masked_estate import TILL, WORDS, words_in

READER = ("user:idp/x", TILL)
_METRICS = ("shop.revenue", "shop.orders", "shop.average_order", "shop.cancelled_share")
_QUESTIONS = [
    "metric=shop.orders&by=orders.customer",
    "metric=shop.orders&by=orders.customer&by=day",
    "metric=shop.orders&by=orders.amount",
    "metric=shop.orders&by=day&order=-orders",
    "metric=shop.orders&where=amount+%3E+70000",
    "metric=shop.revenue&by=day",
    "metric=shop.revenue&by=orders.customer",
    "metric=shop.average_order&by=orders.state",
    "metric=shop.orders&where=CAST(customer+AS+INTEGER)+%3E+0",
    "metric=shop.orders&where=CAST(customer+AS+DATE)+IS+NULL&by=orders.customer",
]
_ASKED = {
    "/explore": _QUESTIONS,
    "/explain": [*_QUESTIONS, *(f"metric={name}" for name in _METRICS)],
    "/search": ["q=orders", "q=customer", "q=zirko"],
    "/palette": ["q=zirko"],
    "/lineage": [f"of=asset:shop.orders.orders{column}&columns=1" for column in ("", ".customer", ".amount")],
    "/deployments": ["kind=all"],
    "/events": ["limit=500"],
    "/runs": ["outcome=quarantined"],
}
_RANDOM = (b"x-request-id", b"etag")
_SKIPPED = ("/sign-in", "/-/static", "/settings")


@pytest.fixture(scope="module", params=["both assets", "the last alone"])
def masked(
    request: pytest.FixtureRequest, made_masked: Path, tmp_path_factory: pytest.TempPathFactory, serving: Any
) -> Running:
    """A server of the estate whose policy is of what comes in and of what is built, or only of that."""
    root = Path(shutil.copytree(made_masked, tmp_path_factory.mktemp("served") / "shop"))
    if request.param == "the last alone":
        masked_estate.policed(root, "shop.orders.orders")
    running: Running = serving(root, rates={"read": 1_000_000, "write": 100_000, "sign_in": 100_000})
    return running


@pytest.fixture(scope="module")
def made_masked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The estate, with what was published and what was kept back; never served itself."""
    folder = tmp_path_factory.mktemp("masked")
    assert freehold(folder, "init", str(folder / "init")).returncode == 0
    return masked_estate.made(folder / "init", folder / "shop")


@pytest.fixture(scope="module")
def worked(masked: Running) -> dict[str, list[str]]:
    """What somebody to whom nothing is masked did there, by the word of the path under which it is found."""
    with masked.signed_in() as boss:
        jobs = [_ended(boss, kind) for kind in ("run", "check")]
        question = {"metrics": ["shop.orders"], "by": ["orders.customer"]}
        answer = boss.post("/api/v1/query", json=question)
        assert WORDS[0] in answer.text
        deployments = boss.get("/api/v1/deployments?kind=all").json()["items"]
        runs = boss.get("/api/v1/runs").json()["items"]
    ledger = masked.app.state.served.snapshots.ledger
    return {
        "answers": [answer.json()["query_id"]],
        "jobs": jobs,
        "deployments": [one["id"] for one in deployments],
        "runs": [one["id"] for one in runs],
        "events": [str(seq) for seqs in _by_type(ledger).values() for seq in seqs[:2]],
        "kpis": list(builtin_kpis())[:4],
        "metrics": list(_METRICS),
        "products": ["shop.orders"],
    }


def _by_type(ledger: Ledger) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for event in ledger.read():
        found.setdefault(event.type, []).append(event.seq)
    return found


def _ended(client: httpx2.Client, kind: str) -> str:
    arguments = {"everything": True} if kind == "check" else {}
    id_ = str(client.post("/api/v1/jobs", json={"kind": kind, "arguments": arguments}).json()["id"])
    until(lambda: client.get(f"/api/v1/jobs/{id_}").json()["state"] in ("done", "failed"), f"the end of {kind}")
    return id_


def paths(running: Running, known: dict[str, list[str]]) -> Iterator[str]:
    """Yield every path that can be read: with each name there is where it takes one, each question where it asks."""
    for path in sorted(set(read_at(running.app.routes))):
        if path.startswith(_SKIPPED):
            continue
        names = next((ids for word, ids in known.items() if f"/{word}/" in path), ["shop.orders.orders"])
        yield from [re.sub(r"\{[^}]+\}", name, path) for name in names] if "{" in path else [path]
        plain = re.sub(r"^/api/v1|\.(json|csv|parquet)$", "", path)
        yield from (f"{path}?{question}" for question in _ASKED.get(plain, ()))
        if plain == "/explain":
            yield from (f"{path}?answer={id_}" for id_ in known["answers"])


def told(answer: httpx2.Response) -> list[str]:
    """Return the words that an answer tells in its body or its headers, but those made of random digits."""
    headers = [(name, value) for name, value in answer.headers.raw if name.lower() not in _RANDOM]
    return words_in(answer.content.decode("utf-8", "replace") + repr(headers))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Zirkon0042", ["zirkon"]),
        ("£77,117.00", ["77117"]),
        ('{"amount":77117}', ["77117"]),
        ("[3,77117,5]", ["77117"]),
        ("amount > 70000 is -77117.0", ["77117"]),
        ("1a77117c", []),
        ("05:45:10.77117", []),
        ("177117", []),
    ],
)
def test_what_counts_as_told(text: str, found: list[str]) -> None:
    """A value, however it is written; not the digits of something else that happen to be the same."""
    assert words_in(text) == found


def test_no_route_tells_a_masked_value(masked: Running, worked: dict[str, list[str]]) -> None:
    """Every page, its JSON, its files, every part of the API: found, refused or broken, no value and no part of one."""
    with known_as(masked, *READER) as client:
        leaks, many = [], 0
        for path in paths(masked, worked):
            answer = client.get(path, headers=PAGE)
            many += 1
            asked = [word for word in WORDS if word in path]  # an answer may repeat what was asked
            if found := [word for word in told(answer) if word not in asked]:
                leaks.append((path, answer.status_code, found))

    assert leaks == []
    assert many > 150


def test_whoever_sees_all_is_told(masked: Running, worked: dict[str, list[str]]) -> None:
    """The same walk finds the values for somebody to whom nothing is masked: it looks where they are."""
    with known_as(masked, "user:idp/y") as client:
        shown = {path.partition("?")[0] for path in paths(masked, worked) if told(client.get(path, headers=PAGE))}

    assert {"/explore", "/explore.csv", "/explore.json", "/explain"} <= shown
    assert any(path.startswith("/runs/") for path in shown)


def test_no_tool_tells_an_agent_a_masked_value(masked: Running) -> None:
    """Whatever it asks of numbers, health, lineage and words."""
    token = token_of(masked, *READER)
    questions: list[tuple[str, dict[str, Any]]] = [
        *(("query_metric", {"metrics": ["shop.orders"], "by": [key], "uncertified": True}) for key in _KEYS),
        *(("query_metric", {"metrics": [name], "uncertified": True}) for name in _METRICS),
        *(("explain_number", {"metric": name, "uncertified": True}) for name in _METRICS),
        ("query_metric", {"metrics": ["shop.orders"], "where": "CAST(customer AS INTEGER) > 0", "uncertified": True}),
        ("search_products", {"query": "customer", "limit": 50}),
        ("describe", {"name": "shop.orders"}),
        *(("describe", {"name": name}) for name in _METRICS),
        ("get_lineage", {"of": "shop.orders.orders"}),
        ("get_health", {"product": "shop.orders"}),
        ("get_health", {}),
    ]
    _, *answers = agent_asked(masked, token, *questions)
    leaks = [
        (question, found)
        for question, answer in zip(questions, answers, strict=True)
        if (found := words_in(answer.model_dump_json()))
    ]

    assert leaks == []


_KEYS = ("orders.customer", "orders.amount", "day", "orders.state")


@pytest.mark.parametrize(
    "body",
    [
        {"metrics": ["shop.orders"], "by": ["orders.customer"]},
        {"metrics": ["shop.orders"], "where": "CAST(customer AS INTEGER) > 0"},
        {"metrics": ["shop.orders"], "where": "amount > 70000", "by": ["orders.amount"]},
        {"metrics": ["shop.revenue"], "by": ["orders.customer"]},
    ],
    ids=["by the column", "an error over it", "a condition over it", "a metric of it"],
)
def test_no_question_sent_is_answered_with_a_masked_value(masked: Running, body: dict[str, Any]) -> None:
    """By the API, as a program asks."""
    with known_as(masked, *READER) as client:
        assert told(client.post("/api/v1/query", json=body)) == []
