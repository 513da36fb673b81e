"""Posting messages: Slack by its Web API, Teams by a workflow, programs by webhook; only where addresses may lead.

What Apprise leads to is called by Apprise itself.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from freehold import __version__
from freehold.connect.messages.apprising import notify
from freehold.connect.messages.declared import Channel
from freehold.connect.messages.failing import passing, refused
from freehold.connect.messages.message import Message, Said
from freehold.connect.messages.rendering import adaptive_card, blocks, modal, settled_blocks
from freehold.connect.outbound import Outbound, Unreached, ask, target_of
from freehold.connect.webhooks.judging import wish_of
from freehold.connect.webhooks.signing import key_of, signed
from freehold.foundation.secrets import is_reference, resolve, resolved

TIMEOUT_S = 10.0
_PASSING = ("ratelimited", "rate_limited", "service_unavailable", "internal_error", "fatal_error", "request_timeout")


@dataclass(frozen=True, slots=True)
class Posting:
    """Posts for one estate: `root` is what files of secrets are relative to, `outbound` says where it may lead."""

    root: Path
    outbound: Outbound

    def post(self, channel: Channel, message: Message, id: str = "") -> Said:
        """Post a message and return what it is called.

        To a webhook, messages of one `id` are one, however often they come.

        Raises:
            FreeholdError: FH-X321 nobody answers, or not now (transient); FH-X322 it is refused; FH-A161 the address
                leads where nothing is called; FH-S002 a secret is not there.
        """
        if channel.to == "teams":
            card = json.dumps(adaptive_card(message)).encode()
            self.sent(channel, resolved(channel.url, channel.where, root=self.root), {}, card)
            return Said()
        if channel.to == "webhook":
            self._told(channel, message, id)
            return Said()
        if channel.to == "apprise":
            notify(channel, resolved(channel.url, channel.where, root=self.root), message)
            return Said()
        said = {"channel": channel.conversation, "text": message.heading, "blocks": blocks(message)}
        answer = self.slack(channel, "chat.postMessage", said)
        return Said(str(answer.get("channel") or channel.conversation), str(answer.get("ts") or ""))

    def settle(self, channel: Channel, said: Said, message: Message) -> None:
        """Have a message say that its decision waits no longer; raises as `post` does."""
        if channel.to == "slack" and said.message:
            told = {"channel": said.conversation, "ts": said.message, "text": message.heading}
            self.slack(channel, "chat.update", told | {"blocks": settled_blocks(message)})

    def whisper(self, channel: Channel, conversation: str, user: str, text: str) -> None:
        """Tell one person something that nobody else sees; raises as `post` does."""
        self.slack(channel, "chat.postEphemeral", {"channel": conversation, "user": user, "text": text})

    def ask_why(self, channel: Channel, trigger: str, heading: str, value: str) -> None:
        """Ask somebody for a reason, in a window of theirs; raises as `post` does."""
        self.slack(channel, "views.open", {"trigger_id": trigger, "view": modal(heading, value)})

    def _told(self, channel: Channel, message: Message, id: str) -> None:
        said = {"heading": message.heading, "lines": message.lines, "url": message.url or None}
        self.signed(channel, {"type": "freehold.message", **said}, id)

    def signed(self, channel: Channel, said: Mapping[str, Any], id: str = "") -> None:
        """Send a webhook, signed; what has one `id` is one, however often it comes. Raises as `post` does."""
        secret = resolve(channel.secret, root=self.root, where=channel.where)
        body = json.dumps(said, ensure_ascii=False).encode()
        name = f"message-{hashlib.sha256(f'{channel.id} {id or body!r}'.encode()).hexdigest()[:32]}"
        keys = (key_of(secret.reveal(), channel.secret, channel.where),)
        url = resolved(channel.url, channel.where, root=self.root)
        self.sent(channel, url, signed(name, int(time.time()), body, keys), body)

    def slack(self, channel: Channel, method: str, said: Mapping[str, Any]) -> Mapping[str, Any]:
        """Ask a method of Slack, and return what it answers; raises as `post` does."""
        token = resolved(channel.token, channel.where, root=self.root)
        shown = {"Authorization": f"Bearer {token}"}
        answer = self.sent(channel, f"{channel.url}/api/{method}", shown, json.dumps(said).encode())
        try:
            told: Mapping[str, Any] = json.loads(answer)
            is_well, why = bool(told["ok"]), str(told.get("error") or "no reason")
        except (ValueError, KeyError, TypeError) as error:
            raise refused(channel, "its answer is none of Slack's") from error
        if is_well:
            return told
        raise passing(channel, f"says `{why}`") if why in _PASSING else refused(channel, f"it says `{why}`")

    def sent(self, channel: Channel, url: str, headers: Mapping[str, str], body: bytes) -> bytes:
        """Send JSON to an address, and return what is answered; raises as `post` does."""
        target = target_of(url, channel.where, named=channel.url if is_reference(channel.url) else "")
        shown = {"Content-Type": "application/json; charset=utf-8", "User-Agent": f"freehold/{__version__}"}
        try:
            reply = ask("POST", target, {**shown, **headers}, self.outbound, TIMEOUT_S, body)
        except Unreached as error:
            raise passing(channel, f"does not answer: {error}") from error
        if reply.status == 429 or reply.status >= 500:
            wish = wish_of(reply.headers["retry-after"], datetime.now(UTC)) if "retry-after" in reply.headers else None
            raise passing(channel, f"takes nothing now (status {reply.status})", wish)
        if not 200 <= reply.status < 300:
            raise refused(channel, f"it answered {reply.status}")
        return reply.body
