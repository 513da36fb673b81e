"""Conditions: SQL expressions over named facts, typed before they are used and evaluated without an engine.

One language for rules, guards of workflows and filters: a small, closed part of SQL with its three-valued logic, in
which what is not known stays unknown. Whatever could read a table, the clock or chance is not part of it.
"""

from freehold.sql.conditions.compiling import FUNCTIONS, Condition, ConditionError, condition
from freehold.sql.conditions.types import FactType, Value, fits

__all__ = ["FUNCTIONS", "Condition", "ConditionError", "FactType", "Value", "condition", "fits"]
