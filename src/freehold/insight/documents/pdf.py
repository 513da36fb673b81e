"""An edition as PDF: its HTML, laid out for paper by WeasyPrint. An extra: it is imported when somebody asks for one.

Tagged for readers of screens (PDF/UA). Nothing is fetched: an edition's HTML needs no other file. The same edition
gives the same bytes as long as WeasyPrint and the fonts of the machine are the same, so the manifest vouches for
Markdown and HTML, and a PDF names the manifest at its end.
"""

from __future__ import annotations

import hashlib
import logging
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from freehold.foundation import Exit, FreeholdError

if TYPE_CHECKING:
    from freehold.insight.documents.writing import Edition

PDF = "pdf"
_VARIANT = "pdf/ua-1"


def has_pdf() -> bool:
    """Whether the extra is installed."""
    return find_spec("weasyprint") is not None


def pdf_of(edition: Edition) -> bytes:
    """Return an edition as PDF.

    Raises:
        FreeholdError: FH-O116 WeasyPrint is not installed, or the libraries that it draws text with.
    """
    try:
        import weasyprint
        from weasyprint.urls import URLFetcher
    except ImportError as error:
        raise FreeholdError(
            "FH-O116", "WeasyPrint, which lays out PDF, is not installed.", fix="pip install 'freehold[pdf]'",
            exit_code=Exit.ENVIRONMENT,
        ) from error  # fmt: skip
    except OSError as error:  # it is there, and Pango is not
        raise FreeholdError(
            "FH-O116", f"WeasyPrint lacks a library of the system: {str(error).splitlines()[0]}.",
            fix="Install Pango: apt install libpango-1.0-0 libpangoft2-1.0-0", exit_code=Exit.ENVIRONMENT,
        ) from error  # fmt: skip
    for name in ("weasyprint", "fontTools"):
        logging.getLogger(name).setLevel(logging.ERROR)  # they tell of every rule for screens that paper has no use for
    html = edition.html.replace("</footer>", f" Manifest {edition.manifest.hash[:12]}.</footer>")
    identity = hashlib.sha256(html.encode()).digest()[:16]
    page: Any = weasyprint.HTML(string=html, url_fetcher=URLFetcher(allowed_protocols=()))
    return bytes(page.write_pdf(pdf_identifier=identity, pdf_variant=_VARIANT))
