"""Home pages: one for each role, each a page of its own, and `/` shows the reader's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from starlette.routing import Route

from freehold.server.web.pages.homes.consumer import consumer_home
from freehold.server.web.pages.homes.dataops import dataops_home
from freehold.server.web.pages.homes.leader import leader_home
from freehold.server.web.pages.homes.news import news
from freehold.server.web.pages.homes.papers import papers_of
from freehold.server.web.pages.homes.product import product_home
from freehold.server.web.pages.homes.roles import HOMES, choose, home_of
from freehold.server.web.serving import Page, page
from freehold.server.web.showing import Asked, Shown

SHOWS: Mapping[str, Page] = {
    "consumer": consumer_home,
    "product": product_home,
    "dataops": dataops_home,
    "leader": leader_home,
}


def routes() -> list[Route]:
    """Return the routes of homes: the reader's at `/`, each by its name, and the one that keeps which is chosen."""
    named = [route for role in HOMES for route in page(f"/homes/{role}", _home(role), f"home.{role}")]
    return [*page("/", _own, "home"), *named, Route("/homes", choose, methods=["POST"])]


def _own(asked: Asked) -> Shown:
    """Show the home that a reader chose, or that their roles suggest."""
    return _home(home_of(asked))(asked)


def _home(role: str) -> Page:
    def show(asked: Asked) -> Shown:
        shown = shown_home(asked, role)
        return replace(shown, extra={**shown.extra, "homes": HOMES, "role": role, "papers": papers_of(asked, role)})

    return show


def shown_home(asked: Asked, role: str) -> Shown:
    """Return what the home of a role says to somebody, with the news that any home has."""
    shown = SHOWS[role](asked)
    return replace(shown, model=replace(shown.model, news=news(asked)))
