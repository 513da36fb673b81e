"""Opening a DuckDB file: one process owns it, whoever comes second waits or is told who has it."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from shlex import quote

import duckdb

from freehold.engines.duckdb.translating import translate
from freehold.foundation import Exit, FreeholdError, near

SETTINGS = ("max_temp_directory_size", "memory_limit", "temp_directory", "threads")

# What the settings of a profile may say otherwise.
_DEFAULTS = {
    "python_enable_replacements": "false",  # names in SQL mean tables, never variables of the code that happens to run
    "checkpoint_threshold": "64MB",  # of 16: less is rewritten, and what a crash leaves is read back in < 1 s
}
_HOLDER = re.compile(r"held in (?P<program>.+?) \(PID (?P<pid>\d+)\)")
_BETWEEN = "Unique file handle conflict"  # with an instance of this process that is not in its cache yet, or any more
_BETWEEN_S = 10.0  # to give a file back may mean to write what is left
_OURS = ".freehold"  # the folder in an estate that Freehold keeps its own in
_SQLITE = b"SQLite format 3\0"
_WHOLE_HEADER = 3 * 4096  # every DuckDB file that was ever finished is larger
_MADE_BY = slice(52, 84)  # where the header of a DuckDB file names the version that made it


def path_of(url: str, root: str) -> Path | None:
    """Return the file a `duckdb:` URL names; None for a database in memory.

    Raises:
        FreeholdError: FH-E002 it names no place.
    """
    rest = url.removeprefix("duckdb:")
    if rest in ("", "//", "///", "///:memory:"):
        return None
    if rest.startswith("////"):
        return Path(rest[3:])
    if rest.startswith("///"):
        return Path(root) / rest[3:]
    raise FreeholdError(
        "FH-E002",
        f"`{url}` is not a place of a DuckDB file.",
        fix="Write duckdb:///relative/path.db or duckdb:////absolute/path.db.",
        exit_code=Exit.USAGE,
    )


def expect_folder(path: Path, root: str) -> None:
    """Make sure that the folder of a file is there, or is one of Freehold's own, which is made when it is needed.

    A folder that nobody made is a slip of the pen more often than a wish: a warehouse in it would be empty.

    Raises:
        FreeholdError: FH-E400 there is no such folder.
    """
    folder = path.parent
    # Read before asked for: a system finds no `new/../there` before there is a `new`.
    if folder.resolve().is_dir() or folder.resolve().is_relative_to((Path(root) / _OURS).resolve()):
        return
    raise FreeholdError(
        "FH-E400",
        f"There is no folder `{folder}` for the warehouse `{path.name}`.",
        fix=f"Mend `url` of the connection in estate.yaml, or make the folder: mkdir -p {quote(str(folder))}",
        exit_code=Exit.ENVIRONMENT,
    )


def connect(path: Path | None, settings: Mapping[str, object], wait_s: float) -> duckdb.DuckDBPyConnection:
    """Open or create a file, waiting up to `wait_s` seconds for a process that holds it.

    Another thread of this process that opens it for the first time, or gives it back, at this very moment is waited for
    in any case: DuckDB refuses who comes between.

    Raises:
        FreeholdError: FH-E101 another process holds it; FH-E102 it cannot be used; FH-E103 a setting is wrong;
            FH-E104 a newer DuckDB made it; FH-E105 there is no room for it.
    """
    _check_names(settings)
    config = _DEFAULTS | {name: str(value) for name, value in settings.items()}
    if path is None:
        return _attempt(":memory:", config)
    _make_room(path)
    _refuse_sqlite(path)  # DuckDB would go and fetch an extension to read it
    began, pause = time.monotonic(), 0.01
    while True:
        is_new = not path.exists()
        try:
            return _attempt(str(path), config)
        except duckdb.Error as error:
            is_between = _BETWEEN in str(error)
            if not is_between and not _is_lock(error):
                if is_new:
                    _clear_away(path)
                raise _unusable(path, config, error) from error
            deadline = began + (max(wait_s, _BETWEEN_S) if is_between else wait_s)
            if time.monotonic() >= deadline:
                raise _locked(path, str(error)) from error
        time.sleep(min(pause, max(deadline - time.monotonic(), 0.0)))
        pause = min(pause * 2, 1.0)


def name_holder(path: Path) -> None:
    """Leave a note for the process that will find the file locked. Only talk: the lock is DuckDB's."""
    from sys import argv

    since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime())
    command = " ".join([Path(argv[0]).name, *argv[1:]])[:200]
    with suppress(OSError):  # a note that cannot be written costs a friendlier message, nothing else
        _note(path).write_text(json.dumps({"pid": os.getpid(), "command": command, "since": since}))


def forget_holder(path: Path) -> None:
    """Take the note away; call it while the file is still held, or it could be the next holder's."""
    with suppress(OSError):
        _note(path).unlink(missing_ok=True)


def _attempt(path: str, config: dict[str, str]) -> duckdb.DuckDBPyConnection:
    try:
        return duckdb.connect(path, config=dict(config))
    except duckdb.Error:
        raise
    except (RuntimeError, ValueError, OSError) as error:  # what the binding could not name
        raise duckdb.IOException(str(error)) from error


def _clear_away(path: Path) -> None:
    """Remove what a failed creation left, a full disk for instance: a stump would be refused for ever after."""
    with suppress(OSError):
        if path.stat().st_size < _WHOLE_HEADER:
            path.unlink()


def _check_names(settings: Mapping[str, object]) -> None:
    for name in settings:
        if name not in SETTINGS:
            raise FreeholdError(
                "FH-E103",
                f"A DuckDB connection has no setting `{name}`.",
                fix=near(name, SETTINGS) or f"Use one of: {', '.join(SETTINGS)}.",
                exit_code=Exit.USAGE,
            )


def _make_room(path: Path) -> None:
    """Make the folder of a new file, where it is Freehold's own.

    Raises:
        FreeholdError: FH-E102 the path is a folder, or its folder cannot be made.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.is_dir():
            return
        problem = f"The warehouse `{path}` is a folder, not a DuckDB file."
    except OSError as error:
        problem = f"The folder of the warehouse `{path}` cannot be made: {error.strerror}."
    raise FreeholdError(
        "FH-E102",
        problem,
        fix="Name a file in `url` of the connection in estate.yaml, in a folder that may be written.",
        exit_code=Exit.ENVIRONMENT,
    )


def _refuse_sqlite(path: Path) -> None:
    if _head(path).startswith(_SQLITE):
        raise FreeholdError(
            "FH-E102",
            f"The warehouse `{path}` is a SQLite file, not a DuckDB file.",
            fix="Name another file in `url` of the connection in estate.yaml.",
            exit_code=Exit.ENVIRONMENT,
        )


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as content:
            return content.read(_MADE_BY.stop)
    except OSError:  # not there, or not ours to read: DuckDB will say so, and we will translate
        return b""


def _is_lock(error: duckdb.Error) -> bool:
    text = str(error)
    return "Could not set lock" in text or _HOLDER.search(text) is not None


def _unusable(path: Path, config: Mapping[str, str], error: duckdb.Error) -> FreeholdError:
    """Say why a file that nobody holds cannot be opened."""
    text = str(error)
    if "database file with version number" in text:
        made_by = _head(path)[_MADE_BY].split(b"\0")[0].decode("ascii", "replace") or "a newer DuckDB"
        return FreeholdError(
            "FH-E104",
            f"The warehouse `{path}` was made by DuckDB {made_by}; this is DuckDB {duckdb.__version__}, "
            "which cannot read it.",
            fix="Upgrade: pip install --upgrade duckdb. Or `EXPORT DATABASE` with the newer version, and import here.",
            exit_code=Exit.ENVIRONMENT,
        )
    if "different configuration" in text:
        return FreeholdError(
            "FH-E101",
            f"The warehouse `{path}` is open in this process already, with other settings.",
            fix="Close it first, or open it with the same settings.",
            exit_code=Exit.ENVIRONMENT,
        )
    is_about_the_file = isinstance(error, duckdb.IOException | duckdb.FatalException | duckdb.InternalException)
    if not is_about_the_file and (wrong := _wrong_setting(config)):
        return wrong
    found = translate(error, warehouse=path)
    if found.code == "FH-E105":
        return found
    return FreeholdError(
        "FH-E102",
        f"The warehouse `{path}` cannot be opened: {_reason(path, text)}",
        exit_code=Exit.ENVIRONMENT,
        fix="Check the path and its rights; restore a damaged file from a backup, or move it away to start anew.",
    )


def _reason(path: Path, text: str) -> str:
    head = _head(path)
    if path.is_file() and os.access(path, os.R_OK) and head[8:12] != b"DUCK":
        return "it is not a DuckDB file." if head else "it is empty: something ended while it was made. Delete it."
    if "Permission denied" in text or "Read-only file system" in text:
        return "it may not be written" + (" (the file system is read-only)." if "Read-only" in text else ".")
    if "Could not read enough bytes" in text or "checksum" in text:
        return f"it is damaged or cut short ({text.splitlines()[0].removeprefix('IO Error: ')})."
    return text.splitlines()[0].removeprefix("IO Error: ")


def _wrong_setting(config: Mapping[str, str]) -> FreeholdError | None:
    """Return the error of the first setting whose value DuckDB does not take."""
    for name, value in config.items():
        try:
            duckdb.connect(":memory:", config={name: value}).close()
        except duckdb.Error as error:
            said = str(error).splitlines()[0].partition("Error: ")[2] or str(error)
            return FreeholdError(
                "FH-E103",
                f"DuckDB does not take `{value}` for `{name}`: {said}",
                fix="Mend it at the connection in estate.yaml, e.g. threads: 2, memory_limit: 4GB.",
                exit_code=Exit.USAGE,
            )
    return None


def _locked(path: Path, message: str) -> FreeholdError:
    held = _HOLDER.search(message)
    pid = int(held["pid"]) if held else None
    holder = f"process {pid} ({Path(held['program']).name})" if held else "another process"
    with suppress(OSError, ValueError, KeyError, TypeError):
        said = json.loads(_note(path).read_text())
        if pid is None:
            holder = f"another process, the last known being {said['pid']} (`{said['command']}`, since {said['since']})"
        elif pid == said["pid"]:
            holder = f"process {pid} (`{said['command']}`, since {said['since']})"
    paused = pid is not None and _is_stopped(pid)
    wake = f" It is stopped: `kill -CONT {pid}` lets it go on." if paused else ""
    return FreeholdError(
        "FH-E101",
        f"The warehouse `{path}` is in use by {holder}.{wake}",
        fix="Wait for it with `--wait 60`, or stop that process.",
        exit_code=Exit.ENVIRONMENT,
    )


def _is_stopped(pid: int) -> bool:
    """Say whether a process of this machine is paused; no where the system does not tell."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] in ("T", "t")


def _note(path: Path) -> Path:
    return path.with_name(path.name + ".owner")
