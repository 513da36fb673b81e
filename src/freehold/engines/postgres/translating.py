"""What a PostgreSQL error means to the one who ran the command: whose fault it is, where, and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from freehold.foundation import Exit, FreeholdError, Transient, Where
from freehold.foundation.postgres import refusal

if TYPE_CHECKING:
    import psycopg

_MET = {"40001", "40P01", "55P03"}  # serialization, deadlock, lock not available
_FULL = {"53100", "58030"}  # disk full, I/O error
_GONE = ("08", "57P")  # classes: connection exceptions, the operator took the server away


def translate(error: psycopg.Error, sql: str = "", *, tag: str = "") -> FreeholdError:
    """Return the error of ours that says what one of PostgreSQL means; `sql` is the statement that failed."""
    state = error.sqlstate or ""
    said = _said(error, tag)
    if state in _MET:
        return _met(state, said)
    if state in _FULL:
        return FreeholdError(
            "FH-E105",
            f"The warehouse could not write: {said}",
            fix="Free disk space on the server and run again; what was published before is untouched.",
            exit_code=Exit.ENVIRONMENT,
        )
    if state == "53200":
        return FreeholdError(
            "FH-E106",
            f"The warehouse ran out of memory: {said}",
            fix="Lower `work_mem` of the connection, or select fewer intervals.",
            exit_code=Exit.ENVIRONMENT,
        )
    if state == "57014":
        return FreeholdError(
            "FH-E114",
            f"The statement was ended by the server: {said}",
            fix="Raise `statement_timeout` of the connection in estate.yaml, or select fewer intervals.",
            exit_code=Exit.ENVIRONMENT,
        )
    if state == "42501":
        return FreeholdError(
            "FH-E112",
            f"The warehouse does not let this user do that: {said}",
            fix="Grant the user CREATE on the database, and ownership of what Freehold is to write.",
            exit_code=Exit.ENVIRONMENT,
        )
    if not state or state.startswith(_GONE):
        return _gone(said)
    if state == "25P02":
        return FreeholdError("FH-E111", f"The transaction cannot go on: {said}", fix="Leave it, and begin anew.")
    return FreeholdError("FH-E201", said, where=_line_in(error, sql))


def unreachable(error: psycopg.Error, place: str) -> FreeholdError:
    """Return the error of a server that does not let us in; `place` is its URL without a password."""
    known = refusal(str(error))
    problem, fix = known or (_said(error, ""), "Check the URL, and that the server runs and lets this user in.")
    return FreeholdError("FH-E112", f"The warehouse at `{place}`: {problem}", fix=fix, exit_code=Exit.ENVIRONMENT)


def closed() -> FreeholdError:
    """Return the error of a session that is used after its end."""
    return FreeholdError("FH-E108", "The session is closed.", fix="Open a session of an engine that is open.")


def _met(state: str, said: str) -> Transient:
    if state == "55P03":
        problem = f"Somebody reads or writes what was to be changed, and did not end in time: {said}"
        fix = "It is tried again by itself; if it stays, see `pg_stat_activity` for the statement that takes so long."
        return Transient("FH-E110", problem, fix=fix, exit_code=Exit.ENVIRONMENT)
    return Transient("FH-E110", f"Another transaction changed the same rows: {said}", exit_code=Exit.ENVIRONMENT)


def _gone(said: str) -> FreeholdError:
    known = refusal(said)
    problem, fix = known or (said, "Run again when the server is up.")
    return FreeholdError("FH-E112", f"The warehouse: {problem}", fix=fix, exit_code=Exit.ENVIRONMENT)


def _said(error: psycopg.Error, tag: str) -> str:
    """Return what the server said, with its detail and hint, and without the drawing of the statement."""
    diag = error.diag
    parts = [diag.message_primary or str(error).strip(), diag.message_detail or "", diag.message_hint or ""]
    text = " ".join(part if part.endswith((".", "?")) else f"{part}." for part in parts if part)
    return (text.replace(tag, "") if tag else text).strip()


def _line_in(error: psycopg.Error, sql: str) -> Where | None:
    """Return the place in a statement of several lines that an error speaks of."""
    position = error.diag.statement_position
    if not position or not sql or "\n" not in sql.strip():
        return None
    before = sql[: int(position) - 1]
    return Where("<sql>", before.count("\n") + 1, 1)
