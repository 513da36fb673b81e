"""Reliability: what is live is watched, and what is unusual is told."""

from freehold.reliability.anomalies import VERDICTS, Anomaly, anomalies, close, look
from freehold.reliability.judging import Grade
from freehold.reliability.measures import Kind, Measure

__all__ = ["VERDICTS", "Anomaly", "Grade", "Kind", "Measure", "anomalies", "close", "look"]
