"""Documents for readers: which of them somebody may read, and their editions as of what was counted last.

A document of one product is written from that product's evidence alone, so whoever sees the product may read it. Any
other is of the whole estate, and is there only for who sees all of it; one that packs events, for who administers it.
None tells what quotes rows to somebody from whom a policy hides any: for them, evidence is without it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

from freehold.foundation import FreeholdError, near
from freehold.insight import Period, last_periods
from freehold.insight.documents import Edition, Library
from freehold.insight.documents.declared import document_named, documents_of
from freehold.insight.documents.library import latest
from freehold.insight.objectives import cases_of
from freehold.insight.periods import holding, zone_of
from freehold.ledger import Withheld
from freehold.reliability.signing import sign
from freehold.server.feeding import OF_ROWS
from freehold.server.items import Items
from freehold.server.rows_seen import why_some_are_hidden

if TYPE_CHECKING:
    from freehold.insight.documents import DocumentFile, Signature
    from freehold.insight.documents.items import ItemsThen
    from freehold.server.reckoning import Reckoned
    from freehold.server.web.showing import Asked

MOST_PERIODS = 12


@dataclass(frozen=True)
class Reader:
    """Somebody who reads documents."""

    asked: Asked
    library: Library
    reckoned: Reckoned

    @classmethod
    def of(cls, asked: Asked) -> Reader:
        """Return who asks, with the documents of the estate."""
        snapshot = asked.snapshot.whole or asked.snapshot
        why = why_some_are_hidden(snapshot.estate, asked.who.caller("read documents"))
        withheld = Withheld(OF_ROWS, why) if why else Withheld()
        library = Library(snapshot.estate, asked.served.snapshots.ledger, snapshot.env, withheld)
        return cls(asked, library, asked.served.reckoning.of(asked.snapshot))

    def files(self) -> dict[str, DocumentFile]:
        """Return the documents they may read, by id."""
        return readable(self.asked)

    def file(self, id: str) -> DocumentFile:
        """Return a document.

        Raises:
            FreeholdError: FH-O101 there is none, or they may not read it.
        """
        return document_named(self.files(), id)

    def products(self) -> tuple[str, ...]:
        """Return the products they may name."""
        return tuple(sorted(self.asked.snapshot.estate.products))

    def edition(self, file: DocumentFile, said: Mapping[str, str], as_of: datetime | None = None) -> Edition:
        """Write an edition, as of what was counted last unless said otherwise; the same is written once.

        What a person wrote is in it where one of the same parameters was signed by then.

        Raises:
            FreeholdError: FH-O109, FH-L405 and what `Library.write` raises.
        """
        self._expect_seen(file, said)
        moment = as_of or self.reckoned.known
        key = ("document", file.id, tuple(sorted(said.items())), moment, self.library.withheld.why)
        made = self.reckoned.details.get(key, lambda: self.library.write(file.id, said, moment))
        before = self.signature(file, made)
        narrative = self.library.narrative_of(before) if before is not None else {}
        if not narrative:
            return made
        return self.reckoned.details.get(
            (*key, tuple(sorted(narrative.items()))), lambda: self.library.write(file.id, said, moment, narrative)
        )

    def signature(self, file: DocumentFile, made: Edition) -> Signature | None:
        """Return the newest signature of an edition with the same parameters, as of no later moment, if any."""
        same = (s for s in self.library.signatures(file.id) if s.parameters == made.manifest.parameters)
        return next((s for s in same if s.as_of <= made.manifest.as_of), None)

    def draft(
        self, file: DocumentFile, said: Mapping[str, str], as_of: datetime, narrative: Mapping[str, str]
    ) -> Edition:
        """Write an edition with what somebody writes in it, which is kept nowhere.

        Raises:
            FreeholdError: FH-O110 it has a part that the document has not; what `edition` raises.
        """
        self._expect_seen(file, said)
        return self.library.write(file.id, said, as_of, narrative)

    def _expect_seen(self, file: DocumentFile, said: Mapping[str, str]) -> None:
        """Make sure that an edition is of no product that they may not see; such a one is not there for them."""
        if file.is_of_product and (product := said.get("product", "")) not in self.products():
            known = self.products()
            fix = near(product, known) or f"There are: {', '.join(known[:8])}."
            problem = f"There is no product `{product}`." if product else f"`{file.id}` is of one product: name it."
            raise FreeholdError("FH-O109", problem, fix=fix)

    def signed(self, file: DocumentFile) -> tuple[Signature, ...]:
        """Return the newest signature of each edition that they may read."""
        found = latest(self.library.signatures(file.id))
        products = self.products()
        return tuple(s for s in found if not file.is_of_product or s.parameters.get("product") in products)

    def as_signed(self, file: DocumentFile, signature: Signature) -> Edition:
        """Write a signed edition again, with what was written in it."""
        narrative = self.library.narrative_of(signature)
        return self.library.write(file.id, signature.parameters, signature.as_of, narrative)

    def periods(self, file: DocumentFile) -> Iterator[Period]:
        """Yield the periods of which a document can be written, the newest first: those since the first event."""
        first = next((event.recorded_at for event in self.library.ledger.read(limit=1)), None)
        zone, known = self.reckoned.asking.zone, self.reckoned.known
        today = known.astimezone(zone_of(zone)).date()
        for grain in file.periods if first is not None else ():
            newest = last_periods(holding(today, grain, zone), MOST_PERIODS, zone)
            yield from (period for period in reversed(newest) if first is not None and period.end > first)

    def subjects(self, file: DocumentFile) -> Mapping[str, Sequence[Subject]]:
        """Return what a document may be written of, by parameter, each with what people call it."""
        found = dict.fromkeys(file.subjects, ()) | dict(self.library.subjects(file, self.reckoned.known))
        if file.is_of_product:
            found["product"] = self.products()
        return {name: tuple(Subject(id_, self._called(name, id_)) for id_ in ids) for name, ids in found.items()}

    @cached_property
    def _items(self) -> ItemsThen | None:
        return self.library.items(self.reckoned.known)

    def _called(self, name: str, id: str) -> str:
        """Return what people call a product, a work item or an investment case."""
        if name == "product":
            return self.asked.snapshot.product_name(id)
        if name == "item":
            return self._items.title(id) if self._items else id
        case = cases_of(self.library.estate).get(id)
        return case.name if case else id

    def sign(
        self, file: DocumentFile, said: Mapping[str, str], as_of: datetime, narrative: Mapping[str, str], manifest: str
    ) -> Signature:
        """Record that they stand up for an edition, with what they wrote; `manifest` is the hash they were shown.

        By that an update on an incident may be sent, and a postmortem is published, as at a shell.

        Raises:
            FreeholdError: FH-L709 it is not what they were shown; what `draft`, and `sign` of the room, raise.
        """
        made = self.draft(file, said, as_of, narrative)
        if made.manifest.hash != manifest:
            raise FreeholdError(
                "FH-L709", f"`{made.name}` has the manifest {made.manifest.hash[:12]}, and you were shown "
                f"{manifest[:12]}: the document's file or what you wrote is another.",
                fix="Show it again, read it, and sign that.",
            )  # fmt: skip
        ledger = self.library.ledger.acting(self.asked.who.caller("sign a document"))
        library = replace(self.library, ledger=ledger)
        return sign(library, lambda: Items(self.asked).work, made.manifest, narrative)


@dataclass(frozen=True, slots=True)
class Subject:
    """Something that a document may be written of: its id, and what people call it."""

    id: str
    name: str


def readable(asked: Asked) -> dict[str, DocumentFile]:
    """Return the documents that somebody may read, by id."""
    snapshot = asked.snapshot.whole or asked.snapshot
    return {id_: file for id_, file in sorted(documents_of(snapshot.estate).items()) if _may_read(asked, file)}


def _may_read(asked: Asked, file: DocumentFile) -> bool:
    if file.packed:
        return bool(asked.served.rights.may(asked.who, "administer"))
    return asked.snapshot.seen is None or file.is_of_product
