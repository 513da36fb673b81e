"""The files of an estate that watches a dbt project: one folder, nothing of the project moved or written to."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from freehold.connect.dbt import artifacts
from freehold.connect.dbt.choosing import UNOWNED, Chosen, chosen, slug
from freehold.connect.dbt.manifest import plain_relation
from freehold.connect.dbt.model import Column, Node, Project, Test
from freehold.connect.dbt.places import Places, at
from freehold.connect.dbt.semantic_metrics import Carried, carried
from freehold.estate.scaffold import id_from
from freehold.estate.writing import inline, scalar
from freehold.quality.draft import ColumnFacts

_MOST_VALUES = 50  # of accepted_values; a longer list is a reference table
_SHORTHAND = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*(\.[A-Za-z_][A-Za-z0-9_-]*)+")
_REFERRED = re.compile(r"""ref\(\s*(?:['"][^'"]+['"]\s*,\s*)?['"]([^'"]+)['"]""")


def estate_files(project: Project, folder: Path, places: Places) -> dict[str, str]:
    """Return the files of the estate by path, relative to `folder`, where it will lie."""
    products = chosen(project)
    files = {
        "estate.yaml": _estate(project, folder),
        "teams.yaml": _teams(products),
        ".gitignore": ".freehold/\n",
    }
    assets = _assets(products)
    for product in products:
        own = product.id.rpartition(".")[2]
        files[f"{own}/product.odps.yaml"] = _product(product, project)
        for node in product.outputs:
            files[f"{own}/contracts/{port(node)}.odcs.yaml"] = _contract(node, product, project, assets, places)
    return files


def semantic_layer(project: Project) -> Carried:
    """Return the project's metrics as a file; datasets read the assets of products, or tables as dbt names them.

    Raises:
        FreeholdError: FH-X113 the artifact that tells them is not as dbt writes it.
    """
    assets = _assets(chosen(project))
    ids = {plain_relation(node.relation): node.id for node in project.nodes.values() if node.relation}

    def source(said: Mapping[str, object]) -> str:
        relation = str(said.get("relation_name") or f"{said.get('schema_name')}.{said.get('alias')}")
        return assets.get(ids.get(plain_relation(relation), ""), relation.replace('"', "").replace("`", ""))

    try:
        return carried(project.semantics, re.sub(r"\W+", "_", project.name), project.dialect, source)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        place = artifacts.Place(project.root, project.target)
        file = place.file(artifacts.SEMANTICS) or place.file(artifacts.MANIFEST) or project.target
        said = f"`{error.args[0]}` is missing" if isinstance(error, KeyError) else str(error)
        raise artifacts.misshapen(file, said) from error


def metrics_file(project: Project) -> str:
    """Return the path of the file of metrics."""
    return f"metrics/{slug(project.name)}.yaml"


def _assets(products: Sequence[Chosen]) -> dict[str, str]:
    return {node.id: f"{product.id}.{port(node)}" for product in products for node in product.outputs}


def port(node: Node) -> str:
    """Return the name of the port that a model becomes."""
    return slug(node.label)


def estate_name(project: Project) -> str:
    """Return what the estate is called."""
    return project.name.replace("_", " ").replace("-", " ").strip().capitalize()


def _estate(project: Project, folder: Path) -> str:
    root = Path(os.path.relpath(project.root, folder)).as_posix()
    target = Path(os.path.relpath(project.target, project.root)).as_posix()
    said = {"project": root, "target": target}
    return f"""apiVersion: freehold.dev/v1
kind: Estate
metadata: {{id: {id_from(project.name)}, name: {scalar(estate_name(project))}}}
spec:
  state: sqlite:///.freehold/state.db
  dbt: # artifacts that are read beside these files; nothing in the project is written
    - {inline(said)}
  connections:
    # Not opened while products only watch or advise. For `freehold:mode: check`, name the warehouse dbt writes to here:
    # DuckDB or PostgreSQL.
    warehouse: {{url: "duckdb:///.freehold/warehouse.db"}}
  environments:
    prod: {{connection: warehouse, protected: true}}
"""


def _teams(products: Sequence[Chosen]) -> str:
    owners = dict.fromkeys(product.owner for product in products)
    texts = [_team(owner) for owner in owners if owner]
    if "" in owners or not products:
        texts.append(
            f"apiVersion: freehold.dev/v1\nkind: Team\nmetadata: {{id: {UNOWNED}, name: Owners to be named}}\n"
            "spec: {members: []} # dbt names no owner of these models\n"
        )
    return "---\n".join(texts)


def _team(owner: str) -> str:
    notify = f"\n  notify: [{scalar(f'mailto:{owner}')}]" if re.fullmatch(r"[^@\s]+@[^@\s]+", owner) else ""
    return f"""apiVersion: freehold.dev/v1
kind: Team
metadata: {{id: {team_id(owner)}, name: {scalar(owner)}}} # the owner as dbt names it
spec:
  members: []{notify}
"""


def team_id(owner: str) -> str:
    """Return the id of the team that an owner is; of nobody, of those to be named."""
    return id_from(owner.partition("@")[0]) if owner else UNOWNED


def _product(product: Chosen, project: Project) -> str:
    ports = "\n".join(
        f"  - {{name: {port(node)}, version: 0.1.0, contractId: {product.id}.{port(node)}}}" for node in product.outputs
    )
    left = f"\n# {product.left} more of its models are read or public; they stay observed." if product.left else ""
    return f"""# Chosen because {_comment(product.why)}.{left}
apiVersion: v1.0.0
kind: DataProduct
id: {product.id}
name: {scalar(product.name)}
version: 0.1.0
status: draft # drafted from dbt; make it active when its promises are meant
domain: {slug(project.name)}
description:
  purpose: To be written.
outputPorts:
{ports}
team: {{name: {team_id(product.owner)}}}
customProperties:
  - {{property: "freehold:tier", value: 3}}
  - {{property: "freehold:mode", value: watch}} # watch | advise | check | publish
"""


def _contract(node: Node, product: Chosen, project: Project, assets: Mapping[str, str], places: Places) -> str:
    name = port(node)
    duckdb = project.adapter == "duckdb"
    server = {
        "server": "warehouse",
        "type": "duckdb" if duckdb else "custom",
        **({"database": node.database} if node.database else {}),
        "schema": node.schema or "main",
    }
    if not duckdb:
        server["description"] = project.adapter or "unknown"
    tests = project.tests_of.get(node.id, ())
    lines = [
        f"# Drafted from {at(places.of_node(node))}. A claim names the dbt test that makes it; strike what is chance.",
        "apiVersion: v3.2.0",
        "kind: DataContract",
        f"id: {product.id}.{name}",
        "version: 0.1.0",
        "status: draft",
        f"dataProduct: {product.id}",
        "servers:",
        f"  - {inline(server)}",
        "schema:",
        f"  - name: {scalar(name)}",
        f"    physicalName: {scalar(node.alias)}",
        f"    physicalType: {'view' if node.materialized == 'view' else 'table'}",
        *([f"    description: {scalar(node.description)}"] if node.description else []),
        "    customProperties:",
        f'      - {{property: "freehold:dbt", value: {scalar(node.id)}}}',
    ]
    columns = columns_of(node, project)
    if columns:
        lines.append("    properties:")
        key = _key(tests)
        for column in columns:
            own = [t for t in tests if t.column.strip('"`').casefold() == column.name.casefold()]
            lines += _property(column, own, column.name.casefold() == key, assets, project, places)
    return "\n".join(lines) + "\n"


def columns_of(node: Node, project: Project) -> tuple[Column, ...]:
    """Return the columns of a model: those of the catalog; without it those its SQL names, with what is documented."""
    if node.is_catalogued or not node.compiled or node.language != "sql":
        return node.columns
    from sqlglot.errors import SqlglotError

    from freehold.foundation import FreeholdError
    from freehold.sql import parse

    try:
        tree = parse(node.compiled, project.dialect)
        names = [] if tree.is_star else [name for name in tree.named_selects if name]
    except (FreeholdError, SqlglotError, RecursionError):
        names = []
    documented = {column.name.casefold(): column for column in node.columns}
    return tuple(documented.get(n.casefold(), Column(n)) for n in dict.fromkeys(names)) or node.columns


def _key(tests: Sequence[Test]) -> str:
    """Return the one column that is tested to be there and to be unique; of several, none is the key."""
    whole = [t for t in tests if not t.is_partial and t.severity == "error"]
    unique = {t.column.casefold() for t in whole if t.kind == "unique"}
    both = unique & {t.column.casefold() for t in whole if t.kind == "not_null"}
    return both.pop() if len(both) == 1 else ""


def _property(
    column: Column, tests: Sequence[Test], is_key: bool, assets: Mapping[str, str], project: Project, places: Places
) -> Iterator[str]:
    yield f"      - name: {scalar(column.name)}"
    type_ = column.type.upper().replace("NUMBER", "NUMERIC", 1) if column.type else ""
    if type_ and (logical := ColumnFacts(column.name, type_).logical):
        yield f"        logicalType: {logical}"
    if column.type:
        yield f"        physicalType: {scalar(column.type)}"
    if column.description:
        yield f"        description: {scalar(column.description)}"
    by_kind = {test.kind: test for test in reversed(tests) if not test.is_partial and test.severity == "error"}
    for kind, claim in (("not_null", "required"), ("unique", "unique")):
        if kind in by_kind:
            yield f"        {claim}: true # {_said(by_kind[kind], places)}"
    if is_key:
        yield "        primaryKey: true # tested to be there and unique"
        yield "        primaryKeyPosition: 1"
    if "accepted_values" in by_kind:
        yield from _values(by_kind["accepted_values"], places)
    if "relationships" in by_kind:
        yield from _reference(by_kind["relationships"], assets, project, places)


def _values(test: Test, places: Places) -> Iterator[str]:
    values = test.arguments.get("values")
    if not isinstance(values, list) or not 0 < len(values) <= _MOST_VALUES:
        return
    unquoted = test.arguments.get("quote") is False
    yield f"        enum: # {_said(test, places)}"
    for value in values:
        plain = value if unquoted and isinstance(value, int | float) else str(value)
        yield f"          - {{value: {scalar(plain)}}}"


def _reference(test: Test, assets: Mapping[str, str], project: Project, places: Places) -> Iterator[str]:
    named = _REFERRED.search(str(test.arguments.get("to") or ""))
    to = [id_ for id_ in test.reads if id_ != test.of]
    if named:
        to = [id_ for id_ in test.reads if id_ in project.nodes and project.nodes[id_].name == named[1]] or to
    target = f"{assets[to[0]]}.{test.arguments.get('field')}" if to and to[0] in assets else ""
    if target and _SHORTHAND.fullmatch(target):
        yield "        relationships:"
        yield f"          - to: {target} # {_said(test, places)}"
    else:
        named_there = _comment(str(test.arguments.get("to")))
        yield f"        # dbt also tests that each value is in {named_there}, which has no contract here"


def _said(test: Test, places: Places) -> str:
    return f"dbt test {_comment(test.kind)}, {at(places.of_test(test))}"


def _comment(text: str) -> str:
    """Return a text as a comment may hold it: on one line."""
    return " ".join(text.split())
