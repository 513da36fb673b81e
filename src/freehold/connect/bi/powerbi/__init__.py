"""Power BI: semantic models (`model.bim`, TMDL, `.pbit`) and the reports upon them, as its projects keep them.

A report is bound to its model by `definition.pbir`; where nothing says so, to the one of the same name, or to the only
one there is. A model that no report of the export reads is told as a consumer by itself, of all its columns. A `.pbix`
is no export: what is in it is said to be unreadable, with the way out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from posixpath import normpath
from typing import Any

from freehold.connect.bi.files import Export, broken, decoded, members, too_deep
from freehold.connect.bi.powerbi.model import Found, Model, Said, as_json, from_tmdl, from_tmsl
from freehold.connect.bi.powerbi.report import Mentioned, measures, mentioned
from freehold.connect.bi.powerbi.tmdl import Thing
from freehold.connect.bi.powerbi.tmdl import parsed as parsed_tmdl
from freehold.connect.bi.queries import Queries
from freehold.connect.bi.telling import Telling, readings, slug
from freehold.estate.dashboards import Dashboard
from freehold.foundation import FreeholdError, Where

_SUFFIXES = (".SemanticModel", ".Dataset", ".Report")
_MARKED = b"\xff\xfe"  # parts of a template are UTF-16 without a mark


@dataclass
class _Report:
    """The parts of one report: what they mention, and where its model should be."""

    name: str
    where: Where
    owner: str
    mentions: dict[Mentioned, None] = field(default_factory=dict)
    measures: dict[str, str] = field(default_factory=dict)
    model: str = ""  # the folder that it says


def read(files: Sequence[Export], telling: Telling, queries: Queries) -> None:
    """Add the reports of projects and templates, and the models that no report reads."""
    found = _Found(queries)
    for export in files:
        try:
            found.add(export)
        except FreeholdError as error:
            telling.errors.append(error)
    models = found.models()
    unread = dict(models)
    for report in found.reports.values():
        place = _place_of(report, list(models))
        if place is None:
            problem = f"The report `{report.name}` reads a model that is not in the export."
            telling.leave_open(problem, report.where, "Export the semantic model beside it, as a project does.")
            telling.dashboards.append(_dashboard(report, ([], []), telling))
            continue
        unread.pop(place, None)
        try:
            found_behind = models[place].behind(report.mentions, report.measures)
        except RecursionError:
            telling.errors.append(too_deep(report.where.path))
            continue
        telling.dashboards.append(_dashboard(report, found_behind, telling))
    for place, model in unread.items():
        alone = _Report(model.name, model.where, found.owners.get(place, ""))
        try:
            telling.dashboards.append(_dashboard(alone, model.everything(), telling, kind="model"))
        except RecursionError:
            telling.errors.append(too_deep(model.where.path))


def _dashboard(report: _Report, found: Found, telling: Telling, kind: str = "report") -> Dashboard:
    leaves, why = found
    for reason in why:
        telling.leave_open(f"The {kind} `{report.name}`: {reason}.", report.where)
    return Dashboard(
        id=slug(report.name),
        name=report.name,
        tool="powerbi",
        where=report.where,
        kind=kind,
        owner=report.owner,
        reads=readings(leaves),
    )


def _place_of(report: _Report, places: list[str]) -> str | None:
    """Return the place of the model that a report is upon."""
    if report.model:
        return report.model if report.model in places else None
    same = [place for place in places if _title(place) == report.name]
    return same[0] if len(same) == 1 else places[0] if len(places) == 1 else None


def _title(place: str) -> str:
    """Return the name of a project's folder without what it says of its kind."""
    name = PurePosixPath(place).name
    for suffix in _SUFFIXES:
        name = name.removesuffix(suffix)
    return name


class _Found:
    """The files of exports, put together to models and reports by the folders they are in."""

    def __init__(self, queries: Queries) -> None:
        self._queries = queries
        self._tmsl: dict[str, Said] = {}
        self._tmdl: dict[str, list[tuple[str, Thing]]] = {}
        self._wheres: dict[str, Where] = {}
        self.reports: dict[str, _Report] = {}
        self.owners: dict[str, str] = {}

    def models(self) -> dict[str, Model]:
        """Return the models by their places."""
        parts = {**{place: from_tmdl(things) for place, things in self._tmdl.items()}, **self._tmsl}
        return {place: Model(_title(place), self._wheres[place], said, self._queries) for place, said in parts.items()}

    def add(self, export: Export) -> None:
        """Take in one file.

        Raises:
            FreeholdError: it cannot be read.
        """
        ending = PurePosixPath(export.path).suffix.lower()
        if ending == ".pbit" or export.content()[:2] == b"PK":
            self._add_template(export)
        elif ending == ".tmdl":
            place, thing = _root(export.folder), parsed_tmdl(export.text(), export.path)
            self._tmdl.setdefault(place, []).append((export.path, thing))
            self._note(place, export)
        elif ending == ".pbir":
            self._bind(export)
        elif ending == ".bim" or export.name not in _REPORT_FILES:
            place = str(export.folder) if _title(str(export.folder)) != export.folder.name else _stem(export)
            self._tmsl[place] = from_tmsl(export.text(), export.path)
            self._note(place, export)
        else:
            self._add_part(_root(export.folder), export, as_json(export.text(), export.path))

    def _note(self, place: str, export: Export) -> None:
        self._wheres.setdefault(place, Where(export.path, 1, 1))
        self.owners.setdefault(place, export.owner)

    def _report(self, place: str, export: Export) -> _Report:
        where = Where(export.path, 1, 1)
        return self.reports.setdefault(place, _Report(_title(place), where, export.owner))

    def _add_part(self, place: str, export: Export, said: Any) -> None:
        report = self._report(place, export)
        if export.name == "reportExtensions.json":
            report.measures |= measures(said)
        else:
            report.mentions |= mentioned(said)

    def _bind(self, export: Export) -> None:
        said = as_json(export.text(), export.path)
        reference = said.get("datasetReference") if isinstance(said, dict) else None
        path = (reference or {}).get("byPath") if isinstance(reference, dict) else None
        report = self._report(str(export.folder), export)
        if isinstance(path, dict) and path.get("path"):
            report.model = normpath(str(export.folder / str(path["path"])))
        elif isinstance(reference, dict) and reference.get("byConnection"):
            report.model = "a published model"

    def _add_template(self, export: Export) -> None:
        """Take in a `.pbit`: the model and the report inside it."""
        found = dict(members(export.content(), export.path, ("DataModelSchema", "Report/Layout")))
        if "DataModelSchema" not in found:
            raise broken(export.path, "there is no DataModelSchema in it", fix="Save it as a template, .pbit.")
        place = _stem(export)
        self._tmsl[place] = from_tmsl(_of_template(found["DataModelSchema"], export.path), export.path)
        self._note(place, export)
        if "Report/Layout" in found:
            said = as_json(_of_template(found["Report/Layout"], export.path), export.path)
            self._report(place, export).mentions |= mentioned(said)


_REPORT_FILES = ("report.json", "visual.json", "page.json", "reportExtensions.json")


def _stem(export: Export) -> str:
    name = PurePosixPath(export.path)
    return str(name.with_suffix("")) if name.stem != "model" else str(name.parent)


def _root(folder: PurePosixPath) -> str:
    """Return the folder of a project's part: the one that holds `definition`, or the one of the file."""
    parts = folder.parts
    return str(PurePosixPath(*parts[: parts.index("definition")])) if "definition" in parts else str(folder)


def _of_template(content: bytes, path: str) -> str:
    is_marked = content[:2] == _MARKED
    return decoded(content if is_marked or content[1:2] != b"\x00" else _MARKED + content, path)
