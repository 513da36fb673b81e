"""Contracts to checks to one planned pass per table.

`compile_checks` draws every claim from a contract, `CheckPlan` decides how to settle them with the least work, and
`CheckPlan.evaluate` settles them on a candidate or on what is live. The room decides and measures; whether a verdict
stops a publication is for `delivery` to say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from freehold.quality.model import Check, Result, Verdict
from freehold.quality.state import ColumnProfile, TableState

if TYPE_CHECKING:
    from freehold.quality.asking import check_findings
    from freehold.quality.compiling import compile_checks, references_of
    from freehold.quality.plan import CheckPlan, Evaluation, Scope
    from freehold.quality.samples import failing_samples
    from freehold.quality.strategy import PlannedCheck

# The planner imports sqlglot (0.3 s of CPU); `freehold --help` and readers of verdicts never need it.
_LAZY = {
    "check_findings": "asking",
    "compile_checks": "compiling",
    "references_of": "compiling",
    "CheckPlan": "plan",
    "Evaluation": "plan",
    "PlannedCheck": "strategy",
    "Scope": "plan",
    "failing_samples": "samples",
}

__all__ = [
    "Check",
    "CheckPlan",
    "ColumnProfile",
    "Evaluation",
    "PlannedCheck",
    "Result",
    "Scope",
    "TableState",
    "Verdict",
    "check_findings",
    "compile_checks",
    "failing_samples",
    "references_of",
]


def __getattr__(name: str) -> object:
    """Import the planner when somebody first asks for it."""
    if name in _LAZY:
        from importlib import import_module

        return getattr(import_module(f"freehold.quality.{_LAZY[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
