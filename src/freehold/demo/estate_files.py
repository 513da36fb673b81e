"""The demo's estate as files: copied to a folder of the user's, which is then an ordinary estate.

Writes only what it has written before: a folder that holds something else is refused, never emptied.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from freehold.foundation import Exit, FreeholdError

MARKER = "freehold-demo.json"
_OURS = (".freehold", "deliveries", "landing", "plans")  # what a replay makes beside the estate's files
_SHIPPED = Path(__file__).parents[1] / "builtin" / "demo" / "estate"


def shipped() -> dict[str, bytes]:
    """Return the files of the demo's estate by their path relative to it."""
    files = (p for p in sorted(_SHIPPED.rglob("*")) if p.is_file() and ".freehold" not in p.parts)
    return {p.relative_to(_SHIPPED).as_posix(): p.read_bytes() for p in files}


def prepare(folder: Path, *, force: bool = False) -> None:
    """Make `folder` a fresh demo estate; an earlier demo in it starts over.

    `force` overwrites estate files that were edited since, and goes into a folder that holds other things.

    Raises:
        FreeholdError: FH-X101 the folder holds something else; FH-X102 files of an earlier demo were edited; FH-X105
            the folder is an estate that no demo made; FH-X106 it is a file.
    """
    if folder.exists() and not folder.is_dir():
        raise _refusal("FH-X106", f"`{folder}` is a file.", "Choose another folder with --dir.")
    before = _marker(folder)
    if before is None:
        _refuse_foreign(folder, force)
    elif not force:
        _refuse_edited(folder, before)
    for name in _OURS if before is not None else ():
        shutil.rmtree(folder / name, ignore_errors=False) if (folder / name).exists() else None
    written = shipped()
    for path, content in written.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    said = {"made_by": "freehold demo", "files": {path: _digest(content) for path, content in written.items()}}
    (folder / MARKER).write_text(json.dumps(said, indent=2) + "\n")


def _marker(folder: Path) -> Mapping[str, Any] | None:
    try:
        said = json.loads((folder / MARKER).read_text())
    except (FileNotFoundError, ValueError):
        return None
    return said if isinstance(said, dict) and said.get("made_by") == "freehold demo" else None


def _refuse_foreign(folder: Path, force: bool) -> None:
    if (folder / ".freehold").exists() or (folder / "estate.yaml").exists():
        raise _refusal("FH-X105", f"`{folder}` is an estate that no demo made.", "Choose another folder with --dir.")
    if folder.exists() and any(folder.iterdir()) and not force:
        raise _refusal(
            "FH-X101",
            f"`{folder}` is not empty and holds no demo.",
            "Choose another folder with --dir, or add --force to put the demo beside what is there.",
        )


def _refuse_edited(folder: Path, before: Mapping[str, Any]) -> None:
    known: Mapping[str, str] = before.get("files", {})
    edited = [
        p for p, digest in known.items() if (folder / p).exists() and _digest((folder / p).read_bytes()) != digest
    ]
    if edited:
        more = f" and {len(edited) - 1} more" if len(edited) > 1 else ""
        raise _refusal(
            "FH-X102",
            f"`{folder / edited[0]}`{more} was edited since the demo was made; starting over would lose that.",
            "Choose another folder with --dir, or add --force to start over.",
        )


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _refusal(code: str, problem: str, fix: str) -> FreeholdError:
    return FreeholdError(code, problem, fix=fix, exit_code=Exit.USAGE)
