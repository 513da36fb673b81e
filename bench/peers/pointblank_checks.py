"""pointblank over the bench table through Ibis: the steps it has, without extracts. Run by bench/checks.py."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import ibis
import pointblank as pb

sys.path.insert(0, str(Path(__file__).parents[1]))

from checks_case import Case, cases

_EMPTY_IS_FINE = {"na_pass": True}


def _add(plan: pb.Validate, case: Case) -> pb.Validate | None:
    said, column = case.arguments, case.column
    if case.kind == "not_null":
        return plan.col_vals_not_null(column)
    if case.kind == "unique":
        return plan.rows_distinct([column])
    if case.kind == "in_set":
        return plan.col_vals_in_set(column, said["values"])
    if case.kind == "range" and not isinstance(said["low"], str):
        return plan.col_vals_between(column, said["low"], said["high"], **_EMPTY_IS_FINE)
    if case.kind == "regex":
        return plan.col_vals_regex(column, said["pattern"], **_EMPTY_IS_FINE)
    return None  # lengths, cross-column conditions, aggregates and references have no step for a backend table


def main(folder: str, database: str, mode: str, out: str) -> None:
    del folder, mode
    connection = ibis.duckdb.connect(database, read_only=True, threads=2)
    plan = pb.Validate(data=connection.table("orders"))
    asked: list[str] = []
    for case in cases():
        more = _add(plan, case)
        if more is not None:
            plan = more
            asked.append(case.id)
    found = plan.interrogate(collect_extracts=False)
    said = {}
    for name, step in zip(asked, found.validation_info, strict=True):
        said[name] = "error" if step.eval_error else "pass" if step.all_passed else "fail"
    Path(out).write_text(json.dumps({"verdicts": said}))


if __name__ == "__main__":
    main(*sys.argv[1:])
