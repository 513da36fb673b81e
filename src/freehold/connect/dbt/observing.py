"""A dbt project as part of an estate: its models, seeds, snapshots and sources as assets that another tool builds.

What two versions of a model have in common is found by the kernel that compares our own models, over the SQL that dbt
compiled. In it every relation that the project builds or declares is replaced by the asset it is, so that the schema a
target writes to, a renamed source and a moved file make no difference.
"""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from freehold.connect.dbt.model import Node, Project, Source
from freehold.connect.dbt.text import state_of, without_layout
from freehold.delivery.asset import Asset, Kind, Observed
from freehold.delivery.graph import Graph
from freehold.delivery.kept import Kept
from freehold.delivery.template import REF, THIS, Compiled, mark
from freehold.engines import Relation
from freehold.estate.model import Product
from freehold.foundation import FreeholdError, Where
from freehold.sql import digest, parse, tables_of

_COMPILER = 1  # raise it when a text compiles to something else
_LONGEST = 1_000_000  # characters of SQL that are parsed; of a longer one, only the text counts
_SNAPSHOT = ("dbt_scd_id", "dbt_updated_at", "dbt_valid_from", "dbt_valid_to")
Parts = tuple[str, ...]
Relations = Mapping[Parts, str]
"""Names of relations, as (database, schema, name) or (schema, name), in lower case -> asset id."""


def joining(
    projects: Sequence[tuple[Project, Project | None]], root: Path, unbuilt: Collection[str] = ()
) -> Callable[[Graph, Graph], tuple[Graph, Graph]]:
    """Return what puts dbt projects into the graphs of an estate as it is now and as it was.

    Args:
        projects: each as it is now and as it was; where it is not known how it was, nothing of it counts as changed.
        root: the folder of the estate.
        unbuilt: names of projects of which nothing was ever built, so that all of it is new.
    """

    def join(now: Graph, then: Graph) -> tuple[Graph, Graph]:
        kept = KeptMarked(root)
        names = {**_declared(then), **_declared(now)}
        listed = {**_listed(p for _, p in projects if p), **_listed(p for p, _ in projects)}
        taken = {a.id for graph in (now, then) for a in graph.assets.values() if a.kind is not Kind.EXTERNAL}
        head = _assets([p for p, _ in projects], names, taken, listed, root, kept)
        known = [before or p for p, before in projects if before or p.name not in unbuilt]
        base = _assets(known, names, taken, listed, root, kept)
        kept.save()
        return now.joined(head), then.joined(base)

    return join


def joined(graph: Graph, projects: Sequence[Project], root: Path) -> Graph:
    """Return the graph of an estate with dbt projects in it."""
    return joining([(project, None) for project in projects], root)(graph, Graph({}))[0]


def asset_ids(project: Project, graph: Graph | None = None) -> dict[str, str]:
    """Return the asset that each node and source is, by unique id; `graph` tells which of them products declare."""
    if graph is None:
        return _ids(project, {})
    return _ids(project, _declared(graph), {a.id for a in graph.assets.values() if a.kind is not Kind.EXTERNAL})


def project_path(project: Project, package: str, path: str) -> str:
    """Return the path of a file of a project or of one of its packages, relative to the project."""
    return path if package in ("", project.name) else f"dbt_packages/{package}/{path}"


class KeptMarked:
    """Compiled SQL with marks, found earlier; what a name means is looked up again and must be what it was."""

    def __init__(self, root: Path) -> None:
        self._kept = Kept(root, "dbt", f"{_COMPILER} {version('sqlglot')}")

    def get(self, key: str, relations: Relations) -> tuple[str, tuple[str, ...]] | None:
        """Return the marked text kept under a key, with the assets it reads."""
        row = self._kept.get(key)
        if row is None or any(_meant(tuple(parts), relations) != id_ for parts, id_ in row[1]):
            return None
        return row[0], tuple(dict.fromkeys(id_ for _, id_ in row[1] if id_))

    def put(self, key: str, text: str, asked: Iterable[tuple[Parts, str]]) -> None:
        """Keep a marked text with the names it asked for; an empty id stands for a name that nothing has."""
        self._kept.put(key, [text, [[list(parts), id_] for parts, id_ in asked]])

    def save(self) -> None:
        """Write what is new to disk."""
        self._kept.save()


def _declared(graph: Graph) -> dict[str | Parts, str]:
    """Return the assets that products declare and others build, by the dbt node they name and by their relation."""
    found: dict[str | Parts, str] = {}
    for asset in graph.assets.values():
        if asset.kind is not Kind.EXTERNAL:
            continue
        node = asset.schema.custom.get("freehold:dbt") if asset.schema else None
        found[str(node) if node else (asset.relation.schema.lower(), asset.relation.name.lower())] = asset.id
    return found


def _listed(projects: Iterable[Project]) -> dict[str, tuple[str, ...]]:
    """Return the columns of what SQL does not tell them of, by identity; one list serves both versions of a project."""
    found: dict[str, tuple[str, ...]] = {}
    for project in projects:
        both: list[tuple[str, Node | Source]] = [(_identity(one, project), one) for one in project.sources.values()]
        both += [(node.id, node) for node in project.nodes.values() if _is_asked_of(node)]
        found |= {id_: tuple(column.name for column in one.columns) for id_, one in both if one.is_catalogued}
    return found


def _is_asked_of(node: Node) -> bool:
    """Whether SQL may read its columns though none gives them: a seed, and a model that reads itself."""
    return node.resource == "seed" or node.materialized == "incremental"


@dataclass(frozen=True, slots=True)
class _Side:
    """One version of all projects: the asset that each node and relation is, and what is known of columns."""

    ids: Mapping[str, str]
    relations: Relations
    listed: Mapping[str, tuple[str, ...]]
    root: Path
    kept: KeptMarked


def _assets(
    projects: Sequence[Project],
    names: Mapping[str | Parts, str],
    taken: Collection[str],
    listed: Mapping[str, tuple[str, ...]],
    root: Path,
    kept: KeptMarked,
) -> dict[str, Asset]:
    ids: dict[str, str] = {}
    for project in projects:
        ids |= _ids(project, names, taken)
    side = _Side(ids, _relations(projects, ids), listed, root, kept)
    found: dict[str, Asset] = {}
    for project in projects:
        for source in project.sources.values():
            id_ = ids[source.id]
            if side.relations.get(_parts(source)[-2:], id_) == id_:  # else another project builds it
                found[id_] = _of_source(source, project, side)
    for project in projects:
        for node in project.nodes.values():
            found[ids[node.id]] = _of_node(node, project, side)
    return found


def _ids(project: Project, names: Mapping[str | Parts, str], taken: Collection[str] = ()) -> dict[str, str]:
    """Return the asset id of every node and source: the declared one, or one made of what dbt calls it.

    No two nodes share one, and none has one that is `taken` by something else.
    """
    found: dict[str, str] = {}
    used = set(taken)
    for node in project.nodes.values():
        usual = f"{_id(node.package)}.{_id(node.label.replace('.', '_'))}"
        declared = names.get(node.id) or names.get((node.schema.lower(), node.alias.lower()))
        found[node.id] = declared or _free(usual, used)
        used.add(found[node.id])
    for source in project.sources.values():  # two names of one relation are one asset
        usual = _id_of_relation(_identity(source, project))
        found[source.id] = names.get(source.id) or names.get(_parts(source)[-2:]) or _free(usual, used)
    return found


def _free(usual: str, used: Collection[str]) -> str:
    """Return an id that nothing has: the usual one, or that with a number."""
    candidates = (usual, *(f"{usual}_{number}" for number in range(2, len(used) + 3)))
    return next(id_ for id_ in candidates if id_ not in used)


def _relations(projects: Sequence[Project], ids: Mapping[str, str]) -> dict[Parts, str]:
    found: dict[Parts, str] = {}
    doubtful: set[Parts] = set()
    for project in projects:
        both: list[Node | Source] = [*project.sources.values(), *project.nodes.values()]
        for one in both:  # who builds a relation comes after who reads it
            parts = _parts(one)
            if isinstance(one, Node) and not one.relation:
                continue
            known = found.get(parts[-2:])
            if known not in (None, ids[one.id]) and parts not in found and parts[0]:
                doubtful.add(parts[-2:])
            found[parts[-2:]] = found[parts] = ids[one.id]
    return {parts: id_ for parts, id_ in found.items() if parts not in doubtful}


def _parts(one: Node | Source) -> Parts:
    name = one.alias if isinstance(one, Node) else one.identifier
    return (one.database.lower(), one.schema.lower(), name.lower())


def _identity(source: Source, project: Project) -> str:
    """Return what a source is: its relation, with the database where that is not the one the project writes to."""
    database = "" if source.database.lower() == project.usual_database else f"{source.database.lower()}."
    return f"{database}{source.schema.lower()}.{source.identifier.lower()}"


def _id(name: str) -> str:
    return re.sub(r"[^a-z0-9_-]+", "_", name.lower()).strip("_") or "unnamed"


def _id_of_relation(identity: str) -> str:
    return ".".join(_id(part) for part in identity.split("."))


def _product(package: str, owner: str, project: Project, root: Path) -> Product:
    where = Where(_relative(project.root / "dbt_project.yml", root))
    return Product(id=_id(package), where=where, name=package, mode="watch", team=owner or None)


def _relative(path: Path, root: Path) -> str:
    return Path(os.path.relpath(path, root)).as_posix()


def _of_source(source: Source, project: Project, side: _Side) -> Asset:
    identity = _identity(source, project)
    path = project.root / project_path(project, source.package, source.path)
    return Asset(
        id=side.ids[source.id],
        product=_product(source.package, source.owner, project, side.root),
        kind=Kind.EXTERNAL,
        relation=Relation(source.schema, source.identifier),
        where=Where(_relative(path, side.root)),
        observed=Observed(dialect=project.dialect, identity=identity, columns=side.listed.get(identity, ())),
    )


def _of_node(node: Node, project: Project, side: _Side) -> Asset:
    inputs = tuple(dict.fromkeys(side.ids[read] for read in node.reads if read in side.ids))
    python = node.raw if node.language == "python" and _parses(node.raw) else None
    is_query = node.resource != "seed" and python is None
    compiled = _compiled(node, inputs, project, side) if is_query else None
    ran = project.results.get(node.id)
    path = project.root / project_path(project, node.package, node.path)
    return Asset(
        id=side.ids[node.id],
        product=_product(node.package, node.owner or node.group, project, side.root),
        kind=_kind(node),
        relation=Relation(node.schema, node.alias, "view" if node.materialized == "view" else "table"),
        where=Where(_relative(path, side.root), 1, 1),
        inputs=compiled.refs if compiled else inputs,
        compiled=compiled,
        python=python,
        grain=str(node.config.get("batch_size") or "day"),
        observed=Observed(
            dialect=project.dialect,
            text=node.raw,
            state=state_of(node, project),
            identity=node.id,
            columns=side.listed.get(node.id, ()),
            seconds=ran.seconds if ran and ran.status == "success" else None,
            grows=_grows(node),
        ),
    )


def _parses(python: str) -> bool:
    try:
        ast.parse(python)
    except (SyntaxError, ValueError, RecursionError):
        return False
    return True


def _kind(node: Node) -> Kind:
    if node.resource == "snapshot":
        return Kind.KEY
    if node.materialized in ("view", "ephemeral"):
        return Kind.VIEW
    if node.materialized == "incremental":
        return Kind.INTERVAL if node.config.get("incremental_strategy") == "microbatch" else Kind.KEY
    return Kind.TABLE


def _grows(node: Node) -> str:
    if node.resource == "snapshot":
        return "history"
    return "rows" if node.materialized == "incremental" else ""


def _compiled(node: Node, inputs: tuple[str, ...], project: Project, side: _Side) -> Compiled:
    """Return the compiled SQL of a model with marks for what it reads; of SQL that cannot be read, the text."""
    text, dialect, own = node.compiled, project.dialect, side.ids[node.id]
    if not text:
        return _as_text(node.raw, {}, inputs)
    if node.resource == "snapshot":
        text = _with_history(text, node)
    key = digest(dialect, own, text)
    known = side.kept.get(key, side.relations)
    if known is None:
        try:
            marked, asked = _marked(text, own, dialect, side.relations)
        except (FreeholdError, RecursionError):
            named = {one.relation: mark(one.id) for id_ in (*node.reads, node.id) if (one := project.named(id_))}
            return _as_text(text, named, inputs)
        side.kept.put(key, marked, asked)
        known = marked, tuple(dict.fromkeys(id_ for _, id_ in asked if id_))
    refs = tuple(id_ for id_ in known[1] if id_ != own)
    return Compiled(known[0], known[0], refs)


def _as_text(text: str, named: Mapping[str, str], inputs: tuple[str, ...]) -> Compiled:
    """Return SQL that is not parsed without its layout, each relation called by what stands for it in any target."""
    for relation, instead in named.items():
        text = text.replace(relation, instead) if relation else text
    text = without_layout(text)
    return Compiled(text, text, inputs)


def _with_history(text: str, node: Node) -> str:
    """Return the query of a snapshot with the columns that dbt keeps its history in."""
    renamed = node.config.get("snapshot_meta_column_names") or {}
    names = [*_SNAPSHOT, *(["dbt_is_deleted"] if node.config.get("hard_deletes") == "new_record" else [])]
    kept = ", ".join(f"'{name}' AS {renamed.get(name) or name}" for name in names)
    return f"SELECT *, {kept} FROM (\n{text.strip().rstrip(';')}\n) AS snapshotted"


def _marked(sql: str, own: str, dialect: str, relations: Relations) -> tuple[str, list[tuple[Parts, str]]]:
    """Return a query in which every relation that is an asset is its mark, and every name it asked for.

    An incremental model that is there already reads itself: the asset `own`.

    Raises:
        FreeholdError: FH-Q001, FH-Q002 it is not one query that parses.
    """
    from sqlglot import exp

    if len(sql) > _LONGEST:
        raise FreeholdError("FH-Q001", "The statement is too long to be read.")
    tree = parse(sql, dialect)
    asked: list[tuple[Parts, str]] = []
    for table in tables_of(tree):
        if not isinstance(table.this, exp.Identifier):
            continue  # a table function
        parts = tuple(part.name.lower() for part in table.parts)
        id_ = _meant(parts, relations)
        asked.append((parts, id_))
        if id_:
            if not table.alias:
                table.set("alias", exp.TableAlias(this=table.this.copy()))
            table.set("catalog", None)
            table.set("db", None if id_ == own else exp.to_identifier(REF, quoted=True))
            table.set("this", exp.to_identifier(THIS if id_ == own else id_, quoted=True))
    return tree.sql(dialect, comments=False), asked


def _meant(parts: Parts, relations: Relations) -> str:
    if len(parts) < 2:
        return ""
    return relations.get(parts[-3:], "")


def uncompiled(project: Project) -> Iterator[Node]:
    """Yield the models without compiled SQL: they are compared by what was written, macros and settings included."""
    return (n for n in project.nodes.values() if n.resource == "model" and n.language == "sql" and not n.compiled)


__all__ = ["asset_ids", "joined", "joining", "project_path", "uncompiled"]
