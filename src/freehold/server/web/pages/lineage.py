"""Lineage: what something goes into, what it comes from, and who is hit if it is dropped. Counts first, then names."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from freehold.catalog import BlastRadius, Hop, Key, Node, Reach, Start
from freehold.foundation.words import counted
from freehold.server.web.model import Crumb, Empty, Fact, Heading, Tab
from freehold.server.web.pages.search import href_of, spoken
from freehold.server.web.showing import Asked, Shown

_USUAL_DEPTH = 2
_HEADINGS = (Heading("Name"), Heading("Kind"), Heading("Product", narrow=False), Heading("Owner", narrow=False))
NO_NAME = Empty(
    "Lineage of what?", "Name an asset, a column or a metric: the search leads there.", "freehold lineage orders.amount"
)


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


def lineage(asked: Asked) -> Shown:
    """Show what something goes into or comes from, two hops first; or who is hit if it is dropped.

    Raises:
        FreeholdError: FH-F004 nothing is called so; FH-F005 several things are.
    """
    name, way = asked.word("of").strip(), asked.word("way", "down")
    if not name:
        page = LineagePage("", "", "", (), _HEADINGS, (), (), "", NO_NAME)
        return Shown("pages/lineage.html", "Lineage", page, nav="lineage")
    catalog = asked.served.listing.of(asked.snapshot)
    start, depth = catalog.find(name), _depth(asked.word("depth"))
    hit: tuple[Fact, ...] = ()
    if way == "drop":
        radius = catalog.blast_radius(start)
        found, hit = radius.reach, tuple(_hit(radius))
    else:
        found = catalog.reach(start, down=way != "up", depth=depth)
    model = LineagePage(
        name=str(start),
        kind="column" if start.column else spoken(start.key.kind),
        own_href=_own(start.key),
        ways=tuple(
            Tab(text, _href(of=name, way=word), word == way)
            for word, text in (("down", "Goes into"), ("up", "Comes from"), ("drop", "If I drop this"))
        ),
        headings=_HEADINGS,
        hops=tuple(_hop(one, way) for one in found.hops),
        hit=hit,
        deeper_href=_deeper(name, way, depth, found),
        nothing=None if found.hops else _nothing(start, way),
        behind=asked.served.listing.behind,
    )
    return Shown("pages/lineage.html", str(start), model, _told(found, way), (Crumb("Lineage", "/lineage"),), "lineage")


def _depth(text: str) -> int:
    return min(max(int(text), 1), 30) if text.isdecimal() and len(text) < 3 else _USUAL_DEPTH


def _own(key: Key) -> str:
    """Return the page of an entry itself; empty where the walk is its page."""
    if key.kind == "asset":
        return f"/products/{key.id.rpartition('.')[0]}"
    return "" if href_of(key).startswith("/lineage") else href_of(key)


def _hop(one: Hop, way: str) -> HopPart:
    products = [f"{product or 'no product'} {count:,}" for product, count in list(one.products.items())[:6]]
    more = len(one.products) - len(products)
    return HopPart(
        title="Directly" if one.hop == 1 else f"{one.hop} steps away",
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


def _hit(radius: BlastRadius) -> list[Fact]:
    """Return whom it would hit: what is built from it, what people look at, who reads, whom to tell."""
    owners = [f"{owner or 'nobody'} ({count:,})" for owner, count in radius.owners.items()]
    services = [f"{one.name} ({one.reads:,} reads)" for one in radius.services[:6]]
    facts = [
        Fact("Built from it", counted(radius.assets, "assets")),
        Fact("Metrics", ", ".join(str(node) for node in radius.metrics[:12]) or "none"),
        Fact("Dashboards", ", ".join(str(node) for node in radius.dashboards[:12]) or "none"),
        Fact("Read by", f"{counted(radius.persons, 'people')} in 30 days"),
    ]
    facts += [Fact("Services", ", ".join(services))] if services else []
    return [*facts, Fact("To be told", ", ".join(owners) or "nobody")]


def _told(found: Reach, way: str) -> str:
    what = {"up": "It comes from", "drop": "Dropping it reaches"}.get(way, "It goes into")
    cut = " There is more than was walked." if found.is_cut else ""
    return f"{what} {counted(found.count, 'others')} in {counted(len(found.hops), 'steps')}.{cut}" if found.hops else ""


def _deeper(name: str, way: str, depth: int, found: Reach) -> str:
    """Return the way to more steps, where the walk ended because it was to end there."""
    return _href(of=name, way=way, depth=str(min(depth * 2, 30))) if way != "drop" and len(found.hops) >= depth else ""


def _nothing(start: Start, way: str) -> Empty:
    told = {
        "up": "It is where its data begins, as far as files tell.",
        "drop": "Nothing is built from it, and nobody is known to read it.",
    }
    return Empty(
        f"Nothing {'before' if way == 'up' else 'after'} {start}",
        told.get(way, "Nothing is built from it, as far as files tell."),
    )


def _href(**words: str) -> str:
    return f"/lineage?{urlencode(words)}"
