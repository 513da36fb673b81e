"""Decisions: MADR files of the estate, checked where they lie, and recorded once they are in force."""

from freehold.work.decisions.checking import decision_findings
from freehold.work.decisions.decision import Decision, decision_named, decisions_of
from freehold.work.decisions.described import decision_object
from freehold.work.decisions.recording import RECORDED, recordings

__all__ = [
    "RECORDED",
    "Decision",
    "decision_findings",
    "decision_named",
    "decision_object",
    "decisions_of",
    "recordings",
]
