"""From a page's view model to HTML, or to the same as JSON at the same path with `.json`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from freehold.foundation import FreeholdError, Problems, near
from freehold.foundation.words import ago, counted, percent, plain
from freehold.metrics.telling import number
from freehold.server.problems import is_part, request_id_of
from freehold.server.web.model import Crumb, Ending, Fault

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from freehold.metrics import Answer
    from freehold.server.application import Served
    from freehold.server.identity import Who
    from freehold.server.snapshots import Snapshot

_PATH = re.compile(r"/(?!api/|[/\\])[\w./?=&%+#:-]*")  # of a page
_IN_PLACE = (400, 403, 404, 405, 409, 410)  # what somebody asked for wrongly, while the rest of the estate stands

_WRONG = "Something is wrong"
TEMPLATES = Path(__file__).parent / "templates"
_SEPARATOR = re.compile(r"[/._:]")  # none of which escaping makes


@dataclass(frozen=True, slots=True)
class Asked:
    """What a page is made of: the request, who asks, and the estate as it is."""

    request: Request
    served: Served
    who: Who
    snapshot: Snapshot

    def word(self, name: str, default: str = "") -> str:
        """Return a word of the query, or the default."""
        return self.request.query_params.get(name, default)

    def one_of(self, name: str, known: Iterable[str], default: str) -> str:
        """Return a word of the query that is one of several, or the default.

        Raises:
            FreeholdError: FH-A112 it is none of them.
        """
        said, choices = self.word(name) or default, [one for one in known if one]
        if said in choices or said == default:
            return said
        fix = near(said, choices) or f"Say one of: {', '.join(choices)}."
        raise FreeholdError("FH-A112", f"`{said[:40]}` is no `{name}` of this page.", fix=fix)


@dataclass(frozen=True, slots=True)
class Shown:
    """A page: its template, its title and the one sentence of meaning below it, and the typed model it shows.

    `part` is the name of the block that htmx swaps where it asks for a part of the page.
    """

    template: str
    title: str
    model: Any
    sentence: str = ""
    crumbs: tuple[Crumb, ...] = ()
    nav: str = ""
    part: str = ""
    status: int = 200
    extra: Mapping[str, Any] = field(default_factory=dict)
    ending: Ending | None = None  # that what it shows is to be taken away
    answers: tuple[Answer, ...] = ()  # whose values it shows, which is noted as use


def asked_of(request: Request) -> Asked:
    """Return what a page is made of, with the newest snapshot of what the asker may see of the estate."""
    served: Served = request.app.state.served
    return Asked(request, served, request.state.who, served.rights.snapshot(request.state.who))


def asked_as(app: Starlette, who: Who, path: str) -> Asked:
    """Return what a page is made of where nobody asks by HTTP: all of it at once, as somebody would see it."""
    scope = {
        "type": "http", "method": "GET", "path": path, "query_string": b"", "app": app,
        "headers": [(b"hx-request", b"true")], "state": {"who": who},
    }  # fmt: skip
    return asked_of(Request(scope))


def rendered(asked: Asked, shown: Shown) -> Response:
    """Return a page as HTML, or the part of it that htmx asks for."""
    return HTMLResponse(html_of(asked, shown), shown.status)


def html_of(asked: Asked, shown: Shown) -> str:
    """Return the HTML of a page, or of the part of it that htmx asks for."""
    context = _context(asked.request, asked.who) | {
        "page": shown, "model": shown.model, "snapshot": asked.snapshot, **shown.extra,
    }  # fmt: skip
    template = environment().get_template(shown.template)
    if is_part(asked.request) and shown.part:
        made = template.new_context(context)
        return "".join(template.blocks[shown.part](made))
    return template.render(context)


def alone(request: Request, template: str, title: str, status: int = 200, **values: Any) -> Response:
    """Return a page that stands alone, without the estate around it: for who is not signed in."""
    context = _context(request, None) | {"page": Shown(template, title, None), **values}
    return HTMLResponse(environment().get_template(template).render(context), status)


def shown_problem(request: Request, error: FreeholdError, status: int, headers: dict[str, str]) -> Response:
    """Return an error as a page of its own, or as the part of a page that htmx swaps in."""
    errors = error.errors if isinstance(error, Problems) else (error,)
    faults = tuple(Fault(e.code, e.problem, e.fix, str(e.where) if e.where else "") for e in errors)
    told = {"faults": faults, "request_id": request_id_of(request)}
    response = _in_place(request, status, told) or alone(request, _problem(request), _WRONG, status, **told)
    response.headers.update(headers)
    return response


def _problem(request: Request) -> str:
    return "pages/problem_part.html" if is_part(request) else "pages/problem.html"


def _in_place(request: Request, status: int, told: Mapping[str, Any]) -> Response | None:
    """Return an error as a page with the ways to all others; None to whom, or while, those cannot be shown."""
    who = request.scope.get("state", {}).get("who")
    if who is None or who.via != "session" or status not in _IN_PLACE or is_part(request):
        return None
    try:
        asked = asked_of(request)
    except FreeholdError:  # the estate cannot be read; what is wrong with this request is told all the same
        return None
    return rendered(asked, Shown("pages/problem_in_place.html", _WRONG, None, status=status, extra=told))


@cache
def environment() -> Environment:
    """Return the templates: everything escaped, and a name that is not there is an error."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=False,
    )
    made.filters.update(ago=_ago, exact=_exact, minute=_minute, iso=_iso, day=_day, percent=percent)
    made.filters.update(
        counted=counted, number=number, json=_embedded, prose=_prose, leading=_leading, breakable=_breakable
    )
    return made


def _context(request: Request, who: Who | None) -> dict[str, Any]:
    served: Served = request.app.state.served
    told = {
        "asset": served.assets.url,
        "who": who,
        "now": served.snapshots.clock.now(),
        "path": request.url.path,
        "version": served.version,
        "request_id": request_id_of(request),
    }
    # Macros see the context through the module they are in; that of a part of a page imports nothing by itself.
    return told | {"ui": environment().get_template("components.html").make_module(told)}


def json_of(asked: Asked, shown: Shown) -> str:
    """Return a page as JSON: its title, as of when it is, and its model."""
    told = {
        "title": shown.title,
        "sentence": shown.sentence,
        "as_of": asked.snapshot.taken_at,
        "waits": asked.snapshot.waits or None,
        "page": as_plain(shown.model),
    }
    told |= {"ending": as_plain(shown.ending)} if shown.ending is not None else {}
    return json.dumps(told, default=plain, ensure_ascii=False)


def as_plain(model: Any) -> Any:
    """Return a view model as JSON has it."""
    from dataclasses import asdict, is_dataclass

    return asdict(model) if is_dataclass(model) and not isinstance(model, type) else model


def _prose(text: str) -> Markup:
    """Return a sentence as HTML: what stands between backticks is code, everything is escaped."""
    parts = str(escape(str(text))).split("`")  # which no escaping makes or takes
    if len(parts) % 2 == 0:  # a backtick without its other is only a sign
        return Markup("`".join(parts))
    return Markup("".join(f"<code>{p}</code>" if i % 2 else p for i, p in enumerate(parts)))


def _leading(text: str) -> Markup:
    """Return how something is mended as HTML, where a path of this server between backticks is a link."""
    parts = str(text).split("`")
    if len(parts) % 2 == 0:
        return escape(text)
    return Markup("").join(_way(part) if i % 2 else escape(part) for i, part in enumerate(parts))


def _way(text: str) -> Markup:
    return Markup('<a href="{0}">{0}</a>' if _PATH.fullmatch(text) else "<code>{0}</code>").format(text)


def _breakable(text: str) -> Markup:
    """Return a path or an id as HTML that may break after its separators and nowhere else."""
    return Markup(_SEPARATOR.sub(r"\g<0><wbr>", str(escape(str(text)))))


def _utc(at: datetime) -> datetime:
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def _ago(at: datetime, now: datetime) -> str:
    span = now - _utc(at)
    return (
        f"{ago(span)} ago" if span.total_seconds() >= 1 else "now" if span.total_seconds() > -60 else f"in {ago(-span)}"
    )


def _exact(at: datetime) -> str:
    return f"{_utc(at):%d %b %Y, %H:%M:%S} UTC"


def _minute(at: datetime) -> str:
    return f"{_utc(at):%d %b %Y, %H:%M} UTC"


def _day(at: date) -> str:
    """Return a day as people say it; of an instant, its day in UTC."""
    day = _utc(at) if isinstance(at, datetime) else at
    return f"{day.day} {day:%b %Y}"


def _iso(at: datetime) -> str:
    return _utc(at).isoformat(timespec="seconds")


def _embedded(value: Any) -> str:
    """Return JSON that may stand inside a script element."""
    text = json.dumps(value, default=plain, ensure_ascii=False)
    return Markup(text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e"))
