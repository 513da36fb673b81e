"""`POST /hooks/pagerduty/{id}`: who acknowledged in PagerDuty has acknowledged here. Signed by PagerDuty.

PagerDuty dates no signature, so that a message could be sent again; what is acknowledged stays so, though it is said
twice. Who it was is who a team's file says they are; they may do what they may do on the page. Whom no team names has
acknowledged as the channel's service account, with its rights. That something is resolved there is not believed: that
takes a check, or somebody who looked.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
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


_MOVE = "acknowledge"


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
        return {**event, "data": dict(event["data"])}
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
    if _MOVE not in moves:
        return False
    items.work.move(item.id, _MOVE)
    served.changed()
    return True


def _who(served: Served, channel: Channel, agent: str) -> Who:
    """Return who acknowledged."""
    names = handles_of(served.snapshots.now().estate, "pagerduty").get(agent.lower(), ()) if agent else ()
    principal = next((name for name in names if name.startswith("user:")), channel.account)
    groups = tuple(name for name in names if name != principal)
    return Who(principal, principal.rpartition("/")[2], groups, "token", "token", f"pagerduty:{channel.id}")
