"""M3, work items: state machines from files, moves as events, roles through teams, clocks on calendars.

A room above registers what is done when an item enters a state; nothing here knows what a document or a message is.
"""

from freehold.work.checking import workflow_findings
from freehold.work.clocks import Clock, Span, WorkingTime, clocks, span, working_time
from freehold.work.deciding import Way
from freehold.work.entering import expected, from_words
from freehold.work.following import Following
from freehold.work.inbox import Asks, Waiting, first_clock, inbox, waiting
from freehold.work.item import EVENTS, Comment, Item, Link, Passage, Tracked, fold
from freehold.work.linking import RELATIONS, Related
from freehold.work.roles import Raci
from freehold.work.service import Moved, Work
from freehold.work.shipped import shipped, workflows_of
from freehold.work.tracking import Change, Mirrored, Told, Tracking

__all__ = [
    "EVENTS",
    "RELATIONS",
    "Asks",
    "Change",
    "Clock",
    "Comment",
    "Following",
    "Item",
    "Link",
    "Mirrored",
    "Moved",
    "Passage",
    "Raci",
    "Related",
    "Span",
    "Told",
    "Tracked",
    "Tracking",
    "Waiting",
    "Way",
    "Work",
    "WorkingTime",
    "clocks",
    "expected",
    "first_clock",
    "fold",
    "from_words",
    "inbox",
    "shipped",
    "span",
    "waiting",
    "workflow_findings",
    "workflows_of",
    "working_time",
]
