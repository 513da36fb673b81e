"""What footers say must be what a scan finds. What cannot be trusted must not be said."""

from __future__ import annotations

import math
import shutil
import tempfile
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from contract import CALLER
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from freehold.engines import Relation, Session, Statistics, open_engine, quoted
from freehold.foundation import FreeholdError

ENGINES_ASKED = ("duckdb",)  # those with the capability reads_parquet_footers

COUNTS_NAN = int(duckdb.__version__.partition(".")[0]) >= 2


def _write(path: Path, columns: dict[str, pa.Array], **options: Any) -> str:
    pq.write_table(pa.table(columns), path, **options)
    return str(path)


def _agrees(session: Session, paths: list[str], found: Statistics) -> None:
    """Compare every proven fact with a scan of the same files."""
    listed = "[" + ", ".join(f"'{p}'" for p in paths) + "]"
    assert session.rows(f"SELECT count(*) FROM read_parquet({listed})") == [(found.rows,)]
    for name, facts in found.columns.items():
        column = quoted(name)
        ((nulls, least, most),) = session.rows(
            f"SELECT count(*) - count({column}), min({column}), max({column}) FROM read_parquet({listed})"
        )
        assert facts.nulls in (None, nulls), name
        if facts.minimum is not None or facts.maximum is not None:
            assert (facts.minimum, facts.maximum) == (least, most), name


def test_rows_nulls_and_bounds_of_several_files_are_added_up(session: Session, tmp_path: Path) -> None:
    """Over all row groups of all files together, in the types of the columns."""
    one = {"n": pa.array([3, None, 1]), "d": pa.array([Decimal("1.10"), Decimal("-2.00"), None], pa.decimal128(10, 2))}
    two = {"n": pa.array([None, 7]), "d": pa.array([None, None], pa.decimal128(10, 2))}
    paths = [_write(tmp_path / "1.parquet", one, row_group_size=2), _write(tmp_path / "2.parquet", two)]
    found = session.parquet_statistics(paths)
    assert found.rows == 5
    assert (found.columns["n"].nulls, found.columns["n"].minimum, found.columns["n"].maximum) == (2, 1, 7)
    assert found.columns["d"].minimum == Decimal("-2.00")
    assert found.columns["d"].maximum == Decimal("1.10")
    assert found.columns["d"].nulls == 3


def test_no_files_hold_no_rows(session: Session) -> None:
    """Nothing is known of columns that nobody named."""
    assert session.parquet_statistics([]) == Statistics(rows=0)


def test_a_file_without_rows_is_known_to_have_none(session: Session, tmp_path: Path) -> None:
    """No nulls, and no bounds."""
    path = _write(tmp_path / "e.parquet", {"a": pa.array([], pa.int64())})
    found = session.parquet_statistics([path])
    assert (found.rows, found.columns["a"].nulls, found.columns["a"].minimum) == (0, 0, None)


def test_no_row_is_decoded(session: Session, tmp_path: Path) -> None:
    """With every page of data overwritten, the footer still answers."""
    path = Path(
        _write(tmp_path / "x.parquet", {"a": pa.array(range(50_000))}, compression="none", use_dictionary=False)
    )
    content = bytearray(path.read_bytes())
    content[100:300_000] = b"\xff" * (300_000 - 100)
    path.write_bytes(content)
    with pytest.raises(FreeholdError):
        session.rows(f"SELECT sum(a) FROM read_parquet('{path}')")
    facts = session.parquet_statistics([str(path)]).columns["a"]
    assert (facts.nulls, facts.minimum, facts.maximum) == (0, 0, 49_999)


# ---- what must not be believed


def test_text_that_a_writer_cut_off_has_no_bounds(session: Session, tmp_path: Path) -> None:
    """Long text is shortened by writers; the shortened text is not in the data."""
    path = str(tmp_path / "long.parquet")
    session.run(f"COPY (SELECT repeat('z', 20000) AS long, 'short' AS short) TO '{path}'")
    facts = session.parquet_statistics([path]).columns
    assert (facts["long"].minimum, facts["long"].maximum, facts["long"].nulls) == (None, None, 0)
    assert (facts["short"].minimum, facts["short"].maximum) == ("short", "short")


@pytest.mark.parametrize("with_nan", [True, False], ids=["with NaN", "without NaN"])
def test_binary_fractions_are_bounded_only_where_nan_is_counted(
    session: Session, tmp_path: Path, with_nan: bool
) -> None:
    """Writers leave NaN out of both ends, and in SQL it is greater than everything."""
    path = str(tmp_path / "f.parquet")
    last = "'nan'" if with_nan else "'3.5'"
    session.run(f"COPY (SELECT * FROM (VALUES (1.5::DOUBLE), (2.5), (CAST({last} AS DOUBLE))) AS t(f)) TO '{path}'")
    facts = session.parquet_statistics([path]).columns["f"]
    known = COUNTS_NAN and not with_nan
    assert (facts.nulls, facts.minimum, facts.maximum) == (0, 1.5 if known else None, 3.5 if known else None)


def test_another_writers_nan_is_not_believed_away(session: Session, tmp_path: Path) -> None:
    """A file that does not count NaN proves no bounds of binary fractions."""
    path = _write(tmp_path / "f.parquet", {"f": pa.array([1.0, math.nan, 2.0])})
    assert session.parquet_statistics([path]).columns["f"].maximum is None


@pytest.mark.parametrize("kept", [False, ["a"]], ids=["of no column", "of the other column"])
def test_without_statistics_nothing_is_known_but_the_rows(session: Session, tmp_path: Path, kept: Any) -> None:
    """A missing count of nulls is not a count of zero."""
    columns = {"a": pa.array([1, 2]), "b": pa.array([None, 2])}
    path = _write(tmp_path / "x.parquet", columns, write_statistics=kept)
    found = session.parquet_statistics([path])
    assert found.rows == 2
    facts = found.columns["b"]
    assert (facts.nulls, facts.minimum, facts.maximum) == (None, None, None)


def test_one_file_without_statistics_is_enough_to_know_nothing(session: Session, tmp_path: Path) -> None:
    """What holds of some of the rows holds of none of it as a whole."""
    paths = [
        _write(tmp_path / "1.parquet", {"a": pa.array([1, 2])}),
        _write(tmp_path / "2.parquet", {"a": pa.array([0, None])}, write_statistics=False),
    ]
    found = session.parquet_statistics(paths)
    assert found.rows == 4
    assert (found.columns["a"].nulls, found.columns["a"].minimum) == (None, None)


def test_columns_inside_structs_and_lists_are_left_alone(session: Session, tmp_path: Path) -> None:
    """Also where a plain column is called as the path to a nested one is written."""
    path = str(tmp_path / "n.parquet")
    session.run(
        "COPY (SELECT {'b': 1} AS a, 5 AS \"a, b\", [7] AS l, 9 AS b, MAP {'k': 1} AS m, {'b': {'b': 3}} AS deep, "
        f"4 AS z) TO '{path}'"
    )
    found = session.parquet_statistics([path])
    assert set(found.columns) == {"b", "z"}
    assert found.columns["b"].maximum == 9


def test_names_that_differ_only_in_case_are_left_alone(session: Session, tmp_path: Path) -> None:
    """SQL cannot tell them apart, so neither is known."""
    path = _write(tmp_path / "c.parquet", {"a": pa.array([1]), "A": pa.array([2]), "b": pa.array([3])})
    assert set(session.parquet_statistics([path]).columns) == {"b"}


def test_a_column_of_two_types_is_left_alone(session: Session, tmp_path: Path) -> None:
    """Bounds of numbers say nothing once the numbers are read as something else."""
    paths = [
        _write(tmp_path / "1.parquet", {"a": pa.array([1, 200]), "b": pa.array([1, 2])}),
        _write(tmp_path / "2.parquet", {"a": pa.array([1.5, 2.5]), "b": pa.array([3, 4])}),
    ]
    found = session.parquet_statistics(paths)
    assert found.rows == 4
    assert set(found.columns) == {"b"}


def test_days_and_instants_out_of_reach_of_python_have_no_bounds(session: Session, tmp_path: Path) -> None:
    """Infinite days, and those of the year 20000, would come as something else."""
    path = str(tmp_path / "t.parquet")
    session.run(
        "COPY (SELECT 'infinity'::DATE AS forever, DATE '20000-01-01' AS far, DATE '9999-12-31' AS last, "
        f"TIMESTAMP_NS '2024-01-01 00:00:00.123456789' AS ns) TO '{path}'"
    )
    facts = session.parquet_statistics([path]).columns
    assert [facts[c].maximum for c in ("forever", "far", "last", "ns")] == [None, None, date(9999, 12, 31), None]
    assert [facts[c].nulls for c in ("forever", "far", "last", "ns")] == [0, 0, 0, 0]


def test_a_pattern_is_not_a_path(session: Session, tmp_path: Path) -> None:
    """Which files a pattern meant is known to whoever wrote it; nothing is guessed."""
    _write(tmp_path / "1.parquet", {"a": pa.array([1])})
    _write(tmp_path / "2.parquet", {"a": pa.array([2])})
    assert session.parquet_statistics([str(tmp_path / "*.parquet")]) == Statistics()


@pytest.mark.parametrize(
    ("content", "code"),
    [
        pytest.param(None, "FH-E107", id="that is not there"),
        pytest.param(b"", "FH-E201", id="that is empty"),
        pytest.param(b"PAR1 not really PAR1", "FH-E201", id="that only begins and ends like one"),
        pytest.param(b"a,b\n1,2\n" * 10, "FH-E201", id="that is text"),
    ],
)
def test_a_file_is_named_in_the_error_of_one(
    session: Session, tmp_path: Path, content: bytes | None, code: str
) -> None:
    """One clear error with the name of the file."""
    path = tmp_path / "day one.parquet"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(FreeholdError) as caught:
        session.parquet_statistics([str(path)])
    assert caught.value.code == code
    assert "day one.parquet" in str(caught.value)


# ---- the property: whatever is said is so

_TYPES = {
    "int8": (pa.int8(), st.integers(-(2**7), 2**7 - 1)),
    "int64": (pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    "uint32": (pa.uint32(), st.integers(0, 2**32 - 1)),
    "uint64": (pa.uint64(), st.integers(0, 2**64 - 1)),
    "bool": (pa.bool_(), st.booleans()),
    "float": (pa.float32(), st.floats(width=32)),
    "double": (pa.float64(), st.floats()),
    "small decimal": (pa.decimal128(7, 2), st.decimals(-99999, 99999, places=2)),
    "large decimal": (pa.decimal128(38, 4), st.decimals(-(10**30), 10**30, places=4)),
    "text": (pa.string(), st.text(st.characters(codec="utf-8"), max_size=80)),
    "bytes": (pa.binary(), st.binary(max_size=20)),
    "day": (pa.date32(), st.dates()),
    "local time": (
        pa.timestamp("ms"),
        st.datetimes().map(lambda d: d.replace(microsecond=d.microsecond // 1000 * 1000)),
    ),
    "instant": (
        pa.timestamp("us", "UTC"),
        st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29), timezones=st.just(UTC)),  # noqa: DTZ001
    ),
    "nanoseconds": (pa.timestamp("ns"), st.integers(-(2**62), 2**62)),
    "time of day": (pa.time64("us"), st.times()),
    "duration": (pa.duration("us"), st.timedeltas(timedelta(0), timedelta(1000))),
}


@pytest.fixture(scope="module")
def asking() -> Any:
    """A session without a warehouse, for many small files."""
    engine = open_engine("duckdb://", threads=1)
    yield engine.session(CALLER)
    engine.close()


@pytest.mark.parametrize("writer", ["arrow", "duckdb"])
@pytest.mark.parametrize("type_", _TYPES)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(drawn=st.data())
def test_whatever_a_footer_proves_a_scan_finds_too(
    asking: Session, type_: str, writer: str, drawn: st.DataObject
) -> None:
    """For values of every type, written by two writers, in several files and row groups."""
    arrow, values = _TYPES[type_]
    folder = Path(tempfile.mkdtemp())
    try:
        paths = []
        for number in range(drawn.draw(st.integers(1, 2))):
            column = pa.array(drawn.draw(st.lists(st.none() | values, max_size=12)), arrow)
            path = str(folder / f"{number}.parquet")
            if writer == "arrow":
                _write(Path(path), {"v": column}, row_group_size=5)
            else:
                asking.load(Relation("main", "t"), pa.table({"v": column}))
                asking.run(f"COPY t TO '{path}' (FORMAT parquet, ROW_GROUP_SIZE 2048)")
            paths.append(path)
        found = asking.parquet_statistics(paths)
        assert found.rows is not None
        _agrees(asking, paths, found)
    finally:
        shutil.rmtree(folder)
