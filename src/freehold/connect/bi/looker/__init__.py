"""Looker: LookML models and views, and the dashboards written in LookML beside them.

A dashboard has elements, an element asks an explore for fields, a field is SQL over its view, and a view is a table or
a query. What is shown by a Look, and user-defined dashboards, are not in LookML: list those in a CSV file.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from freehold.connect.bi.files import Export, broken, too_deep
from freehold.connect.bi.looker.fields import Fields
from freehold.connect.bi.looker.project import Project, parsed, project_of, words
from freehold.connect.bi.queries import Leaf, Queries
from freehold.connect.bi.telling import Telling, readings, slug
from freehold.estate.dashboards import Dashboard
from freehold.foundation import FreeholdError, Where

_DEEPEST, _MOST_ALIASES = 64, 100
_REFERENCE = re.compile(r"\$\{([\w.]+)\}")
Said = Mapping[str, Any]


def read(files: Sequence[Export], telling: Telling, queries: Queries) -> None:
    """Add the dashboards of a project; all files are taken as one project."""
    models: list[tuple[Export, dict[str, Any]]] = []
    boards: dict[str, tuple[Export, Said]] = {}
    for export in files:
        try:
            if export.path.endswith(".lookml") and not export.path.endswith((".view.lookml", ".model.lookml")):
                boards |= {str(one["dashboard"]): (export, one) for one in _boards(export)}
            else:
                models.append((export, parsed(export)))
        except FreeholdError as error:
            telling.errors.append(error)
    project = project_of(models)
    for name, (export, said) in boards.items():
        if said.get("extension") == "required":
            continue
        try:
            telling.dashboards.append(_dashboard(name, export, said, boards, project, queries, telling))
        except RecursionError:
            telling.errors.append(too_deep(export.path))


def _dashboard(
    name: str,
    export: Export,
    said: Said,
    boards: Mapping[str, tuple[Export, Said]],
    project: Project,
    queries: Queries,
    telling: Telling,
) -> Dashboard:
    where = Where(export.path, _line(export, name), 1)
    title = str(said.get("title") or name)
    asked: dict[tuple[str, str], dict[str, None]] = {}
    for one in _layered(said, boards, (name,)):
        for model_of, explore_of, fields in _asked(one, title, where, telling):
            asked.setdefault((model_of, explore_of), {}).update(dict.fromkeys(fields))
    leaves: dict[Leaf, None] = {}
    for (model, named), wanted in asked.items():
        explore = project.explore(named, model)
        if isinstance(explore, str):
            telling.leave_open(f"The dashboard `{title}`: {explore}.", where)
            continue
        found = Fields(project, explore, queries)
        leaves |= found.leaves(wanted)
        for reason in found.why:
            telling.leave_open(f"The explore `{explore.name}`: {reason}.", explore.where)
    return Dashboard(id=slug(name), name=title, tool="looker", where=where, owner=export.owner, reads=readings(leaves))


def _layered(said: Said, boards: Mapping[str, tuple[Export, Said]], within: tuple[str, ...]) -> Iterator[Said]:
    """Yield a dashboard's parts, and those of the ones it extends that it does not write anew."""
    own = {str(one.get("name")) for one in _list(said.get("elements"))}
    yield from _parts(said)
    for base in words(said.get("extends", ())):
        if base in boards and base not in within:
            for part in _layered(boards[base][1], boards, (*within, base)):
                if part.get("name") not in own:
                    yield part


def _parts(said: Said) -> Iterator[Said]:
    for one in _list(said.get("elements")):
        yield one
        yield from _list(one.get("merged_queries"))
    for one in _list(said.get("filters")):
        if one.get("explore") and one.get("field"):
            yield {
                "name": one.get("name"),
                "model": one.get("model"),
                "explore": one["explore"],
                "fields": [one["field"]],
            }


def _asked(part: Said, title: str, where: Where, telling: Telling) -> Iterator[tuple[str, str, list[str]]]:
    """Yield the model, the explore and the fields that an element asks for."""
    if part.get("look") or part.get("look_id"):
        problem = f"The dashboard `{title}` shows a Look, which is not in LookML."
        telling.leave_open(problem, where, "List what it reads in a CSV file, under the same id.")
    if not part.get("explore"):
        return
    own = {str(one.get(key)) for one in _dynamic(part) for key in ("measure", "dimension", "table_calculation")}
    named = [word for key in ("fields", "dimensions", "measures", "pivots") for word in words(part.get(key, ()))]
    named += [word.split()[0] for word in words(part.get("sorts", ())) if word.split()]
    for key in ("filters", "listen"):
        said = part.get(key)
        for one in said if isinstance(said, list) else [said]:
            if isinstance(one, Mapping):
                named += [str(value if key == "listen" else name) for name, value in one.items()]
    for one in _dynamic(part):
        named += [str(one["based_on"])] if one.get("based_on") else []
        named += _REFERENCE.findall(f"{one.get('expression', '')} {one.get('filter_expression', '')}")
        named += [str(name) for name in one["filters"]] if isinstance(one.get("filters"), Mapping) else []
    named += _REFERENCE.findall(str(part.get("filter_expression", "")))
    fields = [name for name in named if name not in own and name != "None"]
    yield str(part.get("model") or ""), str(part["explore"]), list(dict.fromkeys(fields))


def _dynamic(part: Said) -> list[Said]:
    """Return the fields that an element defines itself; older exports hold them as JSON in a text."""
    said = part.get("dynamic_fields")
    if isinstance(said, str):
        try:
            said = json.loads(said)
        except ValueError:
            return []
    return _list(said)


def _boards(export: Export) -> list[Said]:
    """Return the dashboards of a file.

    Raises:
        FreeholdError: FH-X203 it is no YAML, with the line, or no list of dashboards.
    """
    import yaml

    text = export.text()
    try:
        depth = aliases = 0
        for event in yaml.parse(text, Loader=yaml.CSafeLoader):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            aliases += isinstance(event, yaml.AliasEvent)
            if depth > _DEEPEST or aliases > _MOST_ALIASES:
                raise broken(export.path, "it is nested too deeply, or has too many aliases")
        said = yaml.load(text, Loader=yaml.CSafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line, column = (mark.line + 1, mark.column + 1) if mark is not None else (0, 0)
        raise broken(export.path, f"it is no YAML ({error.problem})", line, column) from error
    except yaml.YAMLError as error:
        raise broken(export.path, "it is no YAML") from error
    found = [one for one in _list(said) if one.get("dashboard")]
    if not found:
        raise broken(export.path, "it holds no `- dashboard:`")
    return found


def _line(export: Export, name: str) -> int:
    found = re.search(rf"^\s*-\s*dashboard\s*:\s*[\"']?{re.escape(name)}\b", export.text(), re.MULTILINE)
    return export.text().count("\n", 0, found.end()) + 1 if found else 1


def _list(said: object) -> list[Said]:
    return [one for one in said if isinstance(one, Mapping)] if isinstance(said, list) else []
