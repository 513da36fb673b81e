"""Learning: the postmortem that is owed of an incident, what follows from it, and the guardrail that was missing."""

from freehold.reliability.learning.guardrail import Guardrail, expect_loads, guardrail_for
from freehold.reliability.learning.owed import DOCUMENT, Action, Postmortem, act, actions_of, postmortem_of, postmortems
from freehold.reliability.learning.publishing import publish

__all__ = [
    "DOCUMENT",
    "Action",
    "Guardrail",
    "Postmortem",
    "act",
    "actions_of",
    "expect_loads",
    "guardrail_for",
    "postmortem_of",
    "postmortems",
    "publish",
]
