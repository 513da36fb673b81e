"""What a DuckDB error means to the one who ran the command: their file, their line, and what to do."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb

from freehold.foundation import Exit, FreeholdError, Transient, Where

_FULL = ("no space left on device", "disk quota exceeded", "file too large", "disk full", "max_temp_directory_size")
_DAMAGED = ("corrupt database file", "not a valid duckdb database", "could not read enough bytes")
_FILE = re.compile(r"""(?:[Ff]ile|pattern) (?P<quote>["'])(?P<path>.+?)(?P=quote)""")
_CSV = re.compile(
    r"CSV Error on Line: (?P<line>\d+)\n(?:Original Line: (?P<original>.*?)\n)?"
    r"(?P<reason>(?:Error when|Expected Number|Value with|Invalid unicode|Maximum line|The CSV)[^\n]*)",
    re.S,  # a value in quotes that never end may go over many lines
)
_CSV_FILE = re.compile(r"^\s*file = (?P<path>.+)$", re.M)
_BAD_VALUE = re.compile(r'Could not convert string "(?P<value>.*?)" to ')
_SHOWN = 120  # characters of an offending line that help; a line may be megabytes long


def translate(
    error: duckdb.Error, sql: str = "", *, tag: str = "", warehouse: Path | None = None, root: str = "."
) -> FreeholdError:
    """Return the error of ours that says what a DuckDB error means.

    `sql` is the statement that failed, `tag` what was added to it; `warehouse` is the file it ran in; paths under
    `root` are shown relative to it.
    """
    text = (str(error).replace(tag, "") if tag else str(error)).strip()
    first = (text.splitlines() or [type(error).__name__])[0]
    if _has(text, _FULL):
        return _no_room(text)
    if isinstance(error, duckdb.TransactionException | duckdb.ConnectionException):
        return _about_a_session(error, first)
    if isinstance(error, duckdb.OutOfMemoryException) or "Out of Memory Error" in text:
        return FreeholdError(
            "FH-E106",
            f"The warehouse ran out of memory: {_plain(first)}",
            fix="Raise `memory_limit` of the connection in estate.yaml, lower `threads`, or select fewer intervals.",
            exit_code=Exit.ENVIRONMENT,
        )
    if isinstance(error, duckdb.FatalException | duckdb.InternalException) or _has(text, _DAMAGED):
        return _damaged(warehouse, first)
    if found := _file_of_a_user(error, text, warehouse, root):
        return found
    if isinstance(error, duckdb.IOException):  # it names the warehouse
        return _damaged(warehouse, first)
    return FreeholdError("FH-E201", _with_near_matches(text), where=_line_in(text, sql))


def _no_room(text: str) -> FreeholdError:
    cause = next(line for line in reversed(text.splitlines()) if _has(line, _FULL))
    return FreeholdError(
        "FH-E105",
        f"The warehouse could not write: {_plain(cause)}",
        fix="Free disk space and run again; what was published before is untouched.",
        exit_code=Exit.ENVIRONMENT,
    )


def _about_a_session(error: duckdb.Error, first: str) -> FreeholdError:
    """Return the error of two transactions that met, or of a session that is not in a state to go on."""
    if isinstance(error, duckdb.ConnectionException):
        return FreeholdError(
            "FH-E108", f"The session is closed: {_plain(first)}", fix="Open a session of an engine that is open."
        )
    if "conflict" in first.lower():
        said = f"Another transaction changed the same rows: {_plain(first)}"
        return Transient("FH-E110", said, exit_code=Exit.ENVIRONMENT)
    return FreeholdError(
        "FH-E111",
        f"The transaction cannot go on: {_plain(first)}",
        fix="Leave the transaction that is open before starting another.",
    )


def _damaged(warehouse: Path | None, said: str) -> FreeholdError:
    return FreeholdError(
        "FH-E102",
        f"The warehouse file{f' `{warehouse}`' if warehouse else ''} failed: {_plain(said)}",
        fix="Check the file, its rights and the disk; restore a damaged file from a backup, then run again.",
        exit_code=Exit.ENVIRONMENT,
    )


def _file_of_a_user(error: duckdb.Error, text: str, warehouse: Path | None, root: str) -> FreeholdError | None:
    """Return the error of a file that a statement reads or writes, placed in that file; None where it is another."""
    if csv := _CSV.search(text):
        return _csv(csv, text, root)
    named = _FILE.search(text)
    if warehouse and named and named["path"] in (str(warehouse), f"{warehouse}.wal"):
        return None
    place = Where(_shown(named["path"], root)) if named else None
    if isinstance(error, duckdb.IOException):
        return FreeholdError(
            "FH-E107",
            f"A file could not be used: {_with_near_matches(text)}",
            where=place,
            fix="Check that it is there and may be read or written.",
            exit_code=Exit.ENVIRONMENT,
        )
    if place is None:
        return None
    fix = "Deliver the file again, whole."
    return FreeholdError("FH-E201", _with_near_matches(text), where=place, fix=fix)


def _csv(found: re.Match[str], text: str, root: str) -> FreeholdError:
    """Return the error of a CSV file at the line, and as far as that can be told the column, that is wrong."""
    reason = found["reason"].strip()
    original = (found["original"] or "").partition("\n")[0]
    value = _BAD_VALUE.search(reason)
    at = original.find(value["value"]) if value else original.find('"') if "quote" in reason else 0
    path = _CSV_FILE.search(text)
    place = Where(_shown(path["path"].strip(), root), int(found["line"]), max(at, 0) + 1) if path else None
    if "state machine" in reason:
        reason = "its lines do not all end alike (CRLF and LF), or its quotes do not match"
    line = original if len(original) <= _SHOWN else original[:_SHOWN] + "…"
    return FreeholdError(
        "FH-E201",
        f"The line `{line}` cannot be read: {reason.rstrip('.')}.",
        where=place,
        fix="Mend the line, or have the file delivered again; if the line is right, the contract's types are not.",
    )


def _with_near_matches(text: str) -> str:
    """Keep the message and the near matches; drop the drawing of the statement and the kind of exception."""
    kept = []
    for line in text.splitlines():
        if line.startswith("LINE ") or not set(line) - {" ", "^"}:
            continue
        kept.append(line.strip())
    return _plain(" ".join(kept))


def _plain(text: str) -> str:
    """Drop the name of the exception that DuckDB puts first: `Binder Error: `."""
    return re.sub(r"^(TransactionContext|FATAL|[A-Z][\w /-]{1,30}?) Error: ", "", text)


def _line_in(text: str, sql: str) -> Where | None:
    found = re.search(r"^LINE (\d+): ", text, re.M)
    return Where("<sql>", int(found[1]), 1) if found and "\n" in sql else None


def _shown(path: str, root: str) -> str:
    prefix = str(Path(root).resolve()) + "/"
    return path.removeprefix(prefix)


def _has(text: str, signs: tuple[str, ...]) -> bool:
    lowered = text.lower()
    return any(sign in lowered for sign in signs)
