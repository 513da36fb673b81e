"""Alerts: raised for as long as the same is wrong, told to whom it concerns, and judged in the end."""

from freehold.reliability.alerts.alert import VERDICTS, Alert, State, alert, alerts
from freehold.reliability.alerts.checking import alerting_findings
from freehold.reliability.alerts.digest import WEEK, Part, digest, in_a_line
from freehold.reliability.alerts.matching import Matcher, matcher
from freehold.reliability.alerts.outcomes import Demoted, Monitor, Name, close, judged_since, monitors, monitors_of
from freehold.reliability.alerts.quieting import Quiet, Quieting
from freehold.reliability.alerts.silences import Silence, end, silence, silences
from freehold.reliability.alerts.turn import Turn, take_turn, with_right_since
from freehold.reliability.alerts.values import expect_values

__all__ = [
    "VERDICTS", "WEEK", "Alert", "Demoted", "Matcher", "Monitor", "Name", "Part", "Quiet", "Quieting", "Silence",
    "State", "Turn", "alert", "alerting_findings", "alerts", "close", "digest", "end", "expect_values", "in_a_line",
    "judged_since", "matcher", "monitors", "monitors_of", "silence", "silences", "take_turn", "with_right_since",
]  # fmt: skip
