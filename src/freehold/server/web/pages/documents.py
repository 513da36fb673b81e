"""Documents: what can be written from evidence, one of them as it reads now, and the editions that were signed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from freehold.foundation import FreeholdError
from freehold.foundation.words import counted
from freehold.insight.documents.page import body
from freehold.insight.documents.pdf import has_pdf
from freehold.server.api.documents import moment_of
from freehold.server.web.model import Crumb, Empty, Heading, joined
from freehold.server.web.pages.signing import Signing, sign, signing, written_in
from freehold.server.web.serving import page
from freehold.server.web.showing import Asked, Shown, asked_of, rendered
from freehold.server.written import Reader

if TYPE_CHECKING:
    from starlette.datastructures import FormData

    from freehold.insight.documents import DocumentFile, Edition, Signature

_PATH = "/documents"
_MOST = 5  # of what a document is written of, in the list
_HEADINGS = (
    Heading("Document"),
    Heading("For", narrow=False),
    Heading("Written", narrow=False),
    Heading("Last signed", "num", narrow=False),
)
_SIGNED = (Heading("Edition"), Heading("By", narrow=False), Heading("Signed", "num"))
_NONE = Empty("Nothing here is for you to read", "Documents of the whole estate are for those who see all of it.")
_KINDS = {  # what documents are written of, by their first subject, in the order of the page
    "": ("Of a period", "of-periods"),
    "product": ("Of one product", "of-products"),
    "item": ("Of one work item", "of-items"),
    "case": ("Of one investment case", "of-cases"),
}
_OF_NONE = {
    "product": Empty("There is no product yet", "It is written of one."),
    "item": Empty("There is nothing yet that it could be written of", "It is written of one work item at a time."),
    "case": Empty(
        "There is no investment case yet", "An objective is one that says `investment`: see the page of the roadmap."
    ),
}


@dataclass(frozen=True, slots=True)
class Variant:
    """Something that a document can be written of, and whether somebody signed that."""

    name: str
    href: str
    is_signed: bool


@dataclass(frozen=True, slots=True)
class DocumentRow:
    """A document in the list; `more` is how many it can be written of beside those of `variants`."""

    id: str
    name: str
    description: str
    audience: str
    cadence: str
    signed_at: datetime | None
    signer: str
    variants: tuple[Variant, ...]
    more: int


@dataclass(frozen=True, slots=True)
class DocumentGroup:
    """Documents that are written of the same kind of thing."""

    id: str
    title: str
    documents: tuple[DocumentRow, ...]


@dataclass(frozen=True, slots=True)
class DocumentsPage:
    """The documents that a reader may read."""

    headings: tuple[Heading, ...]
    groups: tuple[DocumentGroup, ...]
    none: Empty


@dataclass(frozen=True, slots=True)
class Choice:
    """What can be chosen for an edition: a parameter, its words, what people call them, and the one that is shown."""

    name: str
    label: str
    words: tuple[str, ...]
    called: tuple[str, ...]
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
    `before` is what was signed of the same, where this is how it reads now.
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
    signing: Signing | None
    before: SignedRow | None
    is_draft: bool  # what somebody writes is in it, and kept nowhere yet


@dataclass(frozen=True, slots=True)
class NoEditionPage:
    """A document of which no edition can be written yet, and why."""

    none: Empty


def routes() -> list[Route]:
    """Return the routes of documents."""
    return [
        *page(_PATH, documents, "documents"),
        *page(f"{_PATH}/{{id}}", document, "document", asks=True),
        Route(f"{_PATH}/{{id}}", drafted, methods=["POST"], name="document.draft"),
        Route(f"{_PATH}/{{id}}/signatures", sign, methods=["POST"], name="document.sign"),
    ]


def documents(asked: Asked) -> Shown:
    """Show which there are, by what they are written of."""
    reader = Reader.of(asked)
    rows = {id_: (file, _row(reader, file)) for id_, file in reader.files().items()}
    groups = tuple(
        DocumentGroup(id_, title, tuple(row for file, row in rows.values() if "".join(file.subjects[:1]) == kind))
        for kind, (title, id_) in _KINDS.items()
    )
    told = f"{counted(len(rows), 'documents')}, each written from what was recorded."
    model = DocumentsPage(_HEADINGS, tuple(group for group in groups if group.documents), _NONE)
    return Shown("pages/documents.html", "Documents", model, told, nav="documents")


def document(asked: Asked) -> Shown:
    """Show one as it reads now, or as it was signed."""
    reader = Reader.of(asked)
    file = reader.file(str(asked.request.path_params["id"]))
    wanted = asked.word("edition")
    signature = next((s for s in reader.signed(file) if s.edition == wanted), None)
    if wanted and signature is None:
        raise FreeholdError("FH-O101", f"No edition `{wanted[:80]}` was signed.", fix="Choose one of the list.")
    if signature is not None:
        return _shown(reader, file, reader.as_signed(file, signature), signature=signature)
    subjects = reader.subjects(file)
    if empty := next((name for name in file.subjects if not subjects[name]), ""):
        crumbs = (Crumb("Documents", _PATH),)
        model = NoEditionPage(_OF_NONE[empty])
        return Shown("pages/document_none.html", file.name, model, file.description, crumbs, nav="documents")
    made = reader.edition(file, _said(asked, reader, file))
    before = reader.signature(file, made)
    narrative = reader.library.narrative_of(before) if before is not None else {}
    return _shown(reader, file, made, before=before, narrative=narrative)


async def drafted(request: Request) -> Response:
    """Show an edition with what somebody writes in it; nothing of it is kept."""
    form = await request.form()
    return await run_in_threadpool(_drafted, request, form)


def _drafted(request: Request, form: FormData) -> Response:
    asked = asked_of(request)
    reader = Reader.of(asked)
    file = reader.file(str(request.path_params["id"]))
    said = {name: str(form[name])[:200] for name in file.parameters if form.get(name)}
    narrative = written_in(form)
    as_of = moment_of(str(form.get("as_of", "")), reader) or reader.reckoned.known
    made = reader.draft(file, said, as_of, narrative)
    return rendered(asked, _shown(reader, file, made, narrative=narrative, is_draft=bool(narrative)))


def _shown(
    reader: Reader, file: DocumentFile, made: Edition, *, signature: Signature | None = None,
    before: Signature | None = None, narrative: Mapping[str, str] | None = None, is_draft: bool = False,
) -> Shown:  # fmt: skip
    model = DocumentPage(
        id=file.id,
        choices=tuple(_choices(reader, file, made)),
        markup=body(made.markdown, below=1),
        forms=tuple(_forms(file, made)),
        seq=made.manifest.seq,
        known=made.manifest.as_of,
        is_behind=reader.reckoned.is_behind and signature is None,
        manifest=made.manifest.hash[:12],
        signed=tuple(_signed(file, s) for s in reader.signed(file)),
        headings=_SIGNED,
        signer=signature.signer if signature else "",
        is_changed=signature is not None and signature.manifest != made.manifest.hash,
        signing=None if signature else signing(reader, file, made, narrative or {}),
        before=_signed(file, before) if before is not None else None,
        is_draft=is_draft,
    )
    crumbs = (Crumb("Documents", _PATH),)
    return Shown("pages/document.html", file.name, model, file.description, crumbs, nav="documents")


def _row(reader: Reader, file: DocumentFile) -> DocumentRow:
    signed = reader.signed(file)
    variants = tuple(_variants(reader, file, signed))
    return DocumentRow(
        file.id, file.name, file.description, file.audience, file.cadence,
        signed[0].signed_at if signed else None, signed[0].signer if signed else "",
        variants[:_MOST], max(0, len(variants) - _MOST),
    )  # fmt: skip


def _variants(reader: Reader, file: DocumentFile, signed: tuple[Signature, ...]) -> Iterator[Variant]:
    for name, subjects in reader.subjects(file).items():
        done = {signature.parameters.get(name) for signature in signed}
        for one in subjects:
            yield Variant(one.name, f"{_PATH}/{file.id}?{urlencode({name: one.id})}", one.id in done)


def _said(asked: Asked, reader: Reader, file: DocumentFile) -> dict[str, str]:
    said = {name: asked.word(name) for name in file.parameters if asked.word(name)}
    for name, subjects in reader.subjects(file).items():
        if name not in said and subjects:
            said[name] = subjects[0].id
    if file.periods and "period" not in said and (periods := list(reader.periods(file))):
        over = (p for p in periods if p.is_closed(reader.reckoned.known))
        said["period"] = str(next(over, periods[0]))
    return said


def _choices(reader: Reader, file: DocumentFile, made: Edition) -> Iterator[Choice]:
    chosen = made.manifest.parameters
    if file.periods:
        words = dict.fromkeys((*map(str, reader.periods(file)), chosen["period"]))
        yield Choice("period", "Period", tuple(words), tuple(words), chosen["period"])
    for name, subjects in reader.subjects(file).items():
        ids, called = (one.id for one in subjects), (one.name for one in subjects)
        yield Choice(name, name.capitalize(), tuple(ids), tuple(called), chosen[name])
    for name, known in file.choices.items():
        yield Choice(name, name.replace("_", " ").capitalize(), known, known, chosen[name])


def _forms(file: DocumentFile, made: Edition) -> Iterator[Crumb]:
    at = made.manifest.as_of.isoformat().replace("+00:00", "Z")
    way, said = f"/api/v1/documents/{file.id}", {**made.manifest.parameters, "as_of": at}
    forms = (("html", "HTML"), ("md", "Markdown"), *((("pdf", "PDF"),) if has_pdf() else ()))
    for form, called in forms:
        yield Crumb(called, f"{way}/edition?{urlencode({**said, 'form': form})}")
    yield Crumb("Manifest", f"{way}/manifest?{urlencode(said)}")


def _signed(file: DocumentFile, signature: Signature) -> SignedRow:
    href = f"{_PATH}/{file.id}?{urlencode({'edition': signature.edition})}"
    words = joined(list(signature.parameters.values())) or signature.edition
    return SignedRow(words, href, signature.signer, signature.signed_at)
