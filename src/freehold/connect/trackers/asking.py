"""Asking a tracker: JSON over HTTP with its token, only where addresses may lead; what fails for now is asked again.

A tracker that takes no more questions says for how long; that is heeded, up to a minute. A question that changes
something is one that may be asked twice.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from freehold import __version__
from freehold.connect.outbound import Outbound, Reply, Unreached, ask, target_of
from freehold.connect.trackers.declared import Tracker
from freehold.connect.webhooks.judging import wish_of
from freehold.foundation import Clock, Exit, FreeholdError, Transient
from freehold.foundation.secrets import resolve

TIMEOUT_S = 30.0
LARGEST = 20_000_000  # bytes of one answer
MOST_WAIT_S = 60.0  # that is waited at once; who asks for more is asked again another time
TRIES = 5
_FIRST_WAIT_S = 1.0


@dataclass(frozen=True)
class Asking:
    """Asks one tracker.

    Attributes:
        root: what files of secrets are relative to.
        outbound: where addresses may lead.
        clock: the time.
        sleep: waits so many seconds.
    """

    tracker: Tracker
    root: Path
    outbound: Outbound
    clock: Clock
    sleep: Callable[[float], None] = field(default=time.sleep)

    def get(self, path: str) -> Any:
        """Return the JSON that is at a path; see `send`."""
        return self.send("GET", path, None)

    def send(self, method: str, path: str, body: Mapping[str, Any] | None) -> Any:
        """Send JSON and return what comes back.

        Raises:
            FreeholdError: FH-A161 the address leads where nothing is called; FH-X306 the tracker does not answer, or
                takes no more questions (transient); FH-X307 it refuses; FH-X308 its answer is none; FH-S002 the token
                is not there.
        """
        wait_s = _FIRST_WAIT_S
        for left in reversed(range(TRIES)):
            try:
                return self._once(method, path, body)
            except _Busy as busy:
                wished = busy.wish.total_seconds() if busy.wish else wait_s
                if not left or wished > MOST_WAIT_S:
                    raise self._unanswered(busy) from busy
                self.sleep(max(wished, wait_s if busy.wish is None else 0.0))
                wait_s *= 2
        raise AssertionError("the last try returns or raises")

    def _once(self, method: str, path: str, body: Mapping[str, Any] | None) -> Any:
        target = target_of(f"{self.tracker.url}{path}", self.tracker.where)
        content = None if body is None else json.dumps(body).encode()
        try:
            reply = ask(method, target, self._headers(), self.outbound, TIMEOUT_S, content, LARGEST)
        except Unreached as error:
            raise _Busy(f"does not answer: {error}") from error
        except FreeholdError as error:
            if error.code != "FH-A162":
                raise
            raise _Busy(f"does not answer: {error.problem.removesuffix('.')}") from error
        if is_busy(reply):
            raise _Busy(_told(reply), _wish(reply, self.clock.now()))
        if not 200 <= reply.status < 300:
            raise self._refused(path, reply)
        return self._json(path, reply)

    def _headers(self) -> dict[str, str]:
        one = self.tracker
        token = resolve(one.token, root=self.root, where=one.where).reveal()
        if one.user:
            shown = "Basic " + base64.b64encode(f"{one.user}:{token}".encode()).decode()
        else:  # Linear takes a personal key as it is, and what was granted by OAuth as a bearer's
            shown = token if one.system == "linear" and not token.startswith("lin_oauth") else f"Bearer {token}"
        media = {"Accept": "application/json", "Content-Type": "application/json"}
        return {**media, "Authorization": shown, "User-Agent": f"freehold/{__version__}"}

    def _json(self, path: str, reply: Reply) -> Any:
        try:
            return json.loads(reply.body) if reply.body.strip() else {}
        except ValueError as error:
            raise self.not_understood(path, "it is no JSON") from error

    def not_understood(self, path: str, why: str) -> FreeholdError:
        """Return the error of an answer that is not what is documented."""
        place = path.partition("?")[0]
        return FreeholdError(
            "FH-X308", f"The answer of `{self.tracker.id}` to {place} is not understood: {why}.",
            where=self.tracker.where, fix="Look whether `url` is that of the tracker.", exit_code=Exit.ENVIRONMENT,
        )  # fmt: skip

    def _refused(self, path: str, reply: Reply) -> FreeholdError:
        place = path.partition("?")[0]
        fix = "Look at the token, its rights, and `project`." if reply.status in (401, 403, 404) else "Look at `query`."
        return FreeholdError(
            "FH-X307", f"`{self.tracker.id}` refuses {place} (status {reply.status}).", where=self.tracker.where,
            fix=fix, exit_code=Exit.ENVIRONMENT,
        )  # fmt: skip

    def _unanswered(self, busy: _Busy) -> Transient:
        for_s = f", and asks for {busy.wish.total_seconds():.0f} seconds of rest" if busy.wish else ""
        return Transient(
            "FH-X306", f"`{self.tracker.id}` {busy}{for_s}.", where=self.tracker.where, exit_code=Exit.ENVIRONMENT,
            fix="Sync again later: what was brought in stays, and is not brought in twice.",
        )  # fmt: skip


class _Busy(Exception):
    """Something that may pass by itself; `wish` is how long the tracker asks to be left alone."""

    def __init__(self, why: str, wish: timedelta | None = None) -> None:
        super().__init__(why)
        self.wish = wish


def is_busy(reply: Reply) -> bool:
    """Whether an answer says to ask again: 429, 5xx, and as Linear says it, 400 with the code RATELIMITED."""
    return reply.status == 429 or reply.status >= 500 or (reply.status == 400 and b'"RATELIMITED"' in reply.body)


def _told(reply: Reply) -> str:
    return f"failed (status {reply.status})" if reply.status >= 500 else "takes no more questions"


def _wish(reply: Reply, now: datetime) -> timedelta | None:
    if "retry-after" in reply.headers:
        return wish_of(reply.headers["retry-after"], now)
    reset = reply.headers.get("x-ratelimit-requests-reset", "")  # Linear: milliseconds since 1970
    return max(timedelta(0), datetime.fromtimestamp(int(reset) / 1000, UTC) - now) if reset.isdigit() else None
