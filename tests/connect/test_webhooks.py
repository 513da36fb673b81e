"""Webhooks as values: signatures as the standard has them, what comes of an answer, and what files may declare."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook

from freehold.connect.webhooks import (
    GIVEN_UP_AFTER,
    SCHEDULE,
    Outcome,
    attempted,
    fresh_secret,
    key_of,
    signed,
    subscription_findings,
    subscriptions_of,
)
from freehold.connect.webhooks.judging import LINE_LOOKS_EVERY, LONGEST_WISH, waits, wish_of
from freehold.estate import load_estate
from freehold.foundation import FreeholdError, Problems
from freehold.ledger import Vocabulary
from freehold.ledger.deliveries import PING, Delivery, Standing

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
STANDING = Standing("hook", 7, "m")
EVENT = Delivery("hook", "e8", 8, "run.completed")


def test_the_signature_is_that_of_the_published_vector() -> None:
    """Of the standard's own libraries: one secret, one id, one second, one body."""
    key = key_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "env:X")
    headers = signed("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}', [key])

    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_stock_library_takes_what_is_signed() -> None:
    """By any of the secrets, each of which was made here; and nothing that was changed on the way."""
    secrets = [fresh_secret(), fresh_secret()]
    at, body = int(datetime.now(UTC).timestamp()), '{"name":"Zoë"}'.encode()
    headers = signed("e1", at, body, [key_of(one, "env:X") for one in secrets])

    for one in secrets:
        assert Webhook(one).verify(body, headers) == {"name": "Zoë"}
    for changed in (headers | {"webhook-id": "e2"}, headers | {"webhook-timestamp": str(at + 1)}):
        with pytest.raises(Exception, match="No matching signature"):
            Webhook(secrets[0]).verify(body, changed)


@pytest.mark.parametrize(
    "secret",
    ["", "whsec_", "plain text", "whsec_c2hvcnQ=", "whsec_!!!", "whsec_" + "A" * 200, "Q" * 44],
    ids=["empty", "a prefix alone", "words", "too short", "no base64", "too long", "no prefix"],
)
def test_a_secret_of_another_form_is_refused_and_not_repeated(secret: str) -> None:
    """The error names its reference."""
    with pytest.raises(FreeholdError) as refusal:
        key_of(secret, "env:HOOK_SECRET")

    assert refusal.value.code == "FH-A163"
    assert "env:HOOK_SECRET" in refusal.value.problem
    assert len(secret) < 7 or secret not in str(refusal.value)


def judged(status: int, *, standing: Standing = STANDING, delivery: Delivery = EVENT, **said: Any) -> tuple[Any, Any]:
    """Return what comes of an answer."""
    return attempted(standing, delivery, Outcome(status, f"it answered {status}", **said), NOW, lambda: 0.5)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_2xx_is_delivered(status: int) -> None:
    """The cursor moves over it."""
    standing, delivery = judged(status)

    assert (standing.cursor, standing.succeeded_at, standing.problem) == (8, NOW, "")
    assert (delivery.state, delivery.attempts, delivery.next_at) == ("delivered", 1, None)


@pytest.mark.parametrize("status", [0, 301, 307, 401, 403, 404, 405, 408, 418, 425, 429, 500, 502, 503, 504])
def test_a_receiver_that_is_ill_holds_the_line(status: int) -> None:
    """Its event stays in front, so that nothing passes it."""
    standing, delivery = judged(status)

    assert standing.cursor == 7
    assert standing.held_until == delivery.next_at == NOW + SCHEDULE[1]
    assert (standing.failing_since, delivery.state) == (NOW, "waiting")


@pytest.mark.parametrize("status", [400, 409, 413, 415, 422])
def test_an_event_that_is_refused_is_set_aside(status: int) -> None:
    """The line goes on without it."""
    standing, delivery = judged(status)

    assert (standing.cursor, standing.held_until) == (8, None)
    assert (delivery.state, delivery.next_at) == ("waiting", NOW + SCHEDULE[1])


def test_a_refused_event_is_tried_as_the_standard_has_it_and_then_dead() -> None:
    """Ten attempts, 75 hours and 35 minutes from the first to the last, where nothing else is wrong."""
    at, delivery, waited = NOW, EVENT, []
    while delivery.state == "waiting":
        standing = Standing("hook", 8, "m")  # others are delivered meanwhile
        _, delivery = attempted(standing, delivery, Outcome(422, "it answered 422"), at, lambda: 0.5)
        if delivery.next_at is not None:
            waited.append(delivery.next_at - at)
            at = delivery.next_at

    assert (delivery.state, delivery.attempts) == ("dead", 10)
    assert waited == list(SCHEDULE[1:])
    assert at - NOW == GIVEN_UP_AFTER == timedelta(hours=75, minutes=35, seconds=5)


def test_who_fails_for_as_long_is_disabled_with_a_reason_and_nothing_is_dropped() -> None:
    """The event that failed is still in front of the line, so that it is the first when it goes on."""
    at, standing, delivery = NOW, STANDING, EVENT
    attempts = 0
    while standing.state == "active":
        standing, delivery = attempted(standing, delivery, Outcome(503, "it answered 503"), at, lambda: 0.5)
        attempts, at = attempts + 1, standing.held_until or at

    assert standing.cursor == 7
    assert delivery.state == "waiting"
    assert standing.reason == "Nothing was delivered since 2026-03-02 09:00 UTC; last, it answered 503."
    assert 75 <= attempts <= 85, "about once an hour"
    assert GIVEN_UP_AFTER <= at - NOW < GIVEN_UP_AFTER + LINE_LOOKS_EVERY


def test_410_disables_at_once() -> None:
    """Without another attempt."""
    standing, delivery = judged(410)

    assert (standing.state, standing.cursor, standing.disabled_at) == ("disabled", 7, NOW)
    assert delivery.next_at is None


def test_a_ping_changes_nothing_whatever_is_answered() -> None:
    """Not even 410."""
    ping = Delivery("hook", "ping-1", 0, "webhook.ping", PING)
    for status in (200, 410, 500):
        standing, delivery = judged(status, delivery=ping)

        assert standing == STANDING
        assert delivery.state == ("delivered" if status == 200 else "failed")


@pytest.mark.parametrize("chance", [0.0, 0.25, 1.0])
def test_waits_are_spread(chance: float) -> None:
    """By a tenth to either side, so that what failed together does not come together."""
    found = waits(2, None, lambda: chance)

    assert found == SCHEDULE[2] * (0.9 + 0.2 * chance)


@pytest.mark.parametrize(
    ("header", "meant"),
    [
        ("120", timedelta(seconds=120)), ("0", timedelta(0)), ("Mon, 02 Mar 2026 09:05:00 GMT", timedelta(minutes=5)),
        ("Mon, 02 Mar 2026 08:00:00 GMT", timedelta(0)), ("99999999999999999999", LONGEST_WISH), ("soon", None),
        ("-5", None), ("1.5", None), ("", None), ("²", None),
    ],
)  # fmt: skip
def test_retry_after_is_seconds_or_a_date(header: str, meant: timedelta | None) -> None:
    """Anything else is no wish."""
    assert wish_of(header, NOW) == meant


def test_a_wish_lengthens_the_wait_and_never_shortens_it() -> None:
    """And no receiver holds an event for more than a day."""
    assert judged(503, wish=timedelta(minutes=20))[0].held_until == NOW + timedelta(minutes=20)
    assert judged(503, wish=timedelta(seconds=1))[0].held_until == NOW + SCHEDULE[1]
    assert judged(503, wish=timedelta(days=30))[0].held_until == NOW + LONGEST_WISH


_ESTATE = """\
apiVersion: freehold.dev/v1
kind: Estate
metadata: {id: e, name: E}
spec: {connections: {w: {url: "duckdb:///w.db"}}, environments: {prod: {connection: w}}}
---
apiVersion: freehold.dev/v1
kind: Team
metadata: {id: sales}
spec: {members: ["user:idp/ana"]}
---
apiVersion: freehold.dev/v1
kind: ServiceAccount
metadata: {id: nightly, owner: sales}
spec: {review_by: 2999-01-31}
---
apiVersion: freehold.dev/v1
kind: ServiceAccount
metadata: {id: sender, owner: sales}
spec: {review_by: 2999-01-31, scopes: ["lineage:write"]}
"""
_HOOK = """\
apiVersion: freehold.dev/v1
kind: Subscription
metadata: {id: hook, owner: OWNER}
spec:
  url: URL
  secret: SECRET
  as: ACCOUNT
  types: [TYPE]
"""
_WELL = {
    "OWNER": "sales", "URL": "https://hooks.example.com/in?key=abc", "SECRET": "env:HOOK", "ACCOUNT": "service:nightly",
    "TYPE": "check.*",
}  # fmt: skip


def declared(tmp_path: Path, **said: str) -> Any:
    """Return an estate that declares a subscription, with some words of it in place of others."""
    text = _HOOK
    for word, value in (_WELL | said).items():
        text = text.replace(word, value)
    (tmp_path / "estate.yaml").write_text(_ESTATE)
    (tmp_path / "hook.yaml").write_text(text)
    return load_estate(tmp_path)


def test_a_declared_subscription_is_read(tmp_path: Path) -> None:
    """And shows its address without the query, which may hold a secret."""
    estate = declared(tmp_path, SECRET="[env:NEW, env:OLD]")
    one = subscriptions_of(estate)["hook"]

    assert estate.findings == ()
    assert subscription_findings(estate, Vocabulary()) == ()
    assert (one.secrets, one.account, one.types) == (("env:NEW", "env:OLD"), "service:nightly", ("check.*",))
    assert one.shown_url == "https://hooks.example.com/in"


@pytest.mark.parametrize(
    ("said", "code", "hint"),
    [
        pytest.param({"ACCOUNT": "service:nigthly"}, "FH-A164", "nightly", id="an account that there is not"),
        pytest.param({"ACCOUNT": "service:sender"}, "FH-A164", "catalog:read", id="an account that may not read"),
        pytest.param({"OWNER": "sale"}, "FH-A165", "sales", id="an owner that there is not"),
        pytest.param({"TYPE": "run.complete"}, "FH-A166", "run.completed", id="a type that there is not"),
        pytest.param({"URL": "https://u@example.com/"}, "FH-A161", "https://hooks.example.com", id="a name in the URL"),
        pytest.param(
            {"URL": "https://" + "0x7f.1/"}, "FH-A161", "https://hooks.example.com", id="an address in disguise"
        ),
    ],
)
def test_what_is_wrong_is_found_with_what_was_meant(tmp_path: Path, said: dict[str, str], code: str, hint: str) -> None:
    """Before anything is sent."""
    found = subscription_findings(declared(tmp_path, **said), Vocabulary())

    assert [one.code for one in found] == [code]
    assert hint in found[0].fix
    assert found[0].where is not None
    assert found[0].where.path == "hook.yaml"


@pytest.mark.parametrize("secret", ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "[env:A, whsec_MfKQ9r8GKYqrTwjUPD8]"])
def test_a_secret_in_a_file_is_refused_and_not_repeated(tmp_path: Path, secret: str) -> None:
    """It belongs where its reference leads."""
    with pytest.raises(Problems) as refusal:
        declared(tmp_path, SECRET=secret)

    assert "secret" in str(refusal.value)
    assert "MfKQ9r8" not in str(refusal.value)
