"""Publishing a postmortem: a person signs the edition, and by that the incident ends as learned from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from freehold.foundation import Exit, FreeholdError
from freehold.reliability.learning.owed import DOCUMENT, LEARNED, actions_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from freehold.insight.documents import Library, Manifest, Signature
    from freehold.reliability.incidents import Incident
    from freehold.work import Work

_LEARN = "learn"


def publish(
    library: Library, work: Work, incident: Incident, manifest: Manifest, narrative: Mapping[str, str]
) -> Signature:
    """Sign the postmortem of an incident as the caller, and end its clock. Done again, it goes on where it stood.

    Args:
        library: the documents of the estate, with the ledger of whoever signs.
        work: as they may move items.
        incident: that is over.
        manifest: of the edition.
        narrative: what a person wrote in it.

    Raises:
        FreeholdError: FH-E381 nothing was agreed on; FH-E382 the edition is of something else, or the incident is not
            over; FH-W104 the caller holds no role for it; what `Library.sign` and `Work.move` raise.
    """
    item, actions = work.item(incident.id), [one.id for one in actions_of(work, incident.id)]
    if (manifest.document, manifest.parameters.get("item")) != (DOCUMENT, incident.id):
        fix = f"Write that first: `freehold postmortem write {incident.id}`."
        problem = f"`{manifest.edition}` is not the postmortem of `{incident.id}`."
        raise FreeholdError("FH-E382", problem, fix=fix, exit_code=Exit.USAGE)
    if not actions:
        raise FreeholdError(
            "FH-E381", f"Nothing was agreed on after `{incident.id}`: it would come again.",
            fix=f"`freehold postmortem act {incident.id} 'Check …' --owner user:idp/ana --due 2026-12-01`.",
        )  # fmt: skip
    if item.state != LEARNED:
        _expect_over(work, incident)
    signed = next((s for s in library.signatures(DOCUMENT) if s.manifest == manifest.hash), None)
    found = signed or library.sign(manifest, narrative)
    if item.state != LEARNED:
        work.move(incident.id, _LEARN, fields={"actions": actions})
    return found


def _expect_over(work: Work, incident: Incident) -> None:
    """Make sure that the caller may end an incident as learned from, before anything is signed."""
    way = next((one for one in work.ways(work.item(incident.id)) if one.move.name == _LEARN), None)
    if way is None:
        problem = f"`{incident.id}` is {incident.state}: what it taught is published once it is resolved."
        raise FreeholdError("FH-E382", problem, fix=f"`freehold incidents show {incident.id}`.")
    if way.hindrance is not None:
        raise way.hindrance
