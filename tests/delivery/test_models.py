"""Model files, the graph they make, and the files sources read."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shop import HERE, MODELS, RAW, Shop, days, ordinary_day, shop, write_day

from freehold.delivery import parse_interval
from freehold.delivery.arrival import Promise, duration, expected, promise_of
from freehold.delivery.graph import Graph
from freehold.delivery.interval import cell
from freehold.delivery.python_model import declared
from freehold.delivery.template import compile_sql
from freehold.estate.model import Calendar, Estate
from freehold.foundation import FreeholdError, Problems, Where


def _named(names: tuple[str, ...], kind: str) -> str:
    return ".".join(("p", *names))


def test_a_model_is_rendered_once_and_filled_for_every_step() -> None:
    """References become relations, with an alias where the model gave none."""
    compiled = compile_sql("select * from {{ ref('a') }} join {{ ref('b') }} x on true", HERE, "duckdb", _named)
    filled = compiled.fill({"p.a": "(SELECT 1 AS i)", "p.b": "t"})
    assert filled == 'SELECT * FROM (SELECT 1 AS i) AS "a" JOIN t AS x ON TRUE'


def test_the_incremental_branch_is_taken_only_when_there_is_a_live_version() -> None:
    """is_incremental() is known when a step runs, not when the file is read."""
    text = "select 1 as i {% if is_incremental() %} from {{ this }} {% endif %}"
    compiled = compile_sql(text, HERE, "duckdb", _named)
    assert compiled.fill({}, again=False) == "SELECT 1 AS i"
    assert compiled.fill({}, again=True, this="live") == 'SELECT 1 AS i FROM live AS "this"'


@pytest.mark.parametrize(
    ("text", "code"),
    [
        pytest.param("select {{ nothing }}", "FH-M001", id="a name that is not defined"),
        pytest.param("select {% if %}", "FH-M001", id="a broken template"),
        pytest.param("select {{ var('x') }}", "FH-M003", id="a variable without a value"),
        pytest.param("select (", "FH-Q001", id="broken SQL"),
    ],
)
def test_a_wrong_model_is_refused_in_its_file(text: str, code: str) -> None:
    """Template and SQL errors carry the place."""
    with pytest.raises(FreeholdError) as caught:
        compile_sql(text, Where("models/x.sql", 1, 1), "duckdb", _named)
    assert caught.value.code == code
    assert caught.value.where is not None
    assert caught.value.where.path == "models/x.sql"


@pytest.mark.parametrize(
    ("models", "code", "said"),
    [
        pytest.param(
            {"a": "select * from {{ ref('b') }}", "b": "select * from {{ ref('a') }}"}, "FH-M010", "->", id="circle"
        ),
        pytest.param(
            {"a": "select * from {{ ref('lnes') }}", "lines": "select 1 as i"}, "FH-M009", "lines", id="dangling"
        ),
        pytest.param(
            {"a": "{{ config(materialised='table') }} select 1 as i"}, "FH-M002", "materialized", id="misspelt"
        ),
        pytest.param({"a": "{{ config(materialized='tabel') }} select 1 as i"}, "FH-M004", "table", id="no such kind"),
        pytest.param(
            {"a": "{{ config(materialized='incremental') }} select 1 as i"}, "FH-M006", "unique_key", id="neither"
        ),
    ],
)
def test_a_graph_that_does_not_hang_together_is_refused(
    tmp_path: Path, models: dict[str, str], code: str, said: str
) -> None:
    """With the code, the near match or the way round the circle."""
    with pytest.raises(FreeholdError) as caught:
        Graph.of(shop(tmp_path, models), "prod")
    first = caught.value.errors[0] if isinstance(caught.value, Problems) else caught.value
    assert first.code == code
    assert said in str(first)


@pytest.mark.parametrize(
    ("selector", "chosen"),
    [
        pytest.param("lines", {"lines"}, id="one asset"),
        pytest.param("lines+", {"lines", "daily", "totals", "buyers", "latest"}, id="and what reads it"),
        pytest.param("+daily", {"raw", "lines", "daily"}, id="and what it reads"),
        pytest.param("shop.orders", {"raw", *MODELS}, id="a product"),
    ],
)
def test_selectors_choose_by_name_and_direction(tmp_path: Path, selector: str, chosen: set[str]) -> None:
    """Plus signs follow the arrows."""
    graph = Graph.of(shop(tmp_path), "prod")
    assert {a.rpartition(".")[2] for a in graph.select((selector,))} == chosen


@given(st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)), st.sampled_from(["hour", "day", "month"]))  # noqa: DTZ001
def test_every_instant_lies_in_its_own_cell(instant: datetime, grain: str) -> None:
    """Cells cover time without gaps: the next begins where one ends."""
    found = cell(instant, grain)
    assert found.start <= instant < found.end
    assert cell(found.end, grain).start == found.end


@pytest.mark.parametrize(
    "text",
    ["", "2011-13-01", "2011-03-07..2011-03-01", "march", "2011-03-01..", "2011-03-01...2011-03-02", "9999-12-31"],
)
def test_what_is_no_interval_is_refused(text: str) -> None:
    """With an example of one that is."""
    with pytest.raises(FreeholdError) as caught:
        parse_interval(text)
    assert caught.value.code == "FH-D001"


def test_python_models_say_what_they_read_without_being_run() -> None:
    """Names and settings are read from the text; computed ones are refused."""
    text = "def model(ctx):\n    ctx.config(materialized='table')\n    return ctx.ref('lines')\n"
    assert declared(text, HERE) == ({"materialized": "table"}, ("lines",))
    with pytest.raises(FreeholdError) as caught:
        declared("def model(ctx):\n    return ctx.ref(name())\n", Where("m.py", 1, 1))
    assert (caught.value.code, str(caught.value.where)) == ("FH-M012", "m.py:2:12")


PYTHON = """
import pyarrow.compute as pc

def model(context):
    lines = context.ref("lines")
    print("a model may print")
    return lines.group_by("sku").aggregate([("amount", "sum")]).rename_columns(["sku", "amount"])
"""


def _with_python(root: Path, text: str) -> Estate:
    from dataclasses import replace

    estate = shop(root)
    model = replace(estate.models["shop.orders.totals"], asset="shop.orders.by_sku", language="python", text=text)
    return replace(estate, models={**estate.models, "shop.orders.by_sku": replace(model, path="models/by_sku.py")})


def test_a_python_model_is_built_like_any_other(tmp_path: Path) -> None:
    """Arrow in, Arrow out, in a process of its own."""
    write_day(tmp_path, days(1)[0], ordinary_day(0))
    opened = Shop.open(tmp_path, _with_python(tmp_path, PYTHON))
    try:
        assert opened.delivery.run().exit_code == 0
        assert opened.rows("select * from shop_orders.by_sku order by 1") == [("a", 2.5), ("b", 1.0), ("c", 20.0)]
    finally:
        opened.close()


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        pytest.param("    return 1 / 0\n", "FH-M013", "by_sku.py:2", id="it raises"),
        pytest.param("    return 'text'\n", "FH-M013", "not a pyarrow Table", id="it returns no table"),
        pytest.param("    import os; os._exit(3)\n", "FH-M014", "status 3", id="it ends the process"),
    ],
)
def test_a_python_model_that_fails_is_named_with_its_line(tmp_path: Path, body: str, code: str, said: str) -> None:
    """The run goes on; the failure names the line of the model."""
    write_day(tmp_path, days(1)[0], ordinary_day(0))
    opened = Shop.open(tmp_path, _with_python(tmp_path, f"def model(context):\n{body}"))
    try:
        (failed,) = [s for s in opened.delivery.run().steps if s.status == "failed"]
        assert failed.code == code
        assert said in failed.reason
        assert opened.rows("select count(*) from shop_orders.lines") == [(3,)]
    finally:
        opened.close()


def test_a_python_model_gets_no_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its environment is clean."""
    monkeypatch.setenv("SHOP_PASSWORD", "open sesame")
    text = (
        "import os\nimport pyarrow as pa\n\ndef model(context):\n"
        "    return pa.table({'found': [os.environ.get('SHOP_PASSWORD', '')]})\n"
    )
    write_day(tmp_path, days(1)[0], ordinary_day(0))
    opened = Shop.open(tmp_path, _with_python(tmp_path, text))
    try:
        opened.delivery.run()
        assert opened.rows("select found from shop_orders.by_sku") == [("",)]
    finally:
        opened.close()


def test_deliveries_are_due_on_promised_days_and_not_on_holidays() -> None:
    """Sunday to Friday, without the days England is closed; due the next morning, in London's time."""
    from zoneinfo import ZoneInfo

    promise = Promise(
        frozenset({6, 0, 1, 2, 3, 4}),
        True,
        time(6, 30),
        duration("30m"),
        ZoneInfo("Europe/London"),
    )
    england = Calendar("england", HERE, {"country": "GB", "subdivision": "ENG"})

    class Source:
        id = "shop.orders.raw"

    due = list(expected(Source(), promise, england, date(2024, 12, 20), datetime(2024, 12, 30, 12, tzinfo=UTC)))  # type: ignore[arg-type]
    assert [e.interval.start.day for e in due] == [20, 22, 23, 24, 27, 29]
    assert due[0].due_at.astimezone(UTC) == datetime(2024, 12, 21, 6, 30, tzinfo=UTC)
    assert due[0].late_at - due[0].due_at == timedelta(minutes=30)


def test_a_promise_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    """The word that is no day is quoted."""
    from dataclasses import replace

    contract = replace(RAW, custom={"freehold:arrives": {"days": "someday"}})
    estate = shop(tmp_path, contracts=(contract,))
    asset = Graph.of(estate, "prod").assets["shop.orders.raw"]
    with pytest.raises(FreeholdError, match="someday"):
        promise_of(asset, estate)
