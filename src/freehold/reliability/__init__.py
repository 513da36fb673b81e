"""Reliability: what is live is watched, and what is unusual is told."""

from freehold.reliability.anomalies import VERDICTS, Anomaly, anomalies, close, look, values_of
from freehold.reliability.judgements import Judgement
from freehold.reliability.judging import Grade
from freehold.reliability.measures import Kind, Measure
from freehold.reliability.past import past

__all__ = [
    "VERDICTS",
    "Anomaly",
    "Grade",
    "Judgement",
    "Kind",
    "Measure",
    "anomalies",
    "close",
    "look",
    "past",
    "values_of",
]
