"""The counter of a server as a command reaches it: over loopback, with the token that only its own user can read."""

from __future__ import annotations

import http.client
import json
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from freehold.foundation import Exit, FreeholdError
from freehold.foundation.owning import TOKEN_PLACE, Owner, owner_of

PATIENCE_S = 10.0  # for a server that starts, or that another one follows
_CONNECT_S = 5.0
_SILENT_S = 60.0  # four heartbeats: a server that says nothing for so long does not answer
_AGAIN_S = 0.2

Said = Callable[[str, str], None]
Stands = Callable[[int, int, str, str], None]


class Unanswered(Exception):
    """The server could not be reached, or went away."""


class Gone(Exception):
    """The server that did a job is no more, and no other has followed it."""


@dataclass(frozen=True, slots=True)
class _Way:
    """Where a server listens, by which name it knows itself, and what lets this user in."""

    connect: str
    port: int
    host: str
    token: str


class Counter:
    """Asks the server of one estate for jobs."""

    def __init__(self, root: Path, owner: Owner) -> None:
        self._root = root
        self._owner = owner
        self.after = 0  # the number of the last piece of output that was shown

    @classmethod
    def of(cls, root: Path) -> Counter | None:
        """Return the counter of the server that has an estate; None where there is none that lets this user in."""
        owner = owner_of(root)
        return cls(root, owner) if owner is not None and _way(root) is not None else None

    @property
    def address(self) -> str:
        """The address of the server's pages."""
        return self._owner.url

    def ask(self, kind: str, arguments: Mapping[str, Any], *, key: str, terminal: Mapping[str, Any]) -> str:
        """Ask for a job and return its id; asked for again by the same key, it is the same.

        Raises:
            FreeholdError: FH-C014 the server does not answer; what the server refuses.
        """
        wanted = {"kind": kind, "arguments": arguments, "key": key, "terminal": terminal}
        return str(self._patiently("POST", "/api/v1/jobs", wanted)["id"])

    def cancel(self, id: str) -> None:
        """Have a job stopped.

        Raises:
            FreeholdError: FH-C014 the server does not answer.
        """
        self._patiently("POST", f"/api/v1/jobs/{id}/cancel", {})

    def follow(self, id: str, said: Said, stands: Stands) -> dict[str, Any]:
        """Show what a job says until it has ended, and return how. Called again, it goes on where it was.

        Where the server goes away and another has followed it, that one is asked.

        Raises:
            Gone: there is no server any more.
        """
        reached = time.monotonic()
        while True:
            try:
                for kind, told in _events(self._way(), id, self.after):
                    reached = time.monotonic()
                    if kind == "end":
                        return told
                    if kind == "output":
                        self.after = told["seq"]
                        said(told["stream"], told["text"])
                    else:
                        stands(told["done"], told["total"], told["what"], told.get("hindered", ""))
            except Unanswered:
                pass
            if owner_of(self._root) is None or time.monotonic() - reached > PATIENCE_S:
                raise Gone
            time.sleep(_AGAIN_S)

    def _way(self) -> _Way:
        way = _way(self._root)
        if way is None:
            raise Unanswered
        return way

    def _patiently(self, method: str, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                return _asked(self._way(), method, path, body)
            except Unanswered:
                if time.monotonic() > deadline or owner_of(self._root) is None:
                    raise _unanswered(self._owner) from None
            time.sleep(_AGAIN_S)


def _way(root: Path) -> _Way | None:
    try:
        told = json.loads((root / TOKEN_PLACE).read_text(encoding="utf-8"))
        return _Way(str(told["connect"]), int(told["port"]), str(told["host"]), str(told["token"]))
    except (OSError, ValueError, KeyError, TypeError):  # not made yet, or not ours to read
        return None


def _asked(way: _Way, method: str, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """Send a request and return the JSON of its answer.

    Raises:
        Unanswered: nobody answered, or somebody who does not know this token yet.
        FreeholdError: what the server refuses.
    """
    with closing(_connected(way, _SILENT_S)) as connection:
        try:
            connection.request(method, path, json.dumps(body), {**_headers(way), "Content-Type": "application/json"})
            answer = connection.getresponse()
            told: dict[str, Any] = json.loads(answer.read())
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise Unanswered from error
    if answer.status < 400:
        return told
    if answer.status in (401, 421):
        raise Unanswered
    code = Exit.ENVIRONMENT if answer.status == 429 or answer.status >= 500 else Exit.USAGE
    raise FreeholdError(str(told["code"]), str(told["title"]), fix=str(told.get("fix") or ""), exit_code=code)


def _events(way: _Way, id: str, after: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give the events of a job after a piece of its output: their kind and what they say.

    Raises:
        Unanswered: the connection could not be made, or was lost.
    """
    with closing(_connected(way, _SILENT_S)) as connection:
        try:
            connection.request("GET", f"/api/v1/jobs/{id}/events?after={after}", headers=_headers(way))
            answer = connection.getresponse()
            if answer.status != 200:
                raise Unanswered
            kind = ""
            while line := answer.readline():
                name, _, value = line.decode().rstrip("\n").partition(": ")
                if name == "event":
                    kind = value
                elif name == "data":
                    yield kind, json.loads(value)
        except (OSError, http.client.HTTPException) as error:
            raise Unanswered from error
    raise Unanswered


def _connected(way: _Way, timeout_s: float) -> http.client.HTTPConnection:
    connection = http.client.HTTPConnection(way.connect, way.port, timeout=_CONNECT_S)
    try:
        connection.connect()
    except OSError as error:
        raise Unanswered from error
    assert isinstance(connection.sock, socket.socket)
    connection.sock.settimeout(timeout_s)
    return connection


def _headers(way: _Way) -> dict[str, str]:
    return {"Host": way.host, "Authorization": f"Bearer {way.token}", "Accept": "text/event-stream, application/json"}


def _unanswered(owner: Owner) -> FreeholdError:
    return FreeholdError(
        "FH-C014",
        f"The server that has this estate (process {owner.pid}, at {owner.url}) does not answer.",
        fix=f"Go beside it: `freehold --here …`; or stop it: kill {owner.pid}",
        exit_code=Exit.ENVIRONMENT,
    )
