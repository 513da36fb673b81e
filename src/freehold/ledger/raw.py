"""Raw segments: events too many for ledger rows go to Parquet files, and the chain holds the hash of each file.

Usage, telemetry and calls of models keep every event, so that distinct counts and percentiles stay exact.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from freehold.foundation import Exit, FreeholdError
from freehold.ledger.event import Event, Recorded, from_micros

if TYPE_CHECKING:
    from freehold.ledger.journal import Journal
    from freehold.ledger.ledger import Ledger
    from freehold.ledger.writer import Row


_LOOKED_BACK = 2_000  # segments of any type, for the newest events of one


class RawSegments:
    """The raw segments of a workspace."""

    def __init__(self, ledger: Ledger, folder: Path) -> None:
        self._ledger = ledger
        self._folder = folder

    def journal(self, type: str) -> Journal:
        """Open the journal of a type, for events that come one by one.

        Raises:
            FreeholdError: FH-L007 for a type that belongs into ledger rows; as `Journal`.
        """
        from freehold.ledger.journal import Journal

        self._check(type)
        return Journal(self, type, self._journal_folder(type))

    def has_journal(self, type: str) -> bool:
        """Whether anything of a journal is left to be sealed."""
        return any(self._journal_folder(type).glob("*.jsonl"))

    def has_any(self, type: str) -> bool:
        """Whether anything of a type was ever kept: in a segment, or in a journal that is left."""
        return self.folder_of(type).is_dir() or self.has_journal(type)

    def folder_of(self, type: str) -> Path:
        """Return where the segments of a type are, or would be."""
        return self._folder / "segments" / self._ledger.workspace / type

    def newest_ids(self, type: str, most: int) -> list[str]:
        """Return the ids of the newest events of a raw type, the oldest first; about as many as were asked for."""
        found: list[list[str]] = []
        for sealed in self._ledger.read(types=("segment.sealed",), newest_first=True, limit=_LOOKED_BACK):
            if sum(map(len, found)) >= most:
                break
            if sealed.data["type"] == type:
                found.append([str(row["id"]) for row in self.rows(sealed, ("id",))])
        return [id_ for some in reversed(found) for id_ in some][-most:]

    def _journal_folder(self, type: str) -> Path:
        return self._folder / "journal" / self._ledger.workspace / type

    def append(
        self,
        type: str,
        events: Iterable[Event],
        *,
        id: str | None = None,
        keep: Mapping[tuple[str, str], Any] | None = None,
    ) -> int:
        """Write events of one raw type as one segment; return the number of the event that seals it.

        The file is on disk and its hash in the chain when this returns. Give it thousands of events at a time: each
        call makes a file. `id` is that of the sealing event: what was sealed under it already is not sealed again.
        `keep` is as for `Ledger.append`, in the transaction that seals.

        Raises:
            FreeholdError: FH-L001 and FH-L002 as `Ledger.append`; FH-L007 for a type that belongs into ledger rows, or
                for no events at all; FH-L104 when the file cannot be written.
        """
        self._check(type)
        if id is not None and (known := self._ledger.get(id)) is not None:
            return known.seq
        rows = self._ledger.raw_rows(type, events)
        if not rows:
            raise FreeholdError("FH-L007", f"A segment of `{type}` needs events.", exit_code=Exit.USAGE)
        path = Path("segments") / rows[0]["workspace"] / type / f"{id or rows[0]['id']}.parquet"
        sha256, size = self._write(type, rows, self._folder / path)
        times = sorted(row["occurred_at"] for row in rows)
        said = {"type": type, "path": path.as_posix(), "rows": len(rows), "bytes": size, "sha256": sha256}
        bounds = {"first_occurred_at": from_micros(times[0]), "last_occurred_at": from_micros(times[-1])}
        return self._ledger.append(Event("segment.sealed", {**said, **bounds}, id), keep=keep)[0]

    def rows(self, sealed: Recorded, columns: Sequence[str]) -> list[dict[str, Any]]:
        """Return the events of one segment, by the event that sealed it: some columns of them, None for one not there.

        Raises:
            FreeholdError: FH-L112 when the file is gone or cannot be read.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        path = self._folder / str(sealed.data["path"])
        try:
            with pq.ParquetFile(path) as file:
                there = [name for name in columns if name in file.schema_arrow.names]
                read = file.read(columns=there).to_pylist()
        except (OSError, pa.ArrowException) as error:
            problem = f"The segment `{sealed.data['path']}` cannot be read: {error}"
            fix = "Restore it from a backup; `freehold audit verify` tells whether it is the one that was sealed."
            raise FreeholdError("FH-L112", problem, fix=fix, exit_code=Exit.ENVIRONMENT) from error
        empty = dict.fromkeys(columns)
        return [{**empty, **row} for row in read]

    def _check(self, type: str) -> None:
        if not self._ledger.vocabulary[type].is_raw:
            fix = "Append it to the ledger itself: `ledger.append(Event(...))`."
            raise FreeholdError("FH-L007", f"`{type}` is kept in ledger rows.", fix=fix, exit_code=Exit.USAGE)

    def _write(self, type: str, rows: list[Row], path: Path) -> tuple[str, int]:
        """Write the file so that it is there whole, or not at all; return its SHA-256 and size."""
        import pyarrow.parquet as pq

        partial = path.with_suffix(".partial")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(self._typed(type, rows), partial, compression="zstd")
            with partial.open("rb") as file:
                sha256 = hashlib.file_digest(file, "sha256").hexdigest()
                os.fsync(file.fileno())
            partial.replace(path)
        except OSError as error:
            problem = f"The segment `{path}` cannot be written: {error.strerror or error}."
            fix = "Free some space, or check the folder; nothing was recorded."
            raise FreeholdError("FH-L104", problem, fix=fix, exit_code=Exit.ENVIRONMENT) from error
        finally:
            with contextlib.suppress(OSError):  # it is not there, or never could be
                partial.unlink()
        return sha256, path.stat().st_size

    def _typed(self, type: str, rows: list[Row]) -> object:
        import duckdb

        from freehold.ledger.columns import ENVELOPE, arrow, projection

        class Rows(tuple[object, ...]):
            _fields = tuple(ENVELOPE)

        table = arrow([Rows(row.get(name, 0) for name in ENVELOPE) for row in rows])
        with duckdb.connect() as connection:
            connection.execute("SET TimeZone = 'UTC'")
            connection.register("_rows", table)
            return connection.sql(projection(self._ledger.vocabulary[type], "_rows")).to_arrow_table()
