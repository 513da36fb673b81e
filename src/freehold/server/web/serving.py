"""From a page's function to its routes: what is the same for many is made for one of them, and given to all."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar

from markupsafe import escape
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from freehold.server.problems import is_part
from freehold.server.rights import Seen
from freehold.server.web.showing import Asked, Shown, asked_of, html_of, json_of

if TYPE_CHECKING:
    from freehold.metrics import Answer
    from freehold.server.application import Served
    from freehold.server.identity import Who
    from freehold.server.kept import Kept

_AT_ONCE = 8
_PAGES = ThreadPoolExecutor(_AT_ONCE, "page")
_HTML, _JSON = "text/html", "application/json"
_MARK = secrets.token_hex(8)  # which no file can hold, since it is another one in each process
_PRINCIPAL, _NAME = f"principal-{_MARK}", f"name-{_MARK}"  # stand for whoever asks in what is made for all

Page = Callable[[Asked], Shown]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Made:
    """A page as it goes out; `answers` are those whose values it shows, `seen` what it was made of."""

    text: str
    status: int
    media_type: str
    env: str
    answers: tuple[Answer, ...]
    seen: Seen | None = None

    @property
    def weight(self) -> int:
        """About how many bytes it takes."""
        return 500 + 2 * len(self.text)


def page(path: str, show: Page, name: str, *, shared: bool = False, asks: bool = False) -> list[Route]:
    """Return the routes of a page: as HTML, and as JSON at the same path with `.json`.

    Pages are made a few at a time, those that came first first: many threads that share one interpreter only keep each
    other, and whatever takes the next request in, from it. `asks` says of a page that it may have to wait for the
    warehouse or a plan; those have the threads that others have. `shared` says that a page tells nothing of who asks
    for it, nor of what they may do: it is made once for all who see the same of the estate, and again after two
    seconds.
    """
    ways = []
    for media_type in (_JSON, _HTML):
        one = _Way(show, name, media_type)
        ways.append(one.shared if shared else one.alone if asks else _in_turn(one.alone))
    beside = "/home.json" if path == "/" else f"{path}.json"
    return [Route(beside, ways[0], name=f"{name}.json"), Route(path, ways[1], name=name)]


@dataclass(frozen=True)
class _Way:
    """A page in one form."""

    show: Page
    name: str
    media_type: str
    _underway: dict[Hashable, asyncio.Future[Made]] = field(default_factory=dict, compare=False)  # the event loop's

    def alone(self, request: Request) -> Response:
        """Answer with what is made for this request."""
        asked = asked_of(request)
        made = self._made(asked)
        self._note(request, made)
        return Response(made.text, made.status, media_type=made.media_type)

    async def shared(self, request: Request) -> Response:
        """Answer with what was made for others who see the same; else with what they will be given."""
        served: Served = request.app.state.served
        seen = served.rights.seen_at_once(request.state.who)
        if seen is None:
            made = await _run(self._made_for_all, request)
        else:
            made = await self._made_once(request, self._key(request, seen))
        self._note(request, made)
        return Response(_named(made.text, request.state.who), made.status, media_type=made.media_type)

    async def _made_once(self, request: Request, key: Hashable) -> Made:
        """Return what is kept under a key, or have it made; whoever else asks meanwhile waits without a thread."""
        pages: Kept[Made] = request.app.state.served.pages
        while (made := pages.there(key)) is None and (other := self._underway.get(key)) is not None:
            await asyncio.wait((other,))
        if made is not None:
            return made
        mine = self._underway[key] = asyncio.ensure_future(_run(self._made_for_all, request))
        mine.add_done_callback(lambda _: self._underway.pop(key))
        return await mine

    def _made_for_all(self, request: Request) -> Made:
        served: Served = request.app.state.served
        seen = served.rights.seen(request.state.who)

        def make() -> Made:
            asked = Asked(request, served, request.state.who, seen.snapshot)
            return replace(self._made(asked, replace(asked.who, principal=_PRINCIPAL, name=_NAME)), seen=seen)

        return served.pages.get(self._key(request, seen), make)

    def _key(self, request: Request, seen: Seen) -> Hashable:
        """Return what is the same for all who are given the same; a snapshot is alive as long as what is made of it."""
        return (
            id(seen.snapshot), seen.eyes, self.media_type, request.scope["path"], request.scope["query_string"],
            self.media_type == _HTML and is_part(request),
        )  # fmt: skip

    def _made(self, asked: Asked, shown_to: Who | None = None) -> Made:
        shown = self.show(asked)
        to_whom = replace(asked, who=shown_to) if shown_to is not None else asked
        is_html = self.media_type == _HTML
        text = html_of(to_whom, shown) if is_html else json_of(to_whom, shown)
        return Made(text, shown.status if is_html else 200, self.media_type, asked.snapshot.env, shown.answers)

    def _note(self, request: Request, made: Made) -> None:
        """Note that a page was looked at, of which product or metric it is, and whose values it showed."""
        served: Served = request.app.state.served
        who, id_ = request.state.who, request.path_params.get("id")
        of = {self.name: id_} if id_ and self.name in ("product", "metric") else {}
        if self.media_type == _JSON or not is_part(request):
            served.views.saw(who, self.name, of.get("product"), of.get("metric"))
        for answer in made.answers:
            served.usage.seen(answer, who, env=made.env, channel="portal")


def _named(text: str, who: Who) -> str:
    """Return a page that was made for all as that of one of them."""
    return text.replace(_PRINCIPAL, escape(who.principal)).replace(_NAME, escape(who.name))


def _in_turn(answer: Callable[[Request], Response]) -> Callable[[Request], Awaitable[Response]]:
    async def answered(request: Request) -> Response:
        return await _run(answer, request)

    return answered


async def _run(work: Callable[[Request], T], request: Request) -> T:
    context = copy_context()
    return await asyncio.get_running_loop().run_in_executor(_PAGES, context.run, work, request)
