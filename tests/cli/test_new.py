"""`freehold new`: one file that holds as it is, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from live_process import freehold


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An estate as `freehold init` makes it."""
    root = tmp_path_factory.mktemp("new") / "shop"
    assert freehold(root.parent, "init", str(root)).returncode == 0
    return root


def files(root: Path) -> dict[str, str]:
    """Return the files of an estate by their paths."""
    return {
        p.relative_to(root).as_posix(): p.read_text()
        for p in root.rglob("*")
        if p.is_file() and ".freehold" not in p.parts
    }


@pytest.mark.parametrize(
    ("kind", "name", "path", "says"),
    [
        ("workflow", "Stock count", "workflows/stock_count.yaml", "1 workflow"),
        ("rule", 'House "rules": ours', "rules/house-rules-ours.yaml", "1 rule set"),
        ("kpi", "Settled requests", "kpis/settled-requests.yaml", "1 KPI"),
        ("document", "What was asked, & why", "documents/what-was-asked-why.md", "1 document"),
    ],
)
def test_a_new_file_holds_as_it_is(shop: Path, kind: str, name: str, path: str, says: str) -> None:
    """Whatever it is called: it is counted among the files of the estate, no other is touched, and none is replaced."""
    before = files(shop)
    made = freehold(shop, "new", kind, name, "--json")
    after = files(shop)
    well, again = freehold(shop, "validate"), freehold(shop, "new", kind, name)

    assert json.loads(made.stdout)["file"] == path
    assert {p for p in after if after[p] != before.get(p)} == {path}
    assert (well.returncode, says in well.stdout + well.stderr) == (0, True), well.stdout + well.stderr
    assert (again.returncode, "FH-X506" in again.stderr) == (2, True)
    assert files(shop) == after


@pytest.mark.parametrize(
    ("kind", "name"),
    [("workflow", "Question"), ("rule", "Golden path"), ("kpi", "Adoption"), ("document", "Portfolio")],
)
def test_what_comes_along_is_not_begun_anew(shop: Path, kind: str, name: str) -> None:
    """It would take the place of what is there, which is nothing that somebody does by mistake."""
    before = files(shop)
    refused = freehold(shop, "new", kind, name)

    assert (refused.returncode, "comes along with Freehold" in refused.stderr) == (2, True)
    assert files(shop) == before


def test_a_file_that_declares_something_else_is_left_alone(shop: Path) -> None:
    """It lies where the new one would."""
    (shop / "kpis").mkdir(exist_ok=True)
    (shop / "kpis" / "mine.yaml").write_text("# a draft\n")
    refused = freehold(shop, "new", "kpi", "Mine")

    assert (refused.returncode, "FH-X505" in refused.stderr) == (2, True)
    assert (shop / "kpis" / "mine.yaml").read_text() == "# a draft\n"


@pytest.mark.parametrize("name", ["", "   ", "日本", "x" * 300])
def test_a_name_of_which_no_id_can_be_made_is_refused(shop: Path, name: str) -> None:
    """And nothing is written, so that the estate is as well as before."""
    before = files(shop)
    refused = freehold(shop, "new", "workflow", name)

    assert (refused.returncode, "FH-X508" in refused.stderr) == (2, True)
    assert files(shop) == before
