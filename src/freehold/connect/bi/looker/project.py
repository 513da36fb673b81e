"""What the LookML of a project says: views, explores and constants, refinements and extensions taken in."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from freehold.connect.bi.files import Export, broken
from freehold.foundation import Exit, FreeholdError, Where

Definition = Mapping[str, Any]

_CONSTANT = re.compile(r"@\{(\w+)\}")
_COMMENT = re.compile(r"#[^\n]*")
_LINE = re.compile(r"on line (\d+)")
_KINDS = ("dimensions", "dimension_groups", "measures", "filters", "parameters")
_DURATIONS = "seconds|minutes|hours|days|weeks|months|quarters|years"


@dataclass
class View:
    """A view: its fields by name, each with its kind, and where its rows come from."""

    name: str
    where: Where
    fields: dict[str, tuple[str, Definition]] = field(default_factory=dict)
    table: str = ""  # sql_table_name
    derived: Definition = field(default_factory=dict)

    def found(self, name: str) -> tuple[str, Definition] | None:
        """Return the kind and definition of a field; `created_month` is one of the group `created`."""
        if name in self.fields and self.fields[name][0] != "dimension_groups":
            return self.fields[name]
        groups = [n for n, (kind, _) in self.fields.items() if kind == "dimension_groups"]
        for group in sorted(groups, key=len, reverse=True):
            if name.startswith(f"{group}_") or re.fullmatch(rf"(?:{_DURATIONS})_{re.escape(group)}", name):
                return self.fields[group]
        return None

    @property
    def keys(self) -> list[str]:
        """The dimensions of its primary key."""
        return [name for name, (_, said) in self.fields.items() if said.get("primary_key") in ("yes", True)]


@dataclass
class Explore:
    """An explore: the views it joins, by the names its fields go by, and what it always reads."""

    name: str
    model: str
    where: Where
    base: str
    views: dict[str, str] = field(default_factory=dict)
    joins: dict[str, Definition] = field(default_factory=dict)
    always: tuple[str, ...] = ()  # SQL
    filtered: tuple[str, ...] = ()  # fields


@dataclass
class Project:
    """All of it, by name; `doubled` are names of views that two files claim."""

    views: dict[str, View] = field(default_factory=dict)
    explores: dict[str, list[Explore]] = field(default_factory=dict)
    doubled: set[str] = field(default_factory=set)

    def explore(self, name: str, model: str) -> Explore | str:
        """Return the explore of a name, that of the model where several have one, or why there is none."""
        found = self.explores.get(name, [])
        own = [one for one in found if one.model == model] or found
        if len(own) == 1:
            return own[0]
        return f"several models have an explore `{name}`" if own else f"there is no explore `{name}` in the export"


def parsed(export: Export) -> dict[str, Any]:
    """Return what a file of LookML says.

    Raises:
        FreeholdError: FH-X203 it is no LookML, with the line; FH-X208 what reads it is not installed.
    """
    try:
        import lkml
    except ImportError as error:
        raise FreeholdError(
            "FH-X208",
            f"`{export.path}` is LookML, which takes the package lkml to read.",
            where=Where(export.path),
            fix="pip install 'freehold[looker]'",
            exit_code=Exit.ENVIRONMENT,
        ) from error
    text = export.text()
    try:
        said = lkml.load(text)
    except SyntaxError as error:
        line = _LINE.search(str(error))
        raise broken(export.path, "it is no LookML", int(line[1]) if line else 0) from error
    except (IndexError, KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise broken(export.path, "it is no LookML, or ends in the middle") from error
    if not said and _COMMENT.sub("", text).strip():
        raise broken(export.path, "it is no LookML")
    return dict(said)


def project_of(files: Iterable[tuple[Export, Definition]]) -> Project:
    """Return what parsed files say together."""
    files = list(files)
    constants = {c["name"]: str(c.get("value", "")) for _, said in files for c in said.get("constants", ())}
    project = Project()
    views: dict[str, list[tuple[Export, Definition]]] = {}
    explores: dict[str, list[tuple[Export, Definition]]] = {}
    for export, said in files:
        for kind, into in (("views", views), ("explores", explores)):
            for one in said.get(kind, ()):
                into.setdefault(str(one["name"]), []).append((export, one))
    for name, found in views.items():
        if not name.startswith("+"):
            project.views[name] = _view(name, views, constants, ())
            if len(found) > 1:
                project.doubled.add(name)
    for name, claims in explores.items():
        if not name.startswith("+"):
            project.explores[name] = [_explore(name, claim, explores) for claim in claims]
    return project


def words(said: object) -> list[str]:
    """Return the names in what LookML may write as one, as a list, or as lists for each time it is said."""
    if isinstance(said, str):
        return [said]
    return [word for one in said for word in words(one)] if isinstance(said, list | tuple) else []


def filtered(said: Definition) -> list[str]:
    """Return the fields that filters name, in either form of theirs."""
    found: list[str] = []
    for one in _flat(said.get("filters__all", said.get("filters", ()))):
        found += [str(one["field"])] if "field" in one else [str(name) for name in one]
    return found


def _flat(said: object) -> Iterator[Definition]:
    if isinstance(said, Mapping):
        yield said
    elif isinstance(said, list | tuple):
        for one in said:
            yield from _flat(one)


def _view(
    name: str,
    claims: Mapping[str, list[tuple[Export, Definition]]],
    constants: Mapping[str, str],
    within: tuple[str, ...],
) -> View:
    """Return a view with what it extends and how it is refined; what comes later counts."""
    export, first = claims[name][0]
    view = View(name, Where(export.path, _line(export, name, "view"), 1))
    for _, said in [(export, first), *claims.get(f"+{name}", ())]:
        for base in words(said.get("extends__all", said.get("extends", ()))):
            if base in claims and base not in within and base != name:
                _take(view, _view(base, claims, constants, (*within, name)))
        for kind in _KINDS:
            view.fields |= {str(one["name"]): (kind, one) for one in said.get(kind, ()) if isinstance(one, Mapping)}
        view.table = _CONSTANT.sub(lambda m: constants.get(m[1], m[0]), str(said.get("sql_table_name", view.table)))
        derived = said.get("derived_table", view.derived)
        sql = derived.get("sql")
        replaced = {"sql": _CONSTANT.sub(lambda m: constants.get(m[1], m[0]), sql)} if isinstance(sql, str) else {}
        view.derived = {**derived, **replaced}
    return view


def _take(view: View, base: View) -> None:
    view.fields |= base.fields
    view.table = view.table or base.table
    view.derived = view.derived or base.derived


def _explore(
    name: str, claim: tuple[Export, Definition], claims: Mapping[str, list[tuple[Export, Definition]]]
) -> Explore:
    export, first = claim
    said: dict[str, Any] = {}
    joins: dict[str, Definition] = {}
    always: list[str] = []
    filters: list[str] = []
    for one in _layers(name, first, claims, ()):
        said |= one
        joins |= {str(join["name"]): join for join in one.get("joins", ())}
        always += [str(one[key]) for key in ("sql_always_where", "sql_always_having") if key in one]
        filters += filtered(one.get("always_filter", {}))
        filters += [str(access["field"]) for access in _flat(one.get("access_filters", ())) if "field" in access]
    base = str(said.get("view_name", name))
    views = {base: str(said.get("from", said.get("view_name", name)))}
    views |= {alias: str(join.get("from", join.get("view_name", alias))) for alias, join in joins.items()}
    model = PurePosixPath(export.path).name.partition(".")[0]
    where = Where(export.path, _line(export, name, "explore"), 1)
    return Explore(name, model, where, base, views, joins, tuple(always), tuple(filters))


def _layers(
    name: str, first: Definition, claims: Mapping[str, list[tuple[Export, Definition]]], within: tuple[str, ...]
) -> Iterator[Definition]:
    """Yield what makes an explore: what it extends, itself, and its refinements."""
    for one in (first, *(said for _, said in claims.get(f"+{name}", ()))):
        for base in words(one.get("extends__all", one.get("extends", ()))):
            if base in claims and base not in within and base != name:
                for layer in _layers(base, claims[base][0][1], claims, (*within, name)):
                    yield {"view_name": base, **layer} if "from" not in layer else layer
        yield one


def _line(export: Export, name: str, kind: str) -> int:
    found = re.search(rf"^\s*{kind}\s*:\s*{re.escape(name)}\b", export.text(), re.MULTILINE)
    return export.text().count("\n", 0, found.end()) + 1 if found else 0
