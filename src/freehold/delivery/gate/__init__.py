"""The gate: may this change be released, by which rule not, and whose approval does it need? Decides; asks nobody."""

from freehold.delivery.gate.approvals import Approval, Counted, counted, handles_of, needed_roles, refusal
from freehold.delivery.gate.facts import CHANGE, ESTATE, Change, Proposal, answering, change_subjects, roles_asked
from freehold.delivery.gate.verdict import Needed, Verdict, gate, verdict_on

__all__ = [
    "CHANGE",
    "ESTATE",
    "Approval",
    "Change",
    "Counted",
    "Needed",
    "Proposal",
    "Verdict",
    "answering",
    "change_subjects",
    "counted",
    "gate",
    "handles_of",
    "needed_roles",
    "refusal",
    "roles_asked",
    "verdict_on",
]
