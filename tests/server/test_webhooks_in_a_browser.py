"""Webhooks as somebody looks after them, in a real Chromium: what fails and why, a ping, a dead letter sent again."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from freehold.connect.outbound import outbound_from
from freehold.ledger import Event
from live_browser import AXE, SHOTS
from live_process import until
from live_receiver import SECRET, Receiver, receiving
from live_server import Running

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

_HOOK = """\
---
apiVersion: freehold.dev/v1
kind: Subscription
metadata: {{id: {id}, owner: shop-data, name: {name}, description: Starts the report of the morning.}}
spec: {{url: "{url}", secret: env:HOOK_SECRET, as: "service:hooks", types: [run.*], timeout: 2s}}
"""
_ACCOUNT = """\
apiVersion: freehold.dev/v1
kind: ServiceAccount
metadata: {id: hooks, owner: shop-data}
spec: {review_by: 2999-01-31}
"""


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    """A receiver that takes everything."""
    with receiving() as one:
        yield one


@pytest.fixture(scope="module")
def hooked(
    made_estate: Path, tmp_path_factory: pytest.TempPathFactory, serving: Callable[..., Running], receiver: Receiver
) -> Running:
    """A server with three subscriptions: one is well and has a dead letter, one fails, one is gone."""
    root = Path(shutil.copytree(made_estate, tmp_path_factory.mktemp("hooked") / "shop"))
    (root / "hook.secret").write_text(SECRET)
    with receiving(answer=lambda _: (410, {})) as gone:
        each = {"report": receiver.url, "nobody": "http://127.0.0.1:9/hook", "gone": gone.url}
        told = "".join(_HOOK.format(id=id_, name=id_.title(), url=url) for id_, url in each.items())
        (root / "hooks.yaml").write_text(_ACCOUNT + told.replace("env:HOOK_SECRET", '"file:hook.secret"'))
        rates = {"read": 100_000, "write": 100_000, "sign_in": 100_000}
        running = serving(root, rates=rates, outbound=outbound_from({"allow": ["127.0.0.1"], "plain_http": True}))
        ledger = running.app.state.served.snapshots.ledger
        until(lambda: len(ledger.webhooks.standings()) == 3, "all began")
        said = {"asset": "shop.orders.orders", "status": "success"}
        ledger.append(*(Event("run.completed", {"run_id": f"r{n}", **said}, product="shop.orders") for n in range(3)))
        until(lambda: len(receiver.events) == 3, "all came")
        until(lambda: ledger.webhooks.standings()["gone"].state == "disabled", "one is gone")
        until(lambda: ledger.webhooks.standings()["nobody"].problem, "one fails")
    one = until(lambda: ledger.webhooks.get("report", receiver.events[0].id), "it is kept")
    dead = {"state": "dead", "attempts": 10, "status": 422, "problem": "it answered 422", "took": timedelta()}
    ledger.webhooks.ask(replace(one, **dead))
    return running


@pytest.fixture
def page(chromium: Browser, hooked: Running) -> Iterator[Page]:
    """A browser that is signed in there."""
    context = chromium.new_context(base_url=hooked.url)
    one = context.new_page()
    one.goto(hooked.link())
    yield one
    context.close()


def test_a_dead_letter_is_found_and_sent_again(page: Page, receiver: Receiver) -> None:
    """From the list to the subscription, to what was given up; and it comes."""
    page.goto("/")
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Webhooks").click()
    page.get_by_role("row", name="Report").get_by_role("link").click()
    page.get_by_role("link", name="Dead letters").click()
    before = len(receiver.events)
    with page.expect_navigation():
        page.get_by_role("row", name="it answered 422").get_by_role("button", name="Send event").click()
    until(lambda: len(receiver.events) == before + 1, "it came")
    until(lambda: page.reload() and page.get_by_role("row", name="given up").count() == 0, "it is no dead letter more")

    assert receiver.events[-1].id == receiver.events[0].id


def test_a_ping_is_sent_and_its_answer_shown(page: Page, receiver: Receiver) -> None:
    """With a button; a moment later the answer stands in the list."""
    page.goto("/settings/webhooks/report")
    with page.expect_navigation():  # a page that is being left cannot be loaded again
        page.get_by_role("button", name="Ping").click()
    until(
        lambda: page.reload() and page.get_by_role("row", name="webhook.ping").get_by_text("204 in").count(),
        "its answer is there",
    )

    assert receiver.got[-1].is_signed


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", ["", "/report", "/nobody", "/gone"])
def test_its_pages_fit_and_can_be_read_by_everybody(page: Page, path: str, width: int, scheme: str) -> None:
    """No page scrolls sideways; axe finds nothing serious; why it is not well stands in words."""
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.goto(f"/settings/webhooks{path}")
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SHOTS / f"webhooks{path.replace('/', '-')}-{width}-{scheme}.png", full_page=True)

    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    if path in ("/nobody", "/gone"):
        page.get_by_text("connection refused" if path == "/nobody" else "gone (410)").first.wait_for()
    if AXE.is_file():
        page.evaluate(AXE.read_text(encoding="utf-8"))
        found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        assert [v["id"] for v in found["violations"] if v["impact"] in ("serious", "critical")] == []
