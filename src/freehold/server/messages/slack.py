"""What Slack sends: a button that was pressed, a reason that was given, a slash command. Each signed, each once.

Whoever pressed is who a team's file says they are; they may do what they may do on the page, and nothing else. Whom no
team names is told so, and nothing is done.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from pydantic import BaseModel, ValidationError
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from freehold.access import accounts_of
from freehold.changing import approved, expect_plan, rejected
from freehold.connect.messages import Channel, channels_of, slack_verified
from freehold.connect.messages.posting import Posting
from freehold.connect.messages.rendering import NO, WHY, YES
from freehold.connect.messages.signing import unsigned
from freehold.delivery.gate import handles_of
from freehold.foundation import FreeholdError
from freehold.foundation.secrets import resolve
from freehold.server.identity import Who
from freehold.server.items import Items
from freehold.server.messages.waiting import about_item, missing_of
from freehold.server.web.pages.plan import expect_a_right, proposal_for
from freehold.server.web.showing import Asked

if TYPE_CHECKING:
    from freehold.server.application import Served


class _Named(BaseModel):
    id: str = ""


class _Action(BaseModel):
    action_id: str = ""
    value: str | None = None


class _Input(BaseModel):
    value: str | None = None


class _State(BaseModel):
    values: dict[str, dict[str, _Input]]


class _View(BaseModel):
    private_metadata: str
    state: _State


class _Payload(BaseModel):
    """What is read of an interaction: one with a message, or one with a view, which has no channel."""

    type: str = ""
    user: _Named = _Named()
    channel: _Named | None = None
    trigger_id: str = ""
    actions: list[_Action] = []
    view: _View | None = None


_SEEN = "slack.seen"  # signatures that came, with when, in the kept state
_KEPT = timedelta(minutes=15)


def routes() -> list[Route]:
    """Return the routes that Slack posts to."""
    return [
        Route("/hooks/slack/{id}/actions", _taking(_acted), methods=["POST"]),
        Route("/hooks/slack/{id}/commands", _taking(_commanded), methods=["POST"]),
    ]


def _taking(act: Any) -> Any:
    async def endpoint(request: Request) -> Response:
        body = await request.body()
        return await run_in_threadpool(_taken, act, request, body)

    return endpoint


def _taken(act: Any, request: Request, body: bytes) -> Response:
    """Have a message acted on that is Slack's and new.

    Raises:
        FreeholdError: FH-X323 it is not.
    """
    served: Served = request.app.state.served
    estate, now = served.snapshots.now().estate, served.snapshots.clock.now()
    channel = channels_of(estate).get(request.path_params["id"])
    is_slacks = channel is not None and channel.to == "slack" and channel.account in accounts_of(estate)
    secret = None
    if channel is not None and is_slacks and channel.signing_secret:
        secret = resolve(channel.signing_secret, root=estate.root, where=channel.where).reveal()
    shown = slack_verified(request.headers, body, secret, int(now.timestamp()))
    assert channel is not None, "without a channel there is no secret that anybody could have signed with"
    _expect_new(served, shown, now)
    form = {name: values[-1] for name, values in parse_qs(body.decode("utf-8", "replace")).items()}
    response: Response = act(request, channel, form)
    return response


def _expect_new(served: Served, signature: str, now: datetime) -> None:
    """Refuse a message that came before: what somebody caught on its way is worth nothing.

    Raises:
        FreeholdError: FH-X323.
    """
    key, state = hashlib.sha256(signature.encode()).hexdigest(), served.snapshots.ledger.state
    if not state.claim(_SEEN, key, now.astimezone(UTC).isoformat()):  # by another server, perhaps, at the same time
        raise unsigned()
    old = [one for one, at in state.many(_SEEN).items() if datetime.fromisoformat(at) < now - _KEPT]
    if old:
        state.delete(_SEEN, *old)


# -- buttons


def _acted(request: Request, channel: Channel, form: Mapping[str, str]) -> Response:
    try:
        said = _Payload.model_validate_json(form.get("payload") or "")
    except ValidationError as error:
        raise FreeholdError(
            "FH-X327", "This is no interaction as Slack sends it.", fix="Send `payload`: an interaction as JSON."
        ) from error
    user = said.user.id
    if said.type == "view_submission" and said.view is not None:
        return _given(request, channel, user, said.view)
    action = said.actions[0] if said.actions else _Action()
    place = said.channel.id if said.channel is not None else channel.conversation
    if action.action_id not in (YES, NO):  # a link that was followed, or nothing of ours
        return Response(status_code=200)
    how, _, value = (action.value or "").partition(" ")
    served: Served = request.app.state.served
    posting = Posting(served.snapshots.root, served.settings.outbound)
    try:
        if how == WHY:
            _asked_by(request, channel, user)
            posting.ask_why(channel, said.trigger_id, "What keeps you from it?", value)
        else:
            _decide(request, channel, user, value, is_yes=action.action_id == YES)
            served.rounds.wake()
    except FreeholdError as error:
        told = f"{error.problem} {error.fix}".strip()
        return Response(status_code=200, background=BackgroundTask(_whispered, posting, channel, place, user, told))
    return Response(status_code=200)


def _whispered(posting: Posting, channel: Channel, place: str, user: str, told: str) -> None:
    try:
        posting.whisper(channel, place, user, told)
    except FreeholdError:
        return  # nothing was done, and nobody can be told; the message still waits


def _given(request: Request, channel: Channel, user: str, view: _View) -> Response:
    """Decline for the reason that was given; what keeps from it is shown where it was given."""
    try:
        given = view.state.values.get(WHY, {}).get("text", _Input())
        _decide(request, channel, user, view.private_metadata, is_yes=False, why=given.value or "")
    except FreeholdError as error:
        told = f"{error.problem} {error.fix}".strip()
        return JSONResponse({"response_action": "errors", "errors": {WHY: told}})
    request.app.state.served.rounds.wake()
    return Response(status_code=200)


def _decide(request: Request, channel: Channel, user: str, value: str, *, is_yes: bool, why: str = "") -> None:
    """Decide as whoever pressed.

    Raises:
        FreeholdError: FH-X324 no team names them; what keeps them from it on the page does so here.
    """
    asked = _asked_by(request, channel, user)
    kind, _, rest = value.partition(" ")
    if kind == "plan":
        _decide_plan(asked, rest.partition(" ")[0], is_yes=is_yes, why=why)
    else:
        _decide_item(asked, value, why)
    asked.served.changed()


def _decide_plan(asked: Asked, id_: str, *, is_yes: bool, why: str) -> None:
    proposal = proposal_for(asked)
    expect_plan(proposal.plan, id_)
    expect_a_right(asked, proposal)
    words = (proposal.plan, proposal.estate, proposal.before, asked.served.snapshots.ledger)
    caller = asked.who.caller("approve")
    if is_yes:
        approved(*words, caller, why)
    else:
        rejected(*words, caller, why)


def _decide_item(asked: Asked, value: str, why: str) -> None:
    about, _, name = value.rpartition(" ")
    items = Items(asked)
    _, _, rest = about.partition(" ")
    item = items.get(rest.partition(" ")[0])
    if about_item(item) != about:
        state = item.state.replace("_", " ")
        raise FreeholdError("FH-X325", f"This waits no longer: it is {state} by now.", fix="Look at its page.")
    move = items.work.workflow(item.type).states[item.state].moves.get(name)
    missing = missing_of(items.work, item, move) if move is not None else []
    items.work.move(item.id, name, fields={missing[0]: why} if why and missing else {}, note="" if missing else why)


# -- commands


def _commanded(request: Request, channel: Channel, form: Mapping[str, str]) -> Response:
    """File what somebody asks for, and tell them alone what came of it."""
    try:
        told = _filed(request, channel, form)
    except FreeholdError as error:
        told = f"{error.problem} {error.fix}".strip()
    return JSONResponse({"response_type": "ephemeral", "text": told})


def _filed(request: Request, channel: Channel, form: Mapping[str, str]) -> str:
    if not channel.files:
        raise FreeholdError("FH-X326", f"The channel `{channel.id}` files nothing.", fix="Its file says `files: TYPE`.")
    asked = _asked_by(request, channel, form.get("user_id", ""))
    items = Items(asked)
    workflow = items.work.workflow(channel.files)
    first = next((name for name, one in workflow.fields.items() if one.type in ("text",)), "")
    key = hashlib.sha256(f"{channel.id}\n{form.get('trigger_id', '')}".encode()).hexdigest()[:32]
    made = items.work.create(workflow.id, {first: form.get("text", "").strip()}, key=key)
    asked.served.changed()
    alike = items.alike(form.get("text", ""), workflow.id, made.item.id)
    more = f" There is something like it: {items.work.title(alike[0])} ({alike[0].id})." if alike else ""
    return f"Filed: {made.item.id}.{more}"


def _asked_by(request: Request, channel: Channel, user: str) -> Asked:
    """Return who somebody of Slack is here, and what they see.

    Raises:
        FreeholdError: FH-X324 no team says who they are.
    """
    served: Served = request.app.state.served
    names = handles_of(served.snapshots.now().estate, "slack").get(user.lower(), ())
    principal = next((name for name in names if name.startswith("user:")), "")
    if not principal:
        raise FreeholdError(
            "FH-X324", f"Nobody here knows who `{user[:40]}` of Slack is, so nothing was done.",
            fix=f'A team says so: `handles: {{slack: {{{user[:40]}: ["user:idp/…"]}}}}`.',
        )  # fmt: skip
    groups = tuple(name for name in names if name != principal)
    who = Who(principal, principal.rpartition("/")[2], groups, "token", "token", f"slack:{channel.id}")
    return Asked(request, served, who, served.rights.snapshot(who))
