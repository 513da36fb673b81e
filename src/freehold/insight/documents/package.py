"""An edition as one ZIP file with the events it packs and their proof. The same edition gives the same bytes.

The manifest holds the hash of all else: of the forms, of what a person wrote, and of the events.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from freehold.foundation import Exit, FreeholdError
from freehold.insight.documents.manifest import Manifest, digest, manifest_from
from freehold.insight.documents.narrating import narrative_from
from freehold.insight.periods import period_named
from freehold.ledger.proof import FILES, proof_from

if TYPE_CHECKING:
    from freehold.insight.documents.declared import DocumentFile
    from freehold.insight.documents.writing import Edition
    from freehold.ledger import Ledger

MANIFEST, NARRATIVE, _LEDGER = ".manifest.json", ".narrative.yaml", "ledger/"
_NO_TIME = (1980, 1, 1, 0, 0, 0)  # the first there is: a package says nothing of when it was made


def packed(file: DocumentFile, edition: Edition, narrative: str, ledger: Ledger) -> bytes:
    """Return an edition with the sealed events of its period, of the types its document packs."""
    manifest = edition.manifest
    proof = ledger.proof(manifest.seq, **_selected(file, manifest))
    files = {
        f"{edition.name}.md": edition.markdown,
        f"{edition.name}.html": edition.html,
        f"{edition.name}{MANIFEST}": manifest.text(),
        f"{edition.name}{NARRATIVE}": narrative,
        **{f"{_LEDGER}{name}": text for name, text in proof.files().items()},
    }
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as archive:  # stored: no library decides what the bytes are
        for name, text in sorted(files.items()):
            entry = zipfile.ZipInfo(name, _NO_TIME)
            entry.create_system, entry.external_attr = 3, 0o644 << 16
            archive.writestr(entry, text.encode(errors="surrogateescape"))
    return made.getvalue()


def with_events(file: DocumentFile, edition: Edition, ledger: Ledger) -> Edition:
    """Return an edition whose manifest has the hash of the events that its document packs, if it packs any."""
    if not file.packed:
        return edition
    lines = ledger.lines(edition.manifest.seq, **_selected(file, edition.manifest))
    return replace(edition, manifest=replace(edition.manifest, packed=_hash_of(lines)))


def _selected(file: DocumentFile, manifest: Manifest) -> dict[str, Any]:
    """Return which events a package holds, as filters of `Ledger.read`."""
    if "period" not in manifest.parameters:
        return {"types": file.packed}
    period = period_named(manifest.parameters["period"], manifest.timezone)
    return {"types": file.packed, "since": period.start, "until": period.end}


def _hash_of(lines: Iterable[str]) -> str:
    return digest("".join(f"{line}\n" for line in lines))


def opened(path: Path) -> dict[str, str]:
    """Return the files of a package, by name.

    Raises:
        FreeholdError: FH-O108 it is none.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            found = {name: archive.read(name).decode(errors="surrogateescape") for name in names}
    except (zipfile.BadZipFile, KeyError) as error:
        raise _no_package(path) from error
    if len(found) < len(names):
        raise _no_package(path)
    return found


def manifest_in(files: Mapping[str, str], path: Path) -> Manifest:
    """Return the manifest of a package.

    Raises:
        FreeholdError: FH-O108 it has none.
    """
    name = next((name for name in files if name.endswith(MANIFEST)), None)
    if name is None:
        raise _no_package(path)
    return manifest_from(files[name], name)


def faults(files: Mapping[str, str], manifest: Manifest) -> Iterator[str]:
    """Yield what does not fit in a package, each as a sentence; nothing where it proves itself."""
    beside = [f"{manifest.edition}{ending}" for ending in (MANIFEST, NARRATIVE)]
    forms = {f"{manifest.edition}.{form}": is_ for form, is_ in manifest.files.items()}
    for name, is_ in forms.items():
        if digest(files.get(name, "")) != is_:
            yield f"`{name}` is not what its manifest says."
    known = (*forms, *beside, *(f"{_LEDGER}{name}" for name in FILES))
    yield from (f"`{name}` is not there." for name in known if name not in files)
    yield from (f"`{name}` is no part of it." for name in files if name not in known)
    try:
        narrative = narrative_from(files.get(beside[1], ""), beside[1])
    except FreeholdError as error:
        yield error.problem
    else:
        if {part: digest(text.strip()) for part, text in narrative.items() if text.strip()} != manifest.narrative:
            yield f"`{beside[1]}` is not what its manifest says."
    try:
        proof = proof_from({name.removeprefix(_LEDGER): text for name, text in files.items()})
    except (ValueError, TypeError, KeyError) as error:
        yield f"Its proof cannot be read: {error}."
        return
    yield from proof.faults()
    if manifest.packed and _hash_of(proof.events) != manifest.packed:
        yield "The events are not those that its manifest says."
    if proof.checkpoint and proof.checkpoint.seq < manifest.seq:
        yield f"Its checkpoint signs {proof.checkpoint.seq:,} events, and the document counts {manifest.seq:,}."


def _no_package(path: Path) -> FreeholdError:
    return FreeholdError(
        "FH-O108", f"`{path}` is no package of a document.", exit_code=Exit.USAGE,
        fix="Name a file that `freehold document render --out` wrote.",
    )  # fmt: skip
