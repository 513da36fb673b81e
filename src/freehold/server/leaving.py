"""What is to be taken away, and what went, as requests are told: banners, headers, and 410 with what takes its place.

`Deprecation` is a date of structured fields (RFC 9745), `Sunset` one of HTTP (RFC 8594). An answer about several things
has the earliest of each.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, time, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING
from urllib.parse import quote

from freehold.access.covering import Cover
from freehold.foundation import FreeholdError
from freehold.leaving import Announcing, Gone, Leaving, gone_unless
from freehold.server.web.model import Ending

if TYPE_CHECKING:
    from freehold.catalog import Catalog
    from freehold.leaving import Departed
    from freehold.ledger import Ledger
    from freehold.server.application import Served
    from freehold.server.snapshots import Snapshot
    from freehold.server.web.showing import Asked

_API = "/api/v1"
_PAGES = {"metric": "/metrics/{}", "product": "/products/{}"}


def announcing_in(served: Served, ledger: Ledger, snapshot: Snapshot) -> Announcing:
    """Return what announces what goes, in the name of whoever a ledger is for; it knows all who read."""

    def catalog() -> Catalog:
        served.usage.flush()
        return served.listing.follow(snapshot)

    whole = snapshot.whole or snapshot
    return Announcing(whole.estate, ledger, catalog, snapshot.env, served.snapshots.clock)


def leaving_of(asked: Asked, *names: str) -> Leaving | None:
    """Return the first of some things, as `kind:id`, that is to be taken away; None where none is."""
    return next((one for name in names if (one := asked.snapshot.leaving.get(name)) is not None), None)


def ending_of(asked: Asked, *names: str) -> Ending | None:
    """Return what a page says of the first of some things that is to be taken away; None where none is."""
    one = leaving_of(asked, *names)
    if one is None:
        return None
    text = one.sentence(asked.snapshot.taken_at.date())
    return Ending(text, f"/items/{one.item}" if one.item else "", one.instead, page_of(one.replaced_by))


def page_of(name: str) -> str:
    """Return the page of a product, an asset or a metric; that of an asset is its product's."""
    kind, _, id_ = name.partition(":")
    if kind == "asset":
        product, _, last = id_.rpartition(".")
        return f"/products/{quote(product)}#{quote(last)}"
    return _PAGES[kind].format(quote(id_)) if kind in _PAGES else ""


def headers_of(asked: Asked, *names: str) -> dict[str, str]:
    """Return the headers that belong to an answer about some things of which any is to be taken away."""
    found = [one for name in dict.fromkeys(names) if (one := asked.snapshot.leaving.get(name)) is not None]
    since = [one.since for one in found if one.since is not None]
    sunsets = [one.sunset for one in found if one.sunset is not None]
    headers = {"Deprecation": f"@{int(min(since).timestamp())}"} if since else {}
    if sunsets:
        end = datetime.combine(min(sunsets) + timedelta(days=1), time(), UTC) - timedelta(seconds=1)
        headers["Sunset"] = format_datetime(max([end, *since[:1]]), usegmt=True)
    links = [link for one in found for link in _links(one)]
    return headers | ({"Link": ", ".join(dict.fromkeys(links))} if links else {})


def _links(one: Leaving) -> Iterator[str]:
    about = f"/items/{one.item}" if one.item else page_of(one.name)
    if about:
        yield f'<{about}>; rel="deprecation"; type="text/html"'
    if successor := resource_of(one.replaced_by):
        yield f'<{successor}>; rel="successor-version"'


def resource_of(name: str) -> str:
    """Return the path in the API of a product, an asset or a metric; that of an asset is its product's."""
    kind, _, id_ = name.partition(":")
    if kind == "metric":
        return f"{_API}/metrics/{quote(id_)}/values"
    product = id_.rpartition(".")[0] if kind == "asset" else id_
    return f"{_API}/products/{quote(product)}" if product else ""


@contextmanager
def gone_is_told(asked: Asked, names: Iterable[str]) -> Iterator[None]:
    """Tell of a name that means nothing any more since when it is gone, and what takes its place.

    Raises:
        FreeholdError: FH-W508 one of the names is gone, as far as the asker may know; else what was raised.
    """

    def may_see(one: Departed) -> bool:
        return asked.snapshot.seen is None or one.product in asked.snapshot.seen

    def hides(name: str) -> bool:
        whole, seen = asked.snapshot.whole, asked.snapshot.seen
        return whole is not None and seen is not None and Cover.over(whole.estate.products, seen).hides(name)

    with gone_unless(asked.served.snapshots.ledger, asked.snapshot.env, names, may_see, hides):
        yield


def successor_headers(error: FreeholdError) -> dict[str, str]:
    """Return the header that names what takes the place of what is gone."""
    successor = resource_of(error.departed.replaced_by) if isinstance(error, Gone) else ""
    return {"Link": f'<{successor}>; rel="successor-version"'} if successor else {}
