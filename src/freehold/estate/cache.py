"""Remembers what files said, so that unchanged ones need no reading. A disposable copy: losing it costs time only.

One file, `.freehold/cache/estate`: a line of JSON (version, checksum, length), an index in JSON, the contents of the
files end to end. It is trusted when version and checksum agree, and each entry when size and time of change do. Plain
JSON rather than pickle: a cache that came with somebody else's repository must not be able to run code.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
import zlib
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from freehold import __version__
from freehold.estate.declared import Declaration, Reference
from freehold.estate.files import Found
from freehold.estate.schemas import SHIPPED

PLACE = Path(".freehold") / "cache" / "estate"
_FORMAT = 2
# A file changed again within the tick of the clock of its file system keeps its time; so young files are read anew.
_TICK_NS = 20_000_000


@dataclass(frozen=True, slots=True)
class Entry:
    """A valid file: what it declares, and its content. `seen_ns` is when it was looked at."""

    found: Found
    seen_ns: int
    digest: str  # sha256 of the content
    declarations: tuple[Declaration, ...]
    content: bytes

    def still_holds(self, found: Found) -> bool:
        """Whether the file is surely as it was when it was read."""
        return self.found == found and self.seen_ns - found.mtime_ns > _TICK_NS


def digest_of(content: bytes) -> str:
    """Return the sha256 of a file's content."""
    return hashlib.sha256(content).hexdigest()


def recall(root: Path) -> dict[str, Entry]:
    """Return the entries of the cache by path; empty when there is none, or none that can be trusted."""
    try:
        stored = (root / PLACE).read_bytes()
    except OSError:
        return {}
    head, _, rest = stored.partition(b"\n")
    # Whatever is wrong with a cache, the answer is the same: read the files.
    with suppress(ValueError, KeyError, TypeError, IndexError, RecursionError):
        said = json.loads(head)
        if said["version"] == _version() and said["checksum"] == zlib.crc32(rest):
            return _entries(json.loads(rest[: said["index"]]), rest[said["index"] :])
    return {}


def remember(root: Path, entries: Iterable[Entry]) -> None:
    """Write the cache anew, all at once. Where it cannot be written, nothing is lost but the time of the next run."""
    rows, contents = [], []
    for entry in entries:
        f = entry.found
        contents.append(entry.content)
        rows.append([f.path, f.size, f.mtime_ns, entry.seen_ns, entry.digest, len(entry.content), entry.declarations])
    index = json.dumps(rows, ensure_ascii=True, separators=(",", ":")).encode()
    rest = index + b"".join(contents)
    head = {"version": _version(), "checksum": zlib.crc32(rest), "index": len(index)}
    place = root / PLACE
    fresh = place.with_name(f"{place.name}.{os.getpid()}.{time.monotonic_ns()}")
    with suppress(OSError):  # a read-only checkout is no error
        place.parent.mkdir(parents=True, exist_ok=True)
        try:
            fresh.write_bytes(json.dumps(head).encode() + b"\n" + rest)
            fresh.replace(place)
        finally:
            fresh.unlink(missing_ok=True)


def _entries(rows: list[Any], contents: bytes) -> dict[str, Entry]:
    found, start = {}, 0
    for path, size, mtime_ns, seen_ns, digest, length, declarations in rows:
        found[path] = Entry(
            Found(path, size, mtime_ns),
            seen_ns,
            digest,
            tuple(_declaration(said) for said in declarations),
            contents[start : start + length],
        )
        start += length
    return found


def _declaration(said: list[Any]) -> Declaration:
    kind, id_, line, column, digest, references, objects, ports, extra = said
    return Declaration(kind, id_, line, column, digest, [Reference(*one) for one in references], objects, ports, extra)


@cache
def _version() -> str:
    """Return what the content of the cache depends on besides the files: this code and its schemas."""
    sources = sorted([*Path(__file__).parent.glob("*.py"), *SHIPPED.glob("*.json")])
    stats = [(source.name, stat.st_size, stat.st_mtime_ns) for source in sources for stat in [source.stat()]]
    return hashlib.sha256(repr((_FORMAT, __version__, stats)).encode()).hexdigest()
