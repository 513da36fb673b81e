"""The demo's estate as files: copied to a folder of the user's, which is then an ordinary estate.

Writes only what it has written before: a folder that holds something else is refused, never emptied.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from freehold.demo.repository import Repository
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
    ours = (*_OURS, *((".git",) if _has_repository(before or {}) else ()))
    for name in ours if before is not None else ():
        shutil.rmtree(folder / name, ignore_errors=False) if (folder / name).exists() else None
    written = shipped()
    for path, content in written.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    _mark(folder, {path: _digest(content) for path, content in written.items()})


def begin(folder: Path, at: datetime) -> Repository | None:
    """Begin the repository of a demo, with its estate as the first commit; None where there is no git, or one is there.

    From then on it is the demo's, and goes when a demo starts over.
    """
    made = Repository.begin(folder, without=MARKER)
    if made is not None:
        _mark(folder, (_marker(folder) or {}).get("files", {}), has_repository=True)
        made.commit("The estate of Larkfield Gifts", at)
    return made


def rewrite(folder: Path, path: str, old: str, new: str) -> None:
    """Put one piece of a file of the demo in place of another: the demo's own doing, and no edit of the user's."""
    text = (folder / path).read_text(encoding="utf-8")
    if text.count(old) != 1:
        raise ValueError(f"{path} holds {old!r} {text.count(old)} times, not once")
    written = text.replace(old, new).encode()
    (folder / path).write_bytes(written)
    known = _marker(folder) or {}
    _mark(folder, known.get("files", {}) | {path: _digest(written)}, has_repository=_has_repository(known))


def _mark(folder: Path, files: Mapping[str, str], *, has_repository: bool = False) -> None:
    said = {"made_by": "freehold demo", "has_repository": has_repository, "files": files}
    (folder / MARKER).write_text(json.dumps(said, indent=2) + "\n")


def _has_repository(known: Mapping[str, Any]) -> bool:
    return known.get("has_repository") is True


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
