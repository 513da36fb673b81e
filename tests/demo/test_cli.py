"""`freehold demo` as a person and a machine meet it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from freehold.cli import cli
from freehold.foundation import FreeholdError


def test_a_demo_as_one_json_object(tmp_path: Path) -> None:
    """With --json one object tells where the demo is, what was done and what was caught."""
    folder = tmp_path / "demo"
    told = CliRunner().invoke(cli, ["demo", "--days", "6", "--dir", str(folder), "--json"], catch_exceptions=False)
    demo = json.loads(told.stdout)["demo"]

    assert told.exit_code == 0
    assert demo["dir"] == str(folder)
    assert demo["files"] >= 4
    assert demo["quarantined"] == demo["failed"] == 0
    assert (demo["caught"], demo["late"]) == ([], [])
    assert (folder / "estate.yaml").exists()


def test_a_demo_for_a_person(tmp_path: Path) -> None:
    """Without --json the counts and the next commands are on stdout."""
    told = CliRunner().invoke(cli, ["demo", "--days", "3", "--dir", str(tmp_path / "demo")], catch_exceptions=False)

    assert told.exit_code == 0
    assert "versions published" in told.stdout
    assert "status" in told.stdout


def test_a_folder_in_use_is_left_alone(tmp_path: Path) -> None:
    """A folder that holds something else is refused before anything is written."""
    (tmp_path / "thesis.txt").write_text("x")

    with pytest.raises(FreeholdError, match="holds no demo"):
        CliRunner().invoke(cli, ["demo", "--dir", str(tmp_path)], catch_exceptions=False, standalone_mode=False)

    assert [p.name for p in tmp_path.iterdir()] == ["thesis.txt"]
