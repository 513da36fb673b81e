"""What a brief says: the view model of a home page, line by line. Nothing is computed that the page does not show."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from freehold.foundation.words import counted
from freehold.server.web.model import Kpi, Line, Mark
from freehold.server.web.pages.homes import shown_home
from freehold.server.web.pages.homes.roles import HOMES
from freehold.server.web.showing import asked_as

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from freehold.server.identity import Who
    from freehold.server.web.pages.homes.consumer import ConsumerHome
    from freehold.server.web.pages.homes.dataops import DataOpsHome
    from freehold.server.web.pages.homes.deciding import Waiting
    from freehold.server.web.pages.homes.leader import LeaderHome
    from freehold.server.web.pages.homes.product import ProductHome
    from freehold.server.web.pages.requests import RequestRow

_UNKNOWN = Mark("idle", "unknown")
_FIGURE = Mark("idle", "")  # which says nothing of how it is


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a home page: its title, and its lines; `calm` is what it says where it has none."""

    title: str
    lines: tuple[Line, ...]
    calm: str


@dataclass(frozen=True, slots=True)
class Brief:
    """What a home page says to somebody: whose it is, its sentence, its parts.

    `address` is where the portal is, for whom the lines lead there; empty where nobody could follow it.
    """

    home: str
    title: str
    sentence: str
    as_of: datetime
    waits: str
    parts: tuple[Part, ...]
    address: str

    def href(self, path: str) -> str:
        """Return the address of a page; empty where nobody could follow it."""
        return f"{self.address}{path}" if self.address and path else ""


def brief_for(app: Starlette, who: Who, home: str) -> Brief:
    """Return what a home page says to somebody: what they may see, and nothing else.

    Raises:
        FreeholdError: what the page itself raises.
    """
    asked = asked_as(app, who, f"/homes/{home}")
    shown = shown_home(asked, home)
    news = (Part("What became of what you asked for", shown.model.news, ""),) if shown.model.news else ()
    return Brief(
        home=home,
        title=f"{asked.snapshot.estate.name}: {HOMES[home].lower() if home != 'dataops' else HOMES[home]}",
        sentence=shown.sentence,
        as_of=asked.snapshot.taken_at,
        waits=asked.snapshot.waits,
        parts=(*news, *_PARTS[home](shown.model)),
        address=asked.served.settings.url.rstrip("/"),
    )


def _product(model: ProductHome) -> Iterator[Part]:
    yield Part(f"What happened {model.since}", model.lines, "Nothing.")
    yield _deciding(model.waiting)
    rows = tuple(
        Line(row.id, row.state, _joined(
            f"checks hold {row.quality}" if row.quality else "",
            f"promise kept {row.kept}" if row.kept else "",
            f"read by {row.people}" if row.people else "",
            f"{row.certified} metrics certified" if row.certified else "",
            f"{counted(row.requests, 'requests')} open" if row.requests else "",
        ), f"/products/{row.id}")
        for row in model.strip
    )  # fmt: skip
    yield Part("My products" if model.is_mine else "Products", rows, model.no_products.told)
    yield _requests("Open requests", model.requests, model.no_requests.told)


def _leader(model: LeaderHome) -> Iterator[Part]:
    yield Part("What crossed its target", model.sentences, model.no_sentences.told)
    yield _figures("Figures", model.eight)
    yield _deciding(model.waiting)
    yield Part("At risk", model.risks, "No product is at risk.")
    yield _figures("Money", (model.money,))


def _dataops(model: DataOpsHome) -> Iterator[Part]:
    burning = tuple(Line(row.asset, row.mark, _joined(row.why, _read_by(row.readers)), row.href)
                    for row in model.burning)  # fmt: skip
    yield Part("Burning now", burning, f"{model.calm.title}.")
    schedules = tuple(
        Line(row.subject, row.mark or _UNKNOWN, _joined(
            f"{row.missed} missed" if row.missed else "",
            f"next due {row.next_due:%Y-%m-%d %H:%M} UTC" if row.next_due else "",
        ), f"/products/{row.product}")
        for row in model.schedules
    )  # fmt: skip
    yield Part("Schedules", schedules, f"{model.no_schedules.title}.")
    changes = tuple(
        Line("", row.mark, _joined(f"{row.text}, {row.at:%Y-%m-%d %H:%M} UTC", *row.stated, *row.after),
             f"/deployments/{row.id}")
        for row in model.changes
    )  # fmt: skip
    yield Part(f"Changed {model.since}", changes, f"{model.no_changes.title}.")
    yield Part("Alerts that paged nobody", model.digest, f"{model.no_digest.title}.")
    yield Part("Monitors that raised alerts", model.monitors, f"{model.no_monitors.title}.")
    weak = tuple(Line(row.asset, Mark("warn", "weak"), _joined(*(f"wants {one}" for one in row.wanting),
                                                               _read_by(row.readers)), row.href)
                 for row in model.weak)  # fmt: skip
    yield Part("Weakest of the first tier", weak, f"{model.strong.title}.")
    yield _figures("Delivery", model.strip)


def _consumer(model: ConsumerHome) -> Iterator[Part]:
    used = tuple(
        Line(row.name, row.mark, _joined(
            row.why, f"fresh as of {row.fresh_as_of:%Y-%m-%d %H:%M} UTC" if row.fresh_as_of else "",
        ), row.href)
        for row in model.used
    )  # fmt: skip
    yield Part("What I use", used, model.no_use.told)
    coming = tuple(
        Line("", Mark("warn" if row.is_mine else "idle", str(row.on or "no date")),
             f"{row.what}{f' Instead: {row.instead}.' if row.instead else ''}", row.href)
        for row in model.coming
    )  # fmt: skip
    yield Part("Changes that will hit me", coming, f"{model.no_changes.title}.")
    yield _requests("My requests", model.requests, f"{model.no_requests.title}.")
    yield _figures("Certified metrics", model.metrics)


_PARTS: Mapping[str, Callable[[Any], Iterator[Part]]] = {
    "consumer": _consumer, "product": _product, "dataops": _dataops, "leader": _leader,
}  # fmt: skip


def _deciding(waiting: Waiting) -> Part:
    lines = tuple(
        Line("", Mark("warn", one.said or "waits"), f"{one.what[:1].upper()}{one.what[1:]}.", one.href)
        for one in waiting.decisions
    )
    if waiting.fault is not None:
        lines = (Line(waiting.fault.code, Mark("bad", "wrong"), waiting.fault.problem, "/plan"),)
    return Part("Decisions due", lines, f"{waiting.none_waits.title}.")


def _requests(title: str, rows: tuple[RequestRow, ...], calm: str) -> Part:
    lines = tuple(
        Line(row.product, Mark("bad", "late") if row.is_late else row.state, row.what, f"/items/{row.id}")
        for row in rows
    )
    return Part(title, lines, calm)


def _figures(title: str, figures: tuple[Kpi, ...]) -> Part:
    lines = tuple(_figure(one) for one in figures)
    return Part(title, lines, "Nothing is counted yet.")


def _figure(one: Kpi) -> Line:
    value = f"{one.value} {one.unit}".strip() or one.unknown
    line = Line(one.name, one.mark or _FIGURE, _joined(value, one.told), one.href)
    return line if one.value else replace(line, mark=_UNKNOWN)


def _read_by(readers: int) -> str:
    return f"read by {readers}" if readers else ""


def _joined(*words: str) -> str:
    """Return what there is of some clauses, as one."""
    return "; ".join(word.rstrip(".") for word in words if word) + "."
