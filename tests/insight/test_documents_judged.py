"""What is wrong with a document is told before it is written: what, where, how to mend. A case is a pair of files."""

from __future__ import annotations

from pathlib import Path

import pytest

from freehold.estate.kinds import written_from
from freehold.estate.loading import documents_of, text_below
from freehold.foundation import FreeholdError
from freehold.insight import builtin_kpis
from freehold.insight.documents import DocumentFile, builtin_documents
from freehold.insight.documents.checking import findings
from freehold.insight.documents.declared import document_from

CASES = sorted((Path(__file__).parent / "documents").glob("*.md"))


def declared(path: Path) -> DocumentFile:
    """Read a document of a test."""
    content, shown = path.read_bytes(), f"documents/{path.name}"
    return document_from(written_from(documents_of(content, shown)[0], text_below(content)))


@pytest.mark.parametrize("case", CASES, ids=[case.stem.replace("-", " ") for case in CASES])
def test_what_is_wrong_is_told_with_its_place(case: Path) -> None:
    """Each file is refused with all that is expected of it, and nothing else."""
    expected = case.with_suffix(".txt").read_text("utf-8").strip()

    found = "\n\n".join(str(error) for error in findings(declared(case), builtin_kpis()))

    assert found == expected


def test_what_the_engine_does_not_take_is_told_with_its_fact(tmp_path: Path) -> None:
    """SQL that does not parse with line and column, a column that is not there with the place of the query."""
    text = CASES[0].read_text("utf-8").split("  facts:")[0]
    below = '---\n{{ table(runs, {"Asset": "asset"}) }}\n'
    found = []
    for sql in ("|\n        SELECT asset\n        FROM WHERE", "SELECT aset AS asset FROM run_completed"):
        (tmp_path / "d.md").write_text(f"{text}  facts:\n    runs:\n      sql: {sql}\n{below}", "utf-8")
        found += [(e.code, str(e.where), e.fix != "") for e in findings(declared(tmp_path / "d.md"), builtin_kpis())]

    assert found == [("FH-Q001", "documents/d.md:11:14", True), ("FH-L404", "documents/d.md:9:12", True)]


@pytest.mark.parametrize("id", builtin_documents())
def test_what_ships_is_sound(id: str) -> None:
    """Each is judged, and written from a ledger in which nothing has happened, for each word of its choices."""
    file = builtin_documents()[id]

    assert [str(error) for error in findings(file, builtin_kpis())] == []
    assert (file.id, file.where.path) == (id, f"builtin/documents/{id}.md")


def test_findings_are_errors_of_the_house() -> None:
    """Every one can be shown to people and programs alike."""
    found = [e for case in CASES for e in findings(declared(case), builtin_kpis())]

    assert all(isinstance(error, FreeholdError) and error.where and error.where.line and error.fix for error in found)
