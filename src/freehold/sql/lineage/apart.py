"""Lineage read in a process apart: no text, however hostile, takes more than its share or brings this one down."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from types import TracebackType
from typing import Any

from freehold.sql.lineage.reading import Influence, Lineage, Output, Source, tables_alone
from freehold.sql.lineage.relations import Use

LONGEST = 1_000_000  # characters of a text whose columns are read; of a longer one, the tables
CPU_S = 10.0


class Reader:
    """Reads lineage in a process that is started when first needed and again after one that had to be ended.

    Attributes:
        ended: how many texts ended their process: over their CPU seconds, or by a fault of its own.
    """

    def __init__(self, cpu_s: float = CPU_S) -> None:
        self._cpu_s = cpu_s
        self._process: subprocess.Popen[str] | None = None
        self.ended = 0

    def read(
        self,
        sql: str,
        dialect: str | None = None,
        columns: Mapping[str, tuple[str, ...]] | None = None,
        default: str = "",
    ) -> Lineage:
        """Return the lineage of a text; see `lineage_of`.

        `columns` maps tables to their columns in order. Where the columns of the text cannot be read within bounds, its
        tables are told and `failures` says why.
        """
        if len(sql) > LONGEST:
            return tables_alone(sql, dialect, f"it is longer than {LONGEST:,} characters", default=default)
        request = {"sql": sql, "dialect": dialect, "columns": dict(columns or {}), "default": default}
        answer = self._ask(json.dumps(request | {"cpu_s": self._cpu_s}))
        if answer is None:
            self.ended += 1
            why = f"it could not be read within {self._cpu_s:g} CPU seconds"
            return tables_alone(sql, dialect, why, default=default)
        if "reads" not in answer:
            return tables_alone(sql, dialect, answer["failures"][0], default=default)
        return unpacked(answer)

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _ask(self, request: str) -> dict[str, Any] | None:
        process = self._started()
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(request + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line.endswith("\n"):
            self.close()
            return None
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _started(self) -> subprocess.Popen[str]:
        if self._process is not None and self._process.poll() is not None:
            self.close()
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-m", "freehold.sql.lineage.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                encoding="utf-8",
            )
        return self._process


def packed(found: Lineage) -> dict[str, Any]:
    """Return a lineage as JSON can hold it; `unpacked` reads it."""
    return {
        "reads": found.reads,
        "writes": found.writes,
        "outputs": [
            [o.table, o.column, o.line, [[s.table, s.column, int(s.use)] for s in o.sources]] for o in found.outputs
        ],
        "influences": [[i.table, i.column, i.subtype] for i in found.influences],
        "ambiguous": found.ambiguous,
        "failures": found.failures,
    }


def unpacked(said: Mapping[str, Any]) -> Lineage:
    """Return a lineage from the form JSON holds it in."""
    return Lineage(
        tuple(said["reads"]),
        tuple(said["writes"]),
        tuple(
            Output(table, column, tuple(Source(t, c, Use(use)) for t, c, use in sources), line)
            for table, column, line, sources in said["outputs"]
        ),
        tuple(Influence(*one) for one in said["influences"]),
        said["ambiguous"],
        tuple(said["failures"]),
    )
