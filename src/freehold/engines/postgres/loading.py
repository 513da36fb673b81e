"""How values of the server become values of Python, where the driver's own way is not the protocol's."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from psycopg.adapt import Loader
from psycopg.types.datetime import DateLoader, TimestampLoader, TimestamptzLoader
from psycopg.types.string import TextLoader

if TYPE_CHECKING:
    import psycopg


_PARTS = re.compile(
    r"P(?:(?P<years>-?\d+)Y)?(?:(?P<months>-?\d+)M)?(?:(?P<weeks>-?\d+)W)?(?:(?P<days>-?\d+)D)?"
    r"(?:T(?:(?P<hours>-?\d+)H)?(?:(?P<minutes>-?\d+)M)?(?:(?P<sign>-?)(?P<seconds>\d+)(?:\.(?P<micros>\d{1,6}))?S)?)?"
)


class Interval(timedelta):
    """An interval as Python holds one, a month as 30 days, that remembers its months and days apart for Arrow."""

    parts: tuple[int, int, int] = (0, 0, 0)  # months, days, nanoseconds

    @classmethod
    def read(cls, text: str) -> Interval:
        """Read what the server says under `IntervalStyle = iso_8601`."""
        found = _PARTS.fullmatch(text)
        if found is None:
            raise ValueError(f"`{text}` is no interval")
        said = {name: int(value) for name, value in found.groupdict("0").items() if name not in ("sign", "micros")}
        micros = said["seconds"] * 1_000_000 + int((found["micros"] or "0").ljust(6, "0"))
        micros = (-micros if found["sign"] else micros) + (said["hours"] * 60 + said["minutes"]) * 60_000_000
        months, days = said["years"] * 12 + said["months"], said["weeks"] * 7 + said["days"]
        made = cls(days=months * 30 + days, microseconds=micros)
        made.parts = (months, days, micros * 1_000)
        return made


class _Intervals(Loader):
    def load(self, data: Any) -> Any:
        return Interval.read(bytes(data).decode())


_FIRST = datetime.min.replace(tzinfo=UTC)
_LAST = datetime.max.replace(tzinfo=UTC)


class _Dates(DateLoader):
    """Days; an infinite one is the last, or first, that Python knows."""

    def load(self, data: Any) -> Any:
        return _ends(bytes(data), date.min, date.max) or super().load(data)


class _Timestamps(TimestampLoader):
    """Instants without a zone; likewise."""

    def load(self, data: Any) -> Any:
        return _ends(bytes(data), _FIRST.replace(tzinfo=None), _LAST.replace(tzinfo=None)) or super().load(data)


class _Instants(TimestamptzLoader):
    """Instants; likewise, all in UTC."""

    def load(self, data: Any) -> Any:
        return _ends(bytes(data), _FIRST, _LAST) or super().load(data).astimezone(UTC)


def _ends(data: bytes, first: Any, last: Any) -> Any:
    if data == b"infinity":
        return last
    if data == b"-infinity" or data.endswith(b"BC"):
        return first
    year = data.partition(b"-")[0]
    return last if len(year) > 4 else None


LOADERS: dict[str, type[Loader]] = {
    "date": _Dates,
    "timestamp": _Timestamps,
    "timestamptz": _Instants,
    "interval": _Intervals,
    "json": TextLoader,  # as its text: what a document means is for who reads it
    "jsonb": TextLoader,
}


def adapt(connection: psycopg.Connection[Any]) -> None:
    """Let a connection give values as the protocol says."""
    for name, loader in LOADERS.items():
        connection.adapters.register_loader(name, loader)
