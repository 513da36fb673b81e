"""The home of who answers for all of it: three sentences, eight KPIs, what is at risk, what waits, what it costs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from freehold.server.reckoning import Figure
from freehold.server.web.figures import card, how_of, how_to, mark_of, standing
from freehold.server.web.model import SAFE, Empty, Kpi, Line, Mark
from freehold.server.web.pages.homes.deciding import Waiting, waiting
from freehold.server.web.pages.homes.happened import crossing
from freehold.server.web.pages.kpis import FIRST
from freehold.server.web.showing import Asked, Shown

_SENTENCES, _FIRST_TWO = 3, 2
_NO_SENTENCES = Empty(
    "No KPI has evidence enough yet",
    "What crosses a target stands here, in a sentence with its number. Evidence comes with runs and deployments.",
    "freehold run",
)


@dataclass(frozen=True, slots=True)
class Unheard:
    """A KPI that is not instrumented, and how to turn it on."""

    name: str
    href: str
    question: str
    how: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LeaderHome:
    """What whoever answers for data and AI wants to know first."""

    sentences: tuple[Line, ...]
    eight: tuple[Kpi, ...]
    unheard: tuple[Unheard, ...]
    start_with: tuple[Unheard, ...]
    risks: tuple[Line, ...]
    waiting: Waiting
    money: Kpi
    known: datetime
    seq: int
    is_behind: bool
    no_sentences: Empty = _NO_SENTENCES
    news: tuple[Line, ...] = ()


def leader_home(asked: Asked) -> Shown:
    """Show what crossed a threshold, the KPIs that have data, what is at risk, what waits and what it costs."""
    reckoned = asked.served.reckoning.of(asked.snapshot)
    ordered = _in_order(reckoned.figures)
    told = [f for f in ordered if f.value.value is not None]
    unheard = tuple(_unheard(f) for f in ordered if not f.is_instrumented and _answers_for(f))
    model = LeaderHome(
        sentences=tuple(_sentences(told)),
        eight=tuple(card(f) for f in told[:8]),
        unheard=unheard,
        start_with=unheard[:_FIRST_TWO],
        risks=tuple(_risks(asked)),
        waiting=waiting(asked),
        money=_money(asked),
        known=reckoned.known,
        seq=reckoned.seq,
        is_behind=reckoned.is_behind,
    )
    sentence = standing(reckoned.figures.values())
    return Shown("pages/homes/leader.html", "Home", model, sentence, nav="home", part="decisions")


def _in_order(figures: Mapping[str, Figure]) -> list[Figure]:
    """Return the KPIs: those that leaders look at first, then the rest."""
    first = [figures[id_] for id_ in FIRST["leader"] if id_ in figures]
    return [*first, *(f for id_, f in figures.items() if id_ not in FIRST["leader"])]


def _sentences(told: Sequence[Figure]) -> Iterator[Line]:
    """Yield three sentences: what crossed its target and misses it, what misses it, what came back, then the rest."""
    judged = [f for f in told if f.is_red is not None]
    ordered = sorted(judged, key=lambda f: (not (f.has_crossed and f.is_red), not f.is_red, not f.has_crossed))
    for found in ordered[:_SENTENCES]:
        yield Line("", mark_of(found.kpi, found.value), crossing(found), f"/kpis/{found.kpi.id}")


def _answers_for(found: Figure) -> bool:
    """Whether a KPI has a target for leaders, or for everybody."""
    return any(target.whose in ("vp", "all") for target in found.kpi.targets)


def _unheard(found: Figure) -> Unheard:
    return Unheard(found.kpi.name, f"/kpis/{found.kpi.id}", found.kpi.question, how_to(found.kpi, found))


def _risks(asked: Asked) -> Iterator[Line]:
    """Yield what may hurt: products that are not safe to use, the first tier first, and those nobody answers for."""
    for status in sorted(asked.snapshot.products, key=lambda p: (p.product.tier, p.product.id)):
        if status.safe in ("no", "stale"):
            id_, tier = status.product.id, status.product.tier
            why = status.reasons[0] if status.reasons else ""
            yield Line(f"Tier {tier}", SAFE[status.safe], f"{id_}: {why}".rstrip(": "), f"/products/{id_}")
    teams = asked.snapshot.estate.teams
    for product in asked.snapshot.estate.products.values():
        team = teams.get(product.team or "")
        held = {person for role in team.roles.values() for person in role} if team else set()
        if team is None:
            yield Line(
                "Owner", Mark("warn", "nobody"), f"{product.id}: no team answers for it.", f"/products/{product.id}"
            )
        elif len(held | set(team.members)) == 1:
            text = f"{product.id}: one name alone answers for it."
            yield Line("Owner", Mark("warn", "one alone"), text, f"/products/{product.id}")


def _money(asked: Asked) -> Kpi:
    """Return what was spent, by the last bill of each source and currency."""
    events = asked.served.snapshots.ledger.read(types=("cost.recorded",), newest_first=True, limit=50)
    found = next((e for e in events if e.data.get("effective_cost") is not None), None)
    if found is None:
        return Kpi("Spend", told=how_of("cost.recorded").replace("`", ""))
    said = found.data
    upto = str(said.get("period_end") or "")[:10]
    told = f"{said['source']}{f', up to {upto}' if upto else ''}"
    return Kpi(
        "Spend, last bill", f"{said['effective_cost']:,.2f}", said.get("currency") or "", told, f"/events/{found.seq}"
    )
