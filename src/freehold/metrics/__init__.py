"""Metrics: one definition of a number, compiled to SQL that cannot count a row twice."""

from __future__ import annotations

from freehold.metrics.answering import Answer, Answerer, Source
from freehold.metrics.catalogue import Catalogue
from freehold.metrics.compiling import Compiled, compiled
from freehold.metrics.estate import catalogue_of, metric_findings
from freehold.metrics.kept import KeptAnswers
from freehold.metrics.policies import policies_of, policy_findings
from freehold.metrics.query import Query, asked
from freehold.metrics.rows import Policy, Scope

__all__ = [
    "Answer",
    "Answerer",
    "Catalogue",
    "Compiled",
    "KeptAnswers",
    "Policy",
    "Query",
    "Scope",
    "Source",
    "asked",
    "catalogue_of",
    "compiled",
    "metric_findings",
    "policies_of",
    "policy_findings",
]
