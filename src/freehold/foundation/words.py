"""How values are said: a number with its noun and a duration to a person, a date or a decimal to JSON."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal

_ALL = 100  # percent
_MOST_PLACES = 9  # closer to all than that is how sums of floats miss it


def counted(number: int, plural: str) -> str:
    """Return `1 block`, `2 blocks`: a number with its noun."""
    endings = (("people", "person"), ("ches", "ch"), ("ries", "ry"), ("s", ""))
    singular = next((plural.removesuffix(end) + one for end, one in endings if plural.endswith(end)), plural)
    return f"{number:,} {plural if number != 1 else singular}"


def percent(share: float | Decimal, places: int = 0, *, signed: bool = False) -> str:
    """Return a share of one as a person reads it: `96.70 %`, `−12 %`, signed `+3 %`.

    What is not all is not said to be: 0.99997 has as many places as it takes to see that, `99.997 %`.
    """
    if not signed and share < 1:
        places = next((n for n in range(places, _MOST_PLACES) if round(float(share) * 100, n) < _ALL), places)
    return f"{share * 100:{'+' if signed else ''},.{places}f} %".replace("-", "−")


def ago(span: timedelta) -> str:
    """Return a duration as a person would say it: `40s`, `12m`, `3h`, `2d`."""
    seconds = int(span.total_seconds())
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if abs(seconds) >= size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def plain(value: object) -> object:
    """Return what JSON has for a value it does not know."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, set | frozenset | tuple):
        return list(value)
    return str(value)
