"""The catalog as one asker may see it: every question is asked among what is theirs, so that none can forget to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

from freehold.catalog import impact, neighbourhood, walking
from freehold.catalog.asking import Found, Question
from freehold.catalog.catalog import Catalog
from freehold.catalog.entry import Key
from freehold.catalog.happening import Readers, Use
from freehold.catalog.naming import Start


@dataclass(frozen=True, slots=True)
class Seen:
    """A catalog, and the products that whoever asks may see; None for all."""

    catalog: Catalog
    products: frozenset[str] | None = None

    def search(self, question: Question) -> Found:
        """Return what a question finds: see `Catalog.search`."""
        return self.catalog.search(replace(question, allowed=self.products))

    def find(self, name: str) -> Start:
        """Return what a name means: see `Catalog.find`."""
        return self.catalog.find(name, allowed=self.products)

    def reach(
        self,
        start: Start,
        *,
        down: bool = True,
        depth: int = impact.USUAL_DEPTH,
        indirect: bool = False,
        shown: int = impact.SHOWN,
    ) -> impact.Reach:
        """Return what is downstream or upstream of a start: see `Catalog.reach`."""
        return self.catalog.reach(start, down=down, depth=depth, indirect=indirect, shown=shown, allowed=self.products)

    def blast_radius(
        self, start: Start, *, depth: int = walking.DEEPEST, indirect: bool = False, shown: int = impact.SHOWN
    ) -> impact.BlastRadius:
        """Return who is hit when a start changes: see `Catalog.blast_radius`."""
        return self.catalog.blast_radius(start, depth=depth, indirect=indirect, shown=shown, allowed=self.products)

    def around(self, start: Start, view: neighbourhood.View = neighbourhood.USUAL) -> neighbourhood.Neighbourhood:
        """Return what stands around a start, to be drawn: see `Catalog.around`."""
        return self.catalog.around(start, view, allowed=self.products)

    def path(self, source: Start, target: Start, *, indirect: bool = False) -> tuple[impact.Step, ...]:
        """Return a shortest way from one to another: see `Catalog.path`."""
        return self.catalog.path(source, target, indirect=indirect, allowed=self.products)

    def uses_of(self, reader: str, since: date) -> tuple[Use, ...]:
        """Return what somebody read or looked at: see `Catalog.uses_of`. It is their own, whatever they may see now."""
        return self.catalog.uses_of(reader, since)

    def readers(self, since: date) -> dict[Key, Readers]:
        """Return who read each entry, by number: see `Catalog.readers`; only of products that may be seen."""
        found = self.catalog.readers(since)
        return found if self.products is None else {k: n for k, n in found.items() if _product(k) in self.products}

    def readers_of_products(self, since: date) -> dict[str, Readers]:
        """Return who read anything of each product that may be seen: see `Catalog.readers_of_products`."""
        found = self.catalog.readers_of_products(since)
        return found if self.products is None else {p: n for p, n in found.items() if p in self.products}


def _product(key: Key) -> str:
    return key.id.rpartition(".")[0] if key.kind == "asset" else ""
