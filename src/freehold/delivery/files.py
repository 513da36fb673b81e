"""Files as a source: which have arrived, in which version, and the SELECT that reads one by its contract."""

from __future__ import annotations

import csv
import hashlib
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from pathlib import Path

from freehold.delivery.asset import Asset, Files
from freehold.delivery.interval import Interval, day
from freehold.delivery.textual import as_promised, column_type, explained, read_as
from freehold.engines import literal, quoted
from freehold.estate.model import SchemaObject
from freehold.foundation import FreeholdError, Where, near

_DATE = re.compile(r"\d{4}-\d\d-\d\d")


@dataclass(frozen=True, slots=True)
class FileVersion:
    """One file in one version; `path` is relative to the estate, `name` what steps call this version by."""

    path: str
    digest: str
    name: str = field(init=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", f"file:{self.path}={self.digest}")


@dataclass(frozen=True, slots=True)
class _Seen:
    """A file as it was when it was last read: as long as size and time of change stay, so does the version."""

    size: int
    mtime_ns: int
    inode: int
    interval: Interval | None
    version: FileVersion


class Landing:
    """The files under an estate. Remembers versions as long as size and time of change stay the same."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._seen: dict[str, _Seen] = {}

    def arrived(self, asset: Asset) -> dict[Interval | None, FileVersion]:
        """Return the files of a source that are there, by interval (None for a source of one file)."""
        assert asset.files is not None
        if asset.files.by_day:
            return {seen.interval: seen.version for seen in self._dated(asset.files)}
        path = self._root / asset.files.held / asset.files.pattern
        return {None: self._look(asset.files.pattern, path.stat(), None, path).version} if path.is_file() else {}

    def unread(self, assets: Iterable[Asset]) -> tuple[str, ...]:
        """Say which files stand in the folders of sources and belong to none, and which folders are not there.

        A name that begins with a dot or an underscore is no delivery: tools leave such marks.
        """
        sources = [a.files for a in assets if a.files is not None]
        said = []
        for folder in sorted({f.pattern.rpartition("/")[0] for f in sources if f.by_day}):
            base = self._root / folder
            if not base.is_dir():
                said.append(f"The folder {folder} is not there, so nothing new of it was seen.")
                continue
            patterns = [f.pattern.rpartition("/")[2] for f in sources if f.pattern.rpartition("/")[0] == folder]
            with os.scandir(base) as entries:
                names = sorted(e.name for e in entries if not e.name.startswith((".", "_")) and e.is_file())
            for name in names:
                middles = [_middle(name, pattern) for pattern in patterns if "{date}" in pattern]
                if name in patterns or any(m and _day_of(m) for m in middles):
                    continue
                dated = next((m for m in middles if m and _DATE.fullmatch(m)), None)
                why = f"there is no day {dated}" if dated else f"no source reads it ({', '.join(patterns)})"
                said.append(f"{folder}/{name} was left where it is: {why}.")
        return tuple(said)

    def _look(self, path: str, stat: os.stat_result, on: date | None, place: Path | None = None) -> _Seen:
        known = self._seen.get(path)
        now = (stat.st_size, stat.st_mtime_ns, stat.st_ino)
        if known is None or (known.size, known.mtime_ns, known.inode) != now:
            interval = day(on) if on else None
            known = _Seen(*now, interval, FileVersion(path, _digest(place or self._root / path)))
            self._seen[path] = known
        return known

    def _dated(self, files: Files) -> list[_Seen]:
        folder, _, name = files.pattern.rpartition("/")
        if "{date}" in folder:
            raise FreeholdError(
                "FH-D301",
                f"`{files.pattern}`: {{date}} must stand in the name of the file, not of a folder.",
                fix="Write landing/lines/{date}.csv.",
            )
        found = []
        base = self._root / folder
        if not base.is_dir():
            return []
        with os.scandir(base) as entries:
            for entry in entries:
                on = _day_of(_middle(entry.name, name) or "")
                if on and entry.is_file():
                    found.append(self._look(f"{folder}/{entry.name}", entry.stat(), on))
        return found


def reading(root: Path, asset: Asset, version: FileVersion) -> str:
    """Return the SELECT that reads a file with the names and types of its contract, and fails rather than guess.

    Raises:
        FreeholdError: FH-D302 to FH-D304: the file does not have the columns that its contract promises.
    """
    assert asset.files is not None
    place = root / asset.files.held / version.path
    path = literal(str(place))
    if asset.files.format in ("parquet", "json"):
        return f"SELECT {_selected(asset.schema)} FROM read_{asset.files.format}({path})"
    header = header_of(place, version.path, asset.files)
    if asset.schema is None:
        return f"SELECT * FROM read_csv({path}, header = true, delim = {literal(asset.files.delimiter)})"
    _agree(header, asset.schema, version.path)
    types = {p.column: read_as(column_type(p)) for p in asset.schema.columns}
    columns = ", ".join(f"{literal(name)}: {literal(types.get(name, 'VARCHAR'))}" for name in header)
    return (
        f"SELECT {_as_promised(asset.schema, len(header), asset.files)} "
        f"FROM read_csv({path}, header = true, auto_detect = false, "
        f"delim = {literal(asset.files.delimiter)}, quote = '\"', escape = '\"', strict_mode = true, "
        f"null_padding = false, columns = {{{columns}}})"
    )


def _as_promised(schema: SchemaObject, columns: int, files: Files) -> str:
    one_line = str(schema.custom.get("freehold:line_feeds", "")).lower() != "allow"
    return ", ".join(
        as_promised(p.column, column_type(p), columns, files.delimiter, one_line=one_line) for p in schema.columns
    )


def explained_by_file(error: FreeholdError, root: Path, asset: Asset, version: FileVersion) -> FreeholdError:
    """Return an error of the engine as one about the line of the file where a value was refused, if one was."""
    if asset.files is None or asset.schema is None or asset.files.format != "csv":
        return error
    return explained(error, root / asset.files.held / version.path, version.path, asset.schema, asset.files.delimiter)


def _selected(schema: SchemaObject | None) -> str:
    return ", ".join(quoted(p.column) for p in schema.columns) if schema else "*"


def header_of(path: Path, shown: str, files: Files) -> list[str]:
    """Return the names of the columns of a CSV file; `shown` is how errors name it.

    Raises:
        FreeholdError: FH-D302 it has no header, or a column no name; FH-D304 it is not UTF-8.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            first = next(csv.reader(lines, delimiter=files.delimiter), None)
    except UnicodeDecodeError as error:
        raise FreeholdError(
            "FH-D304",
            f"The file is not UTF-8: byte {error.object[error.start]:#04x} at offset {error.start}.",
            where=Where(shown, error.object.count(b"\n", 0, error.start) + 1, 1),
            fix="Deliver the file as UTF-8.",
        ) from error
    if first and (nameless := next((n for n, name in enumerate(first, 1) if not name.strip()), None)):
        raise FreeholdError(
            "FH-D302",
            f"Column {nameless} of {len(first)} has no name in the header.",
            where=Where(shown, 1, len(files.delimiter.join(first[: nameless - 1])) + 2),
            fix="Have it named, or left out: a separator at the end of each line makes one more column.",
        )
    if not first:
        raise FreeholdError(
            "FH-D302", "The file is empty: it has no header.", where=Where(shown, 1, 1), fix="Deliver the file again."
        )
    return first


def _agree(header: list[str], schema: SchemaObject, shown: str) -> None:
    promised = [p.column for p in schema.columns]
    missing = [name for name in promised if name not in header]
    extra = [name for name in header if name not in promised]
    if missing:
        known = f" It has {', '.join(f'`{n}`' for n in extra)} instead." if extra else ""
        raise FreeholdError(
            "FH-D303",
            f"The file has no column {', '.join(f'`{n}`' for n in missing)}, which {schema.where} promises.{known}",
            where=Where(shown, 1, 1),
            fix=near(missing[0], extra) or "Ask the sender for the promised columns, or change the contract.",
        )
    if extra and str(schema.custom.get("freehold:extra_columns", "")).lower() == "forbid":
        raise FreeholdError(
            "FH-D303",
            f"The file has {', '.join(f'`{n}`' for n in extra)}, which {schema.where} does not name and forbids.",
            where=Where(shown, 1, 1),
            fix="Name the column in the contract, or have the sender leave it out.",
        )
    folded = [name.lower() for name in header]  # engines tell no two names apart by their case
    doubled = sorted({name for name in header if folded.count(name.lower()) > 1})
    if doubled:
        raise FreeholdError(
            "FH-D303", f"The column {' and '.join(f'`{n}`' for n in doubled)} stands twice.", where=Where(shown, 1, 1)
        )


def _digest(path: Path) -> str:
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()[:32]


def _middle(name: str, pattern: str) -> str | None:
    """Return what stands in a name where a pattern has `{date}`, or None where the rest does not fit."""
    before, after = pattern.split("{date}", 1)
    middle = name[len(before) : len(name) - len(after) if after else None]
    return middle if name == f"{before}{middle}{after}" else None


@lru_cache(maxsize=4096)
def _day_of(text: str) -> date | None:
    if not _DATE.fullmatch(text):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
