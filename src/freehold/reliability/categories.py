"""Whether a column of few values has a new one, or lost one: by the difference of the sets.

New is what no batch before it had, in a column that had nothing new for long. Lost is what every batch had and this one
has not, where chance does not explain it. Both are told once: after that they are what came before.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from freehold.reliability.judging import Grade, Verdict
from freehold.reliability.measures import LOST, NEW
from freehold.reliability.smoothing import LEAST

Counts = Mapping[str, int]  # rows by category

RECENT = 28  # batches before, that say whether something is always there, and whether something new is usual
_ALWAYS = 14  # of them at least must have what is told as lost
_UNLIKELY = 1e-4  # the chance that none of so many rows has a category of its share
_SEVERE, _LEAST = 0.05, 0.005  # shares of rows: from the first on a change is severe, up to the second it is nothing
_BESIDE_NEWS = 0.1  # and up to this one, where something new is nothing special


@dataclass(frozen=True, slots=True)
class Compared:
    """What is said of the categories of a column: `new` or `lost`, the share of rows, and which they are."""

    name: str
    share: float
    verdict: Verdict
    categories: tuple[str, ...]


def compared(history: Sequence[Counts], phase: Sequence[Counts], newest: Counts) -> tuple[Compared, ...]:
    """Return what is new and what is lost in the categories of the newest batch.

    Args:
        history: those of batches before, the newest last.
        phase: those of the same phase among them: what is there on other days alone is not lost.
        newest: what is judged.
    """
    recent = [one for one in history[-RECENT:] if one]
    total = sum(newest.values())
    if len(recent) < LEAST or not total:
        return tuple(Compared(name, 0.0, _not_known(len(recent)), ()) for name in (NEW, LOST))
    return _new(history, recent, newest, total), _lost(recent, phase, newest, total)


def _new(history: Sequence[Counts], recent: Sequence[Counts], newest: Counts, total: int) -> Compared:
    known = {one for counts in history for one in counts}
    fresh = tuple(sorted(one for one in newest if one not in known))
    share = sum(newest[one] for one in fresh) / total
    bound = _BESIDE_NEWS if _had_news(history, recent) else _LEAST
    return Compared(NEW, share, _verdict(_grade(share, bound), bound, len(recent)), fresh)


def _had_news(history: Sequence[Counts], recent: Sequence[Counts]) -> bool:
    """Whether a category came for the first time in one of the recent batches, so that another is nothing special."""
    earlier = {one for counts in history[: len(history) - len(recent)] for one in counts} or set(recent[0])
    return any(one not in earlier for counts in recent for one in counts)


def _lost(recent: Sequence[Counts], phase: Sequence[Counts], newest: Counts, total: int) -> Compared:
    if len(recent) < _ALWAYS:
        return Compared(LOST, 0.0, _not_known(len(recent)), ())
    usual = {one: _share(one, recent) for one in _always(recent) & _always([c for c in phase if c] or recent)}
    gone = tuple(sorted(one for one in usual if not newest.get(one) and _is_no_chance(usual[one], total)))
    share = sum(usual[one] for one in gone)
    return Compared(LOST, share, _verdict(_grade(share, _LEAST), _LEAST, len(recent)), gone)


def _is_no_chance(share: float, rows: int) -> bool:
    """Whether so many rows hardly ever have none of a category of that share."""
    return rows * math.log1p(-min(share, 0.999)) < math.log(_UNLIKELY)


def _always(batches: Sequence[Counts]) -> set[str]:
    return set.intersection(*({one for one, rows in counts.items() if rows} for counts in batches))


def _share(category: str, batches: Sequence[Counts]) -> float:
    """Return the least share of rows that a category had in any batch."""
    return min(counts[category] / sum(counts.values()) for counts in batches)


def _grade(share: float, bound: float) -> Grade:
    if share <= bound:
        return Grade.USUAL
    return Grade.SEVERE if share >= _SEVERE else Grade.UNUSUAL


def _not_known(count: int) -> Verdict:
    return Verdict(Grade.UNKNOWN, math.nan, math.nan, math.nan, math.nan, count)


def _verdict(grade: Grade, bound: float, count: int) -> Verdict:
    return Verdict(grade, 0.0, 0.0, bound, math.nan, count)
