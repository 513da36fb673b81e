"""`/api/v1/documents`: what can be written from evidence; its editions as Markdown and HTML, and their manifests."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import FastAPI, Path, Query, Request
from pydantic import Field
from starlette.responses import Response

from freehold.foundation import FreeholdError
from freehold.insight.documents import Edition, pdf_of
from freehold.insight.documents.declared import DocumentFile
from freehold.server.api.model import TAKES_ANY, After, Limit, Strict, asked_by, page_of
from freehold.server.written import Reader

_ITS_OWN = {TAKES_ANY: "those of the document"}
_MEDIA = {"md": "text/markdown", "html": "text/html", "pdf": "application/pdf"}
Id = Annotated[str, Path(max_length=200)]
AsOf = Annotated[str, Query(max_length=40, description="as was recorded by then; default: by now")]


class DocumentEntry(Strict):
    """A document that can be written."""

    id: str
    name: str
    description: str
    audience: str
    cadence: str
    periods: list[str] = Field(description="the calendars its period may be of")
    product: bool = Field(description="whether it is written of one product")
    items: list[str] = Field(description="the types of work items of one of which it is written; empty: of none")
    case: bool = Field(description="whether it is written of one investment case")
    choices: dict[str, list[str]] = Field(description="its other parameters, each with its words")
    facts: list[str]
    narrative: dict[str, str] = Field(description="what a person writes, and what it is to answer")


class DocumentList(Strict):
    """Documents in the order of their ids."""

    items: list[DocumentEntry]
    next: str | None = Field(description="the cursor of the next page; null at the end")


class SignedEdition(Strict):
    """An edition that a person stood up for."""

    edition: str
    parameters: dict[str, str]
    manifest: str = Field(description="the SHA-256 of its manifest")
    as_of: datetime
    seq: int
    signed_at: datetime


class DocumentDetail(DocumentEntry):
    """A document, the periods of which it can be written, and what was signed."""

    can_be_written_of: list[str]
    signed: list[SignedEdition]


def add(app: FastAPI) -> None:
    """Add the endpoints of documents."""
    app.get("/documents", summary="Documents", operation_id="list_documents")(_documents)
    app.get("/documents/{id}", summary="A document", operation_id="get_document")(_document)
    app.get(
        "/documents/{id}/edition", summary="An edition", operation_id="write_edition", response_class=Response,
        responses={200: {"content": {media: {} for media in _MEDIA.values()}, "description": "the edition"}},
        openapi_extra=_ITS_OWN,
    )(_edition)  # fmt: skip
    app.get(
        "/documents/{id}/manifest", summary="A manifest", operation_id="get_manifest", openapi_extra=_ITS_OWN
    )(_manifest)  # fmt: skip


def _documents(request: Request, limit: Limit = 100, after: After = "") -> DocumentList:
    """List the documents that the asker may read."""
    files = list(Reader.of(asked_by(request)).files().values())
    page, more = page_of(files, lambda file: file.id, after, limit)
    return DocumentList(items=[DocumentEntry(**_entry(file)) for file in page], next=more)


def _document(request: Request, id: Id) -> DocumentDetail:
    """Return a document."""
    reader = Reader.of(asked_by(request))
    file = reader.file(id)
    signed = [
        SignedEdition(
            edition=s.edition, parameters=dict(s.parameters), manifest=s.manifest, as_of=s.as_of, seq=s.seq,
            signed_at=s.signed_at,
        )
        for s in reader.signed(file)
    ]  # fmt: skip
    return DocumentDetail(**_entry(file), can_be_written_of=[str(p) for p in reader.periods(file)], signed=signed)


def _edition(
    request: Request,
    id: Id,
    form: Annotated[Literal["md", "html", "pdf"], Query(description="as Markdown, HTML or PDF, an extra")] = "md",
    as_of: AsOf = "",
) -> Response:
    """Write an edition. Any other word of the query is a parameter of the document: `period`, `product` …"""
    made = _made(request, id, as_of)
    headers = _named(f"{made.name}.{form}")
    if form == "pdf":
        return Response(pdf_of(made), media_type=_MEDIA[form], headers=headers)
    text = {"md": made.markdown, "html": made.html}[form]
    return Response(text, media_type=f"{_MEDIA[form]}; charset=utf-8", headers=headers)


def _manifest(request: Request, response: Response, id: Id, as_of: AsOf = "") -> dict[str, Any]:
    """Return what an edition is made of, by hash; asked for in the words that the edition is."""
    made = _made(request, id, as_of)
    response.headers.update(_named(f"{made.name}.manifest.json"))
    return made.manifest.to_json()


def _made(request: Request, id: str, as_of: str) -> Edition:
    reader = Reader.of(asked_by(request))
    file = reader.file(id)
    said = {name: word[:200] for name, word in request.query_params.items() if name not in ("form", "as_of")}
    return reader.edition(file, {name: word for name, word in said.items() if word}, moment_of(as_of, reader))


def _named(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}"'}


def moment_of(text: str, reader: Reader) -> datetime | None:
    """Return the moment that words name; None where they name none.

    Raises:
        FreeholdError: FH-C002 it is no date, or still to come.
    """
    try:
        moment = datetime.fromisoformat(text) if text else None
    except ValueError:
        raise FreeholdError(
            "FH-C002", f"`{text[:40]}` is no date.", fix="Write 2011-03-07, or 2011-03-07T06:00."
        ) from None
    if moment is not None and moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    if moment is not None and moment > reader.asked.served.snapshots.clock.now():
        raise FreeholdError(
            "FH-C002", f"`{text}` is still to come, and nothing is recorded of it.", fix="Name an instant that passed."
        )
    return moment


def _entry(file: DocumentFile) -> dict[str, Any]:
    return {
        "id": file.id, "name": file.name, "description": file.description, "audience": file.audience,
        "cadence": file.cadence, "periods": list(file.periods), "product": file.is_of_product,
        "items": list(file.items), "case": file.is_of_case,
        "choices": {name: list(words) for name, words in file.choices.items()}, "facts": list(file.facts),
        "narrative": dict(file.narrative),
    }  # fmt: skip
