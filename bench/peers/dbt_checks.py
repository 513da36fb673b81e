"""dbt tests over the bench table: generic tests where dbt has them, singular ones else. Run by bench/checks.py.

`write` makes the project beforehand and parses it once, so that the measured run has dbt's own parse cache.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from checks_case import Case, cases


def _bounds(case: Case) -> str:
    if case.operator == "mustBeBetween":
        low, high = case.threshold
        return f"value not between {low} and {high}"
    return {"mustBe": "value <> {}", "mustBeLessThan": "value >= {}"}[case.operator].format(case.threshold)


def _singular(case: Case) -> str | None:
    if case.kind in ("range", "length", "regex", "cross"):
        return f"select * from {{{{ source('main', 'orders') }}}} where {case.condition}"
    if case.kind in ("aggregate", "distinct", "sql"):
        query = case.query.replace("{object}", "{{ source('main', 'orders') }}")
        return f"select * from (select ({query}) as value) where {_bounds(case)}"
    if case.kind == "null_percent":
        share = f"100.0 * (count(*) - count({case.column})) / count(*)"
        return f"select * from (select {share} as value from {{{{ source('main', 'orders') }}}}) where {_bounds(case)}"
    if case.kind == "row_count":
        return f"select * from (select count(*) as value from {{{{ source('main', 'orders') }}}}) where {_bounds(case)}"
    return None


def _generic(case: Case) -> dict[str, object]:
    if case.kind == "in_set":
        return {"accepted_values": {"name": case.id, "arguments": {"values": case.arguments["values"]}}}
    if case.kind == "reference":
        arguments = {"to": "source('main', 'customers')", "field": "id"}
        return {"relationships": {"name": case.id, "arguments": arguments}}
    return {case.kind: {"name": case.id}}


def write(folder: str, database: str) -> None:
    import yaml

    root = Path(folder)
    for part in ("models", "tests"):
        (root / part).mkdir(parents=True, exist_ok=True)
    columns: dict[str, list[object]] = {}
    for case in cases():
        text = _singular(case)
        if text is None:
            columns.setdefault(case.column or "", []).append(_generic(case))
        else:
            (root / "tests" / f"{case.id}.sql").write_text(text)
    listed = [{"name": name, "data_tests": tests} for name, tests in columns.items()]
    tables = [{"name": "orders", "columns": listed}, {"name": "customers"}]
    source = {"version": 2, "sources": [{"name": "main", "schema": "main", "tables": tables}]}
    (root / "models" / "sources.yml").write_text(yaml.safe_dump(source))
    project = {"name": "bench", "version": "1.0.0", "profile": "bench", "flags": {"send_anonymous_usage_stats": False}}
    (root / "dbt_project.yml").write_text(yaml.safe_dump(project))
    output = {"type": "duckdb", "path": database, "threads": 2, "settings": {"threads": 2}}
    profiles = {"bench": {"target": "local", "outputs": {"local": output}}}
    (root / "profiles.yml").write_text(yaml.safe_dump(profiles))


def main(folder: str, database: str, mode: str, out: str) -> None:
    from dbt.cli.main import dbtRunner

    os.environ["DO_NOT_TRACK"] = "1"
    where = ["--project-dir", folder, "--profiles-dir", folder, "--quiet"]
    if mode == "write":
        write(folder, database)
        dbtRunner().invoke(["parse", *where])
        return
    dbtRunner().invoke(["test", *where])
    results = json.loads((Path(folder) / "target" / "run_results.json").read_text())["results"]
    found = {r["unique_id"].split(".")[2]: r["status"] for r in results}
    Path(out).write_text(json.dumps({"verdicts": found}))


if __name__ == "__main__":
    main(*sys.argv[1:])
