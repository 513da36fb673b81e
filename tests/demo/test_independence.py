"""The generator and the checks share nothing: what is caught is caught by checks that know no fault."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import pytest

import freehold.demo
from freehold.demo.deliveries import MANIFEST
from freehold.demo.estate_files import shipped
from freehold.demo.faults import FaultKind

ROOM = Path(freehold.demo.__file__).parent
MAKERS = ("shop", "generator", "faults")


def _imports(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
    return names


@pytest.mark.parametrize("module", MAKERS)
def test_makers_import_only_the_standard_library_and_each_other(module: str) -> None:
    """What makes the days and spoils them can see no contract, no check and no warehouse."""
    mine = {f"freehold.demo.{name}" for name in MAKERS}
    foreign = {n for n in _imports(ROOM / f"{module}.py") if n.partition(".")[0] not in sys.stdlib_module_names} - mine

    assert foreign == set()


@pytest.mark.parametrize("module", MAKERS)
def test_makers_open_no_file(module: str) -> None:
    """Nor do they read a contract from disk behind the importer's back."""
    calls = {
        node.func.id if isinstance(node.func, ast.Name) else node.func.attr
        for node in ast.walk(ast.parse((ROOM / f"{module}.py").read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute)
    }

    assert calls & {"open", "read_text", "read_bytes", "import_module", "exec", "eval"} == set()


@pytest.mark.parametrize("path", [p for p in shipped() if p.endswith((".yaml", ".sql", ".py"))])
def test_the_estate_knows_no_fault(path: str) -> None:
    """No contract and no model names a fault, the manifest, or what the generator calls things."""
    text = shipped()[path].decode().lower()
    words = [str(kind) for kind in FaultKind] + ["inject", "krona", "pence", "spoil", "freehold.demo", "generator"]

    assert [w for w in words if w in text] == []


def test_nothing_but_its_writer_knows_the_manifest() -> None:
    """The manifest is written for people and tests; no module of the product reads it."""
    source = ROOM.parent
    imported = re.compile(r"from freehold\.demo.* import .*\bMANIFEST\b|deliveries\.MANIFEST")
    texts = {p.name: p.read_text() for p in source.rglob("*.py")}
    readers = [name for name, text in texts.items() if "injected" in text or MANIFEST in text or imported.search(text)]

    assert readers == ["deliveries.py"]
