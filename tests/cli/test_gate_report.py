"""`freehold gate report`: what the gate would have said of commits, before anybody turns it on."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from freehold.cli import cli

MODEL = "shop/orders/models/orders.sql"
CONTRACT = "shop/orders/contracts/orders.odcs.yaml"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shop with a history: a first commit, words, rows, a broken promise, a broken file, its mending, a new owner."""
    root = tmp_path_factory.mktemp("gate") / "shop"
    assert CliRunner().invoke(cli, ["init", str(root)]).exit_code == 0
    git(root, "init", "-q", "-b", "main")
    commit(root, "The estate")
    (root / "README.md").write_text("Other words.\n")
    commit(root, "Words that are no part of it")
    change(root, MODEL, "from {{", "from\n{{")
    commit(root, "Another layout")
    change(root, MODEL, "lower(state)", "upper(state)")
    commit(root, "States in capitals")
    change(root, CONTRACT, "name: amount", "name: total")
    commit(root, "A promise is broken")
    git(root, "revert", "--no-edit", "HEAD")
    text = (root / CONTRACT).read_text()
    (root / CONTRACT).write_text("kind: [")
    commit(root, "A broken file")
    (root / CONTRACT).write_text(text)
    commit(root, "Mended")
    change(root, "teams.yaml", "role:idp/shop-data-owner", "user:idp/olga")
    commit(root, "Another owner")
    return root


def git(root: Path, *words: str) -> None:
    """Run git."""
    who = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    subprocess.run(["git", *who, *words], cwd=root, check=True, capture_output=True)


def commit(root: Path, title: str) -> None:
    """Commit everything."""
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", title)


def change(root: Path, path: str, old: str, new: str) -> None:
    """Change a text in a file."""
    text = (root / path).read_text()
    assert old in text
    (root / path).write_text(text.replace(old, new, 1))


def test_every_commit_has_its_verdict(shop: Path) -> None:
    """Blocked by what, whose approval, or clear; what the gate does not look at is not listed."""
    done = CliRunner().invoke(cli, ["-C", str(shop), "gate", "report", "--json"])
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    by_title = {p["title"]: p for p in told["past"]}
    assert by_title["States in capitals"]["approvals"] == ["owner of shop.orders"]
    assert by_title["A promise is broken"]["blocked_by"]
    assert by_title["A broken file"]["blocked_by"] == ["unsound"]
    assert by_title["Mended"]["blocked_by"] == []
    assert by_title["Another owner"]["approvals"] == ["owner of the estate", "steward of the estate"]
    assert not {"The estate", "Words that are no part of it", "Another layout"} & by_title.keys()
    assert told["changes"] == len(told["past"]) == told["blocked"] + told["approval"] + told["clear"]


def test_a_person_reads_it_in_a_table(shop: Path) -> None:
    """The same, in a few lines."""
    done = CliRunner().invoke(cli, ["-C", str(shop), "gate", "report"])
    assert "approval of owner of shop.orders" in done.stdout
    assert "would have been blocked" in done.stderr


def test_where_there_is_no_history_that_is_said(tmp_path: Path) -> None:
    """An estate in no repository has nothing to report on."""
    root = tmp_path / "shop"
    CliRunner().invoke(cli, ["init", str(root)])
    done = CliRunner().invoke(cli, ["-C", str(root), "gate", "report", "--json"])
    assert json.loads(done.stdout)["past"] == []
