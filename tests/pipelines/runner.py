"""Runs the jobs of a GitHub workflow on this machine, step by step, as far as our own workflow uses them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

_HOLE = re.compile(r"\$\{\{\s*(.+?)\s*\}\}")


@dataclass(frozen=True)
class Done:
    """A job that ran: the exit code of the step that ended it, and what all of them said."""

    job: str
    code: int
    said: str


@dataclass(frozen=True)
class Runner:
    """A machine for jobs. `origin` is the repository; `place` where each job gets a folder of its own."""

    origin: Path
    place: Path
    environ: Mapping[str, str]

    def run(self, workflow: str, context: Mapping[str, Any], environ: Mapping[str, str]) -> list[Done]:
        """Run the jobs of a workflow whose `if` holds for an event."""
        said = yaml.safe_load(workflow)
        return [
            self._job(name, job, said, context, environ)
            for name, job in said["jobs"].items()
            if _holds(job.get("if", "true"), context)
        ]

    def _job(
        self,
        name: str,
        job: Mapping[str, Any],
        said: Mapping[str, Any],
        context: Mapping[str, Any],
        more: Mapping[str, str],
    ) -> Done:
        folder = self.place / f"{name}-{len(list(self.place.iterdir()))}"
        folder.mkdir()
        given = {key: _filled(str(value), context) for key, value in (said.get("env") or {}).items()}
        environ = {**os.environ, **self.environ, **more, **given, "CI": "true", "GITHUB_ACTIONS": "true"}
        inside = (said.get("defaults") or {}).get("run", {}).get("working-directory", ".")
        told = []
        for step in job["steps"]:
            if not _holds(step.get("if", "true"), context):
                continue
            command = self._command(step, context, folder)
            if command is None:
                continue
            done = subprocess.run(
                ["bash", "-e", "-o", "pipefail", "-c", command],
                cwd=folder if "uses" in step else folder / inside,
                env=environ,
                capture_output=True,
                text=True,
                check=False,
            )
            told.append(f"$ {command}\n{done.stdout}{done.stderr}")
            if done.returncode:
                return Done(name, done.returncode, "\n".join(told))
        return Done(name, 0, "\n".join(told))

    def _command(self, step: Mapping[str, Any], context: Mapping[str, Any], folder: Path) -> str | None:
        """Return what a step runs: checkout is git, Python is the one of the tests, with Freehold installed."""
        uses = str(step.get("uses", ""))
        if uses.startswith("actions/checkout"):
            ref = _filled(str(step.get("with", {}).get("ref", "${{ github.sha }}")), context)
            return f"git clone -q {self.origin} {folder} && git -C {folder} checkout -q {ref}"
        if uses.startswith("actions/setup-python"):
            return None
        if uses:
            raise AssertionError(f"nobody taught this runner {uses}")
        command = _filled(str(step["run"]), context)
        return None if command.startswith("pip install 'freehold") else command


def environment_of_python(place: Path) -> dict[str, str]:
    """Return an environment in which `freehold` is the code under test."""
    bin_ = place / "bin"
    bin_.mkdir(exist_ok=True)
    shim = bin_ / "freehold"
    shim.write_text(f'#!/bin/sh\nexec {sys.executable} -c "from freehold.cli import main; main()" "$@"\n')
    shim.chmod(0o755)
    return {"PATH": f"{bin_}:{os.environ['PATH']}"}


def _filled(text: str, context: Mapping[str, Any]) -> str:
    return _HOLE.sub(lambda found: str(_value(found[1], context)), text)


def _value(path: str, context: Mapping[str, Any]) -> Any:
    if "||" in path:
        return next((v for part in path.split("||") if (v := _value(part.strip(), context))), "")
    found: Any = context
    for part in path.split("."):
        found = found.get(part, "") if isinstance(found, Mapping) else ""
    return found


def _holds(condition: str, context: Mapping[str, Any]) -> bool:
    """Decide `a != 'x' && b == 'y'`."""
    if condition == "true":
        return True
    parts = [part.strip() for part in condition.split("&&")]
    return all(_decided(part, context) for part in parts)


def _decided(part: str, context: Mapping[str, Any]) -> bool:
    found = re.fullmatch(r"(\S+) (==|!=) '([^']*)'", part)
    assert found is not None, f"nobody taught this runner `{part}`"
    same = str(_value(found[1], context)) == found[3]
    return same if found[2] == "==" else not same
