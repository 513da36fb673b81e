"""What the declared types of columns say against a metric is told by its file, and nothing else is."""

from __future__ import annotations

from pathlib import Path

import pytest

from freehold.demo.estate_files import prepare
from freehold.estate import load_estate
from freehold.foundation import FreeholdError
from freehold.metrics import metric_findings

FILE = Path("sales/orders/metrics/sales.yaml")
WRONG = {
    "a sum of words": ("made: SUM(lines.country)", "`SUM` does not take a text", "`lines.country` holds text"),
    "a sum of days": ("made: SUM(lines.ordered_at)", "`SUM` does not take a day", "`lines.ordered_at` holds days"),
    "a text compared with a number": (
        "made: {expression: COUNT(lines.*), filter: lines.country = 5}", "a text and a number do not go together",
        "`lines.country` holds text",
    ),
    "a text compared with a number, inside": (
        "made: COUNT(lines.*) FILTER (WHERE lines.country IN (5, 6))", "a text and a number do not go together",
        "`lines.country` holds text",
    ),
    "a field that is reached by a join": ("made: AVG(article.description)", "`AVG` does not take a text", "holds text"),
    "of two branches": (
        "made: 'SUM(lines.amount * CASE WHEN lines.is_article THEN lines.country END)'", "`*` does not take",
        "`lines.amount` holds numbers",
    ),
}  # fmt: skip
RIGHT = {
    "a text that is a number": "made: SUM(CAST(lines.country AS INTEGER))",
    "the greatest of words": "made: COUNT(DISTINCT lines.country)",
    "yes or no as a number": "made: {expression: COUNT(lines.*), filter: lines.is_article = 1}",
    "numbers written as texts": "made: {expression: COUNT(lines.*), filter: lines.quantity > '5'}",
    "days apart": "made: {expression: COUNT(lines.*), filter: lines.ordered_at >= '2011-03-07'}",
    "a column that nobody declares": "made: SUM(elsewhere.note)",
    "a type that the file says otherwise": "made: SUM(otherwise.country)",
}


def found(folder: Path, metric: str) -> tuple[FreeholdError, ...]:
    """Return what is said of the demo's metrics with one more, over datasets that nobody describes, too."""
    prepare(folder)
    text = (folder / FILE).read_text("utf-8")
    more = (
        "  elsewhere: {source: raw.notes, fields: {note: }}\n"
        "  otherwise: {source: raw.lines, fields: {country: {datatype: Integer}}}\n"
    )
    text = text.replace("datasets:\n", f"datasets:\n{more}").replace("\nmetrics:\n", f"\nmetrics:\n  {metric}\n")
    (folder / FILE).write_text(text, "utf-8")
    return metric_findings(load_estate(folder))


@pytest.mark.parametrize(("metric", "why", "holds"), WRONG.values(), ids=WRONG)
def test_what_types_keep_from_being_computed_is_told_with_what_columns_hold(
    tmp_path: Path, metric: str, why: str, holds: str
) -> None:
    """The metric, its place and the kinds of its columns are named, before anybody asks."""
    (error,) = found(tmp_path, metric)

    assert error.code == "FH-N213"
    assert "`sales.made` cannot be computed: " in error.problem
    assert why in error.problem
    assert holds in error.fix
    assert error.where is not None
    assert (tmp_path / FILE).read_text("utf-8").splitlines()[error.where.line - 1].startswith("  made:")


@pytest.mark.parametrize("metric", RIGHT.values(), ids=RIGHT)
def test_what_may_be_computed_is_not_spoken_against(tmp_path: Path, metric: str) -> None:
    """Where a type is not known, or an engine makes one kind of the other, the warehouse decides."""
    assert found(tmp_path, metric) == ()


def test_a_metric_on_a_wrong_one_is_not_told_again(tmp_path: Path) -> None:
    """Of metrics that stand on each other, the one whose expression is to mend is named."""
    errors = found(tmp_path, "made: SUM(lines.country)\n  twice: 2 * made")

    assert [error.problem.split("`")[1] for error in errors] == ["sales.made"]


def test_a_query_of_an_evidence_model_is_bound_too(tmp_path: Path) -> None:
    """Its tables have the columns of their contracts."""
    prepare(tmp_path)
    file = tmp_path / FILE
    query = "SELECT CAST(ordered_at AS DATE) AS d, amount FROM sales.orders.lines WHERE country = 5"
    text = file.read_text("utf-8").replace("datasets:\n", f'datasets:\n  tried: {{time: d, sql: "{query}"}}\n')
    file.write_text(text.replace("\nmetrics:\n", "\nmetrics:\n  made: SUM(tried.amount)\n"), "utf-8")

    (error,) = metric_findings(load_estate(tmp_path))

    assert "a text and a number do not go together" in error.problem
