"""Incidents: one for each connected trouble, with where it began, whom it reaches and what may have done it."""

from freehold.reliability.incidents.gathering import Gathered, alerts_of, gather
from freehold.reliability.incidents.incident import Incident, Mitigation, Update, incident_of, incidents

__all__ = ["Gathered", "Incident", "Mitigation", "Update", "alerts_of", "gather", "incident_of", "incidents"]
