"""What people do on pages: approve or reject a plan, ask for approval, apply, run, take back.

Each is recorded as theirs, by the rules that hold for commands. Said a second time it does nothing new, and says so.
What takes long becomes a job; its page shows what comes of it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from freehold.changing import Decided, approved, asked_for, expect_plan, rejected
from freehold.delivery.deployments import story_of
from freehold.foundation import Exit, FreeholdError
from freehold.server.problems import wants_page
from freehold.server.web.pages.deployment import deployment_of, rollback_of
from freehold.server.web.pages.entry import inside
from freehold.server.web.pages.plan import expect_a_right, expect_all_rights, expect_applicable, proposal_for
from freehold.server.web.showing import Asked, asked_of

if TYPE_CHECKING:
    from freehold.delivery.plan import Plan

_MOST_JOBS = 100  # the newest, among which one that is asked for again is looked for
_MOST_TEXT = 2000  # characters of a note

Act = Callable[[Asked, FormData], Response]


def routes() -> list[Route]:
    """Return the routes of all actions."""
    return [
        Route("/approvals/{item}", _taking(_decide), methods=["POST"], name="approvals"),
        Route("/plan/ask", _taking(_ask), methods=["POST"], name="plan.ask"),
        Route("/plan/apply", _taking(_apply), methods=["POST"], name="plan.apply"),
        Route("/deployments/{id}/rollback", _taking(_roll_back), methods=["POST"], name="deployment.rollback"),
        Route("/products/{id}/unpin", _taking(_unpin), methods=["POST"], name="product.unpin"),
        Route("/runs", _taking(_run), methods=["POST"], name="runs.start"),
    ]


def _taking(act: Act) -> Callable[[Request], object]:
    """Return an endpoint that reads the form and acts in a thread, for it writes to the ledger."""

    async def endpoint(request: Request) -> Response:
        form = await request.form()
        return await run_in_threadpool(lambda: act(asked_of(request), form))

    return endpoint


def _decide(asked: Asked, form: FormData) -> Response:
    """Approve or reject a plan, in the name of whoever is signed in."""
    verdict, note = _text(form, "verdict"), _text(form, "note")
    proposal = proposal_for(asked)
    _expect_shown(proposal.plan, asked.request.path_params["item"])
    words = (proposal.plan, proposal.estate, proposal.before, asked.served.snapshots.ledger)
    caller = asked.who.caller("approve")
    expect_a_right(asked, proposal)
    if verdict == "approve":
        return _told(asked, form, approved(*words, caller, note))
    if verdict == "reject":
        return _told(asked, form, rejected(*words, caller, note))
    raise FreeholdError(
        "FH-A112", f"`{verdict[:40]}` is no verdict.", fix="Say `approve` or `reject`.", exit_code=Exit.USAGE
    )


def _told(asked: Asked, form: FormData, decided: Decided) -> Response:
    word = "approved" if decided.is_approval else "rejected"
    if not wants_page(asked.request):
        told = {"plan": decided.plan, "env": decided.env, "verdict": word, "by": decided.by, "new": decided.is_new}
        return JSONResponse(told)
    return back_to(_text(form, "next") or "/plan", word if decided.is_new else f"{word}-before")


def _ask(asked: Asked, form: FormData) -> Response:
    """Record that somebody asks for approval of the plan, by which they are one of its authors."""
    proposal = proposal_for(asked)
    _expect_shown(proposal.plan, _text(form, "plan"))
    asked_for(proposal.plan, asked.served.snapshots.ledger, asked.who.caller("propose"), proposal.commit or None)
    return back_to("/plan", "asked")


def _expect_shown(plan: Plan, id_: str) -> None:
    """Make sure that the plan somebody saw is the one there is, and lead to that one where it is not.

    Raises:
        FreeholdError: FH-C009 the files were changed since.
    """
    try:
        expect_plan(plan, id_)
    except FreeholdError as error:
        raise FreeholdError(
            error.code, error.problem, fix="Look at it first: `/plan`", exit_code=error.exit_code
        ) from error


def _apply(asked: Asked, form: FormData) -> Response:
    """Have the plan put in force, in the name of whoever is signed in, if the gate lets them."""
    proposal = proposal_for(asked)
    _expect_shown(proposal.plan, _text(form, "plan"))
    expect_all_rights(asked, proposal)
    judged = proposal.judged(asked.served.snapshots.ledger, asked.who.caller("apply"))
    expect_applicable(proposal, judged)
    return begun(asked, "apply", {"plan": proposal.plan.id, "env": asked.snapshot.env, "yes": True})


def _roll_back(asked: Asked, form: FormData) -> Response:
    """Have a deployment taken back; once it was, nothing more is done."""
    one = deployment_of(asked, asked.request.path_params["id"])
    if story_of(asked.served.snapshots.ledger, asked.snapshot.env, one).taken_back_at is not None:
        return back_to(f"/deployments/{one.id}", "before")
    why = _text(form, "why").strip()
    if not why or _text(form, "confirm") != "yes":
        raise FreeholdError(
            "FH-A112",
            "A rollback says why, and is confirmed.",
            fix=f"See what it would do at /deployments/{one.id}#rollback",
        )
    back = rollback_of(asked, one)
    if not back.parts:
        raise FreeholdError("FH-D215" if back.may else "FH-A113", back.why_not, fix="See `/deployments`.")
    return begun(asked, "deployments rollback", {"id": one.id, "why": why, "env": asked.snapshot.env})


def _unpin(asked: Asked, form: FormData) -> Response:  # noqa: ARG001 there is nothing to say
    """Have runs publish a product again that is pinned."""
    product = asked.request.path_params["id"]
    asked.served.rights.expect(asked.who, "roll_back", product)
    return begun(asked, "rollback", {"product": product, "unpin": True, "env": asked.snapshot.env})


def _run(asked: Asked, form: FormData) -> Response:
    """Have what is new built, checked and published: of all, or of what is selected."""
    chosen = [str(one) for one in form.getlist("select") if str(one).strip()]
    if chosen:
        found = asked.snapshot.graph.select(chosen)
        products = {asked.snapshot.graph.assets[name].product.id for name in found}
    else:
        products = {status.product.id for status in asked.snapshot.products}
        chosen = sorted(products) if asked.snapshot.seen is not None else []
    for product in sorted(products):
        asked.served.rights.expect(asked.who, "run", product)
    return begun(asked, "run", {"select": chosen, "env": asked.snapshot.env})


def begun(asked: Asked, kind: str, arguments: Mapping[str, object]) -> Response:
    """Have something done as a job, and lead to its page.

    Asked for again while it waits or runs, it is the same job; asked for by two at once, too, since the key names the
    last one of its kind that is over.
    """
    desk = asked.served.jobs
    same = [job for job in desk.list(limit=_MOST_JOBS) if job.kind == kind and _is_same(job.arguments, arguments)]
    last = next((job.id for job in same if job.is_over), "")
    said = hashlib.sha256(json.dumps(arguments, sort_keys=True).encode()).hexdigest()[:24]
    at_work = next((job for job in same if not job.is_over and job.caller.principal == asked.who.principal), None)
    job = at_work or desk.start(kind, arguments, asked.who, key=f"{kind}:{said}:{last}")
    if not wants_page(asked.request):
        return JSONResponse({"job": job.id, "kind": kind, "state": job.state, "new": at_work is None}, 202)
    return RedirectResponse(f"/jobs/{job.id}", 303)


def _is_same(known: Mapping[str, object], wanted: Mapping[str, object]) -> bool:
    return dict(known) == {name: value for name, value in wanted.items() if value not in ("", [], None)}


def back_to(wanted: str, said: str) -> Response:
    """Return the way back to a page of this server, which is told what was done."""
    path = inside(wanted)
    parts = urlsplit(path)
    query = "&".join(filter(None, (parts.query, urlencode({"said": said}))))
    return RedirectResponse(parts._replace(query=query).geturl(), 303)


def _text(form: FormData, name: str) -> str:
    """Return a field as text.

    Raises:
        FreeholdError: FH-A112 it is longer than anybody writes there.
    """
    text = str(form.get(name, ""))
    if len(text) > _MOST_TEXT:
        raise FreeholdError("FH-A112", f"`{name}` has {len(text):,} characters.", fix=f"Write at most {_MOST_TEXT:,}.")
    return text
