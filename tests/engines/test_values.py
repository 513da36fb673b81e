"""Every hard kind of value, as Python values and as Arrow."""

from __future__ import annotations

import math
import uuid
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from contract import ENGINES, never

from freehold.engines import Relation, Session
from freehold.foundation import FreeholdError

# what it is: the SQL, the Python value, the Arrow type, the Arrow value where it is another
HARD: dict[str, tuple[str, Any, pa.DataType, Any]] = {
    "a decimal with its zeros": ("CAST('1.50' AS DECIMAL(18,2))", Decimal("1.50"), pa.decimal128(18, 2), ...),
    "a decimal of 38 digits": (
        "CAST('12345678901234567890123456789012345.678' AS DECIMAL(38,3))",
        Decimal("12345678901234567890123456789012345.678"),
        pa.decimal128(38, 3),
        ...,
    ),
    "a sum of whole numbers beyond 64 bits": (
        "(SELECT sum(a) FROM (VALUES (9223372036854775807), (9223372036854775807)) AS t(a))",
        2 * (2**63 - 1),
        pa.decimal128(38, 0),
        Decimal(2 * (2**63 - 1)),
    ),
    "the largest unsigned number": ("CAST('18446744073709551615' AS UBIGINT)", 2**64 - 1, pa.uint64(), ...),
    "an instant, in UTC": (
        "TIMESTAMPTZ '2024-03-01 12:00:00.123456+02'",
        datetime(2024, 3, 1, 10, 0, 0, 123456, UTC),
        pa.timestamp("us", "UTC"),
        ...,
    ),
    "a local time": (
        "TIMESTAMP '2024-03-01 12:00:00.123456'",
        datetime(2024, 3, 1, 12, 0, 0, 123456),  # noqa: DTZ001
        pa.timestamp("us"),
        ...,
    ),
    "a day": ("DATE '2024-02-29'", date(2024, 2, 29), pa.date32(), ...),
    "a time of day": ("TIME '23:59:59.999999'", time(23, 59, 59, 999999), pa.time64("us"), ...),
    "an interval of days": (
        "INTERVAL '2 days 3 seconds'",
        timedelta(days=2, seconds=3),
        pa.month_day_nano_interval(),
        pa.MonthDayNano([0, 2, 3 * 10**9]),
    ),
    "a month, which only Arrow keeps as a month": (
        "INTERVAL '1 month'",
        timedelta(days=30),
        pa.month_day_nano_interval(),
        pa.MonthDayNano([1, 0, 0]),
    ),
    "a list with a null in it": ("[1, NULL, 3]", [1, None, 3], pa.list_(pa.int32()), ...),
    "an empty list": ("CAST([] AS INTEGER[])", [], pa.list_(pa.int32()), ...),
    "a struct": (
        "{'a': 1, 'B c': 'x'}",
        {"a": 1, "B c": "x"},
        pa.struct([("a", pa.int32()), ("B c", pa.string())]),
        ...,
    ),
    "a map": (
        "MAP {'k': 1, 'l': NULL}",
        {"k": 1, "l": None},
        pa.map_(pa.string(), pa.int32()),
        [("k", 1), ("l", None)],
    ),
    "a list of structs": ("[{'a': 1}, {'a': 2}]", [{"a": 1}, {"a": 2}], pa.list_(pa.struct([("a", pa.int32())])), ...),
    "a UUID, which Arrow has as text": (
        "CAST('5f0c1d6e-0000-4000-8000-0123456789ab' AS UUID)",
        uuid.UUID("5f0c1d6e-0000-4000-8000-0123456789ab"),
        pa.string(),
        "5f0c1d6e-0000-4000-8000-0123456789ab",
    ),
    "bytes": ("CAST('\\x00\\xFFa' AS BLOB)", b"\x00\xffa", pa.binary(), ...),
    "a member of an enumeration": (
        "CAST('low' AS ENUM('high', 'low'))",
        "low",
        pa.dictionary(pa.uint8(), pa.string()),
        ...,
    ),
    "text with a zero byte and signs beyond the first plane": ("'a' || chr(0) || '😀'", "a\0😀", pa.string(), ...),
    "infinity": ("CAST('inf' AS DOUBLE)", math.inf, pa.float64(), ...),
    "less than every number": ("CAST('-inf' AS FLOAT)", -math.inf, pa.float32(), ...),
    "true": ("true", True, pa.bool_(), ...),
    "nothing, of a known type": ("CAST(NULL AS DECIMAL(10,2))", None, pa.decimal128(10, 2), ...),
}


# What PostgreSQL has besides, or says in its own words.
HARD_POSTGRES: dict[str, tuple[str, Any, pa.DataType, Any]] = {
    **{
        name: HARD[name]
        for name in HARD
        if name.startswith(("an instant", "a local", "a day", "a time", "a UUID", "true"))
    },
    "a sum of whole numbers beyond 64 bits": (
        "(SELECT sum(a) FROM (VALUES (9223372036854775807), (9223372036854775807)) AS t(a))",
        2 * (2**63 - 1),
        pa.decimal128(20, 0),
        Decimal(2 * (2**63 - 1)),
    ),
    "a number with its zeros, as wide as it must be": (
        "CAST('1.50' AS NUMERIC)",
        Decimal("1.50"),
        pa.decimal128(3, 2),
        ...,
    ),
    "a number of fifty digits": (f"CAST('{'7' * 50}' AS NUMERIC)", Decimal("7" * 50), pa.decimal256(50, 0), ...),
    "an interval of days": HARD["an interval of days"],
    "a month, which only Arrow keeps as a month": HARD["a month, which only Arrow keeps as a month"],
    "an interval back in time": (
        "INTERVAL '-1 year -2 days -03:04:05.006'",
        timedelta(days=-362, hours=-3, minutes=-4, seconds=-5, milliseconds=-6),
        pa.month_day_nano_interval(),
        pa.MonthDayNano([-12, -2, -11045006 * 10**6]),
    ),
    "a list with a null in it": ("ARRAY[1, NULL, 3]", [1, None, 3], pa.list_(pa.int32()), ...),
    "an empty list": ("CAST('{}' AS INTEGER[])", [], pa.list_(pa.int32()), ...),
    "a document, as its text": ("CAST('{\"a\": [1]}' AS JSONB)", '{"a": [1]}', pa.string(), ...),
    "bytes": ("'\\x00ff61'::bytea", b"\x00\xffa", pa.binary(), ...),
    "text with signs beyond the first plane, quotes and breaks": (
        "'a\"😀,' || chr(10) || '\\N\\.'",
        'a"😀,\n\\N\\.',
        pa.string(),
        ...,
    ),
    "text that is empty": ("''::text", "", pa.string(), ...),
    "infinity": ("CAST('inf' AS DOUBLE PRECISION)", math.inf, pa.float64(), ...),
    "less than every number": ("CAST('-inf' AS REAL)", -math.inf, pa.float32(), ...),
    "nothing, of a known type": ("CAST(NULL AS INTEGER)", None, pa.int32(), ...),
}
OF_ENGINE = {"duckdb": HARD, "postgres": HARD_POSTGRES}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give each engine its hard values, and every other test every engine."""
    if "case" in metafunc.fixturenames:
        cases = [pytest.param(kind, case, id=f"{kind.name}-{name}") for kind in ENGINES
                 for name, case in OF_ENGINE[kind.name].items()]  # fmt: skip
        metafunc.parametrize(("kind", "case"), cases, indirect=["kind"])


def test_a_hard_value_comes_out_as_python_and_as_arrow(session: Session, case: tuple[Any, ...]) -> None:
    """Value and type, and beside a null of its own type."""
    sql, value, kind, arrow = case
    query = f"SELECT {sql} AS v UNION ALL SELECT NULL ORDER BY v NULLS LAST"
    assert session.rows(query) == [(value,), (None,)]
    table = session.arrow(query)
    assert table.schema.field("v").type == kind
    assert table.column("v").to_pylist() == [value if arrow is ... else arrow, None]


ENDLESS = ("DATE 'infinity'", "TIMESTAMP '-infinity'", "TIMESTAMPTZ 'infinity'")


def test_what_has_no_end_comes_out_as_the_last_that_python_knows(session: Session) -> None:
    """Days and instants; in Python, as the protocol says."""
    found = session.rows(f"SELECT {', '.join(ENDLESS)}")
    last = datetime.max.replace(tzinfo=UTC)
    first = datetime.min.replace(tzinfo=UTC).replace(tzinfo=None)
    assert [(d, i, z.astimezone(UTC)) for d, i, z in found] == [(date.max, first, last)]


def test_no_number_is_no_number(session: Session) -> None:
    """NaN equals nothing, so it has a test of its own."""
    ((value,),) = session.rows("SELECT CAST('nan' AS DOUBLE PRECISION)")
    (arrow,) = session.arrow("SELECT CAST('nan' AS DOUBLE PRECISION) AS v").column("v").to_pylist()
    assert math.isnan(value)
    assert math.isnan(arrow)


@never("postgres", reason="its instants end at microseconds")
def test_nanoseconds_are_kept_by_arrow(session: Session) -> None:
    """Python cuts them to microseconds, as the protocol says; Arrow does not."""
    sql = "SELECT TIMESTAMP_NS '2024-03-01 00:00:00.123456789' AS v"
    assert session.rows(sql) == [(datetime(2024, 3, 1, 0, 0, 0, 123456),)]  # noqa: DTZ001
    assert session.arrow(sql).column("v").cast(pa.int64()).to_pylist() == [1709251200123456789]


def test_what_came_as_arrow_can_be_loaded_again(session: Session, case: tuple[Any, ...]) -> None:
    """Python models read and give back Arrow: no value may change on the way through."""
    session.run("CREATE SCHEMA s")
    session.run(f"CREATE TABLE s.before AS SELECT {case[0]} AS v UNION ALL SELECT NULL")
    assert session.load(Relation("s", "after"), session.arrow("SELECT * FROM s.before")) == 2
    assert session.rows("SELECT v::VARCHAR FROM s.after ORDER BY 1") == session.rows(
        "SELECT v::VARCHAR FROM s.before ORDER BY 1"
    )


@pytest.mark.parametrize(
    ("values", "arrow"),
    [
        pytest.param([Decimal("1.10"), None], pa.decimal128(10, 2), id="decimals"),
        pytest.param([datetime(2024, 1, 1, tzinfo=UTC), None], pa.timestamp("us", "UTC"), id="instants"),
        pytest.param(
            [datetime(2024, 1, 1, 12, tzinfo=UTC)], pa.timestamp("ms", "Asia/Kolkata"), id="instants elsewhere"
        ),
        pytest.param([date(2024, 1, 1), None], pa.date64(), id="days as milliseconds"),
        pytest.param([b"\x00", None], pa.large_binary(), id="large bytes"),
        pytest.param(["a", None, "b"], pa.large_string(), id="large text"),
        pytest.param(["a", None, "a"], pa.dictionary(pa.int32(), pa.string()), id="dictionaries"),
        pytest.param([[1], None, []], pa.large_list(pa.int64()), id="large lists"),
        pytest.param([None, None], pa.int64(), id="nothing but nulls"),
        pytest.param([[("k", 1)], None], pa.map_(pa.string(), pa.int64()), id="maps"),
        pytest.param([timedelta(seconds=5), None], pa.duration("us"), id="durations"),
    ],
)
def test_arrow_of_other_tools_is_taken_in(session: Session, values: list[Any], arrow: pa.DataType) -> None:
    """Arrow has more kinds than a warehouse: each becomes one that holds its values."""
    session.run("CREATE SCHEMA s")
    table = pa.table({"v": pa.array(values, arrow)})
    assert session.load(Relation("s", "t"), table) == len(values)
    assert session.rows("SELECT count(v) FROM s.t") == [(sum(v is not None for v in values),)]


@never("postgres", reason="it has REAL for half a float, and for every other Arrow type something")
def test_a_column_of_a_type_that_no_table_has_is_named(session: Session) -> None:
    """One clear error, and nothing is made."""
    session.run("CREATE SCHEMA s")
    table = pa.table({"fine": [1], "half": pa.array([1.5], pa.float16())})
    with pytest.raises(FreeholdError, match="`half` is of the Arrow type halffloat") as caught:
        session.load(Relation("s", "t"), table)
    assert caught.value.code == "FH-E201"
    assert session.relations("s") == ()
