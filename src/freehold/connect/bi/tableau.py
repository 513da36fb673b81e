"""Tableau: workbooks (`.twb`, `.twbx`) and data sources (`.tds`, `.tdsx`).

A dashboard shows worksheets, a worksheet lists the fields it depends on, a field is a column of a relation or computed
from other fields, and a relation is a table or a query. Extracts inside are copies of the same relations and not looked
into; a published data source is known by its `.tds`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from freehold.connect.bi.files import Export, broken, members, too_deep
from freehold.connect.bi.queries import Leaf, Queries
from freehold.connect.bi.tableau_source import PARAMETERS, Source, bare
from freehold.connect.bi.telling import Telling, readings, slug
from freehold.connect.bi.xmltree import Node, parsed
from freehold.estate.dashboards import Dashboard
from freehold.foundation import FreeholdError, Where

_PACKED = {".twbx": ".twb", ".tdsx": ".tds"}


def read(files: Sequence[Export], telling: Telling, queries: Queries) -> None:
    """Add the dashboards of workbooks, and the worksheets that stand on none and are not hidden."""
    roots: list[tuple[Export, Node]] = []
    for export in files:
        try:
            roots.append((export, _root(export)))
        except FreeholdError as error:
            telling.errors.append(error)
    published: dict[str, Source] = {}
    for export, root in roots:
        if root.tag == "datasource":
            source = Source(root, export.path, queries, published)
            for name in _published_as(root, export):
                published.setdefault(name, source)
    for export, root in roots:
        if root.tag == "workbook":
            try:
                telling.dashboards += list(_Workbook(export, root, telling, queries, published).dashboards())
            except RecursionError:
                telling.errors.append(too_deep(export.path))
        elif root.tag != "datasource":
            telling.errors.append(broken(export.path, f"a <{root.tag}> is neither workbook nor data source", root.line))


def _root(export: Export) -> Node:
    content = export.content()
    inside = _PACKED.get(PurePosixPath(export.path).suffix.lower())
    if inside is None and content[:2] == b"PK":
        inside = ".twb"
    if inside is None:
        return parsed(content, export.path)
    for name, unpacked in members(content, export.path, (inside,)):
        return parsed(unpacked, f"{export.path}/{name}")
    raise broken(export.path, f"there is no {inside} in it")


def _published_as(root: Node, export: Export) -> Iterator[str]:
    """Yield the names by which a workbook may know a data source."""
    for place in root.children("repository-location"):
        yield place.get("id", "").casefold()
    yield from (name.casefold() for name in (root.get("formatted-name"), root.get("caption")) if name)
    yield PurePosixPath(export.path).stem.casefold()


class _Workbook:
    """One workbook: its data sources by name, its worksheets, its dashboards."""

    def __init__(
        self, export: Export, root: Node, telling: Telling, queries: Queries, published: dict[str, Source]
    ) -> None:
        self._export, self._root, self._telling = export, root, telling
        self._name = PurePosixPath(export.path).stem
        self._sources = {
            source.get("name", ""): Source(source, export.path, queries, published)
            for sources in root.children("datasources")
            for source in sources.children("datasource")
        }
        self._sheets = {
            sheet.get("name", ""): sheet
            for sheets in root.children("worksheets")
            for sheet in sheets.children("worksheet")
        }
        self._boards = {
            board.get("name", ""): board
            for boards in root.children("dashboards")
            for board in boards.children("dashboard")
        }

    def dashboards(self) -> Iterator[Dashboard]:
        """Yield what people open: dashboards, stories, and the worksheets that are on none of them."""
        shown: set[str] = set()
        for name, board in self._boards.items():
            sheets = self._sheets_on(board, set())
            shown.update(sheets)
            yield self._dashboard(name, board, sheets, "dashboard")
        hidden = {w.get("name", "") for w in self._root.named("window") if w.get("hidden") == "true"}
        for name, sheet in self._sheets.items():
            if name not in shown and name not in hidden:
                yield self._dashboard(name, sheet, {name: None}, "report")

    def _dashboard(self, name: str, node: Node, sheets: dict[str, None], kind: str) -> Dashboard:
        where = Where(self._export.path, node.line, 1)
        leaves: dict[Leaf, None] = {}
        for sheet in sheets:
            leaves |= dict.fromkeys(self._leaves(self._sheets[sheet]))
        leaves |= dict.fromkeys(self._leaves(node))
        return Dashboard(
            id=slug(self._name, name),
            name=name,
            tool="tableau",
            where=where,
            kind=kind,
            owner=self._export.owner,
            reads=readings(leaves),
        )

    def _sheets_on(self, board: Node, seen: set[str]) -> dict[str, None]:
        """Return the worksheets that a dashboard or a story shows; a story shows dashboards, too."""
        found: dict[str, None] = {}
        names = [zone.get("name", "") for zone in board.named("zone")]
        names += [point.get("captured-sheet", "") for point in board.named("story-point")]
        for name in names:
            if name in self._sheets:
                found[name] = None
            elif name in self._boards and name not in seen:
                seen.add(name)
                found |= self._sheets_on(self._boards[name], seen)
        return found

    def _leaves(self, node: Node) -> Iterator[Leaf]:
        """Yield what a worksheet, or a dashboard by its filters, depends on."""
        for listed in node.named("datasource-dependencies"):
            name = listed.get("datasource", "")
            if name == PARAMETERS:
                continue
            source = self._sources.get(name)
            if source is None:
                self._open(f"The data source `{name}` is not in the workbook.", listed.line)
                continue
            for column in listed.children("column"):
                source.learn(column)
            fields = [bare(column.get("name", "")) for column in listed.children("column")]
            fields += [bare(used.get("column", "")) for used in listed.children("column-instance")]
            used: dict[Leaf, None] = {}
            for field in dict.fromkeys(fields):
                found, why = source.leaves(field)
                used |= dict.fromkeys(found)
                for reason in why:
                    self._open(f"`{source.shown(field)}` of `{source.name}`: {reason}.", listed.line)
            yield from (*used, *sorted(source.ties(used)))

    def _open(self, problem: str, line: int) -> None:
        self._telling.leave_open(problem, Where(self._export.path, line, 1))
