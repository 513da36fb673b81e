"""One request to an address that was checked: to that very address, within a time, reading no more than is allowed."""

from __future__ import annotations

import http.client
import io
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any

from freehold.connect.outbound.address import Ip, Outbound, Target, resolved
from freehold.connect.outbound.proxying import Proxy, proxy_for

LARGEST_REPLY = 64_000  # bytes of a body that are read, so that the other side is not cut off; nothing of it is kept
_CONNECT_S = 5.0


@dataclass(frozen=True, slots=True)
class Reply:
    """What was answered: its status, its headers by name in lower case, its body if asked, and how long it took."""

    status: int
    took_s: float
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


class Unreached(Exception):
    """Nobody answered, or not in time, or not in HTTP; the text says why, in a few words."""

    def __init__(self, why: str, took_s: float = 0.0) -> None:
        super().__init__(why)
        self.took_s = took_s


def post(target: Target, body: bytes, headers: Mapping[str, str], outbound: Outbound, timeout_s: float) -> Reply:
    """Send a body and return what was answered. No redirect is followed.

    Args:
        target: where to; it is resolved here, once.
        body: what is sent.
        headers: beside `Host`, `Content-Length` and `Connection`.
        outbound: what may be called.
        timeout_s: seconds that all of it may take, from the first byte out to the last one in.

    Raises:
        FreeholdError: FH-A161 the address leads where nothing is called; FH-A162 it cannot be resolved.
        Unreached: nobody answered.
    """
    return _asked("POST", target, body, headers, outbound, timeout_s, _read_away)


def ask(
    method: str,
    target: Target,
    headers: Mapping[str, str],
    outbound: Outbound,
    timeout_s: float,
    body: bytes | None = None,
    largest: int = LARGEST_REPLY,
) -> Reply:
    """Send a request and return what was answered, with its body. No redirect is followed.

    Args:
        method: of HTTP.
        target: where to; it is resolved here, once.
        headers: beside `Host`, `Content-Length` and `Connection`.
        outbound: what may be called.
        timeout_s: seconds that all of it may take.
        body: what is sent.
        largest: bytes of the answer's body that are taken; one that has more is no answer.

    Raises:
        FreeholdError, Unreached: as of `post`.
    """
    return _asked(method, target, body, headers, outbound, timeout_s, partial(_whole, largest=largest))


def _asked(
    method: str,
    target: Target,
    body: bytes | None,
    headers: Mapping[str, str],
    outbound: Outbound,
    timeout_s: float,
    read: Callable[[http.client.HTTPResponse], bytes],
) -> Reply:
    proxy = proxy_for(target) if outbound.by_proxy else None
    addresses = resolved(proxy.target if proxy else target, outbound)
    began = time.monotonic()
    connection = _Pinned(target, addresses, began + timeout_s, proxy)
    sent, path = {"Host": target.authority, "Connection": "close", **headers}, target.path
    if proxy is not None and target.scheme == "http":  # it is told where to go, and passes the request on
        sent, path = sent | dict(proxy.headers), f"http://{target.authority}{path}"
    try:
        connection.request(method, path, body, sent)
        answer = connection.getresponse()
        status, told = answer.status, {name.lower(): value for name, value in answer.getheaders()}
        content = read(answer)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise Unreached(_why(error, timeout_s), time.monotonic() - began) from error
    finally:
        connection.end()
    return Reply(status, time.monotonic() - began, told, content)


def _read_away(answer: http.client.HTTPResponse) -> bytes:
    """Read a body of which nothing is kept: the status is there, what is cut off after it is no matter."""
    with suppress(OSError, http.client.HTTPException):
        answer.read(LARGEST_REPLY)
    return b""


def _whole(answer: http.client.HTTPResponse, largest: int) -> bytes:
    """Return a body, and refuse one that is longer than it may be."""
    content = answer.read(largest + 1)
    if len(content) > largest:
        raise _TooLong(f"its answer has more than {largest:,} bytes")
    return content


class _TooLong(ValueError):
    """An answer that is longer than it may be."""


class _Pinned(http.client.HTTPConnection):
    """A connection to addresses that are known, whatever the name would resolve to now."""

    def __init__(self, target: Target, addresses: tuple[Ip, ...], until: float, proxy: Proxy | None = None) -> None:
        super().__init__(target.host, target.port)
        self._way = proxy.target if proxy else target
        self._has_tunnel = proxy is not None and target.scheme == "https"
        if proxy is not None and self._has_tunnel:
            self.set_tunnel(target.host, target.port, dict(proxy.headers))
        self._target = target
        self._addresses = addresses
        self._until = until
        self._open: socket.socket | None = None

    def connect(self) -> None:
        """Connect to the first address that takes it."""
        self._open = self._reached()
        self._open.settimeout(_left(self._until))
        self._open.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # headers and body are two sends
        if self._has_tunnel:
            self.sock = _Timed(self._open, self._until)
            self._tunnel()  # type: ignore[attr-defined]  # what `connect` of the library does, which this is in place of
        if self._target.scheme == "https":
            self._open = _context().wrap_socket(self._open, server_hostname=self._target.host)
        self.sock = _Timed(self._open, self._until)

    def end(self) -> None:
        """Close the socket itself; the answer, too, can be read until then."""
        self.close()
        if self._open is not None:
            self._open.close()

    def _reached(self) -> socket.socket:
        if self._way is not self._target and self._way.scheme != "http":
            raise ConnectionError("the proxy of the environment is none that begins with http://")
        failed: OSError = ConnectionError("no address")
        for address in self._addresses:
            try:
                within = min(_CONNECT_S, _left(self._until))
                return socket.create_connection((str(address), self._way.port), within)
            except OSError as error:
                failed = error
        raise failed


class _Timed:
    """A socket whose every wait ends at one instant, so that who answers byte by byte gains no time."""

    def __init__(self, sock: socket.socket, until: float) -> None:
        self._sock = sock
        self._until = until

    def sendall(self, data: Any) -> None:
        """Send all of it within the time."""
        self._sock.settimeout(_left(self._until))
        self._sock.sendall(data)

    def makefile(self, *_: Any, **__: Any) -> io.BufferedReader:
        """Return what reads from it within the time."""
        return io.BufferedReader(_Reading(self._sock, self._until))

    def close(self) -> None:
        """Stay open: an answer is read after its connection counts as closed. `_Pinned.end` closes it."""


class _Reading(io.RawIOBase):
    def __init__(self, sock: socket.socket, until: float) -> None:
        self._sock = sock
        self._until = until

    def readable(self) -> bool:
        """Whether it can be read: yes."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read what is there, within the time."""
        self._sock.settimeout(_left(self._until))
        return self._sock.recv_into(buffer)


@cache
def _context() -> ssl.SSLContext:
    return ssl.create_default_context()


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _why(error: Exception, timeout_s: float) -> str:
    if isinstance(error, TimeoutError):
        return f"it did not answer within {timeout_s:g} s"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate does not hold: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"TLS failed: {error.reason or error}"
    if isinstance(error, http.client.RemoteDisconnected | ConnectionResetError | BrokenPipeError):
        return "it closed the connection without an answer"
    if isinstance(error, _TooLong):
        return str(error)
    if isinstance(error, http.client.HTTPException | ValueError):
        return "its answer is no HTTP"
    return str(error.strerror or str(error) or "no connection").lower() if isinstance(error, OSError) else str(error)
