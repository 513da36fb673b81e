"""Alerts at a server: seen by who may see the product, closed and silenced by who may run it, in their name."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import guarded_estate
from freehold.ledger import Event, Ledger
from freehold.reliability.alerts import close
from freehold.server import Settings
from freehold.server.briefs import brief_for
from freehold.server.identity import Who
from live_process import until
from live_server import PAGE, Running, free_port, known_as, started, token_of

ASSET = "works.wolfram.wolfram_out"
MONA = ("user:idp/mona", "group:idp/metals")  # of the team of wolfram
RARE = ("user:idp/ruth", "group:idp/rare")
READER = ("user:idp/rex", "group:idp/readers")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A published estate, copied by nobody: each test has alerts of its own."""
    return guarded_estate.made(tmp_path_factory.mktemp("alerts") / "estate")


@pytest.fixture(scope="module")
def running(made: Path) -> Iterator[Running]:
    """A server of it."""
    run, stop = started(made, Settings(port=free_port(), url="", rates={"read": 100_000, "write": 100_000}))
    yield run
    stop()


def failing(running: Running, name: str, asset: str = ASSET) -> str:
    """Record that a check of all that is live fails; return the id of the alert that the server's round raises."""
    ledger: Ledger = running.app.state.served.snapshots.ledger
    said = {
        "check_id": f"{asset}:{name}", "asset": asset, "status": "fail", "blocking": True, "target": "live",
        "value": 4711, "threshold": 5_000, "operator": "mustBeGreaterThan", "severity": "error",
    }  # fmt: skip
    product = asset.rpartition(".")[0]
    ledger.append(
        Event("check.completed", said, occurred_at=datetime.now(UTC), env="prod", subject=asset, product=product)
    )

    def raised() -> str | None:
        told = ledger.read(types=("alert.raised",), subject=asset)
        return next((str(one.data["alert_id"]) for one in told if one.data["rule"] == name), None)

    return str(until(raised, f"the round raised an alert of {name}"))


def problem(answer: Any) -> tuple[int, str]:
    """Return the status and the code of an answer that refuses."""
    return answer.status_code, answer.json()["code"]


def test_a_round_of_the_server_raises_alerts(running: Running) -> None:
    """Whoever may see the product sees the alert, with who is called and why; on the home of who runs data, too."""
    id_ = failing(running, "seen")
    with known_as(running, *READER) as reader:
        item = reader.get(f"/api/v1/alerts/{id_}").json()
        page = reader.get("/alerts.json").json()["page"]
        home = reader.get("/homes/dataops.json").json()["page"]

    assert (item["state"], item["page"], item["severity"]) == ("firing", True, "critical")
    assert (item["responder"], item["owner"]) == ("user:idp/mona", "team:metals")
    assert item["reason"] == "`seen` is 4,711, and must be more than 5,000"
    row = next(one for one in page["alerts"] if one["id"] == id_)
    assert (row["may_close"], row["why"]) == (False, "The contract is broken in what consumers read.")
    assert f"/alerts#{id_}" in [one["href"] for one in home["burning"]]


def test_who_runs_the_product_says_what_it_was(running: Running) -> None:
    """In their own name, once; who may only see it is refused."""
    id_ = failing(running, "closed")
    with known_as(running, *READER) as reader:
        assert problem(reader.post(f"/api/v1/alerts/{id_}/close", json={"verdict": "false"})) == (403, "FH-A113")
    with known_as(running, *MONA) as mona:
        assert mona.post(f"/api/v1/alerts/{id_}/close", json={"verdict": "false"}).json()["verdict"] == "false"
        assert problem(mona.post(f"/api/v1/alerts/{id_}/close", json={"verdict": "fixed"})) == (409, "FH-E333")
        assert problem(mona.post("/api/v1/alerts/none/close", json={"verdict": "fixed"})) == (404, "FH-E332")
        assert id_ not in [one["alert"] for one in mona.get("/api/v1/alerts").json()["items"]]
        assert id_ in [one["alert"] for one in mona.get("/api/v1/alerts?closed=true").json()["items"]]
    (closing,) = (e for e in running.app.state.served.snapshots.ledger.read(types=("alert.closed",))
                  if e.data["alert_id"] == id_)  # fmt: skip
    assert closing.actor == "user:idp/mona"


def test_the_page_closes_and_silences(running: Running) -> None:
    """Each button is a form of its own; afterwards the alert is among those that are closed."""
    id_ = failing(running, "on_the_page")
    with known_as(running, *MONA, **PAGE) as mona:
        assert f'action="/alerts/{id_}"' in mona.get("/alerts").text
        assert mona.post(f"/alerts/{id_}", data={"silence": "2h", "comment": "we know"}).status_code == 303
        (silence,) = mona.get("/alerts.json").json()["page"]["silences"]
        assert (silence["by"], silence["comment"]) == ("mona", "we know")
        row = next(one for one in mona.get("/alerts.json").json()["page"]["alerts"] if one["id"] == id_)
        assert [one["id"] for one in row["silences"]] == [silence["id"]]
        assert f'href="#silence-{silence["id"]}"' in mona.get("/alerts").text
        assert mona.get(f"/api/v1/alerts/{id_}").json()["silenced_by"] == [silence["id"]]
        assert mona.post(f"/silences/{silence['id']}/end").status_code == 303
        assert mona.get("/alerts.json").json()["page"]["silences"] == []
        assert mona.get(f"/api/v1/alerts/{id_}").json()["silenced_by"] == []
        assert mona.post(f"/alerts/{id_}", data={"verdict": "expected"}).status_code == 303
        closed = mona.get("/alerts.json?view=closed").json()["page"]["alerts"]
        assert [one["state"]["word"] for one in closed if one["id"] == id_] == ["expected"]
        monitors = mona.get("/alerts.json?view=monitors").json()["page"]["monitors"]
        assert [one["precision"] for one in monitors if one["name"] == "check on_the_page"] == ["100 % of 1"]
        for view in ("digest", "closed", "monitors"):
            assert mona.get(f"/alerts?view={view}").status_code == 200
        assert mona.post(f"/alerts/{id_}", data={}).status_code == 400


def test_the_page_tells_until_when_what_is_silent_and_who_may_end_that(running: Running) -> None:
    """By the clock, and from when where it has not begun; who may not end it is offered no button."""
    id_, now = failing(running, "silent"), datetime.now(UTC)
    later = [(now + timedelta(days=days)).isoformat() for days in (1, 2)]
    coming = {"matchers": ["product=works.wolfram"], "starts_at": later[0], "ends_at": later[1]}
    with known_as(running, *MONA, **PAGE) as mona, known_as(running, *READER, **PAGE) as reader:
        before = mona.get("/alerts").text
        assert "silenced or muted" not in before
        label = 'aria-label="Silence 2 h: '
        assert label in before, "what is heard of a button begins with what is seen of it"
        mona.post(f"/alerts/{id_}", data={"silence": "2h"})
        mona.post("/api/v1/silences", json=coming)
        holding, waiting = mona.get("/alerts.json").json()["page"]["silences"]
        shown, seen = mona.get("/alerts").text, reader.get("/alerts").text
        for silence in (holding, waiting):
            mona.post(f"/silences/{silence['id']}/end")

    def told(at: str) -> str:
        return f">{datetime.fromisoformat(at):%d %b %Y, %H:%M} UTC</time>"

    assert (holding["since"], waiting["since"] is None) == (None, False)
    assert "paging somebody (1 silenced or muted)" in shown
    assert shown.count(told(holding["until"])) == 2, "beside the silence and the alert"
    assert "To be silenced from <time" in shown
    assert told(waiting["since"]) in shown
    assert (shown.count(">End it<"), seen.count(">End it<")) == (2, 0)
    assert seen.count(told(holding["until"])) == 2
    assert before.count(label) - shown.count(label) == 1, "it is silent already"


def test_the_home_and_the_brief_tell_what_paged_nobody_and_who_was_worth_it(running: Running) -> None:
    """Of seven days: alerts of a product, how often a monitor was right, and what was demoted."""
    ledger: Ledger = running.app.state.served.snapshots.ledger
    now = datetime.now(UTC)

    def raised(id_: str, at: datetime, monitor: str = "loud") -> None:
        said = {
            "alert_id": id_, "rule": monitor, "asset": ASSET, "severity": "warning", "page": False, "kind": "anomaly",
            "why": "It reaches nobody.", "reason": "it is odd", "began_at": at.isoformat(),
        }  # fmt: skip
        ledger.append(Event("alert.raised", said, occurred_at=at, env="prod", subject=ASSET, product="works.wolfram"))

    for number in range(10):
        raised(f"loud-{number}", now - timedelta(days=2))
        close(ledger, "prod", f"loud-{number}", "fixed" if number < 2 else "false")
    raised("quiet", now - timedelta(days=1), "quiet")
    raised("old", now - timedelta(days=30), "old")

    with known_as(running, *READER) as reader:
        home = reader.get("/homes/dataops.json").json()["page"]
    (line,) = (one for one in home["digest"] if one["topic"] == "works.wolfram")
    assert line["text"] == "11 alerts in the last 7 days, 1 of which stands; 1 from before still stands."
    assert (line["mark"]["word"], line["href"]) == ("stands", "/alerts?view=digest")
    told = {one["text"].partition(":")[0]: one for one in home["monitors"] if one["topic"] == ASSET}
    today = f"{now.day} {now:%b %Y}"
    assert told["anomaly loud"]["text"] == (
        f"anomaly loud: 20 % of its last 10 alerts were worth it; demoted since {today}."
    )
    assert told["anomaly loud"]["mark"]["word"] == "demoted"
    assert told["anomaly quiet"]["text"] == "anomaly quiet: not judged yet."
    assert "anomaly old" not in told

    brief = brief_for(running.app, Who.at_the_shell(), "dataops")
    lines = {part.title: [one.text for one in part.lines] for part in brief.parts}
    assert line["text"] in lines["Alerts that paged nobody"]
    assert told["anomaly loud"]["text"] in lines["Monitors that raised alerts"]


def test_silences_are_of_who_may_run_what_they_silence(running: Running) -> None:
    """Of a product whoever may run it; of more than one nobody who may not run all of them."""
    ends_at = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    of_product = {"matchers": ["product=works.wolfram"], "ends_at": ends_at, "comment": "a move"}
    of_all = {"matchers": ["severity=critical"], "ends_at": ends_at}
    with known_as(running, *READER) as reader, known_as(running, *MONA) as mona:
        assert problem(reader.post("/api/v1/silences", json=of_product)) == (403, "FH-A113")
        assert problem(mona.post("/api/v1/silences", json=of_all)) == (403, "FH-A113")
        assert problem(mona.post("/api/v1/silences", json=of_product | {"matchers": ["prodct=x"]})) == (400, "FH-E331")
        made = mona.post("/api/v1/silences", json=of_product)
        assert made.status_code == 201
        id_ = made.json()["silence"]
        assert problem(reader.post(f"/api/v1/silences/{id_}/end")) == (403, "FH-A113")
        assert mona.post(f"/api/v1/silences/{id_}/end").json()["ended_at"]
        assert problem(mona.post(f"/api/v1/silences/{id_}/end")) == (409, "FH-E337")
        assert problem(mona.post("/api/v1/silences/none/end")) == (404, "FH-E336")


def test_a_token_closes_only_with_the_scope_for_it(running: Running) -> None:
    """One that reads is told which scope it takes."""
    id_ = failing(running, "by_a_token")
    path, said = f"/api/v1/alerts/{id_}/close", {"verdict": "fixed"}
    reads, acts = (token_of(running, *MONA, scopes=scopes) for scopes in (("catalog:read",), ("alerts:write",)))
    with running.client() as client:
        refused = client.post(path, json=said, headers={"authorization": f"Bearer {reads}"})
        assert refused.status_code == 403
        assert "alerts:write" in refused.headers["www-authenticate"]
        assert client.post(path, json=said, headers={"authorization": f"Bearer {acts}"}).status_code == 200


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server of an estate in which wolfram is seen by its team alone."""
    made = guarded_estate.made(tmp_path_factory.mktemp("unseen") / "estate")
    file = made / "works" / "wolfram" / "product.odps.yaml"
    file.write_text(guarded_estate.product_file("works.wolfram", '{see: ["team:metals"]}'), encoding="utf-8")
    run, stop = started(made, Settings(port=free_port(), url="", rates={"read": 100_000, "write": 100_000}))
    yield run
    stop()


def test_what_may_not_be_seen_is_not_there(guarded: Running) -> None:
    """Neither in a list, nor by its id, nor on a page, nor by a silence or a monitor that names it."""
    id_ = failing(guarded, "hidden")
    said = {"matchers": ["product=works.wolfram"], "ends_at": (datetime.now(UTC) + timedelta(hours=1)).isoformat()}
    with known_as(guarded, *MONA) as mona:
        assert mona.post("/api/v1/silences", json=said).status_code == 201
        assert ASSET in mona.get("/api/v1/alerts").text
    with known_as(guarded, *RARE) as ruth:
        assert ruth.get(f"/api/v1/alerts/{id_}").status_code == 404
        assert ruth.post(f"/api/v1/alerts/{id_}/close", json={"verdict": "false"}).status_code == 404
        assert ruth.post("/api/v1/silences", json=said).status_code == 404
        for path in ("/api/v1/alerts", "/api/v1/silences", "/api/v1/monitors", "/alerts", "/alerts.json",
                     "/alerts?view=monitors", "/homes/dataops.json"):  # fmt: skip
            assert "wolfram" not in ruth.get(path).text, path


def test_a_cursor_holds_though_its_alert_was_closed_meanwhile(running: Running) -> None:
    """The list goes on behind it; one that is of no alert, or a product that there is not, is refused."""
    ids = [failing(running, name) for name in ("page-one", "page-two")]
    with known_as(running, *MONA) as mona:
        assert mona.post(f"/api/v1/alerts/{ids[0]}/close", json={"verdict": "false"}).status_code == 200
        left = [one["alert"] for one in mona.get(f"/api/v1/alerts?after={ids[0]}").json()["items"]]
        assert ids[1] in left
        assert ids[0] not in left
        assert problem(mona.get("/api/v1/alerts?after=nothing")) == (400, "FH-A112")
        for path in ("alerts", "slos", "anomalies"):
            assert problem(mona.get(f"/api/v1/{path}?product=works.wolfra")) == (404, "FH-D201")
