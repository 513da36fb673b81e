"""Saved views: which there are, opening one with today's numbers, saving, renaming and deleting one's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from freehold.foundation.words import counted
from freehold.server.questions import question_of
from freehold.server.saved import View
from freehold.server.web.model import Empty, Heading
from freehold.server.web.pages.explore import explored, hashes_of, seen_of, sentence
from freehold.server.web.pages.metrics import catalogue_in
from freehold.server.web.serving import page
from freehold.server.web.showing import Asked, Shown, asked_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.routing import BaseRoute

_HEADINGS = (
    Heading("View"),
    Heading("It shows", "wide", sorts=False),
    Heading("Owner", narrow=False),
    Heading("Saved", "num", narrow=False),
)
_NO_VIEWS = Empty(
    "No view yet", "Explore a metric and save the question: it has an address of its own, and today's numbers."
)


@dataclass(frozen=True, slots=True)
class ViewRow:
    """A view in a list."""

    view: View
    told: str


@dataclass(frozen=True, slots=True)
class ViewsPage:
    """All views by name."""

    headings: tuple[Heading, ...]
    views: tuple[ViewRow, ...]
    no_views: Empty = _NO_VIEWS


def routes() -> list[BaseRoute]:
    """Return the routes of views."""
    return [
        *page("/views", views, "views"),
        Route("/views", _posted(_save), methods=["POST"]),
        *page("/views/{id}", view, "view", asks=True),
        Route("/views/{id}/rename", _posted(_rename), methods=["POST"]),
        Route("/views/{id}/delete", _posted(_delete), methods=["POST"]),
    ]


def views(asked: Asked) -> Shown:
    """Show all views."""
    catalogue = catalogue_in(asked)
    rows = tuple(
        ViewRow(v, v.description or sentence(catalogue, v.question)) for v in asked.served.saved.all(seen_of(asked))
    )
    told = f"{counted(len(rows), 'views')}, each a question that somebody saved; opened, it has today's numbers."
    return Shown("pages/views.html", "Views", ViewsPage(_HEADINGS, rows), told if rows else "", nav="explore")


def view(asked: Asked) -> Shown:
    """Show the answer of a saved question, as it is now and as whoever asks may see it.

    Raises:
        FreeholdError: FH-A145 there is no such view.
    """
    found = asked.served.saved.get(asked.request.path_params["id"], seen_of(asked))
    return explored(asked, found.question, found)


def _posted(change: Callable[[Asked, FormData], str]) -> Callable[[Request], object]:
    """Return what takes a form, changes something, and leads to where it can be seen."""

    async def taken(request: Request) -> Response:
        form = await request.form()
        return RedirectResponse(await run_in_threadpool(lambda: change(asked_of(request), form)), 303)

    return taken


def _save(asked: Asked, form: FormData) -> str:
    question = question_of(parse_qsl(str(form.get("question", ""))))
    hashes = hashes_of(catalogue_in(asked), question)
    name, told = str(form.get("name", "")), str(form.get("description", ""))
    saved = asked.served.saved.save(asked.who, name, told, question, hashes)
    return f"/views/{saved.id}"


def _rename(asked: Asked, form: FormData) -> str:
    id_ = asked.request.path_params["id"]
    asked.served.saved.rename(asked.who, id_, str(form.get("name", "")), str(form.get("description", "")))
    return f"/views/{id_}"


def _delete(asked: Asked, _: FormData) -> str:
    asked.served.saved.delete(asked.who, asked.request.path_params["id"])
    return "/views"
