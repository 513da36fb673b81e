"""The search: everything the estate has by any of its names, the closest first, and why."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from freehold.catalog import Found, Hit, Key, Question
from freehold.foundation.words import counted
from freehold.server.web.model import Empty, Mark, Tab
from freehold.server.web.showing import Asked, Shown

_LONGEST = 200  # characters of a description in a list
_SPOKEN = {
    "kpi": ("KPI", "KPIs"), "dataset": ("data set", "data sets"), "policy": ("policy", "policies"),
    "ai-use-case": ("AI use case", "AI use cases"),
}  # fmt: skip
NO_WORD = Empty(
    "What do you look for?",
    "A product, an asset, a column, a metric, a KPI, a dashboard, a team: a name as it is written, or half of it.",
)


@dataclass(frozen=True, slots=True)
class HitRow:
    """One thing that was found, and why it stands where it does."""

    kind: str
    id: str
    title: str
    href: str
    marks: tuple[Mark, ...]
    why: str
    description: str
    owner: str
    state: str
    columns: tuple[str, ...]
    instead: str = ""
    instead_href: str = ""


@dataclass(frozen=True, slots=True)
class SearchPage:
    """What came of a search; `next_href` leads to the hits after these."""

    text: str
    kinds: tuple[Tab, ...]
    hits: tuple[HitRow, ...]
    total: int
    near: tuple[Tab, ...]
    next_href: str
    nothing: Empty | None
    behind: str = ""


def search(asked: Asked) -> Shown:
    """Show what has the words that were asked for.

    Raises:
        FreeholdError: FH-F002 there is no such kind; FH-F003 a cursor is of another search.
    """
    text, kind = asked.word("q").strip()[:_LONGEST], asked.word("kind")
    if not text:
        return Shown("pages/search.html", "Search", SearchPage("", (), (), 0, (), "", NO_WORD), nav="search")
    question = Question(text, (kind,) if kind else (), cursor=asked.word("cursor")).checked()
    found = asked.served.listing.of(asked.snapshot).search(question)
    model = SearchPage(
        text=text,
        kinds=_kinds(text, kind, found),
        hits=tuple(_row(one) for one in found.hits),
        total=found.total,
        near=tuple(Tab(name, _href(q=name)) for name in found.near),
        next_href=_href(q=text, kind=kind, cursor=found.next) if found.next else "",
        nothing=None if found.hits else Empty(f"Nothing is called {text}", "Nothing has these words either."),
        behind=asked.served.listing.behind or asked.snapshot.waits,
    )
    told = f"{counted(found.total, 'hits')} for `{text}`, the closest first." if found.total else ""
    return Shown("pages/search.html", "Search", model, told, nav="search", part="hits")


def href_of(key: Key) -> str:
    """Return the page of an entry of the catalog; what has no page of its own is shown by what it leads to."""
    if key.kind == "product":
        return f"/products/{key.id}"
    if key.kind == "metric":
        return f"/metrics/{key.id}"
    if key.kind == "kpi":
        return f"/kpis/{key.id}"
    return f"/lineage?{urlencode({'of': f'{key.kind}:{key.id}'})}"


def _kinds(text: str, chosen: str, found: Found) -> tuple[Tab, ...]:
    """Return the kinds of what was found, to narrow by; with one chosen, the way back to all."""
    counts = [(kind, count) for kind, count in found.kinds.items() if count]
    if not chosen and len(counts) < 2:
        return ()
    tabs = [Tab("All", _href(q=text), not chosen)]
    tabs += [Tab(f"{_many(k)} {n:,}", _href(q=text, kind=k), k == chosen) for k, n in counts]
    return tuple(tabs)


def spoken(kind: str) -> str:
    """Return a kind of entry as people say it."""
    return _SPOKEN[kind][0] if kind in _SPOKEN else kind


def _many(kind: str) -> str:
    return _SPOKEN[kind][1] if kind in _SPOKEN else f"{kind}s".capitalize()


def _row(one: Hit) -> HitRow:
    marks = [Mark("ok", "certified")] if one.is_certified else []
    marks += [Mark("warn", "deprecated")] if one.status == "deprecated" else []
    description = one.description.partition("\n")[0]
    return HitRow(
        kind=spoken(one.key.kind),
        id=one.key.id,
        title=one.title,
        href=href_of(one.key),
        marks=tuple(marks),
        why="; ".join(one.why),
        description=description if len(description) <= _LONGEST else f"{description[: _LONGEST - 1].rstrip()}…",
        owner=one.owner,
        state=one.state,
        columns=one.columns,
        instead=one.replaced_by.id if one.replaced_by else "",
        instead_href=href_of(one.replaced_by) if one.replaced_by else "",
    )


def _href(**words: str) -> str:
    return f"/search?{urlencode({name: word for name, word in words.items() if word})}"
