"""What comes of an attempt: delivered, tried again and when, given up, or no more sent at all. Pure.

A receiver that is ill (no answer, 5xx, 429, 404, a redirect) holds the line: its events wait behind the one that
failed, so their order stays and none is dropped. An event that a receiver refuses (400, 409, 413, 415, 422) is set
aside, so that it holds up no other; when its attempts are used up it is a dead letter.
"""

from __future__ import annotations

import email.utils
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Literal

from freehold.ledger.deliveries import PING, Delivery, Standing

# Standard Webhooks 1.0.0: how long to wait before each attempt.
SCHEDULE = (
    timedelta(0), timedelta(seconds=5), timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=2),
    timedelta(hours=5), timedelta(hours=10), timedelta(hours=14), timedelta(hours=20), timedelta(hours=24),
)  # fmt: skip
GIVEN_UP_AFTER = sum(SCHEDULE, timedelta(0))  # 75 hours 35 minutes
LINE_LOOKS_EVERY = timedelta(hours=1)  # at most: one request asks for all that waits behind it
LONGEST_WISH = timedelta(hours=24)  # of a `Retry-After` that is heeded
JITTER = 0.1  # of a wait, so that what failed together does not come together
_GONE = 410
_OF_THE_EVENT = frozenset({400, 409, 413, 415, 422})

Verdict = Literal["delivered", "refused", "ill", "gone"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an attempt came to: the status, 0 where nobody answered; what is wrong; how long to wait at least."""

    status: int = 0
    problem: str = ""
    took: timedelta = timedelta(0)
    wish: timedelta | None = None

    @property
    def verdict(self) -> Verdict:
        """What that says of the receiver, or of the event."""
        if 200 <= self.status < 300:
            return "delivered"
        if self.status == _GONE:
            return "gone"
        return "refused" if self.status in _OF_THE_EVENT else "ill"


def attempted(
    standing: Standing, delivery: Delivery, outcome: Outcome, now: datetime, chance: Callable[[], float]
) -> tuple[Standing, Delivery]:
    """Return how a subscription and a delivery stand after an attempt.

    Args:
        standing: as it was before.
        delivery: as it was before; its first attempt is the one that is judged, where it had none.
        outcome: what the attempt came to.
        now: when it ended.
        chance: a number from 0 to 1, for the jitter.
    """
    told = replace(
        delivery, attempts=delivery.attempts + 1, status=outcome.status, problem=outcome.problem, took=outcome.took,
        first_at=delivery.first_at or now, last_at=now, next_at=None,
    )  # fmt: skip
    if delivery.kind == PING:
        if outcome.verdict != "delivered":
            return standing, replace(told, state="failed")
        return replace(standing, held_until=None), replace(told, state="delivered")  # it is back: the line may go on
    if outcome.verdict == "delivered":
        well = replace(standing, cursor=max(standing.cursor, told.seq), failing_since=None, succeeded_at=now)
        return replace(well, held_until=None, problem=""), replace(told, state="delivered")
    failing = replace(standing, failing_since=standing.failing_since or now, problem=outcome.problem)
    if outcome.verdict == "gone":
        return _disabled(failing, "The receiver says that it is gone (410).", now), replace(told, state="waiting")
    assert failing.failing_since is not None
    if now - failing.failing_since >= GIVEN_UP_AFTER:
        since = f"{failing.failing_since:%Y-%m-%d %H:%M} UTC"
        why = f"Nothing was delivered since {since}; last, {outcome.problem}."
        return _disabled(failing, why, now), replace(told, state="waiting")
    if outcome.verdict == "refused":
        return _set_aside(failing, told, outcome, now, chance)
    again = now + waits(told.attempts, outcome.wish, chance, most=LINE_LOOKS_EVERY)
    return replace(failing, held_until=again), replace(told, state="waiting", next_at=again)


def _set_aside(
    standing: Standing, told: Delivery, outcome: Outcome, now: datetime, chance: Callable[[], float]
) -> tuple[Standing, Delivery]:
    """Let an event wait by itself, or give it up; the line goes on."""
    passed = replace(standing, cursor=max(standing.cursor, told.seq), held_until=None)
    if told.attempts >= len(SCHEDULE):
        return passed, replace(told, state="dead")
    again = now + waits(told.attempts, outcome.wish, chance)
    return passed, replace(told, state="waiting", next_at=again)


def waits(
    attempts: int, wish: timedelta | None, chance: Callable[[], float], most: timedelta = SCHEDULE[-1]
) -> timedelta:
    """Return how long to wait after so many attempts; longer where the receiver wishes so."""
    usual = min(SCHEDULE[min(attempts, len(SCHEDULE) - 1)], most)
    spread = usual * (1 - JITTER + 2 * JITTER * chance())
    return max(spread, min(wish, LONGEST_WISH)) if wish is not None else spread


def wish_of(header: str, now: datetime) -> timedelta | None:
    """Return what `Retry-After` asks for: seconds, or a date; None where it says nothing that can be read."""
    if header.strip().isascii() and header.strip().isdigit():
        return timedelta(seconds=min(int(header.strip()[:12]), int(LONGEST_WISH.total_seconds())))
    try:
        at = email.utils.parsedate_to_datetime(header)
    except (ValueError, TypeError, IndexError):
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(timedelta(0), at - now)


def _disabled(standing: Standing, reason: str, now: datetime) -> Standing:
    return replace(standing, state="disabled", reason=reason, disabled_at=now, held_until=None)
