"""Calling dbt, with programs that behave as dbt may: what goes wrong is one error, and nothing is left running."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from freehold.connect.dbt.calling import call, failed
from freehold.connect.dbt.profile import Connection, profile
from freehold.foundation import FreeholdError


def program(tmp_path: Path, script: str) -> str:
    """Return a program that runs a shell script."""
    path = tmp_path / "dbt"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


@pytest.mark.parametrize("command", ["no-such-dbt", "/nowhere/dbt", "bin/dbt"], ids=str)
def test_a_dbt_that_is_not_there_is_told_with_what_was_tried(command: str, tmp_path: Path) -> None:
    """Where there is no such program, the error names every place that was tried, and how to install one."""
    with pytest.raises(FreeholdError) as caught:
        call([command], ["build"], tmp_path, tmp_path)

    assert (caught.value.code, caught.value.exit_code) == ("FH-X120", 3)
    assert command.rpartition("/")[2] in caught.value.problem
    assert "uv tool install" in (caught.value.fix or "")


def test_a_relative_command_is_relative_to_the_estate(tmp_path: Path) -> None:
    """`bin/dbt` is found beside estate.yaml, whatever folder the project is in."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "project").mkdir()
    program(tmp_path / "bin", "exit 0")

    assert call(["bin/dbt"], ["build"], tmp_path / "project", tmp_path).code == 0


def test_words_reach_the_program_as_they_are(tmp_path: Path) -> None:
    """No shell reads the words of a command: spaces and signs arrive untouched."""
    told = tmp_path / "told"
    dbt = program(tmp_path, f'for word in "$@"; do echo "$word" >> {told}; done')
    call([dbt, "a b", "$HOME;ls"], ["build", "--select", "fqn:x y"], tmp_path, tmp_path)

    words = told.read_text().splitlines()
    assert words[:2] == ["a b", "$HOME;ls"]
    assert words[-3:] == ["build", "--select", "fqn:x y"]


def test_a_program_that_is_no_dbt_is_told_in_its_own_words(tmp_path: Path) -> None:
    """What does not speak as dbt does is quoted as it is, with its exit code kept."""
    ended = call([program(tmp_path, "echo something odd; exit 7")], ["build"], tmp_path, tmp_path)
    error = failed(ended, tmp_path, tmp_path, "build")

    assert (ended.code, error.code, "something odd" in error.problem) == (7, "FH-X121", True)


@pytest.mark.parametrize(
    ("said", "path", "line"),
    [
        ("Compilation Error in model a (models/a.sql)\n  no\n    line 3\n      select", "models/a.sql", 3),
        (
            "Parsing Error\n  Error reading shop: more.yml - Runtime Error\n    Syntax error near line 2",
            "models/more.yml",
            2,
        ),
        ("Compilation Error in model b (models/b.sql)", None, None),
        ("Could not connect", None, None),
    ],
    ids=["a model with a line", "a YAML file of models", "a file that is not there", "no file at all"],
)
def test_the_place_is_the_one_that_dbt_names(said: str, path: str | None, line: int | None, tmp_path: Path) -> None:
    """A message of dbt is told at the file and line that it names, if that file is there; else at the project."""
    from freehold.connect.dbt.calling import place_in

    (tmp_path / "models").mkdir()
    for name in ("a.sql", "more.yml"):
        (tmp_path / "models" / name).write_text("")
    where = place_in(said, tmp_path, tmp_path)

    assert (where.path if where else None, where.line if where else None) == (path, line)


def test_a_call_that_lasts_too_long_is_ended_with_its_children(tmp_path: Path) -> None:
    """After the timeout, the program and what it started are gone: nobody holds the pipe they wrote to."""
    import os

    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reading = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    dbt = program(tmp_path, f"exec 3>{pipe}; sleep 600 & echo there >&3; wait")
    with pytest.raises(FreeholdError) as caught:
        call([dbt], ["build"], tmp_path, tmp_path, timeout_s=1.0)

    assert caught.value.code == "FH-X122"
    os.set_blocking(reading, True)
    with os.fdopen(reading) as said:
        assert said.read() == "there\n"  # and then its end


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("duckdb:///w.db", {"type": "duckdb", "path": "{root}/w.db"}),
        ("duckdb:////tmp/w.db", {"type": "duckdb", "path": "/tmp/w.db"}),
        ("duckdb://", {"type": "duckdb", "path": ":memory:"}),
        (
            "postgresql://ada@db:6543/dw?sslmode=require",
            {"host": "db", "port": 6543, "user": "ada", "dbname": "dw", "sslmode": "require"},
        ),
        ("postgresql://ada@/dw?host=/run/pg", {"host": "/run/pg", "port": 5432, "user": "ada"}),
    ],
    ids=["a file", "a file elsewhere", "memory", "a server", "a socket"],
)  # fmt: skip
def test_the_profile_reaches_the_warehouse_of_the_environment(
    url: str, shown: dict[str, object], tmp_path: Path
) -> None:
    """The profile made for a call is of the connection in estate.yaml; what the estate adds is in it."""
    import yaml

    made = profile(Connection(url, tmp_path, {"password": "s3cret"}), "cand", "freehold", {"threads": 7})
    output = yaml.safe_load(made.text)["freehold"]["outputs"]["freehold"]

    expected = {k: v.replace("{root}", str(tmp_path)) if isinstance(v, str) else v for k, v in shown.items()}
    assert {**output, **expected} == output
    assert (output["schema"], output["threads"]) == ("cand", 7)
    assert "s3cret" not in made.text


def test_a_warehouse_that_dbt_is_not_called_for_is_refused(tmp_path: Path) -> None:
    """An engine without a profile of ours is named."""
    with pytest.raises(FreeholdError) as caught:
        profile(Connection("oracle://x", tmp_path), "cand", "freehold", {})

    assert (caught.value.code, caught.value.exit_code) == ("FH-X124", 2)
