"""Immutable Parquet segments of the ledger, by range of numbers: what evidence reads instead of rows.

They are a projection. Each range is a folder with one file an event type, its columns typed; the manifest names the
block that sealed the range and the schema each file was written with. A folder that does not fit the chain or today's
vocabulary is made anew.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import threading
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from freehold.ledger import tables
from freehold.ledger.columns import arrow, fingerprint, projection

if TYPE_CHECKING:
    import duckdb

    from freehold.ledger.store import Store
    from freehold.ledger.vocabulary import Vocabulary

EVENTS_EACH = 20_000
_MAKING = threading.Lock()  # of the threads of this process; each process makes segments in folders of its own


@dataclass(frozen=True, slots=True)
class Segment:
    """A range of events on disk: `files` by event type."""

    first_seq: int
    last_seq: int
    files: Mapping[str, Path]


def rows_between(store: Store, after: int, upto: int) -> Sequence[Any]:
    """Return the rows with after < seq <= upto, in order."""
    event = tables.event.c
    mine = (event.workspace == store.workspace, event.seq > after, event.seq <= upto)
    with store.read() as connection:
        return connection.execute(select(tables.event).where(*mine).order_by(event.seq)).all()


class Segments:
    """The segments of a workspace."""

    def __init__(self, store: Store, vocabulary: Vocabulary, connection: duckdb.DuckDBPyConnection) -> None:
        self._store = store
        self._vocabulary = vocabulary
        self._duckdb = connection
        self.folder = store.folder / "evidence" / store.workspace

    def upto(self, seq: int) -> tuple[Segment, ...]:
        """Return the full segments that lie within 1..seq, making those that are not there."""
        bounds = [(n * EVENTS_EACH + 1, (n + 1) * EVENTS_EACH) for n in range(seq // EVENTS_EACH)]
        seals = self._seals([last for _, last in bounds])
        return tuple(self._there(*at, seal) or self._make(*at, seal) for at, seal in zip(bounds, seals, strict=True))

    def _seals(self, numbers: Sequence[int]) -> list[str]:
        """Return the hash of the block that holds each number."""
        if not numbers:
            return []
        block = tables.block.c
        query = select(block.last_seq, block.hash).where(block.workspace == self._store.workspace)
        with self._store.read() as connection:
            blocks = connection.execute(query.order_by(block.last_seq)).all()
        ends = [row.last_seq for row in blocks]
        return [str(blocks[bisect_left(ends, number)].hash) for number in numbers]

    def _there(self, first: int, last: int, seal: str) -> Segment | None:
        folder = self._folder(first, last)
        try:
            manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
        except FileNotFoundError:
            return None
        files = {name: folder / self._file(name) for name in manifest["types"]}
        fits = manifest["seal"] == seal and all(path.exists() for path in files.values())
        return Segment(first, last, files) if fits else None

    def _make(self, first: int, last: int, seal: str) -> Segment:
        """Make a segment, once for all threads that miss it."""
        with _MAKING:
            return self._there(first, last, seal) or self._made(first, last, seal)

    def _made(self, first: int, last: int, seal: str) -> Segment:
        folder = self._folder(first, last)
        making = folder.with_name(f".{folder.name}.{os.getpid()}")
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(parents=True)
        types = self._write(making, first, last)
        (making / "manifest.json").write_text(json.dumps({"seal": seal, "types": types}), "utf-8")
        with contextlib.suppress(OSError):  # there is one, which another process may have put there and be reading
            making.rename(folder)
        if self._there(first, last, seal) is None:
            shutil.rmtree(folder, ignore_errors=True)
            with contextlib.suppress(OSError):
                making.rename(folder)
        shutil.rmtree(making, ignore_errors=True)
        return Segment(first, last, {name: folder / self._file(name) for name in types})

    def _write(self, folder: Path, first: int, last: int) -> list[str]:
        self._duckdb.register("_rows", arrow(rows_between(self._store, first - 1, last)))
        found = self._duckdb.execute("SELECT DISTINCT type FROM _rows ORDER BY type").fetchall()
        for (name,) in found:
            target = str(folder / self._file(name)).replace("'", "''")
            self._duckdb.execute(f"COPY ({self.select(name, '_rows')} ORDER BY seq) TO '{target}' (COMPRESSION zstd)")
        self._duckdb.unregister("_rows")
        return [name for (name,) in found]

    def select(self, name: str, source: str) -> str:
        """Return the SELECT of a type's columns; of a type unknown here (a newer Freehold wrote it) the envelope."""
        if name in self._vocabulary:
            return projection(self._vocabulary[name], source)
        literal = name.replace("'", "''")
        return f"SELECT * FROM {source} WHERE type = '{literal}'"

    def _folder(self, first: int, last: int) -> Path:
        return self.folder / f"{first:012}-{last:012}"

    def _file(self, name: str) -> str:
        version = fingerprint(self._vocabulary[name]) if name in self._vocabulary else "unknown"
        return f"{name}.{version}.parquet"
