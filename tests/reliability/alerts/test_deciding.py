"""Whether somebody is paged is a pure decision, with its reason."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from freehold.reliability.alerts.deciding import IN_TIME, TOGETHER, Known, Other, decide
from freehold.reliability.signals import Signal, SignalKind

case = pytest.param
NOW = datetime(2026, 11, 2, 8, tzinfo=UTC)
SIGNAL = Signal(SignalKind.CHECK, "a.b.c", "a.b", "rows", NOW, NOW, "e", "too few")
HELD, BREACH = replace(SIGNAL, is_held=True), replace(SIGNAL, is_breach=True)
ANOMALY = replace(SIGNAL, kind=SignalKind.ANOMALY, monitor="rows")
CHECK = Other("other", "a.b.up", SignalKind.CHECK, is_paging=False, since=NOW)
PAGING = replace(CHECK, is_paging=True)


def off(deviations: float) -> Signal:
    """Return an anomaly so many deviations off."""
    return replace(ANOMALY, deviations=deviations)


@pytest.mark.parametrize(
    ("signal", "known", "page", "severity", "why"),
    [
        case(BREACH, Known(3, NOW), True, "critical", "contract is broken", id="a broken contract pages"),
        case(replace(BREACH, kind=SignalKind.SLO), Known(3, NOW), True, "critical", "An SLO", id="so an SLO"),
        case(HELD, Known(1, NOW), False, "warning", "kept from it", id="what is held back does not"),
        case(SIGNAL, Known(1, NOW), False, "info", "no promise", id="nor a warning"),
        case(off(6.0), Known(1, NOW), True, "critical", "6.0 deviations", id="six deviations in tier 1 page"),
        case(off(-7.0), Known(1, NOW), True, "critical", "7.0 deviations", id="below as above"),
        case(off(5.9), Known(1, NOW), False, "info", "nothing else", id="a little less does not"),
        case(off(9.0), Known(2, NOW), False, "warning", "tier 2", id="nor in another tier"),
        case(off(3.0), Known(2, NOW, path=(CHECK,)), True, "warning", "Two signals", id="two of a path page"),
        case(SIGNAL, Known(2, NOW, path=(CHECK,)), False, "info", "no promise", id="two checks are one"),
        case(replace(SIGNAL, kind=SignalKind.LATE), Known(2, NOW, path=(replace(CHECK, kind=SignalKind.RUN),)),
                     False, "warning", "no promise", id="what failed is late, too"),
        case(off(3.0), Known(2, NOW, path=(PAGING,)), False, "info", "pages already", id="one page a path"),
        case(BREACH, Known(2, NOW, path=(PAGING,)), True, "critical", "contract", id="a breach pages still"),
        case(off(3.0), Known(2, NOW, path=(replace(CHECK, since=NOW - TOGETHER * 2),)), False, "info",
                     "nothing else", id="what was seen days ago is another trouble"),
        case(BREACH, Known(1, NOW + IN_TIME), True, "critical", "contract", id="four hours later it still pages"),
        case(BREACH, Known(1, NOW + IN_TIME + timedelta(seconds=1)), False, "critical", "not in time",
                     id="history pages nobody"),
        case(BREACH, Known(1, NOW, demoted="Its monitor is demoted."), False, "critical", "demoted",
                     id="a demoted monitor pages nobody"),
    ],
)  # fmt: skip
def test_a_decision(signal: Signal, known: Known, page: bool, severity: str, why: str) -> None:
    """Only a broken promise, what is far off in the first tier, or two signals that agree page somebody."""
    found = decide(signal, known)

    assert (found.page, found.severity) == (page, severity)
    assert why in found.why
