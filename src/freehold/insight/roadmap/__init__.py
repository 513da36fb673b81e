"""The roadmap: what is promised for when, what is at risk, in which order, and what was decided against."""

from freehold.insight.roadmap.board import Board, Horizon, Kept, Planning, Promise, end_of
from freehold.insight.roadmap.described import board_object, promise_object, ranked_object
from freehold.insight.roadmap.estimating import PARTS, consumers_of
from freehold.insight.roadmap.exporting import as_csv, as_markdown
from freehold.insight.roadmap.ranking import Estimate, Range, Ranked, ranked
from freehold.insight.roadmap.roadmap import Roadmap

__all__ = [
    "PARTS",
    "Board",
    "Estimate",
    "Horizon",
    "Kept",
    "Planning",
    "Promise",
    "Range",
    "Ranked",
    "Roadmap",
    "as_csv",
    "as_markdown",
    "board_object",
    "consumers_of",
    "end_of",
    "promise_object",
    "ranked",
    "ranked_object",
]
