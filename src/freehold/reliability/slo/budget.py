"""Error budgets: how much may go wrong, how much did, how fast it goes, and when nothing is left.

Of what was judged, one part in `1 / (1 - target)` may be bad: that is the budget. A burn rate of 1 uses up just that;
the highest there can be is `1 / (1 - target)`, all of it bad. Sources: Google, The Site Reliability Workbook,
chapter 5; Sloth, whose windows and shares these are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

CAP = 0.9  # of the highest burn rate there can be: what lies above it could hardly ever fire


@dataclass(frozen=True, slots=True)
class Tally:
    """How much was judged, and how much of it was bad: seconds, or a number of times."""

    bad: float = 0.0
    judged: float = 0.0

    def burn(self, target: float) -> float | None:
        """Return the burn rate; None where nothing was judged."""
        return self.bad / (self.judged * (1 - target)) if self.judged else None


@dataclass(frozen=True, slots=True)
class Budget:
    """The error budget of a window of time."""

    target: float
    tally: Tally

    @property
    def allowed(self) -> float:
        """How much may be bad of what was judged."""
        return self.tally.judged * (1 - self.target)

    @property
    def burnt(self) -> float | None:
        """The share of the budget that is used up, over 1 where it is overdrawn; None where nothing was judged."""
        return self.tally.burn(self.target)

    @property
    def left(self) -> float:
        """How much more may be bad; below 0 where it is overdrawn."""
        return self.allowed - self.tally.bad

    @property
    def is_gone(self) -> bool:
        """Whether nothing is left of it, and something was bad."""
        return self.tally.bad > 0 and self.left <= 0


@dataclass(frozen=True, slots=True)
class Burning:
    """A rule of two windows: the long one says that it matters, the short one that it goes on.

    Attributes:
        share: of the budget of the whole window of the SLO, used up in the long one at the threshold.
        threshold: the burn rate from which on it fires, in both windows.
        is_urgent: whether somebody should look now, and not in the course of days.
    """

    long: timedelta
    short: timedelta
    share: float
    threshold: float
    is_urgent: bool


_RULES = (
    (timedelta(hours=1), timedelta(minutes=5), 0.02, True),
    (timedelta(hours=6), timedelta(minutes=30), 0.05, True),
    (timedelta(days=1), timedelta(hours=2), 0.10, False),
    (timedelta(days=3), timedelta(hours=6), 0.10, False),
)


def burn_rules(target: float, window: timedelta) -> tuple[Burning, ...]:
    """Return the rules that an SLO is watched by: of 30 days, burn rates of 14.4, 6, 3 and 1.

    Each is capped at 0.9 of the highest burn rate there can be. Windows as long as that of the SLO are left out.
    """
    highest = CAP / (1 - target)
    return tuple(
        Burning(long, short, share, min(share * (window / long), highest), is_urgent)
        for long, short, share, is_urgent in _RULES
        if long < window
    )


def fired(rules: tuple[Burning, ...], tally: Callable[[timedelta], Tally], target: float) -> tuple[Burning, ...]:
    """Return the rules that fire: as much burns in both of their windows; `tally` is that of so long up to now."""

    def burns(rule: Burning, length: timedelta) -> bool:
        rate = tally(length).burn(target)
        return rate is not None and rate >= rule.threshold

    return tuple(rule for rule in rules if burns(rule, rule.short) and burns(rule, rule.long))


def exhausted_in(budget: Budget, bad_share: float) -> float | None:
    """Return how much more is judged until the budget is gone, if the share that is bad stays as it is.

    None where it stays: no more is bad than the target allows. What rolls out of the window gives nothing back here, so
    it is the earliest that it can be.

    Args:
        budget: of the window.
        bad_share: of what is judged from now on.
    """
    if bad_share <= 1 - budget.target or not budget.tally.judged:
        return None
    return max(budget.left, 0.0) / bad_share


def projected(
    budget: Budget, bad_share: float, now: datetime, after: Callable[[datetime, timedelta], datetime]
) -> datetime | None:
    """Return when the budget of an SLO of time is gone at the rate of now; `after` counts judged time only."""
    seconds = exhausted_in(budget, bad_share)
    return after(now, timedelta(seconds=seconds)) if seconds is not None else None
