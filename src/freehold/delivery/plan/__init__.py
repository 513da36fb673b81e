"""What a change of the estate would do, before anything is done: a value that the terminal, CI and runs all share."""

from freehold.delivery.plan.changes import Action, ChangeClass, Difference
from freehold.delivery.plan.findings import column_findings
from freehold.delivery.plan.meanings import KeptMeanings, meanings_of
from freehold.delivery.plan.past import NO_PAST, Past, Reader, past_of
from freehold.delivery.plan.planning import AssetChange, Join, Plan, plan
from freehold.delivery.plan.reached import Reached, Touch, Verdict
from freehold.delivery.plan.versions import Version, at_revision, deployed

__all__ = [
    "NO_PAST",
    "Action",
    "AssetChange",
    "ChangeClass",
    "Difference",
    "Join",
    "KeptMeanings",
    "Past",
    "Plan",
    "Reached",
    "Reader",
    "Touch",
    "Verdict",
    "Version",
    "at_revision",
    "column_findings",
    "deployed",
    "meanings_of",
    "past_of",
    "plan",
]
