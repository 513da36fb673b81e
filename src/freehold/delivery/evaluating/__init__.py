"""The rules of an estate, evaluated over what its files say and the ledger tells, and recorded when a result changes.

What a fact stands on is said here; what follows from facts, the room `rules` decides.
"""

from freehold.delivery.evaluating.recording import Evaluated, evaluate_after, evaluate_touched, evaluate_whole
from freehold.delivery.evaluating.scorecard import Row, Scorecard, scorecards, wanted
from freehold.delivery.evaluating.subjects import OVER_ESTATE, TABLES, Subjects

__all__ = [
    "OVER_ESTATE",
    "TABLES",
    "Evaluated",
    "Row",
    "Scorecard",
    "Subjects",
    "evaluate_after",
    "evaluate_touched",
    "evaluate_whole",
    "scorecards",
    "wanted",
]
