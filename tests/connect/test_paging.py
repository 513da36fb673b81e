"""What channels are told of an incident, and when, as tables: nobody twice, nobody of what is long over."""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from freehold.connect.messages import channel_findings, way_to
from freehold.connect.paging import Kind, Matter, Page, Step, Told, due
from freehold.connect.paging.pagerduty import event_of, expect_signed, key_of
from freehold.estate import load_estate
from freehold.estate.scaffold import scaffold, write_new
from freehold.foundation import FreeholdError

AT = datetime(2026, 11, 20, 8, tzinfo=UTC)
_KINDS = {"o": Kind.OPENED, "a": Kind.ACKNOWLEDGED, "s": Kind.SEVERITY, "j": Kind.JOINED, "r": Kind.RESOLVED}


def matter(kinds: str) -> Matter:
    """Return an incident to which something happened each minute: o, a, s, j, r for kinds of steps."""
    steps = [Step(f"{n}", _KINDS[kind], AT + timedelta(minutes=n)) for n, kind in enumerate(kinds)]
    return Matter("incident/1", "shop.orders", ("shop.orders.orders",), 1, tuple(steps))


@pytest.mark.parametrize(
    ("to", "happened", "told", "expected"),
    [
        pytest.param("pagerduty", "o", "", ["trigger"], id="what is open wakes somebody"),
        pytest.param("pagerduty", "oj", "trigger 0", [], id="an alert that joins wakes nobody again"),
        pytest.param("pagerduty", "oa", "trigger 0", ["acknowledge"], id="somebody has it"),
        pytest.param("pagerduty", "oa", "", ["acknowledge"], id="what somebody has before it was told wakes nobody"),
        pytest.param("pagerduty", "oar", "trigger 0", ["resolve"], id="what is over ends there, whatever came between"),
        pytest.param("pagerduty", "or", "", ["resolve"], id="what a server that died may have triggered is ended"),
        pytest.param("pagerduty", "or", "resolve 01", [], id="it ends once"),
        pytest.param("slack", "o", "", ["post 0"], id="a message"),
        pytest.param("slack", "oa", "", ["post 01"], id="a message as it is now, and no thread of what was before"),
        pytest.param("slack", "or", "", [], id="what was over before they heard of it they do not hear of"),
        pytest.param("slack", "ojjas", "post 0", ["follow 12", "follow 3", "follow 4"], id="alerts that join together"),
        pytest.param("slack", "oar", "post 0 follow 1", ["follow 2"], id="only what is new"),
        pytest.param("teams", "ojja", "post 0", ["follow 3"], id="alerts that join are told where there is a thread"),
        pytest.param("apprise", "ojr", "post 0", ["follow 2"], id="and nowhere else"),
        pytest.param("webhook", "oj", "post 0", ["follow 1"], id="but to programs"),
    ],
)
def test_what_is_still_to_be_told(to: str, happened: str, told: str, expected: list[str]) -> None:
    """By what happened, and what the channel was told before."""
    known, words = Told(), told.split()
    for act, steps in zip(words[::2], words[1::2], strict=True):
        known.take({"act": act, "steps": [*steps], "message": "1", "conversation": "C"})
    found = due(to, matter(happened), known, AT + timedelta(hours=1))
    shown = [one.what if to == "pagerduty" else f"{one.what} {''.join(s.id for s in one.steps)}" for one in found]

    assert shown == expected


def test_what_ended_long_ago_is_ended_nowhere() -> None:
    """A channel that is new is not told of all that ever was."""
    assert due("pagerduty", matter("or"), Told(), AT + timedelta(days=2)) == ()


def test_an_event_keeps_the_lengths_that_pagerduty_takes() -> None:
    """A long title and a long id are cut; two long ids stay two."""
    page = Page(matter("o"), "Incident", "x" * 3000, {"runbook": "https://example.com/run"}, "")
    event = event_of(page, "trigger", "0" * 32)

    assert len(event["payload"]["summary"]) == 1024
    assert event["links"] == [{"href": "https://example.com/run", "text": "Runbook"}]
    assert len(key_of("a" * 300)) <= 255
    assert key_of("a" * 300) != key_of("a" * 301)
    assert set(event_of(page, "resolve", "0" * 32)) == {"routing_key", "event_action", "dedup_key"}


@pytest.mark.parametrize(
    ("shown", "holds"),
    [
        ("v1={right}", True), ("v1={wrong},v1={right}", True), ("v1={wrong}, v1={right}", True), ("v1={wrong}", False),
        ("{right}", False), ("", False), ("v2={right}", False),
    ],
)  # fmt: skip
def test_a_webhook_holds_by_any_of_its_signatures(shown: str, holds: bool) -> None:
    """As many as there are while a secret is replaced; each of version 1."""
    body = b'{"event": {}}'
    right, wrong = (hmac.new(key, body, hashlib.sha256).hexdigest() for key in (b"secret", b"other"))
    headers = {"x-pagerduty-signature": shown.format(right=right, wrong=wrong)}
    if holds:
        expect_signed(headers, body, "secret")
    else:
        with pytest.raises(FreeholdError, match="FH-E372"):
            expect_signed(headers, body, "secret")
    with pytest.raises(FreeholdError, match="FH-E372"):
        expect_signed(headers, body, None)


_FILES = """\
apiVersion: freehold.dev/v1
kind: ServiceAccount
metadata: {{id: x, owner: shop-data}}
spec: {{review_by: 2999-01-31}}
---
apiVersion: freehold.dev/v1
kind: Channel
metadata: {{id: c, owner: shop-data}}
spec: {{as: service:x, {}}}
"""


@pytest.mark.parametrize(
    ("spec", "problem", "fix"),
    [
        ("to: pagerduty, pages: {}", "which has a routing key", "Say `routing_key"),
        ("to: pagerduty, routing_key: env:K, decisions: [plan]", "alone", "leave `decisions`"),
        ("to: apprise, url: https://example.com, pages: {}", "whose address is a secret", "Say `url: env:ONCALL_URL`"),
        ("to: teams, url: env:U, changes: true", "PagerDuty alone shows", "Leave `changes` out"),
        ("to: teams, url: env:U, decisions: [incident], pages: {}", "twice", "Leave `incident` out"),
        ("to: teams, url: env:U, pages: {teams: [shop-dta]}", "`shop-dta`", "Did you mean `shop-data`?"),
        ("to: teams, url: env:U, pages: {products: [shop.order]}", "`shop.order`", "Did you mean `shop.orders`?"),
        ("to: slack, signing_secret: env:S, pages: {}", "has no `token`", "Add `token`."),
    ],
)
def test_a_channel_that_could_not_page_is_found_in_its_file(tmp_path: Path, spec: str, problem: str, fix: str) -> None:
    """Saying what it lacks, and how that is mended."""
    write_new(tmp_path, {**scaffold("shop", date(2026, 11, 20)), "channel.yaml": _FILES.format(spec)})
    found = channel_findings(load_estate(tmp_path))

    assert (found[0].code, problem in found[0].problem, fix in found[0].fix) == ("FH-X320", True, True), found


def test_nobody_is_sent_a_brief_by_what_wakes_people(tmp_path: Path) -> None:
    """A channel of PagerDuty is no way to tell of anything but what is wrong."""
    spec = "to: pagerduty, routing_key: env:K, pages: {}"
    write_new(tmp_path, {**scaffold("shop", date(2026, 11, 20)), "channel.yaml": _FILES.format(spec)})
    estate = load_estate(tmp_path)

    assert channel_findings(estate) == ()
    assert way_to("channel:c", estate, has_mail=True) is None
