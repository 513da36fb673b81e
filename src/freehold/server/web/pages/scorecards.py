"""Scorecards: how far everything is by each rule set, what is missing, until when, and how to mend it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from urllib.parse import urlencode

from starlette.routing import Route

from freehold.delivery.evaluating import Row, Scorecard
from freehold.foundation.words import counted, percent
from freehold.rules import Outcome, Result
from freehold.server.scored import rules_recorded_at, scored
from freehold.server.web.model import Crumb, Empty, Heading, Mark, Tab
from freehold.server.web.pages.item_fields import href_of
from freehold.server.web.serving import page
from freehold.server.web.showing import Asked, Shown

_MARKS = {
    Outcome.FAILED: Mark("bad", "missing"),
    Outcome.UNKNOWN: Mark("idle", "not evaluated"),
}
_HEADINGS = (
    Heading("About"),
    Heading("Score", "num"),
    Heading("Level", narrow=False),
    Heading("Until", narrow=False),
    Heading("What is missing", "wide", sorts=False),
)
_NONE = Empty("No rule is about any of this", "Rules stand in files of kind RuleSet.", "freehold rules list")
_MOST_ROWS = 200


@dataclass(frozen=True, slots=True)
class Missing:
    """A rule that does not pass, and how to mend it."""

    mark: Mark
    demand: str
    weight: float
    level: str
    remedy: str
    asserted: bool


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """One subject under one rule set."""

    subject: str
    href: str
    score: float
    level: str
    deadline: date | None
    missing: tuple[Missing, ...]


@dataclass(frozen=True, slots=True)
class Card:
    """A rule set over its subjects; `more` is how many of those are not shown."""

    id: str
    name: str
    told: str
    state: Mark
    rows: tuple[ScoreRow, ...]
    more: int


@dataclass(frozen=True, slots=True)
class ScorecardsPage:
    """Scorecards of all that may be seen, or of a product or a domain alone."""

    sets: tuple[Tab, ...]
    headings: tuple[Heading, ...]
    cards: tuple[Card, ...]
    none: Empty = _NONE


def routes() -> list[Route]:
    """Return the route of scorecards."""
    return [*page("/scorecards", scorecards_page, "scorecards")]


def scorecards_page(asked: Asked) -> Shown:
    """Show the scorecards that are asked for.

    Raises:
        FreeholdError: FH-R010 there is no such product, domain or rule set.
    """
    product, domain, rule_set = asked.word("product"), asked.word("domain"), asked.word("set")
    every = scored(asked, product=product, domain=domain)
    cards = scored(asked, product=product, domain=domain, rule_set=rule_set) if rule_set else every
    sets = (
        Tab("All", _address(product, domain, ""), not rule_set),
        *(Tab(one.name, _address(product, domain, one.rule_set), one.rule_set == rule_set) for one in every),
    )
    name = asked.snapshot.product_name(product) if product else domain
    steps = (Crumb("Products", "/products"), Crumb(name, f"/products/{product}")) if product else ()
    told = f"{counted(len(every), 'rule sets')}; a score is the share of weights that pass, what is not known does not."
    return Shown(
        "pages/scorecards.html",
        f"Scorecard of {name}" if name else "Scorecards",
        ScorecardsPage(sets if len(every) > 1 else (), _HEADINGS, tuple(_card(asked, one) for one in cards)),
        f"{told} {_as_of(asked)}" if every else "",
        steps,
        nav="scorecards",
    )


def _as_of(asked: Asked) -> str:
    """Say as of when scores are, and as of when the KPIs that count the same rules: those read what was recorded."""
    told = f"Evaluated as things stood {asked.snapshot.taken_at:%d %b %Y %H:%M} UTC"
    last = rules_recorded_at(asked)
    if last is None:
        return f"{told}."
    return f"{told}; KPIs count what was recorded of it, the last on {last:%d %b %Y %H:%M}."


def _address(product: str, domain: str, rule_set: str) -> str:
    said = {"product": product, "domain": domain, "set": rule_set}
    words = urlencode({name: word for name, word in said.items() if word})
    return f"/scorecards?{words}" if words else "/scorecards"


def _card(asked: Asked, card: Scorecard) -> Card:
    passing = sum(not row.missing for row in card.rows)
    told = f"{percent(card.score)}; {passing:,} of {len(card.rows):,} pass all of it."
    left = len(card.rows) - passing
    lacks = "lacks" if left == 1 else "lack"
    state = Mark("bad", f"{left:,} {lacks} something") if left else Mark("ok", "all of it holds")
    rows = tuple(_row(asked, row, card.kind) for row in card.rows[:_MOST_ROWS])
    return Card(card.rule_set, card.name, told, state, rows, max(0, len(card.rows) - _MOST_ROWS))


def _row(asked: Asked, row: Row, kind: str) -> ScoreRow:
    missing = tuple(_missing(one) for one in row.missing)
    return ScoreRow(row.subject, href_of(asked, row.subject, kind), row.score, row.level, row.deadline, missing)


def _missing(one: Result) -> Missing:
    rule = one.rule.rule
    mark = _MARKS[one.outcome]
    remedy = f"{one.error}. {one.remedy}".rstrip() if one.error else one.remedy
    return Missing(mark, rule.name or rule.check.text, rule.weight, one.rule.level, remedy, bool(one.asserted))
