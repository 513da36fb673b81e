"""Two relations compared, against plain Python dictionaries; hard values; keys that do not hold."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from itertools import count
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from freehold.engines import Capabilities, Engine, Relation, Session, open_engine
from freehold.foundation import LOCAL, FreeholdError
from freehold.quality.diff import ColumnDiff, DataDiff, KeyFaults, SchemaChange, diff

Row = tuple[Any, ...]
_NUMBERS = count()

_VALUES = {
    "n": st.none() | st.integers(-3, 3),
    "d": st.none() | st.sampled_from([Decimal("0.00"), Decimal("1.50"), Decimal("-1.50")]),
    "f": st.none() | st.sampled_from([0.0, -0.0, 1.5, math.nan, math.inf, -math.inf, 1e300]),
    "t": st.none() | st.sampled_from(["", "a", "A", "a\x1f", "NaN", "ä", "a "]),
}
_ROWS = st.lists(st.tuples(st.none() | st.integers(0, 12), *_VALUES.values()), max_size=25)
_TABLE = pa.schema(
    [("k", pa.int64()), ("n", pa.int32()), ("d", pa.decimal128(9, 2)), ("f", pa.float64()), ("t", pa.string())]
)


@pytest.fixture(scope="module")
def other(engine: Engine) -> Iterator[Session]:
    """A session of its own on another warehouse: nothing of the first can be named there."""
    elsewhere = open_engine("duckdb://", threads=1)
    opened = elsewhere.session(LOCAL)
    yield opened
    opened.close()
    elsewhere.close()


def _loaded(session: Session, rows: list[Row]) -> Relation:
    relation = Relation("main", f"side_{next(_NUMBERS)}")
    columns = [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in _TABLE]
    session.load(relation, pa.table([pa.array(c, f.type) for c, f in zip(columns, _TABLE, strict=True)], schema=_TABLE))
    return relation


def _plain(value: Any) -> Any:
    """Return a value by which equal ones are equal: NaN is itself, and the zeros are one."""
    if isinstance(value, float):
        return "NaN!" if math.isnan(value) else value + 0.0
    return value


def _oracle(before: list[Row], after: list[Row]) -> tuple[int, int, int, dict[str, int]]:
    """Return rows added, removed, changed, and changed rows by column, the way a person would count."""
    sides = [Counter(row[0] for row in rows) for rows in (before, after)]
    loose = {key for side in sides for key, n in side.items() if key is None or n > 1}
    old, new = ({row[0]: row[1:] for row in rows if row[0] not in loose} for rows in (before, after))
    bags = [Counter(tuple(map(_plain, r)) for r in rows if r[0] in loose) for rows in (before, after)]
    changed: Counter[str] = Counter()
    rows = 0
    for key in old.keys() & new.keys():
        differ = [n for n, b, a in zip(_VALUES, old[key], new[key], strict=True) if _plain(b) != _plain(a)]
        changed.update(differ)
        rows += bool(differ)
    added = len(new.keys() - old.keys()) + (bags[1] - bags[0]).total()
    removed = len(old.keys() - new.keys()) + (bags[0] - bags[1]).total()
    return added, removed, rows, dict(changed)


def _counts(found: DataDiff) -> tuple[int, int, int, dict[str, int]]:
    return found.added, found.removed, found.changed, {c.column: c.changed for c in found.columns}


_SETTINGS = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@given(before=_ROWS, after=_ROWS)
@_SETTINGS
def test_a_keyed_diff_counts_as_a_person_would(
    before: list[Row], after: list[Row], engine: Engine, session: Session, other: Session
) -> None:
    """In one warehouse, with or without a hash of its own, and across two: the same counts as plain dictionaries."""
    wanted = _oracle(before, after)
    there = _loaded(other, after)
    here = _loaded(session, before), _loaded(session, after)

    for can in (engine.capabilities, replace(engine.capabilities, hash_function=None, max_aggregates=4)):
        assert _counts(diff(session, here[0], session, here[1], ["k"], capabilities=can)) == wanted
    assert _counts(diff(session, here[0], other, there, ["k"], capabilities=engine.capabilities)) == wanted


@given(before=_ROWS, after=_ROWS)
@_SETTINGS
def test_a_diff_without_a_key_compares_bags(
    before: list[Row], after: list[Row], engine: Engine, session: Session, other: Session
) -> None:
    """Without a key rows are counted as often as they occur, in one warehouse and across two."""
    old, new = (Counter(tuple(map(_plain, r)) for r in rows) for rows in (before, after))
    wanted = ((new - old).total(), (old - new).total(), 0, {})
    here = _loaded(session, before), _loaded(session, after)
    there = _loaded(other, after)

    assert _counts(diff(session, here[0], session, here[1], capabilities=engine.capabilities)) == wanted
    assert _counts(diff(session, here[0], other, there, capabilities=engine.capabilities)) == wanted


@given(rows=_ROWS, seed=st.randoms(use_true_random=False))
@_SETTINGS
def test_the_order_of_rows_does_not_count(rows: list[Row], seed: Any, engine: Engine, session: Session) -> None:
    """The same rows in another order are equal, which the checksums alone decide."""
    shuffled = list(rows)
    seed.shuffle(shuffled)

    found = diff(
        session, _loaded(session, rows), session, _loaded(session, shuffled), ["k"], capabilities=engine.capabilities
    )

    assert found.is_equal
    assert found.decided_by == "checksum"


def _made(session: Session, query: str) -> Relation:
    relation = Relation("main", f"side_{next(_NUMBERS)}")
    session.run(f"CREATE TABLE {relation.sql} AS {query}")
    return relation


def _compared(
    session: Session, can: Capabilities, before: str, after: str, key: tuple[str, ...] = ("id",), **more: Any
) -> DataDiff:
    return diff(session, _made(session, before), session, _made(session, after), key, capabilities=can, **more)


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [
        pytest.param("1.5::DECIMAL(5,1)", "1.50::DECIMAL(9,2)", True, id="decimals of another scale"),
        pytest.param("1.5::DECIMAL(5,1)", "1.51::DECIMAL(9,2)", False, id="decimals that differ in the finer scale"),
        pytest.param("7::INTEGER", "7::BIGINT", True, id="a wider integer"),
        pytest.param("7::INTEGER", "7::DECIMAL(9,2)", True, id="an integer and a decimal"),
        pytest.param("0.1::DOUBLE", "0.1::DOUBLE", True, id="the same float"),
        pytest.param("0.3::DOUBLE", "0.1::DOUBLE + 0.2::DOUBLE", False, id="floats that differ in the last bit"),
        pytest.param("0.0::DOUBLE", "-0.0::DOUBLE", True, id="zeros of either sign"),
        pytest.param("'nan'::DOUBLE", "'nan'::DOUBLE", True, id="NaN is itself"),
        pytest.param("'nan'::DOUBLE", "'inf'::DOUBLE", False, id="NaN and infinity"),
        pytest.param("NULL::DOUBLE", "'nan'::DOUBLE", False, id="nothing and NaN"),
        pytest.param("NULL::VARCHAR", "''", False, id="nothing and the empty text"),
        pytest.param("TIMESTAMPTZ '2024-05-01 12:00:00+00'", "TIMESTAMPTZ '2024-05-01 14:00:00+02'", True,
                     id="one moment written in two zones"),
        pytest.param("TIMESTAMP '2024-05-01 00:00:00'", "DATE '2024-05-01'", True, id="a day and its midnight"),
        pytest.param("'a'::ENUM('a','b')", "'a'", True, id="a word of an enumeration and text"),
        pytest.param("[1,2]", "[1,2]", True, id="lists"),
        pytest.param("{'a': 1}", "{'a': 2}", False, id="structs"),
        pytest.param("DATE '2024-05-01'", "'2024-05-01'", True, id="a date and its text"),
        pytest.param("'\\xAA'::BLOB", "'\\xAB'::BLOB", False, id="binary values"),
    ],
)  # fmt: skip
def test_values_that_are_equal(before: str, after: str, same: bool, engine: Engine, session: Session) -> None:
    """Values compare by what they mean, whatever type holds them; a change of the type is told apart."""
    found = _compared(session, engine.capabilities, f"SELECT 1 AS id, {before} AS v", f"SELECT 1 AS id, {after} AS v")

    assert found.changed == (0 if same else 1)


@pytest.mark.parametrize(
    ("before", "after", "tolerance", "same"),
    [
        pytest.param("1.00::DECIMAL(9,2)", "1.01::DECIMAL(9,2)", Decimal("0.01"), True, id="as far as is tolerated"),
        pytest.param("1.00::DECIMAL(9,2)", "1.02::DECIMAL(9,2)", Decimal("0.01"), False, id="further apart"),
        pytest.param("0.3::DOUBLE", "0.1::DOUBLE + 0.2::DOUBLE", 1e-9, True, id="floats"),
        pytest.param("'nan'::DOUBLE", "'nan'::DOUBLE", 1.0, True, id="NaN twice"),
        pytest.param("'nan'::DOUBLE", "1.0::DOUBLE", 1.0, False, id="NaN and a number"),
        pytest.param("NULL::DOUBLE", "1.0::DOUBLE", 9.0, False, id="nothing is near nothing else"),
        pytest.param("9223372036854775807", "(-9223372036854775807 - 1)::BIGINT", 5, False, id="integers at both ends"),
        pytest.param("TIMESTAMP '2024-05-01 12:00:00'", "TIMESTAMP '2024-05-01 12:00:01'", timedelta(seconds=1), True,
                     id="instants within a second"),
        pytest.param("TIMESTAMP '2024-05-01 12:00:00'", "TIMESTAMP '2024-05-01 12:00:02'", timedelta(seconds=1), False,
                     id="instants two seconds apart"),
    ],
)  # fmt: skip
def test_what_is_tolerated(
    before: str, after: str, tolerance: Any, same: bool, engine: Engine, session: Session, other: Session
) -> None:
    """Values within a tolerance count as equal, in one warehouse and across two."""
    queries = [f"SELECT 1 AS id, {value} AS v" for value in (before, after)]
    old, new, there = _made(session, queries[0]), _made(session, queries[1]), _made(other, queries[1])

    for where, relation in ((session, new), (other, there)):
        found = diff(
            session, old, where, relation, ["id"], capabilities=engine.capabilities, tolerances={"v": tolerance}
        )
        assert found.changed == (0 if same else 1)


def test_columns_that_come_go_and_change_type(engine: Engine, session: Session) -> None:
    """Columns of one side only are told as such, and rows are compared by the others."""
    found = _compared(
        session,
        engine.capabilities,
        "SELECT 1 AS id, 2 AS gone, 3::INTEGER AS kept",
        "SELECT 1 AS id, 3::BIGINT AS kept, 4 AS come",
    )

    assert found.schema == (
        SchemaChange("gone", "INTEGER", None),
        SchemaChange("kept", "INTEGER", "BIGINT"),
        SchemaChange("come", None, "INTEGER"),
    )
    assert [c.kind for c in found.schema] == ["removed", "retyped", "added"]
    assert (found.changed, found.is_equal) == (0, False)


def test_keys_that_are_empty_or_shared_are_told(engine: Engine, session: Session) -> None:
    """Rows that the key does not name are counted, compared as a bag, and never paired by chance."""
    rows = "SELECT * FROM (VALUES (1, 'a'), (2, 'b'), (2, 'b'), (2, 'c'), (NULL, 'd')) t(id, v)"
    found = _compared(
        session, engine.capabilities, rows, "SELECT * FROM (VALUES (1, 'a'), (2, 'b'), (NULL, 'e')) t(id, v)"
    )

    assert found.faults_before == KeyFaults(null_rows=1, duplicate_keys=1, duplicate_rows=3)
    assert found.faults_after == KeyFaults(null_rows=1)
    assert (found.added, found.removed, found.changed) == (1, 3, 0)
    assert found.faults_before.any


def test_a_key_of_several_columns(engine: Engine, session: Session) -> None:
    """A key may be several columns, and samples name all of them."""
    rows = "SELECT i // 10 AS a, i % 10 AS b, i AS v FROM range(100) t(i)"
    found = _compared(
        session, engine.capabilities, rows, f"SELECT * REPLACE (v + (v = 42)::INT AS v) FROM ({rows})", ("a", "b")
    )

    (sample,) = found.samples
    assert (sample.key, sample.before, sample.after) == ({"a": 4, "b": 2}, {"v": 42}, {"v": 43})
    assert found.columns == (ColumnDiff("v", 1, 0.01),)


def test_few_differences_read_few_rows(engine: Engine, session: Session) -> None:
    """What differs in a few places is joined there only, and samples show only the columns that differ."""
    rows = "SELECT i AS id, i * 2 AS v, 'x' AS w FROM range(20000) t(i)"
    changed = f"SELECT * REPLACE (CASE WHEN id = 7 THEN NULL ELSE v END AS v) FROM ({rows}) WHERE id <> 11"
    found = _compared(session, engine.capabilities, rows, f"{changed} UNION ALL SELECT 99999, 1, 'y'")

    assert found.decided_by == "buckets"
    assert 1 <= found.buckets_differing <= 3
    assert [(s.kind, s.key["id"], dict(s.before), dict(s.after)) for s in found.samples] == [
        ("changed", 7, {"v": 14}, {"v": None}),
        ("added", 99999, {}, {"v": 1, "w": "y"}),
        ("removed", 11, {"v": 22, "w": "x"}, {}),
    ]
    assert (found.rows_before, found.rows_after, found.matched) == (20000, 20000, 19999)


def test_equal_sides_take_two_scans(engine: Engine, session: Session) -> None:
    """Equal relations are settled by one statement of checksums a side, without a join."""
    found = _compared(session, engine.capabilities, "SELECT 1 AS id", "SELECT 1 AS id")

    assert found.is_equal
    assert found.decided_by == "checksum"
    assert found.queries <= 7  # two descriptions, a count, a probe of the hash, and the checksums


def test_a_profile_describes_both_sides(engine: Engine, session: Session) -> None:
    """A profile gives rows, nulls, extremes, mean and distinct values of each column of both sides."""
    before = "SELECT i AS id, CASE WHEN i > 1 THEN i END AS v, [i] AS l FROM range(4) t(i)"
    found = _compared(session, engine.capabilities, before, f"SELECT * FROM ({before}) WHERE id < 3", profile=True)

    _, v, items = found.profile
    assert (v.before.rows, v.before.nulls, v.before.minimum, v.before.maximum, v.before.mean) == (4, 2, 2, 3, 2.5)
    assert (v.after.rows, v.after.nulls, v.after.distinct_about) == (3, 2, 1)
    assert (items.before.minimum, items.before.distinct_about) == (None, None)


@pytest.mark.parametrize(
    ("key", "tolerances", "code"),
    [
        pytest.param(("idd",), {}, "FH-Q102", id="a key nobody has"),
        pytest.param(("id",), {"w": 1}, "FH-Q102", id="a tolerance of a column of one side"),
    ],
)
def test_a_wrong_name_is_refused(
    key: tuple[str, ...], tolerances: Any, code: str, engine: Engine, session: Session
) -> None:
    """A name that both sides do not have is refused with the nearest that they have."""
    with pytest.raises(FreeholdError) as error:
        _compared(session, engine.capabilities, "SELECT 1 AS id, 2 AS w", "SELECT 1 AS id", key, tolerances=tolerances)

    assert error.value.code == code
    assert "id" in error.value.fix


def test_sides_that_are_not_there_or_have_nothing_in_common(engine: Engine, session: Session) -> None:
    """A missing relation and relations without a common column are refused, saying what there is."""
    one = _made(session, "SELECT 1 AS a")
    with pytest.raises(FreeholdError, match="is not there") as missing:
        diff(session, one, session, Relation("main", "nowhere"), capabilities=engine.capabilities)
    with pytest.raises(FreeholdError, match="no column in common") as alien:
        diff(session, one, session, _made(session, "SELECT 1 AS b"), capabilities=engine.capabilities)

    assert (missing.value.code, alien.value.code) == ("FH-Q101", "FH-Q103")


def test_a_diff_is_json(engine: Engine, session: Session) -> None:
    """A diff is plain JSON: instants, decimals, NaN and binary values as text."""
    import json

    values = "DATE '2024-05-01' AS d, 1.50::DECIMAL(9,2) AS m, 'nan'::DOUBLE AS f, '\\xAA'::BLOB AS b"
    found = _compared(
        session,
        engine.capabilities,
        f"SELECT 1 AS id, {values}",
        "SELECT 2 AS id, NULL::DATE AS d, 1.5 AS m, 1.0::DOUBLE AS f, NULL::BLOB AS b",
    )
    said = json.loads(json.dumps(found.to_json(), allow_nan=False))

    removed = next(s for s in said["samples"] if s["kind"] == "removed")
    assert removed["before"] == {"d": "2024-05-01", "m": "1.50", "f": "nan", "b": "aa"}
    assert (said["equal"], said["added"], said["key"]) == (False, 1, ["id"])


def test_the_portable_digest_is_plain_sql(engine: Engine, session: Session) -> None:
    """The digest that two engines share is written without any function that only one of them has."""
    from freehold.quality.diff.digests import Digest
    from freehold.quality.diff.shape import Field, Shape
    from freehold.quality.diff.side import Side

    shape = Shape(
        (Field("id", "INTEGER", "INTEGER"),), (Field("f", "DOUBLE", "DOUBLE"), Field("t", "TIMESTAMP", "TIMESTAMP")), ()
    )
    side = Side(session, Relation("main", "x"), engine.capabilities, shape, Digest(None, 64))

    for dialect in ("duckdb", "postgres", "snowflake", "spark", "trino"):
        text = side.rows([1, 2]).sql(dialect)
        assert "MD5" in text.upper()
        assert " hash(" not in text
