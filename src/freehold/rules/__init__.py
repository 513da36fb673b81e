"""M4, rules: conditions over the facts of subjects, with their remedies, waivers and results. Decides; acts on nothing.

A room above declares a `FactTable` for each kind of subject it knows and fills rows of it; the rest is in files.
"""

from freehold.rules.badges import KEPT, badge_events, badges_told, lapsed
from freehold.rules.checking import rule_findings
from freehold.rules.compiling import CompiledRule, compiled
from freehold.rules.evaluating import Outcome, Result, Subject, Sweep, evaluate, sweep
from freehold.rules.facts import Fact, FactTable
from freehold.rules.recording import Last, changed, ended, last_results, standing_results, swept
from freehold.rules.shipped import rule_sets_in, rule_sets_of, shipped

__all__ = [
    "KEPT",
    "CompiledRule",
    "Fact",
    "FactTable",
    "Last",
    "Outcome",
    "Result",
    "Subject",
    "Sweep",
    "badge_events",
    "badges_told",
    "changed",
    "compiled",
    "ended",
    "evaluate",
    "lapsed",
    "last_results",
    "rule_findings",
    "rule_sets_in",
    "rule_sets_of",
    "shipped",
    "standing_results",
    "sweep",
    "swept",
]
