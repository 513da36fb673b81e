"""One attempt: an event as CloudEvents has it, signed with every secret that holds, posted once."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from freehold import __version__
from freehold.connect.outbound import Outbound, Target, Unreached, post, target_of
from freehold.connect.webhooks import Outcome, Subscription, key_of, signed
from freehold.connect.webhooks.judging import wish_of
from freehold.foundation import FreeholdError
from freehold.foundation.secrets import is_reference, resolve
from freehold.foundation.words import plain
from freehold.ledger.deliveries import PING, Delivery
from freehold.server.feeding import PREFIX

MEDIA = "application/cloudevents+json; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Sender:
    """Sends for one estate: `root` is what files of secrets are relative to, `outbound` says what may be called."""

    root: Path
    outbound: Outbound

    def send(self, one: Subscription, id_: str, event: Mapping[str, Any]) -> Outcome:
        """Send an event once and return what came of it; that nobody answers, too, is an outcome."""
        body = json.dumps(event, default=plain, ensure_ascii=False, separators=(",", ":")).encode()
        try:
            target, keys = self._target(one), self._keys(one)
            headers = {"Content-Type": MEDIA, "User-Agent": f"freehold/{__version__}"}
            headers |= signed(id_, int(time.time()), body, keys)
            reply = post(target, body, headers, self.outbound, one.timeout.total_seconds())
        except FreeholdError as error:
            return Outcome(problem=error.problem.rstrip("."))
        except Unreached as error:
            return Outcome(problem=str(error), took=timedelta(seconds=error.took_s))
        took = timedelta(seconds=reply.took_s)
        wish = wish_of(reply.headers["retry-after"], datetime.now(UTC)) if "retry-after" in reply.headers else None
        is_well = 200 <= reply.status < 300
        return Outcome(reply.status, "" if is_well else f"it answered {reply.status}", took, wish)

    def _target(self, one: Subscription) -> Target:
        if not is_reference(one.url):
            return target_of(one.url, one.where)
        address = resolve(one.url, root=self.root, where=one.where).reveal()
        return target_of(address, one.where, named=one.url)

    def _keys(self, one: Subscription) -> tuple[bytes, ...]:
        found = (resolve(reference, root=self.root, where=one.where) for reference in one.secrets)
        return tuple(key_of(secret.reveal(), secret.reference, one.where) for secret in found)


def ping_of(subscription: str, at: datetime) -> Delivery:
    """Return a ping that is to be sent now."""
    return Delivery(subscription, f"ping-{secrets.token_hex(12)}", 0, "webhook.ping", PING, next_at=at)


def ping_event(delivery: Delivery, source: str, at: datetime) -> dict[str, Any]:
    """Return what a ping says."""
    return {
        "specversion": "1.0",
        "id": delivery.id,
        "source": source,
        "type": f"{PREFIX}{delivery.type}",
        "time": at.isoformat().replace("+00:00", "Z"),
        "sequence": f"{0:012}",
        "datacontenttype": "application/json",
        "data": {"subscription": delivery.subscription},
    }
