"""An edition as one ZIP file with the events it packs and their proof. The same edition gives the same bytes."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from freehold.foundation import Exit, FreeholdError
from freehold.insight.documents.manifest import Manifest, manifest_from
from freehold.insight.periods import period_named
from freehold.ledger.proof import proof_from

if TYPE_CHECKING:
    from freehold.insight.documents.declared import DocumentFile
    from freehold.insight.documents.writing import Edition
    from freehold.ledger import Ledger

MANIFEST, NARRATIVE, _LEDGER = ".manifest.json", ".narrative.yaml", "ledger/"
_NO_TIME = (1980, 1, 1, 0, 0, 0)  # the first there is: a package says nothing of when it was made


def packed(file: DocumentFile, edition: Edition, narrative: str, ledger: Ledger) -> bytes:
    """Return an edition with the sealed events of its period, of the types its document packs."""
    manifest, filters = edition.manifest, {}
    if "period" in manifest.parameters:
        period = period_named(manifest.parameters["period"], manifest.timezone)
        filters = {"since": period.start, "until": period.end}
    proof = ledger.proof(manifest.seq, types=file.packed, **filters)
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


def opened(path: Path) -> dict[str, str]:
    """Return the files of a package, by name.

    Raises:
        FreeholdError: FH-O108 it is none.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return {name: archive.read(name).decode(errors="surrogateescape") for name in archive.namelist()}
    except (zipfile.BadZipFile, KeyError) as error:
        raise _no_package(path) from error


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
    for form, digest in manifest.files.items():
        text = files.get(f"{manifest.edition}.{form}", "")
        if hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest() != digest:
            yield f"`{manifest.edition}.{form}` is not what its manifest says."
    try:
        proof = proof_from({name.removeprefix(_LEDGER): text for name, text in files.items()})
    except (ValueError, TypeError, KeyError) as error:
        yield f"Its proof cannot be read: {error}."
        return
    yield from proof.faults()
    if proof.checkpoint and proof.checkpoint.seq < manifest.seq:
        yield f"Its checkpoint signs {proof.checkpoint.seq:,} events, and the document counts {manifest.seq:,}."


def _no_package(path: Path) -> FreeholdError:
    return FreeholdError(
        "FH-O108", f"`{path}` is no package of a document.", exit_code=Exit.USAGE,
        fix="Name a file that `freehold document render --out` wrote.",
    )  # fmt: skip
