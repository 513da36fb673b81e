"""Trackers: Jira, Linear and ServiceNow stay what they are, and their issues are work items, whose state they rule.

A system is a module with three functions (see `systems.py`): which issues changed since, what changed of each, and
telling an issue which item it is. What comes of it is decided in the room `work`.
"""

from freehold.connect.trackers.declared import Tracker, tracker_findings, trackers_of
from freehold.connect.trackers.syncing import Synced, Syncing

__all__ = ["Synced", "Syncing", "Tracker", "tracker_findings", "trackers_of"]
