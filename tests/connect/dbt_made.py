"""A dbt project made in memory, and the artifacts that dbt would write of it: templates rendered, names resolved."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jinja2

SCHEMA = "https://schemas.getdbt.com/dbt/{kind}/v{version}.json"


@dataclass
class Model:
    """A model as its file and its YAML say it."""

    sql: str
    folder: str = "marts"
    config: dict[str, Any] = field(default_factory=dict)
    columns: dict[str, dict[str, Any]] = field(default_factory=dict)
    description: str = ""
    group: str | None = None
    access: str = "protected"
    is_contracted: bool = False
    owner: str | None = None


@dataclass
class Made:
    """A project: change what it holds, then write it anew."""

    name: str = "shop"
    models: dict[str, Model] = field(default_factory=dict)
    sources: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)  # (source, table) -> what YAML says
    seeds: dict[str, str] = field(default_factory=dict)  # name -> content
    macros: dict[str, str] = field(default_factory=dict)  # name or package.name -> the macro
    variables: dict[str, Any] = field(default_factory=dict)
    tests: list[dict[str, Any]] = field(default_factory=list)
    exposures: dict[str, dict[str, Any]] = field(default_factory=dict)
    groups: dict[str, str] = field(default_factory=dict)
    measures: dict[str, list[dict[str, Any]]] = field(default_factory=dict)  # model -> measures
    metrics: dict[str, dict[str, Any]] = field(default_factory=dict)
    columns: dict[str, dict[str, str]] = field(default_factory=dict)  # of the catalog: node or source table -> columns
    results: dict[str, tuple[str, float, int]] = field(default_factory=dict)
    schema: str = "main"
    adapter: str = "duckdb"

    # -- names

    def id_of(self, name: str) -> str:
        """Return the unique id of a model or seed."""
        return f"{'seed' if name in self.seeds else 'model'}.{self.name}.{name}"

    def relation(self, name: str) -> str:
        """Return the relation of a model or seed."""
        return self.quoted("db", self.schema, name)

    def quoted(self, *parts: str) -> str:
        """Return a name as the warehouse quotes it; Snowflake keeps names in upper case, and its dbt quotes none."""
        if self.adapter == "snowflake":
            return ".".join(parts).upper()
        mark = "`" if self.adapter in ("bigquery", "databricks") else '"'
        return ".".join(f"{mark}{part}{mark}" for part in parts)

    def source_relation(self, source: str, table: str) -> str:
        """Return the relation of a source."""
        said = self.sources[source, table]
        return self.quoted("db", said.get("schema", source), said.get("identifier", table))

    # -- compiling

    def compiled(self, sql: str) -> tuple[str, list[str], list[str]]:
        """Return a template rendered, with the nodes and the macros it names."""
        reads: list[str] = []

        def ref(name: str) -> str:
            reads.append(self.id_of(name))
            return self.relation(name)

        def source(name: str, table: str) -> str:
            reads.append(f"source.{self.name}.{name}.{table}")
            return self.source_relation(name, table)

        written = "".join(f"{macro}\n" for name, macro in self.macros.items() if "." not in name)
        packed: dict[str, dict[str, str]] = {}
        for name, macro in self.macros.items():
            if "." in name:
                package, _, own = name.partition(".")
                packed.setdefault(package, {})[own] = macro
        environment = jinja2.Environment(undefined=jinja2.StrictUndefined)
        context = {
            "ref": ref, "source": source, "var": lambda n, d=None: self.variables.get(n, d),
            "config": lambda **_: "", "is_incremental": lambda: False, "this": "this",
        }  # fmt: skip
        for package, macros in packed.items():
            context[package] = environment.from_string("".join(macros.values())).make_module(context)
        text = environment.from_string(written + sql).render(context).lstrip("\n")
        return text, list(dict.fromkeys(reads)), self.called(sql)

    def called(self, sql: str) -> list[str]:
        """Return the unique ids of the macros that a text names."""
        found = []
        for name in self.macros:
            package, _, own = name.rpartition(".")
            if re.search(rf"\b{re.escape(name)}\(", sql):
                found.append(f"macro.{package or self.name}.{own}")
        return found

    # -- artifacts

    def manifest(self, version: int = 12) -> dict[str, Any]:
        """Return the manifest of a version."""
        nodes = {self.id_of(name): self._model(name, model, version) for name, model in self.models.items()}
        nodes |= {self.id_of(name): self._seed(name, content) for name, content in self.seeds.items()}
        nodes |= dict(self._test(number, test, version) for number, test in enumerate(self.tests))
        metadata = {
            "dbt_schema_version": SCHEMA.format(kind="manifest", version=version),
            "dbt_version": {10: "1.6.13", 11: "1.7.18", 12: "1.11.16"}[version],
            "generated_at": "2026-03-01T06:00:00.000000Z",
            "adapter_type": self.adapter,
            **({"project_name": self.name} if version > 10 else {}),
        }
        made = {
            "metadata": metadata,
            "nodes": nodes,
            "sources": {f"source.{self.name}.{s}.{t}": self._source(s, t) for s, t in self.sources},
            "macros": dict(self._macro(name, macro) for name, macro in self.macros.items()),
            "exposures": {f"exposure.{self.name}.{n}": self._exposure(n, e) for n, e in self.exposures.items()},
            "groups": {
                f"group.{self.name}.{n}": {
                    "name": n,
                    "owner": {"name": owner},
                    "original_file_path": "models/schema.yml",
                }
                for n, owner in self.groups.items()
            },
            "metrics": {f"metric.{self.name}.{n}": self._metric(n, m) for n, m in self.metrics.items()},
            "semantic_models": {f"semantic_model.{self.name}.{m}": self._semantic(m) for m in self.measures},
            "something_new": {"of": "a later dbt"},
        }
        if version > 10:
            made["saved_queries"] = {}
        if version > 11:
            made["unit_tests"] = {}
        return made

    def catalog(self) -> dict[str, Any]:
        """Return the catalog."""
        nodes, sources = {}, {}
        for name, columns in self.columns.items():
            listed = {
                c: {"name": c, "type": t, "index": n, "comment": None} for n, (c, t) in enumerate(columns.items(), 1)
            }
            if name in self.models or name in self.seeds:
                nodes[self.id_of(name)] = {"columns": listed}
            else:
                sources.update(
                    {f"source.{self.name}.{s}.{t}": {"columns": listed} for s, t in self.sources if t == name}
                )
        metadata = {"dbt_schema_version": SCHEMA.format(kind="catalog", version=1)}
        return {"metadata": metadata, "nodes": nodes, "sources": sources}

    def run_results(self) -> dict[str, Any]:
        """Return the results of the last run."""
        results = [
            {"unique_id": id_, "status": status, "execution_time": seconds, "failures": failures, "message": None}
            for id_, (status, seconds, failures) in self.results.items()
        ]
        return {"metadata": {"dbt_schema_version": SCHEMA.format(kind="run-results", version=6)}, "results": results}

    def write(self, root: Path, version: int = 12, *, catalog: bool = True) -> Path:
        """Write the project with its artifacts into a folder and return that."""
        self.write_artifacts(root / "target", version, catalog=catalog)
        (root / "dbt_project.yml").write_text(f"name: {self.name}\n")
        for name, model in self.models.items():
            path = root / self._path(name, model)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(model.sql)
        (root / "models").mkdir(exist_ok=True)
        (root / "models" / "schema.yml").write_text(self.schema_yml())
        return root

    def write_artifacts(self, target: Path, version: int = 12, *, catalog: bool = True) -> Path:
        """Write the artifacts alone."""
        target.mkdir(parents=True, exist_ok=True)
        (target / "manifest.json").write_text(json.dumps(self.manifest(version)))
        if catalog:
            (target / "catalog.json").write_text(json.dumps(self.catalog()))
        if self.results:
            (target / "run_results.json").write_text(json.dumps(self.run_results()))
        return target

    def schema_yml(self) -> str:
        """Return the YAML that declares sources, exposures and metrics, a name a line."""
        lines = ["sources:"]
        for source, table in self.sources:
            lines += [f"  - name: {source}", "    tables:", f"      - name: {table}"]
        lines += ["models:"]
        for test in self.tests:
            lines += [f"  - name: {test['model']}", "    columns:", f"      - name: {test.get('column', 'all')}"]
        lines += ["exposures:", *(f"  - name: {name}" for name in self.exposures)]
        lines += ["metrics:", *(f"  - name: {name}" for name in self.metrics)]
        return "\n".join(lines) + "\n"

    # -- parts of the manifest

    def _path(self, name: str, model: Model) -> str:
        return f"models/{model.folder}/{name}.sql" if model.folder else f"models/{name}.sql"

    def _model(self, name: str, model: Model, version: int) -> dict[str, Any]:
        text, reads, macros = self.compiled(model.sql)
        config = {"enabled": True, "materialized": "view", **model.config}
        materialized = config["materialized"]
        return {
            "name": name, "resource_type": "model", "package_name": self.name, "unique_id": self.id_of(name),
            "original_file_path": self._path(name, model), "path": f"{model.folder}/{name}.sql",
            "patch_path": f"{self.name}://models/schema.yml",
            "raw_code": model.sql, "compiled_code": text, "language": "sql", "alias": name,
            "database": "db", "schema": self.schema,
            "relation_name": None if materialized == "ephemeral" else self.relation(name),
            "config": config, "checksum": _checksum(model.sql),
            "depends_on": {"nodes": reads, "macros": macros},
            "columns": {c: {"name": c, **said} for c, said in model.columns.items()},
            "description": model.description, "group": model.group, "access": model.access,
            "contract": {"enforced": model.is_contracted}, "meta": {"owner": model.owner} if model.owner else {},
            "created_at": 1.5 + version,
        }  # fmt: skip

    def _seed(self, name: str, content: str) -> dict[str, Any]:
        return {
            "name": name, "resource_type": "seed", "package_name": self.name, "unique_id": self.id_of(name),
            "original_file_path": f"seeds/{name}.csv", "path": f"{name}.csv", "raw_code": "", "alias": name,
            "database": "db", "schema": self.schema, "relation_name": self.relation(name),
            "config": {"materialized": "seed", "enabled": True}, "checksum": _checksum(content),
            "depends_on": {"macros": []}, "columns": {}, "description": "",
        }  # fmt: skip

    def _test(self, number: int, test: dict[str, Any], version: int) -> tuple[str, dict[str, Any]]:
        kind, model = test.get("kind"), test["model"]
        name = f"{kind or 'assert'}_{model}_{test.get('column', '')}_{number}"
        to = [self.id_of(test["to"])] if test.get("to") else []
        arguments = {k: v for k, v in test.items() if k in ("values", "field")}
        if test.get("to"):
            arguments["to"] = f"ref('{test['to']}')"
        made = {
            "name": name, "resource_type": "test", "package_name": self.name,
            "original_file_path": "models/schema.yml" if kind else f"tests/{name}.sql",
            "depends_on": {"nodes": [*to, self.id_of(model)], "macros": []},
            "config": {"severity": test.get("severity", "ERROR"), "where": test.get("where"), "enabled": True},
            "column_name": test.get("column"), "file_key_name": f"models.{model}",
        }  # fmt: skip
        if kind:
            made["test_metadata"] = {"name": kind, "kwargs": {"column_name": test.get("column"), **arguments}}
        if version > 10 and kind:
            made["attached_node"] = self.id_of(model)
        return f"test.{self.name}.{name}", made

    def _source(self, source: str, table: str) -> dict[str, Any]:
        said = self.sources[source, table]
        fresh = said.get("freshness")
        return {
            "name": table, "source_name": source, "package_name": self.name, "resource_type": "source",
            "original_file_path": "models/schema.yml", "database": "db", "schema": said.get("schema", source),
            "identifier": said.get("identifier", table), "relation_name": self.source_relation(source, table),
            "freshness": {"warn_after": {"count": 1, "period": "day"} if fresh else {"count": None, "period": None}},
            "columns": {}, "description": "", "meta": {}, "source_meta": {}, "config": {"enabled": True},
        }  # fmt: skip

    def _macro(self, name: str, macro: str) -> tuple[str, dict[str, Any]]:
        package, _, own = name.rpartition(".")
        body = macro.partition("%}")[2]
        return f"macro.{package or self.name}.{own}", {
            "name": own, "package_name": package or self.name, "macro_sql": macro,
            "depends_on": {"macros": self.called(body)},
        }  # fmt: skip

    def _exposure(self, name: str, said: dict[str, Any]) -> dict[str, Any]:
        metrics = [f"metric.{self.name}.{m}" for m in said.get("metrics", ())]
        sources = [f"source.{self.name}.{s}" for s in said.get("sources", ())]
        return {
            "name": name, "type": said.get("type", "dashboard"), "label": said.get("label"), "url": said.get("url"),
            "owner": {"name": said.get("owner"), "email": "someone@example.com"},
            "original_file_path": "models/schema.yml", "package_name": self.name,
            "depends_on": {"nodes": [*(self.id_of(m) for m in said.get("reads", ())), *sources, *metrics]},
        }  # fmt: skip

    def _metric(self, name: str, said: dict[str, Any]) -> dict[str, Any]:
        return {
            "name": name, "label": said.get("label", name), "type": said.get("type", "simple"),
            "type_params": said["params"], "original_file_path": "models/schema.yml", "package_name": self.name,
            "filter": {"where_filters": [{"where_sql_template": said["filter"]}]} if said.get("filter") else None,
        }  # fmt: skip

    def _semantic(self, model: str) -> dict[str, Any]:
        return {
            "name": model, "model": f"ref('{model}')", "measures": self.measures[model],
            "depends_on": {"nodes": [self.id_of(model)]}, "config": {"enabled": True},
            "node_relation": {"relation_name": self.relation(model)},
        }  # fmt: skip


def _checksum(text: str) -> dict[str, str]:
    return {"name": "sha256", "checksum": hashlib.sha256(text.strip().encode()).hexdigest()}


def shop() -> Made:
    """Return a small shop: sources, staging, marts, groups, exposures, and metrics that disagree."""
    made = Made(
        sources={("raw", "orders"): {"freshness": True}, ("raw", "customers"): {}, ("raw", "refunds"): {}},
        groups={"finance": "Finance data", "growth": "Growth"},
        variables={"least": 0},
        macros={"cents": "{% macro cents(c) %}({{ c }} / 100.0){% endmacro %}"},
    )
    made.models = {
        "stg_orders": Model(
            "-- as delivered\nselect id as order_id, customer_id, {{ cents('amount') }} as amount, discount, status,\n"
            "  cast(ordered_at as date) as ordered_on\nfrom {{ source('raw', 'orders') }}\n"
            "where amount >= {{ var('least') }}\n",
            "staging",
        ),
        "stg_customers": Model("select id as customer_id, name from {{ source('raw', 'customers') }}\n", "staging"),
        "orders": Model(
            "with o as (select * from {{ ref('stg_orders') }}),\nc as (select * from {{ ref('stg_customers') }})\n"
            "select o.order_id, o.customer_id, c.name, o.amount, o.discount, o.status, o.ordered_on\n"
            "from o left join c on o.customer_id = c.customer_id\n",
            "marts/core",
            description="One row an order.",
            columns={"order_id": {"description": "The order: its number."}, "status": {"description": "Where it is."}},
            owner="Sales data",
        ),
        "daily_revenue": Model(
            "select ordered_on, sum(amount) as revenue, count(*) as orders\nfrom {{ ref('orders') }}\ngroup by 1\n",
            "marts/finance", {"materialized": "table"}, group="finance", access="public", is_contracted=True,
        ),
        "customer_revenue": Model(
            "select customer_id, sum(amount - discount) as revenue\nfrom {{ ref('orders') }}\ngroup by customer_id\n",
            "marts/growth", {"materialized": "table"}, group="growth",
        ),
        "events": Model(
            "select order_id, ordered_on from {{ ref('orders') }}\n"
            "{% if is_incremental() %} where ordered_on > (select max(ordered_on) from {{ this }}) {% endif %}\n",
            "marts/core", {"materialized": "incremental", "unique_key": "order_id"},
        ),
        "forgotten": Model("select customer_id from {{ ref('stg_customers') }}\n", "marts/core"),
    }  # fmt: skip
    made.tests = [
        {"kind": "unique", "model": "orders", "column": "order_id"},
        {"kind": "not_null", "model": "orders", "column": "order_id"},
        {"kind": "accepted_values", "model": "orders", "column": "status", "values": ["paid", "open", "it's: late"]},
        {"kind": "relationships", "model": "orders", "column": "customer_id", "to": "stg_customers", "field": "id"},
        {"kind": "not_null", "model": "daily_revenue", "column": "revenue", "where": "ordered_on > '2026-01-01'"},
        {"kind": "not_null", "model": "stg_customers", "column": "customer_id"},
    ]
    made.exposures = {
        "board_pack": {"label": "Board pack", "reads": ["daily_revenue", "orders"], "owner": "Ana"},
        "churn": {"label": "Churn model", "type": "ml", "reads": ["customer_revenue"], "owner": "Growth"},
        "leak": {"label": "Ad hoc sheet", "type": "analysis", "reads": ["stg_orders"], "owner": "Bo"},
        "kpis": {"label": "KPI wall", "metrics": ["revenue"], "owner": "Ana", "url": "https://bi.example.com/7"},
    }
    made.measures = {
        "orders": [
            {"name": "amount", "agg": "sum", "expr": "amount"},
            {"name": "net", "agg": "sum", "expr": "amount - discount"},
            {"name": "order_count", "agg": "count", "expr": "order_id"},
        ]
    }
    made.metrics = {
        "revenue": {"label": "Revenue", "params": {"measure": {"name": "amount"}}},
        "total_revenue": {"label": "Total revenue", "params": {"measure": {"name": "net"}}},
        "turnover": {"label": "Turnover", "params": {"measure": {"name": "amount"}}},
        "paid_revenue": {"label": "Paid", "params": {"measure": {"name": "amount"}}, "filter": "status = 'paid'"},
        "basket": {
            "label": "Basket", "type": "ratio",
            "params": {"numerator": {"name": "revenue"}, "denominator": {"name": "order_total"}},
        },
        "order_total": {"label": "Orders", "params": {"measure": {"name": "order_count"}}},
    }  # fmt: skip
    made.columns = {
        "orders": {
            "order_id": "BIGINT", "customer_id": "BIGINT", "name": "VARCHAR", "amount": "DECIMAL(18,2)",
            "discount": "DOUBLE", "status": "VARCHAR", "ordered_on": "DATE",
        },
        "daily_revenue": {"ordered_on": "DATE", "revenue": "DECIMAL(38,2)", "orders": "BIGINT"},
        "customer_revenue": {"customer_id": "BIGINT", "revenue": "DOUBLE"},
    }  # fmt: skip
    tests = list(made.manifest()["nodes"])
    failed = next(id_ for id_ in tests if id_.startswith("test.") and "relationships" in id_)
    made.results = {"model.shop.orders": ("success", 2.5, 0), failed: ("fail", 0.4, 3)}
    return made
