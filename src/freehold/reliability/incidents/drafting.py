"""Updates on an incident: drafted from evidence for who reads them, and sent nowhere before a person approves one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from freehold.foundation import Exit, FreeholdError, near
from freehold.ledger.event import Event

if TYPE_CHECKING:
    from collections.abc import Mapping

    from freehold.insight.documents import Edition, Library, Manifest, Signature
    from freehold.reliability.incidents.incident import Incident

DOCUMENT = "incident-update"
AUDIENCES = ("engineers", "executives", "customers")
NEXT = "next"  # the part of it that a person writes
_COMMS = "incident.comms"


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

    Raises:
        FreeholdError: FH-E355 nobody wrote what comes next; FH-O115 the caller is not among those who sign it; what
            `draft` raises.
    """
    if not coming.strip():
        raise FreeholdError(
            "FH-E355", "An update says what is done now, and when readers hear more; nobody wrote that.",
            fix="Say it: `--next 'We go back to yesterday; next word at noon.'`.", exit_code=Exit.USAGE,
        )  # fmt: skip
    edition = draft(library, incident, audience, coming)
    stand_up(library, incident, edition.manifest, {NEXT: coming.strip()})
    return edition


def stand_up(library: Library, incident: Incident, manifest: Manifest, narrative: Mapping[str, str]) -> Signature:
    """Sign an update that was drafted, and put it where it may be sent from.

    Raises:
        FreeholdError: what `Library.sign` raises.
    """
    signature, ledger = library.sign(manifest, narrative), library.ledger
    edition, _ = library.again(manifest, narrative)
    kept = ledger.side.put(_COMMS, edition.markdown, subject=incident.id)
    said = {"incident": incident.id, "comms": kept, "audience": manifest.parameters["reader"]}
    ledger.append(
        Event("incident.updated", said, subject=incident.id, product=incident.product, correlation_id=incident.id)
    )
    return signature
