"""Whether one pattern lets in what another keeps out, against trying every short text."""

from __future__ import annotations

import re
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freehold.quality.compatibility.automaton import Unreadable, automaton_of
from freehold.quality.compatibility.kinds import kind_of
from freehold.quality.compatibility.patterns import matched_only_by, pattern_change

TEXTS = ["".join(letters) for size in range(5) for letters in product("abc", repeat=size)]

_ATOMS = st.sampled_from(["a", "b", ".", "[ab]", "[^a]", "(?:a|bc)", "(ab)", r"\w", "[a-b]"])
_PIECES = st.builds(
    lambda atom, times: atom + times, _ATOMS, st.sampled_from(["", "", "*", "+", "?", "{2}", "{1,2}", "{0,1}"])
)
_BODIES = st.lists(st.lists(_PIECES, max_size=3).map("".join), min_size=1, max_size=2).map("|".join)
PATTERNS = st.builds(
    lambda start, body, end: f"{start}(?:{body}){end}", st.sampled_from(["", "^"]), _BODIES, st.sampled_from(["", r"$"])
)


def _matches(pattern: str, text: str) -> bool:
    # Python lets `$` match before a last line break; RE2 does not.
    return re.search(pattern.replace("$", r"\Z"), text, re.ASCII) is not None


@given(PATTERNS, PATTERNS)
def test_inclusion_agrees_with_trying_texts(one: str, other: str) -> None:
    """A witness is matched by the first and not the second; without one, no short text tells them apart."""
    witness = matched_only_by(automaton_of(one), automaton_of(other))

    if witness is None:
        assert [t for t in TEXTS if _matches(one, t) and not _matches(other, t)] == []
    else:
        assert _matches(one, witness)
        assert not _matches(other, witness)


@pytest.mark.parametrize(
    "pattern",
    ["(?i)a", r"\bword\b", r"\p{L}+", "(?=a)b", "(?<!a)b", r"(a)\1", "a{2}{3}", "[[:letter:]]", "a{1000}{2}", "(", "[a",
     "*a", "(?:[a-z]{500}){500}", "a{x}", "[b-a]", ")", "a\\"],
)  # fmt: skip
def test_what_is_not_understood_is_not_guessed(pattern: str) -> None:
    """A pattern that is not read in full is undecided, against any other, either way round."""
    with pytest.raises(Unreadable):
        automaton_of(pattern)

    assert pattern_change(pattern, "^a$")[0] == "pattern_undecided"
    assert pattern_change("^a$", pattern)[0] == "pattern_undecided"


def test_patterns_that_would_take_minutes_are_undecided() -> None:
    """Work is bounded: two entangled patterns end as undecided instead of holding the command."""
    change, reason = pattern_change("(a|b)*a(a|b){14}$", "^(a|b)*b(a|b){14}$")

    assert change == "pattern_undecided"
    assert "entangled" in reason


_TYPES = [
    "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UINTEGER", "UBIGINT", "BIGNUM", "FLOAT", "DOUBLE",
    "DECIMAL(5,2)", "DECIMAL(18,2)", "DECIMAL(20,4)", "DECIMAL(38,0)", "VARCHAR", "VARCHAR(5)", "CHAR(5)", "DATE",
    "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_NS", "TIMESTAMPTZ", "TIME", "BOOLEAN", "UUID", "JSON", "BLOB", "INTEGER[]",
    "BIGINT[]", "INTEGER[3]", "STRUCT(a INTEGER)", "STRUCT(a BIGINT, b VARCHAR)", "MAP(VARCHAR, INTEGER)",
    "ENUM('a', 'b')", "ENUM('a')",
]  # fmt: skip


@given(st.sampled_from(_TYPES), st.sampled_from(_TYPES), st.sampled_from(_TYPES))
def test_holding_is_an_order(one: str, other: str, third: str) -> None:
    """A type holds itself; what holds what holds a third holds the third; two that hold each other are the same."""
    first, second, last = (kind_of(t, "duckdb") for t in (one, other, third))
    assert first
    assert second
    assert last

    assert first.holds(first)
    if first.holds(second) and second.holds(last):
        assert first.holds(last)
    if first.holds(second) and second.holds(first):
        assert first == second
