"""Updates on an incident: drafted from evidence for who reads them, and sent nowhere before a person approves one."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from freehold.foundation import Exit, FreeholdError, near
from freehold.insight.documents.manifest import digest
from freehold.insight.documents.signing import told_once
from freehold.ledger.canonical import canonical
from freehold.ledger.event import Event

if TYPE_CHECKING:
    from collections.abc import Mapping

    from freehold.insight.documents import Edition, Library, Manifest, Signature
    from freehold.ledger import Ledger
    from freehold.reliability.incidents.incident import Incident

DOCUMENT = "incident-update"
AUDIENCES = ("engineers", "executives", "customers")
NEXT = "next"  # the part of it that a person writes
_COMMS, _TOLD = "incident.comms", "incident.updated"


def draft(library: Library, incident: Incident, audience: str, coming: str = "") -> Edition:
    """Return an update as it would be sent now.

    Args:
        library: the documents of the estate.
        incident: of which it tells.
        audience: engineers, executives or customers.
        coming: what is done now, and when readers hear more: the one thing no evidence tells.

    Raises:
        FreeholdError: FH-E354 there are no such readers; what writing a document comes to.
    """
    if audience not in AUDIENCES:
        fix = near(audience, AUDIENCES) or f"There are: {', '.join(AUDIENCES)}."
        raise FreeholdError("FH-E354", f"No update is for `{audience}`.", fix=fix, exit_code=Exit.USAGE)
    return library.write(DOCUMENT, {"item": incident.id, "reader": audience}, narrative={NEXT: coming})


def approve(library: Library, incident: Incident, audience: str, coming: str) -> Edition:
    """Stand up for an update as the caller, and put it where it may be sent from. It is signed as any document is.

    What was told last, in the same words and with nothing new to it, is not told again.

    Raises:
        FreeholdError: FH-E355 nobody wrote what comes next; FH-O115 the caller is not among those who sign it; what
            `draft` raises.
    """
    _expect_written({NEXT: coming})
    edition = draft(library, incident, audience, coming)
    library.expect_signer(edition.manifest)
    if library.ledger.get(_told_as(library.ledger, edition.manifest)) is None:
        stand_up(library, incident, edition.manifest, {NEXT: coming.strip()})
    return edition


def stand_up(library: Library, incident: Incident, manifest: Manifest, narrative: Mapping[str, str]) -> Signature:
    """Sign an update that was drafted, and put it where it may be sent from; signed again, it stays what it is.

    Raises:
        FreeholdError: FH-E355 nobody wrote what comes next; what `Library.sign` raises.
    """
    _expect_written(narrative)
    signature = library.sign(manifest, narrative)
    edition, _ = library.again(manifest, narrative)
    said = {"incident": incident.id, "audience": manifest.parameters["reader"]}
    id_ = _told_as(library.ledger, manifest)
    event = Event(_TOLD, said, id_, subject=incident.id, product=incident.product, correlation_id=incident.id)
    told_once(library.ledger, event, "comms", _COMMS, edition.markdown)
    return signature


def _expect_written(narrative: Mapping[str, str]) -> None:
    if not narrative.get(NEXT, "").strip():
        raise FreeholdError(
            "FH-E355", "An update says what is done now, and when readers hear more; nobody wrote that.",
            fix="Say it: `--next 'We go back to yesterday; next word at noon.'`, or as `next` in the narrative.",
            exit_code=Exit.USAGE,
        )  # fmt: skip


def _told_as(ledger: Ledger, manifest: Manifest) -> str:
    """Return the id under which an update is told: that of what it says, after what was told when it was written.

    It is the same for an edition that is signed again, for two that say the same at once, and for one that says only
    what was told last. The same after something else was told is news.
    """
    incident, reader = manifest.parameters["item"], manifest.parameters["reader"]
    read = ledger.read(types=(_TOLD,), subject=incident, upto=manifest.seq)
    told = ["", "", *(event.id for event in read if event.data.get("comms") and event.data.get("audience") == reader)]
    facts = {name: asdict(fact) for name, fact in manifest.facts.items()}
    says = [incident, reader, manifest.template, facts, dict(manifest.narrative)]
    before, last = (f"told-{digest(canonical([*says, one]))}" for one in told[-2:])
    return before if before == told[-1] else last
