"""Documents: what can be written from evidence, one of them as it reads now, and the editions that were signed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from starlette.routing import Route

from freehold.foundation import FreeholdError
from freehold.foundation.words import counted
from freehold.insight.documents.page import body
from freehold.server.web.model import Crumb, Empty, Heading, joined
from freehold.server.web.serving import page
from freehold.server.web.showing import Asked, Shown
from freehold.server.written import Reader

if TYPE_CHECKING:
    from freehold.insight.documents import DocumentFile, Edition, Signature

_PATH = "/documents"
_HEADINGS = (
    Heading("Document"),
    Heading("For", narrow=False),
    Heading("Written", narrow=False),
    Heading("Last signed", "num", narrow=False),
)
_SIGNED = (Heading("Edition"), Heading("By", narrow=False), Heading("Signed", "num"))
_NONE = Empty("Nothing here is for you to read", "Documents of the whole estate are for those who see all of it.")


@dataclass(frozen=True, slots=True)
class DocumentRow:
    """A document in the list."""

    id: str
    name: str
    description: str
    audience: str
    cadence: str
    signed_at: datetime | None


@dataclass(frozen=True, slots=True)
class DocumentsPage:
    """The documents that a reader may read."""

    headings: tuple[Heading, ...]
    documents: tuple[DocumentRow, ...]
    none: Empty


@dataclass(frozen=True, slots=True)
class Choice:
    """What can be chosen for an edition: a parameter, its words, and the one that is shown."""

    name: str
    label: str
    words: tuple[str, ...]
    chosen: str


@dataclass(frozen=True, slots=True)
class SignedRow:
    """A signed edition."""

    edition: str
    href: str
    signer: str
    signed_at: datetime


@dataclass(frozen=True, slots=True)
class DocumentPage:
    """A document as it reads; `markup` is its text as HTML.

    Of an edition that somebody stood up for, `signer` says who, and `is_changed` whether another would be made today.
    """

    id: str
    choices: tuple[Choice, ...]
    markup: str
    forms: tuple[Crumb, ...]
    seq: int
    known: datetime
    is_behind: bool
    manifest: str
    signed: tuple[SignedRow, ...]
    headings: tuple[Heading, ...]
    signer: str
    is_changed: bool


def routes() -> list[Route]:
    """Return the routes of documents."""
    return [*page(_PATH, documents, "documents"), *page(f"{_PATH}/{{id}}", document, "document", asks=True)]


def documents(asked: Asked) -> Shown:
    """Show which there are."""
    reader = Reader.of(asked)
    rows = tuple(_row(reader, file) for file in reader.files().values())
    told = f"{counted(len(rows), 'documents')}, each written from what was recorded."
    return Shown("pages/documents.html", "Documents", DocumentsPage(_HEADINGS, rows, _NONE), told, nav="documents")


def document(asked: Asked) -> Shown:
    """Show one as it reads now, or as it was signed."""
    reader = Reader.of(asked)
    file = reader.file(str(asked.request.path_params["id"]))
    signed = reader.signed(file)
    wanted = asked.word("edition")
    signature = next((s for s in signed if s.edition == wanted), None)
    if wanted and signature is None:
        raise FreeholdError("FH-O101", f"No edition `{wanted[:80]}` was signed.", fix="Choose one of the list.")
    said = dict(signature.parameters) if signature else _said(asked, reader, file)
    made = reader.as_signed(file, signature) if signature else reader.edition(file, said)
    model = DocumentPage(
        id=file.id,
        choices=tuple(_choices(reader, file, made)),
        markup=body(made.markdown, below=1),
        forms=tuple(_forms(file, made)),
        seq=made.manifest.seq,
        known=made.manifest.as_of,
        is_behind=reader.reckoned.is_behind and signature is None,
        manifest=made.manifest.hash[:12],
        signed=tuple(_signed(file, s) for s in signed),
        headings=_SIGNED,
        signer=signature.signer if signature else "",
        is_changed=signature is not None and signature.manifest != made.manifest.hash,
    )
    crumbs = (Crumb("Documents", _PATH),)
    return Shown("pages/document.html", file.name, model, file.description, crumbs, nav="documents")


def _row(reader: Reader, file: DocumentFile) -> DocumentRow:
    signed = reader.signed(file)
    signed_at = signed[0].signed_at if signed else None
    return DocumentRow(file.id, file.name, file.description, file.audience, file.cadence, signed_at)


def _said(asked: Asked, reader: Reader, file: DocumentFile) -> dict[str, str]:
    said = {name: asked.word(name) for name in file.parameters if asked.word(name)}
    if file.is_of_product and "product" not in said and (products := reader.products()):
        said["product"] = products[0]
    if file.periods and "period" not in said and (periods := list(reader.periods(file))):
        over = (p for p in periods if p.is_closed(reader.reckoned.known))
        said["period"] = str(next(over, periods[0]))
    return said


def _choices(reader: Reader, file: DocumentFile, made: Edition) -> Iterator[Choice]:
    chosen = made.manifest.parameters
    if file.periods:
        words = dict.fromkeys((*map(str, reader.periods(file)), chosen["period"]))
        yield Choice("period", "Period", tuple(words), chosen["period"])
    if file.is_of_product:
        yield Choice("product", "Product", reader.products(), chosen["product"])
    for name, known in file.choices.items():
        yield Choice(name, name.replace("_", " ").capitalize(), known, chosen[name])


def _forms(file: DocumentFile, made: Edition) -> Iterator[Crumb]:
    at = made.manifest.as_of.isoformat().replace("+00:00", "Z")
    way, said = f"/api/v1/documents/{file.id}", {**made.manifest.parameters, "as_of": at}
    for form, called in (("html", "HTML"), ("md", "Markdown")):
        yield Crumb(called, f"{way}/edition?{urlencode({**said, 'form': form})}")
    yield Crumb("Manifest", f"{way}/manifest?{urlencode(said)}")


def _signed(file: DocumentFile, signature: Signature) -> SignedRow:
    href = f"{_PATH}/{file.id}?{urlencode({'edition': signature.edition})}"
    words = joined(list(signature.parameters.values())) or signature.edition
    return SignedRow(words, href, signature.signer, signature.signed_at)
