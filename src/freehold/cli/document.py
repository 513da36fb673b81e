"""`freehold document`: written from recorded evidence, repeatable to the byte, signed by a person."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from freehold.cli.opened import chosen_environment, environment, loaded, opened_ledger, past, state_is_there
from freehold.cli.output import as_json, counted, emit, say, table
from freehold.foundation import Exit, FreeholdError

if TYPE_CHECKING:
    from freehold.insight.documents import DocumentFile, Edition, Library, Manifest

PDF = "pdf"
_manifest = click.argument(
    "path", metavar="MANIFEST", type=click.Path(exists=True, dir_okay=False, path_type=Path)
)  # fmt: skip


@contextmanager
def _opened(start: str | None, env: str | None) -> Iterator[Library]:
    from freehold.insight.documents import Library

    estate = loaded(start)
    if not state_is_there(estate):
        raise FreeholdError(
            "FH-K005", "Nothing was recorded here yet.", fix="`freehold run` records the first of it.",
            exit_code=Exit.ENVIRONMENT,
        )  # fmt: skip
    with opened_ledger(estate) as ledger:
        yield Library(estate, ledger, chosen_environment(estate, env).name)


@click.group(epilog="Example: freehold document render business-review --period 2011-Q2 --out reviews")
def document() -> None:
    """Write documents from what the ledger recorded, as of any time; sign them; prove what they say."""


@document.command("list", epilog="Example: freehold document list")
@as_json
@click.pass_obj
def list_(start: str | None, as_json: bool) -> None:
    """List the documents that can be written: those that ship, and those of the estate."""
    from freehold.insight.documents.declared import documents_of

    found = [file for _, file in sorted(documents_of(loaded(start)).items())]
    if as_json:
        emit({"documents": [_as_object(file) for file in found]})
        return
    rows = [(f"[bold]{f.id}[/bold]", f.name, f.audience, f.cadence, ", ".join(_asked(f)), f.description) for f in found]
    table(rows, ("document", "title", "for", "cadence", "takes", "what it is"), least=(5, 2, 3))
    say(click.style(f"{counted(len(found), 'documents')}; freehold document render DOCUMENT writes one.", dim=True))


@document.command(epilog="Example: freehold document render release-notes --period 2011-03 --set reader=engineer")
@click.argument("id", metavar="DOCUMENT")
@click.option("--period", metavar="PERIOD", help="2011-Q2, 2011-03 …; default: the last one that was over.")
@click.option("--product", metavar="PRODUCT", help="Of which product, where a document is of one.")
@click.option("--set", "words", metavar="NAME=WORD", multiple=True, help="Another parameter; may be repeated.")
@click.option("--as-of", metavar="DATE", help="As was recorded by then: 2011-04-10; default: now.")
@click.option(
    "--out", metavar="DIR", type=click.Path(file_okay=False, path_type=Path),
    help="Write Markdown, HTML, manifest and narrative there.",
)  # fmt: skip
@click.option(
    "--format", "form", type=click.Choice(["md", "html", "pdf"]), default="md", show_default=True,
    help="What to print without --out; with it, pdf is written, too. It takes an extra: freehold[pdf].",
)  # fmt: skip
@environment
@as_json
@click.pass_obj
def render(
    start: str | None, id: str, period: str | None, product: str | None, words: tuple[str, ...], as_of: str | None,
    out: Path | None, form: str, env: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Write an edition of a document: facts first, then words, then the manifest that lets anybody repeat it.

    What a person is to write stands in EDITION.narrative.yaml beside it: fill it in and render again; it is never
    written over. A document that packs events is written as a ZIP, too, which proves itself. With --json the manifest
    is printed.
    """
    said = {"period": period, "product": product, **_words(words)}
    given = {name: word for name, word in said.items() if word}
    moment = past(as_of) if as_of else None
    _expect_somewhere(form, out)
    with _opened(start, env) as library:
        if out is None:
            edition = library.write(id, given, moment)
        else:
            edition = written_into(library, id, given, moment, out, is_pdf=form == PDF)
    if as_json:
        emit(edition.manifest.to_json())
    elif out is None:
        _printed(edition, form)


def _expect_somewhere(form: str, out: Path | None) -> None:
    """Refuse to print a PDF where somebody would read its bytes.

    Raises:
        FreeholdError: FH-O117.
    """
    if form == PDF and out is None and sys.stdout.isatty():
        raise FreeholdError(
            "FH-O117", "A PDF is nothing for a terminal.", fix="Say --out DIR, or lead it into a file: > review.pdf",
            exit_code=Exit.USAGE,
        )  # fmt: skip


def _printed(edition: Edition, form: str) -> None:
    from freehold.insight.documents import pdf_of

    if form == PDF:
        click.echo(pdf_of(edition), nl=False)
    else:
        click.echo(edition.html if form == "html" else edition.markdown, nl=False)


def written_into(
    library: Library, id: str, said: Mapping[str, str], moment: datetime | None, out: Path, *, is_pdf: bool = False
) -> Edition:
    """Write an edition into a folder, with what was written in it there, and say so."""
    from freehold.insight.documents import pdf_of
    from freehold.insight.documents.narrating import narrative_text
    from freehold.insight.documents.package import MANIFEST, packed

    first = library.write(id, said, moment)
    file, beside = library.file(id), _path_of_narrative(out / f"{first.name}{MANIFEST}")
    if beside.exists():
        edition = library.write(id, first.manifest.parameters, first.manifest.as_of, _narrative(beside))
    else:
        edition = first
    paper = pdf_of(edition) if is_pdf else b""  # before anything is written: it may be that it cannot be made
    files = _files(edition, out)
    if file.narrative and not beside.exists():
        files[beside] = narrative_text(file)
    try:
        out.mkdir(parents=True, exist_ok=True)
        for path, text in files.items():
            path.write_text(text, encoding="utf-8", newline="\n")
        if paper:
            path = out / f"{edition.name}.pdf"
            path.write_bytes(paper)
            files[path] = ""
        if file.packed:
            told = beside.read_text("utf-8") if beside.exists() else ""
            path = out / f"{edition.name}.zip"
            path.write_bytes(packed(file, edition, told, library.ledger))
            files[path] = ""
    except OSError as error:
        raise FreeholdError(
            "FH-O114", f"`{error.filename}` cannot be written: {error.strerror}.", exit_code=Exit.ENVIRONMENT,
            fix="Name another folder with --out.",
        ) from error  # fmt: skip
    for path in files:
        say(f"Wrote {path}")
    if unwritten := [part for part in file.narrative if part not in edition.manifest.narrative]:
        say(f"Nobody wrote {', '.join(unwritten)} yet: fill in {beside.name} and render again.")
    return edition


def _files(edition: Edition, out: Path) -> dict[Path, str]:
    from freehold.insight.documents.package import MANIFEST

    return {
        out / f"{edition.name}.md": edition.markdown,
        out / f"{edition.name}.html": edition.html,
        out / f"{edition.name}{MANIFEST}": edition.manifest.text(),
    }


@document.command(epilog="Example: freehold document verify reviews/business-review-2011-q2.manifest.json")
@_manifest
@environment
@as_json
@click.pass_obj
def verify(start: str | None, path: Path, env: str | None, as_json: bool) -> None:
    """Write an edition again from its MANIFEST and say what differs; of a ZIP, hold it against its own proof first.

    Ends with 1 where anything differs. A ZIP is proved outside an estate, too, as far as it can prove itself.
    """
    from freehold.insight.documents.package import faults, manifest_in, opened

    files = opened(path) if path.suffix == ".zip" else {}
    manifest = manifest_in(files, path) if files else manifest_at(path)
    wrong = list(faults(files, manifest) if files else _beside(path, manifest))
    is_here = not files or _is_in_an_estate(start)
    if is_here:
        with _opened(start, env or manifest.env) as library:
            wrong += library.again(manifest, narrative_for(files, path, manifest))[1]
            signed = [s for s in library.signatures(manifest.document) if s.manifest == manifest.hash]
    told = signed if is_here else []
    if as_json:
        signers = [{"by": s.signer, "at": s.signed_at} for s in told]
        emit({"edition": manifest.edition, "manifest": manifest.hash, "differs": wrong, "signed": signers})
    else:
        _say_verified(manifest, wrong, is_here=is_here)
        for signature in told:
            say(f"Signed by {signature.signer}, {signature.signed_at:%Y-%m-%d %H:%M} UTC.")
    sys.exit(1 if wrong else 0)


def _say_verified(manifest: Manifest, wrong: list[str], *, is_here: bool) -> None:
    for sentence in wrong:
        say(sentence)
    if not wrong:
        how = "the same to the byte" if is_here else "whole, as far as it proves itself; no ledger is here to repeat it"
        say(f"{manifest.edition} is {how}: event {manifest.seq:,}, manifest {manifest.hash[:12]}.")


@document.command(epilog="Example: freehold document sign reviews/business-review-2011-q2.manifest.json")
@_manifest
@environment
@as_json
@click.pass_obj
def sign(start: str | None, path: Path, env: str | None, as_json: bool) -> None:
    """Stand up for an edition: record who signed, and the hash of its MANIFEST.

    You must be among those whom the document names as its owner; where no team names any, hold the role `owner` of its
    product, or of any team. The teams in force say so; at a shell you are `user:local/NAME`. The edition is written
    again first and must come out the same, with every part of the narrative written. By that an update on an incident
    may be sent, and a postmortem is published.
    """
    from freehold.cli.items import work_at
    from freehold.reliability.signing import sign as signed

    manifest = manifest_at(path)
    with _opened(start, env or manifest.env) as library:
        ledger = library.ledger
        signature = signed(
            library, lambda: work_at(library.estate, ledger, ledger.caller), manifest, narrative_for({}, path, manifest)
        )
    if as_json:
        emit({"edition": signature.edition, "manifest": signature.manifest, "signed_by": signature.signer,
              "signed_at": signature.signed_at})  # fmt: skip
        return
    say(f"{signature.signer} signed {signature.edition}: manifest {signature.manifest[:12]}.")


def manifest_at(path: Path) -> Manifest:
    """Return the manifest that lies at a path.

    Raises:
        FreeholdError: FH-O108 it is none.
    """
    from freehold.insight.documents import manifest_from

    return manifest_from(path.read_text("utf-8", errors="replace"), path.name)


def _beside(path: Path, manifest: Manifest) -> Iterator[str]:
    """Yield which files beside a manifest are not what it says."""
    for form, digest in manifest.files.items():
        written = path.with_name(f"{manifest.edition}.{form}")
        if written.exists() and hashlib.sha256(written.read_bytes()).hexdigest() != digest:
            yield f"`{written.name}` was changed after it was written."


def narrative_for(files: Mapping[str, str], path: Path, manifest: Manifest) -> dict[str, str]:
    """Return the narrative of a manifest: of its package, or beside it."""
    from freehold.insight.documents.narrating import narrative_from
    from freehold.insight.documents.package import NARRATIVE

    if files:
        return narrative_from(files.get(f"{manifest.edition}{NARRATIVE}", ""), path.name)
    beside = _path_of_narrative(path)
    return _narrative(beside) if beside.exists() else {}


def _path_of_narrative(manifest: Path) -> Path:
    from freehold.insight.documents.package import MANIFEST, NARRATIVE

    return manifest.with_name(manifest.name.removesuffix(MANIFEST) + NARRATIVE)


def _narrative(path: Path) -> dict[str, str]:
    from freehold.insight.documents.narrating import narrative_from

    return narrative_from(path.read_text("utf-8"), path.name)


def _words(words: tuple[str, ...]) -> dict[str, str]:
    for word in words:
        if "=" not in word:
            raise FreeholdError(
                "FH-O109", f"`{word}` sets nothing.", fix="Write --set NAME=WORD.", exit_code=Exit.USAGE
            )
    return dict(word.split("=", 1) for word in words)


def _is_in_an_estate(start: str | None) -> bool:
    from freehold.estate import find_estate

    try:
        find_estate(start)
    except FreeholdError:
        return False
    return True


def _asked(file: DocumentFile) -> list[str]:
    words = [f"{name}={'|'.join(choices)}" for name, choices in file.choices.items()]
    of = [f"item={'|'.join(file.items)}" if name == "item" else name for name in file.subjects]
    return [*(file.periods[:1]), *of, *words]


def _as_object(file: DocumentFile) -> dict[str, Any]:
    return {
        "id": file.id, "name": file.name, "description": file.description, "audience": file.audience,
        "owner": file.owner, "cadence": file.cadence, "periods": list(file.periods), "product": file.is_of_product,
        "items": list(file.items), "case": file.is_of_case,
        "choices": {name: list(words) for name, words in file.choices.items()}, "facts": list(file.facts),
        "narrative": dict(file.narrative), "packs": list(file.packed),
    }  # fmt: skip
