"""The folder of a demo: made fresh, started over, never emptied of what is not ours."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from freehold.delivery.plan.versions import changes_of, head_of
from freehold.demo.estate_files import MARKER, begin, prepare, rewrite, shipped
from freehold.foundation import Exit, FreeholdError


def test_a_fresh_folder_holds_the_estate(tmp_path: Path) -> None:
    """Every shipped file is there, unchanged."""
    prepare(tmp_path / "demo")

    for path, content in shipped().items():
        assert (tmp_path / "demo" / path).read_bytes() == content


def test_a_demo_starts_over(tmp_path: Path) -> None:
    """A second demo in the same folder drops state and files of the first, and nothing else."""
    prepare(tmp_path)
    (tmp_path / ".freehold").mkdir()
    (tmp_path / ".freehold" / "state.db").write_text("old")
    (tmp_path / "landing").mkdir()
    (tmp_path / "notes.md").write_text("mine")
    prepare(tmp_path)

    assert not (tmp_path / ".freehold").exists()
    assert not (tmp_path / "landing").exists()
    assert (tmp_path / "notes.md").read_text() == "mine"


@pytest.mark.parametrize(
    ("given", "code"),
    [
        pytest.param({"thesis.txt": "x"}, "FH-X101", id="a folder with something else"),
        pytest.param({"estate.yaml": "kind: Estate"}, "FH-X105", id="somebody's estate"),
        pytest.param({MARKER: '{"made_by": "a stranger"}', "x": ""}, "FH-X101", id="a marker that is not ours"),
    ],
)
def test_foreign_folders_are_refused(tmp_path: Path, given: dict[str, str], code: str) -> None:
    """What is not ours is not touched, and the error offers another folder."""
    for name, content in given.items():
        (tmp_path / name).write_text(content)

    with pytest.raises(FreeholdError) as caught:
        prepare(tmp_path)

    assert caught.value.code == code
    assert caught.value.exit_code is Exit.USAGE
    assert "--dir" in caught.value.fix
    assert {p.name: p.read_text() for p in tmp_path.iterdir()} == given


def test_force_goes_beside_what_is_there(tmp_path: Path) -> None:
    """With --force the demo stands beside other files and leaves them alone."""
    (tmp_path / "thesis.txt").write_text("x")
    prepare(tmp_path, force=True)

    assert (tmp_path / "thesis.txt").read_text() == "x"
    assert (tmp_path / "estate.yaml").exists()


def test_an_estate_is_refused_even_with_force(tmp_path: Path) -> None:
    """No option makes the demo overwrite somebody's estate."""
    (tmp_path / ".freehold").mkdir()

    with pytest.raises(FreeholdError, match="no demo made"):
        prepare(tmp_path, force=True)


def test_edited_files_are_not_lost(tmp_path: Path) -> None:
    """Starting over would lose an edit, so it is refused until forced."""
    prepare(tmp_path)
    (tmp_path / "teams.yaml").write_text("# mine")

    with pytest.raises(FreeholdError) as caught:
        prepare(tmp_path)

    assert caught.value.code == "FH-X102"
    assert (tmp_path / "teams.yaml").read_text() == "# mine"

    prepare(tmp_path, force=True)

    assert (tmp_path / "teams.yaml").read_bytes() == shipped()["teams.yaml"]


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    """A file in the place of the folder is said to be one."""
    (tmp_path / "demo").write_text("")

    with pytest.raises(FreeholdError, match="is a file"):
        prepare(tmp_path / "demo")


@pytest.mark.skipif(shutil.which("git") is None, reason="there is no git")
def test_a_repository_is_begun_once_and_goes_when_a_demo_starts_over(tmp_path: Path) -> None:
    """The demo's own repository holds the estate, is clean, and is dropped with the demo of before."""
    prepare(tmp_path)
    at = datetime(2026, 9, 1, 8, tzinfo=UTC)
    made = begin(tmp_path, at)
    rewrite(tmp_path, "estate.yaml", "Larkfield Gifts", "Larkfield")
    assert made is not None
    made.commit("A shorter name", at + timedelta(days=1))

    assert begin(tmp_path, at) is None
    head = head_of(tmp_path)
    assert head is not None
    assert head[1] == at + timedelta(days=1)
    assert [title for _, _, title in changes_of(tmp_path, 10_000)] == ["A shorter name"]
    prepare(tmp_path)
    assert not (tmp_path / ".git").exists()
    assert "Larkfield Gifts" in (tmp_path / "estate.yaml").read_text()


def test_a_repository_that_is_somebodys_stays_as_it_is(tmp_path: Path) -> None:
    """Where a repository is already, nothing is committed, and starting over leaves it alone."""
    prepare(tmp_path)
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "HEAD").write_text("ref: refs/heads/mine\n")

    assert begin(tmp_path, datetime(2026, 9, 1, tzinfo=UTC)) is None
    prepare(tmp_path)
    assert [one.name for one in (tmp_path / ".git").iterdir()] == ["HEAD"]
