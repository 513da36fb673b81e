"""Jobs at a server: asked for by people, watched by anybody who may, by pages, API and server-sent events."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from freehold.foundation import FreeholdError
from freehold.server.jobs.kinds import KINDS, kind_of
from freehold.server.jobs.window import DOES
from live_process import until
from live_server import PAGE, Running, made_token, token_of

NOTHING = "01a1ffc2-0033-72b4-b019-d89cc02b29fb"


@pytest.fixture(scope="module")
def working(made_estate: Path, tmp_path_factory: pytest.TempPathFactory, serving: Callable[..., Running]) -> Running:
    """A server whose estate these tests may change."""
    root = tmp_path_factory.mktemp("jobs") / "shop"
    shutil.copytree(made_estate, root)
    return serving(root=root, rates={"read": 100_000, "write": 100_000, "sign_in": 100_000})


@pytest.fixture
def person(working: Running) -> Iterator[httpx2.Client]:
    """Somebody who is signed in there."""
    with working.signed_in() as client:
        yield client


@pytest.fixture(scope="module")
def checked(working: Running) -> dict[str, Any]:
    """A job that has ended well."""
    with working.signed_in() as client:
        return ended(client, ask(client, "check", everything=True))


def ask(client: httpx2.Client, kind: str, **arguments: Any) -> str:
    """Ask for a job by the API and return its id."""
    answer = client.post("/api/v1/jobs", json={"kind": kind, "arguments": arguments})
    assert answer.status_code == 201, answer.text
    assert answer.headers["location"] == f"/api/v1/jobs/{answer.json()['id']}"
    return str(answer.json()["id"])


def ended(client: httpx2.Client, id_: str) -> dict[str, Any]:
    """Wait for the end of a job."""

    def look() -> dict[str, Any] | None:
        job: dict[str, Any] = client.get(f"/api/v1/jobs/{id_}").json()
        return job if job["state"] in ("done", "failed", "cancelled", "lost") else None

    found: dict[str, Any] = until(look, f"{id_} ended")
    return found


def events(client: httpx2.Client, path: str, **headers: str) -> list[tuple[str, str, dict[str, Any]]]:
    """Return the events of a stream that ends: kind, id and what they say."""
    with client.stream("GET", path, headers=headers) as answer:
        assert answer.status_code == 200, answer.read()
        assert answer.headers["content-type"].startswith("text/event-stream")
        text = answer.read().decode()
    found = []
    for block in text.split("\n\n"):
        said = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if "event" in said:
            found.append((said["event"], said.get("id", ""), json.loads(said["data"])))
    return found


def test_a_job_is_done_in_the_askers_name_and_tells_what_it_did(checked: dict[str, Any]) -> None:
    """Who, since when, how it ended; the process is another than the server's."""
    assert (checked["state"], checked["exit_code"], checked["attempt"]) == ("done", 0, 1)
    assert checked["asked_by"].startswith("user:local/")
    assert checked["assurance"] == "local"
    assert checked["asked_at"] <= checked["started_at"] <= checked["ended_at"]


def test_a_watcher_is_told_all_and_then_the_end(person: httpx2.Client, checked: dict[str, Any]) -> None:
    """Each piece of output by its number, in order; nothing follows the end."""
    told = events(person, f"/api/v1/jobs/{checked['id']}/events")
    pieces = [(id_, one) for kind, id_, one in told if kind == "output"]

    assert [id_ for id_, _ in pieces] == [str(i + 1) for i in range(len(pieces))]
    assert "checks on 2 assets" in "".join(one["text"] for _, one in pieces)
    assert told[-1][0] == "end"
    assert told[-1][2]["exit_code"] == 0


@pytest.mark.parametrize("said", ["header", "query"])
def test_a_watcher_that_comes_back_is_told_the_rest(said: str, person: httpx2.Client, checked: dict[str, Any]) -> None:
    """From the piece after the last one it has, whichever way it says so; what is no number is as none."""
    path = f"/api/v1/jobs/{checked['id']}/events"
    everything = [e for e in events(person, path) if e[0] == "output"]
    if said == "header":
        rest = events(person, path, **{"Last-Event-ID": "1"})
        assert [e for e in events(person, path, **{"Last-Event-ID": "x'"}) if e[0] == "output"] == everything
    else:
        rest = events(person, f"{path}?after=1")

    assert [e for e in rest if e[0] == "output"] == everything[1:]
    assert rest[-1][0] == "end"


def test_many_watch_a_job_without_a_thread_each(person: httpx2.Client, working: Running) -> None:
    """Sixty watchers of one that runs are all told its end; the server has no thread for each of them."""
    job = ask(person, "run", interval="2024-01-01")
    told: list[list[Any]] = []

    def watch() -> None:
        told.append(events(person, f"/jobs/{job}/events"))

    before = set(threading.enumerate())
    watchers = [threading.Thread(target=watch, name="a watcher") for _ in range(60)]
    for one in watchers:
        one.start()
    others = [t for t in threading.enumerate() if t not in before and t.name != "a watcher"]
    for one in watchers:
        one.join(120)

    assert len(others) <= 45  # the pool of the server has forty
    assert [one[-1][0] for one in told] == ["end"] * 60


def test_a_job_that_waits_is_cancelled_at_once_and_one_that_runs_stops(person: httpx2.Client) -> None:
    """Who did it is told. One that runs may have ended before it was asked, or before it heard."""
    running, waiting = ask(person, "run"), ask(person, "check")
    stopped = person.post(f"/api/v1/jobs/{waiting}/cancel").json()
    assert stopped["state"] == "cancelled"
    was_asked = person.post(f"/api/v1/jobs/{running}/cancel").json()["state"] != "done"
    first = ended(person, running)

    assert stopped["result"]["cancelled_by"] == stopped["asked_by"]
    assert (stopped["started_at"], stopped["too_late"]) == (None, False)
    assert first["state"] in (("cancelled", "done") if was_asked else ("done",))
    assert first["result"].get("cancelled_by") == (stopped["asked_by"] if was_asked else None)
    assert first["too_late"] == (was_asked and first["state"] == "done")


def test_what_goes_wrong_is_told_as_data(person: httpx2.Client) -> None:
    """The command's own error, with its code and how to mend it."""
    job = ended(person, ask(person, "rollback", product="shop.nope"))

    assert (job["state"], job["exit_code"]) == ("failed", 2)
    assert job["result"]["errors"][0]["code"] == "FH-D201"
    page = person.get(f"/jobs/{job['id']}", headers=PAGE).text
    assert "There is no product <code>shop.nope</code>." in page


WRONG = [
    ({"kind": "rm -rf"}, "FH-A151"),
    ({"kind": "runn"}, "FH-A151"),
    ({"kind": "serve"}, "FH-A151"),
    ({"kind": "run", "arguments": {"slect": ["x"]}}, "FH-A152"),
    ({"kind": "run", "arguments": {"select": "x"}}, "FH-A152"),
    ({"kind": "run", "arguments": {"select": [1]}}, "FH-A152"),
    ({"kind": "run", "arguments": {"select": ["x"] * 201}}, "FH-A152"),
    ({"kind": "run", "arguments": {"jobs": "4; reboot"}}, "FH-A152"),
    ({"kind": "run", "arguments": {"as_json": "yes"}}, "FH-A152"),
    ({"kind": "rollback"}, "FH-A152"),
    ({"kind": "rollback", "arguments": {"product": "a\0b"}}, "FH-A152"),
    ({"kind": "rollback", "arguments": {"product": "a" * 2_001}}, "FH-A152"),
    ({"kind": "run", "key": "a\nb"}, "FH-A152"),
    ({"kind": "run", "more": 1}, "FH-A112"),
    ({"kind": "run", "terminal": {"columns": 10**9}}, "FH-A112"),
    ([], "FH-A112"),
]  # fmt: skip


@pytest.mark.parametrize(("wanted", "code"), WRONG, ids=lambda said: json.dumps(said)[:60])
def test_what_no_command_takes_is_refused_before_it_is_queued(wanted: object, code: str, person: httpx2.Client) -> None:
    """Unknown kinds and arguments, other forms, too much; nothing of it becomes a job."""
    before = person.get("/api/v1/jobs").json()["items"][:1]
    answer = person.post("/api/v1/jobs", json=wanted)

    assert (answer.status_code, answer.json()["code"]) == (400, code), answer.text
    assert person.get("/api/v1/jobs").json()["items"][:1] == before


@given(
    st.text(min_size=1, max_size=40).filter(lambda t: "\0" not in t),
    st.lists(st.text("-=ab '", min_size=1), max_size=3),
)
def test_whatever_is_said_stays_one_word_of_its_argument(product: str, select: list[str]) -> None:
    """No value becomes an option, however it begins: it is one word, behind its option or behind `--`."""
    rolled = kind_of("rollback").words({"product": product, "unpin": True})
    ran = kind_of("run").words({"select": select})

    assert rolled[-1] == product
    assert list(rolled[:2]) == ["rollback", "--unpin"]
    assert (rolled[2:-1] == ("--",)) is product.startswith("-")
    assert ran == ("run", *(f"--select={one}" for one in select))


def test_a_kind_that_is_nearly_one_is_named() -> None:
    """What was meant is said; so is what an argument could have been."""
    with pytest.raises(FreeholdError) as unknown:
        kind_of("rolback")
    with pytest.raises(FreeholdError) as misspelt:
        KINDS["run"].checked({"selct": ["x"]})

    assert "rollback" in unknown.value.fix
    assert "select" in misspelt.value.fix


def _as_nobody(running: Running, _: str) -> httpx2.Client:
    return running.client()


def _with_scope(*scopes: str) -> Callable[[Running, str], httpx2.Client]:
    def client(running: Running, _: str) -> httpx2.Client:
        with running.signed_in(**PAGE) as somebody:
            token = made_token(somebody, *scopes)
        return running.client(authorization=f"Bearer {token}")

    return client


def _from_elsewhere(running: Running, _: str) -> httpx2.Client:
    client = running.client(origin="https://evil.example", **{"sec-fetch-site": "cross-site"})
    client.get(running.link(), headers={**PAGE, "sec-fetch-site": "none", "origin": ""})
    return client


def _guessed(running: Running, _: str) -> httpx2.Client:
    return running.client(authorization=f"Bearer fh_local_{'A' * 43}")


def _empty(running: Running, _: str) -> httpx2.Client:
    return running.client(authorization="Bearer fh_local_")


@pytest.mark.parametrize(
    ("come_in", "method", "path", "status"),
    [
        (_as_nobody, "POST", "/api/v1/jobs", 401),
        (_as_nobody, "GET", "/api/v1/jobs", 401),
        (_as_nobody, "GET", "/api/v1/jobs/{id}/events", 401),
        (_guessed, "POST", "/api/v1/jobs", 401),
        (_empty, "POST", "/api/v1/jobs", 401),
        (_with_scope("catalog:read", "metrics:query"), "GET", "/api/v1/jobs", 403),
        (_with_scope("catalog:read"), "GET", "/api/v1/jobs/{id}/events", 403),
        (_with_scope("jobs:read"), "GET", "/api/v1/jobs", 200),
        (_with_scope("jobs:read"), "GET", "/api/v1/jobs/{id}", 200),
        (_with_scope("jobs:read"), "POST", "/api/v1/jobs", 403),
        (_with_scope("jobs:read"), "POST", "/api/v1/jobs/{id}/cancel", 403),
        (_with_scope("jobs:read"), "POST", "/jobs/{id}/again", 403),
        (_with_scope("jobs:read"), "POST", "/jobs", 403),
        (_from_elsewhere, "POST", "/api/v1/jobs", 403),
        (_from_elsewhere, "POST", "/jobs", 403),
        (_from_elsewhere, "POST", "/jobs/{id}/cancel", 403),
    ],
    ids=lambda said: said.__name__ if callable(said) else str(said),
)
def test_who_may_not_is_turned_away(
    come_in: Callable[[Running, str], httpx2.Client],
    method: str, path: str, status: int, working: Running, checked: dict[str, Any],
) -> None:  # fmt: skip
    """Nobody, a token without the scope, a token that would start something, another site's page."""
    body: dict[str, Any] = {"json": {"kind": "run"}} if method == "POST" else {}
    with closing(come_in(working, "")) as client:
        answer = client.request(method, path.format(id=checked["id"]), **body)

    assert answer.status_code == status, answer.text


def test_a_token_made_for_jobs_asks_for_them_in_its_owners_name(working: Running) -> None:
    """As surely as a token is known, as far as its owner may, by the API alone; to read them takes the other scope."""
    with _with_scope("jobs:start", "jobs:read")(working, "") as client:
        job = ended(client, ask(client, "check"))
        kept = working.app.state.served.jobs.get(job["id"])
        by_form = client.post("/jobs", data={"kind": "check"})
    with _with_scope("jobs:start")(working, "") as client:
        asked = client.post("/api/v1/jobs", json={"kind": "check"})
        cancelled = client.post(f"/api/v1/jobs/{asked.json()['id']}/cancel")
        read = client.get("/api/v1/jobs")

    assert (job["state"], kept.caller.assurance) == ("done", "token")
    assert (by_form.status_code, asked.status_code, cancelled.status_code, read.status_code) == (403, 201, 200, 403)


def test_a_token_for_jobs_reaches_no_further_than_its_owner(working: Running) -> None:
    """Who may not run a product has no job done to it by a token either, and sees nobody else's."""
    token = token_of(working, "user:idp/stranger", scopes=("jobs:start", "jobs:read"))
    with working.client(authorization=f"Bearer {token}") as client:
        answers = [
            client.post("/api/v1/jobs", json={"kind": "run", "arguments": {"select": ["shop.orders.orders"]}}),
            client.post("/api/v1/jobs", json={"kind": "rollback", "arguments": {"product": "shop.orders"}}),
            client.post("/api/v1/jobs", json={"kind": "collect"}),
        ]

    assert {(one.status_code, one.json()["code"]) for one in answers} == {(403, "FH-A113")}


def test_a_token_reads_what_its_owners_jobs_said_and_no_other(working: Running, checked: dict[str, Any]) -> None:
    """Of another's job it sees that it was and how it ended, not what it said."""
    from freehold.foundation import Caller
    from freehold.opening import ledger_around

    with ledger_around(str(working.root)) as ledger:
        other = ledger.jobs.ask("check", {}, Caller("user:idp/anna", assurance="oidc"))
        ledger.jobs.cancel(other.id, "user:idp/anna")
    with _with_scope("jobs:read")(working, "") as client:
        assert events(client, f"/api/v1/jobs/{checked['id']}/events")
        assert client.get(f"/api/v1/jobs/{other.id}").json()["state"] == "cancelled"
        for path in (f"/api/v1/jobs/{other.id}/events", f"/jobs/{other.id}/events", f"/jobs/{other.id}/output.txt"):
            assert client.get(path).json()["code"] == "FH-A102"
        assert client.get(f"/jobs/{other.id}.json").json()["page"]["output"] is None
        assert client.get(f"/jobs/{checked['id']}.json").json()["page"]["output"]


@pytest.mark.parametrize(
    "path", ["/jobs/{}", "/jobs/{}/events", "/jobs/{}/output.txt", "/api/v1/jobs/{}", "/api/v1/jobs/{}/events"]
)
def test_a_job_nobody_asked_for_is_not_found(path: str, person: httpx2.Client) -> None:
    """By its code, as a problem, wherever it is looked for."""
    answer = person.get(path.format(NOTHING))
    assert (answer.status_code, answer.json()["code"]) == (404, "FH-A154")


def test_pages_show_jobs_and_ask_for_them(person: httpx2.Client, checked: dict[str, Any]) -> None:
    """A button asks for one and shows it; what ended well may be asked for again where that does no more."""
    asked = person.post("/jobs", data={"kind": "check"})
    assert asked.status_code == 303
    page = person.get(asked.headers["location"], headers=PAGE).text
    assert "freehold check" in page
    again = person.post(f"/jobs/{checked['id']}/again")
    shown = ended(person, again.headers["location"].rpartition("/")[2])
    assert shown["arguments"] == checked["arguments"]
    listed = person.get("/jobs", headers=PAGE).text
    assert f'href="/jobs/{checked["id"]}"' in listed
    assert f'id="{checked["id"]}"' not in person.get("/jobs?view=open", headers=PAGE).text
    assert person.get(f"/jobs/{checked['id']}/output.txt").text.count("checks on 2 assets") == 1


def test_the_same_key_asks_once(person: httpx2.Client) -> None:
    """Whoever lost the answer asks again and gets the same job."""
    wanted = {"kind": "check", "key": "monday"}
    first, second = (person.post("/api/v1/jobs", json=wanted).json() for _ in range(2))

    assert first["id"] == second["id"]


def test_a_key_is_that_of_one_request(person: httpx2.Client) -> None:
    """The same again is the same job; another kind or other arguments are refused, and nothing is begun."""
    first = person.post("/api/v1/jobs", json={"kind": "check", "key": "of-one"})
    again = person.post("/api/v1/jobs", json={"kind": "check", "key": "of-one"})
    before = person.get("/api/v1/jobs").json()["items"][0]["id"]
    other = person.post("/api/v1/jobs", json={"kind": "run", "key": "of-one"})
    more = person.post("/api/v1/jobs", json={"kind": "check", "key": "of-one", "arguments": {"all": True}})

    assert again.json()["id"] == first.json()["id"]
    for answer in (other, more):
        assert (answer.status_code, answer.json()["code"]) == (409, "FH-A156")
        assert first.json()["id"] in answer.json()["title"]
    assert person.get("/api/v1/jobs").json()["items"][0]["id"] == before


def test_a_key_that_cannot_be_seen_is_refused_as_that(person: httpx2.Client) -> None:
    """Not as one that is too long."""
    answer = person.post("/api/v1/jobs", json={"kind": "check", "key": "\0"})

    assert answer.status_code == 400
    assert "cannot be printed" in answer.json()["title"]


@pytest.mark.parametrize(
    ("kind", "said", "kept"),
    [
        ("run", {"wait": 5, "as-of": "2026-01-01"}, {"wait_s": 5, "as_of": "2026-01-01"}),
        ("check", {"all": True, "json": True}, {"everything": True, "as_json": True}),
        ("backfill", {"select": ["x"], "from": "2026-01"}, {"select": ["x"], "first": "2026-01"}),
    ],
)
def test_an_argument_may_be_said_as_its_option_is_called(kind: str, said: dict[str, Any], kept: dict[str, Any]) -> None:
    """As the command line has it, and kept by its own name; not by both."""
    assert kind_of(kind).checked(said) == kept
    with pytest.raises(FreeholdError, match="said twice"):  # whichever comes first
        kind_of(kind).checked({**kept, **said})


def test_every_kind_takes_a_right() -> None:
    """Whoever asks for a job may do what it does: of no kind is it left open what that is."""
    assert set(DOES) == set(KINDS)
