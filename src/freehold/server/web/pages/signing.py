"""Signing a document on its page: what a person writes is read in its place first, and then signed with what it says.

Nothing of it is kept before that. A signature is made by the function that `freehold document sign` calls.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from freehold.foundation import FreeholdError
from freehold.insight.documents.narrating import narrative_text
from freehold.server.api.documents import moment_of
from freehold.server.web.showing import asked_of
from freehold.server.written import Reader

if TYPE_CHECKING:
    from starlette.datastructures import FormData

    from freehold.insight.documents import DocumentFile, Edition

LONGEST = 20_000  # characters of a part
_PART = "narrative."


@dataclass(frozen=True, slots=True)
class PartRow:
    """A part of the narrative: what it is to answer, and what was written."""

    name: str
    asks: str
    text: str


@dataclass(frozen=True, slots=True)
class Signing:
    """What there is to be signed.

    Attributes:
        manifest: the hash that would be signed; said: the parameters and the moment, which go with it.
        missing: the parts that nobody wrote yet.
        signers: who may sign, as the files of teams name them; empty where the reader may.
        file, text: the name of the narrative beside an edition at a shell, and what it holds.
    """

    manifest: str
    said: Mapping[str, str]
    parts: tuple[PartRow, ...]
    missing: tuple[str, ...]
    signers: tuple[str, ...]
    file: str
    text: str


def signing(reader: Reader, file: DocumentFile, made: Edition, narrative: Mapping[str, str]) -> Signing:
    """Return what a reader would sign of an edition that was made with what they wrote."""
    who, signers = reader.asked.who, reader.library.signers(made.manifest)
    is_mine = not signers.isdisjoint({who.principal, *who.groups})
    at = made.manifest.as_of.isoformat().replace("+00:00", "Z")
    return Signing(
        manifest=made.manifest.hash,
        said={**made.manifest.parameters, "as_of": at},
        parts=tuple(PartRow(name, asks, narrative.get(name, "")) for name, asks in file.narrative.items()),
        missing=tuple(name for name in file.narrative if name not in made.manifest.narrative),
        signers=() if is_mine else tuple(sorted(signers)) or ("nobody: name an owner in the file of the team",),
        file=f"{made.name}.narrative.yaml",
        text=narrative_text(file, narrative) if file.narrative else "",
    )


async def sign(request: Request) -> Response:
    """Sign an edition with what was written in it, and lead to it.

    Raises:
        FreeholdError: FH-A112 a part is longer than anybody writes; what `Reader.sign` raises.
    """
    form = await request.form()
    return await run_in_threadpool(_sign, request, form)


def _sign(request: Request, form: FormData) -> Response:
    reader = Reader.of(asked_of(request))
    file = reader.file(str(request.path_params["id"]))
    said = {name: str(form[name])[:200] for name in file.parameters if form.get(name)}
    as_of = moment_of(str(form.get("as_of", "")), reader) or reader.reckoned.known
    signature = reader.sign(file, said, as_of, written_in(form), str(form.get("manifest", "")))
    return RedirectResponse(f"/documents/{file.id}?{urlencode({'edition': signature.edition})}", 303)


def written_in(form: FormData) -> dict[str, str]:
    """Return the narrative of a form.

    Raises:
        FreeholdError: FH-A112 a part is longer than anybody writes.
    """
    return dict(_written_in(form))


def _written_in(form: FormData) -> Iterator[tuple[str, str]]:
    for name, value in form.items():
        if not name.startswith(_PART):
            continue
        text, part = str(value).replace("\r\n", "\n").strip(), name.removeprefix(_PART)
        if len(text) > LONGEST:
            problem = f"`{part[:40]}` has {len(text):,} characters."
            raise FreeholdError("FH-A112", problem, fix=f"Write at most {LONGEST:,}.")
        if text:
            yield part, text
