"""SLOs: how often promises are kept, what is left of their error budgets, how fast those burn, and until when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from starlette.routing import Route

from freehold.foundation.words import counted, percent
from freehold.reliability.slo import Attainment
from freehold.server.attained import attained
from freehold.server.web.model import Crumb, Empty, Heading, Mark
from freehold.server.web.picturing import Cell, Strip, Strips
from freehold.server.web.serving import page
from freehold.server.web.showing import Asked, Shown

MARKS = {
    "kept": Mark("ok", "kept"),
    "burning": Mark("warn", "burning"),
    "exhausted": Mark("bad", "exhausted"),
    "not instrumented": Mark("idle", "not instrumented"),
}
_HEADINGS = (
    Heading("Promise"),
    Heading("State"),
    Heading("Good", "num", narrow=False),
    Heading("Budget left", "num"),
    Heading("Burn rate, 1 h", "num", narrow=False),
    Heading("Burn rate, 3 d", "num", narrow=False),
    Heading("Gone by", narrow=False),
)
_NONE = Empty(
    "Nothing is promised", "A contract promises by its `latency`, or a file of kind SLO does.", "freehold schema SLO"
)
_HEAT = (0, 2, 4, 5, 6)
_MOST, _MOST_STRIPS = 200, 20
_WIDTH = 600.0


@dataclass(frozen=True, slots=True)
class SloRow:
    """One SLO: shares, rates, and when its budget is gone at the rate of now."""

    id: str
    name: str
    href: str
    promise: str
    state: Mark
    good: float | None
    left: float | None
    burn_hour: float | None
    burn_days: float | None
    gone_at: datetime | None
    bad_since: datetime | None


@dataclass(frozen=True, slots=True)
class SlosPage:
    """The SLOs of what may be seen, those with least left first; `more` is how many are not shown."""

    headings: tuple[Heading, ...]
    rows: tuple[SloRow, ...]
    strips: Strips | None
    more: int
    none: Empty = _NONE


def routes() -> list[Route]:
    """Return the route of SLOs."""
    return [*page("/slos", slos, "slos")]


def slos(asked: Asked) -> Shown:
    """Show the SLOs of all that may be seen, or of a product."""
    product = asked.word("product")
    if product:
        asked.snapshot.product(product)
    every = sorted(attained(asked, product=product), key=_urgency)
    shown = every[:_MOST]
    name = asked.snapshot.product_name(product) if product else ""
    steps = (Crumb("Products", "/products"), Crumb(name, f"/products/{product}")) if product else ()
    bad = sum(one.state in ("burning", "exhausted") for one in every)
    told = (
        f"{counted(len(every), 'promises')}, {bad or 'none'} of them at risk or broken. As of {{:%d %b %Y %H:%M}} UTC."
    )
    return Shown(
        "pages/slos.html",
        f"SLOs of {name}" if name else "SLOs",
        SlosPage(_HEADINGS, tuple(_row(asked, one) for one in shown), _strips(asked, shown), len(every) - len(shown)),
        told.format(every[0].now) if every else "",
        steps,
        nav="slos",
    )


def _urgency(one: Attainment) -> tuple[bool, float, str]:
    """Order by what is left of the budget; what nothing is known of comes last."""
    burnt = one.budget.burnt
    return burnt is None, -(burnt or 0.0), one.slo.id


def _row(asked: Asked, one: Attainment) -> SloRow:
    burnt, slo = one.budget.burnt, one.slo
    rates = {f"{length.total_seconds():.0f}": rate for length, rate in one.burn.items()}
    return SloRow(
        id=slo.id,
        name=_name(asked, one),
        href=f"/products/{slo.product}",
        promise=f"{slo.indicator}, {100 * slo.target:.10g} % over {slo.window}",
        state=MARKS[one.state],
        good=one.good_share,
        left=1 - burnt if burnt is not None else None,
        burn_hour=rates.get("3600"),
        burn_days=rates.get("259200"),
        gone_at=one.exhausted_at,
        bad_since=one.bad_since if slo.indicator.is_of_time else None,
    )


def _name(asked: Asked, one: Attainment) -> str:
    """Return its name; of one without a file the last word of the asset, since its promise says the rest."""
    if not one.slo.is_of_contract:
        return one.slo.name
    return f"{asked.snapshot.product_name(one.slo.product)}: {one.slo.service.rpartition('.')[2]}"


def _strips(asked: Asked, shown: list[Attainment]) -> Strips | None:
    drawn = [one for one in shown if any(day.bad_share is not None for day in one.days)]
    if not drawn:
        return None
    longest = max((one.days for one in drawn), key=len)
    size = _WIDTH / len(longest)
    strips = tuple(_strip(asked, one, size, len(longest)) for one in drawn[:_MOST_STRIPS])
    first, last = (f"{day.start:%d %b}" for day in (longest[0], longest[-1]))
    left_out = max(0, len(drawn) - _MOST_STRIPS)
    return Strips("What was bad of each day", _WIDTH, size, strips, first, last, left_out)


def _strip(asked: Asked, one: Attainment, size: float, count: int) -> Strip:
    first = count - len(one.days)
    cells = tuple(
        Cell(round((first + n) * size, 2), _HEAT[one.level(day)], f"{day.start:%d %b}: {percent(day.bad_share, 2)} bad")
        for n, day in enumerate(one.days)
        if day.bad_share is not None
    )
    return Strip(f"{_name(asked, one)}, {one.slo.indicator}", cells)
