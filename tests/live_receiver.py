"""Receivers of webhooks on loopback: real HTTP servers that verify with a stock library and answer as they are told."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from live_answering import answering

SECRET = "whsec_" + "Q" * 43 + "="
OTHER = "whsec_" + "R" * 43 + "="
Answer = tuple[int, dict[str, str]]


@dataclass(frozen=True)
class Got:
    """A request that came: its headers, its body, and whether its signature holds."""

    path: str
    headers: dict[str, str]
    body: bytes
    is_signed: bool

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def event(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found


@dataclass
class Receiver:
    """A receiver: what it got, and how it answers; `answer` may be put in place of the usual one."""

    port: int = 0
    secret: str = SECRET
    certificate: Path | None = None  # with its key; without one, it speaks no TLS
    got: list[Got] = field(default_factory=list)
    answer: Callable[[Got], Answer] = field(default=lambda _: (204, {}))
    turn: threading.Lock = field(default_factory=threading.Lock)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    @property
    def events(self) -> list[Got]:
        """What came but pings."""
        return [one for one in self.got if not one.id.startswith("ping-")]

    @property
    def numbers(self) -> list[int]:
        """The numbers of the events that came, in the order they came."""
        return [int(one.event["sequence"]) for one in self.events]


class _Handler(BaseHTTPRequestHandler):
    receiver: Receiver
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        length = int(self.headers["content-length"])
        body = self.rfile.read(length)
        if len(body) < length:  # the sender died in the middle of it: nothing was told
            self.close_connection = True
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        got = Got(self.path, headers, body, _holds(self.receiver.secret, body, headers))
        with self.receiver.turn:
            self.receiver.got.append(got)
        status, more = self.receiver.answer(got)
        self.send_response(status)
        for name, value in more.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _holds(secret: str, body: bytes, headers: dict[str, str]) -> bool:
    try:
        Webhook(secret).verify(body, headers)
    except WebhookVerificationError:
        return False
    return True


@contextmanager
def receiving(**said: Any) -> Iterator[Receiver]:
    """Receive while the block runs."""
    receiver = Receiver(**said)
    with answering(_Handler, port=receiver.port, certificate=receiver.certificate, receiver=receiver) as receiver.port:
        yield receiver
