"""An export, brought into a table on disk: read by DuckDB whatever its size, in bounded memory, each row told once."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from freehold.connect.usage.formats import Format
from freehold.foundation import Exit, FreeholdError, near

if TYPE_CHECKING:
    import pyarrow as pa

EACH = 20_000  # rows that are in memory at a time
_MEMORY = "512MB"
_READERS = {
    ".csv": "read_csv({path}, all_varchar = true, header = true, strict_mode = true, max_line_size = 16000000)",
    ".json": "read_json({path}, maximum_object_size = 33554432, sample_size = -1)",
    ".jsonl": "read_json({path}, format = 'newline_delimited', maximum_object_size = 16777216)",
    ".ndjson": "read_json({path}, format = 'newline_delimited', maximum_object_size = 16777216)",
    ".parquet": "read_parquet({path})",
}
_ZIPPED = ".gz"


@dataclass(frozen=True)
class Staged:
    """The rows of an export in the columns of its format, each id once, the oldest first."""

    rows: int
    connection: duckdb.DuckDBPyConnection

    def batches(self) -> Iterator[list[dict[str, Any]]]:
        """Yield the rows, some at a time."""
        said = self.connection.sql("SELECT * FROM told ORDER BY occurred_at, id")
        for batch in said.to_arrow_reader(EACH):
            yield _dicts(batch)


def _dicts(batch: pa.RecordBatch) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = batch.to_pylist()
    return found


@contextmanager
def staged(path: Path, format_: Format) -> Iterator[Staged]:
    """Read a file; what it takes on disk is gone at the end.

    Raises:
        FreeholdError: FH-X401 its ending tells of no format, or it cannot be read; FH-X402 it has not the columns of
            its format; FH-X403 a row says no id, nobody or no time.
    """
    with tempfile.TemporaryDirectory(prefix="freehold-usage-") as folder, duckdb.connect(f"{folder}/told.db") as told:
        told.execute(f"SET TimeZone = 'UTC'; SET memory_limit = '{_MEMORY}'; SET temp_directory = '{folder}/spill'")
        told.execute("SET threads = 2; SET preserve_insertion_order = false")
        try:
            view, columns = _given(told, path, format_)
            told.execute(f"CREATE TABLE raw AS SELECT {_named(columns, format_)} FROM {view}")
            told.execute(f"CREATE TABLE told AS {_told(format_)}")
        except duckdb.Error as error:
            raise _unreadable(path, str(error).splitlines()[0]) from error
        _expect_whole(told, path)
        ((rows,),) = told.execute("SELECT count(*) FROM told").fetchall()
        yield Staged(int(rows), told)


def _given(told: duckdb.DuckDBPyConnection, path: Path, format_: Format) -> tuple[str, dict[str, str]]:
    """Make a view of the rows of a file; return its name, and its columns by the names that formats use."""
    if not path.is_file():
        raise _unreadable(path, "there is no such file")
    ending = Path(path.name.removesuffix(_ZIPPED)).suffix.lower()
    if ending not in _READERS:
        raise _unreadable(path, f"its name ends with none of {', '.join(_READERS)}")
    place = "'" + str(path).replace("'", "''") + "'"
    told.execute(f"CREATE VIEW given AS SELECT * FROM {_READERS[ending].format(path=place)}")
    view, there = "given", _there(told, "given")
    if format_.rows_in and format_.rows_in in there and not set(format_.needs) <= set(there):
        inner = f'SELECT unnest("{there[format_.rows_in]}", recursive := false) AS one FROM given'
        told.execute(f"CREATE VIEW opened AS SELECT unnest(one) FROM ({inner})")
        view, there = "opened", _there(told, "opened")
    missing = [name for name in format_.needs if name not in there]
    if missing:
        raise _another(path, format_, missing, list(there))
    return view, there


def _there(told: duckdb.DuckDBPyConnection, view: str) -> dict[str, str]:
    rows = told.execute(f"DESCRIBE {view}").fetchall()
    return {_word(str(name)): str(name) for name, *_ in rows}


def _word(name: str) -> str:
    return name.strip().lower().replace(" ", "_").replace(".", "_")


def _named(there: dict[str, str], format_: Format) -> str:
    shown = []
    for name in format_.columns:
        given = f'CAST("{there[name]}" AS VARCHAR)' if name in there else "NULL::VARCHAR"
        shown.append(f'{given} AS "{name}"')
    return ", ".join(shown)


def _told(format_: Format) -> str:
    """Return what takes from raw rows what is meant, each id once: of several rows the first, of counters their sum."""
    taken = ", ".join(f"{sql} AS {name}" for name, sql in format_.told.items())
    rows = f"SELECT {taken} FROM raw WHERE {format_.only}"
    others = [name for name in format_.told if name != "id"]
    added = {"calls", "ms", "rows"} if format_.kind == "counters" else set()
    how = ", ".join(
        f"{'sum' if n in added else 'arg_min'}({n}{'' if n in added else ', occurred_at'}) AS {n}" for n in others
    )
    if format_.kind == "counters":  # a file may say nowhere when it was taken
        how = ", ".join(f"{'sum' if n in added else 'max'}({n}) AS {n}" for n in others)
    return f"SELECT id, {how} FROM ({rows}) GROUP BY id"


def _expect_whole(told: duckdb.DuckDBPyConnection, path: Path) -> None:
    has_time = "occurred_at IS NULL" if _is_timed(told) else "false"
    ((wrong, one),) = told.execute(
        f"SELECT count(*), any_value(coalesce(id, '')) FROM told "
        f"WHERE coalesce(id, '') = '' OR coalesce(account, '') = '' OR {has_time}"
    ).fetchall()
    if wrong:
        raise FreeholdError(
            "FH-X403",
            f"{wrong:,} rows of `{path.name}` say no id, nobody, or no time that can be read; one is `{one}`. "
            "Nothing was recorded.",
            fix="Export again with times as ISO 8601, such as 2026-11-20T10:00:00Z.",
            exit_code=Exit.USAGE,
        )


def _is_timed(told: duckdb.DuckDBPyConnection) -> bool:
    """Whether rows say when they happened: counters may leave that to the file."""
    return "calls" not in _there(told, "told")


def _unreadable(path: Path, why: str) -> FreeholdError:
    return FreeholdError(
        "FH-X401", f"`{path}` cannot be read: {why}. Nothing was recorded.",
        fix=f"Give a file in UTF-8 that ends with {', '.join(_READERS)}, or one of them with {_ZIPPED}.",
        exit_code=Exit.USAGE,
    )  # fmt: skip


def _another(path: Path, format_: Format, missing: list[str], there: list[str]) -> FreeholdError:
    hints = " ".join(filter(None, (near(name, there) for name in missing)))
    return FreeholdError(
        "FH-X402",
        f"`{path.name}` is no export of {format_.name}: it has no column {', '.join(f'`{m}`' for m in missing)}. "
        "Nothing was recorded.",
        fix=f"{hints + ' ' if hints else ''}It is made so: {format_.made}",
        exit_code=Exit.USAGE,
    )  # fmt: skip
