"""Who asks."""

from __future__ import annotations

from fastapi import FastAPI, Request

from freehold.server.api.model import Strict


class Me(Strict):
    """Who asks, as the server knows them."""

    principal: str
    name: str
    groups: list[str]
    assurance: str
    via: str
    scopes: list[str]


def add(app: FastAPI) -> None:
    """Add the route that says who asks."""
    app.get("/me", summary="Who asks", operation_id="get_me")(_me)


def _me(request: Request) -> Me:
    """Say who asks."""
    who = request.state.who
    return Me(
        principal=who.principal, name=who.name, groups=list(who.groups), assurance=who.assurance, via=who.via,
        scopes=sorted(who.scopes),
    )  # fmt: skip
