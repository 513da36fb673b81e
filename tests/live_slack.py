"""Slack and Teams on loopback: what was posted is kept, and answered in the documented forms; and what Slack sends."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import httpx2

from freehold.connect.messages import slack_signed
from live_double import Answer, doubling, in_json
from live_server import Running

SIGNING = "8f742231b10e8888abcd99yyyzzz85a5"


@dataclass
class Slack:
    """What was asked of Slack: each call with its method and body.

    `failing` are answers that are given first: a status, its headers and a body; None, for none at all. While `held` is
    set, what is posted is kept, and its answer waits until the end.
    """

    port: int = 0
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    failing: list[Answer | None] = field(default_factory=list)
    held: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)
    authorizations: set[str] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def answered(self, path: str, _: Any, body: Any, headers: Mapping[str, str]) -> Answer | None:
        """Keep what is posted, and call it by its number."""
        self.authorizations.add(headers.get("authorization") or "")
        if self.failing:
            return self.failing.pop(0)
        self.calls.append((path.rpartition("/")[2], body))
        if self.held.is_set():
            self.over.wait()
            return None
        return in_json({"ok": True, "channel": body.get("channel"), "ts": f"1503435956.{len(self.calls):06}"})

    def of(self, method: str) -> list[dict[str, Any]]:
        """Return the bodies of the calls of a method."""
        return [body for name, body in self.calls if name == method]

    @staticmethod
    def buttons(posted: dict[str, Any]) -> list[str]:
        """Return which buttons a message has, but for links."""
        elements = [e for block in posted["blocks"] if block["type"] == "actions" for e in block["elements"]]
        return [str(e["action_id"]) for e in elements if e["action_id"] != "open"]

    def button(self, index: int, which: str) -> str:
        """Return the value of a button of a message that was posted."""
        posted = self.of("chat.postMessage")[index]
        elements = [e for block in posted["blocks"] if block["type"] == "actions" for e in block["elements"]]
        return next(str(e["value"]) for e in elements if e["action_id"] == which)


@contextmanager
def slacking() -> Iterator[Slack]:
    """Run it while the block runs."""
    with doubling(Slack()) as one:
        yield one
        one.over.set()


def sent(
    running: Running, place: str, form: dict[str, str], *, secret: str = SIGNING, ago_s: int = 0, at_s: int = 0
) -> httpx2.Response:
    """Send what Slack sends: a form, signed."""
    body, at = urlencode(form).encode(), (at_s or int(time.time())) - ago_s
    headers = {
        "Content-Type": "application/x-www-form-urlencoded", "X-Slack-Request-Timestamp": str(at),
        "X-Slack-Signature": slack_signed(at, body, secret),
    }  # fmt: skip
    with running.client(**headers) as client:
        return client.post(f"/hooks/slack/{place}", content=body)


def pressed(running: Running, user: str, value: str, action: str = "approve", **how: Any) -> httpx2.Response:
    """Press a button."""
    payload = {
        "type": "block_actions", "user": {"id": user, "username": "x"}, "trigger_id": "13345224609.738474920.80889",
        "channel": {"id": "C0123456789"}, "container": {"type": "message", "message_ts": "1503435956.000001"},
        "actions": [{"type": "button", "action_id": action, "block_id": "b", "value": value, "action_ts": "1"}],
    }  # fmt: skip
    return sent(running, "team/actions", {"payload": json.dumps(payload)}, **how)


def reasoned(running: Running, user: str, value: str, why: str) -> httpx2.Response:
    """Give a reason in the window that asks for one."""
    view = {
        "private_metadata": value,
        "state": {"values": {"why": {"text": {"type": "plain_text_input", "value": why}}}},
    }
    payload = {"type": "view_submission", "user": {"id": user}, "view": view}
    return sent(running, "team/actions", {"payload": json.dumps(payload)})
