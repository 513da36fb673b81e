"""The feed: what happened, as CloudEvents, from a number on, waiting for more where asked.

A reader gets events of the products it may see, and those of no product only where it may see all. Persons stay out:
what tells of signing in, of tokens and of people is no part of the feed, and a person's name in an event is not shown.
Nor is what an event holds of rows that a policy hides from the reader.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import FastAPI, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from freehold.foundation import FreeholdError
from freehold.foundation.words import plain
from freehold.server.api.model import asked_by
from freehold.server.events_seen import EventsSeen
from freehold.server.feeding import PREFIX, cloud_event, is_for, products_of, source_of

if TYPE_CHECKING:
    from freehold.ledger import Ledger, Recorded

MEDIA = "application/cloudevents-batch+json"
__all__ = ["MEDIA", "CloudEvent", "add", "cloud_event", "products_of"]
_MOST = 500
_READ_AT_ONCE = 5_000  # events that one look reads, whatever few of them are for the reader
_LONGEST_S = 30
_LOOKS_EVERY_S = 0.5


class CloudEvent(BaseModel):
    """An event, as CloudEvents 1.0 has it in JSON."""

    model_config = ConfigDict(extra="allow")

    specversion: str
    id: str
    source: str
    type: str
    time: str
    sequence: str = Field(description="the number of the event, of twelve digits: `after` of the next request")
    subject: str | None = None
    datacontenttype: str = "application/json"
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a reader asks for; `last` is the number of the last event looked at."""

    after: int
    types: tuple[str, ...]
    product: str
    limit: int


def add(app: FastAPI) -> None:
    """Add the route of the feed."""
    told = {"model": list[CloudEvent], "content": {MEDIA: {}}, "description": "events, the oldest first"}
    app.get("/events", summary="What happened", operation_id="read_events", response_model=None, responses={200: told})(
        _events
    )


async def _events(
    request: Request,
    after: Annotated[int, Query(ge=0, le=2**53, description="the number of the last event you have")] = 0,
    last_event_id: Annotated[str, Query(alias="lastEventId", max_length=80, description="or its id")] = "",
    type: Annotated[str, Query(max_length=400, description="types, with commas: `run.completed,check.*`")] = "",
    product: Annotated[str, Query(max_length=200)] = "",
    limit: Annotated[int, Query(ge=1, le=_MOST)] = 100,
    timeout: Annotated[int, Query(ge=0, le=_LONGEST_S, description="seconds to wait where there is nothing yet")] = 0,
) -> Response:
    """Read events after one, the oldest first, waiting for more if there are none; empty where none came."""
    until = time.monotonic() + timeout
    types = tuple(one.strip().removeprefix(PREFIX) for one in type.split(",") if one.strip())
    wanted = await run_in_threadpool(_from, request, Wanted(after, types, product, limit), last_event_id)
    while True:
        found, last = await run_in_threadpool(_found, request, wanted)
        if found or time.monotonic() >= until or await request.is_disconnected():
            return _answer(request, found, last)
        wanted = Wanted(last, wanted.types, wanted.product, wanted.limit)
        await asyncio.sleep(min(_LOOKS_EVERY_S, max(0.0, until - time.monotonic())))


def _from(request: Request, wanted: Wanted, last_event_id: str) -> Wanted:
    """Return what is wanted, from the event that was named by its id.

    Raises:
        FreeholdError: FH-A112 there is no such event, or the feed has none of that type; FH-L001 there is no such type;
            FH-D201 no such product.
    """
    asked = asked_by(request)
    if wanted.product:
        asked.snapshot.product(wanted.product)
    ledger = asked.served.snapshots.ledger
    for named in wanted.types:
        if all(ledger.vocabulary[one].is_raw for one in ledger.vocabulary.select((named,))):
            raise _raw(named)
    if not last_event_id:
        return wanted
    known = ledger.get(last_event_id)
    if known is None:
        raise FreeholdError("FH-A112", f"There is no event `{last_event_id}`.", fix="Begin anew, with `after=0`.")
    return Wanted(known.seq, wanted.types, wanted.product, wanted.limit)


def _raw(named: str) -> FreeholdError:
    return FreeholdError(
        "FH-A112",
        f"The feed has no events of type `{named}`: they are too many for the ledger, and kept beside it as evidence.",
        fix="Ask for what KPIs make of them: `/api/v1/kpis`.",
    )


def _found(request: Request, wanted: Wanted) -> tuple[list[dict[str, Any]], int]:
    """Return events for a reader, and the number of the last one that was looked at."""
    asked = asked_by(request)
    ledger, snapshot = asked.served.snapshots.ledger, asked.snapshot
    source = source_of((snapshot.whole or snapshot).estate.id)
    found: list[dict[str, Any]] = []
    last, seen = wanted.after, EventsSeen(asked)
    for event in _read(ledger, wanted):
        last = event.seq
        if is_for(event, snapshot.seen, (wanted.product,) if wanted.product else ()):
            found.append(cloud_event(replace(event, data=seen.told(event).data), source))
            if len(found) == wanted.limit:
                break
    return found, last


def _read(ledger: Ledger, wanted: Wanted) -> Iterator[Recorded]:
    return ledger.read(after=wanted.after, types=wanted.types, limit=_READ_AT_ONCE)


def _answer(request: Request, found: list[dict[str, Any]], last: int) -> Response:
    """Return a batch, with the address that goes on after it: also past events that were not for the reader."""
    onward = request.url.include_query_params(after=last).remove_query_params("lastEventId")
    body = json.dumps(found, default=plain, ensure_ascii=False)
    link = f'<{onward.path}?{onward.query}>; rel="next"'
    return Response(body, media_type=MEDIA, headers={"Link": link, "Cache-Control": "no-store"})
