"""`freehold diff`: two environments of one warehouse, and of two, compared."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest


def freehold(*words: str, at: Path) -> subprocess.CompletedProcess[str]:
    """Run the command line as a process of its own, in a folder."""
    command = [sys.executable, "-c", "from freehold.cli import main; main()", *words]
    return subprocess.run(command, cwd=at, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module", params=["one warehouse", "two warehouses"])
def estate(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shop with a development environment that leaves out orders below five pounds and doubles the rest."""
    root = tmp_path_factory.mktemp("diff")
    assert freehold("init", "shop", at=root).returncode == 0
    root = root / "shop"
    declared = (root / "estate.yaml").read_text()
    connection = "warehouse"
    if request.param == "two warehouses":
        declared = declared.replace(
            "  connections:\n", '  connections:\n    other: {url: "duckdb:///.freehold/other.db"}\n', 1
        )
        connection = "other"
    prod = next(line for line in declared.splitlines() if line.startswith("    prod:"))
    declared = declared.replace(prod, f"{prod}\n    dev: {{connection: {connection}}}", 1)
    (root / "estate.yaml").write_text(declared)
    assert freehold("run", at=root).returncode == 0
    model = root / "shop/orders/models/orders.sql"
    text = model.read_text()
    model.write_text(
        text.replace("    amount,", "    cast(amount * 2 as decimal(12, 2)) as amount,") + "where amount >= 5\n"
    )
    assert freehold("run", "--env", "dev", at=root).returncode == 0, freehold("run", "--env", "dev", at=root).stderr
    return root


def test_what_differs_is_told_by_row_and_column(estate: Path) -> None:
    """Counts, columns, and samples by key; the key is the contract's."""
    done = freehold("diff", "orders", "--env", "dev", "--samples", "1", "--json", at=estate)

    said = json.loads(done.stdout)
    assert done.returncode == 1
    assert (said["env"], said["against"], said["key"]) == ("dev", "prod", ["order_id"])
    assert said["rows_before"] - said["removed"] == said["rows_after"] == said["changed"]
    assert [c["column"] for c in said["columns"]] == ["amount"]
    changed = next(s for s in said["samples"] if s["kind"] == "changed")
    assert float(changed["after"]["amount"]) == 2 * float(changed["before"]["amount"])


def test_a_person_reads_the_same(estate: Path) -> None:
    """In a few lines."""
    done = freehold("diff", "shop.orders.orders", "--env", "dev", "--samples", "1", at=estate)

    assert "dev beside prod, by order_id" in done.stdout
    assert " 0 added, " in f" {done.stdout}".replace("\n", " ")
    assert "amount" in done.stdout
    assert "~ order_id=" in done.stdout


def test_equal_is_equal(estate: Path) -> None:
    """With exit 0."""
    done = freehold("diff", "raw_orders", "--env", "dev", at=estate)

    assert done.returncode == 0
    assert "They hold the same rows." in done.stdout


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("ordres", "--env", "dev"), "FH-D209", "Did you mean"),
        (("orders",), "FH-D209", "with itself"),
        (("orders", "--env", "dve"), "FH-C001", "dev"),
        (("orders", "--env", "dev", "--key", "ordr_id"), "FH-Q102", "order_id"),
    ],
)
def test_wrong_words_are_refused(words: tuple[str, ...], code: str, said: str, estate: Path) -> None:
    """With the near match, and exit 2."""
    done = freehold("diff", *words, at=estate)

    assert done.returncode == 2
    assert done.stderr.startswith(code)
    assert said in done.stderr
