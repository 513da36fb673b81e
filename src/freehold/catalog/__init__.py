"""The catalog: everything the estate has, found by any of its names, with what it goes into and comes from.

A projection of git, ledger and lineage, and nothing is only in it: dropped, it is made anew.
"""

from freehold.catalog.asking import Found, Hit, Question, Stage
from freehold.catalog.catalog import Catalog, Standing, Told
from freehold.catalog.entry import KINDS, Allowed, Description, Key
from freehold.catalog.impact import BlastRadius, Hop, Node, Reach, Step
from freehold.catalog.naming import Start
from freehold.catalog.projecting import Written

__all__ = [
    "KINDS",
    "Allowed",
    "BlastRadius",
    "Catalog",
    "Description",
    "Found",
    "Hit",
    "Hop",
    "Key",
    "Node",
    "Question",
    "Reach",
    "Stage",
    "Standing",
    "Start",
    "Step",
    "Told",
    "Written",
]
