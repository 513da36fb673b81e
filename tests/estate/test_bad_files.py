"""Bad files, each a folder of cases/ laid over base/; `expected.txt` is the very text a person reads."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from freehold.estate import load_estate
from freehold.foundation import FreeholdError

HERE = Path(__file__).parent
CASES = sorted(path.name for path in (HERE / "cases").iterdir())


def what_is_said_of(root: Path) -> str:
    """Return all errors of an estate, or its findings, as text."""
    try:
        estate = load_estate(root)
    except FreeholdError as error:
        return str(error) + "\n"
    return "".join(f"{finding}\n" for finding in estate.findings)


@pytest.mark.parametrize("case", CASES)
def test_a_bad_file_gets_one_clear_text(case: str, tmp_path: Path) -> None:
    """Each case is answered with code, file:line:column, what is wrong and how to mend it, word for word."""
    shutil.copytree(HERE / "base", tmp_path, dirs_exist_ok=True)
    shutil.copytree(HERE / "cases" / case, tmp_path, dirs_exist_ok=True)
    expected = HERE / "cases" / case / "expected.txt"
    (tmp_path / "expected.txt").unlink(missing_ok=True)
    said = what_is_said_of(tmp_path)
    if os.environ.get("FREEHOLD_REWRITE_CASES"):  # to see every change of wording in one diff
        expected.write_text(said, encoding="utf-8")

    assert said, "a bad file was let through"
    assert said == expected.read_text(encoding="utf-8")
    assert said == what_is_said_of(tmp_path), "the second time, with a cache, another text"


def test_the_base_is_sound() -> None:
    """What the cases are laid over has no fault of its own."""
    assert load_estate(HERE / "base", cache=False).findings == ()


def test_no_secret_is_ever_repeated() -> None:
    """A secret in a file appears in none of the texts."""
    texts = [(HERE / "cases" / case / "expected.txt").read_text(encoding="utf-8") for case in CASES]

    assert [text for text in texts if "hunter2" in text] == []
