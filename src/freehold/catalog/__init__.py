"""The catalog: everything the estate has, found by any of its names, with what it goes into and comes from.

A projection of git, ledger and lineage, and nothing is only in it: dropped, it is made anew.
"""

from freehold.catalog.answering import answers
from freehold.catalog.asking import Found, Hit, Question, Stage
from freehold.catalog.bound import Seen
from freehold.catalog.catalog import Catalog, Standing, Told
from freehold.catalog.consuming import Consumer
from freehold.catalog.entry import KINDS, Allowed, Description, Key
from freehold.catalog.happening import Readers, Use
from freehold.catalog.impact import BlastRadius, Hop, Node, Reach, Step
from freehold.catalog.naming import Start
from freehold.catalog.neighbourhood import Group, Neighbourhood, Spot, Tie, View
from freehold.catalog.projecting import Written

__all__ = [
    "KINDS",
    "Allowed",
    "BlastRadius",
    "Catalog",
    "Consumer",
    "Description",
    "Found",
    "Group",
    "Hit",
    "Hop",
    "Key",
    "Neighbourhood",
    "Node",
    "Question",
    "Reach",
    "Readers",
    "Seen",
    "Spot",
    "Stage",
    "Standing",
    "Start",
    "Step",
    "Tie",
    "Told",
    "Use",
    "View",
    "Written",
    "answers",
]
