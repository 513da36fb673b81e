"""How bad: each factor gives points and says why, and only what readers see wrong is of the worst."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from freehold.reliability.alerts.alert import Alert
from freehold.reliability.incidents.severity import Severity, of_budget, severity
from freehold.reliability.signals import SignalKind

NOW = datetime(2024, 3, 4, 6, tzinfo=UTC)
ALERT = Alert("a", "x.y.z", "x.y", SignalKind.CHECK, "m", NOW, NOW, 1, is_breach=True)
WORST: dict[str, Any] = {"tier": 1, "readers": 40, "due": NOW + timedelta(hours=1), "budget": 0.0, "now": NOW}


def _severity(alert: Alert, **said: Any) -> Severity:
    told = {**WORST, **said}
    return severity([alert], **{**told, "budget": of_budget(told["budget"])})


@pytest.mark.parametrize(
    ("alert", "said", "sev"),
    [
        pytest.param({}, {}, 1, id="a broken promise on the first tier that many read"),
        pytest.param({"is_held": True}, {}, 2, id="the same, kept from readers"),
        pytest.param({"kind": SignalKind.LATE}, {}, 2, id="the same, late"),
        pytest.param({}, {"tier": 3, "readers": 0, "budget": None, "due": None}, 3, id="nobody reads it"),
        pytest.param({"is_held": True}, {"tier": 3, "readers": 0, "budget": None, "due": None}, 4, id="a held nothing"),
        pytest.param({}, {"tier": None, "readers": 1, "budget": 0.9, "due": None}, 3, id="of no tier"),
    ],
)
def test_severity(alert: dict[str, Any], said: dict[str, Any], sev: int) -> None:
    """A table of what it comes to."""
    from dataclasses import replace

    found = _severity(replace(ALERT, **alert), **said)
    assert found.sev == sev
    assert [one.name for one in found.factors] == ["tier", "kind", "consumers", "deadline", "error budget"]
    assert all(one.said for one in found.factors)


def test_no_factor_makes_it_less_bad() -> None:
    """More readers, a nearer deadline, less budget, a higher tier: never a milder severity."""
    for name, values in {"tier": (None, 3, 2, 1), "readers": (0, 1, 10), "budget": (None, 0.9, 0.1, -1.0)}.items():
        sevs = [_severity(ALERT, **{name: value}).sev for value in values]
        assert sevs == sorted(sevs, reverse=True), name
