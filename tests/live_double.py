"""A service on loopback that answers JSON in the documented forms of another: one server, for every double of one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Any, Protocol, TypeVar
from urllib.parse import parse_qs, urlsplit

from live_answering import answering

Answer = tuple[int, Mapping[str, str], bytes]


class Double(Protocol):
    """What answers: it is told its port when it begins."""

    port: int

    def answered(self, path: str, query: dict[str, list[str]], body: Any, headers: Mapping[str, str]) -> Answer | None:
        """Return the answer to a request; None for none at all: the connection is closed."""


D = TypeVar("D", bound=Double)


def in_json(said: Any, status: int = 200) -> Answer:
    """Return an answer of JSON."""
    return status, {"Content-Type": "application/json"}, json.dumps(said).encode()


class _Handler(BaseHTTPRequestHandler):
    double: Double
    protocol_version = "HTTP/1.1"

    def _answered(self) -> None:
        text = self.rfile.read(int(self.headers.get("content-length") or 0))
        parts = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = json.loads(text) if text else None
        answer = self.double.answered(parts.path, parse_qs(parts.query), body, headers)
        if answer is None:
            self.close_connection = True
            return
        status, shown, content = answer
        self.send_response(status)
        for name, value in {**shown, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PATCH = do_PUT = _answered

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def doubling(one: D) -> Iterator[D]:
    """Have a double answer while the block runs."""
    with answering(_Handler, double=one) as one.port:
        yield one
