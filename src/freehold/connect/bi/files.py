"""Which files an estate means by its dashboards, which tool each is of, and their bytes within bounds."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from freehold.estate.dashboards import DashboardFiles
from freehold.foundation import Exit, FreeholdError, Where

LARGEST = 64_000_000  # bytes of a file, or of one in an archive; a larger one is data, not the words about it
_PATTERN = set("*?[")
_ENDINGS = {
    ".csv": "csv",
    ".lkml": "looker",
    ".lookml": "looker",
    ".twb": "tableau",
    ".twbx": "tableau",
    ".tds": "tableau",
    ".tdsx": "tableau",
    ".bim": "powerbi",
    ".tmdl": "powerbi",
    ".pbir": "powerbi",
    ".pbit": "powerbi",
}
_NAMES = dict.fromkeys(("report.json", "visual.json", "page.json", "reportExtensions.json"), "powerbi")
_SHUT = {
    ".pbix": "Save it as a Power BI project (File > Save as > .pbip), or as a template (.pbit), and name that.",
    ".hyper": "Name the workbook (.twb, .twbx) or the data source (.tds, .tdsx) that reads it.",
}


@dataclass(frozen=True, slots=True)
class Export:
    """A file that tells of dashboards: `path` relative to the estate; `owner` where the file says of none."""

    root: Path
    path: str
    tool: str
    owner: str = ""

    @property
    def name(self) -> str:
        """The last part of its path."""
        return PurePosixPath(self.path).name

    @property
    def folder(self) -> PurePosixPath:
        """The folder it is in."""
        return PurePosixPath(self.path).parent

    def content(self) -> bytes:
        """Return its bytes.

        Raises:
            FreeholdError: FH-X203 it cannot be read; FH-X209 it is too large.
        """
        try:
            with (self.root / self.path).open("rb") as file:
                return bounded(file.read(LARGEST + 1), self.path)
        except OSError as error:
            raise broken(self.path, error.strerror or str(error)) from error

    def text(self) -> str:
        """Return its text; UTF-8, or UTF-16 with a mark in front, as some tools of Windows write it.

        Raises:
            FreeholdError: FH-X203 it is neither.
        """
        return decoded(self.content(), self.path)


def exports(root: Path, sources: Iterable[DashboardFiles]) -> tuple[list[Export], list[FreeholdError]]:
    """Return the files that sources mean, each once, and an error for each source or file that means nothing."""
    found: dict[str, Export] = {}
    errors: list[FreeholdError] = []
    for source in sources:
        try:
            paths = _paths(root, source)
        except FreeholdError as error:
            errors.append(error)
            continue
        known = 0
        for path in paths:
            ending = PurePosixPath(path).suffix.lower()
            tool = _tool(path, source.tool if len(paths) == 1 else "")
            if tool and source.tool in ("", tool):
                known += 1
                found.setdefault(path, Export(root, path, tool, source.owner))
            elif ending in _SHUT:
                known += 1
                errors.append(
                    FreeholdError("FH-X202", f"`{path}` is not a file of words.", where=Where(path), fix=_SHUT[ending])
                )
        if not known:
            errors.append(_unknown(source, paths))
    return list(found.values()), errors


def bounded(content: bytes, path: str) -> bytes:
    """Return bytes that are few enough.

    Raises:
        FreeholdError: FH-X209 they are more.
    """
    if len(content) > LARGEST:
        raise FreeholdError(
            "FH-X209",
            f"`{path}` is larger than {LARGEST // 1_000_000} MB.",
            where=Where(path),
            fix="Export the report without its data.",
        )
    return content


def broken(path: str, why: str, line: int = 0, column: int = 0, fix: str = "") -> FreeholdError:
    """Return the error of a file that is not what its ending says."""
    fix = fix or "Export it again; what other files tell stands."
    return FreeholdError("FH-X203", f"`{path}` cannot be read: {why}.", where=Where(path, line, column), fix=fix)


def too_deep(path: str) -> FreeholdError:
    """Return the error of a file whose fields are computed from each other without end in sight."""
    return broken(path, "its fields lead from one to another too often to be followed")


def decoded(content: bytes, path: str) -> str:
    """Return the text of bytes, UTF-8 or marked UTF-16.

    Raises:
        FreeholdError: FH-X203 they are neither.
    """
    encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise broken(path, f"byte {error.start + 1:,} is not {encoding.upper().removesuffix('-SIG')}", line) from error


def members(content: bytes, path: str, endings: tuple[str, ...]) -> Iterator[tuple[str, bytes]]:
    """Yield the names and bytes of the files in a zip archive whose names end so.

    Raises:
        FreeholdError: FH-X203 it is no archive; FH-X209 a member is too large, whatever its header says.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for name in archive.namelist():
                if name.endswith(endings):
                    with archive.open(name) as file:
                        yield name, bounded(file.read(LARGEST + 1), f"{path}/{name}")
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        raise broken(path, f"it is no zip archive that can be opened ({error})") from error


def _paths(root: Path, source: DashboardFiles) -> list[str]:
    """Return the files below the estate that a source means, in order."""
    asked = PurePosixPath(source.path)
    if asked.is_absolute() or ".." in asked.parts:
        raise FreeholdError(
            "FH-X201",
            f"`{source.path}` leads out of the estate.",
            where=source.where,
            fix="Name a file or folder below estate.yaml.",
            exit_code=Exit.FINDING,
        )
    at = root / source.path
    if at.is_file():
        found = [at]
    elif at.is_dir():
        found = [path for path in at.rglob("*") if path.is_file()]
    else:
        found = [path for path in root.glob(source.path) if path.is_file()] if _PATTERN & set(source.path) else []
    inside = [path for path in found if path.resolve().is_relative_to(root.resolve())]
    return sorted(path.relative_to(root).as_posix() for path in inside if not _is_hidden(path.relative_to(root)))


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _tool(path: str, asked: str) -> str:
    """Return the tool of a file: as asked for of a single file, else by its ending."""
    name = PurePosixPath(path).name
    return asked or _NAMES.get(name) or _ENDINGS.get(PurePosixPath(path).suffix.lower(), "")


def _unknown(source: DashboardFiles, paths: list[str]) -> FreeholdError:
    if not paths:
        return FreeholdError(
            "FH-X201",
            f"There is no file at `{source.path}`, where dashboards should be told of.",
            where=source.where,
            fix="Put the export there, or correct `spec.dashboards`.",
        )
    what = f"as {source.tool}" if source.tool else "as telling of dashboards"
    return FreeholdError(
        "FH-X202",
        f"No file at `{source.path}` is known {what}.",
        where=source.where,
        fix=f"Known are {', '.join(_ENDINGS)}, and the report.json of a Power BI project; `tool:` says it of a file.",
    )
