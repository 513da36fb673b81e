"""Two journeys in a real Chromium: a metric answers before anybody is asked; an approval comes from a chat."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from changing_estates import OWNER, STEWARD, change_metric, owned
from freehold.connect.outbound import outbound_from
from live_browser import SHOTS, expect_readable
from live_process import freehold, until
from live_server import Running, known_as
from live_slack import SIGNING, Slack, pressed

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

RATES = {"read": 100_000, "write": 100_000}
_CHANNEL = """\
apiVersion: freehold.dev/v1
kind: ServiceAccount
metadata: {{id: slack, owner: shop-data}}
spec: {{review_by: 2999-01-31}}
---
apiVersion: freehold.dev/v1
kind: Channel
metadata: {{id: team, owner: shop-data}}
spec:
  {{to: slack, url: "{url}", token: env:SLACK_TOKEN, signing_secret: env:SLACK_SECRET, conversation: C01,
    as: service:slack, decisions: [plan]}}
---
apiVersion: freehold.dev/v1
kind: Team
metadata: {{id: people}}
spec: {{handles: {{slack: {{U0OWNER: ["user:idp/{owner}"]}}}}}}
"""


def test_a_metric_answers_a_request_before_it_is_filed(opened: Callable[..., Page], server: Running) -> None:
    """An analyst writes what they want, sees that it is there, and takes it: nobody is asked for anything."""
    page = opened("/requests?type=data_request")
    page.locator("#what").press_sequentially("revenue by day of the week")
    answer = page.get_by_role("button", name=re.compile("This is it: .*revenue", re.IGNORECASE)).first
    answer.wait_for()
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SHOTS / "answered-before.png", full_page=True)
    answer.click()
    page.wait_for_url("**/metrics/shop.revenue")
    page.get_by_role("heading", name=re.compile("revenue", re.IGNORECASE), level=1).wait_for()
    ledger = server.app.state.served.snapshots.ledger
    (taken,) = ledger.read(types=("work.deflected",))

    assert (taken.data["answer"], taken.data["kind"]) == ("shop.revenue", "metric")
    assert not [e for e in ledger.read(types=("work.created",)) if e.data["type"] == "data_request"]


def test_an_approval_in_a_chat_is_on_the_page(
    chromium: Browser, serving: Callable[..., Running], slack: Slack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The button is pressed in Slack, what Slack signs is believed, and the plan's page says who approved."""
    monkeypatch.setenv("SLACK_TOKEN", "xoxb-secret")
    monkeypatch.setenv("SLACK_SECRET", SIGNING)
    root = tmp_path / "shop"
    assert freehold(tmp_path, "init", str(root)).returncode == 0
    owned(root)
    estate = root / "estate.yaml"
    estate.write_text(estate.read_text().replace("connection: warehouse}", "connection: warehouse, protected: true}"))
    (root / "channels.yaml").write_text(_CHANNEL.format(url=slack.url, owner=OWNER))
    assert freehold(root, "apply", "--yes").returncode == 0
    change_metric(root, "orders.amount > 0")
    running = serving(root, rates=RATES, outbound=outbound_from({"allow": ["127.0.0.1"], "plain_http": True}))
    with known_as(running, f"user:idp/{STEWARD}") as client:
        plan = client.get("/plan.json").json()["page"]["id"]
        asking = client.post("/plan/ask", data={"plan": plan}, headers={"sec-fetch-site": "same-origin"})
        assert asking.status_code == 303, asking.text
    context = chromium.new_context(base_url=running.url)
    context.add_cookies([running.cookie()])  # type: ignore[list-item]
    page = context.new_page()
    page.goto("/plan")
    page.get_by_role("heading", name="Plan").first.wait_for()
    before = page.locator("main").inner_text()
    until(lambda: slack.of("chat.postMessage"), "the channel was told")
    assert pressed(running, "U0OWNER", slack.button(0, "approve")).status_code == 200
    until(lambda: slack.of("chat.update"), "the message says so")
    page.goto("/plan")
    after = page.locator("main").inner_text()
    expect_readable(page, "plan-approved-in-slack")
    context.close()

    assert "approved by" not in before
    assert f"approved by user:idp/{OWNER}" in " ".join(after.split())
    assert "actions" not in [block["type"] for block in slack.of("chat.update")[0]["blocks"]]
