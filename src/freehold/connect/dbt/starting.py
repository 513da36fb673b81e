"""Starting an estate from a dbt project: one folder that watches it, and a memo. A second time changes nothing."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

from freehold.connect.dbt import memo as memos
from freehold.connect.dbt.choosing import chosen
from freehold.connect.dbt.conflicts import conflicts
from freehold.connect.dbt.drafting import estate_files, metrics_file, semantic_layer
from freehold.connect.dbt.memo import Memo
from freehold.connect.dbt.model import Project
from freehold.connect.dbt.observing import joined, uncompiled
from freehold.connect.dbt.places import Places
from freehold.connect.dbt.risks import risks, top
from freehold.connect.dbt.semantic_metrics import NOTHING, Carried
from freehold.delivery.graph import Graph
from freehold.delivery.lineage import EstateLineage, KeptLineage, estate_lineage
from freehold.estate import dbt_of
from freehold.estate.files import ESTATE_FILE
from freehold.estate.scaffold import write_new
from freehold.foundation import Exit, FreeholdError, Where

MEMO = "MEMO.md"
FOLDER = "freehold"


@dataclass(frozen=True, slots=True)
class Started:
    """What starting came to.

    Attributes:
        written: files that were written, relative to the folder.
        differing: files that a draft of today would write otherwise, and that were left as they are.
        lacking: files that a draft of today would write, that are not there, and that were not written either.
        is_new: whether there was no estate before.
        metrics: what of the project's semantic layer was carried, and what was not.
    """

    folder: Path
    memo: Memo
    written: tuple[str, ...]
    differing: tuple[str, ...] = ()
    lacking: tuple[str, ...] = ()
    is_new: bool = True
    metrics: Carried = NOTHING


def start(project: Project, folder: Path) -> Started:
    """Write the estate that watches a dbt project, or, where it is there already, look what would differ.

    Nothing that is there is written over, but a memo that nobody has edited.

    Raises:
        FreeholdError: FH-V401 the folder holds something else; FH-X116 it holds an estate that does not watch this
            project; FH-V402 it cannot be written.
    """
    folder = folder.resolve()
    is_new = not (folder / ESTATE_FILE).is_file()
    if is_new:
        write_new(folder, {})  # it refuses a folder that holds something, before the work
    else:
        _watches(folder, project)
    places = Places(project)
    files = estate_files(project, folder, places)
    metrics = semantic_layer(project)
    if metrics.text:
        files[metrics_file(project)] = metrics.text
    memo = memo_of(project, folder, places, lineage=_lineage(project, folder))
    text = memos.markdown(memo)
    if is_new:
        _write(folder, {**files, MEMO: text})
        return Started(folder, memo, (*files, MEMO), metrics=metrics)
    return replace(_again(folder, memo, files, text), metrics=metrics)


def memo_of(project: Project, folder: Path, places: Places, lineage: EstateLineage | None = None) -> Memo:
    """Return the memo of a project; `folder` is where its estate lies."""
    found, disagreeing = risks(project, places), conflicts(project, places, lineage)
    return Memo(
        project=project.name,
        adapter=project.adapter,
        dbt_version=project.dbt_version,
        generated_at=project.generated_at,
        inventory=memos.inventory(project),
        products=chosen(project),
        risks=top(found),
        risks_in_all=len(found),
        conflicts=disagreeing[: memos.MOST_CONFLICTS],
        conflicts_in_all=len(disagreeing),
        unread=memos.unread(project, places),
        missing=tuple(_missing(project)),
        next=_next(project, folder),
    )


def _lineage(project: Project, folder: Path) -> EstateLineage:
    """Return the lineage of the models that aggregate in what exposures read, and of all above them."""
    kept = KeptLineage(folder)
    found = estate_lineage(joined(Graph({}), [project], folder), None, project.dialect, kept)
    kept.save()
    return found


def _watches(folder: Path, project: Project) -> None:
    if any((folder / one.project).resolve() == project.root for one in dbt_of(folder)):
        return
    raise FreeholdError(
        "FH-X116",
        f"`{folder}` holds an estate that does not watch the dbt project `{project.name}`.",
        where=Where(ESTATE_FILE),
        fix=f"Add it: spec.dbt: [{{project: {os.path.relpath(project.root, folder)}}}]; or name another folder.",
        exit_code=Exit.USAGE,
    )


def _write(folder: Path, files: dict[str, str]) -> None:
    try:
        for path, text in files.items():
            place = folder / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise FreeholdError(
            "FH-V402",
            f"`{folder}` cannot be written: {error.strerror or error}.",
            where=Where(str(folder)),
            fix="Check rights and free space; remove what was written before trying again.",
            exit_code=Exit.ENVIRONMENT,
        ) from error


def _again(folder: Path, memo: Memo, files: dict[str, str], text: str) -> Started:
    there = {path: _read(folder / path) for path in files}
    differing = [path for path, said in there.items() if said is not None and said != files[path]]
    lacking = [path for path, said in there.items() if said is None]
    written = []
    before = _read(folder / MEMO)
    if before is None or (before != text and memos.is_as_written(before)):
        _write(folder, {MEMO: text})
        written.append(MEMO)
    elif before != text:
        differing.append(MEMO)
    return Started(folder, memo, tuple(written), tuple(differing), tuple(lacking), is_new=False)


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else None


def _missing(project: Project) -> list[str]:
    """Say what could not be looked at."""
    said = []
    if not project.has_catalog:
        said.append("There is no catalog.json, so types of columns are unknown: `dbt docs generate` writes it.")
    if not project.has_results:
        said.append("There is no run_results.json, so nothing is said of the last run.")
    without = sum(1 for _ in uncompiled(project))
    if without:
        said.append(f"{without:,} models have no compiled SQL and are compared by their text: `dbt compile` writes it.")
    return said


def _next(project: Project, folder: Path) -> tuple[str, ...]:
    where = Path(os.path.relpath(folder, project.root)).as_posix()
    return (
        "```sh",
        f"freehold -C {where} run    # after dbt's production run: keeps its artifacts to compare with, builds nothing",
        f"freehold -C {where} plan   # on a branch, after `dbt compile`: what the change does, column by column",
        "```",
    )
