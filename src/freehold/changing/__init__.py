"""A change of the estate on its way: planned, judged by the gate, approved or rejected. For commands and the server."""

from freehold.changing.checking import declared_findings
from freehold.changing.deciding import Decided, approved, asked_for, expect_plan, expect_reason, rejected
from freehold.changing.judging import (
    Asked,
    Judgement,
    changes_in_plan,
    changes_of_estate,
    events_of,
    exit_code,
    expect_to_count,
    judgement,
    plan_object,
)
from freehold.changing.planning import compiled_for_plan, dashboards_of, metrics_of, planned
from freehold.changing.releasing import release

__all__ = [
    "Asked",
    "Decided",
    "Judgement",
    "approved",
    "asked_for",
    "changes_in_plan",
    "changes_of_estate",
    "compiled_for_plan",
    "dashboards_of",
    "declared_findings",
    "events_of",
    "exit_code",
    "expect_plan",
    "expect_reason",
    "expect_to_count",
    "judgement",
    "metrics_of",
    "plan_object",
    "planned",
    "rejected",
    "release",
]
