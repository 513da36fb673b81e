"""`/api/v1`: the same snapshots for programs, typed, with an OpenAPI 3.1 description that clients can be made from.

Lists have cursors. Errors are problem objects (RFC 9457). Answers carry ETags. What a token may ask is its scopes'.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from fastapi import Depends, FastAPI

from freehold import __version__
from freehold.server.api import (
    ahead,
    alerts,
    anomalies,
    asking,
    catalog,
    deployments,
    describing,
    documents,
    events,
    incidents,
    items,
    kpis,
    me,
    metrics,
    performance,
    postmortems,
    products,
    refusing,
    runs,
    scorecards,
    slos,
    status_page,
    usage,
    webhooks,
)
from freehold.server.api.jobs import add_jobs
from freehold.server.api.model import PROBLEMS

if TYPE_CHECKING:
    from freehold.server.application import Served

_PARTS = (
    products,
    metrics,
    asking,
    kpis,
    documents,
    scorecards,
    status_page,
    slos,
    performance,
    usage,
    catalog,
    runs,
    deployments,
    anomalies,
    events,
    items,
    incidents,
    postmortems,
    alerts,
    ahead,
    webhooks,
    me,
)  # in the order of the description


def api(served: Served | None) -> FastAPI:
    """Return the API, to be mounted; without what it serves, only to be described."""
    app = FastAPI(
        title="Freehold",
        version=__version__,
        summary="Data products of an estate: what holds now, by which definition, on what evidence.",
        description="What you may not see answers as what is not there. Limits are per asker and minute.",
        docs_url=None,
        redoc_url=None,
        responses=PROBLEMS,
        dependencies=[Depends(refusing.expect_known_words)],
        servers=[{"url": "/api/v1"}],
    )
    app.state.served = served
    refusing.add(app)
    for part in _PARTS:
        part.add(app)
    add_jobs(app)
    app.openapi = partial(describing.described, app)  # type: ignore[method-assign]
    return app
