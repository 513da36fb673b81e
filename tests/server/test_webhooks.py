"""Webhooks: who subscribes is told of what happened, signed, in order, at least once, and only of what they may see."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from freehold.connect.outbound import outbound_from
from freehold.estate import load_estate
from freehold.ledger import Event, Ledger
from freehold.server.webhooks import telling
from freehold.server.webhooks.sending import Sender
from freehold.server.webhooks.subscribers import subscribers_of
from freehold.server.webhooks.window import Office
from live_process import until
from live_receiver import OTHER, SECRET, Receiver, receiving
from live_server import PAGE, Running, free_port, known_as, made_token

_ACCOUNT = """\
apiVersion: freehold.dev/v1
kind: ServiceAccount
metadata: {id: hooks, owner: shop-data}
spec: {review_by: 2999-01-31}
"""
_HIDDEN = 'customProperties:\n  - {property: "freehold:access", value: {see: ["group:idp/nobody"]}}\n'
_MASKED = """\
apiVersion: freehold.dev/v1
kind: DataPolicy
metadata: {id: orders-masked, owner: shop-data}
spec:
  of: [shop.orders.orders]
  grants:
    - {to: [everyone], masks: {customer: "'somebody'"}}
"""
LOOPBACK = outbound_from({"allow": ["127.0.0.1"], "plain_http": True})
RATES = {"read": 100_000, "write": 100_000, "sign_in": 100_000}
Serve = Callable[..., Running]


@pytest.fixture(autouse=True)
def _secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    monkeypatch.setenv("HOOK_SECRET_NEXT", OTHER)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver that takes everything."""
    with receiving() as one:
        yield one


@pytest.fixture
def root(made_estate: Path, tmp_path: Path) -> Path:
    """An estate of its own, with a service account."""
    return with_account(Path(shutil.copytree(made_estate, tmp_path / "shop")))


def with_account(root: Path) -> Path:
    """Give an estate the account that subscriptions see as."""
    (root / "hooks-account.yaml").write_text(_ACCOUNT)
    return root


def subscribe(root: Path, url: str, id_: str = "hook", **said: Any) -> None:
    """Declare a subscription."""
    spec = {"url": f'"{url}"', "secret": "env:HOOK_SECRET", "as": "service:hooks", "timeout": "2s"} | said
    lines = "".join(f"  {name}: {value}\n" for name, value in spec.items())
    head = f"apiVersion: freehold.dev/v1\nkind: Subscription\nmetadata: {{id: {id_}, owner: shop-data}}\nspec:\n"
    (root / f"{id_}.yaml").write_text(head + lines)


@pytest.fixture
def serve(serving: Serve, root: Path) -> Iterator[Serve]:
    """Serve that estate; the server ends with the test."""
    started: list[Running] = []

    def start(**said: Any) -> Running:
        started.append(serving(root, rates=RATES, outbound=LOOPBACK, **said))
        return started[-1]

    yield start
    for one in started:
        one.end()


def ledger_of(running: Running) -> Ledger:
    """Return the ledger of a server."""
    found: Ledger = running.app.state.served.snapshots.ledger
    return found


def begun(running: Running, id_: str = "hook") -> Any:
    """Wait until a subscription is looked at, and return how it stands."""
    return until(lambda: ledger_of(running).webhooks.standings().get(id_), f"{id_} began")


def happen(running: Running, many: int = 1, *, product: str = "shop.orders") -> list[int]:
    """Let runs end, and return the numbers of those events."""
    said = {"asset": f"{product}.orders", "status": "success"}
    told = (Event("run.completed", {"run_id": f"r{n}", **said}, product=product) for n in range(many))
    return list(ledger_of(running).append(*told))


def stands(running: Running, id_: str = "hook") -> Any:
    """Return how a subscription stands."""
    return ledger_of(running).webhooks.standings()[id_]


def test_events_come_signed_once_and_in_order(serve: Serve, root: Path, receiver: Receiver) -> None:
    """As CloudEvents that a stock library takes for good; with the id of the event, and nothing that was before."""
    subscribe(root, receiver.url, types="[run.*]")
    running = serve()
    begun(running)
    numbers = happen(running, 40)
    until(lambda: len(receiver.events) >= 40, "forty events came")
    first = receiver.events[0]

    assert receiver.numbers == numbers
    assert all(one.is_signed for one in receiver.got)
    assert first.headers["content-type"].startswith("application/cloudevents+json")
    assert first.id == first.event["id"]
    assert (first.event["specversion"], first.event["type"]) == ("1.0", "freehold.run.completed")
    assert until(lambda: stands(running).cursor >= numbers[-1], "the cursor is kept")


def test_both_secrets_sign_while_one_is_replaced(serve: Serve, root: Path, receiver: Receiver) -> None:
    """A receiver that knows the old one, or the new one, takes it for good."""
    receiver.secret = OTHER
    subscribe(root, receiver.url, secret="[env:HOOK_SECRET, env:HOOK_SECRET_NEXT]")
    running = serve()
    begun(running)
    happen(running)
    got = until(lambda: receiver.events, "it came")[0]

    assert got.is_signed
    assert [one.partition(",")[0] for one in got.headers["webhook-signature"].split()] == ["v1", "v1"]


def test_only_what_its_account_may_see_is_sent(serve: Serve, root: Path, receiver: Receiver) -> None:
    """Of a product that is hidden from the account nothing goes out, and of no product only where it may see all."""
    product = root / "shop" / "orders" / "product.odps.yaml"
    product.write_text(product.read_text().replace("customProperties:\n", _HIDDEN))
    subscribe(root, receiver.url)
    running = serve()
    begun(running)
    happen(running, 3)
    ledger_of(running).append(Event("session.opened", {"session": "s", "principal": "user:idp/x", "assurance": "oidc"}))
    ledger_of(running).append(Event("run.completed", {"run_id": "x", "asset": "", "status": "failed"}))
    last = until(lambda: newest(running), "all is there")
    served = running.app.state.served
    until(lambda: served.webhooks._done.get("hook") and served.webhooks._done["hook"].cursor >= last, "it looked")

    assert receiver.events == []


@pytest.mark.parametrize("is_masked", [True, False], ids=["a policy masks", "no policy"])
def test_what_events_hold_of_rows_goes_to_whom_no_policy_hides_any(
    serve: Serve, root: Path, receiver: Receiver, is_masked: bool
) -> None:
    """Smallest and largest values, and words that quote a row, stay here where a column is masked for its account."""
    if is_masked:
        (root / "masked.yaml").write_text(_MASKED)
    subscribe(root, receiver.url, types="[profile.observed, check.completed]")
    running = serve()
    begun(running)
    profile = {"asset": "shop.orders.orders", "rows": 2, "columns": {"customer": {"min": "Ann Lee", "max": "Zoe Low"}}}
    broken = {"check_id": "c", "asset": "shop.orders.orders", "status": "error", "reason": "cannot read 'Ann Lee'"}
    largest = {"check_id": "m", "asset": "shop.orders.orders", "status": "warn", "value": "Ann Lee"}
    told = (Event("profile.observed", profile), Event("check.completed", broken), Event("check.completed", largest))
    list(ledger_of(running).append(*(replace(event, product="shop.orders") for event in told)))
    until(lambda: len(receiver.events) >= 3, "all came")

    assert {"Ann Lee" in str(got.event) for got in receiver.events} == {not is_masked}
    assert receiver.events[0].event["data"]["rows"] == 2


def newest(running: Running) -> int:
    """Return the number of the newest event."""
    return next(e.seq for e in ledger_of(running).read(newest_first=True, limit=1))


def test_a_receiver_that_is_ill_holds_the_line_and_gets_all_in_order(
    serve: Serve, root: Path, receiver: Receiver
) -> None:
    """What fails is sent again under the same id; what comes after it waits, so the order stays."""
    failures = iter([503, 500])
    receiver.answer = lambda _: (next(failures, 204), {})
    subscribe(root, receiver.url, types="[run.*]")
    running = serve()
    begun(running)
    numbers = happen(running, 3)
    until(lambda: stands(running).held_until, "the line is held")
    held = ledger_of(running).webhooks.deliveries("hook", states=("waiting",))
    until(lambda: len(receiver.events) >= 2, "tried again by itself, after five seconds")
    until(lambda: stands(running).problem and "500" in stands(running).problem, "and failed again")
    retry(running, held[0].id)
    until(lambda: len(receiver.events) >= 5, "the rest came")

    assert held[0].seq == numbers[0]
    assert receiver.numbers == [numbers[0], numbers[0], *numbers]
    assert len({one.id for one in receiver.events[:3]}) == 1
    assert len({one.headers["webhook-timestamp"] for one in receiver.events[:2]}) == 2
    assert until(lambda: stands(running).failing_since is None, "all is well")


def retry(running: Running, id_: str) -> None:
    """Ask for an event to be sent now, as the page does."""
    with running.signed_in(**PAGE) as person:
        assert person.post(f"/settings/webhooks/hook/deliveries/{id_}/redeliver").status_code == 303


def test_an_event_that_is_refused_holds_up_no_other(serve: Serve, root: Path, receiver: Receiver) -> None:
    """It is set aside and tried by itself; the others come meanwhile."""
    refused: list[str] = []

    def answer(got: Any) -> tuple[int, dict[str, str]]:
        if not refused or refused == [got.id]:
            refused[:] = [got.id]
            return 422, {}
        return 200, {}

    receiver.answer = answer
    subscribe(root, receiver.url, types="[run.*]")
    running = serve()
    begun(running)
    numbers = happen(running, 3)
    until(lambda: len(set(receiver.numbers)) == 3, "the others came")
    waiting = ledger_of(running).webhooks.deliveries("hook", states=("waiting",))

    assert receiver.numbers[:3] == numbers
    assert [(one.seq, one.status) for one in waiting] == [(numbers[0], 422)]


@pytest.mark.parametrize("how", ["ping", "enable"])
def test_a_line_goes_on_as_soon_as_its_receiver_is_known_to_be_back(
    how: str, serve: Serve, root: Path, receiver: Receiver
) -> None:
    """A ping that is taken, or a word, lets go on what would have waited for an hour."""
    receiver.answer = lambda _: (503, {"Retry-After": "3600"})
    subscribe(root, receiver.url, types="[run.*]")
    running = serve()
    begun(running)
    numbers = happen(running, 3)
    until(lambda: stands(running).held_until, "the line is held")
    receiver.answer = lambda _: (204, {})
    with running.signed_in(**PAGE) as person:
        assert person.post(f"/settings/webhooks/hook/{how}").status_code == 303
    until(lambda: set(receiver.numbers) >= set(numbers), "all came")

    assert until(lambda: stands(running).failing_since is None, "all is well")
    assert stands(running).held_until is None


def test_what_is_not_for_a_subscription_does_not_leave_it_behind(serve: Serve, root: Path, receiver: Receiver) -> None:
    """Events of other types are passed over, and nobody is told that they are missing."""
    subscribe(root, receiver.url, types="[incident.*]")
    running = serve()
    begun(running)
    happen(running, 3)
    served = running.app.state.served

    assert Office(served.snapshots.now().estate, ledger_of(running)).get("hook").behind == 0


@pytest.mark.parametrize(("aside", "told"), [(99, "set aside, to be tried again"), (100, "waits until fewer than 100")])
def test_a_line_that_waits_for_many_says_so(
    aside: int, told: str, serve: Serve, root: Path, receiver: Receiver
) -> None:
    """With a hundred refused events the line waits; that is said, and what it waits for."""
    subscribe(root, receiver.url)
    running = serve()
    begun(running)
    who = subscribers_of(running.app.state.served.snapshots.now().estate)["hook"]

    assert told in telling.stands(who, stands(running), {"waiting": aside}, 0, datetime.now(UTC)).told


@pytest.mark.parametrize("status", [429, 503], ids=["too many requests", "unavailable"])
def test_retry_after_is_heeded(serve: Serve, root: Path, receiver: Receiver, status: int) -> None:
    """A receiver that asks for ten minutes is left alone for ten minutes."""
    receiver.answer = lambda _: (status, {"Retry-After": "600"})
    subscribe(root, receiver.url, types="[run.*]")
    running = serve()
    begun(running)
    happen(running)
    held = until(lambda: stands(running).held_until, "the line is held")

    assert timedelta(seconds=540) < held - datetime.now(UTC) <= timedelta(seconds=600)


def test_who_is_gone_is_sent_nothing_more_and_goes_on_where_it_was(
    serve: Serve, root: Path, receiver: Receiver
) -> None:
    """410 disables at once, with an event that says why; what happens meanwhile comes when it is let go on."""
    receiver.answer = lambda _: (410, {})
    subscribe(root, receiver.url, types="[run.*]")
    running = serve()
    begun(running)
    numbers = happen(running, 2)
    until(lambda: stands(running).state == "disabled", "it is disabled")
    told = list(ledger_of(running).read(types=("webhook.disabled",)))
    receiver.answer = lambda _: (200, {})
    with running.signed_in(**PAGE) as person:
        page = person.get("/settings/webhooks/hook").text
        person.post("/settings/webhooks/hook/enable")
    until(lambda: len(receiver.events) == 3, "it goes on")

    assert "gone (410)" in page
    assert [one.data["reason"] for one in told] == ["The receiver says that it is gone (410)."]
    assert receiver.numbers == [numbers[0], *numbers]


def test_what_happened_meanwhile_can_be_skipped(serve: Serve, root: Path, receiver: Receiver) -> None:
    """Then it goes on with the next event."""
    receiver.answer = lambda _: (410, {})
    subscribe(root, receiver.url, types="[run.*]")
    running = serve()
    begun(running)
    happen(running, 5)
    until(lambda: stands(running).state == "disabled", "it is disabled")
    receiver.answer = lambda _: (200, {})
    with running.signed_in(**PAGE) as person:
        person.post("/settings/webhooks/hook/skip")
    after = happen(running)
    until(lambda: len(receiver.events) == 2, "the next one came")

    assert receiver.numbers[1:] == after


def test_a_file_that_names_another_address_lets_it_go_on(serve: Serve, root: Path, receiver: Receiver) -> None:
    """Whoever mends the file need not say so at the server."""
    with receiving() as gone:
        gone.answer = lambda _: (410, {})
        subscribe(root, gone.url, types="[run.*]")
        running = serve()
        begun(running)
        numbers = happen(running)
        until(lambda: stands(running).state == "disabled", "it is disabled")
        subscribe(root, receiver.url, types="[run.*]")
        until(lambda: receiver.events, "it came to the other address")

    assert receiver.numbers == numbers
    assert [e.data["why"] for e in ledger_of(running).read(types=("webhook.enabled",))] == ["its file was changed"]


def test_a_slow_receiver_is_given_up_on_in_time_and_holds_up_nobody_else(
    serve: Serve, root: Path, receiver: Receiver
) -> None:
    """An answer that takes longer than the timeout is none; another subscription has its events meanwhile."""
    go_on = threading.Event()
    with receiving() as slow:
        slow.answer = lambda _: (200 if go_on.wait(60) else 500, {})
        subscribe(root, slow.url, "slow", types="[run.*]", timeout="1s")
        subscribe(root, receiver.url, types="[run.*]")
        running = serve()
        begun(running), begun(running, "slow")
        numbers = happen(running, 5)
        until(lambda: len(receiver.events) == 5, "the other one has them")
        problem = until(lambda: stands(running, "slow").problem, "the slow one failed")
        go_on.set()

    assert problem == "it did not answer within 1 s"
    assert receiver.numbers == numbers


def test_nobody_there_is_told_in_words(serve: Serve, root: Path, receiver: Receiver) -> None:
    """And a receiver that redirects is not followed."""
    with receiving() as other:
        receiver.answer = lambda _: (307, {"Location": other.url})
        subscribe(root, receiver.url, "moved", types="[run.*]")
        subscribe(root, "http://127.0.0.1:9/", "nobody", types="[run.*]")
        running = serve()
        begun(running, "moved"), begun(running, "nobody")
        happen(running)
        until(lambda: stands(running, "moved").problem and stands(running, "nobody").problem, "both failed")

        assert stands(running, "moved").problem == "it answered 307"
        assert stands(running, "nobody").problem == "connection refused"
        assert other.got == []


def test_a_private_address_is_not_called_where_files_do_not_allow_it(
    serving: Serve, root: Path, receiver: Receiver
) -> None:
    """The page says why, and nothing reaches it."""
    subscribe(root, receiver.url, types="[run.*]")
    running = serving(root, rates=RATES)
    begun(running)
    happen(running)
    problem = until(lambda: stands(running).problem, "it failed")
    running.end()

    assert "not of the public internet" in problem
    assert receiver.got == []


def test_a_ping_says_whether_the_receiver_takes_it(serve: Serve, root: Path, receiver: Receiver) -> None:
    """Also where the subscription is paused; it is tried once, and changes nothing."""
    subscribe(root, receiver.url, types="[run.*]", paused="true")
    running = serve()
    before = begun(running)
    receiver.answer = lambda _: (500 if len(receiver.got) == 2 else 204, {})
    with running.signed_in(**PAGE) as person:
        for many in (1, 2):
            assert person.post("/settings/webhooks/hook/ping").status_code == 303
            until(lambda many=many: len(receiver.got) == many, "the ping came")
        pings = until(
            lambda: [d for d in _sent(person) if d["state"] != "waiting"][1:] and _sent(person), "both came out"
        )

    assert [one["state"] for one in pings] == ["failed", "delivered"]
    assert receiver.got[0].event["type"] == "freehold.webhook.ping"
    assert receiver.got[0].is_signed
    assert stands(running) == before


def _sent(person: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = person.get("/api/v1/webhooks/hook/deliveries").json()["items"]
    return found


def test_dead_letters_are_listed_and_sent_again(serve: Serve, root: Path, receiver: Receiver) -> None:
    """An event whose attempts are used up stands on the page, and comes under its own id when somebody asks."""
    subscribe(root, receiver.url, types="[run.*]")
    running = serve()
    begun(running)
    numbers = happen(running, 2)
    until(lambda: len(receiver.events) == 2, "both came")
    hooks = ledger_of(running).webhooks
    one = until(lambda: hooks.get("hook", receiver.events[0].id), "the first is kept")
    hooks.ask(replace(one, state="dead", attempts=10, status=422, problem="it answered 422"))
    with running.signed_in(**PAGE) as person:
        page = person.get("/settings/webhooks/hook?view=dead").text
        listed = person.get("/api/v1/webhooks/hook/deliveries", params={"state": "dead"}).json()["items"]
        none = person.get("/api/v1/webhooks/hook/deliveries", params={"before": "0001-01-01T00:00:00Z"})
        naive = person.get("/api/v1/webhooks/hook/deliveries", params={"before": "0001-01-01"})
        person.post("/settings/webhooks/hook/redeliver")
        until(lambda: len(receiver.events) == 3, "it came again")
        again = person.post(f"/api/v1/webhooks/hook/deliveries/{receiver.events[1].id}/redeliver")
        until(lambda: len(receiver.events) == 4, "any event can be sent again")

    assert "given up" in page
    assert "it answered 422" in page
    assert [one["seq"] for one in listed] == numbers[:1]
    assert (none.json()["items"], naive.status_code) == ([], 400)
    assert again.status_code == 202
    assert receiver.numbers == [*numbers, numbers[0], numbers[1]]
    assert receiver.events[2].id == receiver.events[0].id


def test_programs_read_and_people_act(serve: Serve, root: Path, receiver: Receiver) -> None:
    """A token lists; to have something sent takes a person who answers for it. Near names are told."""
    subscribe(root, receiver.url)
    running = serve()
    begun(running)
    with running.signed_in(**PAGE) as person:
        token = made_token(person, "catalog:read")
        unknown = person.get("/api/v1/webhooks/hok").json()
    with running.client(authorization=f"Bearer {token}") as program:
        listed = program.get("/api/v1/webhooks").json()["items"]
        refused = program.post("/api/v1/webhooks/hook/ping")
    with known_as(running, "user:idp/somebody", **PAGE) as stranger:
        seen = stranger.get("/settings/webhooks/hook")
        not_theirs = stranger.post("/settings/webhooks/hook/ping")
    with known_as(running, "user:idp/member", "group:idp/shop-data", **PAGE) as member:
        theirs = member.post("/settings/webhooks/hook/ping")

    assert [one["id"] for one in listed] == ["hook"]
    assert (unknown["code"], unknown["status"]) == ("FH-A167", 404)
    assert "hook" in unknown["fix"]
    assert refused.status_code == 403
    assert seen.status_code == 200
    assert "/settings/webhooks/hook/ping" not in seen.text
    assert not_theirs.status_code == 403
    assert theirs.status_code == 303


def test_figures_tell_how_far_each_is(serve: Serve, root: Path, receiver: Receiver) -> None:
    """For Prometheus: attempts by what came of them, and what is behind, waits, or was given up."""
    subscribe(root, receiver.url, types="[run.*]")
    running = serve()
    begun(running)
    happen(running, 2)
    until(lambda: len(receiver.events) == 2, "both came")
    with running.signed_in() as person:
        figures = until(
            lambda: (
                (text := person.get("/metrics").text)
                and 'freehold_webhook_behind{subscription="hook"}' in text
                and text
            ),
            "the figures are there",
        )

    assert 'freehold_webhook_attempts_total{subscription="hook",verdict="delivered"} 2.0' in figures
    assert 'freehold_webhook_disabled{subscription="hook"} 0.0' in figures


def test_the_receiver_of_the_documentation_takes_them(root: Path, tmp_path: Path) -> None:
    """As it stands there: it verifies, takes each event once, and refuses what another secret signed."""
    page = (Path(__file__).parents[2] / "docs" / "concepts" / "webhooks.md").read_text(encoding="utf-8")
    code = re.search(r"^```python\n(# receiver\.py.*?)^```", page, re.M | re.S)
    assert code
    (tmp_path / "receiver.py").write_text(code[1])
    port = free_port()
    subscribe(root, f"http://127.0.0.1:{port}/hook")
    subscribe(root, f"http://127.0.0.1:{port}/hook", "strange", secret="env:HOOK_SECRET_NEXT")
    known = subscribers_of(load_estate(root))
    environ = {**os.environ, "PORT": str(port)}
    command = [sys.executable, str(tmp_path / "receiver.py")]
    with subprocess.Popen(
        command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            sender, event = Sender(root, LOOPBACK), {"id": "e1", "type": "freehold.run.completed"}
            told = until(lambda: (o := sender.send(known["hook"].subscription, "e1", event)).status and o, "it answers")
            again = sender.send(known["hook"].subscription, "e1", event)
            strange = sender.send(known["strange"].subscription, "e2", event)
        finally:
            process.terminate()
        said = process.stdout.read() if process.stdout else ""

    assert (told.status, again.status, strange.status) == (204, 204, 401)
    assert said == "freehold.run.completed\n"


def test_a_reference_for_an_address_is_never_shown_as_what_it_leads_to(
    root: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is followed when something is sent; what goes wrong names the reference."""
    monkeypatch.setenv("HOOK_URL", receiver.url)
    subscribe(root, "env:HOOK_URL")
    one = subscribers_of(load_estate(root))["hook"].subscription
    well = Sender(root, LOOPBACK).send(one, "e1", {})
    monkeypatch.setenv("HOOK_URL", "https://127.0.0.1/services/hunter2")
    refused = Sender(root, outbound_from({})).send(one, "e1", {})
    monkeypatch.setenv("HOOK_URL", "https://" + "0x7f.1/services/hunter2")
    strange = Sender(root, LOOPBACK).send(one, "e1", {})
    monkeypatch.delenv("HOOK_URL")
    missing = Sender(root, LOOPBACK).send(one, "e1", {})

    assert well.status == 204
    for outcome in (refused, strange, missing):
        assert outcome.verdict == "ill"
        assert "env:HOOK_URL" in outcome.problem
        assert "hunter2" not in outcome.problem


def test_who_may_not_see_all_sees_no_subscription_but_their_own(serve: Serve, root: Path, receiver: Receiver) -> None:
    """To others it is not there: not in the list, not by its name."""
    product = root / "shop" / "orders" / "product.odps.yaml"
    product.write_text(product.read_text().replace("customProperties:\n", _HIDDEN))
    subscribe(root, receiver.url)
    running = serve()
    with known_as(running, "user:idp/x") as other, known_as(running, "user:idp/m", "group:idp/shop-data") as member:
        assert other.get("/api/v1/webhooks").json()["items"] == []
        assert other.get("/api/v1/webhooks/hook").status_code == 404
        assert other.get("/settings/webhooks/hook").status_code == 404
        assert [one["id"] for one in member.get("/api/v1/webhooks").json()["items"]] == ["hook"]
