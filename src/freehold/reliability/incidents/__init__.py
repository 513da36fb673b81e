"""Incidents: one for each connected trouble, with where it began, whom it reaches and what may have done it."""

from freehold.reliability.incidents.blaming import blame
from freehold.reliability.incidents.declared import incident_findings
from freehold.reliability.incidents.drafting import AUDIENCES, approve, draft
from freehold.reliability.incidents.freezing import Frozen, frozen, notes_of
from freehold.reliability.incidents.gathering import Gathered, alerts_of, gather
from freehold.reliability.incidents.incident import Incident, Mitigation, Update, incident_of, incidents
from freehold.reliability.incidents.mitigating import Done, freeze, quarantine, roll_back, unfreeze_of
from freehold.reliability.incidents.timeline import Moment, timeline

__all__ = [
    "AUDIENCES",
    "Done",
    "Frozen",
    "Gathered",
    "Incident",
    "Mitigation",
    "Moment",
    "Update",
    "alerts_of",
    "approve",
    "blame",
    "draft",
    "freeze",
    "frozen",
    "gather",
    "incident_findings",
    "incident_of",
    "incidents",
    "notes_of",
    "quarantine",
    "roll_back",
    "timeline",
    "unfreeze_of",
]
