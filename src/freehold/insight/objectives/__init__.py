"""Objectives: key results are metrics, measured by the metrics engine and recorded; nobody types one in."""

from freehold.insight.objectives.checking import condition_findings, objective_findings
from freehold.insight.objectives.declared import (
    Investment,
    KeyResult,
    Objective,
    cases_of,
    objective_named,
    objectives_of,
)
from freehold.insight.objectives.described import objective_object, said_of
from freehold.insight.objectives.measuring import Measured, Measuring, events_of
from freehold.insight.objectives.standing import Standing, State, linked_items, standings

__all__ = [
    "Investment",
    "KeyResult",
    "Measured",
    "Measuring",
    "Objective",
    "Standing",
    "State",
    "cases_of",
    "condition_findings",
    "events_of",
    "linked_items",
    "objective_findings",
    "objective_named",
    "objective_object",
    "objectives_of",
    "said_of",
    "standings",
]
