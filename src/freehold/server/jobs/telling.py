"""What watchers of a job are sent: server-sent events, each piece of output numbered, so that they can be replayed.

`output` is a piece (`seq`, `stream`, `text`), `state` how the job stands and how far it is, `end` the same once it has
ended; then nothing follows. Whoever lost the connection names the last number it has, in `Last-Event-ID` or `after`.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from freehold.server.jobs.desk import Desk, Told
from freehold.server.jobs.window import Window

if TYPE_CHECKING:
    from starlette.requests import Request

    from freehold.ledger import Job

MEDIA = "text/event-stream"
_RETRY_MS = 1_000
_PAINT = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


async def events(request: Request, id: str, *, painted: bool = True) -> StreamingResponse:
    """Answer with what a job says from now on, or from the piece after one.

    Args:
        request: may carry `Last-Event-ID`, or `after` in its query.
        id: of the job.
        painted: whether a terminal shows it, so that the signs of colours stay.

    Raises:
        FreeholdError: FH-A154 there is no such job; FH-A102, FH-A117 the asker may not read what it says.
    """
    served = request.app.state.served
    desk: Desk = served.jobs
    window = Window(served, request.state.who)
    await run_in_threadpool(lambda: window.expect_may_read(window.get(id)))
    said = request.headers.get("last-event-id") or request.query_params.get("after", "")
    after = int(said) if said.isdigit() and len(said) < 16 else 0
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(_lines(desk, id, after, painted=painted), media_type=MEDIA, headers=headers)


def standing(job: Job) -> dict[str, Any]:
    """Return how a job stands, for a watcher."""
    return {
        "state": job.state,
        "attempt": job.attempt,
        "done": job.progress.done,
        "total": job.progress.total,
        "what": job.progress.what,
        "is_unwanted": job.is_unwanted,
        "hindered": job.hindered,
        "exit_code": job.exit_code,
    }


def unpainted(text: str) -> str:
    """Return what a job said without the signs that colour it on a terminal."""
    return _PAINT.sub("", text)


async def _lines(desk: Desk, id: str, after: int, *, painted: bool) -> AsyncIterator[str]:
    yield f"retry: {_RETRY_MS}\n\n"
    async for told in desk.watch(id, after):
        yield _line(told, painted=painted)


def _line(told: Told, *, painted: bool) -> str:
    if told.what == "silence":
        return ": still there\n\n"
    if told.said is None:
        return f"event: {told.what}\ndata: {json.dumps(standing(told.job))}\n\n"
    text = told.said.text if painted else unpainted(told.said.text)
    said = json.dumps({"seq": told.said.seq, "stream": told.said.stream, "text": text})
    return f"id: {told.said.seq}\nevent: output\ndata: {said}\n\n"
