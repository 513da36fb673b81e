"""Editions as PDF: what they say, on numbered pages, the same bytes again; by a real WeasyPrint, read by PDFium."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pypdfium2 import PdfDocument

from freehold.foundation import Exit, FreeholdError
from freehold.insight.documents import Edition, pdf_of
from freehold.insight.documents.manifest import Manifest, digest
from freehold.insight.documents.page import page
from live_receiver import receiving

from .test_documents_judged import declared

FREEHOLD = Path(sys.executable).with_name("freehold")
NOON = datetime(2011, 4, 10, 12, tzinfo=UTC)
FILE = """---
apiVersion: freehold.dev/v1
kind: Document
metadata: {id: d, name: A review}
spec: {audience: tests, facts: {incidents: {sql: "SELECT incident FROM incidents"}}}
---
# A review
"""


def has_pango() -> bool:
    """Whether the libraries are there that WeasyPrint draws text with."""
    try:
        import weasyprint  # noqa: F401
    except OSError:
        return False
    return True


drawn = pytest.mark.skipif(not has_pango(), reason="Pango is not here: apt install libpango-1.0-0 libpangoft2-1.0-0")


@pytest.fixture
def edition(tmp_path: Path) -> Edition:
    """An edition of several pages, whose words hold what markup is made of, and addresses."""
    (tmp_path / "d.md").write_text(FILE, encoding="utf-8")
    rows = "\n".join(f"| asset {n} | {n} rows |" for n in range(90))
    text = f"# A review\n\n<img src=https://example.com/x.png> & more.\n\n| What | How many |\n| --- | --- |\n{rows}\n"
    html = page(declared(tmp_path / "d.md"), text, "As recorded by noon.")
    manifest = Manifest("d", "d-2011", 7, NOON, "prod", "UTC", {}, "t", {}, {}, {"html": digest(html)}, "1")
    return Edition(manifest, text, html)


def words(pdf: bytes) -> list[str]:
    """Return what stands on each page."""
    return [one.get_textpage().get_text_range() for one in PdfDocument(pdf)]


@drawn
def test_a_pdf_says_what_the_edition_says(edition: Edition) -> None:
    """All of it, on numbered pages, each with the headings of its table; markup in words stays words."""
    found = words(pdf_of(edition))
    whole = "\n".join(found)

    assert len(found) > 1
    assert [f"{n} / {len(found)}" in text for n, text in enumerate(found, 1)] == [True] * len(found)
    assert ["How many" in text for text in found[:2]] == [True, True]
    assert [f"asset {n} {n} rows" in whole for n in range(90)] == [True] * 90
    assert "<img src=https://example.com/x.png> & more." in whole
    assert f"As recorded by noon. Manifest {edition.manifest.hash[:12]}." in whole


@drawn
def test_a_pdf_is_tagged_and_the_same_again(edition: Edition) -> None:
    """Who listens to it hears its headings and tables; made twice, it is the same to the byte."""
    once, again = pdf_of(edition), pdf_of(edition)

    assert once == again
    assert PdfDocument(once).is_tagged()


@drawn
def test_nothing_is_fetched_for_a_pdf(edition: Edition) -> None:
    """Whatever a page names: it is drawn without, and nobody is asked for it."""
    with receiving() as receiver:
        html = edition.html.replace("<main>", f'<main><img src="{receiver.url}" alt="x">')
        assert words(pdf_of(replace(edition, html=html)))
        assert receiver.got == []


@pytest.mark.parametrize(
    ("missing", "fix"),
    [
        pytest.param(None, "pip install 'freehold[pdf]'", id="the extra"),
        pytest.param(OSError("cannot load library 'libpango-1.0-0': no such file\n…"), "libpango", id="Pango"),
    ],
)
def test_without_the_extra_it_says_how_to_get_it(
    edition: Edition, monkeypatch: pytest.MonkeyPatch, missing: OSError | None, fix: str
) -> None:
    """The command that installs what is missing; nothing else needs it."""
    if missing is None:
        monkeypatch.setitem(sys.modules, "weasyprint", None)
    else:
        monkeypatch.delitem(sys.modules, "weasyprint", raising=False)
        monkeypatch.setattr(sys, "meta_path", [_Broken(missing), *sys.meta_path])
    with pytest.raises(FreeholdError) as refused:
        pdf_of(edition)

    assert (refused.value.code, refused.value.exit_code, fix in refused.value.fix) == (
        "FH-O116",
        Exit.ENVIRONMENT,
        True,
    )


class _Broken:
    """A finder that finds WeasyPrint as it is where a library of the system is missing."""

    def __init__(self, error: OSError) -> None:
        self._error = error

    def find_spec(self, name: str, *_: object) -> None:
        if name == "weasyprint":
            raise self._error


@drawn
def test_a_pdf_at_the_terminal(tmp_path: Path) -> None:
    """Beside the other files, or into one; never as bytes on a screen."""
    folder, out = tmp_path / "shop", tmp_path / "out"
    for said in (["init", str(folder)], ["-C", str(folder), "run"]):
        assert run(*said).returncode == 0
    render = ("-C", str(folder), "document", "render", "portfolio", "--as-of", "2011-04-10", "--format", "pdf")
    written, piped = run(*render, "--out", str(out)), run(*render)
    (file,) = out.glob("*.pdf")

    assert (written.returncode, f"Wrote {file}" in written.stderr.decode()) == (0, True)
    assert (piped.returncode, piped.stderr) == (0, b"")
    assert "Portfolio inventory" in words(piped.stdout)[0]
    assert file.read_bytes() == piped.stdout
    assert run("-C", str(folder), "document", "verify", str(file.with_suffix(".manifest.json"))).returncode == 0


def run(*said: str) -> subprocess.CompletedProcess[bytes]:
    """Run a command."""
    return subprocess.run([str(FREEHOLD), *said], capture_output=True, timeout=120, check=False)
