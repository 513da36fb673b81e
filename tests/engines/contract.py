"""What every engine must do, said once. An engine joins by an entry in ENGINES; what it lacks is marked, and strict.

Three honest marks: `notimpl` (we have not built it), `notyet` (the engine cannot do it yet), `never` (it is not in the
nature of the engine, and the reason says why). A marked test that passes fails the suite: no mark outlives its cause.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest

from freehold.engines import Engine, open_engine
from freehold.foundation import Caller

CALLER = Caller("user:local/ada", purpose="month-end close")
Test = TypeVar("Test", bound=Callable[..., Any])


@dataclass(frozen=True)
class Kind:
    """One engine under the contract: how to open it in a folder, and how it says which statements reached it."""

    name: str
    open: Callable[[Path], Engine]
    statements: Callable[[Engine], AbstractContextManager[Callable[[], list[str]]]]


def _lacks(mark: str) -> Callable[..., Callable[[Test], Test]]:
    def marking(*engines: str, reason: str) -> Callable[[Test], Test]:
        def marked(test: Test) -> Test:
            lacks = dict(getattr(test, "lacks", {}))
            test.lacks = {**lacks, **dict.fromkeys(engines, f"{mark}: {reason}")}  # type: ignore[attr-defined]
            return test

        return marked

    return marking


notimpl = _lacks("notimpl")
notyet = _lacks("notyet")
never = _lacks("never")


def apply_marks(request: pytest.FixtureRequest, engine: str) -> None:
    """Turn the mark of a test for this engine into a strict expected failure."""
    reason = getattr(request.function, "lacks", {}).get(engine)
    if reason:
        request.applymarker(pytest.mark.xfail(reason=reason, strict=True))


def open_duckdb(folder: Path) -> Engine:
    """Open a DuckDB file in a folder."""
    return open_engine("duckdb:///warehouse.db", root=str(folder), threads=2)


class _DuckDBLog:
    """DuckDB's own log of statements, switched on while it is entered."""

    def __init__(self, engine: Engine) -> None:
        self._session = engine.session(CALLER)

    def __enter__(self) -> Callable[[], list[str]]:
        self._session.rows("CALL enable_logging('QueryLog')")
        return lambda: [message for (message,) in self._session.rows("SELECT message FROM duckdb_logs")]

    def __exit__(self, *_: object) -> None:
        self._session.rows("CALL disable_logging()")
        self._session.close()


ENGINES = (Kind("duckdb", open_duckdb, _DuckDBLog),)
