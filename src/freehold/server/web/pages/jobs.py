"""What was asked to be done in the background: the queue, and each job with what it says while it says it."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from datetime import datetime

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from freehold.foundation import FreeholdError
from freehold.foundation.words import ago, counted
from freehold.ledger.jobs import STATES, Job
from freehold.server.jobs.kinds import KINDS, Kind
from freehold.server.jobs.telling import events, unpainted
from freehold.server.jobs.window import Window
from freehold.server.web.model import Crumb, Empty, Fact, Fault, Heading, Mark, Tab
from freehold.server.web.serving import page
from freehold.server.web.showing import Asked, Shown, asked_of

MARKS: dict[str, Mark] = {
    "queued": Mark("idle", "waiting"),
    "running": Mark("idle", "running"),
    "done": Mark("ok", "done"),
    "failed": Mark("bad", "failed"),
    "cancelled": Mark("idle", "cancelled"),
    "lost": Mark("bad", "given up"),
}
_ENDS = {
    1: Mark("warn", "with findings"),
    2: Mark("bad", "refused"),
    3: Mark("bad", "failed"),
    4: Mark("warn", "needs approval"),
}
_TOLD = {
    "queued": "Waits for its turn.",
    "running": "At work now.",
    "done": "Ended well.",
    "failed": "Ended with an error.",
    "cancelled": "Was cancelled. What it had published before stays.",
    "lost": "Ended its process three times, so it is not begun again.",
}
_FINDINGS = "Ended, and found something: what it says below tells what."
_APPROVAL = "Ended without an effect: an approval is missing."
_TOO_LATE = "It was too late to cancel it: it ended by itself."
_AGAIN = ("run", "check")  # what may be asked for again though it ended well; the others would do more
_NOW = ("run", "check")
_VIEWS = {"": ("All", ()), "open": ("Open", ("queued", "running")), "failed": ("Failed", ("failed", "lost"))}
_MOST = 100
_MOST_PIECES = 400
_HEADINGS = (
    Heading("Asked", "text", sorts=False),
    Heading("What", sorts=False),
    Heading("State", sorts=False),
    Heading("By", sorts=False, narrow=False),
    Heading("Took", "num", sorts=False, narrow=False),
)
_NONE = Empty(
    "No job yet", "While this server runs, what commands do is done here. Ask for one above, or:", "freehold run"
)


@dataclass(frozen=True, slots=True)
class JobRow:
    """A job in a list."""

    id: str
    asked_at: datetime
    kind: str
    about: str
    env: str
    state: Mark
    by: str
    took: str
    result: str


@dataclass(frozen=True, slots=True)
class Choice:
    """Something that can be asked for at once."""

    kind: str
    told: str


@dataclass(frozen=True, slots=True)
class JobsPage:
    """Jobs, the newest first."""

    views: tuple[Tab, ...]
    headings: tuple[Heading, ...]
    jobs: tuple[JobRow, ...]
    next: str
    none_yet: Empty
    choices: tuple[Choice, ...]


@dataclass(frozen=True, slots=True)
class JobPage:
    """A job: how it stands, who asked, how far it is, what it said.

    `output` is None where the reader may not see it, and `refused` says why. `after` is the number of its last piece;
    `is_cut` tells that there is more before it.
    """

    id: str
    kind: str
    state: str
    mark: Mark
    told: str
    facts: tuple[Fact, ...]
    command: str
    done: int
    total: int
    what: str
    faults: tuple[Fault, ...]
    output: str | None
    refused: str
    after: int
    is_cut: bool
    is_over: bool
    may_cancel: bool
    may_ask_again: bool


def routes() -> list[BaseRoute]:
    """Return the routes of jobs' pages."""
    return [
        Route("/jobs", ask, methods=["POST"]),
        Route("/jobs/{id}/cancel", cancel, methods=["POST"]),
        Route("/jobs/{id}/again", ask_again, methods=["POST"]),
        Route("/jobs/{id}/events", watched),
        Route("/jobs/{id}/output.txt", output),
        *page("/jobs", jobs, "jobs"),
        *page("/jobs/{id}", job, "job"),
    ]


def jobs(asked: Asked) -> Shown:
    """Show jobs: all, those that are not over, or those that did not end well."""
    desk, view = _window(asked), asked.one_of("view", (*_VIEWS, *STATES), "")
    states = _VIEWS[view][1] if view in _VIEWS else tuple(s for s in STATES if s == view)
    found = desk.list(before=asked.word("before"), states=states, limit=_MOST + 1)
    model = JobsPage(
        views=tuple(Tab(text, f"/jobs?view={word}", word == view) for word, (text, _) in _VIEWS.items()),
        headings=_HEADINGS,
        jobs=tuple(_row(one, asked) for one in found[:_MOST]),
        next=f"/jobs?view={view}&before={found[_MOST - 1].id}" if len(found) > _MOST else "",
        none_yet=_NONE,
        choices=tuple(Choice(name, KINDS[name].told) for name in _NOW),
    )
    working = len(desk.list(states=("queued", "running"), limit=_MOST))
    told = "What was asked to be done in the background, the newest first; one at a time."
    told += f" {counted(working, 'jobs')} to go." if working else " Nothing waits."
    return Shown("pages/jobs.html", "Jobs", model, told, nav="jobs")


def job(asked: Asked) -> Shown:
    """Show a job."""
    one = _window(asked).get(asked.request.path_params["id"])
    kind = KINDS.get(one.kind)
    about = kind.subject(one.arguments) if kind else ""
    model = _model(asked, one, kind)
    title = f"{one.kind.capitalize()} {about}".rstrip()
    told = kind.told + "." if kind else ""
    return Shown("pages/job.html", title, model, told, (Crumb("Jobs", "/jobs"),), nav="jobs")


async def ask(request: Request) -> Response:
    """Ask for a job of a form, and show it."""
    form = await request.form()
    return await run_in_threadpool(_ask, request, str(form.get("kind", "")))


def cancel(request: Request) -> Response:
    """Cancel a job, and show how it stands."""
    asked = asked_of(request)
    one = _window(asked).cancel(request.path_params["id"])
    return RedirectResponse(f"/jobs/{one.id}", 303)


def ask_again(request: Request) -> Response:
    """Ask for the same again, and show that."""
    asked = asked_of(request)
    one = _window(asked).get(request.path_params["id"])
    again = _window(asked).start(one.kind, one.arguments)
    return RedirectResponse(f"/jobs/{again.id}", 303)


async def watched(request: Request) -> Response:
    """Send what a job says as it says it, for its page."""
    return await events(request, request.path_params["id"], painted=False)


def output(request: Request) -> Response:
    """Send all that a job said so far, as text."""
    desk = request.app.state.served.jobs
    window = Window(request.app.state.served, request.state.who)
    one = window.get(request.path_params["id"])
    window.expect_may_read(one)
    text, after = [], 0
    while pieces := desk.output(one.id, after):
        after = pieces[-1].seq
        text += [piece.text for piece in pieces]
    return PlainTextResponse(unpainted("".join(text)))


def _ask(request: Request, kind: str) -> Response:
    asked = asked_of(request)
    return RedirectResponse(f"/jobs/{_window(asked).start(kind, {}).id}", 303)


def _window(asked: Asked) -> Window:
    return Window(asked.served, asked.who)


def mark_of(one: Job) -> Mark:
    """Return the state of a job as pages show it."""
    if one.hindered:
        return Mark("warn", "waiting")
    if one.state == "running" and one.is_unwanted:
        return Mark("idle", "stopping")
    return _ENDS.get(one.exit_code or 0, MARKS["failed"]) if one.state == "failed" else MARKS[one.state]


def _row(one: Job, asked: Asked) -> JobRow:
    kind = KINDS.get(one.kind)
    return JobRow(
        id=one.id,
        asked_at=one.asked_at,
        kind=one.kind,
        about=kind.subject(one.arguments) if kind else "",
        env=one.env,
        state=mark_of(one),
        by=one.caller.principal,
        took=_took(one, asked),
        result=next((str(e["title"]) for e in one.result.get("errors", ())), ""),
    )


def _took(one: Job, asked: Asked) -> str:
    if one.started_at is None:
        return ""
    seconds = ((one.ended_at or asked.served.snapshots.clock.now()) - one.started_at).total_seconds()
    return f"{seconds:.1f} s" if seconds < 60 else f"{int(seconds // 60)} min {int(seconds % 60)} s"


def _model(asked: Asked, one: Job, kind: Kind | None) -> JobPage:
    refused = _refused(asked, one)
    said = None if refused else asked.served.jobs.tail(one.id, _MOST_PIECES)
    errors = one.result.get("errors", ())
    return JobPage(
        id=one.id,
        kind=one.kind,
        state=one.state,
        mark=mark_of(one),
        told=_told(asked, one),
        facts=tuple(_facts(asked, one)),
        command=shlex.join(["freehold", *kind.words(one.arguments)]) if kind else one.kind,
        done=one.progress.done,
        total=one.progress.total,
        what=one.progress.what,
        faults=tuple(Fault(e["code"], e["title"], e.get("fix") or "", e.get("where") or "") for e in errors),
        output=None if said is None else unpainted("".join(piece.text for piece in said)),
        refused=refused,
        after=said[-1].seq if said else 0,
        is_cut=bool(said) and said[0].seq > 1 if said else False,
        is_over=one.is_over,
        may_cancel=asked.who.via == "session" and not one.is_over and not one.is_unwanted,
        may_ask_again=asked.who.via == "session" and _may_be_asked_again(one),
    )


def _refused(asked: Asked, one: Job) -> str:
    """Return why the asker may not read what a job said; empty where they may."""
    try:
        _window(asked).expect_may_read(one)
    except FreeholdError as error:
        return error.problem
    return ""


def _may_be_asked_again(one: Job) -> bool:
    return one.is_over and (one.state != "done" or one.kind in _AGAIN)


def _told(asked: Asked, one: Job) -> str:
    if one.state == "queued" and not one.hindered and (ahead := asked.served.jobs.ahead_of(one)):
        return f"Waits for {counted(ahead, 'jobs')} before it."
    return told_of(one)


def told_of(one: Job) -> str:
    """Return in a sentence or two how a job stands, or how it ended."""
    if one.hindered:
        return f"Waits: {one.hindered} It goes on once that is mended."
    if one.state == "running" and one.is_unwanted:
        return "Was asked to stop, as Ctrl-C does: it ends after what it is at."
    told = _TOLD[one.state]
    if one.state == "failed" and one.exit_code in (1, 4):
        told = _FINDINGS if one.exit_code == 1 else _APPROVAL
    return f"{told} {_TOO_LATE}" if one.ended_first else told


def _facts(asked: Asked, one: Job) -> list[Fact]:
    known = {"local": "at this machine", "oidc": "the identity provider", "token": "a token"}
    told = [
        Fact("Asked by", one.caller.principal, is_code=True),
        Fact("Known by", known.get(one.caller.assurance, one.caller.assurance)),
        Fact("Asked", at=one.asked_at),
    ]
    if one.env:
        told.append(Fact("Environment", one.env))
    if one.started_at:
        waited = max(0.0, (one.started_at - one.asked_at).total_seconds())
        told.append(Fact("Waited", f"{waited:.1f} s" if waited < 60 else ago(one.started_at - one.asked_at)))
        told.append(Fact("Took" if one.is_over else "So far", _took(one, asked)))
    if one.attempt > 1:
        told.append(Fact("Attempt", f"{one.attempt}: the process of the one before was killed"))
    if one.exit_code is not None:
        told.append(Fact("Exit code", str(one.exit_code)))
    if by := one.result.get("cancelled_by"):
        told.append(Fact("Cancelled by", str(by), is_code=True))
    return told
