"""`/metrics`: metrics for people, and for what scrapes it the figures of the server and of its data."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from freehold.foundation import FreeholdError
from freehold.server.attained import attained_in
from freehold.server.performing import performance_in
from freehold.server.web.pages import metrics
from freehold.server.web.serving import page

if TYPE_CHECKING:
    from freehold.server.application import Served


def routes() -> list[Route]:
    """Return the routes that show metrics to people, and the figures of the server to what scrapes them."""
    as_json, as_html = page("/metrics", metrics.metrics, "metrics", shared=True)

    async def answered(request: Request) -> Response:
        if request.state.who.via == "session" and "text/html" in request.headers.get("accept", ""):
            response: Response = await as_html.endpoint(request)
        else:
            response = await run_in_threadpool(_figures, request)
        response.headers["Vary"] = "Accept"
        return response

    return [as_json, Route("/metrics", answered, name="metrics")]


def _figures(request: Request) -> Response:
    served: Served = request.app.state.served
    served.telemetry.open_jobs(served.jobs.open_jobs())
    figures = served.telemetry.figures()
    with suppress(FreeholdError):  # an estate that cannot be read has no data to tell of; the server has
        snapshot = served.rights.snapshot(request.state.who)
        fast = performance_in(served, snapshot, 1)
        figures += served.figures.text(snapshot, attained_in(served, snapshot), fast, served.snapshots.clock.now())
    return Response(figures, media_type="text/plain; version=0.0.4")
