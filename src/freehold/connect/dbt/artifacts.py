"""The files dbt leaves behind: found, read as JSON, and refused with a reason where they cannot be used."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from freehold.foundation import Exit, FreeholdError, Where
from freehold.foundation.memory import collector_at_rest

MANIFEST, CATALOG, RUN_RESULTS, SEMANTICS = (
    "manifest.json",
    "catalog.json",
    "run_results.json",
    "semantic_manifest.json",
)
PROJECT_FILE = "dbt_project.yml"
KEPT = (MANIFEST, CATALOG, RUN_RESULTS, SEMANTICS)
_READ = {"manifest": (10, 12), "catalog": (1, 1), "run-results": (4, 6)}
_WRITTEN_BY = {"manifest": "dbt 1.6 to 1.11 write v10 to v12"}
_VERSION = re.compile(r"/dbt/([a-z-]+)/v(\d+)(?:\.json)?$")
_TARGET_PATH = re.compile(r"""^target-path:\s*["']?([^"'#\n]+?)["']?\s*(?:#.*)?$""", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a dbt project and its artifacts lie. `root` is the folder of dbt_project.yml, or that of the artifacts."""

    root: Path
    target: Path

    @property
    def has_project(self) -> bool:
        """Whether the files of the project are there, not its artifacts alone."""
        return (self.root / PROJECT_FILE).is_file()

    def file(self, name: str) -> Path | None:
        """Return an artifact that is there, as dbt wrote it or packed by us."""
        return next((p for p in (self.target / name, self.target / f"{name}.gz") if p.is_file()), None)


def find(path: Path) -> Place:
    """Return where the artifacts of a dbt project are: `path` is the project, its target folder or a manifest.json.

    Raises:
        FreeholdError: FH-X110 there is no manifest.
    """
    path = path.resolve()
    if path.is_file() and path.name.startswith(MANIFEST):
        path = path.parent
    for place in _candidates(path):
        if place.file(MANIFEST):
            return place
    is_project = (path / PROJECT_FILE).is_file()
    target = next(_candidates(path)).target
    raise FreeholdError(
        "FH-X110",
        f"`{path}` is a dbt project without `{target.name}/{MANIFEST}`."
        if is_project
        else f"`{path}` holds no {MANIFEST}, and no dbt project."
        if path.is_dir()
        else f"There is no folder `{path}`.",
        where=Where(str(path)),
        fix=f"Run `dbt docs generate` in it: that writes {MANIFEST} and {CATALOG}."
        if is_project
        else f"Name the folder of {PROJECT_FILE}, or the one that {MANIFEST} lies in.",
        exit_code=Exit.USAGE,
    )


def no_project(path: Path, where: Where | None) -> FreeholdError:
    """Return the error for a folder that holds no dbt project, where one has to be called."""
    return FreeholdError(
        "FH-X110",
        f"`{path}` holds no {PROJECT_FILE}, so dbt cannot be called in it.",
        where=where,
        fix="Name the folder of the project, relative to estate.yaml.",
        exit_code=Exit.USAGE,
    )


def _candidates(path: Path) -> Iterator[Place]:
    project = path / PROJECT_FILE
    if project.is_file():
        said = _TARGET_PATH.search(project.read_text(encoding="utf-8", errors="replace"))
        named = said[1].strip() if said and "{" not in said[1] else "target"
        yield Place(path, path / named)
        yield Place(path, path / "target")
        yield Place(path, path)
    else:
        above = path.parent
        yield Place(above if (above / PROJECT_FILE).is_file() else path, path)
        yield Place(path, path / "target")


def read(place: Place, name: str) -> Mapping[str, Any] | None:
    """Return an artifact as JSON, or None where dbt did not write it.

    Raises:
        FreeholdError: FH-X111 it is no JSON; FH-X112 its version is not one that is read; FH-X113 it is no artifact of
            dbt; FH-X114 it cannot be read at all.
    """
    path = place.file(name)
    if path is None:
        return None
    said = _json(path)
    if not isinstance(said, dict):
        raise misshapen(path, "it is no object")
    kind = {MANIFEST: "manifest", CATALOG: "catalog", RUN_RESULTS: "run-results"}.get(name)
    if kind:
        _known_version(said, kind, path)
    return said


def version_of(said: Mapping[str, Any]) -> int:
    """Return the version of the schema that an artifact names; 0 where it names none."""
    found = _VERSION.search(str((said.get("metadata") or {}).get("dbt_schema_version") or ""))
    return int(found[2]) if found else 0


def misshapen(path: Path, why: str) -> FreeholdError:
    """Return the error for JSON that is not what its name says."""
    return FreeholdError(
        "FH-X113",
        f"This is no {path.name.removesuffix('.gz')} as dbt writes it: {why}.",
        where=Where(str(path)),
        fix="Let dbt write it anew: `dbt docs generate`.",
    )


def _json(path: Path) -> Any:
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError) as error:
        raise FreeholdError(
            "FH-X114",
            f"The file cannot be read: {getattr(error, 'strerror', None) or error}.",
            where=Where(str(path)),
            fix="Check that it is there and that you may read it.",
            exit_code=Exit.ENVIRONMENT,
        ) from error
    try:
        with collector_at_rest():
            return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise _broken(path, content, error) from error


def _broken(path: Path, content: bytes, error: Exception) -> FreeholdError:
    line, column, why = 0, 0, "it is nested too deeply"
    if isinstance(error, json.JSONDecodeError):
        line, column, why = error.lineno, error.colno, f"{error.msg} at byte {error.pos:,} of {len(content):,}"
        if error.pos >= len(content.rstrip()) - 1 or "Unterminated" in error.msg:
            why += "; it looks cut off"
    elif isinstance(error, UnicodeDecodeError):
        why = f"byte {error.start:,} is not UTF-8"
    return FreeholdError(
        "FH-X111",
        f"The file is not JSON: {why}." if content.strip() else "The file is empty.",
        where=Where(str(path), line, column),
        fix="dbt may still be writing it, or was stopped. Wait for it, or run `dbt docs generate` again.",
    )


def _known_version(said: Mapping[str, Any], kind: str, path: Path) -> None:
    metadata = said.get("metadata")
    if not isinstance(metadata, dict) or not metadata.get("dbt_schema_version"):
        raise misshapen(path, "`metadata.dbt_schema_version` is missing")
    found = _VERSION.search(str(metadata["dbt_schema_version"]))
    if found is None or found[1] != kind:
        raise misshapen(path, f"its schema is `{metadata['dbt_schema_version']}`")
    version, (oldest, newest) = int(found[2]), _READ[kind]
    if oldest <= version <= newest:
        return
    by = f" by dbt {metadata['dbt_version']}" if metadata.get("dbt_version") else ""
    wanted = f"v{oldest} to v{newest} are" if oldest < newest else f"v{oldest} is"
    raise FreeholdError(
        "FH-X112",
        f"The {kind} is of version v{version}, written{by}, which is {'older' if version < oldest else 'newer'} than "
        f"what is read: {wanted}.",
        where=Where(str(path)),
        fix=f"{_WRITTEN_BY[kind]}; "
        + ("upgrade dbt." if version < oldest else "use a newer Freehold, or one of those dbt.")
        if kind in _WRITTEN_BY
        else "Take the file away: the manifest is enough to begin with.",
    )
