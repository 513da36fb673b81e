"""What users meet is written down: commands, error codes, event types, targets of make."""

from __future__ import annotations

import ast
import re
import runpy
from pathlib import Path

import click
import pytest

from freehold.cli import COMMANDS, cli

ROOT = Path(__file__).parents[2]
GENERATED = runpy.run_path(str(ROOT / "docs" / "generate.py"))
CONTEXTS = {c.command_path: c for c in GENERATED["commands"](click.Context(cli, info_name="freehold"))}
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def codes_in_source() -> set[str]:
    """Return every error code that code can raise: a text of its own, not a mention in a docstring."""
    found: set[str] = set()
    for path in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.update(re.findall(r"^FH-[A-Z]\d{3}$", node.value))
    return found - {"FH-V100"}  # the border between files that cannot be read and those that can


def test_the_page_of_commands_is_as_the_commands_are() -> None:
    """docs/reference/cli.md is what `make reference` writes."""
    assert (ROOT / "docs/reference/cli.md").read_text(encoding="utf-8") == GENERATED["render"](), "run `make reference`"


def test_the_page_of_benchmarks_shows_what_was_measured() -> None:
    """docs/benchmarks.md repeats bench/results, figure by figure; `make reference` writes it."""
    assert (ROOT / "docs/benchmarks.md").read_text(encoding="utf-8") == GENERATED["benchmarks"](), (
        "run `make reference`"
    )


def test_the_page_of_compatibility_shows_the_rulings() -> None:
    """docs/concepts/compatibility.md repeats the table that changes of contracts are judged by."""
    page = (ROOT / "docs/concepts/compatibility.md").read_text(encoding="utf-8")

    assert page == GENERATED["compatibility"](), "run `make reference`"


def test_the_page_of_kpis_shows_those_that_ship() -> None:
    """docs/concepts/kpis.md repeats the sentence, the formula and the events of each file."""
    page = (ROOT / "docs/concepts/kpis.md").read_text(encoding="utf-8")

    assert page == GENERATED["kpis"](), "run `make reference`"


@pytest.mark.parametrize("path", CONTEXTS)
def test_help_has_an_example(path: str) -> None:
    """The help of every command says what it does and ends with an example of itself."""
    command = CONTEXTS[path].command

    assert command.help
    assert (command.epilog or "").startswith("Example: ")
    assert path in (command.epilog or "") or isinstance(command, click.Group)


@pytest.mark.parametrize("path", [p for p, c in CONTEXTS.items() if not isinstance(c.command, click.Group)])
def test_every_command_speaks_to_machines(path: str) -> None:
    """Every command has `--json`."""
    assert any("--json" in p.opts for p in CONTEXTS[path].command.params)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_of_commands_says_what_they_say(name: str) -> None:
    """The lazily imported command is a command of that name."""
    assert CONTEXTS[f"freehold {name}"].command.name == name


def test_every_error_code_is_documented_once_and_no_other_is() -> None:
    """docs/reference/errors.md has a row for each code that code can raise."""
    page = (ROOT / "docs/reference/errors.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (FH-[A-Z]\d{3}) \|", page, re.MULTILINE)

    assert codes_in_source() ^ set(rows) == set()
    assert len(rows) == len(set(rows))


def test_every_event_type_is_documented() -> None:
    """docs/reference/events.md names every event type that ships."""
    page = (ROOT / "docs/reference/events.md").read_text(encoding="utf-8")
    types = {p.stem for p in (ROOT / "src/freehold/builtin/events").glob("*.json")}

    assert types
    assert {t for t in types if f"`{t}`" not in page} == set()


def test_every_target_of_make_that_is_named_exists() -> None:
    """A page never tells to `make` what the Makefile does not."""
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = {
        (page.name, word)
        for page in PAGES
        for word in re.findall(r"(?:`|^\$ |^)make ([a-z0-9-]+)", page.read_text(encoding="utf-8"), re.MULTILINE)
    }

    assert {n for n in named if n[1] not in targets} == set()
