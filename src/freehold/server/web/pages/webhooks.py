"""Who is told of events: each subscription, how it stands, what was sent, what was given up, and sending it again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from freehold.foundation.words import counted
from freehold.ledger.deliveries import PING, Delivery
from freehold.server.web.model import Crumb, Empty, Fact, Heading, Mark, Tab, Tone
from freehold.server.web.serving import page
from freehold.server.web.showing import Asked, Shown, asked_of
from freehold.server.webhooks.telling import Stands, Word
from freehold.server.webhooks.window import Window

_PATH = "/settings/webhooks"
_MOST = 100
_TONES: dict[Word, Tone] = {
    "well": "ok", "catching up": "idle", "failing": "bad", "disabled": "bad", "paused": "idle",
    "without an account": "bad", "not begun": "idle",
}  # fmt: skip
_MARKS = {
    "delivered": Mark("ok", "delivered"),
    "waiting": Mark("warn", "to be tried"),
    "dead": Mark("bad", "given up"),
    "failed": Mark("bad", "failed"),
}
_VIEWS = {
    "": ("All", ()), "dead": ("Dead letters", ("dead",)), "waiting": ("To be tried", ("waiting",)),
    "delivered": ("Delivered", ("delivered",)),
}  # fmt: skip
_HEADINGS = (
    Heading("Subscription", sorts=False),
    Heading("State", sorts=False),
    Heading("Goes to", "wide", sorts=False, narrow=False),
    Heading("Delivered", "num", sorts=False, narrow=False),
    Heading("To be tried", "num", sorts=False, narrow=False),
    Heading("Given up", "num", sorts=False),
)
_SENT = (
    Heading("Tried", sorts=False),
    Heading("Event", sorts=False),
    Heading("State", sorts=False),
    Heading("Answer", "wide", sorts=False, narrow=False),
    Heading("Attempts", "num", sorts=False, narrow=False),
    Heading("", "num", sorts=False),
)
_NONE = Empty(
    "Nobody is told yet",
    "A file of the kind `Subscription` says who is told of which events, and where. It begins to be told once it is in "
    "force.",
    "freehold schema Subscription",
)
_NOTHING = Empty("Nothing here", "A ping shows whether the receiver answers, and takes the signature for good.")


@dataclass(frozen=True, slots=True)
class SubscriptionRow:
    """A subscription in a list."""

    id: str
    name: str
    href: str
    state: Mark
    url: str
    told: str
    delivered_at: datetime | None
    waiting: int
    dead: int


@dataclass(frozen=True, slots=True)
class WebhooksPage:
    """Who is told."""

    headings: tuple[Heading, ...]
    subscriptions: tuple[SubscriptionRow, ...]
    none_yet: Empty = _NONE


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    """Something that was sent, or is to be."""

    id: str
    href: str
    seq: int
    type: str
    state: Mark
    tried_at: datetime | None
    next_at: datetime | None
    answer: str
    attempts: int
    again: str


@dataclass(frozen=True, slots=True)
class WebhookPage:
    """A subscription: how it stands, and what was sent. `path` is where its forms go, empty for who may not."""

    mark: Mark
    title: str
    told: str
    facts: tuple[Fact, ...]
    tabs: tuple[Tab, ...]
    headings: tuple[Heading, ...]
    deliveries: tuple[DeliveryRow, ...]
    path: str
    is_disabled: bool
    dead: int
    none_yet: Empty = _NOTHING


def routes() -> list[BaseRoute]:
    """Return the routes of webhooks' pages."""
    one = f"{_PATH}/{{id}}"
    return [
        *page(_PATH, webhooks, "webhooks"),
        *page(one, webhook, "webhook"),
        Route(f"{one}/ping", ping, methods=["POST"]),
        Route(f"{one}/enable", enable, methods=["POST"]),
        Route(f"{one}/skip", skip, methods=["POST"]),
        Route(f"{one}/redeliver", redeliver_dead, methods=["POST"]),
        Route(f"{one}/deliveries/{{delivery}}/redeliver", redeliver, methods=["POST"]),
    ]


def webhooks(asked: Asked) -> Shown:
    """Show who is told."""
    found = _window(asked).all()
    wrong = sum(_TONES[one.word] == "bad" for one in found)
    told = f"{counted(len(found), 'subscriptions')}; " if found else ""
    told += f"{wrong} of them not well." if wrong else "events of the ledger, sent as they are recorded, and signed."
    model = WebhooksPage(_HEADINGS, tuple(map(_row, found)))
    return Shown("pages/webhooks.html", "Webhooks", model, told[0].upper() + told[1:], nav="webhooks")


def webhook(asked: Asked) -> Shown:
    """Show a subscription."""
    id_, view = asked.request.path_params["id"], asked.word("view")
    window = _window(asked)
    one = window.get(id_)
    states = _VIEWS[view][1] if view in _VIEWS else ()
    may_act = asked.who.via == "session" and window.may_act(one)
    path = _href(id_) if may_act else ""
    again = path if one.word not in ("disabled", "paused", "without an account") else ""
    model = WebhookPage(
        mark=Mark(_TONES[one.word], one.word),
        title=_title(one),
        told=one.told,
        facts=tuple(_facts(one)),
        tabs=tuple(Tab(text, f"{_href(id_)}?view={word}", word == view) for word, (text, _) in _VIEWS.items()),
        headings=_SENT,
        deliveries=tuple(_delivery(each, again) for each in window.deliveries(id_, states, _MOST)),
        path=path,
        is_disabled=one.word == "disabled",
        dead=one.dead if again else 0,
    )
    said = one.who.subscription
    return Shown("pages/webhook.html", said.name, model, said.description, (Crumb("Webhooks", _PATH),), nav="webhooks")


def ping(request: Request) -> Response:
    """Have a ping sent."""
    return _done(request, _asking(request).ping(_id(request)))


def enable(request: Request) -> Response:
    """Let a subscription go on where it was."""
    return _done(request, _asking(request).enable(_id(request)))


def skip(request: Request) -> Response:
    """Let a subscription go on with the next event."""
    return _done(request, _asking(request).enable(_id(request), skip=True))


def redeliver_dead(request: Request) -> Response:
    """Have everything sent that was given up."""
    return _done(request, _asking(request).redeliver_dead(_id(request)))


def redeliver(request: Request) -> Response:
    """Have one event sent now."""
    return _done(request, _asking(request).redeliver(_id(request), request.path_params["delivery"]))


def _done(request: Request, _: object) -> Response:
    return RedirectResponse(_href(_id(request)), 303)


def _asking(request: Request) -> Window:
    return _window(asked_of(request))


def _window(asked: Asked) -> Window:
    return Window(asked.served, asked.who)


def _id(request: Request) -> str:
    return str(request.path_params["id"])


def _href(id_: str) -> str:
    return f"{_PATH}/{quote(id_, safe='')}"


def _row(one: Stands) -> SubscriptionRow:
    said = one.who.subscription
    delivered_at = one.standing.succeeded_at if one.standing else None
    mark = Mark(_TONES[one.word], one.word)
    return SubscriptionRow(
        said.id, said.name, _href(said.id), mark, said.shown_url, one.told, delivered_at, one.waiting, one.dead
    )


def _title(one: Stands) -> str:
    titles: dict[Word, str] = {
        "well": "All else is delivered" if one.told else "All is delivered",
        "catching up": f"{one.behind:,} events to look at",
        "failing": "The receiver does not take them",
        "disabled": "Nothing is sent any more",
        "paused": "Paused",
        "without an account": "Nobody's eyes",
        "not begun": "Not begun yet",
    }
    return titles[one.word]


def _facts(one: Stands) -> list[Fact]:
    said = one.who.subscription
    facts = [
        Fact("Goes to", said.shown_url, is_code=True),
        Fact("Sees as", said.account, is_code=True),
        Fact("Events", ", ".join(said.types) or "all that it may see"),
        Fact("Answered for by", said.owner),
        Fact("Signed by", f"{counted(len(said.secrets), 'secrets')}: {', '.join(said.secrets)}"),
    ]
    if said.products:
        facts.append(Fact("Products", ", ".join(said.products)))
    if said.environments:
        facts.append(Fact("Environments", ", ".join(said.environments)))
    if one.standing is not None:
        facts.append(Fact("Is at event", f"{one.standing.cursor:,}"))
        if one.standing.succeeded_at is not None:
            facts.append(Fact("Delivered last", at=one.standing.succeeded_at))
    return facts


def _delivery(one: Delivery, path: str) -> DeliveryRow:
    took = f" in {round(one.took.total_seconds() * 1000):,} ms" if one.attempts else ""
    answer = one.problem or (f"{one.status}{took}" if one.status else "")
    href = f"/events/{one.seq}" if one.kind != PING else ""
    again = f"{path}/deliveries/{quote(one.id, safe='')}/redeliver" if path and one.kind != PING else ""
    return DeliveryRow(
        one.id, href, one.seq, one.type, _MARKS[one.state], one.last_at, one.next_at, answer, one.attempts, again
    )
