"""The demo's postmortem: written from evidence, with what its owner says of it, and signed, as anybody's is.

The owner's words are a script, of what a change can do that nobody sees in review; what it did, to whom and for how
long is told by evidence, and so is the rule that was missing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from freehold.demo.people import OWNER
from freehold.foundation import FreeholdError
from freehold.reliability.learning import DOCUMENT, guardrail_for, publish

if TYPE_CHECKING:
    from freehold.demo.replay import Stage
    from freehold.reliability.incidents import Incident
    from freehold.work import Work

_NO_RULE = "FH-E384"
_SAID = {
    "summary": "A change of a model left out the lines of guests, who have no number. Every check passed, so it went "
    "live, and readers saw less revenue than there was. It was taken back in one step, and mended the same day.",
    "causes": "The change was reviewed and approved by what its title said. No check said how many lines have no "
    "customer, so none could fail when there were none of those any more.",
    "well": "What is usual of a batch is known, so it was found by the run that built it, with the change as its first "
    "suspect. Readers were told before they asked.",
    "badly": "How many rows the change would take away could have been seen before it was approved, and nobody looked.",
}
_LESSON = "A share that falls to nothing is as odd as one that is too large."


def write_postmortem(stage: Stage, work: Work, incident: Incident) -> None:
    """Write the postmortem of an incident and sign it, by which it ends as learned from.

    Args:
        stage: whose incident it is.
        work: items, as the owner moves them.
        incident: of which it tells; something was agreed on after it.
    """
    library = stage.library(OWNER)
    narrative = {**_SAID, "lessons": " ".join((_LESSON, *_missing(stage, incident)))}
    edition = library.write(DOCUMENT, {"item": incident.id}, narrative=narrative)
    publish(library, work, incident, edition.manifest, narrative)


def _missing(stage: Stage, incident: Incident) -> tuple[str, ...]:
    """Return what is said for the rule that was missing; nothing where none can be drawn."""
    try:
        found = guardrail_for(stage.estate, stage.ledger, stage.delivery.env, incident)
    except FreeholdError as error:
        if error.code != _NO_RULE:
            raise
        return ()
    return (f"A rule of {found.asset} was missing, and is proposed.", found.why)
