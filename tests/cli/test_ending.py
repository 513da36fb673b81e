"""How the command line ends when it does not end well."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

RUN = "from freehold.cli import main; main()"


def freehold(*words: str, at: Path, code: str = RUN, stdout: int | object = subprocess.PIPE) -> tuple[int, str, str]:
    """Run the command line as a process of its own; return its exit code, what it printed and what it said."""
    command = [sys.executable, "-c", code, *words]
    done = subprocess.run(command, cwd=at, stdout=stdout, stderr=subprocess.PIPE, text=True, check=False)  # type: ignore[call-overload]
    return done.returncode, done.stdout or "", done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("bogus",), "bogus"),
        (("run", "--jobs", "0"), "0 is not in the range"),
        (("rollback",), "PRODUCT"),
        (("status", "--no-such"), "--no-such"),
    ],
)
def test_a_wrong_word_is_told_to_machines_too(words: tuple[str, ...], said: str, tmp_path: Path) -> None:
    """With `--json` a usage error is an object like every other."""
    code, printed, _ = freehold(*words, "--json", at=tmp_path)

    (error,) = json.loads(printed)["errors"]
    assert (code, error["code"]) == (2, "FH-C005")
    assert said in error["title"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
@pytest.mark.parametrize("words", [("schema", "DataProduct"), ("--help",), ("run", "--jobs", "0", "--json")])
def test_an_answer_that_finds_no_room_is_an_error(words: tuple[str, ...], tmp_path: Path) -> None:
    """A full disk under stdout ends with 3 and a sentence, not with 0 and not with a stack."""
    with Path("/dev/full").open("w") as full:
        code, _, said = freehold(*words, at=tmp_path, stdout=full)

    assert code == 3
    assert "FH-C006" in said
    assert "No space left" in said
    assert "Traceback" not in said


def test_a_defect_names_the_report_that_holds_the_stack(tmp_path: Path) -> None:
    """What nobody foresaw ends with 70, one sentence, and a file to send."""
    broken = "import freehold.cli.schema as s; s.schema.callback = lambda **_: 1 // 0; " + RUN

    code, _, said = freehold("schema", "product", at=tmp_path, code=broken)

    assert code == 70
    assert "ZeroDivisionError" in said
    assert "Traceback" not in said
    report = Path(said.partition("Report it with ")[2].partition(",")[0])
    assert "ZeroDivisionError" in report.read_text()
    report.unlink()
