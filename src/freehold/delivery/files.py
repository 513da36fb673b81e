"""Files as a source: which have arrived, in which version, and the SELECT that reads one by its contract."""

from __future__ import annotations

import csv
import hashlib
import os
import re
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from freehold.delivery.asset import Asset, Files
from freehold.delivery.interval import Interval, day
from freehold.engines import literal, quoted
from freehold.estate.model import Property, SchemaObject
from freehold.foundation import FreeholdError, Where, near

_LOGICAL = {
    "string": "VARCHAR",
    "integer": "BIGINT",
    "number": "DOUBLE",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
    "time": "TIME",
}
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_PHYSICAL = re.compile(
    r"(?i)^(varchar|char|text|string|tinyint|smallint|int|integer|bigint|hugeint|float|real|double|boolean|bool"
    r"|date|time|timestamp|timestamptz|timestamp with time zone|uuid|blob|json"
    r"|(decimal|numeric)\(\d+\s*,\s*\d+\)|varchar\(\d+\))$"
)


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
        path = self._root / asset.files.pattern
        return {None: self._look(asset.files.pattern, path.stat(), None).version} if path.is_file() else {}

    def _look(self, path: str, stat: os.stat_result, on: str | None) -> _Seen:
        known = self._seen.get(path)
        now = (stat.st_size, stat.st_mtime_ns, stat.st_ino)
        if known is None or (known.size, known.mtime_ns, known.inode) != now:
            interval = day(_date_of(on, path)) if on else None
            known = _Seen(*now, interval, FileVersion(path, _digest(self._root / path)))
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
        before, after = name.split("{date}", 1)
        found = []
        base = self._root / folder
        if not base.is_dir():
            return []
        with os.scandir(base) as entries:
            for entry in entries:
                middle = entry.name[len(before) : len(entry.name) - len(after) if after else None]
                if entry.name == f"{before}{middle}{after}" and _DATE.fullmatch(middle) and entry.is_file():
                    found.append(self._look(f"{folder}/{entry.name}", entry.stat(), middle))
        return found


def reading(root: Path, asset: Asset, version: FileVersion) -> str:
    """Return the SELECT that reads a file with the names and types of its contract, and fails rather than guess.

    Raises:
        FreeholdError: FH-D302 to FH-D304: the file does not have the columns that its contract promises.
    """
    assert asset.files is not None
    path = literal(str(root / version.path))
    if asset.files.format in ("parquet", "json"):
        return f"SELECT {_selected(asset.schema)} FROM read_{asset.files.format}({path})"
    header = _header(root / version.path, version.path, asset.files)
    if asset.schema is None:
        return f"SELECT * FROM read_csv({path}, header = true, delim = {literal(asset.files.delimiter)})"
    _agree(header, asset.schema, version.path)
    types = {p.column: _TEXT_TYPES.get(kind := column_type(p), kind) for p in asset.schema.columns}
    columns = ", ".join(f"{literal(name)}: {literal(types.get(name, 'VARCHAR'))}" for name in header)
    return (
        f"SELECT {_as_utc(asset.schema)} FROM read_csv({path}, header = true, auto_detect = false, "
        f"delim = {literal(asset.files.delimiter)}, quote = '\"', escape = '\"', strict_mode = true, "
        f"null_padding = false, columns = {{{columns}}})"
    )


def column_type(p: Property) -> str:
    """Return the type a column of a contract has in the warehouse: physicalType where it is one, else logicalType."""
    if p.physical_type and _PHYSICAL.match(p.physical_type):
        return p.physical_type.upper().replace("STRING", "VARCHAR")
    if p.logical_type == "timestamp" and p.options.get("timezone"):
        return "TIMESTAMPTZ"
    return _LOGICAL.get(p.logical_type or "string", "VARCHAR")


# An offset in a text says which instant is meant: it is read with it and kept as UTC. A plain cast would drop it.
_TEXT_TYPES = {"TIMESTAMP": "TIMESTAMPTZ"}


def _as_utc(schema: SchemaObject) -> str:
    """Return the columns of a text file, instants without a zone in UTC."""
    return ", ".join(
        f"timezone('UTC', {quoted(p.column)}) AS {quoted(p.column)}"
        if column_type(p) in _TEXT_TYPES
        else quoted(p.column)
        for p in schema.columns
    )


def _selected(schema: SchemaObject | None) -> str:
    return ", ".join(quoted(p.column) for p in schema.columns) if schema else "*"


def _header(path: Path, shown: str, files: Files) -> list[str]:
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
    doubled = sorted({name for name in header if header.count(name) > 1})
    if doubled:
        raise FreeholdError("FH-D303", f"The column `{doubled[0]}` stands twice.", where=Where(shown, 1, 1))


def _digest(path: Path) -> str:
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()[:32]


def _date_of(text: str, path: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise FreeholdError("FH-D305", f"`{path}` is named after no day: {error}.", fix="Rename the file.") from error
