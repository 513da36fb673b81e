"""MetricFlow, asked: reads a semantic manifest and questions, and says what MetricFlow makes of each.

It runs in an environment of its own (`make test-oracle`), where nothing of Freehold is installed. On stdin stands one
JSON object: `manifest`, `engine` (`duckdb` or `postgres`) and `questions`, by name, each with `metrics` and any of
`group_by`, `where` (a list), `start`, `end`. On stdout stands one: `wrong`, what MetricFlow's own validation says of
the manifest, and `answers`, by name of the question, each with `sql`, or with `refused` and why.

With `--times N` each question is compiled N times, and `cpu_ms` of the fastest is told, too.
"""

from __future__ import annotations

import json
import sys
import time
from datetime import datetime
from typing import Any

from metricflow.engine.metricflow_engine import (
    MetricFlowEngine,
    MetricFlowQueryRequest,
    MetricFlowRequestId,
    OutputColumnOrderMode,
)
from metricflow.protocols.sql_client import SqlEngine
from metricflow.sql.render.duckdb_renderer import DuckDbSqlPlanRenderer
from metricflow.sql.render.postgres import PostgresSQLSqlPlanRenderer
from metricflow_semantic_interfaces.implementations.semantic_manifest import PydanticSemanticManifest
from metricflow_semantic_interfaces.transformations.semantic_manifest_transformer import (
    PydanticSemanticManifestTransformer,
)
from metricflow_semantic_interfaces.validations.semantic_manifest_validator import SemanticManifestValidator
from metricflow_semantics.model.semantic_manifest_lookup import SemanticManifestLookup


class Dialect:
    """What MetricFlow asks of a warehouse in order to write SQL for it. Nothing is ever run."""

    def __init__(self, engine: str) -> None:
        is_postgres = engine == "postgres"
        self.sql_engine_type = SqlEngine.POSTGRES if is_postgres else SqlEngine.DUCKDB
        self.sql_plan_renderer = PostgresSQLSqlPlanRenderer() if is_postgres else DuckDbSqlPlanRenderer()

    def render_bind_parameter_key(self, bind_parameter_key: str) -> str:
        return f"${bind_parameter_key}"


def said(engine: MetricFlowEngine, question: dict[str, Any], times: int) -> dict[str, Any]:
    """Return the SQL of one question, or that it is refused and why."""

    def moment(key: str) -> datetime | None:
        return datetime.fromisoformat(question[key]) if question.get(key) else None

    def compiled() -> str:
        request = MetricFlowQueryRequest.create(
            request_id=MetricFlowRequestId("asked"),
            metric_names=question["metrics"],
            group_by_names=question.get("group_by") or None,
            where_constraints=question.get("where") or None,
            time_constraint_start=moment("start"),
            time_constraint_end=moment("end"),
            output_column_order_mode=OutputColumnOrderMode.INPUT_ORDER,
        )
        return engine.explain(request).sql_statement.sql

    try:
        best, sql = float("inf"), ""
        for _ in range(times):
            began = time.process_time()
            sql = compiled()
            best = min(best, time.process_time() - began)
    except Exception as error:
        # Whatever it raises is its answer: the reason is kept, and the test judges it.
        return {"refused": type(error).__name__, "why": " ".join(str(error).split())[:1200]}
    return {"sql": sql} | ({"cpu_ms": round(best * 1000, 2)} if times > 1 else {})


def main() -> None:
    """Answer what stands on stdin."""
    times = int(sys.argv[sys.argv.index("--times") + 1]) if "--times" in sys.argv else 1
    asked = json.load(sys.stdin)
    manifest = PydanticSemanticManifest.parse_obj(asked["manifest"])
    manifest = PydanticSemanticManifestTransformer.transform(manifest)
    found = SemanticManifestValidator().validate_semantic_manifest(manifest).errors
    wrong = [one.as_readable_str() for one in found]
    if wrong:
        json.dump({"wrong": wrong, "answers": {}}, sys.stdout)
        return
    engine = MetricFlowEngine(SemanticManifestLookup(manifest), Dialect(asked.get("engine", "duckdb")))
    answers = {name: said(engine, question, times) for name, question in asked["questions"].items()}
    json.dump({"wrong": [], "answers": answers}, sys.stdout)


if __name__ == "__main__":
    main()
