"""Conditions: what they come to, what DuckDB says of the same text, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freehold.sql.conditions import ConditionError, FactType, condition, fits

FACTS = {
    "owned": FactType.BOOLEAN,
    "live": FactType.BOOLEAN,
    "tier": FactType.INTEGER,
    "share": FactType.NUMBER,
    "kind": FactType.TEXT,
    "name": FactType.TEXT,
    "since": FactType.DATE,
    "seen_at": FactType.INSTANT,
}


@pytest.mark.parametrize(
    ("text", "facts", "expected"),
    [
        pytest.param("owned", {"owned": True}, True, id="a fact alone is a condition"),
        pytest.param("not owned", {"owned": True}, False, id="NOT turns it round"),
        pytest.param("owned", {}, None, id="a fact that is not there is unknown"),
        pytest.param("not owned", {}, None, id="NOT unknown is unknown"),
        pytest.param("owned and live", {"owned": False}, False, id="AND is false if one is, whatever the other"),
        pytest.param("owned and live", {"owned": True}, None, id="AND is unknown if only the other is true"),
        pytest.param("owned or live", {"owned": True}, True, id="OR is true if one is, whatever the other"),
        pytest.param("owned or live", {"owned": False}, None, id="OR is unknown if only the other is false"),
        pytest.param("owned is null", {}, True, id="IS NULL asks whether it is known"),
        pytest.param("owned is not true", {}, True, id="IS NOT TRUE is never unknown"),
        pytest.param("kind is distinct from name", {"kind": "a"}, True, id="IS DISTINCT FROM is never unknown"),
        pytest.param("tier in (1, 2)", {"tier": 2}, True, id="IN finds"),
        pytest.param("tier not in (1, null)", {"tier": 2}, None, id="NOT IN with an unknown choice is unknown"),
        pytest.param("tier between 1 and 2", {"tier": 3}, False, id="BETWEEN has both ends"),
        pytest.param("share >= 0.95", {"share": 0.95}, True, id="a number reaches a limit"),
        pytest.param("share / tier > 1", {"share": 2.0, "tier": 0}, None, id="a division by zero is unknown"),
        pytest.param("(tier + 1) * 2 - 1 = 5", {"tier": 2}, True, id="arithmetic"),
        pytest.param("abs(-tier) = 2", {"tier": 2}, True, id="a sign and its absence"),
        pytest.param("kind like 'data%' and name like '_.b'", {"kind": "dataset", "name": "a.b"}, True, id="LIKE"),
        pytest.param("kind ilike 'DATA_'", {"kind": "datas"}, True, id="ILIKE looks past case"),
        pytest.param("kind like '%'", {"kind": "two\nlines"}, True, id="LIKE reaches over lines"),
        pytest.param("coalesce(share, 0) > 0", {}, False, id="COALESCE says what unknown counts as"),
        pytest.param("nullif(tier, 1) = 2", {"tier": 1}, None, id="NULLIF makes unknown"),
        pytest.param("case when tier = 1 then owned else true end", {"tier": 2}, True, id="CASE goes on to ELSE"),
        pytest.param("case when owned then true end", {}, None, id="CASE without ELSE is unknown"),
        pytest.param("length(trim(name)) > 0", {"name": "  "}, False, id="functions of text"),
        pytest.param("starts_with(name, 'a') and ends_with(name, 'z')", {"name": "abz"}, True, id="ends of text"),
        pytest.param("contains(lower(name), 'b')", {"name": "ABC"}, True, id="a part of text"),
        pytest.param("kind || '.' || name = 'a.b'", {"kind": "a", "name": "b"}, True, id="texts joined"),
        pytest.param("name = 'it''s'", {"name": "it's"}, True, id="a quotation mark within text"),
    ],
)
def test_a_condition_comes_to_what_sql_says(text: str, facts: dict[str, Any], expected: bool | None) -> None:
    """A condition is true, false or unknown by SQL's three-valued logic."""
    assert condition(text, FACTS).evaluate(facts) is expected


@pytest.mark.parametrize(
    ("text", "problem", "offset", "fix"),
    [
        ("owed", "There is no fact `owed`.", 0, "Did you mean `owned`?"),
        ("tier = 1 and ownd", "There is no fact `ownd`.", 13, "Did you mean `owned`?"),
        ("tier", "`tier` is a number, and a condition is true or false.", 0, "Compare"),
        ("tier = 'one'", "`tier` is a number and `'one'` is text.", 7, "one type"),
        ("kind = 1", "`kind` is text and `1` is a number.", 7, "Write '1'."),
        ("since > '2026-01-31'", "`since` is a date and `'2026-01-31'` is text.", 8, "Write date '2026-01-31'."),
        ("since > date 'soon'", "`soon` is no date.", 13, "2026-01-31"),
        ("owned > live", "`owned > live` orders truth values.", 0, "= or <>"),
        ("owned and tier", "`tier` is a number; a truth value belongs here.", 10, ""),
        ("current_date > since", "no function `current_date`", 0, ""),
        ("random() > 0.5", "no function", 0, "There are: abs"),
        ("lenght(name) = 1", "Conditions have no function `lenght`.", 0, "Did you mean `length`?"),
        ("count(*) > 1", "no function `count`", 0, ""),
        ("(select true)", "A condition holds no query.", 0, "Use a fact"),
        ("tier in (select 1)", "A condition holds no query.", 0, "Use a fact"),
        ("exists (select 1)", "no function `exists`", 0, ""),
        ("name ~ 'a'", "no function", 0, ""),
        ("t.tier = 1", "`t.tier` names a table; facts stand alone.", 0, "Write `tier`."),
        ("owned; drop table x", "more than one condition", 0, ""),
        ("owned from x", "more than one condition", 0, ""),
        ("owned, live", "is a list", 0, "AND or OR"),
        ("tier = = 1", "does not parse", 0, ""),
        ("owned and", "does not parse near `and`: something is missing.", 6, ""),
        ("trim(name, 'x') = ''", "`TRIM(name, 'x')` has more than conditions take.", 5, "Leave it out."),
        ("trim(both 'x' from name) = ''", "has more than conditions take.", 10, ""),
        ("starts_with(name)", "something is missing", 16, ""),
        ("name like 'a' escape 'b'", "is no part of a condition", 0, ""),
        ("tier::text = '1'", "changes a type", 0, ""),
        ("case tier when 1 then true end", "CASE takes no subject here.", 0, ""),
        ("", "", 0, ""),
        ("*", "no part of a condition", 0, ""),
        ("$1", "no part of a condition", 0, ""),
        ("owned " + "and owned " * 500, "5,006 characters", 0, "4,000"),
        ("(" * 200 + "owned" + ")" * 200, "nests deeper", 60, ""),
        ("not " * 900 + "owned", "nests deeper", 0, ""),
        ("tier" + " + 1" * 900 + " > 0", "nests deeper", 0, ""),
    ],
    ids=lambda value: str(value)[:40] or "nothing",
)
def test_what_is_no_condition_is_refused_with_its_place(text: str, problem: str, offset: int, fix: str) -> None:
    """Everything outside of the language is refused before it is used, where it stands, with a way to mend it."""
    with pytest.raises(ConditionError) as caught:
        condition(text, FACTS)

    assert problem in caught.value.problem
    assert fix in caught.value.fix
    if offset:
        assert caught.value.offset == offset


def joined(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Return conditions made of others."""
    return st.one_of(
        st.tuples(inner, st.sampled_from(["and", "or", "=", "<>"]), inner).map(lambda p: f"({p[0]} {p[1]} {p[2]})"),
        inner.map(lambda part: f"(not {part})"),
        st.tuples(inner, inner).map(lambda p: f"(case when {p[0]} then {p[1]} else not {p[1]} end)"),
    )


SIMPLE = [
    "owned", "live", "tier > 1", "share <= 0.5", "kind = 'a'", "kind like 'a%'", "name in ('a', 'b')",
    "tier in (1, null)", "owned is null", "tier between 0 and 1", "coalesce(owned, false)", "tier + 1 = 2 * share",
    "kind is distinct from name", "length(name) > tier", "null = tier",
]  # fmt: skip
BOOLEANS = st.recursive(st.sampled_from(SIMPLE).map("({})".format), joined, max_leaves=6)
ROWS = st.fixed_dictionaries(
    {
        "owned": st.sampled_from([True, False, None]),
        "live": st.sampled_from([True, False, None]),
        "tier": st.sampled_from([0, 1, 2, None]),
        "share": st.sampled_from([0.0, 0.5, 1.0, None]),
        "kind": st.sampled_from(["a", "ab", "B", None]),
        "name": st.sampled_from(["a", "b", "", None]),
    }
)


@pytest.fixture(scope="module")
def engine() -> Iterator[duckdb.DuckDBPyConnection]:
    """A database in memory, of one thread."""
    with duckdb.connect(config={"threads": 1}) as opened:
        yield opened


@settings(max_examples=150, deadline=None)
@given(BOOLEANS, ROWS)
def test_a_condition_agrees_with_duckdb(engine: duckdb.DuckDBPyConnection, text: str, row: dict[str, Any]) -> None:
    """What a condition comes to here is what DuckDB makes of the same text over the same row."""
    columns = ", ".join(f"?::{FACTS[name].value} as {name}" for name in row)
    (expected,) = engine.execute(f"select {text} from (select {columns})", list(row.values())).fetchone() or ()

    assert condition(text, FACTS).evaluate(row) is expected


@given(BOOLEANS, ROWS)
def test_what_is_unknown_never_decides_for_a_pass(text: str, row: dict[str, Any]) -> None:
    """Taking facts away from a condition without IS, COALESCE, DISTINCT or CASE never turns a failure into a pass."""
    if any(word in text for word in ("is ", "coalesce", "case", "null")):
        return
    full = {name: value if value is not None else FULL[name] for name, value in row.items()}
    found = condition(text, FACTS).evaluate(row)

    assert found is None or found is condition(text, FACTS).evaluate(full)


FULL = {"owned": True, "live": False, "tier": 1, "share": 0.5, "kind": "a", "name": "b"}


@pytest.mark.parametrize(
    ("value", "type_", "expected"),
    [
        (True, FactType.INTEGER, False), (1, FactType.NUMBER, True), (1.0, FactType.INTEGER, False),
        (float("nan"), FactType.NUMBER, False), (None, FactType.TEXT, True), ("1", FactType.INTEGER, False),
    ],
)  # fmt: skip
def test_a_value_of_another_type_does_not_fit(value: object, type_: FactType, expected: bool) -> None:
    """Python's loose numbers are no truth values, and NaN is no number."""
    assert fits(value, type_) is expected


@pytest.mark.parametrize(
    ("text", "facts", "said"),
    [
        pytest.param("1/0 > tier", {"tier": 1}, ("1 / 0",), id="of numbers"),
        pytest.param("share / (tier - tier) > 1 or share / tier > 1", {"share": 1.0, "tier": 2},
                     ("share / (tier - tier)",), id="of facts, one of two"),
        pytest.param("share / tier > 1", {"share": 1.0}, (), id="by what is not known"),
        pytest.param("share / tier > 1", {"share": 1.0, "tier": 2}, (), id="that can be computed"),
    ],
)  # fmt: skip
def test_a_division_by_zero_is_named(text: str, facts: dict[str, Any], said: tuple[str, ...]) -> None:
    """As it stands in the condition."""
    assert condition(text, FACTS).by_zero(facts) == said
