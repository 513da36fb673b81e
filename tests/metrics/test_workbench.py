"""From Python: an estate is opened, its metrics are asked, and what comes is Arrow with a face."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from click.testing import CliRunner

import freehold
from freehold.cli import cli
from freehold.foundation import FreeholdError
from freehold.metrics.charts import chart


@pytest.fixture(scope="module")
def corner(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The estate that `freehold init` writes, run once."""
    folder = tmp_path_factory.mktemp("estates") / "corner"
    for words in (["init", str(folder)], ["-C", str(folder), "run"]):
        assert CliRunner().invoke(cli, words).exit_code == 0
    return folder


def test_an_estate_is_asked_from_python(corner: Path) -> None:
    """The numbers come as Arrow, which others take as it is; the answer knows its SQL, its state and its id."""
    with freehold.open(corner) as estate:
        answer = estate.metrics.query(["revenue", "orders"], by=["day"], where="state <> 'cancelled'")
        total = estate.metrics.query("revenue").rows()[0]["revenue"]

        assert list(estate.metrics)[:2] == ["shop.revenue", "shop.orders"]

    taken = pa.table(answer)
    with duckdb.connect() as connection:
        summed = connection.execute("SELECT SUM(revenue) FROM taken").fetchall()
    assert [(total,)] == summed
    assert taken.column_names == ["day", "revenue", "orders"]
    assert answer.state == "ok"
    assert answer.sql.startswith("WITH")
    assert answer.id in repr(answer)


def test_a_notebook_shows_a_chart_and_a_table(corner: Path) -> None:
    """What a notebook shows escapes what it holds, and draws a line over time."""
    with freehold.open(corner) as estate:
        shown = estate.metrics.query("revenue", by="day")._repr_html_()

    assert "<svg" in shown
    assert "<polyline" in shown
    assert "<th>revenue</th>" in shown


def test_a_question_without_one_right_answer_is_refused_in_python_too(corner: Path) -> None:
    """The refusal is the one of the command line."""
    with freehold.open(corner) as estate, pytest.raises(FreeholdError) as caught:
        estate.metrics.query("revenu")

    assert caught.value.code == "FH-N107"


def test_bars_are_drawn_for_groups_and_text_is_escaped() -> None:
    """A key that is no time gives bars; what the data holds cannot become markup."""
    table = pa.table({"country": ["<script>", None, "DE"], "revenue": [3.0, -1.0, 2.0]})

    drawn = chart(table, 1)

    assert drawn.count("<rect") == 3
    assert "<script>" not in drawn
    assert "unknown" in drawn


@pytest.mark.parametrize("table", [pa.table({"revenue": [1.0]}), pa.table({"k": ["a", "b"], "v": [None, None]})])
def test_what_is_nothing_to_draw_is_not_drawn(table: pa.Table) -> None:
    """One number, or none at all, has no picture."""
    assert chart(table, table.num_columns - 1) == ""
