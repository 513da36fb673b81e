"""Where a dbt project says something: file and line, as far as its files are there to look into."""

from __future__ import annotations

import re
from pathlib import Path

from freehold.connect.dbt.model import Exposure, Metric, Node, Project, Source, Test
from freehold.connect.dbt.observing import project_path
from freehold.foundation import Where


class Places:
    """Finds lines in the files of one project; each file is read once. Paths are relative to the project."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._lines: dict[str, list[str]] = {}

    def of_node(self, node: Node) -> Where:
        """Return the file of a model, seed or snapshot."""
        path = self._path(node.package, node.path)
        return Where(path, 1 if node.resource != "seed" and self._read(path) else 0)

    def of_column(self, node: Node, column: str) -> Where:
        """Return the line of a model's file that gives a column its name, or the file."""
        path = self._path(node.package, node.path)
        word = re.escape(column)
        for pattern in (rf"\bas\s+[\"`]?{word}[\"`]?(?!\w)", rf"(?<!\w)[\"`]?{word}[\"`]?(?!\w)"):
            for number, line in enumerate(self._read(path), start=1):
                if re.search(pattern, line.partition("--")[0], re.IGNORECASE):
                    return Where(path, number)
        return self.of_node(node)

    def of_source(self, source: Source) -> Where:
        """Return where a source's table is declared."""
        return self._named(self._path(source.package, source.path), "sources", source.source, source.name)

    def of_exposure(self, exposure: Exposure) -> Where:
        """Return where an exposure is declared."""
        return self._named(self._path(_package(exposure.id), exposure.path), "exposures", exposure.name)

    def of_metric(self, metric: Metric) -> Where:
        """Return where a metric is declared; nowhere, where only the semantic manifest knows it."""
        if not metric.path:
            return Where("")
        return self._named(self._path(_package(metric.id), metric.path), "metrics", metric.name)

    def of_test(self, test: Test) -> Where:
        """Return where a test is declared: the file of a singular one, of a generic one the line of what it tests."""
        path = self._path(_package(test.id), test.path)
        if test.kind == "singular":
            return Where(path, 1 if self._read(path) else 0)
        node, source = self._project.nodes.get(test.of), self._project.sources.get(test.of)
        section = "sources" if source else f"{node.resource}s" if node else ""
        names = [*([source.source] if source else []), *([one.name] if (one := node or source) else [])]
        return self._named(path, section, *names, *([test.column] if test.column else []))

    def _named(self, path: str, section: str, *names: str) -> Where:
        """Return the line on which the last name stands: below its section, after the names before it.

        Names are looked for as the value of `name`.
        """
        lines = self._read(path)
        at = next((n for n, line in enumerate(lines) if re.match(rf"\s*{section}:", line)), 0) if section else 0
        found = None
        for name in names:
            pattern = re.compile(rf"(?<![\w-])name:\s*[\"']?{re.escape(name)}[\"']?(?![\w-])")
            following = next((n for n in range(at, len(lines)) if pattern.search(lines[n])), None)
            if following is None:
                break
            at = found = following
        return Where(path, found + 1 if found is not None else 0)

    def _path(self, package: str, path: str) -> str:
        return project_path(self._project, package, path)

    def _read(self, path: str) -> list[str]:
        if path not in self._lines:
            place: Path = self._project.root / path
            is_there = path.endswith((".sql", ".py", ".yml", ".yaml")) and place.is_file()
            self._lines[path] = place.read_text(encoding="utf-8", errors="replace").splitlines() if is_there else []
        return self._lines[path]


def at(where: Where) -> str:
    """Return a place as file and line; that of a metric which only the semantic manifest tells of is that file."""
    return f"{where.path}:{where.line}" if where.line else where.path or "semantic_manifest.json"


def _package(id_: str) -> str:
    return id_.split(".")[1]
