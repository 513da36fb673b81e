"""Lineage: what something goes into, what it comes from, and who is hit if it is dropped: drawn, and as tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from freehold.catalog import BlastRadius, Group, Hop, Key, Neighbourhood, Node, Reach, Start, View
from freehold.delivery import AssetStatus, ProductStatus
from freehold.foundation import FreeholdError
from freehold.foundation.words import counted
from freehold.server.leaving import ending_of, gone_is_told
from freehold.server.web.graph import Graph, Words, drawn
from freehold.server.web.model import Crumb, Empty, Fact, Heading, Mark, Tab
from freehold.server.web.pages.search import href_of, spoken
from freehold.server.web.showing import Asked, Shown

_USUAL_DEPTH = 2
_MOST_OPEN = 40  # groups and nodes that one address opens
_OF_A_DRAWING = ("of", "way", "columns", "depth", "open", "grow")
_WAYS = {"both": "Both ways", "up": "Comes from", "down": "Goes into", "drop": "If I drop this"}
_MOST_HIT = 12  # of what is hit that is named of a kind
_NOWHERE = {"up": "before", "both": "around"}
_HEADINGS = (Heading("Name"), Heading("Kind"), Heading("Product", narrow=False), Heading("Owner", narrow=False))
_MOST_STARTS = 24  # products, and assets of each, to begin with
NO_NAME = Empty(
    "Nothing to follow yet", "Lineage is read from models and contracts, and from what other tools tell.",
    "freehold lineage orders.amount",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class NodeRow:
    """An entry or a column that is reached; `href` leads to its own page, or to the walk from it."""

    name: str
    kind: str
    href: str
    product: str
    owner: str


@dataclass(frozen=True, slots=True)
class HopPart:
    """Everything at one distance: how many, of which products, and those that matter most by name."""

    title: str
    told: str
    nodes: tuple[NodeRow, ...]
    more: int


@dataclass(frozen=True, slots=True)
class StartPart:
    """A product whose lineage could be looked at, and the ways to that of its assets: those it publishes first."""

    title: str
    href: str
    assets: tuple[Tab, ...]
    more: int


@dataclass(frozen=True, slots=True)
class LineagePage:
    """What a walk from a start finds. `hit` says whom it would hit to drop it, in that view."""

    name: str
    kind: str
    own_href: str
    ways: tuple[Tab, ...]
    headings: tuple[Heading, ...]
    hops: tuple[HopPart, ...]
    hit: tuple[Fact, ...]
    deeper_href: str
    nothing: Empty | None
    behind: str = ""
    starts: tuple[StartPart, ...] = ()


def lineage(asked: Asked) -> Shown:
    """Show what something goes into and comes from, two steps each way first; or who is hit if it is dropped.

    Raises:
        FreeholdError: FH-F004 nothing is called so; FH-F005 several things are; FH-W508 it is gone.
    """
    name, way = asked.word("of").strip(), asked.one_of("way", _WAYS, "both")
    if not name:
        return _beginning(asked)
    asked.served.intake.settle()
    catalog = asked.served.listing.of(asked.snapshot)
    with gone_is_told(asked, [name]):
        start = catalog.find(name)
    depth = _depth(asked.word("depth"))
    around = catalog.around(start, _view(asked, way, depth))
    hit: tuple[Fact, ...] = ()
    if way == "drop":
        radius = catalog.blast_radius(start)
        found, hit = [radius.reach], tuple(_hit(asked, radius))
    else:
        sides = {"up": (False,), "down": (True,)}.get(way, (False, True))
        found = [catalog.reach(start, down=down, depth=depth) for down in sides]
    model = LineagePage(
        name=str(start),
        kind="column" if start.column else spoken(start.key.kind),
        own_href=_own(start.key),
        ways=tuple(Tab(text, _href(of=name, way=word), word == way) for word, text in _WAYS.items()),
        headings=_HEADINGS,
        hops=tuple(_hop(one, reach, way) for reach in found for one in reach.hops),
        hit=hit,
        deeper_href=_deeper(name, way, depth, around),
        nothing=None if any(reach.hops for reach in found) else _nothing(start, way),
        behind=asked.served.listing.behind or asked.snapshot.waits,
    )
    graph = _graph(asked, around, way, by_columns=bool(asked.word("columns"))) if model.hops else None
    extra = {"graph": graph, "modes": _modes(asked, start)}
    crumbs = (Crumb("Lineage", "/lineage"),)
    return Shown(
        *("pages/lineage.html", str(start), model, _told(found, way), crumbs, "lineage", "drawing"),
        ending=ending_of(asked, str(start.key)),
        extra=extra,
    )


def _beginning(asked: Asked) -> Shown:
    """Show what lineage could be looked at: the assets of products, and a field for everything else."""
    starts = tuple(_start(one) for one in asked.snapshot.products[:_MOST_STARTS])
    nothing = None if starts else NO_NAME
    page = LineagePage("", "", "", (), _HEADINGS, (), (), "", nothing, starts=starts)
    told = "What an asset, a column or a metric is built from, what it goes into, and who is hit if it goes."
    extra = {"graph": None, "modes": ()}
    return Shown("pages/lineage.html", "Lineage", page, told, nav="lineage", extra=extra)


def _start(one: ProductStatus) -> StartPart:
    ordered = sorted(one.assets, key=lambda a: (not a.is_output, a.asset))
    chosen = tuple(Tab(a.asset.rpartition(".")[2], _href(of=f"asset:{a.asset}"), False) for a in ordered[:_MOST_STARTS])
    title = one.product.name or one.product.id
    return StartPart(title, f"/products/{one.product.id}", chosen, len(ordered) - len(chosen))


def _view(asked: Asked, way: str, depth: int) -> View:
    """Return what is to be drawn: the steps that are asked for, with what the reader opened."""
    query = asked.request.query_params
    up, down = (depth if way in side else 0 for side in (("up", "both"), ("down", "both", "drop")))
    opened, grown = query.getlist("open")[:_MOST_OPEN], query.getlist("grow")[:_MOST_OPEN]
    return View(up, down, bool(asked.word("columns")), frozenset(opened), tuple(grown))


def _graph(asked: Asked, found: Neighbourhood, way: str, *, by_columns: bool) -> Graph:
    """Return the drawing, each part of which leads on: to a drawing of its own, or to more of this one."""
    here = [one for one in asked.request.query_params.multi_items() if one[0] in _OF_A_DRAWING][: 2 * _MOST_OPEN]
    assets = asked.snapshot.by_asset
    as_columns = {"columns": "1"} if by_columns else {}

    def more(word: str) -> Callable[[str], str]:
        return lambda name: f"/lineage?{urlencode([*here, (word, name)])}"

    words = Words(
        href=lambda name: _href(of=name, way=way, **as_columns),
        open=more("open"),
        grow=more("grow"),
        group_href=lambda group: _group_href(group, way),
        kind=spoken,
        mark=lambda asset: _mark(assets[asset][1]) if asset in assets else None,
    )
    return drawn(found, words)


def _group_href(group: Group, way: str) -> str:
    if group.key is not None:
        return _href(of=str(group.key), way=way)
    return f"/products/{group.title}" if group.title else ""


def _mark(one: AssetStatus) -> Mark:
    """Return the state of an asset, the worst of what there is to tell."""
    if one.quarantined:
        return Mark("bad", "newer data is held")
    if one.bad or one.failed:
        return Mark("bad", "failing")
    if one.late:
        return Mark("warn", "late")
    return Mark("ok", "live") if one.published_at else Mark("idle", "never published")


def _modes(asked: Asked, start: Start) -> tuple[Tab, ...]:
    """Return the two ways to draw an asset: by entries, or by columns. A column is always drawn by columns."""
    if start.column or start.key.kind != "asset":
        return ()
    kept = {name: word for name, word in asked.request.query_params.items() if name in ("of", "way", "depth")}
    by_columns = bool(asked.word("columns"))
    return (Tab("Assets", _href(**kept), not by_columns), Tab("Columns", _href(**kept, columns="1"), by_columns))


def _depth(text: str) -> int:
    if not text:
        return _USUAL_DEPTH
    if not (text.isascii() and text.isdecimal() and len(text) < 3):
        raise FreeholdError("FH-A112", f"`{text[:40]}` is no `depth` of this page.", fix="Say a number from 1 to 30.")
    return min(max(int(text), 1), 30)


def _own(key: Key) -> str:
    """Return the page of an entry itself; empty where the walk is its page."""
    if key.kind == "asset":
        return f"/products/{key.id.rpartition('.')[0]}"
    return "" if href_of(key).startswith("/lineage") else href_of(key)


def _hop(one: Hop, reach: Reach, way: str) -> HopPart:
    products = [f"{product or 'no product'} {count:,}" for product, count in list(one.products.items())[:6]]
    more = len(one.products) - len(products)
    side = "" if way != "both" else "Goes into, " if reach.down else "Comes from, "
    distance = "directly" if one.hop == 1 else f"{one.hop} steps away"
    return HopPart(
        title=f"{side}{distance}" if side else distance.capitalize(),
        told=f"{one.count:,}: " + ", ".join(products) + (f" and {more} more products" if more > 0 else ""),
        nodes=tuple(_node(node, way) for node in one.nodes),
        more=one.more,
    )


def _node(node: Node, way: str) -> NodeRow:
    onward = _href(of=f"{node.key.kind}:{node}", way=way)
    own = href_of(node.key)
    return NodeRow(
        name=str(node),
        kind="column" if node.column else spoken(node.key.kind),
        href=onward if own.startswith("/lineage") or node.column else own,
        product=node.product,
        owner=node.owner,
    )


def _hit(asked: Asked, radius: BlastRadius) -> list[Fact]:
    """Return whom it would hit: what is built from it, what people look at, who reads, whom to tell."""
    called = asked.snapshot.team_name
    owners = [f"{called(owner) or 'nobody'} ({count:,})" for owner, count in radius.owners.items()]
    services = [f"{one.name} ({one.reads:,} reads)" for one in radius.services[:6]]
    facts = [
        Fact("Built from it", counted(radius.assets, "assets")),
        Fact("Metrics", _named(radius, "metric", radius.metrics)),
        Fact("Dashboards", _named(radius, "dashboard", radius.dashboards)),
        Fact("Read by", f"{counted(radius.persons, 'people')} in 30 days"),
    ]
    facts += [Fact("Jobs of other tools", _named(radius, "job", radius.jobs))] if radius.jobs else []
    facts += [Fact("Services", ", ".join(services))] if services else []
    return [*facts, Fact("To be told", ", ".join(owners) or "nobody")]


def _named(radius: BlastRadius, kind: str, nodes: Sequence[Node]) -> str:
    """Return those of a kind that matter most, by name, and how many more there are."""
    names = [str(node) for node in nodes[:_MOST_HIT]]
    more = radius.kinds.get(kind, 0) - len(names)
    return ", ".join(names) + (f" and {more:,} more" if more else "") or "none"


def _told(found: Sequence[Reach], way: str) -> str:
    said = [_side(reach, way) for reach in found if reach.hops]
    cut = " There is more than was walked." if any(reach.is_cut for reach in found) else ""
    told = ", and ".join(said)
    return f"{told[0].upper()}{told[1:]}.{cut}" if said else ""


def _side(found: Reach, way: str) -> str:
    what = "dropping it reaches" if way == "drop" else "it goes into" if found.down else "it comes from"
    return f"{what} {counted(found.count, 'others')} in {counted(len(found.hops), 'steps')}"


def _deeper(name: str, way: str, depth: int, around: Neighbourhood) -> str:
    """Return the way to more steps, where there is more than is drawn."""
    is_more = way != "drop" and any(count for group in around.groups for count in group.beyond)
    return _href(of=name, way=way, depth=str(min(depth * 2, 30))) if is_more else ""


def _nothing(start: Start, way: str) -> Empty:
    told = {
        "up": "It is where its data begins, as far as files tell.",
        "drop": "Nothing is built from it, and nobody is known to read it.",
        "both": "Nothing goes into it, and nothing is built from it, as far as files tell.",
    }
    return Empty(
        f"Nothing {_NOWHERE.get(way, 'after')} {start}",
        told.get(way, "Nothing is built from it, as far as files tell."),
    )


def _href(**words: str) -> str:
    return f"/lineage?{urlencode(words)}"
