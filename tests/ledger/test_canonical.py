"""Canonical JSON is what RFC 8785 says, by its own vectors and by properties."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import StrEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freehold.ledger.canonical import NotCanonical, canonical, number

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=5),
    max_leaves=20,
)


class Verdict(StrEnum):
    PASS = "pass"


@pytest.mark.parametrize(
    ("bits", "spelled"),
    [
        ("0000000000000000", "0"),
        ("8000000000000000", "0"),
        ("0000000000000001", "5e-324"),
        ("8000000000000001", "-5e-324"),
        ("7fefffffffffffff", "1.7976931348623157e+308"),
        ("4340000000000000", "9007199254740992"),
        ("4430000000000000", "295147905179352830000"),
        ("44b52d02c7e14af5", "9.999999999999997e+22"),
        ("44b52d02c7e14af6", "1e+23"),
        ("444b1ae4d6e2ef4e", "999999999999999700000"),
        ("444b1ae4d6e2ef50", "1e+21"),
        ("3eb0c6f7a0b5ed8c", "9.999999999999997e-7"),
        ("3eb0c6f7a0b5ed8d", "0.000001"),
        ("41b3de4355555553", "333333333.3333332"),
        ("becbf647612f3696", "-0.0000033333333333333333"),
        ("43143ff3c1cb0959", "1424953923781206.2"),
    ],
)
def test_a_double_is_spelled_as_ecmascript_does(bits: str, spelled: str) -> None:
    """The samples of RFC 8785, appendix B."""
    import struct

    (value,) = struct.unpack(">d", bytes.fromhex(bits))

    assert number(value) == spelled


def test_keys_are_sorted_by_their_utf_16_units() -> None:
    """The sorting sample of RFC 8785, section 3.2.3."""
    keys = ["\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\u0080", "\u00f6"]

    assert list(json.loads(canonical(dict.fromkeys(keys, 0)))) == [
        "\r",
        "1",
        "\u0080",
        "\u00f6",
        "\u20ac",
        "\U0001f600",
        "\ufb33",
    ]


@pytest.mark.parametrize(
    ("value", "spelled"),
    [
        pytest.param('\u20ac$\u000f\nA\'B"\\\\"/', '"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"', id="text as the RFC's sample"),
        pytest.param(datetime(2011, 3, 1, 7, tzinfo=UTC), '"2011-03-01T07:00:00Z"', id="an instant in UTC"),
        pytest.param(
            datetime(2011, 3, 1, 7, tzinfo=timezone(timedelta(hours=2))), '"2011-03-01T05:00:00Z"', id="a zone"
        ),
        pytest.param(date(2011, 3, 1), '"2011-03-01"', id="a date"),
        pytest.param(Decimal("12.50"), "12.5", id="a decimal that a double holds as written"),
        pytest.param(Decimal("0.12345678901234567890"), '"0.12345678901234567890"', id="a decimal that it does not"),
        pytest.param(Decimal(7), "7", id="a whole decimal"),
        pytest.param(Verdict.PASS, '"pass"', id="an enum by its value"),
        pytest.param({"b": (1, 2.0), "a": {3}}, '{"a":[3],"b":[1,2]}', id="tuples and sets are lists"),
        pytest.param(1.0, "1", id="a whole double has no point"),
    ],
)
def test_what_payloads_are_built_from_has_one_spelling(value: Any, spelled: str) -> None:
    """Rooms pass dates, decimals and enums as they have them."""
    assert canonical(value) == spelled


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(float("nan"), id="not a number"),
        pytest.param(float("inf"), id="infinity"),
        pytest.param(Decimal("NaN"), id="a decimal that is no number"),
        pytest.param(2**53, id="an integer that doubles confuse"),
        pytest.param("\ud800", id="half a surrogate pair"),
        pytest.param({"\ud800": 1}, id="half a surrogate pair as a key"),
        pytest.param({1: 2}, id="a key that is a number"),
        pytest.param(datetime(2011, 3, 1), id="a time without a zone"),  # noqa: DTZ001
        pytest.param(object(), id="any other object"),
        pytest.param(b"bytes", id="bytes"),
    ],
)
def test_what_has_no_canonical_spelling_is_refused(value: Any) -> None:
    """Nothing is sealed that two readers could read differently."""
    with pytest.raises(NotCanonical):
        canonical({"x": value})


@given(JSON)
def test_reading_and_spelling_again_changes_nothing(value: Any) -> None:
    """canonical(parse(canonical(x))) == canonical(x), and the value survives a reader to whom numbers are doubles."""
    text = canonical(value)
    read = json.loads(text, parse_int=float)

    assert canonical(read) == text
    assert read == value


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_is_the_shortest_that_reads_back(value: float) -> None:
    """No digit is lost and none is idle."""
    assert float(number(value)) == value


@given(st.dictionaries(st.text(st.characters(codec="ascii")), st.floats(1e-4, 1e16) | st.text() | st.booleans()))
def test_the_quick_encoder_and_the_exact_one_agree(value: dict[str, Any]) -> None:
    """A payload's hash does not depend on which of the two spelled it."""
    from freehold.ledger.canonical import _exact

    assert canonical(value) == _exact(value)
