"""From the JSON of dbt's artifacts to a `Project`: what is used is looked at closely, what is unknown passes by."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from freehold.connect.dbt import artifacts
from freehold.connect.dbt.artifacts import Place
from freehold.connect.dbt.model import (
    Column,
    Exposure,
    Group,
    Measure,
    Metric,
    Node,
    Project,
    Result,
    Source,
    Test,
)
from freehold.sql import digest

_BUILT = ("model", "seed", "snapshot")
_DECIDING = ("severity", "where", "limit", "fail_calc", "error_if", "warn_if")  # what else settles a test's verdict
_DIALECTS = {"sqlserver": "tsql", "fabric": "tsql", "synapse": "tsql", "athena": "athena", "glue": "spark"}
Json = Mapping[str, Any]


def read_project(path: Path | Place) -> Project:
    """Read a dbt project from its artifacts.

    Args:
        path: the folder of dbt_project.yml, the folder of manifest.json, or that file.

    Raises:
        FreeholdError: FH-X110 to FH-X114, with the file.
    """
    place = path if isinstance(path, Place) else artifacts.find(path)
    manifest = artifacts.read(place, artifacts.MANIFEST)
    assert manifest is not None, "`find` names a place that has a manifest"
    file = place.file(artifacts.MANIFEST)
    assert file is not None
    catalog = artifacts.read(place, artifacts.CATALOG)
    results = artifacts.read(place, artifacts.RUN_RESULTS)
    semantics = artifacts.read(place, artifacts.SEMANTICS)
    try:
        return _project(place, manifest, catalog, results, semantics)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        said = f"`{error.args[0]}` is missing" if isinstance(error, KeyError) else str(error)
        raise artifacts.misshapen(file, said) from error


def dialect_of(adapter: str) -> str:
    """Return the dialect of a kind of warehouse, as sqlglot names it; an empty text where it knows none."""
    from sqlglot.dialects.dialect import Dialect

    name = _DIALECTS.get(adapter, adapter)
    try:
        Dialect.get_or_raise(name)
    except ValueError:
        return ""
    return name


def _project(
    place: Place, manifest: Json, catalog: Json | None, results: Json | None, semantics: Json | None
) -> Project:
    metadata = manifest["metadata"]
    adapter = str(metadata.get("adapter_type") or "")
    nodes: Mapping[str, Json] = manifest["nodes"]
    groups = {id_: _group(id_, said) for id_, said in (manifest.get("groups") or {}).items()}
    owners = {group.name: group.owner for group in groups.values()}
    found = {**((catalog or {}).get("nodes") or {}), **((catalog or {}).get("sources") or {})}
    metrics, measures, over = _semantics(manifest, semantics)
    name = str(metadata.get("project_name") or _named_by(nodes) or place.root.name)
    return Project(
        name=name,
        root=place.root,
        target=place.target,
        adapter=adapter,
        dialect=dialect_of(adapter),
        dbt_version=str(metadata.get("dbt_version") or ""),
        schema_version=artifacts.version_of(manifest),
        generated_at=str(metadata.get("generated_at") or ""),
        nodes={id_: _node(id_, n, found.get(id_), owners) for id_, n in nodes.items() if _is_built(n)},
        sources={id_: _source(id_, s, found.get(id_)) for id_, s in manifest["sources"].items() if _is_on(s)},
        tests={id_: _test(id_, n) for id_, n in nodes.items() if n["resource_type"] == "test" and _is_on(n)},
        exposures={id_: _exposure(id_, e) for id_, e in (manifest.get("exposures") or {}).items() if _is_on(e)},
        groups=groups,
        metrics=metrics,
        measures=measures,
        semantic_models=len(over),
        semantic_nodes=frozenset(over.values()),
        semantics=semantics if semantics is not None else _semantics_of(manifest),
        saved_queries=len(manifest.get("saved_queries") or {}),
        unit_tests={id_: _reads(u) for id_, u in (manifest.get("unit_tests") or {}).items()},
        macros=dict(_macros(manifest.get("macros") or {}, adapter)),
        results={r.node: r for r in _results((results or {}).get("results") or ())},
        has_catalog=catalog is not None,
        has_results=results is not None,
    )


def _is_built(said: Json) -> bool:
    return said["resource_type"] in _BUILT and _is_on(said)


def _is_on(said: Json) -> bool:
    return (said.get("config") or {}).get("enabled", True) is not False


def _named_by(nodes: Mapping[str, Json]) -> str:
    """Return the package that most models belong to: manifests of dbt 1.6 and older do not name their project."""
    packages = [str(n["package_name"]) for n in nodes.values() if n["resource_type"] == "model"]
    return max(packages, key=packages.count) if packages else ""


def _node(id_: str, said: Json, found: Json | None, owners: Mapping[str, str]) -> Node:
    config = said.get("config") or {}
    group = str(said.get("group") or config.get("group") or "")
    return Node(
        id=id_,
        name=str(said["name"]),
        package=str(said["package_name"]),
        resource=str(said["resource_type"]),
        path=str(said["original_file_path"]).replace("\\", "/"),
        patch=_patch(said.get("patch_path")),
        raw=said.get("raw_code") or "",
        compiled=said.get("compiled_code") or "",
        language=str(said.get("language") or "sql"),
        relation=str(said.get("relation_name") or ""),
        database=str(said.get("database") or ""),
        schema=str(said.get("schema") or ""),
        alias=str(said.get("alias") or said["name"]),
        materialized=str(config.get("materialized") or "view"),
        config=config,
        checksum=_checksum(said.get("checksum")),
        reads=_reads(said),
        macros=tuple((said.get("depends_on") or {}).get("macros") or ()),
        columns=_columns(said, found),
        is_catalogued=bool(found and found.get("columns")),
        description=str(said.get("description") or "").strip(),
        group=group,
        access=str(said.get("access") or config.get("access") or "protected"),
        is_contracted=bool((said.get("contract") or {}).get("enforced")),
        types=", ".join(f"{c['name']} {c.get('data_type')}".lower() for c in (said.get("columns") or {}).values()),
        owner=_owner_in_meta(said) or owners.get(group, ""),
        version=str(said.get("version") or ""),
        is_time_spine=bool(said.get("time_spine")),
        fqn=tuple(str(part) for part in said.get("fqn") or ()),
    )


def _source(id_: str, said: Json, found: Json | None) -> Source:
    freshness = said.get("freshness") or (said.get("config") or {}).get("freshness") or {}
    limits = [(freshness.get(level) or {}).get("count") for level in ("warn_after", "error_after")]
    return Source(
        id=id_,
        name=str(said["name"]),
        source=str(said["source_name"]),
        package=str(said["package_name"]),
        path=str(said["original_file_path"]).replace("\\", "/"),
        relation=str(said.get("relation_name") or ""),
        database=str(said.get("database") or ""),
        schema=str(said.get("schema") or ""),
        identifier=str(said.get("identifier") or said["name"]),
        is_watched=any(limits),
        columns=_columns(said, found),
        is_catalogued=bool(found and found.get("columns")),
        description=str(said.get("description") or said.get("source_description") or "").strip(),
        owner=_owner_in_meta(said) or _owner(said.get("source_meta")),
    )


def _test(id_: str, said: Json) -> Test:
    metadata, config = said.get("test_metadata") or {}, said.get("config") or {}
    space = metadata.get("namespace")
    kind = str(metadata.get("name") or "singular")
    arguments = dict(metadata.get("kwargs") or {})
    arguments.update(arguments.pop("arguments", None) or {})
    return Test(
        id=id_,
        name=str(said["name"]),
        kind=f"{space}.{kind}" if space and space != "dbt" else kind,
        path=str(said["original_file_path"]).replace("\\", "/"),
        of=_tested(said),
        column=str(said.get("column_name") or arguments.get("column_name") or ""),
        arguments=arguments,
        reads=_reads(said),
        severity=str(config.get("severity") or "error").lower(),
        is_partial=bool(config.get("where") or config.get("limit"))
        or str(config.get("fail_calc") or "count(*)").replace(" ", "") != "count(*)"
        or str(config.get("error_if") or "!= 0").replace(" ", "") not in ("!=0", ">0"),
        state=digest(said.get("compiled_code") or said.get("raw_code") or "", _settings_of_test(config)),
    )


def _settings_of_test(config: Json) -> str:
    return json.dumps({name: config.get(name) for name in _DECIDING}, sort_keys=True, default=str)


def _tested(said: Json) -> str:
    """Return what a test is about: the node it hangs on; of one that stands alone, what it reads, if that is one."""
    if said.get("attached_node"):
        return str(said["attached_node"])
    reads = _reads(said)
    named = str(said.get("file_key_name") or "").rpartition(".")[2]
    on = [id_ for id_ in reads if named and id_.split(".")[2] == named]
    if on:
        return on[0]
    if not said.get("test_metadata"):
        return reads[0] if len(reads) == 1 else ""
    return reads[-1] if reads else ""  # of `relationships` the table referred to comes first


def _exposure(id_: str, said: Json) -> Exposure:
    reads = _reads(said)
    return Exposure(
        id=id_,
        name=str(said["name"]),
        label=str(said.get("label") or said["name"]),
        kind=str(said.get("type") or "dashboard"),
        path=str(said["original_file_path"]).replace("\\", "/"),
        reads=tuple(r for r in reads if not r.startswith("metric.")),
        metrics=tuple(r for r in reads if r.startswith("metric.")),
        owner=_owner(said),
        url=str(said.get("url") or ""),
        maturity=str(said.get("maturity") or ""),
    )


def _group(id_: str, said: Json) -> Group:
    return Group(id_, str(said["name"]), str(said.get("original_file_path") or ""), _owner(said))


def _semantics(manifest: Json, semantics: Json | None) -> tuple[dict[str, Metric], tuple[Measure, ...], dict[str, str]]:
    """Return metrics, measures, and by semantic model the node it is over.

    Those that only the semantic manifest has are added to those of the manifest.
    """
    metrics = {id_: _metric(id_, m) for id_, m in (manifest.get("metrics") or {}).items() if _is_on(m)}
    named = {metric.name for metric in metrics.values()}
    for said in (semantics or {}).get("metrics") or ():
        if said["name"] not in named:
            one = _metric(f"metric.semantic_manifest.{said['name']}", said)
            metrics[one.id] = one
    by_name = {str(s["name"]): s for s in (manifest.get("semantic_models") or {}).values() if _is_on(s)}
    for said in (semantics or {}).get("semantic_models") or ():
        by_name.setdefault(str(said["name"]), said)
    relations = {
        plain_relation(n.get("relation_name")): id_ for id_, n in manifest["nodes"].items() if n.get("relation_name")
    }
    over = {name: _node_over(said, relations) for name, said in by_name.items()}
    return metrics, tuple(m for name, said in by_name.items() for m in _measures(said, over[name])), over


def _semantics_of(manifest: Json) -> Json:
    """Return what a manifest says of semantic models and metrics, in the words of a semantic manifest."""
    keys = ("semantic_models", "metrics", "saved_queries")
    return {key: [one for one in (manifest.get(key) or {}).values() if _is_on(one)] for key in keys}


def _node_over(said: Json, relations: Mapping[str, str]) -> str:
    named = plain_relation((said.get("node_relation") or {}).get("relation_name"))
    return next(iter(_reads(said)), "") or relations.get(named, "")


def _measures(said: Json, model: str) -> Iterator[Measure]:
    for one in said.get("measures") or ():
        expression = str(one["expr"]) if one.get("expr") is not None else str(one["name"])
        yield Measure(str(one["name"]), str(one["agg"]), expression, model, str(said["name"]))


def _metric(id_: str, said: Json) -> Metric:
    filters = [f.get("where_sql_template") for f in (said.get("filter") or {}).get("where_filters") or ()]
    return Metric(
        id=id_,
        name=str(said["name"]),
        label=str(said.get("label") or said["name"]),
        kind=str(said.get("type") or ""),
        path=str(said.get("original_file_path") or ""),
        parameters=said.get("type_params") or {},
        filter=" AND ".join(str(f) for f in filters if f),
        owner=_owner_in_meta(said),
    )


def _macros(said: Mapping[str, Json], adapter: str) -> Iterator[tuple[str, tuple[str, tuple[str, ...]]]]:
    """Yield the macros of the project and its packages; those of dbt itself change with dbt, not with the project."""
    own = {"dbt", f"dbt_{adapter}"}
    for id_, macro in said.items():
        if macro.get("package_name") not in own:
            called = tuple((macro.get("depends_on") or {}).get("macros") or ())
            yield id_, (str(macro.get("macro_sql") or ""), called)


def _results(said: Iterable[Json]) -> Iterator[Result]:
    for one in said:
        yield Result(
            node=str(one["unique_id"]),
            status=str(one["status"]),
            seconds=float(one.get("execution_time") or 0),
            failures=int(one.get("failures") or 0),
            message=str(one.get("message") or ""),
        )


def _columns(said: Json, found: Json | None) -> tuple[Column, ...]:
    """Return the columns in the order of the catalog, with what is documented of them; the documented ones without."""
    documented = {str(c["name"]).casefold(): c for c in (said.get("columns") or {}).values()}
    listed = [*((found or {}).get("columns") or {}).values()]
    if not listed:
        return tuple(
            Column(str(c["name"]), str(c.get("data_type") or ""), str(c.get("description") or "").strip())
            for c in documented.values()
        )
    listed.sort(key=lambda c: c.get("index") or 0)
    return tuple(_column(c, documented.get(str(c["name"]).casefold(), {})) for c in listed)


def _column(listed: Json, documented: Json) -> Column:
    described = str(documented.get("description") or listed.get("comment") or "").strip()
    return Column(str(listed["name"]), str(listed.get("type") or documented.get("data_type") or ""), described)


def _reads(said: Json) -> tuple[str, ...]:
    return tuple(dict.fromkeys(str(id_) for id_ in (said.get("depends_on") or {}).get("nodes") or ()))


def _patch(path: object) -> str:
    """Return the YAML file of a node without the package: `shop://models/schema.yml` is `models/schema.yml`."""
    return str(path or "").partition("://")[2].replace("\\", "/")


def _checksum(said: object) -> str:
    return f"{said.get('name')}:{said.get('checksum')}" if isinstance(said, Mapping) else ""


def _owner(said: object) -> str:
    """Return who `owner` names: a text, a list of texts, or an object with name and email."""
    owner = said.get("owner") if isinstance(said, Mapping) else None
    if isinstance(owner, Mapping):
        owner = owner.get("name") or owner.get("email")
    if isinstance(owner, list | tuple):
        owner = owner[0] if owner else None
    return str(owner).strip() if owner else ""


def _owner_in_meta(said: Json) -> str:
    return _owner((said.get("config") or {}).get("meta")) or _owner(said.get("meta"))


def plain_relation(relation: object) -> str:
    """Return the name of a relation as it is compared: without quotes and case."""
    return str(relation or "").replace('"', "").replace("`", "").replace("[", "").replace("]", "").casefold()
