"""What somebody may not see is nowhere: on no page, in no answer, under no name, and by no difference."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import guarded_estate
from freehold.access import accounts_of, visible_products
from freehold.estate.model import Estate
from freehold.foundation import Caller
from freehold.insight import builtin_kpis
from freehold.ledger import Event
from freehold.server.identity import Who
from freehold.server.snapshots import Snapshot, Snapshots
from guarded_estate import GROUPS, PRODUCTS, seeing, word_of
from live_agent import asked as agent_asked
from live_agent import told
from live_process import until
from live_server import PAGE, Running, known_as, read_at, token_of

_ENDLESS = ("/sign-in", "/sign-out", "/-/static", "/settings/tokens/", "/settings/sessions/")
_ASKED = {
    "/search": [f"q={word}" for word in ("out", "amount", "board", "more", "lab")],
    "/lineage": [f"of={p}.{word_of(p)}_out&way={way}&depth=9" for p in PRODUCTS for way in ("both", "drop")],
    "/deployments": ["kind=all"],
    "/explore": [f"metric=m{word}.{word}_total&by=day" for word in map(word_of, PRODUCTS)],
    "/explain": [f"metric=m{word}.{word}_total&by=day" for word in map(word_of, PRODUCTS)],
}


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The estate with all of it published; never served itself."""
    return guarded_estate.made(tmp_path_factory.mktemp("guarded") / "guarded")


@pytest.fixture
def guarded(published: Path, tmp_path: Path, serving: Callable[..., Running]) -> Running:
    """A server of a copy of its own, whose files a test may change."""
    shutil.copytree(published, tmp_path / "guarded")
    return serving(tmp_path / "guarded", rates={"read": 100_000, "write": 100_000, "sign_in": 100_000})


@pytest.fixture(scope="module")
def shared(published: Path, tmp_path_factory: pytest.TempPathFactory, serving: Callable[..., Running]) -> Running:
    """A server of the estate whose files nobody changes."""
    shutil.copytree(published, root := tmp_path_factory.mktemp("shared") / "guarded")
    return serving(root, rates={"read": 1_000_000, "write": 100_000, "sign_in": 100_000})


def paths_of(running: Running, names: list[str]) -> Iterator[str]:
    """Yield every path that can be read, with each of some names where it takes one, and questions where it asks.

    What goes by numbers and ids of its own is asked for by all that there are, those of hidden products too.
    """
    own = _ids_of(running)
    for path in sorted(set(read_at(running.app.routes))):
        if path.startswith(_ENDLESS):
            continue
        wanted = next((ids for part, ids in own.items() if f"/{part}/" in path), names)
        yield from [re.sub(r"\{[^}]+\}", name, path) for name in wanted] if "{" in path else [path]
        for asked, questions in _ASKED.items():
            if path in (asked, f"{asked}.json", f"/api/v1{asked}"):
                yield from (f"{path}?{question}" for question in questions)


def _ids_of(running: Running) -> dict[str, list[str]]:
    """Return what the ledger has by a number or an id, by the word of the path that it goes by."""
    events = list(running.app.state.served.snapshots.ledger.read(limit=400))
    deployments = {str(e.data["deploy_id"]) for e in events if "deploy_id" in e.data}
    runs = {e.run_id for e in events if e.run_id}
    kpis = list(builtin_kpis())[:4]
    told = [str(e.seq) for e in events if e.type.startswith(("asset.", "deploy.", "run.", "check.", "estate."))]
    return {"events": told[:60:2], "deployments": sorted(deployments), "runs": sorted(runs), "kpis": kpis}


def _as_if(running: Running, said: dict[str, dict[str, list[str]]]) -> Estate:
    """Have the server go by other words of its products' files, without writing them: many are tried."""
    snapshots = running.app.state.served.snapshots
    real: Snapshot = Snapshots.now(snapshots)
    products = {id_: replace(one, custom={"freehold:access": said[id_]}) for id_, one in real.estate.products.items()}
    other = replace(real, estate=replace(real.estate, products=products), _details={})
    snapshots.now = lambda: other
    return other.estate


def _seen_by(*words: str) -> dict[str, dict[str, list[str]]]:
    return {product: {"see": list(words)} for product in PRODUCTS}


@settings(max_examples=5, deadline=None, derandomize=True, phases=[Phase.generate])
@given(seeing, st.lists(st.sampled_from(GROUPS), max_size=2, unique=True))
def test_no_route_tells_anything_of_what_may_not_be_seen(
    shared: Running, said: dict[str, list[str]], groups: list[str]
) -> None:
    """Every page, its JSON and every part of the API, for random products and groups: no id, no name, no column."""
    estate = _as_if(shared, {product: {"see": words} for product, words in said.items()})
    seen = visible_products(estate, Caller("user:idp/x", tuple(groups), assurance="oidc"))
    hidden = [word_of(product) for product in PRODUCTS if product not in seen]
    words = [word_of(product) for product in seen]
    names = [*seen, *(f"m{word}.{word}_total" for word in words), *(f"{p}.{word_of(p)}_out" for p in seen)]
    with known_as(shared, "user:idp/x", *groups) as client:
        for path in paths_of(shared, names or ["x"]):
            if any(word in path for word in hidden):
                continue  # whoever names it is answered in the next test
            answer = client.get(path, headers=PAGE)
            told = [word for word in hidden if word in answer.text.lower()]
            assert (told, answer.status_code < 500) == ([], True), f"{path}: {told} {answer.status_code}"


def _same(answer: httpx2.Response, name: str) -> tuple[int, str, str]:
    """Return an answer without the name that it was asked for, or what changes from one request to the next."""
    text = re.sub(r"urn:freehold:request:[0-9a-f]+|request [0-9a-f]{16}|>[0-9a-f]{16}<", "", answer.text)
    return answer.status_code, answer.headers.get("content-type", ""), text.replace(name, "NAME")


@pytest.mark.parametrize("accept", ["text/html", "*/*"])
def test_what_may_not_be_seen_answers_as_what_is_not_there(shared: Running, accept: str) -> None:
    """Whatever is asked by name, hidden or invented, the answer is the same to the letter but for the name."""
    _as_if(shared, _seen_by())
    pairs = [
        ("lab.selenium", "zzz.qqqqqqqq"),
        ("lab.selenium.selenium_out", "zzz.qqqqqqqq.qqqqqqqq_xxx"),
        ("mselenium.selenium_total", "mqqqqqqqq.qqqqqqqq_zzzzz"),
    ]
    with known_as(shared, "user:idp/x", accept=accept) as client:
        for hidden, invented in pairs:
            for path in sorted(set(read_at(shared.app.routes))):
                if path.startswith(_ENDLESS) or ("{" not in path and not path.startswith(tuple(_ASKED))):
                    continue
                key = {"/search": "q", "/lineage": "of", "/deployments": "product", "/expl": "metric"}
                there, nowhere = (
                    client.get(re.sub(r"\{[^}]+\}", name, path) + _query(path, key, name))
                    for name in (hidden, invented)
                )
                assert _same(there, hidden) == _same(nowhere, invented), path


def _query(path: str, keys: dict[str, str], name: str) -> str:
    found = next((key for start, key in keys.items() if start in path), "")
    return f"?{found}={name}" if found else ""


def test_a_token_of_one_team_reads_nothing_of_another(shared: Running) -> None:
    """Not by listing, not by name; and its own, it does."""
    _as_if(shared, _seen_by("member"))
    bearer = {"authorization": f"Bearer {token_of(shared, 'user:idp/m', 'group:idp/metals')}"}
    with shared.client(**bearer) as program:
        listed = program.get("/api/v1/products").json()["items"]
        assert [one["id"] for one in listed] == ["works.bismuth", "works.wolfram"]
        metrics = program.get("/api/v1/metrics").json()["items"]
        assert {one["id"] for one in metrics} == {
            "mbismuth.bismuth_total", "mwolfram.wolfram_total", "mbismuth.bismuth_by_wolfram",
        }  # fmt: skip
        assert program.get("/api/v1/products/lab.thorium").status_code == 404
        assert program.get("/api/v1/metrics/mthorium.thorium_by_wolfram/values").status_code == 404
        assert program.get("/api/v1/metrics/mbismuth.bismuth_by_wolfram/values?by=day").json()["values"]
        assert {d["id"] for d in program.get("/api/v1/deployments?kind=all").json()["items"]}


def test_an_agent_is_told_nothing_that_its_owner_may_not_see(shared: Running) -> None:
    """By no tool, listed or named; what is hidden answers as what is not there."""
    _as_if(shared, _seen_by("member"))
    token = token_of(shared, "user:idp/m", "group:idp/metals")
    hidden, invented = (
        [
            ("describe", {"name": name}),
            ("describe", {"name": f"m{word}.{word}_total"}),
            ("query_metric", {"metrics": [f"m{word}.{word}_total"], "uncertified": True}),
            ("explain_number", {"metric": f"m{word}.{word}_total", "uncertified": True}),
            ("get_lineage", {"of": f"{name}.{word}_out"}),
            ("get_health", {"product": name}),
        ]
        for name, word in (("lab.thorium", "thorium"), ("lab.qqqqqqq", "qqqqqqq"))
    )
    _, health, found, *answers = agent_asked(
        shared, token, ("get_health", {}), ("search_products", {"query": "total", "limit": 50}), *hidden, *invented
    )
    pairs = zip(answers[: len(hidden)], answers[len(hidden) :], strict=True)

    assert {one["product"] for one in told(health)["products"]} == {"works.bismuth", "works.wolfram"}
    assert "thorium" not in json.dumps(told(found), default=str)
    for one, other in pairs:
        there, nowhere = told(one), told(other)
        assert one.is_error
        assert "thorium" not in there.pop("fix")  # a near name is one that may be seen
        nowhere.pop("fix")
        assert json.dumps(there).replace("thorium", "NAME") == json.dumps(nowhere).replace("qqqqqqq", "NAME")


def test_an_incident_above_is_told_without_what_is_hidden(guarded: Running) -> None:
    """That it is not safe to use is said; of what, by which item and of which product, is not."""
    now = datetime.now(UTC)
    for number, (product, asset) in enumerate((("lab.selenium", "lab.selenium.selenium_out"), ("lab.selenium", ""))):
        said = {"incident": f"i-{number}", "kind": "data", "sev": 1, "detected_at": now.isoformat()}
        said |= {"assets": [asset]} if asset else {}
        guarded.app.state.served.snapshots.ledger.append(
            Event("incident.opened", said, occurred_at=now, product=product)
        )
    guarded.app.state.served.snapshots.changed()
    _as_if(guarded, _seen_by("owner") | {"lab.thorium": {"see": ["group:idp/readers"]}})
    who = ("user:idp/r", "group:idp/readers")
    with known_as(guarded, *who, **PAGE) as reader:
        product = reader.get("/products/lab.thorium.json").json()["page"]
        told_there = [reader.get(path).text for path in ("/products/lab.thorium.json", "/homes/dataops.json")]
    _, health = agent_asked(guarded, token_of(guarded, *who), ("get_health", {}))

    assert product["safe"]["word"] == "not safe"
    assert [one["product"] for one in told(health)["products"]] == ["lab.thorium"]
    assert told(health)["incidents"] == []
    assert not any("selenium" in text for text in (*told_there, json.dumps(told(health), default=str)))


def test_whoever_may_see_and_not_ask_is_told_who_may(shared: Running) -> None:
    """The definition is shown, the number is not: 403, since they know that it is there."""
    _as_if(shared, {product: {"ask": ["owner", "group:idp/metals"]} for product in PRODUCTS})
    with known_as(shared, "user:idp/x", **PAGE) as client:
        refused = client.get("/api/v1/metrics/mwolfram.wolfram_total/values")
        page = client.get("/metrics/mwolfram.wolfram_total")
        explored = client.get("/explore?metric=mwolfram.wolfram_total")
        assert client.get("/").status_code == 200

    assert (refused.status_code, refused.json()["code"]) == (403, "FH-A113")
    assert "`owner` or `group:idp/metals`" in refused.json()["fix"]
    assert (page.status_code, "FH-A113" in page.text) == (200, True)
    assert (explored.status_code, "FH-A113" in explored.text) == (200, True)


def test_a_definition_has_one_hash_whoever_looks(shared: Running) -> None:
    """What one reader is shown of a model is less than another, and the definition is the same."""
    hashes = []
    for word in ("everyone", "member"):
        _as_if(shared, _seen_by(word))
        with known_as(shared, "user:idp/m", "group:idp/metals") as client:
            hashes.append(client.get("/api/v1/metrics/mbismuth.bismuth_by_wolfram/values").json()["definition"])

    assert hashes[0] == hashes[1]


def _until(client: httpx2.Client, path: str, status: int) -> None:
    """Wait for a snapshot in which a path answers so: files are looked at twice a second."""
    until(lambda: client.get(path).status_code == status, f"{path} answered {status}")


def test_a_change_of_a_file_holds_with_the_next_snapshot(guarded: Running) -> None:
    """Nobody signs in anew: what a product's file says of its readers, and whom teams name, holds at once."""
    product = guarded.root / "lab/selenium/product.odps.yaml"
    with known_as(guarded, "user:idp/x", "group:idp/readers") as client:
        assert client.get("/api/v1/products/lab.selenium").status_code == 200
        product.write_text(guarded_estate.product_file("lab.selenium", "{see: [member]}"))
        _until(client, "/api/v1/products/lab.selenium", 404)
        teams = guarded.root / "teams.yaml"
        teams.write_text(teams.read_text().replace('"group:idp/rare"', '"group:idp/rare", "group:idp/readers"'))
        _until(client, "/api/v1/products/lab.selenium", 200)


def test_a_service_account_ends_with_its_file(guarded: Running) -> None:
    """Its token is known while a file declares it, and by its own name; then nobody is signed in."""
    served = guarded.app.state.served
    account = accounts_of(served.snapshots.now().estate)["service:nightly"]
    me = Who("user:local/me", "me", (), "local", "session", "")
    text, kept = served.mint.make(me, "nightly", ("catalog:read",), timedelta(days=1), account)
    with guarded.client(authorization=f"Bearer {text}") as program:
        me_there = program.get("/api/v1/me").json()
        assert (me_there["principal"], kept.kind) == ("service:nightly", "service")
        assert "lab.selenium" in program.get("/api/v1/products").text
        teams = guarded.root / "teams.yaml"
        before, _, _ = teams.read_text().rpartition("---")
        teams.write_text(before.replace(', "service:nightly"', ""))
        _until(program, "/api/v1/products", 401)
