"""What is to be taken away, as everybody is told of it: by the files in force, or by an item that announces it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from freehold.delivery.deprecated import standing
from freehold.leaving.subject import last_day_of, subject_of
from freehold.work import EVENTS, fold

if TYPE_CHECKING:
    from freehold.delivery.graph import Graph
    from freehold.estate.model import Estate
    from freehold.ledger import Ledger
    from freehold.metrics import Catalogue
    from freehold.work import Item

ENDED = ("withdrawn",)


@dataclass(frozen=True, slots=True)
class Leaving:
    """Something that is to be taken away.

    Attributes:
        name: `product:ID`, `asset:ID` or `metric:ID`; `replaced_by` the same way, empty where nothing takes its place.
        since: when that was told first; None where it was not yet.
        sunset: its last day, where one was told.
        item: the deprecation that announces it; empty where files alone say so.
    """

    name: str
    product: str
    since: datetime | None = None
    sunset: date | None = None
    replaced_by: str = ""
    item: str = ""

    @property
    def id(self) -> str:
        """Its id, without the kind."""
        return self.name.partition(":")[2]

    @property
    def instead(self) -> str:
        """The id of what takes its place, without the kind."""
        return self.replaced_by.partition(":")[2]

    def sentence(self, today: date) -> str:
        """Return it as people are told: that it is deprecated, until when, and what to use instead."""
        until = ""
        if self.sunset is not None:
            until = f"; its last day {'was' if self.sunset < today else 'is'} {self.sunset}"
        return f"`{self.id}` is deprecated{until}.{f' Use `{self.instead}`.' if self.instead else ''}"

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {
            "name": self.name, "since": self.since, "sunset": self.sunset, "replaced_by": self.instead or None,
            "item": self.item or None,
        }  # fmt: skip


def leaving_in(
    ledger: Ledger, estate: Estate, graph: Graph, env: str, catalogue: Catalogue | None = None
) -> dict[str, Leaving]:
    """Return what is to be taken away in an environment, by name; `catalogue` are its metrics, where they are read.

    What files say that are in force counts, with when that began; what an item announces counts, whether files say so
    yet or not, and its day and its replacement stand where files give none. What went is not on its way any more.
    """
    found = {
        name: Leaving(name, one.product, one.since, one.sunset, one.replaced_by)
        for name, one in standing(ledger, env, estate, graph, catalogue).items()
    }
    left = {str(event.data["name"]) for event in ledger.read(types=("resource.retired",), env=env)} - found.keys()
    for item in announced(ledger):
        key, since = subject_of(item), announced_at(item)
        if key is None or since is None or str(key) in left:
            continue
        said = found.get(str(key), Leaving(str(key), item.product))
        found[str(key)] = replace(
            said,
            since=min(since, said.since) if said.since else since,
            sunset=said.sunset or last_day_of(item),
            replaced_by=said.replaced_by or replacement_of(item, graph, estate),
            item=item.id,
        )
    return found


def announced(ledger: Ledger) -> Iterator[Item]:
    """Yield the deprecations of which notice was given, but for those that were taken back."""
    told = ledger.read(types=("notice.sent",))
    for id_ in dict.fromkeys(str(event.data["item"]) for event in told if event.data.get("item")):
        item = fold(ledger.read(types=EVENTS, subject=id_))
        if item is not None and item.state not in ENDED:
            yield item


def replacement_of(item: Item, graph: Graph, estate: Estate) -> str:
    """Return the name of what takes the place of what an item is about; empty where nothing does.

    It is of the kind of what goes, unless only another kind has that id.
    """
    other = str(item.fields.get("replacement") or "")
    there = {f"asset:{other}": other in graph.assets, f"product:{other}": other in estate.products}
    return replacement_among(item, {name for name, is_there in there.items() if is_there})


def replacement_among(item: Item, names: Collection[str]) -> str:
    """Return the name of what takes the place of what an item is about, `names` being products and assets there are."""
    other, key = str(item.fields.get("replacement") or ""), subject_of(item)
    if not other or key is None:
        return ""
    there = [kind for kind in (key.kind, "asset", "product") if f"{kind}:{other}" in names]
    return f"{'metric' if key.kind == 'metric' or not there else there[0]}:{other}"


def announced_at(item: Item) -> datetime | None:
    """Return when it was announced first."""
    return next((p.since.astimezone(UTC) for p in item.history if p.state == "announced"), None)
