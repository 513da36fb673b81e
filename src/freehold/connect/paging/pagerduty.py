"""PagerDuty: events of version 2 of its Events API, and the signatures of its webhooks, version 3. Pure.

The incident's id is the key by which PagerDuty knows an alert, so that an event that comes twice is one.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from freehold.connect.paging.deciding import TRIGGER
from freehold.connect.paging.page import Page
from freehold.foundation import FreeholdError

ENQUEUE, CHANGE = "/v2/enqueue", "/v2/change/enqueue"
ACKNOWLEDGED = "incident.acknowledged"
_LONGEST_KEY, _LONGEST_SUMMARY = 255, 1024  # characters, as it documents them
_SEVERITIES = {1: "critical", 2: "error", 3: "warning", 4: "info"}
_MOST_SIGNATURES = 16


def key_of(about: str) -> str:
    """Return the `dedup_key` of a matter: its id, or a hash of one that is too long."""
    return about if len(about) <= _LONGEST_KEY else hashlib.sha256(about.encode()).hexdigest()


def event_of(page: Page, action: str, routing_key: str) -> dict[str, Any]:
    """Return the event by which PagerDuty is told of a matter.

    Args:
        page: what is told.
        action: `trigger`, `acknowledge` or `resolve`.
        routing_key: the integration key of the service.
    """
    said: dict[str, Any] = {"routing_key": routing_key, "event_action": action, "dedup_key": key_of(page.matter.id)}
    if action != TRIGGER:
        return said
    one = page.matter
    summary = f"{page.heading}: {page.title}" if page.title else page.heading
    payload = {
        "summary": summary[:_LONGEST_SUMMARY],
        "source": one.product or "freehold",
        "severity": _SEVERITIES.get(one.severity, "info"),
        "timestamp": one.began_at.isoformat(),
        "component": one.assets[0] if one.assets else None,
        "group": one.product or None,
        "class": "incident" if one.is_incident else "alert",
        "custom_details": page.to_json(),
    }
    runbook = page.answers.get("runbook", "")
    links = [{"href": page.url, "text": "Freehold"}] if page.url else []
    links += [{"href": runbook, "text": "Runbook"}] if runbook.startswith("https://") else []
    told = {name: value for name, value in payload.items() if value is not None}
    client = {"client": "Freehold", **({"client_url": page.url} if page.url else {})}
    return {**said, "payload": told, "links": links, **client}


def change_of(
    env: str, estate: str, data: Mapping[str, Any], at: datetime, url: str, routing_key: str
) -> dict[str, Any]:
    """Return the event by which PagerDuty is told that a plan was applied.

    Args:
        env: where.
        estate: whose.
        data: of `estate.applied`.
        at: when.
        url: the page of deployments; empty where nobody could follow it.
        routing_key: the integration key of the service.
    """
    counts = {name: len(data.get(name) or ()) for name in ("added", "changed", "removed")}
    told = ", ".join(f"{count} {name}" for name, count in counts.items() if count) or "nothing else than before"
    details = {name: list(data.get(name) or ())[:50] for name in counts} | {"commit": data.get("commit")}
    payload = {"summary": f"Applied to {env}: {told}"[:_LONGEST_SUMMARY], "source": estate, "timestamp": at.isoformat()}
    links = [{"href": url, "text": "Freehold"}] if url else []
    return {"routing_key": routing_key, "payload": {**payload, "custom_details": details}, "links": links}


def expect_signed(headers: Mapping[str, str], body: bytes, secret: str | None) -> None:
    """Refuse a webhook that PagerDuty did not sign.

    Args:
        headers: of the request, in lower case.
        body: as it came, to the last byte.
        secret: of the webhook's subscription; None where nobody could have signed.

    Raises:
        FreeholdError: FH-E372.
    """
    shown = [one.strip() for one in headers.get("x-pagerduty-signature", "").split(",")][:_MOST_SIGNATURES]
    if secret is not None:
        wanted = f"v1={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"
        if any(hmac.compare_digest(wanted.encode(), one.encode()) for one in shown):
            return
    raise FreeholdError(
        "FH-E372", "This message is signed by no PagerDuty that is known here.",
        fix="Give its webhook this address, and the channel's file the secret of it: `secret: env:…`.",
    )  # fmt: skip
