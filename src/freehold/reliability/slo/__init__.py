"""SLOs: how often promises are kept, what is left of their error budgets, and what is due and has not come."""

from freehold.reliability.slo.attaining import Attainment, attainment, attainments
from freehold.reliability.slo.declared import Indicator, Slo, slo_findings, slo_named, slos_of
from freehold.reliability.slo.followed import Followed
from freehold.reliability.slo.watch import Watch, signals

__all__ = [
    "Attainment",
    "Followed",
    "Indicator",
    "Slo",
    "Watch",
    "attainment",
    "attainments",
    "signals",
    "slo_findings",
    "slo_named",
    "slos_of",
]
