"""RFC 8785 canonical JSON: one spelling for one value, so that its hash means the value.

The encoder of the standard library spells almost everything alike; numbers are where it differs from ECMAScript. A
cheap look decides whether a payload holds such a number; only then the exact encoder, in Python, is used.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from json.encoder import encode_basestring
from typing import Any

SAFE_INTEGER = 2**53 - 1  # beyond it a JSON number is no longer one number to every reader (RFC 7493)

quote = encode_basestring


class NotCanonical(ValueError):
    """A value that has no canonical spelling; the message names it."""


def _spelled(value: Any) -> Any:
    """Return the JSON value for the few other types that payloads are built from."""
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise NotCanonical(f"the time {value} has no time zone")
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return _decimal(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    if hasattr(value, "item"):  # numpy scalars
        return value.item()
    raise NotCanonical(f"{value!r} is a {type(value).__name__}, which JSON cannot say")


def _decimal(value: Decimal) -> int | float | str:
    """Return a number where a double holds the decimal exactly or as written, else its digits as text."""
    if not value.is_finite():
        raise NotCanonical(f"{value} is not a number that JSON can say")
    if value == value.to_integral_value() and abs(value) <= SAFE_INTEGER:
        return int(value)
    near = float(value)
    return near if Decimal(repr(near)) == value else str(value)


_ENCODER = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False, default=_spelled
)


def canonical(value: Any) -> str:
    """Return the canonical JSON text of a value.

    Raises:
        NotCanonical: NaN, an infinity, an integer beyond 2^53, a lone surrogate, a key that is not text, or a type that
            JSON does not know.
    """
    return spell(value)[0]


def spell(value: Any) -> tuple[str, bool]:
    """Return the canonical text of a value, and whether the value is plain JSON already, as a validator wants it."""
    try:
        plain = _is_plain(value)
        return (_ENCODER.encode(value) if plain else _exact(value)), plain
    except NotCanonical:
        raise
    except (TypeError, ValueError, RecursionError) as error:
        raise NotCanonical(str(error)) from error


def _is_plain(value: Any) -> bool:
    """Tell whether the quick encoder spells a value as RFC 8785 does. Runs once an event, so it is flat on purpose."""
    kind = type(value)
    if kind is dict:
        if not "".join(value).isascii():
            return False
        value = value.values()
    elif kind is not list and kind is not tuple:
        value = (value,)
    for item in value:
        kind = type(item)
        if kind is str:
            if not item.isascii():
                _is_text(item)
        elif kind is int:
            if not -SAFE_INTEGER <= item <= SAFE_INTEGER:
                return False
        elif kind is float:
            if not 1e-4 <= abs(item) < 1e16 or item % 1 == 0:
                return False
        elif kind is dict or kind is list or kind is tuple:
            if not _is_plain(item):
                return False
        elif item is not None and kind is not bool:
            return False
    return True


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise NotCanonical(f"{value!r} holds half of a surrogate pair and is not text") from None
    return True


def _exact(value: Any) -> str:
    """Encode by the letter of RFC 8785."""
    if value is None or value is True or value is False:
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, Enum):
        return _exact(value.value)
    if isinstance(value, str):
        _is_text(value)
        return quote(value)
    if isinstance(value, int):
        if abs(value) > SAFE_INTEGER:
            raise NotCanonical(f"the integer {value} is beyond 2^53; write it as text")
        return str(int(value))
    if isinstance(value, float):
        return number(float(value))
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{quote(k)}:{_exact(value[k])}" for k in sorted(value, key=_utf16)) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(map(_exact, value)) + "]"
    return _exact(_spelled(value))


def _utf16(key: Any) -> bytes:
    """Return what RFC 8785 sorts keys by: their UTF-16 code units."""
    if not isinstance(key, str):
        raise NotCanonical(f"the key {key!r} is not text")
    _is_text(key)
    return key.encode("utf-16-be")


def number(value: float) -> str:
    """Spell a double as ECMAScript does: shortest digits, exponents only below 1e-6 and from 1e21 on."""
    if not math.isfinite(value):
        raise NotCanonical(f"{value} is not a number that JSON can say")
    if value == 0:
        return "0"
    sign = "-" if value < 0 else ""
    mantissa, _, exponent = f"{Decimal(repr(abs(value))).normalize():e}".partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits, point = whole + fraction, int(exponent) + 1  # value = 0.digits x 10^point
    if 0 < point <= 21:
        text = digits.ljust(point, "0") if len(digits) <= point else f"{digits[:point]}.{digits[point:]}"
    elif -6 < point <= 0:
        text = "0." + "0" * -point + digits
    else:
        power = f"e{'+' if point > 0 else '-'}{abs(point - 1)}"
        text = (digits if len(digits) == 1 else f"{digits[0]}.{digits[1:]}") + power
    return sign + text
