"""The home of who reads data: search, the state now of what they use, what will hit them, what they asked for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from freehold.delivery import AssetStatus, ProductStatus
from freehold.delivery.notices import Sent, sent_notices
from freehold.foundation import FreeholdError
from freehold.foundation.words import counted
from freehold.metrics.fingerprint import sources_of
from freehold.metrics.telling import in_part, number
from freehold.server.leaving import page_of
from freehold.server.problems import is_part
from freehold.server.web.drawing import spark
from freehold.server.web.model import SAFE, Empty, Heading, Kpi, Line, Mark, joined
from freehold.server.web.pages.metrics import catalogue_in, label_of, latest, trend_key, trend_of
from freehold.server.web.pages.products import HEADINGS, MOST_ROWS, NO_PRODUCTS, ProductRow, rows_of, utc
from freehold.server.web.pages.requests import RequestRow, my_requests
from freehold.server.web.pages.search import href_of
from freehold.server.web.showing import Asked, Shown

if TYPE_CHECKING:
    from freehold.catalog import Use
    from freehold.metrics.model import Metric

WINDOW = timedelta(days=30)
_MOST_METRICS, _MOST_USED, _LOOKED_AT = 4, 12, 3  # so many looks at a page make it one that is used
_USED = (
    Heading("What I use"),
    Heading("Now"),
    Heading("Why", "wide", sorts=False, narrow=False),
    Heading("Fresh as of", "num"),
    Heading("Owner", narrow=False),
    Heading("Channel", narrow=False),
    Heading("Mine, 30 days", "num", narrow=False),
)
_NO_USE = Empty(
    "Nothing is known to be used by you yet",
    "What you ask metrics for, and products you look at often, stand here with their state and who answers for them.",
    "freehold query METRIC --by week",
)
_NO_CHANGES = Empty(
    "Nothing that is coming takes anything from you",
    "Metrics and versions that end, and notices of changes, stand here with their date and what to read instead.",
)
_NO_REQUESTS = Empty(
    "You have asked for nothing yet", "What you look for and do not find can be asked for: search for it, or ask here."
)


@dataclass(frozen=True, slots=True)
class UsedRow:
    """Something a reader uses, and whether to use it now."""

    name: str
    kind: str
    href: str
    mark: Mark
    why: str
    fresh_as_of: datetime | None
    owner: str
    channel: str
    mine: str
    times: int


@dataclass(frozen=True, slots=True)
class ComingChange:
    """Something that a reader may lose: when, what, and what to read instead."""

    on: date | None
    what: str
    href: str
    instead: str
    instead_href: str
    is_mine: bool
    item: str = ""  # the deprecation that announces it
    may_answer: bool = False  # whether whoever looks was told of it, and has not answered


@dataclass(frozen=True, slots=True)
class ConsumerHome:
    """What a reader of data wants to know before they read."""

    used_headings: tuple[Heading, ...]
    used: tuple[UsedRow, ...]
    coming: tuple[ComingChange, ...]
    requests: tuple[RequestRow, ...]
    metrics: tuple[Kpi, ...]
    is_to_follow: bool  # whether there are metrics whose values are computed after the page is there
    headings: tuple[Heading, ...]
    products: tuple[ProductRow, ...]
    more: int  # products that the list leaves out
    no_use: Empty = _NO_USE
    no_changes: Empty = _NO_CHANGES
    no_requests: Empty = _NO_REQUESTS
    no_products: Empty = NO_PRODUCTS
    news: tuple[Line, ...] = ()


def consumer_home(asked: Asked) -> Shown:
    """Show what a reader uses, what will hit them, what they asked for. Values not known yet follow the page."""
    certified = [m.id for m in catalogue_in(asked).metrics() if m.status == "certified"][:_MOST_METRICS]
    is_known = is_part(asked.request) or all(asked.snapshot.knows(trend_key(asked, id_, "week")) for id_ in certified)
    uses = _uses(asked)
    used = tuple(_used(asked, uses))[:_MOST_USED]
    model = ConsumerHome(
        used_headings=_USED,
        used=used,
        coming=tuple(sorted(_coming(asked, uses), key=lambda c: (not c.is_mine, c.on or date.max))),
        requests=my_requests(asked),
        metrics=tuple(_metric(asked, id_) for id_ in certified) if is_known else (),
        is_to_follow=not is_known,
        headings=HEADINGS,
        products=rows_of(asked.snapshot)[:MOST_ROWS],
        more=max(0, len(asked.snapshot.products) - MOST_ROWS),
    )
    return Shown("pages/homes/consumer.html", "Home", model, _sentence(used), nav="home", part="metrics")


def _sentence(used: tuple[UsedRow, ...]) -> str:
    if not used:
        return "Find data and metrics, see whether to trust them now, and ask for what is not there."
    bad = [row.name for row in used if row.mark.tone in ("bad", "warn")]
    safe = f"{len(used) - len(bad)} of {counted(len(used), 'things')} you use can be used now"
    return f"{safe}; look at {joined(bad[:3])} first." if bad else f"{safe}."


def _uses(asked: Asked) -> tuple[Use, ...]:
    since = (asked.snapshot.taken_at - WINDOW).date()
    return asked.served.listing.of(asked.snapshot).uses_of(asked.who.principal, since)


def _used(asked: Asked, uses: tuple[Use, ...]) -> Iterator[UsedRow]:
    """Yield what a reader uses: what they read, and products and metrics whose pages they look at often."""
    catalogue = catalogue_in(asked)
    metrics = {m.id: m for m in catalogue.metrics()}
    assets, products = asked.snapshot.by_asset, asked.snapshot.by_id
    for use in uses:
        if not use.reads and use.looks < _LOOKED_AT:
            continue
        if use.key.kind == "metric" and use.key.id in metrics:
            sources = [assets[s] for s in sources_of(catalogue, metrics[use.key.id]) if s in assets]
            yield _row(asked, use, sources, _name(metrics[use.key.id]))
        elif use.key.kind == "asset" and use.key.id in assets:
            yield _row(asked, use, [assets[use.key.id]], use.key.id)
        elif use.key.kind == "product" and use.key.id in products:
            yield _product_row(asked, use, products[use.key.id])


def _name(metric: Metric) -> str:
    return label_of(metric)


def _row(asked: Asked, use: Use, of: list[tuple[ProductStatus, AssetStatus]], name: str) -> UsedRow:
    states = [state_of(status, asset) for status, asset in of]
    order = ("bad", "warn", "idle", "ok")
    mark, why = min(states, key=lambda s: order.index(s[0].tone), default=(Mark("idle", "unknown"), ""))
    fresh = min((a.data_until for _, a in of if a.data_until is not None), default=None)
    return _of_product(asked, use, of[0][0] if of else None, name, mark, why, fresh)


def _product_row(asked: Asked, use: Use, status: ProductStatus) -> UsedRow:
    why = "; ".join(status.reasons)
    return _of_product(asked, use, status, status.product.id, SAFE[status.safe], why, status.data_until)


def _of_product(
    asked: Asked, use: Use, status: ProductStatus | None, name: str, mark: Mark, why: str, fresh: datetime | None
) -> UsedRow:
    team = asked.snapshot.estate.teams.get(status.product.team or "") if status else None
    parts = [f"{use.reads:,} read" if use.reads else "", f"{use.looks:,} seen" if use.looks else ""]
    return UsedRow(
        name=name,
        kind=use.key.kind,
        href=href_of(use.key),
        mark=mark,
        why=why,
        fresh_as_of=utc(fresh),
        owner=(team.name or team.id) if team else "nobody",
        channel=", ".join(str(c) for c in team.spec.get("notify", ())) if team else "",
        mine=", ".join(filter(None, parts)),
        times=use.reads + use.looks,
    )


def state_of(status: ProductStatus, asset: AssetStatus) -> tuple[Mark, str]:
    """Return whether what is live of an asset can be used now, and why not: wrong, failed, held, late, or safe."""
    if asset.published_at is None:
        return Mark("bad", "not published"), "No version of it was ever published."
    if asset.bad:
        return Mark("bad", "wrong"), f"{counted(asset.bad, 'checks')} of what is live fail."
    if asset.quarantined:
        return Mark("warn", "held"), f"{counted(len(asset.quarantined), 'newer versions')} wait in quarantine."
    if asset.failed:
        return Mark("warn", "failed"), f"The newest attempt at {joined(asset.failed[:2])} failed."
    if asset.late:
        return Mark("warn", "late"), f"{counted(len(asset.late), 'deliveries')} should have come."
    if asset.taken_back:
        return Mark("warn", "taken back"), "It was rolled back, and stays there until somebody lets go of it."
    if asset.pinned:
        return Mark(
            "warn", "pinned"
        ), "It stays as it is, and nothing newer is published, until somebody lets go of it."
    told = next((reason for reason in status.reasons if asset.asset in reason), "")
    if told:
        return SAFE[status.safe], told
    return Mark("ok", "safe"), ""


def _coming(asked: Asked, uses: tuple[Use, ...]) -> Iterator[ComingChange]:
    """Yield what ends: metrics that are deprecated, earlier versions of outputs, and what notices tell."""
    mine = {str(use.key) for use in uses}
    told = {sent.item: sent for sent in sent_notices(asked.served.snapshots.ledger) if sent.item}
    me = asked.who.principal
    for name, one in asked.snapshot.leaving.items():
        notice = told.get(one.item)
        is_told = notice is not None and me in notice.audience
        yield ComingChange(
            one.sunset, f"The {name.partition(':')[0]} {one.id} ends.", page_of(name), one.instead,
            page_of(one.replaced_by), name in mine or is_told, one.item,
            may_answer=notice is not None and is_told and me not in notice.answers,
        )  # fmt: skip
    yield from _notices(asked, mine)


def _notices(asked: Asked, mine: set[str]) -> Iterator[ComingChange]:
    today = asked.snapshot.taken_at.date()
    name = asked.who.principal
    for sent in sent_notices(asked.served.snapshots.ledger):
        if sent.item or (sent.effective_on is not None and sent.effective_on < today):
            continue
        if sent.product not in asked.snapshot.estate.products and name not in sent.audience:
            continue
        is_mine = name in sent.audience or f"asset:{sent.topic}" in mine
        if not sent.plan and not sent.version:
            yield from _decided(asked, sent, is_mine)
            continue
        what = f"{sent.topic} {sent.version}".strip() + " changes, by a notice of what it takes away."
        href = f"/products/{sent.product}" if sent.product else "/deployments"
        yield ComingChange(sent.effective_on, what, href, "", "", is_mine)


def _decided(asked: Asked, sent: Sent, is_mine: bool) -> Iterator[ComingChange]:
    """Yield that a dispute of a metric was decided, as long as that is news to whom it was told."""
    if is_mine and sent.topic in catalogue_in(asked) and sent.sent_at > asked.snapshot.taken_at - WINDOW:
        what = f"A dispute of {sent.topic} was decided."
        yield ComingChange(None, what, f"/metrics/{sent.topic}#disputes", "", "", is_mine)


def _metric(asked: Asked, id_: str) -> Kpi:
    """Return a certified metric as a figure: its last whole week, against the one before."""
    metric = catalogue_in(asked).metric(id_)
    name, unit = _name(metric), metric.words.get("unit", "")
    href = f"/metrics/{metric.id}"
    try:
        trend = trend_of(asked, metric, "week")
    except FreeholdError as error:
        return Kpi(name, told=error.problem, href=href, unknown="no value")
    last, whole = latest(trend, unit, "week"), trend.whole
    ends = f"from {number(whole[0].value, unit)} to {number(whole[-1].value, unit)}" if whole else ""
    drawn = spark([v.value for v in whole], f"{len(whole)} weeks, {ends}")
    shown_unit = "" if unit == "%" else unit
    told = " · ".join(filter(None, (last.change or "No week is over yet.", in_part(trend.policies))))
    return Kpi(name, last.value, shown_unit, told, href, drawn, unknown="no value yet")
