"""Which dbt projects an estate watches, as they are and as they were: kept, at a git revision, or named."""

from __future__ import annotations

import gzip
import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from freehold.connect.dbt import artifacts
from freehold.connect.dbt.artifacts import KEPT, MANIFEST, Place
from freehold.connect.dbt.choosing import slug
from freehold.connect.dbt.manifest import read_project
from freehold.connect.dbt.model import Project
from freehold.foundation import Exit, FreeholdError, near

if TYPE_CHECKING:
    from freehold.estate.model import DbtProject, Estate

_FOLDER = ".freehold/dbt"  # of what is kept by environment: what dbt had built when somebody said so
_CACHE = ".freehold/cache/dbt"


@dataclass(frozen=True, slots=True)
class Pair:
    """A project as it is and as it was; `against` names the latter to a person, empty where it is not known."""

    now: Project
    before: Project | None
    against: str = ""


def projects_of(estate: Estate) -> tuple[Project, ...]:
    """Read the dbt projects of an estate.

    Raises:
        FreeholdError: FH-X110 to FH-X114.
    """
    return tuple(read_project(_there(estate, one)) for one in estate.dbt)


def pairs_of(
    estate: Estate,
    env: str,
    commit: str = "",
    named: Sequence[Path] = (),
    projects: Sequence[Project] = (),
) -> tuple[Pair, ...]:
    """Read the dbt projects of an estate with what each is compared with.

    That is a folder of artifacts somebody named; else what the commit holds, if it holds artifacts; else what `keep`
    kept last; else nothing. `projects` are those of the estate as they are, in its order, where they are at hand.

    Raises:
        FreeholdError: FH-X110 to FH-X114; FH-X115 a named folder holds another project.
    """
    given = [read_project(path) for path in named]
    found = []
    for number, one in enumerate(estate.dbt):
        now = projects[number] if projects else read_project(_there(estate, one))
        found.append(_pair(estate, one, now, env, commit, given))
    known = {pair.now.name for pair in found}
    for other in given:
        if other.name not in known:
            raise FreeholdError(
                "FH-X115",
                f"The artifacts in `{other.target}` are those of the dbt project `{other.name}`, which the estate does "
                "not watch.",
                fix=near(other.name, known) or f"It watches: {', '.join(sorted(known)) or 'none'}.",
                exit_code=Exit.USAGE,
            )
    return tuple(found)


def keep(estate: Estate, env: str, *, compiled: bool = False) -> tuple[Project, ...]:
    """Keep the artifacts as they are, as what dbt has built in an environment; return the projects.

    `compiled` keeps those that we had dbt compile, where it builds at our order.

    Raises:
        FreeholdError: FH-X110 to FH-X114.
    """
    kept = []
    for one in estate.dbt:
        own = Place((estate.root / one.project).resolve(), folder_of(estate.root, one, env, "compiled"))
        place = own if compiled and own.file(MANIFEST) else _there(estate, one)
        project = read_project(place)
        folder = _kept(estate, one, env)
        fresh = folder.with_name(f"{folder.name}.new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        for name in KEPT:
            if (path := place.file(name)) is not None:
                content = path.read_bytes()
                packed = content if path.suffix == ".gz" else gzip.compress(content, compresslevel=3, mtime=0)
                (fresh / f"{name}.gz").write_bytes(packed)
        shutil.rmtree(folder, ignore_errors=True)
        fresh.replace(folder)
        kept.append(project)
    return tuple(kept)


def _there(estate: Estate, one: DbtProject) -> Place:
    root = (estate.root / one.project).resolve()
    place = Place(root, root / one.target)
    if place.file(MANIFEST):
        return place
    try:
        return artifacts.find(root)
    except FreeholdError as error:
        ours = sorted((estate.root / _FOLDER).glob(f"*/{slug(one.project)}.compiled/{MANIFEST}"))
        if ours:  # its team leaves dbt to us
            return Place(root, max(ours, key=lambda path: path.stat().st_mtime).parent)
        error.where = one.where
        raise


def folder_of(root: Path, one: DbtProject, env: str, what: str = "") -> Path:
    """Return a folder of ours for a project in an environment: for what is kept, or for something else by name."""
    name = slug(one.project)
    return root / _FOLDER / slug(env) / (f"{name}.{what}" if what else name)


def _kept(estate: Estate, one: DbtProject, env: str) -> Path:
    return folder_of(estate.root, one, env)


def _pair(estate: Estate, one: DbtProject, now: Project, env: str, commit: str, given: Sequence[Project]) -> Pair:
    for other in given:
        if other.name == now.name:
            return Pair(now, other, f"dbt artifacts in `{os.path.relpath(other.target)}`")
    if commit and (place := _at_commit(estate, now, commit)) is not None:
        return Pair(now, read_project(place), f"dbt artifacts of {commit[:8]}")
    place = Place(now.root, _kept(estate, one, env))
    if place.file(MANIFEST):
        before = read_project(place)
        return Pair(
            now, before, f"what dbt had built of {now.name} by {before.generated_at[:16].replace('T', ' ')} UTC"
        )
    return Pair(now, None)


def _at_commit(estate: Estate, now: Project, commit: str) -> Place | None:
    """Return where the artifacts of a commit were put, None if it holds none."""
    top = _git(now.root, "rev-parse", "--show-toplevel")
    if top is None:
        return None
    inside = Path(os.path.relpath(now.target, os.path.realpath(top.decode().strip()))).as_posix()
    blob = _git(now.root, "rev-parse", "--verify", "--quiet", f"{commit}:{inside}/{MANIFEST}")
    if blob is None:
        return None
    folder = estate.root / _CACHE / blob.decode().strip()[:20]
    if not (folder / MANIFEST).is_file():
        folder.mkdir(parents=True, exist_ok=True)
        for name in reversed(KEPT):  # the manifest last: where it is, all of them are
            content = _git(now.root, "cat-file", "blob", f"{commit}:{inside}/{name}")
            if content is not None:
                (folder / f"{name}.new").write_bytes(content)
                (folder / f"{name}.new").replace(folder / name)
    return Place(now.root, folder)


def _git(folder: Path, *words: str) -> bytes | None:
    """Return what git says, or None where it says no (or is not there)."""
    try:
        done = subprocess.run(["git", "-C", str(folder), *words], capture_output=True, check=False)
    except FileNotFoundError:
        return None
    return done.stdout if done.returncode == 0 else None
