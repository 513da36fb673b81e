"""The application: a pure factory that puts the parts together. Nothing is opened but the estate's ledger."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
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
from freehold.delivery.run_book import RunBook
from freehold.foundation import Clock, FreeholdError, SystemClock
from freehold.reliability.slo import Followed
from freehold.server import challenges, exchanging, hooks, scraping, status_page
from freehold.server.agents import Agents
from freehold.server.alerting import AlertRound
from freehold.server.announcing import AnnouncingRound
from freehold.server.api import api
from freehold.server.briefs import BriefRound
from freehold.server.entry.access_tokens import AccessTokens
from freehold.server.entry.exchange import Exchange
from freehold.server.entry.links import Links
from freehold.server.entry.local import LocalDoor
from freehold.server.entry.oidc import BACK, Oidc
from freehold.server.entry.provider import provider_of
from freehold.server.entry.sessions import Doorkeeper
from freehold.server.entry.tokens import Mint, TokenRound
from freehold.server.jobs.bell import Hearers
from freehold.server.jobs.desk import Desk
from freehold.server.kept import Kept, Slow
from freehold.server.listing import Listing
from freehold.server.measuring import ObjectiveRound
from freehold.server.messages import pagerduty, slack
from freehold.server.messages.paging import WAKING, PageRound
from freehold.server.messages.requesters import RequesterRound
from freehold.server.messages.telling import MessageRound
from freehold.server.middleware.changing import Changing
from freehold.server.middleware.conditional import Conditional
from freehold.server.middleware.failing import Failing
from freehold.server.middleware.knowing import Knowing, SignedIn
from freehold.server.middleware.limiting import BodyCap, Pace
from freehold.server.middleware.observing import Observing
from freehold.server.middleware.securing import KnownHost, SameSite, Securing
from freehold.server.openlineage import asking, receiving
from freehold.server.openlineage.intake import Intake
from freehold.server.openlineage.recognising import recognise
from freehold.server.problems import answered, refused
from freehold.server.proposal import Proposals
from freehold.server.reckoning import Reckoning
from freehold.server.reliability_figures import ReliabilityFigures
from freehold.server.rights import Rights
from freehold.server.rounds import Rounds
from freehold.server.saved import SavedViews
from freehold.server.settings import Settings, expect_safe
from freehold.server.snapshots import Snapshots
from freehold.server.tables import TableRound
from freehold.server.telemetry import Telemetry
from freehold.server.tracking import TrackerRound
from freehold.server.usage import Usage
from freehold.server.views import Views
from freehold.server.web.assets import PREFIX, Assets
from freehold.server.web.pages import (
    acting,
    alerts,
    anomalies,
    decisions,
    deployment,
    deployments,
    documents,
    entry,
    events,
    explain,
    explore,
    homes,
    incidents,
    items,
    jobs,
    kpis,
    lineage,
    lineage_settings,
    metrics,
    objectives,
    palette,
    patterns,
    performance,
    plan,
    postmortems,
    product,
    products,
    requests,
    roadmap,
    run,
    runs,
    scorecards,
    search,
    settings,
    slos,
    usage,
    views,
    webhooks,
)
from freehold.server.web.serving import Made, page
from freehold.server.webhooks.dispatcher import Dispatcher

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

    from freehold.insight.performance import Performance
    from freehold.insight.usage import ProductUse


@dataclass(frozen=True, slots=True)
class Served:
    """What requests are answered with: the parts of one application."""

    settings: Settings
    snapshots: Snapshots
    reckoning: Reckoning
    views: Views
    rights: Rights
    runs: RunBook
    listing: Listing
    proposals: Proposals
    doorkeeper: Doorkeeper
    mint: Mint
    links: Links
    door: LocalDoor
    assets: Assets
    telemetry: Telemetry
    figures: ReliabilityFigures
    usage: Usage
    uses: Slow[dict[str, ProductUse]]
    performance: Slow[Mapping[int, tuple[Performance, ...]]]
    promises: Followed  # SLOs, for the round that watches and for all who ask
    saved: SavedViews
    agents: Agents
    pages: Kept[Made]
    changed: Callable[[], None]  # says that something was changed through this server: whoever asks next sees it
    jobs: Desk
    webhooks: Dispatcher
    rounds: Rounds
    tables: Rounds  # a thread of its own, so that nothing waits for a warehouse that does not answer
    paging: Rounds  # a thread of its own, so that nobody waits for a page while a tracker is slow
    intake: Intake
    exchange: Exchange
    oidc: Oidc | None = None
    access_tokens: AccessTokens | None = None
    version: str = __version__

    def close(self) -> None:
        """Give everything back: what was noted is written down, and the ledger signed off."""
        parts = (
            self.rounds,
            self.paging,
            self.tables,
            self.webhooks,
            self.jobs,
            self.intake,
            self.usage,
            self.views,
            self.reckoning,
            self.listing,
        )
        for part in parts:
            part.close()
        self.mint.write_down()
        self.snapshots.close()


def create_app(
    root: Path | str,
    settings: Settings | None = None,
    *,
    clock: Clock | None = None,
    links: Links | None = None,
    telemetry: Telemetry | None = None,
    door: LocalDoor | None = None,
) -> Starlette:
    """Return the application of one estate.

    Args:
        root: the folder that holds estate.yaml.
        settings: how it is to behave.
        clock: what time it is.
        links: the one-time links of whoever runs it.
        telemetry: where requests are noted.
        door: the way in for commands of this machine's user.

    Raises:
        FreeholdError: FH-A001, FH-A002 others could reach it and nobody would have to sign in safely; FH-A005 the
            assets were not built; what opening the state raises.
    """
    served = _served(
        Path(root), settings or Settings(), clock or SystemClock(), links or Links(), telemetry or Telemetry(),
        door or LocalDoor(),
    )  # fmt: skip
    app = Starlette(
        routes=_routes(served),
        middleware=_middleware(served),
        exception_handlers={FreeholdError: _wrong, HTTPException: _http},
        lifespan=_lifespan,
    )
    app.state.served = served
    served.rounds.of(app)
    served.paging.of(app)
    return app


def _served(
    root: Path, settings: Settings, clock: Clock, links: Links, telemetry: Telemetry, door: LocalDoor
) -> Served:
    expect_safe(settings)
    assets, provider = Assets(), provider_of(settings.sign_in, root)
    snapshots = Snapshots(root, settings.env, clock, telemetry)
    listing = Listing(root, snapshots.ledger, clock)
    snapshots.follow(listing.of)
    pages: Kept[Made] = Kept(lambda made: made.weight)
    uses: Slow[dict[str, ProductUse]] = Slow()

    def changed() -> None:
        pages.clear()
        snapshots.changed()

    paging = Rounds([PageRound()], telemetry, "paging")
    snapshots.ledger.subscribe(lambda _: paging.wake(), WAKING)
    desk = Desk(root, snapshots.ledger, settings.env, Hearers(changed, telemetry.ended))
    mint, rights, promises = Mint(snapshots.ledger, clock), Rights(snapshots), Followed(snapshots.ledger)
    return Served(
        settings=settings,
        snapshots=snapshots,
        listing=listing,
        intake=Intake(snapshots.ledger, clock, partial(_recognised, snapshots, listing), telemetry.failed),
        reckoning=Reckoning(snapshots.ledger),
        views=Views(snapshots.ledger, clock, telemetry),
        rights=rights,
        runs=RunBook(snapshots.ledger),
        proposals=Proposals(root, snapshots.ledger, clock),
        doorkeeper=Doorkeeper(snapshots.ledger, settings, clock),
        mint=mint,
        exchange=Exchange(mint, rights.accounts, settings.outbound, clock),
        links=links,
        door=door,
        assets=assets,
        telemetry=telemetry,
        figures=ReliabilityFigures(snapshots.ledger),
        usage=Usage(snapshots.ledger, clock, telemetry),
        uses=uses,
        performance=Slow(),
        promises=promises,
        saved=SavedViews(snapshots.ledger, clock),
        agents=Agents(),
        pages=pages,
        changed=changed,
        jobs=desk,
        webhooks=Dispatcher(snapshots, settings.env, settings.outbound, clock, telemetry),
        paging=paging,
        tables=Rounds([TableRound(snapshots)], telemetry, "tables"),
        rounds=Rounds(
            [
                TokenRound(mint),
                AlertRound(snapshots, promises),
                TrackerRound(snapshots, settings, clock, telemetry),
                AnnouncingRound(),
                MessageRound(),
                RequesterRound(),
                BriefRound(),
                ObjectiveRound(snapshots, desk),
            ],
            telemetry,
        ),
        oidc=Oidc(provider, snapshots.ledger, clock, f"{settings.address}{BACK}") if provider else None,
        access_tokens=AccessTokens(provider, clock, settings.address) if provider else None,
    )


def _recognised(snapshots: Snapshots, listing: Listing) -> None:
    """Bring what other tools told into the catalog, and record their runs."""
    snapshot = snapshots.now()
    recognise(snapshots.ledger, listing.follow(snapshot), snapshot.graph, snapshot.env)


def _routes(served: Served) -> list[BaseRoute]:
    return [
        *slack.routes(),
        *pagerduty.routes(),
        *hooks.routes(),
        *receiving.routes(),  # first, since they are asked a thousand times a second
        Route(f"{PREFIX}{{name}}", served.assets.sent),
        Route("/health", _health),
        Route("/ready", _ready),
        *challenges.routes(served),
        *exchanging.routes(),
        Route("/sign-in", entry.sign_in),
        Route("/sign-in/link/{secret}", entry.by_link),
        Route("/sign-in/oidc", entry.at_provider),
        Route(BACK, entry.from_provider),
        Route("/sign-out", entry.sign_out, methods=["POST"]),
        *homes.routes(),
        *page("/products", products.products, "products", shared=True),
        *page("/products/{id}", product.product, "product", shared=True),
        *scraping.routes(),
        *page("/metrics/{id}", metrics.metric, "metric", shared=True),
        *page("/kpis", kpis.kpis, "kpis", shared=True),
        *page("/kpis/{id}", kpis.kpi, "kpi", shared=True),
        *documents.routes(),
        *scorecards.routes(),
        *slos.routes(),
        *performance.routes(),
        *usage.routes(),
        *status_page.routes(),
        *page("/events/{id}", events.event, "event"),
        *requests.routes(),
        *items.routes(),
        *incidents.routes(),
        *postmortems.routes(),
        *alerts.routes(),
        *objectives.routes(),
        *roadmap.routes(),
        *decisions.routes(),
        Route("/palette", palette.palette),
        *page("/explain", explain.explain, "explain", asks=True),
        *explore.routes(),
        *views.routes(),
        *page("/search", search.search, "search", shared=True),
        *page("/lineage", lineage.lineage, "lineage", shared=True),
        *page("/runs", runs.shown_runs, "runs"),
        *page("/runs/{id}", run.shown_run, "run"),
        *page("/plan", plan.plan, "plan", asks=True),
        *page("/deployments", deployments.deployments, "deployments", shared=True),
        *page("/deployments/{id}", deployment.shown_deployment, "deployment"),
        *anomalies.routes(),
        *jobs.routes(),
        *page("/settings/tokens", settings.tokens, "tokens"),
        Route("/settings/tokens", settings.make_token, methods=["POST"]),
        Route("/settings/tokens/{id}/revoke", settings.revoke_token, methods=["POST"]),
        *page("/settings/lineage", lineage_settings.lineage_settings, "lineage-settings"),
        *page("/settings/sessions", settings.sessions, "sessions"),
        Route("/settings/sessions/{handle}/revoke", settings.revoke_session, methods=["POST"]),
        *webhooks.routes(),
        *acting.routes(),
        *page("/-/ui", patterns.patterns, "patterns"),
        *asking.routes(),
        Route("/mcp", served.agents),
        Mount("/api/v1", api(served)),
    ]


def _middleware(served: Served) -> list[Middleware]:
    """Return what requests pass, outermost first."""
    settings = served.settings
    return [
        Middleware(Observing, served.telemetry),
        Middleware(Securing, settings),
        Middleware(Failing),
        Middleware(GZipMiddleware, minimum_size=800, compresslevel=5),
        Middleware(KnownHost, settings),
        Middleware(SameSite, settings),
        Middleware(BodyCap, settings.body_cap),
        Middleware(Knowing, served.doorkeeper, served.mint, settings, served.door, served.access_tokens),
        Middleware(Pace, settings),
        Middleware(SignedIn),
        Middleware(Changing, served.changed),
        Middleware(Conditional),
    ]


@asynccontextmanager
async def _lifespan(app: Starlette) -> AsyncIterator[None]:
    served: Served = app.state.served
    served.jobs.open()
    served.webhooks.start()
    served.rounds.start()
    served.paging.start()
    served.tables.start()
    await run_in_threadpool(served.intake.start)
    yield
    try:
        await served.agents.close()
    finally:
        await run_in_threadpool(served.close)


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


async def _wrong(request: Request, error: Exception) -> Response:
    assert isinstance(error, FreeholdError)
    return await run_in_threadpool(answered, request, error)


async def _http(request: Request, error: Exception) -> Response:
    """Tell of what no route took."""
    assert isinstance(error, HTTPException)
    return await run_in_threadpool(refused, request, error)
