"""`/status`: the status page as `freehold status-page build` writes it, for those who are signed in, as of now."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from freehold.connect.status_page import StatusPage, files_of, status_page
from freehold.foundation import FreeholdError, near
from freehold.server.kept import Kept
from freehold.server.tags import lasting_tag_of

if TYPE_CHECKING:
    from freehold.server.application import Served

_PATH = "/status"
MOVING = ("as_of",)  # what it says that goes on with the clock alone
_TYPES = {
    "html": "text/html", "json": "application/json", "atom": "application/atom+xml", "css": "text/css",
}  # fmt: skip


def routes() -> list[Route]:
    """Return the routes of the page, its parts and its products."""
    kept: Kept[Mapping[str, bytes]] = Kept(lambda files: sum(map(len, files.values())))

    def shown(request: Request) -> Response:
        served: Served = request.app.state.served
        files = kept.get(served.snapshots.now().env, lambda: files_of(page_now(served), f"{_PATH}/"))
        path = request.path_params["path"]
        if f"{path}/index.html" in files:
            return RedirectResponse(f"{_PATH}/{path}/", 308)
        name = f"{path}index.html" if path.endswith("/") or not path else path
        if name not in files:
            fix = near(path.strip("/"), [one.removesuffix("/index.html") for one in files]) or f"See {_PATH}."
            raise FreeholdError("FH-E377", f"There is no `{path[:100]}` on the status page.", fix=fix)
        kind = name.rpartition(".")[2]
        headers = {"ETag": lasting_tag_of(json.loads(files[name]), MOVING)} if kind == "json" else None
        return Response(files[name], media_type=_TYPES[kind], headers=headers)

    return [Route(_PATH, _to_the_page), Route(f"{_PATH}/{{path:path}}", shown, name="status")]


def page_now(served: Served) -> StatusPage:
    """Return the status page as of now: what everybody may see, whoever asks."""
    snapshot = served.snapshots.now()
    return status_page(snapshot.estate, served.snapshots.ledger, snapshot.env, served.snapshots.clock.now())


def _to_the_page(_: Request) -> Response:
    return RedirectResponse(f"{_PATH}/", 308)
