"""Writing events to a file for others: JSON Lines, or Parquet with the payload as JSON text."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from freehold.foundation import Exit, FreeholdError, near
from freehold.ledger.event import Recorded

if TYPE_CHECKING:
    from freehold.ledger.ledger import Ledger

ROWS_AT_ONCE = 10_000


def export(events: Iterable[Recorded], path: Path, format: str) -> int:
    """Write events to a file that appears whole or not at all; return how many there were.

    Raises:
        FreeholdError: FH-L402 for a format other than jsonl and parquet; FH-L403 when the file cannot be written.
    """
    formats: dict[str, Callable[[Iterable[Recorded], Path], int]] = {"jsonl": _jsonl, "parquet": _parquet}
    if format not in formats:
        fix = near(format, formats) or "Use jsonl or parquet."
        raise FreeholdError("FH-L402", f"Events are not exported as `{format}`.", fix=fix, exit_code=Exit.USAGE)
    if path.exists() and not path.is_file():
        raise FreeholdError(
            "FH-L403",
            f"`{path}` is no file, so it is not replaced.",
            fix="Name a file; for another program, `freehold ledger tail --json`.",
            exit_code=Exit.ENVIRONMENT,
        )
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        written = formats[format](events, partial)
        partial.replace(path)
    except OSError as error:
        problem = f"`{path}` cannot be written: {error.strerror or error}."
        raise FreeholdError("FH-L403", problem, fix="Choose another place.", exit_code=Exit.ENVIRONMENT) from error
    finally:
        with contextlib.suppress(OSError):  # it is not there, or never could be
            partial.unlink()
    return written


def expect_rows(ledger: Ledger, types: str | Iterable[str]) -> None:
    """Refuse types of which the ledger has no rows to write: they are in files already, and none of them would come.

    Raises:
        FreeholdError: FH-L601, with where those files are.
    """
    names = ledger.vocabulary.select([types] if isinstance(types, str) else types)
    for name in (name for name in names if ledger.vocabulary[name].is_raw):
        raise FreeholdError(
            "FH-L601",
            f"`{name}` is kept in Parquet files beside the rows of the ledger, not in them; nothing was written.",
            fix=f"Read {ledger.raw.folder_of(name)}/*.parquet; each is sealed by a `segment.sealed`.",
            exit_code=Exit.USAGE,
        )


def _jsonl(events: Iterable[Recorded], path: Path) -> int:
    written = 0
    with path.open("w", encoding="utf-8") as file:
        for event in events:
            file.write(json.dumps(event.to_json(), ensure_ascii=False) + "\n")
            written += 1
    return written


def _parquet(events: Iterable[Recorded], path: Path) -> int:
    import pyarrow as pa
    import pyarrow.parquet as pq

    text, whole, time = pa.string(), pa.int64(), pa.timestamp("us", tz="UTC")
    types = {"seq": whole, "schema_version": whole, "occurred_at": time, "recorded_at": time, "replay": pa.bool_()}
    names = list(Recorded.__slots__)
    schema = pa.schema([(name, types.get(name, text)) for name in names])
    written = 0
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for some in _some(events):
            columns = {name: [getattr(event, name) for event in some] for name in names if name != "data"}
            columns["data"] = [json.dumps(event.data, ensure_ascii=False, sort_keys=True) for event in some]
            writer.write_table(pa.table(columns, schema=schema))
            written += len(some)
    return written


def _some(events: Iterable[Recorded]) -> Iterator[list[Recorded]]:
    stream = iter(events)
    while some := list(islice(stream, ROWS_AT_ONCE)):
        yield some
