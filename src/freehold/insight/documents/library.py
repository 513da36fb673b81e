"""The documents of one estate with its ledger: write one, write one again, sign what was written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from freehold.delivery.plan.versions import deployed
from freehold.foundation import FreeholdError
from freehold.insight.documents.declared import DocumentFile, document_named, documents_of
from freehold.insight.documents.items import ItemsThen
from freehold.insight.documents.manifest import Manifest, differences, digest
from freehold.insight.documents.package import with_events
from freehold.insight.documents.signing import expect_signer, signers, told_once
from freehold.insight.documents.writing import Edition, Setting, checked, edition_of
from freehold.insight.kpi import Asking
from freehold.insight.objectives import cases_of
from freehold.insight.registry import Kpi, kpis_of
from freehold.ledger import Event, Withheld
from freehold.work.clocks import working_time

if TYPE_CHECKING:
    from freehold.estate.model import Estate
    from freehold.ledger import Evidence, Ledger, Recorded

SIGNED = "document.signed"
_NARRATIVE = "narrative"


@dataclass(frozen=True)
class Signature:
    """That a person stood up for an edition: `narrative` is where what they wrote is kept, empty where nothing was."""

    document: str
    edition: str
    manifest: str
    parameters: Mapping[str, str]
    as_of: datetime
    seq: int
    signer: str
    signed_at: datetime
    narrative: str = ""


@dataclass(frozen=True)
class Library:
    """The documents of an estate, written from its ledger, in one environment.

    Attributes:
        withheld: what of the evidence is not for whoever reads them.
    """

    estate: Estate
    ledger: Ledger
    env: str
    withheld: Withheld = field(default_factory=Withheld)
    _thens: dict[int, ItemsThen | None] = field(default_factory=dict, init=False, compare=False, repr=False)

    @cached_property
    def files(self) -> Mapping[str, DocumentFile]:
        """The documents there are, by id."""
        return documents_of(self.estate)

    @cached_property
    def kpis(self) -> Mapping[str, Kpi]:
        """The KPIs that documents may show."""
        return kpis_of(self.estate)

    @cached_property
    def asking(self) -> Asking:
        """How its KPIs and periods are asked."""
        zone = str(self.estate.defaults.get("timezone", "UTC"))
        return Asking(self.env, zone, None, working_time(self.estate))

    def file(self, id: str) -> DocumentFile:
        """Return a document's file.

        Raises:
            FreeholdError: FH-O101 there is none.
        """
        return document_named(self.files, id)

    def write(
        self, id: str, said: Mapping[str, str], as_of: datetime | None = None,
        narrative: Mapping[str, str] | None = None,
    ) -> Edition:  # fmt: skip
        """Write an edition as of a moment; default: now.

        Raises:
            FreeholdError: FH-O101, FH-L405 a fact asks for what is withheld, and what `edition_of` raises.
        """
        file = self.file(id)
        with self.ledger.evidence(as_of or self.ledger.clock.now(), self.withheld) as evidence:
            made = edition_of(file, evidence, self._setting(file, evidence), said, narrative)
        return with_events(file, made, self.ledger)

    def items(self, as_of: datetime) -> ItemsThen | None:
        """Return the work items as they stood by a moment; None where no estate was in force."""
        return self._then(self.ledger.sequence_as_of(as_of))

    def again(self, manifest: Manifest, narrative: Mapping[str, str]) -> tuple[Edition, tuple[str, ...]]:
        """Write an edition again from its manifest, and return it with what is otherwise than it was.

        Raises:
            FreeholdError: the document is gone, or cannot be written any more.
        """
        made = self.write(manifest.document, manifest.parameters, manifest.as_of, narrative)
        return made, tuple(differences(manifest, made.manifest))

    def sign(self, manifest: Manifest, narrative: Mapping[str, str]) -> Signature:
        """Record that the caller stands up for an edition, by the hash of its manifest; once, however often they sign.

        Who may is judged by the estate in force, not by files that nobody approved.

        Raises:
            FreeholdError: FH-O115 they are not among those who sign it; FH-O112 what it says is not what the ledger
                says; FH-O113 nobody wrote a part of it.
        """
        self.expect_signer(manifest)
        written = checked(self.file(manifest.document), narrative)
        if missing := [part for part in self.file(manifest.document).narrative if part not in written]:
            raise FreeholdError(
                "FH-O113", f"Nobody wrote {', '.join(f'`{part}`' for part in missing)} of `{manifest.edition}`.",
                fix="Write it in the narrative beside the manifest, render again, and sign that.",
            )  # fmt: skip
        _, wrong = self.again(manifest, written)
        if wrong:
            raise FreeholdError(
                "FH-O112", f"`{manifest.edition}` is not what would be written now: {wrong[0]}",
                fix="Render it again, read it, and sign that.",
            )  # fmt: skip
        said = {
            "document": manifest.document, "edition": manifest.edition, "manifest": manifest.hash,
            "parameters": dict(manifest.parameters), "as_of": manifest.as_of, "until": manifest.seq,
        }  # fmt: skip
        id_ = "signed-" + digest("\n".join((self.env, manifest.hash, self.ledger.caller.principal)))
        event = Event(SIGNED, said, id_, env=self.env, product=self._product(manifest))
        return _signature(told_once(self.ledger, event, "narrative", _NARRATIVE, written))

    def expect_signer(self, manifest: Manifest) -> None:
        """Make sure that the caller may sign an edition.

        Raises:
            FreeholdError: FH-O115 they are not among those who sign it.
        """
        expect_signer(
            self._in_force(self.file(manifest.document)), self._law, self._product(manifest), self.ledger.caller
        )

    def signers(self, manifest: Manifest) -> frozenset[str]:
        """Return the principals and groups that may sign an edition."""
        return signers(self._in_force(self.file(manifest.document)), self._law, self._product(manifest))

    def signatures(self, document: str = "") -> tuple[Signature, ...]:
        """Return what was signed, the newest first."""
        events = self.ledger.read(types=(SIGNED,), env=self.env, newest_first=True)
        return tuple(s for s in map(_signature, events) if document in ("", s.document))

    def narrative_of(self, signature: Signature) -> dict[str, str]:
        """Return what a person wrote in an edition that was signed; nothing where that was erased."""
        kept = self.ledger.side.get(signature.narrative) if signature.narrative else None
        return dict(kept.payload) if kept is not None else {}

    def subjects(self, file: DocumentFile, as_of: datetime) -> Mapping[str, Sequence[str]]:
        """Return what a document may be written of by a moment: products, work items, cases, by parameter."""
        then = self.items(as_of) if file.subjects else None
        return _subjects(file, then) if then else {}

    @cached_property
    def _law(self) -> Estate:
        """The estate in force, by which it is judged who signs."""
        applied = deployed(self.ledger, self.estate.root, self.env)
        return applied.estate if applied else self.estate

    def _in_force(self, file: DocumentFile) -> DocumentFile:
        return documents_of(self._law).get(file.id, file)

    def _product(self, manifest: Manifest) -> str:
        """Return the product that an edition is of, itself or by its work item; empty where it is of none."""
        item = manifest.parameters.get("item", "")
        then = self._then(manifest.seq) if item else None
        return manifest.parameters.get("product", "") or (then.product(item) if then else "")

    def _then(self, upto: int) -> ItemsThen | None:
        """Return the work items as they stood by a number of the ledger, and with them the estate that was in force."""
        if upto not in self._thens:
            applied = deployed(self.ledger, self.estate.root, self.env, upto)
            self._thens[upto] = ItemsThen(applied.estate, self.ledger, self.env, upto) if applied else None
        return self._thens[upto]

    def _setting(self, file: DocumentFile, evidence: Evidence) -> Setting:
        wants_estate = bool(file.subjects) or any(
            f.estate or f.item or f.titles or f.words for f in file.facts.values()
        )
        then = self._then(evidence.seq) if wants_estate else None
        if then is None:
            return Setting(self.kpis, self.asking)
        return Setting(self.kpis, self.asking, then.estate, _subjects(file, then), then)


def _subjects(file: DocumentFile, then: ItemsThen) -> Mapping[str, Sequence[str]]:
    there: Mapping[str, Callable[[], Iterable[str]]] = {
        "product": lambda: sorted(then.estate.products), "item": lambda: then.of_types(file.items),
        "case": lambda: cases_of(then.estate),
    }  # fmt: skip
    return {name: tuple(there[name]()) for name in file.subjects}


def _signature(event: Recorded) -> Signature:
    said: Mapping[str, Any] = event.data
    return Signature(
        document=said["document"],
        edition=said["edition"],
        manifest=said["manifest"],
        parameters=said["parameters"],
        as_of=datetime.fromisoformat(said["as_of"]),
        seq=said["until"],
        signer=event.actor,
        signed_at=event.occurred_at,
        narrative=said.get("narrative") or "",
    )


def latest(signatures: tuple[Signature, ...]) -> Iterator[Signature]:
    """Yield the newest signature of each edition."""
    seen: set[str] = set()
    for signature in signatures:
        if signature.edition not in seen:
            seen.add(signature.edition)
            yield signature
