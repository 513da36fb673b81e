"""Other versions of an estate to compare with: what is deployed, and what a git revision holds."""

from __future__ import annotations

import hashlib
import io
import shutil
import subprocess
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from freehold.estate import files_of, load_estate
from freehold.foundation import Exit, FreeholdError, Problems, near

if TYPE_CHECKING:
    from freehold.estate.model import Estate
    from freehold.ledger import Ledger, Recorded

_FILES, _TREES = "estate.file", "estate.tree"  # namespaces of kept state: content by hash, hashes by path
_CACHE = ".freehold/cache/estates"
_USUAL = ("origin/main", "origin/master", "main", "master")


@dataclass(frozen=True, slots=True)
class Version:
    """An estate as it was, and how to name it to a person.

    `is_deployed` tells that it is what runs now; otherwise it is what a revision holds, whatever runs.
    """

    estate: Estate
    label: str
    is_deployed: bool
    commit: str = ""
    applied_at: datetime | None = None


# -- what is deployed


def keep(ledger: Ledger, root: Path, before: str = "") -> str:
    """Keep the files of an estate in the ledger's state; return the name of this version.

    Content is kept once whatever versions hold it; `before` is the version applied last, whose content is there.
    """
    found = files_of(root)
    tree = {path: hashlib.sha256(content).hexdigest() for path, content in found.items()}
    version = hashlib.sha256("\n".join(f"{path}\0{name}" for path, name in sorted(tree.items())).encode()).hexdigest()
    there = set((ledger.state.get(_TREES, before) or {}).values()) if before else set()
    fresh = {tree[path]: content.decode("utf-8", "surrogateescape") for path, content in found.items()}
    ledger.state.put_many(_FILES, {name: _spelt(text) for name, text in fresh.items() if name not in there})
    ledger.state.put(_TREES, version, tree)
    return version


def deployed(ledger: Ledger, root: Path, env: str, upto: int | None = None) -> Version | None:
    """Return the estate that was applied last in an environment, or None if none was (or it was not kept).

    With `upto`, it is the one that was in force as of that number of the ledger.
    """
    last = last_applied(ledger, env, upto)
    name = str(last.data.get("version") or "") if last else ""
    if last is None or not name:
        return None
    place = _place_of(ledger, root, name)
    if place is None:
        return None
    label = f"what was applied {last.occurred_at:%Y-%m-%d %H:%M} UTC in `{env}`"
    commit = str(last.data.get("commit") or "")
    return Version(_loaded(place, root, label), label, is_deployed=True, commit=commit, applied_at=last.occurred_at)


def expect_whole(ledger: Ledger, root: Path, version: str, hashes: Mapping[str, str]) -> None:
    """Make sure that the files kept under a name make the estate that is to be in force, before it is said to be.

    Raises:
        FreeholdError: FH-P006 they do not load, or they make another estate: files changed while they were read.
    """
    place = _place_of(ledger, root, version)
    try:
        found = dict(load_estate(place).hashes) if place is not None else {}
        why = "" if found == dict(hashes) else "they are not what was read a moment ago"
    except Problems as problems:
        why = problems.errors[0].problem
    if why:
        raise FreeholdError(
            "FH-P006",
            f"The files of the estate do not make what was to be put in force: {why}. Nothing is in force that was not "
            "before.",
            fix="Let them be while this runs; see `freehold validate`, then say it again.",
        )


def _place_of(ledger: Ledger, root: Path, name: str) -> Path | None:
    """Return the folder that holds the files of a version; None if they were not kept."""
    place = root / _CACHE / name[:20]
    if not (place / "estate.yaml").is_file():
        tree: Mapping[str, str] | None = ledger.state.get(_TREES, name)
        if tree is None:
            return None
        _put(place, {path: _read(ledger, held) for path, held in tree.items()})
    return place


def last_applied(ledger: Ledger, env: str | None, upto: int | None = None) -> Recorded | None:
    """Return the event of the last application in an environment, or in any, up to a number of the ledger."""
    return next(iter(ledger.read(types=("estate.applied",), env=env, upto=upto, newest_first=True, limit=1)), None)


def _spelt(text: str) -> str | list[int]:
    """Return text as JSON can hold it; bytes that are no UTF-8 as numbers."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return list(text.encode("utf-8", "surrogateescape"))
    return text


def _read(ledger: Ledger, name: str) -> bytes:
    kept = ledger.state.get(_FILES, name)
    if kept is None:
        raise FreeholdError(
            "FH-P003",
            f"The state of the ledger lacks a file of the estate that was applied ({name[:12]}).",
            fix="Apply the estate again: `freehold run` keeps it anew.",
            exit_code=Exit.ENVIRONMENT,
        )
    return kept.encode() if isinstance(kept, str) else bytes(kept)


# -- what a revision holds


def at_revision(root: Path, revision: str | None) -> Version | None:
    """Return the estate as a git revision holds it; without one, as the usual main branch does.

    None if no revision is named and there is no git repository, or no main branch, or the estate is not in it.

    Raises:
        FreeholdError: FH-P001 there is no such revision, or no repository; FH-P002 the estate is not in it.
    """
    inside = _git(root, "rev-parse", "--show-prefix")
    if inside is None:
        if revision is None:
            return None
        raise FreeholdError(
            "FH-P001", f"`{root}` is in no git repository.", fix="Leave --base out.", exit_code=Exit.USAGE
        )
    commit, name = _commit(root, revision)
    if commit is None:
        return None
    prefix = inside.strip().rstrip("/")
    tree = _git(root, "rev-parse", "--verify", "--quiet", f"{commit}:{prefix}" if prefix else f"{commit}^{{tree}}")
    if tree is None:
        if revision is None:
            return None
        raise FreeholdError(
            "FH-P002",
            f"`{revision}` holds no `{prefix}`.",
            fix="Name a revision that has the estate.",
            exit_code=Exit.USAGE,
        )
    place = root / _CACHE / tree.strip()[:20]
    if not (place / "estate.yaml").is_file():
        _unpack(root, tree.strip(), place)
    if not (place / "estate.yaml").is_file():
        return None
    label = f"`{name}` ({commit[:8]})"
    return Version(_loaded(place, root, label), label, is_deployed=False, commit=commit)


def head_of(root: Path) -> tuple[str, datetime] | None:
    """Return the commit that is checked out, and when it was made; None where files differ from it, or git is not."""
    changed = _git(root, "status", "--porcelain", "--untracked-files=all", "--", ".")
    said = _git(root, "log", "-1", "--format=%H %cI") if changed is not None and not changed.strip() else None
    if not said:
        return None
    commit, _, at = said.strip().partition(" ")
    return commit, datetime.fromisoformat(at)


def commits_since(root: Path, commit: str) -> tuple[str, ...]:
    """Return the commits of the branch checked out after one of it that change the estate, oldest first."""
    said = _git(root, "rev-list", "--first-parent", "--reverse", f"{commit}..HEAD", "--", ".")
    return tuple((said or "").split())


def changes_of(root: Path, days: int) -> tuple[tuple[str, str, str], ...]:
    """Return commits of the branch checked out that change the estate: commit, when, title; oldest first.

    The first commit there is has nothing before it and does not count.
    """
    wanted = (
        "log",
        "--first-parent",
        "--reverse",
        f"--since={days} days ago",
        "--format=%H%x00%cI%x00%s%x00%P",
        "--",
        ".",
    )
    lines = (line.split("\0") for line in (_git(root, *wanted) or "").splitlines())
    return tuple((commit, at, title) for commit, at, title, parents in lines if parents)


def _commit(root: Path, revision: str | None) -> tuple[str | None, str]:
    for name in [revision] if revision else _USUAL:
        found = _git(root, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
        if found:
            return found.strip(), str(name)
    if revision is None:
        return None, ""
    known = (_git(root, "for-each-ref", "--format=%(refname:short)") or "").split()
    raise FreeholdError(
        "FH-P001",
        f"Git knows no revision `{revision}` here.",
        fix=near(revision, known) or "See `git branch --all`; on a CI runner, fetch it first.",
        exit_code=Exit.USAGE,
    )


def _git(root: Path, *words: str) -> str | None:
    """Return what git says, or None where it says no (or is not there)."""
    try:
        done = subprocess.run(["git", "-C", str(root), *words], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    return done.stdout if done.returncode == 0 else None


def _unpack(root: Path, tree: str, place: Path) -> None:
    top = str(_git(root, "rev-parse", "--show-toplevel")).strip()  # from a folder inside, git would cut the tree down
    packed = subprocess.run(["git", "-C", top, "archive", tree], capture_output=True, check=True).stdout
    fresh = place.with_name(f"{place.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(fresh, filter="data")
    _move(fresh, place)


def _put(place: Path, files: Mapping[str, bytes]) -> None:
    fresh = place.with_name(f"{place.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    for path, content in files.items():
        target = fresh / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    _move(fresh, place)


def _move(fresh: Path, place: Path) -> None:
    """Put a folder in its place whole, so that one half written is never taken for whole."""
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(place, ignore_errors=True)
    fresh.replace(place)


def _loaded(place: Path, root: Path, label: str) -> Estate:
    try:
        return replace(load_estate(place), root=root, held=place.relative_to(root).as_posix())
    except Problems as problems:
        raise FreeholdError(
            "FH-P004",
            f"{label[0].upper()}{label[1:]} does not validate, so nothing can be compared with it: "
            f"{problems.errors[0].problem}",
            fix="Name another revision with --base.",
        ) from problems
