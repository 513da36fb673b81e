"""A question: which metrics, by what, of which rows and when. Plain values, so that any surface can ask."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlglot import exp

from freehold.foundation import FreeholdError, near
from freehold.foundation.zones import zones
from freehold.metrics.expressions import condition
from freehold.metrics.timing import FISCAL, GRAINS, Period, grain_named, instant, period


@dataclass(frozen=True, slots=True)
class Key:
    """What rows are grouped by: a field by its dotted name, or (without `parts`) the time of each metric."""

    text: str  # as it was asked; the name of the column of the answer
    parts: tuple[str, ...] = ()
    grain: str | None = None

    @property
    def is_time(self) -> bool:
        """Whether it is the time of each metric itself."""
        return not self.parts


@dataclass(frozen=True, slots=True)
class Query:
    """A question to metrics.

    `start` and `end` are local instants of the reporting zone, `end` exclusive. `having` is over the answer's columns.
    `order` holds columns with whether they descend; without any, the answer is in the order of its keys.
    """

    metrics: tuple[str, ...]
    by: tuple[Key, ...] = ()
    where: exp.Expr | None = None
    start: datetime | None = None
    end: datetime | None = None
    having: exp.Expr | None = None
    order: tuple[tuple[str, bool], ...] = ()
    limit: int | None = None
    compare: Period | None = None
    zone: str | None = None

    @property
    def time(self) -> Key | None:
        """The key that is the time of the metrics, if they are asked by time."""
        return next((key for key in self.by if key.is_time), None)

    def over(self, metrics: Sequence[str], by: Sequence[Key]) -> Query:
        """Return the question for other metrics by other keys, with nothing cut off."""
        return replace(self, metrics=tuple(metrics), by=tuple(by), having=None, order=(), limit=None, compare=None)


def asked(
    metrics: Sequence[str],
    by: Sequence[str] = (),
    *,
    where: str | None = None,
    start: str | datetime | None = None,
    end: str | datetime | None = None,
    having: str | None = None,
    order: Sequence[str] = (),
    limit: int | None = None,
    compare: str | None = None,
    zone: str | None = None,
) -> Query:
    """Return the question that words ask.

    Args:
        metrics: names, `revenue` or `sales.revenue`.
        by: `buyer.country`, `month` (of each metric's own time), `buyer.signed_up:year`.
        where: a condition over fields, `channel = 'web' AND buyer.country <> 'France'`.
        start: the first day (or instant); `2011` and `2011-03` are their first days.
        end: the last day, included; `2011-03` means all of March. An instant is excluded.
        having: a condition over the columns of the answer, `revenue > 1000`.
        order: columns of the answer; `-revenue` descends.
        limit: the most rows.
        compare: `prior:1month` adds the value a month before, and the change.
        zone: the time zone in which days are counted.

    Raises:
        FreeholdError: FH-N1xx for words that ask nothing.
    """
    names = tuple(dict.fromkeys(m.strip() for m in metrics if m.strip()))
    if not names:
        raise FreeholdError("FH-N101", "No metric is asked for.", fix="Name one; see `freehold metrics list`.")
    keys = tuple(key_of(text) for text in dict.fromkeys(t.strip() for t in by if t.strip()))
    if sum(key.is_time for key in keys) > 1:
        spoken = " and ".join(f"`{k.text}`" for k in keys if k.is_time)
        raise FreeholdError("FH-N102", f"{spoken} are both the time of the metrics.", fix="Keep one of them.")
    if limit is not None and limit < 0:
        raise FreeholdError("FH-N103", f"`{limit}` is no number of rows.", fix="Ask for 0 rows or more.")
    first, last = instant(start, "The first day") if start else None, _end(end)
    if first and last and first >= last:
        raise FreeholdError("FH-N105", f"The time from {start} to {end} is empty.", fix="Let it end after it begins.")
    return Query(
        metrics=names,
        by=keys,
        where=condition(where, "the condition") if where else None,
        start=first,
        end=last,
        having=_having(having) if having else None,
        order=tuple((name.lstrip("-"), name.startswith("-")) for name in order),
        limit=limit,
        compare=_compared(compare),
        zone=_zone(zone) if zone else None,
    )


def _having(text: str) -> exp.Expr:
    try:
        return condition(text, "the condition on the answer")
    except FreeholdError as error:
        if error.code != "FH-N203":
            raise
        fix = "The columns of the answer are aggregated already: write `revenue > 1000`."
        raise FreeholdError(error.code, error.problem, fix=fix) from None


def _zone(name: str) -> str:
    known = zones()
    if name in known:
        return name
    by_city = {zone.rpartition("/")[2]: zone for zone in sorted(known)}
    meant = by_city.get(name) and f"Did you mean `{by_city[name]}`?"
    raise FreeholdError(
        "FH-N113", f"`{name}` is no time zone.", fix=meant or near(name, known) or "Write it as in Europe/London."
    )


def key_of(text: str) -> Key:
    """Return the key a text asks for.

    Raises:
        FreeholdError: FH-N102 it is no name of a field or period.
    """
    name, colon, word = text.partition(":")
    grain = grain_named(word) if colon else grain_named(text)
    if colon and grain is None:
        raise FreeholdError(
            "FH-N102", f"`{word}` in `{text}` is no period.", fix=f"Use one of: {', '.join((*GRAINS, *FISCAL))}."
        )
    if grain and not colon:
        return Key(text, grain=grain)
    if "(" in name:
        raise FreeholdError(
            "FH-N102", f"`{name}` is an expression, and no name of a field.",
            fix="Define it as a field of the dataset, and name that; a metric cannot be a key.",
        )  # fmt: skip
    parts = tuple(part.strip() for part in name.split("."))
    if not all(parts):
        raise FreeholdError("FH-N102", f"`{text}` is no name of a field.", fix="Write `field` or `dataset.field`.")
    return Key(text, parts, grain)


def _end(end: str | datetime | None) -> datetime | None:
    if end is None or isinstance(end, datetime):
        return end.replace(tzinfo=None) if end else None
    read = instant(end, "The last day")
    if len(end) == 4:
        return read.replace(year=read.year + 1)
    if len(end) == 7:
        return (read + timedelta(days=31)).replace(day=1)
    return read + timedelta(days=1) if len(end) == 10 else read


def _compared(text: str | None) -> Period | None:
    if text is None:
        return None
    word, colon, length = text.partition(":")
    if word != "prior" or not colon:
        raise FreeholdError(
            "FH-N106", f"`{text}` is no comparison.", fix="Write prior: and a length of time, as in prior:1month."
        )
    return period(length)
