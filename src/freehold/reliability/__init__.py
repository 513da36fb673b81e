"""Reliability: what is live is watched, and what is unusual or wrong is told."""

from freehold.reliability.anomalies import VERDICTS, Anomaly, anomalies, anomaly, close, look, values_of
from freehold.reliability.judgements import Judgement
from freehold.reliability.judging import Grade
from freehold.reliability.measures import Kind, Measure
from freehold.reliability.past import past
from freehold.reliability.watching import Watched, watch

__all__ = [
    "VERDICTS",
    "Anomaly",
    "Grade",
    "Judgement",
    "Kind",
    "Measure",
    "Watched",
    "anomalies",
    "anomaly",
    "close",
    "look",
    "past",
    "values_of",
    "watch",
]
