"""`POST /hooks/{id}`: a program outside files a work item, by a webhook that is signed as Standard Webhooks has it.

Whoever knows the secret is the hook's service account, and nobody else. A message that comes again files nothing again.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from freehold.access import accounts_of
from freehold.connect.webhooks import key_of, verified
from freehold.connect.webhooks.hooks import hooks_of
from freehold.foundation import FreeholdError, near
from freehold.foundation.secrets import resolve
from freehold.server.api.items import NewItem
from freehold.server.identity import Who
from freehold.server.items import Items
from freehold.server.web.showing import Asked

if TYPE_CHECKING:
    from pathlib import Path

    from freehold.connect.webhooks.hooks import Hook
    from freehold.server.application import Served


def routes() -> list[Route]:
    """Return the route."""
    return [Route("/hooks/{id}", _take, methods=["POST"])]


async def _take(request: Request) -> Response:
    body = await request.body()
    return await run_in_threadpool(_taken, request, body)


def _taken(request: Request, body: bytes) -> Response:
    """File what a message asks for: 201 with its id, the first time and every other.

    Raises:
        FreeholdError: FH-W321 nobody known signed it; FH-W322 it is no item to be filed; as `Work.create` does.
    """
    served: Served = request.app.state.served
    snapshot = served.snapshots.now()
    hook = hooks_of(snapshot.estate).get(request.path_params["id"])
    is_somebodys = hook is not None and hook.account in accounts_of(snapshot.estate)
    keys = _keys(hook, snapshot.estate.root) if hook is not None and is_somebodys else ()
    message = verified(request.headers, body, keys, int(served.snapshots.clock.now().timestamp()))
    assert hook is not None, "without a hook there is no key that anybody could have signed with"
    wanted = _wanted(body, hook)
    who = Who(hook.account, hook.account, (), "token", "token", f"hook:{hook.id}")
    asked = Asked(request, served, who, served.rights.snapshot(who))
    key = hashlib.sha256(f"{hook.id}\n{message}".encode()).hexdigest()[:32]
    made = Items(asked).work.create(
        wanted.type, wanted.fields, product=wanted.product, service_class=wanted.class_, priority=wanted.priority,
        key=key,
    )  # fmt: skip
    return JSONResponse({"id": made.item.id, "state": made.item.state}, 201)


def _keys(hook: Hook, root: Path) -> tuple[bytes, ...]:
    return tuple(key_of(resolve(one, root=root, where=hook.where).reveal(), one, hook.where) for one in hook.secrets)


def _wanted(body: bytes, hook: Hook) -> NewItem:
    try:
        wanted = NewItem.model_validate_json(body)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the message"
        problem = f"This is no item to be filed: {place}: {first['msg'].lower()}."
        raise FreeholdError("FH-W322", problem, fix='Send `{"type": …, "fields": {…}}`.') from error
    if wanted.type not in hook.types:
        fix = near(wanted.type, hook.types) or f"It files: {', '.join(hook.types)}."
        raise FreeholdError("FH-W322", f"The hook `{hook.id}` files no `{wanted.type[:60]}`.", fix=fix)
    return wanted
