"""The environment of what our numbers are held against, and MetricFlow asked in it."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
TOOLS = HERE.parents[1] / ".tools/oracle/bin"


def tool(name: str) -> str:
    """Return the path of a program of that environment; skip the test, saying so, where it is not there."""
    found = Path(os.environ.get("FREEHOLD_ORACLE", str(TOOLS))) / name
    if not found.exists():
        pytest.skip(f"there is no {found}: `make test-oracle` installs it, FREEHOLD_ORACLE names another folder")
    return str(found)


def metricflow(manifest: dict[str, Any], questions: dict[str, Any]) -> dict[str, dict[str, str]]:
    """Return what MetricFlow makes of questions: for each, by name, `sql`, or `refused` and `why`."""
    said = json.dumps({"manifest": manifest, "questions": questions}, default=str)
    command = [tool("python"), str(HERE / "metricflow_asked.py")]
    done = subprocess.run(command, input=said, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    answered: dict[str, Any] = json.loads(done.stdout)
    assert answered["wrong"] == []
    answers: dict[str, dict[str, str]] = answered["answers"]
    return answers
