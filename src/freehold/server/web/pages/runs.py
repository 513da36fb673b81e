"""Runs, the newest first: when, what, for whom, what came of it, what it kept back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from freehold.delivery.run_book import RunLine
from freehold.delivery.runs import OUTCOMES, TROUBLES, RunTold
from freehold.foundation import FreeholdError
from freehold.foundation.words import counted
from freehold.server.web.model import Empty, Heading, Mark, Tab, joined
from freehold.server.web.pages.products import MOST_ROWS, ProductRow, rows_of
from freehold.server.web.showing import Asked, Shown

MOST = 50
_MOST_FITTING = 12  # products that are offered to choose from
_MOST_NAMED = 12  # products of a run that a row names to who points at it
OUTCOME: dict[str, Mark] = {
    "published": Mark("ok", "published"),
    "held": Mark("warn", "held"),
    "quarantined": Mark("warn", "quarantined"),
    "failed": Mark("bad", "failed"),
}
_HEADINGS = (
    Heading("When", sorts=False),
    Heading("Outcome", sorts=False),
    Heading("What", "wide", sorts=False),
    Heading("Products", "wide", sorts=False, narrow=False),
    Heading("For", sorts=False, narrow=False),
    Heading("Steps", "num", sorts=False, narrow=False),
    Heading("Kept back", "num", sorts=False, narrow=False),
    Heading("Took", "num", sorts=False),
)
_NONE = Empty("No run yet", "What a run builds, publishes and keeps back stands here.", "freehold run")
_NONE_SO = Empty("No such run", "Nothing in what is kept of runs is like that.", "freehold run")


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run in a list."""

    id: str
    href: str
    at: datetime
    outcome: Mark
    what: str
    products: tuple[str, ...]
    products_told: str
    products_named: str
    whose: str
    steps: int
    held: int
    seconds: float
    took: str


@dataclass(frozen=True, slots=True)
class RunsPage:
    """Runs of the shown environment. `older_href` leads to those before; `product` and `outcome` are what is asked.

    `products` are those to choose from; where they are more than anybody looks through, words are asked for, and
    `fitting` are the ways to those that have them.
    """

    tabs: tuple[Tab, ...]
    products: tuple[str, ...]
    fitting: tuple[Tab, ...]
    product: str
    outcome: str
    headings: tuple[Heading, ...]
    runs: tuple[RunRow, ...]
    next: str
    older_href: str
    may_run: bool
    none_yet: Empty


def shown_runs(asked: Asked) -> Shown:
    """Show runs, as filters ask."""
    outcome, said = asked.word("outcome"), asked.word("product").strip()
    known = rows_of(asked.snapshot)
    fitting = _fitting(known, said)
    product = fitting[0].id if len(fitting) == 1 else "" if fitting else said
    found, next_ = runs_of(asked, product, outcome, asked.word("before"), MOST)
    is_filtered = bool(product or outcome or asked.word("before"))
    model = RunsPage(
        tabs=tuple(_tabs(product, outcome)),
        products=tuple(row.id for row in known) if len(known) <= MOST_ROWS else (),
        fitting=tuple(Tab(row.name, _href(row.id, outcome), False) for row in fitting[:_MOST_FITTING] if not product),
        product=product,
        outcome=outcome,
        headings=_HEADINGS,
        runs=tuple(row_of(one) for one in found),
        next=next_,
        older_href=_href(product, outcome, next_) if next_ else "",
        may_run=bool(asked.served.rights.may(asked.who, "run", product)),
        none_yet=_NONE_SO if is_filtered else _NONE,
    )
    return Shown("pages/runs.html", "Runs", model, _sentence(found, next_), nav="runs")


def _fitting(known: Sequence[ProductRow], said: str) -> Sequence[ProductRow]:
    """Return the products that have some words, where they are too many to list; of an id that one alone."""
    if not said or len(known) <= MOST_ROWS:
        return ()
    return [row for row in known if row.id == said] or [row for row in known if row.has(said)]


def runs_of(asked: Asked, product: str, outcome: str, before: str, limit: int) -> tuple[tuple[RunLine, ...], str]:
    """Return runs that the asker may see, and the cursor of the next page; empty at the end.

    Raises:
        FreeholdError: FH-A112 there is no such outcome, or that is no cursor; FH-D201 there is no such product.
    """
    if outcome and outcome not in OUTCOMES:
        told = f"No run is `{outcome[:40]}`."
        raise FreeholdError("FH-A112", told, fix=f"Say one of: {', '.join(OUTCOMES)}.")
    if before and not (before.isascii() and before.isdigit() and len(before) < 19):
        raise FreeholdError("FH-A112", f"`{before[:40]}` is no cursor.", fix="Begin without it.")
    if product:
        asked.snapshot.product(product)
    found, next_ = asked.served.runs.lines(
        asked.snapshot.env, before=int(before or 0), product=product, outcome=outcome, seen=asked.snapshot.seen,
        limit=limit,
    )  # fmt: skip
    return found, str(next_ or "")


def row_of(one: RunLine) -> RunRow:
    """Return a run as a row of a list."""
    return RunRow(
        id=one.id,
        href=f"/runs/{one.id}",
        at=one.at,
        outcome=mark_of(one),
        what=what_of(one),
        products=one.products,
        products_told="none"
        if one.jobs
        else joined(one.products[:2])
        if len(one.products) < 3
        else f"{one.products[0]} and {len(one.products) - 1} more",
        products_named=", ".join(one.products[:_MOST_NAMED]) + (" …" if one.products[_MOST_NAMED:] else ""),
        whose=whose(one),
        steps=one.steps,
        held=one.steps - one.count("published"),
        seconds=round(one.seconds, 3),
        took=took(one.seconds),
    )


def mark_of(one: RunLine | RunTold) -> Mark:
    """Return what came of a run as pages show it: one that has no end is none of those that passed."""
    if one.outcome == "published" and one.jobs:
        return Mark("ok", "done")
    if one.outcome == "published" and (one.went_on or one.is_open):
        return Mark("warn", "broke off") if one.went_on else Mark("idle", "not ended")
    return OUTCOME[one.outcome]


def what_of(one: RunLine) -> str:
    """Say what a run did with its steps, in a few words: what went wrong first."""
    if one.jobs:
        return f"{joined(one.jobs)}, a job of another tool"
    first = one.trouble
    if first is not None:
        others = one.count(*TROUBLES) - 1
        more = f" and {others} more" if others else ""
        of = f" of {first.interval}" if first.interval else ""
        waiting = one.count("held")
        return f"{first.asset}{of} {first.outcome}{more}" + (f"; {waiting} wait for it" if waiting else "")
    span = f" of {one.earliest}" + (f" to {one.latest}" if one.latest != one.earliest else "") if one.earliest else ""
    return f"{counted(one.rows, 'rows')}{span}"


def whose(one: RunLine | RunTold) -> str:
    """Say for whom a run was: the schedule, a change, or a person."""
    if one.changes:
        return f"change {joined(one.changes)}"
    if one.trigger not in ("", "command"):
        return one.trigger
    return "Freehold" if one.actor.startswith("system:") else one.actor.rpartition("/")[2]


def took(seconds: float) -> str:
    """Say how long something took, as a person would."""
    if seconds < 1:
        return f"{seconds * 1000:,.0f} ms"
    return f"{seconds:,.1f} s" if seconds < 120 else f"{seconds / 60:,.0f} min"


def _tabs(product: str, outcome: str) -> list[Tab]:
    words = (("", "All"), ("quarantined", "Quarantined"), ("failed", "Failed"), ("published", "Published"))
    return [Tab(text, _href(product, word), word == outcome) for word, text in words]


def _href(product: str, outcome: str, before: str = "") -> str:
    said = {"product": product, "outcome": outcome, "before": before}
    query = urlencode({name: value for name, value in said.items() if value})
    return f"/runs?{query}" if query else "/runs"


def _sentence(found: tuple[RunLine, ...], next_: str) -> str:
    if not found:
        return ""
    bad = sum(one.outcome != "published" for one in found)
    kept = f"{bad} kept something back" if bad else "none kept anything back"
    return f"The last {counted(len(found), 'runs')}{' shown here' if next_ else ''}: {kept}."
