"""Freehold over the bench contract: one process, from the file on disk to verdicts. Run by bench/checks.py."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from checks_case import cases, id_of
from freehold.engines import open_engine
from freehold.estate.contracts import contract_from
from freehold.estate.loading import judge
from freehold.foundation import LOCAL
from freehold.quality import Check, CheckPlan, Scope, compile_checks

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def main(contract_path: str, database: str, mode: str, out: str) -> None:
    contract = contract_from(judge(Path(contract_path).read_bytes(), contract_path)[0][0])
    checks = compile_checks("orders", contract, contract.objects[0], resolve=lambda name, _: name)
    engine = open_engine(f"duckdb:///{database}", threads=2)
    session = engine.session(LOCAL)
    rows, parquet = '"orders"', ()
    if mode == "parquet":
        path = str(Path(database).with_name("orders.parquet"))
        rows, parquet = f"(SELECT * FROM read_parquet('{path}'))", (path,)
    plan = CheckPlan.make(checks, session.columns_of(f"SELECT * FROM {rows}"), engine.capabilities)
    found = plan.evaluate(session, Scope(rows, {"customers": '"customers"'}, NOW, parquet=parquet))
    said = {
        "verdicts": {_id(r.check): r.verdict.value for r in found.results if _id(r.check) in _CASES},
        "queries": found.queries,
    }
    said["rules"] = _tally(r.decided_by for r in found.results if _id(r.check) in _CASES)
    if mode == "day":
        scope = Scope('"day"', {"customers": '"customers"'}, NOW, rest='"orders"', rest_state=found.state)
        days = [plan.evaluate(session, scope) for _ in range(3)]
        said["day_seconds"] = [round(day.seconds, 4) for day in days]
        said["day_queries"] = days[-1].queries
    Path(out).write_text(json.dumps(said))
    session.close()
    engine.close()


_CASES = {case.id for case in cases()}


def _id(check: Check) -> str:
    if check.kind in ("not_null", "reference"):
        return id_of(check.kind, check.columns[0])
    return check.id.rpartition(":")[2]


def _tally(rules: object) -> dict[str, int]:
    found: dict[str, int] = {}
    for rule in rules:  # type: ignore[attr-defined]
        found[rule] = found.get(rule, 0) + 1
    return found


if __name__ == "__main__":
    main(*sys.argv[1:])
