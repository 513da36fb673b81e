"""Calling dbt: any executable of it, as a child that ends when we do, with what went wrong as one error.

The child runs under a small guard of ours that holds one end of a pipe. Whoever started it may be killed at any
instant: the pipe closes, and the guard ends dbt with everything that dbt started. No shell reads a word of the command.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from freehold.foundation import Exit, FreeholdError, Where

_GUARD = """
import os, signal, subprocess, sys, threading, time

child = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, start_new_session=True)

def tell(what):
    try:
        os.killpg(child.pid, what)
    except ProcessLookupError:
        pass

def end(*_):
    tell(signal.SIGTERM)
    late = time.monotonic() + 5
    while child.poll() is None and time.monotonic() < late:
        time.sleep(0.05)
    tell(signal.SIGKILL)

def watch():
    while os.read(0, 4096):
        pass
    end()

signal.signal(signal.SIGINT, signal.SIG_IGN)
signal.signal(signal.SIGTERM, end)
threading.Thread(target=watch, daemon=True).start()
code = child.wait()
tell(signal.SIGKILL)
sys.exit(code if code >= 0 else 128 - code)
"""
_LONGEST_TOLD = 12  # lines of what dbt says
_FILE = re.compile(r"\(([\w./ -]+\.(?:sql|py|ya?ml|csv|md))\)|Error reading [\w-]+: ([\w./ -]+\.ya?ml)")
_LINE = re.compile(r"\bline (\d+)")
_PASSED = ("--no-use-colors", "--log-format", "json", "--log-level", "error")


@dataclass(frozen=True, slots=True)
class Ended:
    """How a call of dbt ended: its exit code, and the errors it told of, each a text of one or more lines."""

    code: int
    errors: tuple[str, ...]


def call(
    command: Sequence[str],
    words: Sequence[str],
    project: Path,
    root: Path,
    *,
    environ: Mapping[str, str] | None = None,
    timeout_s: float = 3600.0,
    where: Where | None = None,
) -> Ended:
    """Call dbt in the folder of a project and wait for it.

    Args:
        command: the words that call dbt; a relative path is relative to `root`, the folder of the estate.
        words: the subcommand of dbt and its options.
        project: the folder of dbt_project.yml.
        root: the folder of the estate.
        environ: variables that are set for it beside our own.
        timeout_s: after so many seconds it is ended.
        where: the place that names the command.

    Raises:
        FreeholdError: FH-X120 there is no such command; FH-X122 it took too long, and was ended.
    """
    found = program(command[0], root, where)
    argv = [sys.executable, "-I", "-S", "-c", _GUARD, found, *command[1:], *_PASSED, *words]
    given = {"DBT_SEND_ANONYMOUS_USAGE_STATS": "false", **os.environ, **(environ or {})}
    with tempfile.TemporaryFile() as said:
        child = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=said, stderr=subprocess.STDOUT, cwd=project, env=given
        )
        try:
            code = child.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise FreeholdError(
                "FH-X122",
                f"`{' '.join(command)} {words[0]}` took longer than {timeout_s:g} s and was ended; nothing changed.",
                where=where,
                fix="Raise `timeout` of the project in estate.yaml, or see dbt's log for what takes so long.",
                exit_code=Exit.ENVIRONMENT,
            ) from None
        finally:
            assert child.stdin is not None
            child.stdin.close()  # the guard ends whatever is still there
            child.wait()
        said.seek(0)
        return Ended(code, tuple(_errors(said.read().decode("utf-8", "replace"))))


def failed(ended: Ended, project: Path, root: Path, doing: str) -> FreeholdError:
    """Return the error for a call that came to nothing: what dbt says first, at the place that it names."""
    said = ended.errors[0] if ended.errors else f"it ended with {ended.code} and told nothing"
    lines = [line for line in said.splitlines() if line.strip()]
    told = "\n  ".join(lines[:_LONGEST_TOLD]) + ("\n  …" if len(lines) > _LONGEST_TOLD else "")
    more = f" ({len(ended.errors) - 1} more errors)" if ended.errors[1:] else ""
    return FreeholdError(
        "FH-X121",
        f"dbt could not {doing}{more}: {told}",
        where=place_in(said, project, root) or Where(_relative(project, root)),
        fix=_fix(said),
    )


def program(name: str, root: Path, where: Where | None) -> str:
    """Return the path of the program that a command begins with.

    Raises:
        FreeholdError: FH-X120 there is none; what was tried is told.
    """
    if "/" in name:
        path = Path(name).expanduser()
        tried = [str(path if path.is_absolute() else root / path)]
    else:
        tried = [name, str(Path(sys.executable).parent / name)]
    found = next((path for path in map(shutil.which, tried) if path), None)
    if found is None:
        raise FreeholdError(
            "FH-X120",
            f"There is no dbt to call: tried {', '.join(f'`{t}`' for t in tried)}.",
            where=where,
            fix="Install it: uv tool install dbt-core --with dbt-duckdb (or dbt-postgres). Or name it in estate.yaml: "
            "spec.dbt: [{project: …, command: /path/to/dbt}].",
            exit_code=Exit.ENVIRONMENT,
        )
    return os.path.abspath(found)  # noqa: PTH100 - the link is called, not what it leads to: a venv is known by it


def place_in(said: str, project: Path, root: Path) -> Where | None:
    """Return the file and line that a message of dbt names, as far as it names one; relative to the estate."""
    named = _FILE.search(said)
    if named is None:
        return None
    file = next((p for p in _possible(project, named[1] or named[2]) if p.is_file()), None)
    if file is None:
        return None
    line = _LINE.search(said)
    return Where(_relative(file, root), int(line[1]) if line else 1, 1)


def _possible(project: Path, name: str) -> Iterator[Path]:
    yield project / name
    yield from (project / folder / name for folder in ("models", "snapshots", "seeds", "tests", "macros"))


def _relative(path: Path, root: Path) -> str:
    return Path(os.path.relpath(path, root)).as_posix()


def _fix(said: str) -> str:
    if "dbt deps" in said:
        return "Run `dbt deps` in the project, as dbt says."
    if "Could not find adapter type" in said or "No module named 'dbt.adapters" in said:
        return "Install the adapter beside that dbt: pip install dbt-duckdb, or dbt-postgres."
    if "database file with version number" in said or "storage version" in said:
        return "The DuckDB of that dbt is older than the one that wrote the warehouse: upgrade it."
    return "Mend what dbt says; `dbt parse` in the project says the same."


def _errors(text: str) -> Iterator[str]:
    """Yield what dbt says went wrong; of a program that does not speak as dbt does, all that it says."""
    strange = []
    told = False
    for line in text.splitlines():
        try:
            said: Any = json.loads(line)
            info = said["info"]
        except (ValueError, KeyError, TypeError):
            if line.strip():
                strange.append(line)
            continue
        if info.get("level") == "error" and info.get("name") in ("MainEncounteredError", "RunResultError"):
            told = True
            yield str((said.get("data") or {}).get("exc") or info.get("msg") or "").strip()
    if strange and not told:
        yield "\n".join(strange[-_LONGEST_TOLD:])
