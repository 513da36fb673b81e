"""`POST /hooks/pagerduty/{id}`: who acknowledged in PagerDuty has acknowledged here. Signed by PagerDuty, each once.

Who it was is who a team's file says they are; they may do what they may do on the page. Whom no team names has
acknowledged as the channel's service account, with its rights. That something is resolved there is not believed: that
takes a check, or somebody who looked.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from freehold.access import accounts_of
from freehold.connect.messages import Channel, channels_of
from freehold.connect.paging.pagerduty import ACKNOWLEDGED, expect_signed
from freehold.delivery.gate import handles_of
from freehold.foundation import FreeholdError
from freehold.foundation.secrets import resolve
from freehold.server.identity import Who
from freehold.server.items import Items
from freehold.server.web.showing import Asked

if TYPE_CHECKING:
    from freehold.server.application import Served

_SEEN = "pagerduty.seen"  # ids of what came, with when, in the kept state
_KEPT = timedelta(days=2)  # it sends again for a day, as long as it is not answered


def routes() -> list[Route]:
    """Return the route that PagerDuty posts to."""
    return [Route("/hooks/pagerduty/{id}", _take, methods=["POST"])]


async def _take(request: Request) -> Response:
    body = await request.body()
    return await run_in_threadpool(_taken, request, body)


def _taken(request: Request, body: bytes) -> Response:
    """Acknowledge what was acknowledged there; anything else is taken, and left.

    Raises:
        FreeholdError: FH-E372 PagerDuty did not sign it; FH-E373 it is none of its messages; as `Work.move` does.
    """
    served: Served = request.app.state.served
    estate = served.snapshots.now().estate
    channel = channels_of(estate).get(request.path_params["id"])
    is_theirs = channel is not None and channel.to == "pagerduty" and channel.account in accounts_of(estate)
    secret = None
    if channel is not None and is_theirs and channel.secret:
        secret = resolve(channel.secret, root=estate.root, where=channel.where).reveal()
    expect_signed(request.headers, body, secret)
    assert channel is not None, "without a channel there is no secret that anybody could have signed with"
    event = _event(body)
    if event.get("event_type") != ACKNOWLEDGED:
        return JSONResponse({"taken": False})
    return JSONResponse({"taken": _acknowledged(request, served, channel, event)})


def _event(body: bytes) -> Mapping[str, Any]:
    try:
        event = json.loads(body)["event"]
        return {**event, "id": str(event["id"]), "data": dict(event["data"])}
    except (ValueError, KeyError, TypeError) as error:
        problem = "This is no message of a webhook of PagerDuty, version 3."
        raise FreeholdError("FH-E373", problem, fix="Subscribe it to `incident.acknowledged`.") from error


def _acknowledged(request: Request, served: Served, channel: Channel, event: Mapping[str, Any]) -> bool:
    """Acknowledge an incident that waits for it; whether it did."""
    who = _who(served, channel, str((event.get("agent") or {}).get("id") or ""))
    items = Items(Asked(request, served, who, served.rights.snapshot(who)))
    about = str(event["data"].get("incident_key") or "")
    if not about.startswith("incident/") or not items.work.has_begun(about):
        return False  # of alerts, or of somebody else who goes by the same service
    item = items.get(about)
    moves = items.work.workflow(item.type).states[item.state].moves
    if "acknowledge" not in moves or not _is_new(served, event["id"]):
        return False
    try:
        items.work.move(item.id, "acknowledge")
    except FreeholdError:
        served.snapshots.ledger.state.delete(_SEEN, event["id"])  # it is sent again, when they may
        raise
    served.changed()
    served.rounds.wake()
    return True


def _who(served: Served, channel: Channel, agent: str) -> Who:
    """Return who acknowledged."""
    names = handles_of(served.snapshots.now().estate, "pagerduty").get(agent.lower(), ()) if agent else ()
    principal = next((name for name in names if name.startswith("user:")), channel.account)
    groups = tuple(name for name in names if name != principal)
    return Who(principal, principal.rpartition("/")[2], groups, "token", "token", f"pagerduty:{channel.id}")


def _is_new(served: Served, id_: str) -> bool:
    """Whether a message came for the first time; of several servers one is told so."""
    now, state = served.snapshots.clock.now(), served.snapshots.ledger.state
    if not state.claim(_SEEN, id_, now.astimezone(UTC).isoformat()):
        return False
    old = [one for one, at in state.many(_SEEN).items() if datetime.fromisoformat(at) < now - _KEPT]
    if old:
        state.delete(_SEEN, *old)
    return True
