"""What people do on pages, and what nobody may: approvals, rollbacks, runs, by the rules that hold for commands."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from changing_estates import OWNER, STEWARD, change_metric, proposed_estate
from freehold import opening
from live_provider import CLIENT, SECRET, Provider, provided
from live_server import PAGE, Running

JSON = {"accept": "application/json"}
RATES = {"read": 100_000, "write": 100_000, "sign_in": 100_000}
STRANGER = "carl"  # signed in, and of no team


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    """An identity provider of this module."""
    started, server = provided()
    yield started
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def proposed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A protected estate in whose files the certified metric is defined otherwise."""
    return proposed_estate(tmp_path_factory.mktemp("proposed") / "shop")


@pytest.fixture(scope="module")
def team_server(proposed: Path, serving: Callable[..., Running], provider: Provider) -> Iterator[Running]:
    """A server over it, whose people sign in at the provider."""
    patch = pytest.MonkeyPatch()
    patch.setenv("OIDC_SECRET", SECRET)
    said = {"issuer": provider.issuer, "client_id": CLIENT, "client_secret": "env:OIDC_SECRET", "label": "Accounts"}
    yield serving(proposed, sign_in=said, rates=RATES)
    patch.undo()


@pytest.fixture
def person(team_server: Running, provider: Provider) -> Callable[[str], Any]:
    """Let somebody sign in, by the name the provider knows them by."""

    @contextmanager
    def sign_in(name: str) -> Iterator[httpx2.Client]:
        provider.person = {"sub": name, "name": name}
        with team_server.client(**PAGE) as client:
            sent = client.get("/sign-in/oidc", params={"next": "/plan"})
            client.get(httpx2.get(sent.headers["location"]).headers["location"])
            yield client

    return sign_in


def plan_of(client: httpx2.Client) -> dict[str, Any]:
    """Return the plan as its page shows it."""
    told: dict[str, Any] = client.get("/plan.json", headers=JSON).json()["page"]
    return told


def words(root: Path) -> list[tuple[str, str]]:
    """Return what was said of changes, and by whom."""
    with opening.ledger_around(str(root)) as ledger:
        told = ledger.read(types=("change.approved", "decision.recorded", "change.proposed", "estate.applied"))
        return [(event.type, event.actor) for event in told]


def ended(client: httpx2.Client, answer: httpx2.Response) -> dict[str, Any]:
    """Wait until the job that an action began is over, and return it."""
    assert answer.status_code == 303, answer.text
    for _ in range(600):
        job: dict[str, Any] = client.get(f"{answer.headers['location']}.json", headers=JSON).json()["page"]
        if job["is_over"]:
            return job
        time.sleep(0.1)
    raise AssertionError("the job did not end")


ACTIONS = ("/approvals/{plan}", "/plan/ask", "/plan/apply", "/deployments/{deployment}/rollback", "/runs",
           "/products/shop.orders/unpin")  # fmt: skip


@pytest.mark.parametrize("path", ACTIONS)
@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        pytest.param({"sec-fetch-site": "cross-site"}, 403, "FH-A104", id="another site's page"),
        pytest.param({"sec-fetch-site": "same-site"}, 403, "FH-A104", id="a page of a sibling domain"),
        pytest.param({"origin": "https://evil.example"}, 403, "FH-A104", id="an old browser on another site"),
    ],
)
def test_another_sites_page_does_nothing(
    person: Any, proposed: Path, path: str, headers: dict[str, str], status: int, code: str
) -> None:
    """Every action is refused that a browser says another site sent; nothing is recorded."""
    before = words(proposed)
    with person(OWNER) as client:
        path = path.format(plan=plan_of(client)["id"], deployment="x" * 12)
        got = client.post(path, data={"verdict": "approve", "confirm": "yes", "why": "x"}, headers=headers | JSON)

    assert (got.status_code, got.json()["code"]) == (status, code)
    assert words(proposed) == before


@pytest.mark.parametrize("path", ACTIONS)
def test_nobody_and_no_token_acts(team_server: Running, person: Any, proposed: Path, path: str) -> None:
    """Who is not signed in does nothing, and a token only reads."""
    with person(OWNER) as client:
        plan = plan_of(client)["id"]
        made = client.post("/settings/tokens", data={"name": "t", "days": "7", "scopes": ["catalog:read"]})
        token = made.text.partition("fh_user_")[2].partition("<")[0]
    before, path = words(proposed), path.format(plan=plan, deployment="x" * 12)
    with team_server.client(**JSON) as stranger:
        nobody = stranger.post(path, data={"verdict": "approve"})
        program = stranger.post(path, data={"verdict": "approve"}, headers={"authorization": f"Bearer fh_user_{token}"})

    assert (nobody.status_code, nobody.json()["code"]) == (401, "FH-A101")
    assert (program.status_code, program.json()["code"]) == (403, "FH-A102")
    assert words(proposed) == before


@pytest.mark.parametrize(
    ("who", "item", "said", "status", "code"),
    [
        pytest.param(STRANGER, "", {"verdict": "approve"}, 403, "FH-A113", id="who has no say approves"),
        pytest.param(STRANGER, "", {"verdict": "reject", "note": "no"}, 403, "FH-A113", id="who has no say rejects"),
        pytest.param(OWNER, "0123456789ab", {"verdict": "approve"}, 409, "FH-C009", id="a plan that is not this one"),
        pytest.param(OWNER, "", {"verdict": "maybe"}, 400, "FH-A112", id="no verdict"),
        pytest.param(OWNER, "", {}, 400, "FH-A112", id="nothing said"),
        pytest.param(OWNER, "", {"verdict": "reject", "note": "  "}, 400, "FH-C013", id="a rejection without a reason"),
        pytest.param(OWNER, "", {"verdict": "approve", "note": "x" * 2001}, 400, "FH-A112", id="a note without end"),
        pytest.param(STEWARD, "", {"verdict": "approve"}, 403, "FH-G006", id="another role than the tier asks for"),
    ],
)
def test_what_cannot_count_is_refused(
    person: Any, proposed: Path, who: str, item: str, said: dict[str, str], status: int, code: str
) -> None:
    """By its code, before anything is recorded."""
    before = words(proposed)
    with person(who) as client:
        got = client.post(f"/approvals/{item or plan_of(client)['id']}", data=said, headers=JSON)

    assert (got.status_code, got.json()["code"]) == (status, code), got.text
    assert words(proposed) == before


@pytest.mark.parametrize(
    ("who", "path", "said", "status", "code"),
    [
        pytest.param(STRANGER, "/plan/apply", {}, 403, "FH-A113", id="who may not apply"),
        pytest.param(OWNER, "/plan/apply", {}, 403, "FH-G002", id="before anybody approved"),
        pytest.param(OWNER, "/plan/apply", {"plan": "0123456789ab"}, 409, "FH-C009", id="another plan than was shown"),
        pytest.param(STRANGER, "/runs", {}, 403, "FH-A113", id="who may not run"),
        pytest.param(OWNER, "/runs", {"select": "nothing.like.it"}, 400, "FH-D002", id="a run of nothing there is"),
        pytest.param(STRANGER, "/deployments/{id}/rollback", {"why": "x", "confirm": "yes"}, 403, "FH-A113",
                     id="who may not roll back"),
        pytest.param(OWNER, "/deployments/{id}/rollback", {"why": "", "confirm": "yes"}, 400, "FH-A112",
                     id="a rollback without a reason"),
        pytest.param(OWNER, "/deployments/{id}/rollback", {"why": "x"}, 400, "FH-A112", id="one that is not confirmed"),
        pytest.param(OWNER, "/deployments/{id}/rollback", {"why": "x", "confirm": "yes"}, 409, "FH-D215",
                     id="a rollback of the first there is"),
        pytest.param(STRANGER, "/products/shop.orders/unpin", {}, 403, "FH-A113", id="who may not unpin"),
        pytest.param(OWNER, "/products/shop.nothing/unpin", {}, 404, "FH-D201", id="a product that is not there"),
    ],
)  # fmt: skip
def test_what_may_not_be_begun_is_refused(
    person: Any, proposed: Path, who: str, path: str, said: dict[str, str], status: int, code: str
) -> None:
    """By its code, and no job is begun."""
    with person(who) as client:
        jobs = client.get("/api/v1/jobs", headers=JSON).json()["items"] if who == OWNER else None
        id_ = client.get("/api/v1/deployments?kind=all", headers=JSON).json()["items"][0]["id"]
        got = client.post(path.format(id=id_), data={"plan": plan_of(client)["id"]} | said, headers=JSON)

        assert (got.status_code, got.json()["code"]) == (status, code), got.text
        if jobs is not None:
            assert client.get("/api/v1/jobs", headers=JSON).json()["items"] == jobs


def test_a_change_is_asked_for_approved_and_applied_by_three(person: Any, proposed: Path) -> None:
    """Whoever asked may not approve, whoever approved may not apply; said twice, nothing new is recorded."""
    with person(STEWARD) as asking, person(OWNER) as owner:
        change_metric(proposed, "orders.amount > 1")
        plan = plan_of(owner)["id"]
        assert asking.post("/plan/ask", data={"plan": plan}).headers["location"] == "/plan?said=asked"
        own = asking.post(f"/approvals/{plan}", data={"verdict": "approve"}, headers=JSON)
        assert (own.status_code, own.json()["code"]) == (403, "FH-G003")
        first = owner.post(f"/approvals/{plan}", data={"verdict": "approve", "next": "/plan"})
        again = owner.post(f"/approvals/{plan}", data={"verdict": "approve"}, headers=JSON)

        assert first.headers["location"] == "/plan?said=approved"
        assert again.json()["new"] is False
        assert words(proposed).count(("change.approved", f"user:idp/{OWNER}")) == 1
        own = owner.post("/plan/apply", data={"plan": plan}, headers=JSON)
        assert (own.status_code, own.json()["code"]) == (403, "FH-G002")
        assert "You approved it" in owner.get("/plan").text

        job = ended(asking, asking.post("/plan/apply", data={"plan": plan}))
        assert job["state"] == "done", job
        assert words(proposed)[-1] == ("estate.applied", f"user:idp/{STEWARD}")
        twice = asking.post("/plan/apply", data={"plan": plan}, headers=JSON)
        assert (twice.status_code, twice.json()["code"]) in ((409, "FH-C009"), (409, "FH-G011"))
        assert plan_of(asking)["is_empty"] is True


@pytest.mark.parametrize("wanted", ["https://evil.example/", "//evil.example", "/\\evil.example", "/sign-in/oidc"])
def test_the_way_back_leads_nowhere_else(person: Any, proposed: Path, wanted: str) -> None:
    """Whatever the form says, after a decision a browser stays on this server."""
    change_metric(proposed, f"orders.amount > {len(wanted)}")
    with person(OWNER) as client:
        said = {"verdict": "reject", "note": "not now", "next": wanted}
        got = client.post(f"/approvals/{plan_of(client)['id']}", data=said)

    assert got.headers["location"].partition("?")[0] == "/"


def test_a_shell_is_not_enough_where_it_is_protected(proposed: Path, serving: Callable[..., Running]) -> None:
    """Who came in by the link of the terminal is told so on the page, and refused by the rule."""
    server = serving(proposed, rates=RATES)
    change_metric(proposed, "orders.amount > 2")
    with server.signed_in(**PAGE) as client:
        plan = plan_of(client)
        got = client.post(f"/approvals/{plan['id']}", data={"verdict": "approve"}, headers=JSON)

        assert (got.status_code, got.json()["code"]) == (403, "FH-G004")
        assert "known by a shell alone" in plan["decision"]["why_not"]
        assert "not-approved-from-a-shell" in client.get("/plan").text
