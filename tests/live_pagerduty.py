"""PagerDuty on loopback: it takes events by the rules it documents, and signs what its webhooks tell."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2

from live_double import Answer, doubling, in_json
from live_server import Running

KEY = "0123456789abcdef0123456789abcdef"
SIGNING = "a-secret-of-a-webhook-subscription"
_NEXT = {"acknowledge": "acknowledged", "resolve": "resolved"}


@dataclass
class PagerDuty:
    """A service of PagerDuty.

    `alerts` are the alerts it knows by their key, each with the states it went through; of one key that is not resolved
    there is one alert, however often it is triggered. `failing` are answers that are given first; while `held` is set,
    an event is taken, and its answer waits until the end.
    """

    port: int = 0
    events: list[dict[str, Any]] = field(default_factory=list)
    changes: list[dict[str, Any]] = field(default_factory=list)
    alerts: dict[str, list[str]] = field(default_factory=dict)
    pages: list[str] = field(default_factory=list)  # the keys for which somebody was woken
    failing: list[Answer | None] = field(default_factory=list)
    held: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def answered(self, path: str, _: Any, body: Any, __: Mapping[str, str]) -> Answer | None:
        """Take an event, or say what is wrong with it."""
        if self.failing:
            return self.failing.pop(0)
        wrong = _wrong(path, body)
        if wrong:
            return in_json({"status": "invalid event", "message": "Event object is invalid", "errors": wrong}, 400)
        if path == "/v2/change/enqueue":
            self.changes.append(body)
            return in_json({"status": "success"}, 202)
        self.events.append(body)
        self._take(body["event_action"], body["dedup_key"])
        if self.held.is_set():
            self.over.wait()
            return None
        return in_json({"status": "success", "message": "Event processed", "dedup_key": body["dedup_key"]}, 202)

    def _take(self, action: str, key: str) -> None:
        states = self.alerts.get(key, [])
        if action == "trigger":
            if not states or states[-1] == "resolved":
                self.alerts[key] = [*states, "triggered"]
                self.pages.append(key)
        elif states and states[-1] not in ("resolved", _NEXT[action]):
            states.append(_NEXT[action])

    def actions(self) -> list[str]:
        """Return what was asked for, in order."""
        return [str(one["event_action"]) for one in self.events]


def _wrong(path: str, body: Any) -> list[str]:
    """Return what its documentation forbids of an event."""
    payload = body.get("payload") or {}
    found = [] if len(str(body.get("routing_key"))) == 32 else ["Length of 'routing_key' is incorrect"]
    if path == "/v2/change/enqueue":
        return [*found, *([] if payload.get("summary") else ["'payload.summary' is missing or blank"])]
    if path != "/v2/enqueue" or body.get("event_action") not in ("trigger", "acknowledge", "resolve"):
        return [*found, "'event_action' is invalid"]
    if not 0 < len(body.get("dedup_key", "")) <= 255:
        found.append("'dedup_key' is missing or too long")
    if body["event_action"] == "trigger":
        found += [f"'payload.{name}' is missing or blank" for name in ("summary", "source") if not payload.get(name)]
        found += [] if payload.get("severity") in ("critical", "error", "warning", "info") else ["bad severity"]
        found += [] if len(payload.get("summary", "")) <= 1024 else ["'payload.summary' is too long"]
    return found


@contextmanager
def pagerduty() -> Iterator[PagerDuty]:
    """Run it while the block runs."""
    with doubling(PagerDuty()) as one:
        yield one
        one.over.set()


def hooked(
    running: Running, key: str, *, channel: str = "oncall", user: str = "PANA", secret: str = SIGNING, id_: str = "",
    event: str = "incident.acknowledged",
) -> httpx2.Response:  # fmt: skip
    """Send what a webhook of version 3 tells, as it documents it."""
    agent = {"id": user, "type": "user_reference", "summary": "Somebody"}
    data = {"id": "PGR0VU2", "type": "incident", "number": 2, "status": "acknowledged", "incident_key": key}
    said = {
        "event": {
            "id": id_ or str(uuid.uuid4()), "event_type": event, "resource_type": "incident",
            "occurred_at": "2026-11-22T18:45:22.169Z", "agent": agent, "client": None, "data": data,
        }
    }  # fmt: skip
    body = json.dumps(said).encode()
    signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    older = hmac.new(b"the one before", body, hashlib.sha256).hexdigest()
    with running.client(**{"X-PagerDuty-Signature": f"v1={older},v1={signature}"}) as client:
        return client.post(f"/hooks/pagerduty/{channel}", content=body)
