"""Great Expectations over the bench table through SQLAlchemy. Run by bench/checks.py.

GX has no regular expressions on DuckDB; those, and what it has no expectation for, are asked as unexpected rows.
GX closes the connection before it fetches, and DuckDB then has no rows left to give, so that every check would be an
error: the one method is replaced by one that fetches first.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import great_expectations as gx
import great_expectations.expectations as gxe
from great_expectations.execution_engine import SqlAlchemyExecutionEngine

sys.path.insert(0, str(Path(__file__).parents[1]))

from checks_case import Case, cases

AGGREGATES = {
    "min": gxe.ExpectColumnMinToBeBetween,
    "max": gxe.ExpectColumnMaxToBeBetween,
    "avg": gxe.ExpectColumnMeanToBeBetween,
    "sum": gxe.ExpectColumnSumToBeBetween,
}


def _fetching(engine: SqlAlchemyExecutionEngine, query: Any) -> Any:
    with engine.get_connection() as connection:
        return connection.execute(query).freeze()()


SqlAlchemyExecutionEngine.execute_query = _fetching


def _expectation(case: Case) -> Any:
    said, column = case.arguments, case.column
    if case.kind == "not_null":
        return gxe.ExpectColumnValuesToNotBeNull(column=column)
    if case.kind == "unique":
        return gxe.ExpectColumnValuesToBeUnique(column=column)
    if case.kind == "in_set":
        return gxe.ExpectColumnValuesToBeInSet(column=column, value_set=said["values"])
    if case.kind == "range" and not isinstance(said["low"], str):
        return gxe.ExpectColumnValuesToBeBetween(column=column, min_value=said["low"], max_value=said["high"])
    if case.kind == "length":
        return gxe.ExpectColumnValueLengthsToBeBetween(column=column, min_value=said["low"], max_value=said["high"])
    if case.kind == "aggregate" and said["function"] in AGGREGATES and (column or "").isidentifier():
        low, high = case.threshold
        return AGGREGATES[said["function"]](column=column, min_value=low, max_value=high)
    if case.kind == "row_count":
        return gxe.ExpectTableRowCountToBeBetween(min_value=case.threshold[0], max_value=case.threshold[1])
    return gxe.UnexpectedRowsExpectation(unexpected_rows_query=_unexpected(case))


def _unexpected(case: Case) -> str:
    if case.kind in ("range", "regex", "cross"):
        condition = case.condition.replace("{", "{{").replace("}", "}}")
        return f"SELECT * FROM {{batch}} WHERE {condition}"
    if case.kind == "reference":
        return "SELECT * FROM {batch} WHERE customer_id NOT IN (SELECT id FROM customers)"
    if case.kind == "null_percent":
        value = f"SELECT 100.0 * (count(*) - count({case.column})) / count(*) FROM {{batch}}"
    else:
        value = case.query.replace("{object}", "{batch}")
    if case.operator == "mustBeBetween":
        return f"SELECT * FROM (SELECT ({value}) AS v) WHERE v NOT BETWEEN {case.threshold[0]} AND {case.threshold[1]}"
    sign = {"mustBe": "<>", "mustBeLessThan": ">="}[case.operator]
    return f"SELECT * FROM (SELECT ({value}) AS v) WHERE v {sign} {case.threshold}"


def main(folder: str, database: str, mode: str, out: str) -> None:
    del folder, mode
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    source = context.data_sources.add_sql("bench", connection_string=f"duckdb:///{database}", create_temp_table=False)
    batch = source.add_table_asset("orders", table_name="orders").add_batch_definition_whole_table("all")
    suite = context.suites.add(gx.ExpectationSuite("bench"))
    asked = cases()
    for case in asked:
        expectation = _expectation(case)
        expectation.meta = {"id": case.id}
        suite.add_expectation(expectation)
    found = context.validation_definitions.add(gx.ValidationDefinition(data=batch, suite=suite, name="v")).run()
    said, errors = {}, []
    for result in found.results:
        name = result.expectation_config.meta["id"]
        broken = result.exception_info and result.exception_info.get("raised_exception", False)
        nested = any(isinstance(v, dict) and v.get("raised_exception") for v in (result.exception_info or {}).values())
        if broken or nested:
            errors.append(f"{name}: {str(result.exception_info)[-400:]}")
        said[name] = "error" if broken or nested else "pass" if result.success else "fail"
    Path(out).write_text(json.dumps({"verdicts": said, "errors": errors[:3]}))


if __name__ == "__main__":
    main(*sys.argv[1:])
