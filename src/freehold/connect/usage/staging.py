"""An export, brought into a table on disk: read by DuckDB whatever its size, in bounded memory, each row told once."""

from __future__ import annotations

import csv
import gzip
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from freehold.connect.usage.formats import Format
from freehold.engines import literal, open_engine, quoted
from freehold.foundation import LOCAL, Exit, FreeholdError, near
from freehold.foundation.words import counted

if TYPE_CHECKING:
    from freehold.engines import Engine, Session

EACH = 20_000  # rows that are in memory at a time
_MEMORY = "512MB"
_READERS = {
    ".csv": "read_csv({path}, auto_detect = false, header = true, delim = {delimiter}, quote = '\"', escape = '\"', "
    "columns = {columns}, strict_mode = true, max_line_size = 16000000)",
    ".json": "read_json({path}, maximum_object_size = 33554432, sample_size = -1)",
    ".jsonl": "read_json({path}, format = 'newline_delimited', maximum_object_size = 16777216)",
    ".ndjson": "read_json({path}, format = 'newline_delimited', maximum_object_size = 16777216)",
    ".parquet": "read_parquet({path})",
}
_ZIPPED = ".gz"
_DELIMITERS = ",;\t|"
_LONGEST_HEADER = 100_000
_EARLIEST = "1990-01-01"  # what is dated before was written by no clock
_ADDED = ("calls", "ms", "rows", "spilled")  # of counters: one statement may be told of in several rows


@dataclass(frozen=True)
class Staged:
    """The rows of an export in the columns of its format, each id once, the oldest first."""

    rows: int
    session: Session

    def batches(self) -> Iterator[list[dict[str, Any]]]:
        """Yield the rows, some at a time."""
        for first in range(0, self.rows, EACH):
            said = "SELECT * EXCLUDE (n) FROM told WHERE n > ? AND n <= ? ORDER BY n"
            yield self.session.arrow(said, (first, first + EACH)).to_pylist()


@contextmanager
def staged(path: Path, format_: Format) -> Iterator[Staged]:
    """Read a file; what it takes on disk is gone at the end.

    Raises:
        FreeholdError: FH-X401 its ending tells of no format, or it cannot be read; FH-X402 it has not the columns of
            its format; FH-X403 a row says no id, nobody or no time.
    """
    with (
        tempfile.TemporaryDirectory(prefix="freehold-usage-") as folder,
        closing(_opened(folder)) as engine,
        closing(engine.session(LOCAL, {"purpose": "usage"})) as session,
    ):
        session.run("SET preserve_insertion_order = false")  # of a file: it has to be sorted anyway
        yield _read(session, path, format_)


def _opened(folder: str) -> Engine:
    spill = f"{folder}/spill"
    return open_engine("duckdb:///told.db", root=folder, memory_limit=_MEMORY, temp_directory=spill, threads=2)


def _read(session: Session, path: Path, format_: Format) -> Staged:
    place = _expect_kind(path)
    try:
        session.run(f"CREATE VIEW given AS SELECT * FROM {place}")
        view, columns = _given(session, format_)
        missing = [name for name in format_.needs if name not in columns]
        if not missing:
            session.run(f"CREATE TABLE raw AS SELECT {_named(columns, format_)} FROM {view}")
            session.run(f"CREATE TABLE told AS {_told(format_)}")
    except FreeholdError as error:
        raise _unreadable(path, error.problem.splitlines()[0].rstrip(".")) from error
    if missing:
        raise _another(path, format_, missing, list(columns))
    _expect_whole(session, path, format_)
    return Staged(int(session.rows("SELECT count(*) FROM told")[0][0]), session)


def _expect_kind(path: Path) -> str:
    """Return what reads a file, as DuckDB says it."""
    if not path.is_file():
        raise _unreadable(path, "there is no such file")
    ending = Path(path.name.removesuffix(_ZIPPED)).suffix.lower()
    if ending not in _READERS:
        raise _unreadable(path, f"its name ends with none of {', '.join(_READERS)}")
    said = {"path": literal(str(path))}
    return _READERS[ending].format(**said, **(_layout(path) if ending == ".csv" else {}))


def _layout(path: Path) -> dict[str, str]:
    """Return what a CSV file's first row says of the others: left to guess, one broken row would change them all."""
    opening = gzip.open if path.suffix == _ZIPPED else open
    try:
        with opening(path, "rt", encoding="utf-8-sig", newline="") as file:
            first = file.readline(_LONGEST_HEADER)
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise _unreadable(path, str(error)) from error
    delimiter = max(_DELIMITERS, key=first.count)
    names = [name.strip() or "unnamed" for name in next(csv.reader([first], delimiter=delimiter), [])]
    told = [name if names.index(name) == place else f"{name}_{place}" for place, name in enumerate(names)]
    columns = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in told)
    return {"delimiter": literal(delimiter), "columns": f"{{{columns}}}"}


def _given(session: Session, format_: Format) -> tuple[str, dict[str, str]]:
    """Return the view that has the rows of a file, and its columns by the names that formats use."""
    view, there = "given", _there(session, "given")
    if format_.rows_in in there and not set(format_.needs) <= set(there):
        inner = f"SELECT unnest({quoted(there[format_.rows_in])}) AS one FROM given"
        session.run(f"CREATE VIEW opened AS SELECT unnest(one) FROM ({inner})")
        view, there = "opened", _there(session, "opened")
    return view, there


def _there(session: Session, view: str) -> dict[str, str]:
    return {_word(one.name): one.name for one in session.columns_of(f"SELECT * FROM {view}")}


def _word(name: str) -> str:
    return name.strip().lower().replace(" ", "_").replace(".", "_")


def _named(there: dict[str, str], format_: Format) -> str:
    shown = []
    for name in format_.columns:
        given = f"CAST({quoted(there[name])} AS VARCHAR)" if name in there else "NULL::VARCHAR"
        shown.append(f'{given} AS "{name}"')
    return ", ".join(shown)


def _told(format_: Format) -> str:
    """Return what takes from raw rows what is meant, each id once: of several rows the first, of counters their sum."""
    taken = ", ".join(f"{sql} AS {name}" for name, sql in format_.told.items())
    rows = f"SELECT {taken} FROM raw WHERE {format_.only}"
    others = [name for name in format_.told if name != "id"]
    how = [f"arg_min({name}, occurred_at) AS {name}" for name in others]
    if format_.kind == "counters":  # a file may say nowhere when it was taken
        how = [f"{'sum' if name in _ADDED else 'max'}({name}) AS {name}" for name in others]
    once = f"SELECT id, {', '.join(how)} FROM ({rows}) GROUP BY id"
    return f"SELECT *, row_number() OVER (ORDER BY occurred_at, id) AS n FROM ({once})"


def _expect_whole(session: Session, path: Path, format_: Format) -> None:
    timeless = "false" if format_.kind == "counters" else f"occurred_at IS NULL OR occurred_at < '{_EARLIEST}'"
    ((wrong, one),) = session.rows(
        "SELECT count(*), any_value(coalesce(id, '')) FROM told "
        f"WHERE coalesce(id, '') = '' OR coalesce(account, '') = '' OR {timeless}"
    )
    if wrong:
        raise FreeholdError(
            "FH-X403",
            f"{counted(wrong, 'rows')} of `{path.name}` without an id, an account, or a time that can be read: "
            f"`{one}`. Nothing was recorded.",
            fix="Export again with times as ISO 8601, such as 2026-11-20T10:00:00Z.",
            exit_code=Exit.USAGE,
        )


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
