"""The application: a pure factory that puts the parts together. Nothing is opened but the estate's ledger."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from freehold import __version__
from freehold.foundation import Clock, FreeholdError, SystemClock
from freehold.server.api import api
from freehold.server.entry.links import Links
from freehold.server.entry.oidc import BACK, Oidc, provider_of
from freehold.server.entry.sessions import Doorkeeper
from freehold.server.entry.tokens import Mint
from freehold.server.listing import Listing
from freehold.server.middleware.conditional import Conditional
from freehold.server.middleware.knowing import Knowing, SignedIn
from freehold.server.middleware.limiting import BodyCap, Pace
from freehold.server.middleware.observing import Observing
from freehold.server.middleware.securing import KnownHost, SameSite, Securing
from freehold.server.problems import answered, not_found, request_id_of
from freehold.server.settings import Settings, expect_safe
from freehold.server.snapshots import Snapshots
from freehold.server.telemetry import Telemetry
from freehold.server.web.assets import PREFIX, Assets
from freehold.server.web.pages import (
    deployments,
    entry,
    home,
    lineage,
    metrics,
    patterns,
    product,
    products,
    search,
    settings,
)
from freehold.server.web.showing import asked_of, page, rendered

if TYPE_CHECKING:
    from starlette.routing import BaseRoute


@dataclass(frozen=True, slots=True)
class Served:
    """What requests are answered with: the parts of one application."""

    settings: Settings
    snapshots: Snapshots
    listing: Listing
    doorkeeper: Doorkeeper
    mint: Mint
    links: Links
    assets: Assets
    telemetry: Telemetry
    estate_name: str
    oidc: Oidc | None = None
    version: str = __version__


def create_app(
    root: Path | str,
    settings: Settings | None = None,
    *,
    clock: Clock | None = None,
    links: Links | None = None,
    telemetry: Telemetry | None = None,
) -> Starlette:
    """Return the application of one estate.

    Args:
        root: the folder that holds estate.yaml.
        settings: how it is to behave.
        clock: what time it is.
        links: the one-time links of whoever runs it.
        telemetry: where requests are noted.

    Raises:
        FreeholdError: FH-A001, FH-A002 others could reach it and nobody would have to sign in safely; FH-A005 the
            assets were not built; what opening the state raises.
    """
    settings, clock = settings or Settings(), clock or SystemClock()
    expect_safe(settings)
    assets, telemetry = Assets(), telemetry or Telemetry()
    snapshots = Snapshots(Path(root), settings.env, clock, telemetry)
    served = Served(
        settings=settings,
        snapshots=snapshots,
        listing=Listing(Path(root), snapshots.ledger, clock),
        doorkeeper=Doorkeeper(snapshots.ledger, settings, clock),
        mint=Mint(snapshots.ledger, clock),
        links=links or Links(),
        assets=assets,
        telemetry=telemetry,
        estate_name=Path(root).resolve().name,
        oidc=_oidc(settings, snapshots, Path(root), clock),
    )
    app = Starlette(
        routes=_routes(served),
        middleware=_middleware(served),
        exception_handlers={FreeholdError: _wrong, HTTPException: _http, Exception: _defect},
        lifespan=_lifespan,
    )
    app.state.served = served
    return app


def _oidc(settings: Settings, snapshots: Snapshots, root: Path, clock: Clock) -> Oidc | None:
    provider = provider_of(settings.sign_in, root)
    return Oidc(provider, snapshots.ledger, clock, f"{settings.address}{BACK}") if provider else None


def _routes(served: Served) -> list[BaseRoute]:
    return [
        Route(f"{PREFIX}{{name}}", served.assets.sent),
        Route("/health", _health),
        Route("/ready", _ready),
        Route("/sign-in", entry.sign_in),
        Route("/sign-in/link/{secret}", entry.by_link),
        Route("/sign-in/oidc", entry.at_provider),
        Route(BACK, entry.from_provider),
        Route("/sign-out", entry.sign_out, methods=["POST"]),
        *page("/", home.home, "home"),
        *page("/products", products.products, "products"),
        *page("/products/{id}", product.product, "product"),
        Route("/metrics", _metrics),
        *page("/metrics", metrics.metrics, "metrics"),
        *page("/metrics/{id}", metrics.metric, "metric"),
        *page("/search", search.search, "search"),
        *page("/lineage", lineage.lineage, "lineage"),
        *page("/deployments", deployments.deployments, "deployments"),
        *page("/settings/tokens", settings.tokens, "tokens"),
        Route("/settings/tokens", settings.make_token, methods=["POST"]),
        Route("/settings/tokens/{id}/revoke", settings.revoke_token, methods=["POST"]),
        *page("/settings/sessions", settings.sessions, "sessions"),
        Route("/settings/sessions/{handle}/revoke", settings.revoke_session, methods=["POST"]),
        *page("/-/ui", patterns.patterns, "patterns"),
        Mount("/api/v1", api(served)),
    ]


def _middleware(served: Served) -> list[Middleware]:
    """Return what requests pass, outermost first."""
    settings = served.settings
    return [
        Middleware(Observing, served.telemetry),
        Middleware(Securing, settings),
        Middleware(GZipMiddleware, minimum_size=800, compresslevel=5),
        Middleware(KnownHost, settings),
        Middleware(SameSite, settings),
        Middleware(BodyCap, settings.body_cap),
        Middleware(Knowing, served.doorkeeper, served.mint, settings),
        Middleware(Pace, settings),
        Middleware(SignedIn),
        Middleware(Conditional),
    ]


@asynccontextmanager
async def _lifespan(app: Starlette) -> AsyncIterator[None]:
    yield
    await run_in_threadpool(app.state.served.listing.close)
    await run_in_threadpool(app.state.served.snapshots.close)


def _health(_: Request) -> Response:
    """Say that the process answers."""
    return JSONResponse({"status": "ok"})


def _ready(request: Request) -> Response:
    """Say whether pages can be shown: the estate was read, now or before."""
    try:
        snapshot = request.app.state.served.snapshots.now()
    except FreeholdError as error:
        return JSONResponse({"status": "not ready", "code": error.code}, 503)
    return JSONResponse({"status": "ok", "waits": bool(snapshot.waits)})


def _metrics(request: Request) -> Response:
    """Show the metrics of the estate to people, and the server's own figures to what scrapes them."""
    if request.state.who.via == "session" and "text/html" in request.headers.get("accept", ""):
        asked = asked_of(request)
        response = rendered(asked, metrics.metrics(asked))
    else:
        response = Response(request.app.state.served.telemetry.figures(), media_type="text/plain; version=0.0.4")
    response.headers["Vary"] = "Accept"
    return response


async def _wrong(request: Request, error: Exception) -> Response:
    assert isinstance(error, FreeholdError)
    return await run_in_threadpool(answered, request, error)


async def _http(request: Request, error: Exception) -> Response:
    """Tell of what no route took."""
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        told = FreeholdError("FH-A108", f"`{request.url.path}` does not take {request.method}.", fix="Try GET.")
    elif error.status_code == 404:
        told = not_found(request.url.path)
    else:
        told = FreeholdError("FH-A112", str(error.detail), fix="Mend the request.")
    return await run_in_threadpool(answered, request, told)


async def _defect(request: Request, error: Exception) -> Response:
    """Tell of a defect without its particulars, which are in the log."""
    request.app.state.served.telemetry.log.error("defect", request_id=request_id_of(request), exc_info=error)
    told = FreeholdError(
        "FH-A110",
        "This is a defect of Freehold; nothing was changed by this request.",
        fix=f"Its particulars are in the server's log under request {request_id_of(request)}.",
    )
    return await run_in_threadpool(answered, request, told)
