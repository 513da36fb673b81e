"""Signing a document: by that an update on an incident may be sent, and a postmortem is published."""

from __future__ import annotations

from typing import TYPE_CHECKING

from freehold.reliability.incidents import drafting, incident_of
from freehold.reliability.learning import DOCUMENT, publishing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from freehold.insight.documents import Library, Manifest, Signature
    from freehold.work import Work


def sign(library: Library, work: Callable[[], Work], manifest: Manifest, narrative: Mapping[str, str]) -> Signature:
    """Record that the caller stands up for an edition, and do what that says.

    Args:
        library: the documents of the estate, with the ledger of whoever signs.
        work: makes the work items as they may move them; called only where the document is of one.
        manifest: of the edition.
        narrative: what they wrote in it.

    Raises:
        FreeholdError: what `Library.sign` and, of a postmortem, `publish` raise.
    """
    if manifest.document not in (drafting.DOCUMENT, DOCUMENT):
        return library.sign(manifest, narrative)
    incident = incident_of(library.ledger, manifest.parameters["item"])
    if manifest.document == drafting.DOCUMENT:
        return drafting.stand_up(library, incident, manifest, narrative)
    return publishing.publish(library, work(), incident, manifest, narrative)
