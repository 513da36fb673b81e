"""`/api/v1/jobs`: commands done in the background, asked for, looked at, watched and cancelled by programs.

A token reads jobs, and asks for them where it was made for that; a person who is signed in may do both.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import FastAPI, Path, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from freehold.server.jobs.telling import MEDIA, events
from freehold.server.jobs.window import Window

if TYPE_CHECKING:
    from freehold.ledger import Job

MOST = 500
_SHOWN = {200: {"content": {MEDIA: {}}, "description": "events of kind `output`, `state` and `end`"}}
_Id = Annotated[str, Path(max_length=80)]


class Terminal(BaseModel):
    """What is known of the terminal that shows what a job says."""

    model_config = ConfigDict(extra="forbid")

    columns: int | None = Field(default=None, ge=20, le=1_000, description="how wide it is; null where nobody looks")
    color: bool = False


class Wanted(BaseModel):
    """What is asked for."""

    model_config = ConfigDict(extra="forbid")

    kind: str = Field(max_length=80, description="run, check, apply, promote, rollback, backfill, collect…")
    arguments: dict[str, Any] = Field(default_factory=dict, description="by the names the command gives them")
    key: str = Field(default="", max_length=120, description="asked for again by the same key, it is the same job")
    terminal: Terminal = Field(default_factory=Terminal)


class JobItem(BaseModel):
    """A job, and how it stands."""

    model_config = ConfigDict(extra="forbid")

    id: str
    kind: str
    arguments: dict[str, Any]
    env: str
    state: str = Field(description="queued, running, done, failed, cancelled, lost")
    asked_by: str
    assurance: str
    asked_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    attempt: int
    done: int = Field(description="steps that are done")
    total: int = Field(description="steps there are; 0 while nobody knows")
    what: str
    hindered: str = Field(description="what keeps it from going on, such as a full disk; empty for nothing")
    cancelling: bool
    too_late: bool = Field(description="it was asked to stop, and had ended by itself before it heard")
    exit_code: int | None
    result: dict[str, Any]


class JobList(BaseModel):
    """Jobs, the newest first."""

    model_config = ConfigDict(extra="forbid")

    items: list[JobItem]
    next: str | None = Field(description="the cursor of the next page; null at the end")


def add_jobs(app: FastAPI) -> None:
    """Add the routes of jobs to the API."""
    app.get("/jobs", summary="Jobs", operation_id="list_jobs")(_jobs)
    app.post("/jobs", summary="Ask for a job", operation_id="start_job", status_code=201)(_start)
    app.get("/jobs/{id}", summary="A job", operation_id="get_job")(_job)
    app.post("/jobs/{id}/cancel", summary="Cancel a job", operation_id="cancel_job")(_cancel)
    app.get(
        "/jobs/{id}/events",
        summary="What a job says, as it says it",
        operation_id="watch_job",
        responses=_SHOWN,  # type: ignore[arg-type]
        response_class=StreamingResponse,
    )(_events)


def _jobs(
    request: Request,
    state: Annotated[str, Query(max_length=20)] = "",
    limit: Annotated[int, Query(ge=1, le=MOST)] = 100,
    after: Annotated[str, Query(max_length=80, description="the cursor of the page before")] = "",
) -> JobList:
    """List jobs, the newest first."""
    found = _window(request).list(before=after, states=(state,) if state else (), limit=limit + 1)
    more = found[limit - 1].id if len(found) > limit else None
    return JobList(items=[_item(job) for job in found[:limit]], next=more)


def _start(request: Request, response: Response, wanted: Wanted) -> JobItem:
    """Have a command done in the background, in the asker's name."""
    terminal = wanted.terminal.model_dump(exclude_defaults=True)
    job = _window(request).start(wanted.kind, wanted.arguments, key=wanted.key, terminal=terminal)
    response.headers["Location"] = f"/api/v1/jobs/{job.id}"
    return _item(job)


def _job(request: Request, id: _Id) -> JobItem:
    """Return a job."""
    return _item(_window(request).get(id))


def _cancel(request: Request, id: _Id) -> JobItem:
    """Take back a job that waits, or stop one that runs."""
    return _item(_window(request).cancel(id))


async def _events(
    request: Request,
    id: _Id,
    after: Annotated[int, Query(ge=0, le=10**12, description="the last piece one has")] = 0,  # noqa: ARG001 read there
) -> StreamingResponse:
    """Send what a job says, and how it stands, as server-sent events until it has ended."""
    return await events(request, id)


def _window(request: Request) -> Window:
    return Window(request.app.state.served, request.state.who)


def _item(job: Job) -> JobItem:
    same = ("id", "kind", "env", "state", "asked_at", "started_at", "ended_at", "attempt", "exit_code")
    return JobItem(
        **{name: getattr(job, name) for name in same},
        arguments=dict(job.arguments),
        result=dict(job.result),
        asked_by=job.caller.principal,
        assurance=job.caller.assurance,
        done=job.progress.done,
        total=job.progress.total,
        what=job.progress.what,
        hindered=job.hindered,
        cancelling=job.is_unwanted and not job.is_over,
        too_late=job.ended_first,
    )
