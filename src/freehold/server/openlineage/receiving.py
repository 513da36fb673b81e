"""The routes that events come in by: one event, or a list of them, plain or packed with gzip."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from freehold.foundation import FreeholdError
from freehold.server.openlineage.intake import LARGEST_BATCH, Intake, Taken

if TYPE_CHECKING:
    from starlette.routing import BaseRoute


def routes() -> list[BaseRoute]:
    """Return the routes."""
    return [
        Route("/openlineage/api/v1/lineage", _one, methods=["POST"]),
        Route("/openlineage/api/v1/lineage/batch", _batch, methods=["POST"]),
    ]


async def _one(request: Request) -> Response:
    """Take one event: 201 when it is on disk, with a body only where something is to be said of it."""
    taken, done = _intake(request).take(await _body(request), _sender(request))
    if done is None:
        raise FreeholdError(
            "FH-A131", f"This is no OpenLineage event: {taken.refused}.", fix="Send a run, job or data set event."
        )
    await _kept([done])
    return JSONResponse({"warnings": taken.warnings}, 201) if taken.warnings else Response(status_code=201)


async def _batch(request: Request) -> Response:
    """Take a list of events, each by itself: 201 where any was taken, and what was wrong with the others."""
    body = await _body(request)
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise FreeholdError("FH-A130", f"The batch is no UTF-8: {error.reason}.", fix="Send JSON in UTF-8.") from error
    found, futures = _intake(request).take_batch(text, _sender(request))
    await _kept(futures)
    return JSONResponse(_summary(found), 201 if futures or not found else 400)


def _summary(found: Sequence[Taken]) -> dict[str, object]:
    """Return what came of a batch, in the form that the standard's HTTP API has for it."""
    failed = [{"index": at, "reason": one.refused, "retriable": False} for at, one in enumerate(found) if one.refused]
    counts = {"received": len(found), "successful": len(found) - len(failed), "failed": len(failed)}
    warned = [{"index": at, "warnings": one.warnings} for at, one in enumerate(found) if one.warnings]
    status = "success" if not failed else "partial_success" if len(failed) < len(found) else "failure"
    summary = {**counts, "retriable": 0, "non_retriable": len(failed)}
    return {"status": status, "summary": summary, "failed_events": failed, "warned_events": warned}


async def _kept(futures: Sequence[Future[None]]) -> None:
    """Wait until events are on disk."""
    for one in futures:
        if one.done():
            one.result()
        else:
            await asyncio.wrap_future(one)


async def _body(request: Request) -> bytes:
    """Return a request's body, unpacked.

    Raises:
        FreeholdError: FH-A105 it is too large; FH-A132 it is packed in a way that nobody here can unpack.
    """
    body = await request.body()
    packed = request.headers.get("content-encoding", "identity").lower()
    if packed == "identity":
        return body
    if packed != "gzip":
        raise FreeholdError("FH-A132", f"Bodies packed by `{packed[:40]}` are not taken.", fix="Use gzip, or none.")
    unpacking = zlib.decompressobj(wbits=31)
    try:
        found = unpacking.decompress(body, LARGEST_BATCH)
    except zlib.error as error:
        raise FreeholdError("FH-A132", f"The body is no gzip: {error}.", fix="Pack it anew.") from error
    if unpacking.unconsumed_tail or not unpacking.eof:
        told = f"hold at most {LARGEST_BATCH:,} bytes unpacked" if unpacking.unconsumed_tail else "be whole"
        raise FreeholdError("FH-A105", f"A packed request has to {told}.", fix="Send less at once.")
    return found


def _intake(request: Request) -> Intake:
    found: Intake = request.app.state.served.intake
    return found


def _sender(request: Request) -> str:
    return str(request.state.who.principal)
