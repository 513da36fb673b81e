"""`freehold validate`: what a person and a machine are told."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from freehold.estate.schemas import SHIPPED

BASE = Path(__file__).parents[1] / "estate" / "base"
PRODUCT = "sales/orders/product.odps.yaml"


def freehold(*words: str, at: Path) -> subprocess.CompletedProcess[str]:
    """Run the command line as a process of its own, in a folder."""
    command = [sys.executable, "-c", "from freehold.cli import main; main()", *words]
    return subprocess.run(command, cwd=at, capture_output=True, text=True, check=False)


@pytest.fixture
def estate(tmp_path: Path) -> Path:
    """Return a small estate that is sound."""
    shutil.copytree(BASE, tmp_path, dirs_exist_ok=True)
    return tmp_path


def mend(file: Path, before: str, after: str) -> None:
    """Replace a text in a file, once it is there."""
    text = file.read_text()
    assert before in text
    file.write_text(text.replace(before, after))


def test_a_sound_estate_is_summed_up(estate: Path) -> None:
    """One calm line on stderr, nothing on stdout, exit code 0; from a folder inside as well."""
    done = freehold("validate", at=estate / "sales")

    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == (
        "A small estate: 1 product, 1 contract, 1 asset, 1 team, 1 calendar, 2 environments. All is well.\n"
    )


def test_a_machine_gets_one_object(estate: Path) -> None:
    """--json prints one object with the counts, the findings and the warnings."""
    done = freehold("validate", "--json", at=estate)

    assert done.returncode == 0
    assert json.loads(done.stdout) == {
        "estate": "small", "products": 1, "contracts": 1, "assets": 1, "metrics": 0, "teams": 1, "calendars": 1,
        "environments": 2, "others": 0, "findings": [], "warnings": [],
    }  # fmt: skip


def test_an_asset_that_two_products_name_is_counted_once() -> None:
    """The demo has eight: two of its products read outputs of others, by ports with names of their own."""
    said = json.loads(freehold("validate", "--json", "--no-cache", at=SHIPPED.parent / "demo/estate").stdout)

    assert (said["products"], said["assets"]) == (3, 8)


def test_errors_are_told_and_end_with_one(estate: Path) -> None:
    """Every error is told on stderr with its place, and the exit code says that something is to mend."""
    mend(estate / PRODUCT, "status: active", "staus: active")

    done = freehold("-C", str(estate), "validate", at=estate.parent)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("FH-V102  sales/orders/product.odps.yaml:1:1\nThe top level has no `status`.\nFix: ")
    assert "FH-V101  sales/orders/product.odps.yaml:4:1\n" in done.stderr


def test_errors_for_a_machine(estate: Path) -> None:
    """With --json the errors are one object too, each with its code, place and fix."""
    mend(estate / PRODUCT, "name: sales-data", "name: sale-data")

    done = freehold("validate", "--json", at=estate)
    (error,) = json.loads(done.stdout)["errors"]

    assert done.returncode == 1
    assert (error["code"], error["where"]) == ("FH-V202", "sales/orders/product.odps.yaml:7:14")
    assert error["fix"].startswith("Did you mean `sales-data`?")


@pytest.mark.parametrize("words", [(), ("--json",)], ids=["for a person", "for a machine"])
def test_a_finding_ends_with_one(words: tuple[str, ...], estate: Path) -> None:
    """What can be loaded but keeps a promise with nothing is told, and the exit code is 1."""
    (estate / "sales/orders/models/lines.sql").unlink()

    done = freehold("validate", *words, at=estate)

    assert done.returncode == 1
    if words:
        assert [f["code"] for f in json.loads(done.stdout)["findings"]] == ["FH-V302"]
    else:
        assert done.stderr.startswith("FH-V302  sales/orders/product.odps.yaml:6:5\n")


def test_without_a_cache_nothing_is_left_behind(estate: Path) -> None:
    """--no-cache reads every file and writes none."""
    done = freehold("validate", "--no-cache", at=estate)

    assert done.returncode == 0
    assert not (estate / ".freehold").exists()


def test_outside_of_an_estate(tmp_path: Path) -> None:
    """Where there is no estate, the error names the way to one, with the exit code of usage."""
    done = freehold("validate", at=tmp_path)

    assert done.returncode == 2
    assert done.stderr.startswith("FH-V001\n")
    assert "freehold init" in done.stderr


def test_an_engine_that_nobody_speaks_is_found_before_a_run(estate: Path) -> None:
    """The scheme of a connection is judged, at its place, with the near one."""
    mend(estate / "estate.yaml", "duckdb:", "duckbd:")
    done = freehold("validate", at=estate)
    assert done.returncode != 0
    assert "FH-E001  estate.yaml:" in done.stderr
    assert "Did you mean `duckdb`?" in done.stderr


def test_columns_that_are_not_there_are_found_before_a_run(estate: Path) -> None:
    """A model that reads a column its source has not is named at its line, with the near match."""
    model = next(estate.rglob("models/*.sql"))
    mend(model, model.read_text(), model.read_text() + "\n-- none\n")
    (model.parent / "wrong.sql").write_text(f"select no_such_column\nfrom {{{{ ref('{model.stem}') }}}}\n")
    done = freehold("validate", at=estate)
    assert done.returncode == 1
    assert "FH-M015" in done.stderr
    assert "wrong.sql:1:8" in done.stderr


def test_a_setting_that_names_no_column_is_found_before_a_run(estate: Path) -> None:
    """`event_time` and `unique_key` are columns of the model, or the error says which it has."""
    model = next(estate.rglob("models/*.sql"))
    setting = "materialized='incremental', unique_key='wehn'"
    (model.parent / "keyed.sql").write_text(
        f"{{{{ config({setting}) }}}}\nselect 1 as one, date '2024-01-01' as when_\n"
    )

    done = freehold("validate", at=estate)

    assert done.returncode == 1
    assert "FH-M017" in done.stderr
    assert "keyed.sql:1:" in done.stderr
    assert "`when_`" in done.stderr
