"""The command line starts at once: what it imports, and what it must not."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = {
    "alembic",
    "cryptography",
    "duckdb",
    "fastapi",
    "holidays",
    "jinja2",
    "jsonschema_rs",
    "numpy",
    "open_data_contract_standard",
    "pyarrow",
    "pydantic",
    "rich",
    "sqlalchemy",
    "sqlglot",
    "stamina",
    "starlette",
    "structlog",
    "tantivy",
    "uvicorn",
    "yaml",
}

WATCH = """
import json, sys
from freehold.cli import main
sys.argv = ["freehold", *sys.argv[1:]]
try:
    main()
except SystemExit as end:
    print(json.dumps({"code": end.code or 0, "modules": sorted(sys.modules)}), file=sys.stderr)
"""


def loaded_by(*arguments: str) -> tuple[int, set[str]]:
    """Return the exit code of a command and the top-level packages, and rooms of ours, that its process imported."""
    done = subprocess.run([sys.executable, "-c", WATCH, *arguments], capture_output=True, text=True, check=True)
    told = json.loads(done.stderr.splitlines()[-1])
    outside = {m.partition(".")[0] for m in told["modules"]}
    rooms = {".".join(m.split(".")[:2]) for m in told["modules"] if m.startswith("freehold.")}
    return told["code"], outside | rooms


@pytest.mark.parametrize("arguments", [("--help",), ("--version",), ()], ids=["help", "version", "no word at all"])
def test_help_and_version_import_nothing_heavy(arguments: tuple[str, ...]) -> None:
    """`freehold`, `freehold --help` and `freehold --version` load click and no room but the command line's."""
    _, modules = loaded_by(*arguments)

    assert not modules & HEAVY
    assert {m for m in modules if m.startswith("freehold.")} <= {"freehold.cli", "freehold.foundation"}


@pytest.mark.parametrize(
    "command", ["run", "status", "ledger", "validate", "demo", "init", "schema", "serve", "up", "token", "jobs", "mcp"]
)
def test_help_of_a_command_reaches_no_warehouse(command: str) -> None:
    """Asking what a command does opens nothing and loads no engine, no ledger and no SQL."""
    code, modules = loaded_by(command, "--help")

    assert code == 0
    assert not modules & {"duckdb", "sqlalchemy", "pyarrow", "sqlglot", "rich", "jinja2", "pydantic"}


def test_validating_an_estate_loads_an_engine_for_its_metrics_alone(tmp_path_factory: pytest.TempPathFactory) -> None:
    """`validate` needs no warehouse and no ledger. Metrics are bound to the types of their columns, in memory."""
    folder = tmp_path_factory.mktemp("start") / "shop"
    assert loaded_by("init", str(folder))[0] == 0

    measured = loaded_by("-C", str(folder), "validate")
    (folder / "shop" / "orders" / "metrics" / "shop.yaml").unlink()
    bare = loaded_by("-C", str(folder), "validate")

    assert (measured[0], measured[1] & {"duckdb", "sqlalchemy"}) == (0, {"duckdb"})
    assert (bare[0], bare[1] & {"duckdb", "sqlalchemy"}) == (0, set())


def test_the_package_is_run_as_the_command_is() -> None:
    """`python -m freehold` says what `freehold` says, and ends as it ends."""
    said = [
        subprocess.run([*words, *rest], capture_output=True, text=True)
        for rest in (["--version"], ["nope"])
        for words in ([sys.executable, "-m", "freehold"], [str(Path(sys.executable).with_name("freehold"))])
    ]
    assert [one.returncode for one in said] == [0, 0, 2, 2]
    assert said[0].stdout == said[1].stdout
    assert said[2].stderr == said[3].stderr
