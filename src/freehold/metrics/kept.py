"""Answers kept on disk, each under the hash of what it was computed from. Losing them costs time and nothing else."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

PLACE = Path(".freehold") / "cache" / "answers"


class KeptAnswers:
    """The answers of an estate, in a `place` below its root. At most `most_bytes` are kept; those not asked for longest
    go first.
    """

    def __init__(self, root: Path, most_bytes: int = 256_000_000, place: Path = PLACE) -> None:
        self._folder = root / place
        self._most_bytes = most_bytes

    def get(self, key: str) -> pa.Table | None:
        """Return the answer under a key, or None; a file that cannot be read counts as none."""
        import pyarrow as pa

        path = self._path(key)
        try:
            with pa.OSFile(str(path)) as file, pa.ipc.open_file(file) as reader:
                table = reader.read_all()
            os.utime(path)
        except (OSError, pa.ArrowInvalid):  # never kept, or torn, or taken away meanwhile: it is computed again
            return None
        return table

    def put(self, key: str, table: pa.Table) -> None:
        """Keep an answer; a disk that does not take it is no reason not to give it."""
        import pyarrow as pa

        if table.nbytes > self._most_bytes // 4:
            return
        partial = self._folder / f"{key}.{os.getpid()}.partial"
        with suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            with pa.OSFile(str(partial), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
                writer.write_table(table)
            partial.replace(self._path(key))
            self._make_room()

    def _make_room(self) -> None:
        found = sorted(((s := p.stat()).st_mtime, s.st_size, p) for p in self._folder.glob("*.arrow"))
        excess = sum(size for _, size, _ in found) - self._most_bytes
        for _, size, path in found:
            if excess <= 0:
                return
            path.unlink(missing_ok=True)
            excess -= size

    def _path(self, key: str) -> Path:
        return self._folder / f"{key}.arrow"
