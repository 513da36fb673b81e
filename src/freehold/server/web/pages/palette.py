"""The palette: from half a word to a page, a thing of the catalog or something to do. Ranked here, drawn in browsers.

Without scripts there is `/search`, which finds the same things of the catalog.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from freehold.catalog import Hit, Question
from freehold.foundation import FreeholdError
from freehold.server.web.pages.homes.roles import HOMES
from freehold.server.web.pages.requests import wants_of
from freehold.server.web.pages.search import href_of, spoken
from freehold.server.web.showing import Asked, asked_of

_LONGEST, _MOST_HITS, _MOST = 200, 8, 14


@dataclass(frozen=True, slots=True)
class Entry:
    """Something to choose: where it leads. With `post` it is sent there as a form; `does` is for the browser alone."""

    kind: str
    title: str
    hint: str = ""
    href: str = ""
    post: Mapping[str, str] | None = None
    does: str = ""
    words: str = field(default="", repr=False)  # what else it is found by

    def has(self, said: list[str]) -> bool:
        """Whether each of some words begins one of its own."""
        own = f"{self.title} {self.words}".casefold().replace("…", "").split()
        return all(any(word.startswith(one) for word in own) for one in said)


PAGES = (
    Entry("page", "Home", href="/"),
    Entry("page", "Products", href="/products", words="catalog data"),
    Entry("page", "Metrics", href="/metrics", words="numbers"),
    Entry("page", "Explore", href="/explore", words="ask query metrics chart"),
    Entry("page", "Views", href="/views", words="saved questions shared"),
    Entry("page", "Lineage", href="/lineage", words="impact upstream downstream"),
    Entry("page", "Objectives", href="/objectives", words="okr goals key results targets"),
    Entry("page", "Roadmap", href="/roadmap", words="plan now next later priorities"),
    Entry("page", "Order of the roadmap", href="/roadmap/order", words="rice ranking priorities"),
    Entry("page", "Promises", href="/roadmap/promises", words="predictability commitments slips"),
    Entry("page", "Decisions", href="/decisions", words="adr madr why"),
    Entry("page", "Scorecards", href="/scorecards", words="rules certification maturity"),
    Entry("page", "SLOs", href="/slos", words="service levels error budget burn freshness late promises"),
    Entry(
        "page", "Performance", href="/performance", words="latency duration queue wait spill slow p95 failed queries"
    ),
    Entry("page", "KPIs", href="/kpis", words="dora figures"),
    Entry("page", "Usage", href="/usage", words="readers unused adoption accounts"),
    Entry("page", "Documents", href="/documents", words="reports qbr review release notes audit guide"),
    Entry("page", "Requests", href="/requests", words="questions"),
    Entry("page", "Inbox", href="/inbox", words="triage decide answer waiting items"),
    Entry("page", "Plan", href="/plan", words="changes approvals"),
    Entry("page", "Runs", href="/runs", words="quarantine held failed builds"),
    Entry("page", "Deployments", href="/deployments", words="releases history"),
    Entry("page", "Anomalies", href="/anomalies", words="unusual odd outliers alerts"),
    Entry("page", "Jobs", href="/jobs", words="background queue"),
    Entry("page", "Lineage intake", href="/settings/lineage", words="openlineage airflow spark dbt"),
    Entry("page", "Webhooks", href="/settings/webhooks", words="subscriptions deliveries dead letters notify"),
    Entry("page", "Tokens", href="/settings/tokens", words="settings api"),
    Entry("page", "Sessions", href="/settings/sessions", words="settings browsers"),
)
ACTIONS = (
    Entry("action", "Make a token", "for a program", "/settings/tokens#new", words="new create api"),
    Entry("action", "Roll back…", "choose a deployment", "/deployments", words="rollback undo take revert"),
    Entry("action", "Approve or reject…", "what waits for a decision", "/plan", words="approval decide"),
    Entry("action", "Ask for something", "that is not here", "/requests#ask", words="request new"),
    *(
        Entry("action", f"Make {name} my home", "", "/homes", {"role": role}, words="switch change role")
        for role, name in HOMES.items()
    ),
    *(
        Entry("action", f"Colours: {scheme}", "", does=f"scheme {scheme}", words="theme mode colors appearance")
        for scheme in ("light", "dark", "system")
    ),
    Entry("action", "Sign out", "", "/sign-out", {}, words="log leave"),
)


def palette(request: Request) -> Response:
    """Return what fits some words, the best first; without any, where one can go and what one can do."""
    asked = asked_of(request)
    text = asked.word("q").strip()[:_LONGEST]
    entries = [asdict(one) for one in _found(asked, text)]
    for one in entries:
        del one["words"]
    return JSONResponse({"q": text, "entries": entries})


def _found(asked: Asked, text: str) -> list[Entry]:
    if not text:
        return [*PAGES[:8], *ACTIONS[:4]]
    said = text.casefold().split()
    own = [one for one in (*PAGES, *_kpis(asked), *ACTIONS, *_wants(asked)) if one.has(said)]
    first = [one for one in own if one.title.casefold().startswith(text.casefold())]
    hits = _hits(asked, text)
    found = [*first, *(_entry(hit) for hit in hits), *_to_take_back(asked, hits)]
    found += [one for one in own if one not in first]
    everything = Entry("search", f"Search everything for “{text}”", "", f"/search?{urlencode({'q': text})}")
    asking = Entry("action", f"Ask for “{text}”", "nothing has this name", f"/requests?{urlencode({'what': text})}#ask")
    once = {(one.title, one.href): one for one in reversed(found)}
    return [*list(reversed(once.values()))[:_MOST], everything] if found else [asking, everything]


def _hits(asked: Asked, text: str) -> tuple[Hit, ...]:
    try:
        question = Question(text, limit=_MOST_HITS).checked()
    except FreeholdError:  # no word that could be looked for, such as a lone sign: nothing has it
        return ()
    return tuple(asked.served.listing.of(asked.snapshot).search(question).hits)


def _entry(hit: Hit) -> Entry:
    marks = ["certified"] if hit.is_certified else ["deprecated"] if hit.status == "deprecated" else []
    instead = [f"use {hit.replaced_by.id}"] if hit.replaced_by else []
    told = [hit.key.id] if hit.title != hit.key.id else []
    return Entry(spoken(hit.key.kind), hit.title, " · ".join((*told, *marks, *instead)), href_of(hit.key))


def _kpis(asked: Asked) -> Iterator[Entry]:
    for kpi in asked.served.reckoning.kpis(asked.snapshot).values():
        yield Entry("KPI", kpi.name, " ".join(kpi.tags), f"/kpis/{kpi.id}", words=" ".join((kpi.id, *kpi.tags)))


def _wants(asked: Asked) -> Iterator[Entry]:
    for want in wants_of(asked):
        yield Entry("action", want.text, "ask for it", want.href)


def _to_take_back(asked: Asked, hits: tuple[Hit, ...]) -> Iterator[Entry]:
    """Yield the newest change that is live of each product that was found, to be taken back."""
    for product in dict.fromkeys(hit.key.id for hit in hits if hit.key.kind == "product"):
        change = next((d for d in asked.snapshot.deployments_of(product) if d.kind == "change" and d.live), None)
        if change is not None:
            yield Entry(
                "action",
                f"Roll back {product}",
                f"the change of {change.at:%d %b}",
                f"/deployments/{change.id}#rollback",
            )
