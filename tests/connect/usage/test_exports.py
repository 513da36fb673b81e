"""Exports as systems write them: each row told once, whose it was, what it read, and never what it asked for."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from freehold.foundation import Exit, FreeholdError
from used_shop import EXPORTS, Shop

ANA = {"ANA": ["user:idp/ana"], "ana@example.com": ["user:idp/ana"]}
LOADER = {"LOADER": ["service:nightly"], "etl@shop.iam.gserviceaccount.com": ["service:nightly"]}
READ = (
    "SELECT query_id, CASE WHEN starts_with(consumer, 'account:') THEN 'nobody' ELSE consumer END, consumer_type, "
    "resource, columns, status, duration_ms, rows, calls FROM uses ORDER BY occurred_at, query_id"
)
ORDERS = "shop.orders.orders"
EVERY = ["amount", "customer", "order_id", "ordered_at", "state"]

HISTORIES: dict[str, list[tuple[Any, ...]]] = {
    "snowflake.csv": [
        ("snowflake:01b2", "service:nightly", "service", ORDERS, ["amount"], "ok", 15.0, 1, None),
        ("snowflake:01b1", "user:idp/ana", "person", ORDERS, ["amount", "customer", "state"], "ok", 120.0, 3, None),
        ("snowflake:01b3", "nobody", "unknown", ORDERS, ["amount"], "error", 15.0, 0, None),
        ("snowflake:01b6", "user:idp/ana", "person", ORDERS, None, "ok", 5.0, 0, None),
    ],
    "bigquery.json": [
        ("bigquery:job-1", "user:idp/ana", "person", ORDERS, ["amount", "customer", "state"], "ok", 1000.0, None, None),
        ("bigquery:job-2", "service:nightly", "service", ORDERS, ["*"], "error", 2000.0, None, None),
    ],
    "databricks.jsonl": [
        ("databricks:7a99b43c-0001", "user:idp/ana", "person", ORDERS, ["amount", "order_id"], "ok", 250.0, 1, None),
        ("databricks:7a99b43c-0002", "nobody", "service", ORDERS, ["*"], "error", 9.0, 0, None),
    ],
}  # fmt: skip


def named(shop: Shop) -> None:
    """Have the shop name the accounts that tests know, in every system."""
    systems = ("snowflake", "bigquery", "databricks", "looker", "tableau", "powerbi", "postgres")
    shop.name(**{system: {**ANA, **LOADER, "ana": ["user:idp/ana"], "etl": ["service:nightly"]} for system in systems})


@pytest.mark.parametrize("name", HISTORIES)
def test_a_history_is_who_read_what(shop: Shop, name: str) -> None:
    """Each statement by who asked it, with the assets and columns it read; what builds the estate is no use of it."""
    named(shop)

    told = shop.take(EXPORTS / name, name.partition(".")[0])

    assert shop.rows(READ) == HISTORIES[name]
    assert told.told == told.recorded + told.known + told.own + told.elsewhere + told.strange + told.ahead


QUEUED: dict[str, tuple[str, list[tuple[Any, ...]]]] = {
    "snowflake": (
        "QUERY_ID,QUERY_TEXT,USER_NAME,START_TIME,DATABASE_NAME,SCHEMA_NAME,QUEUED_PROVISIONING_TIME,QUEUED_REPAIR_TIME,"
        "QUEUED_OVERLOAD_TIME,BYTES_SPILLED_TO_LOCAL_STORAGE,BYTES_SPILLED_TO_REMOTE_STORAGE\n"
        "a,SELECT amount FROM orders,ANA,2026-11-16T09:00:00Z,SHOP,SHOP_ORDERS,40,,2,1000,24\n"
        "b,SELECT amount FROM orders,ANA,2026-11-16T09:00:01Z,SHOP,SHOP_ORDERS,,,,,\n",
        [("snowflake:a", 42.0, 1024), ("snowflake:b", None, None)],
    ),
    "databricks": (
        "statement_id,statement_text,executed_by,start_time,waiting_for_compute_duration_ms,"
        "waiting_at_capacity_duration_ms,spilled_local_bytes\n"
        "a,SELECT amount FROM shop_orders.orders,ana@example.com,2026-11-16T09:00:00Z,300,0,0\n",
        [("databricks:a", 300.0, 0)],
    ),
    "bigquery": (
        "job_id,query,user_email,creation_time,start_time,end_time\n"
        "a,SELECT amount FROM shop_orders.orders,ana@example.com,2026-11-16T09:00:00Z,2026-11-16T09:00:02.5Z,"
        "2026-11-16T09:00:03Z\n",
        [("bigquery:a", 2500.0, None)],
    ),
}


@pytest.mark.parametrize("name", QUEUED)
def test_a_history_tells_how_long_queries_waited_and_what_did_not_fit(
    shop: Shop, written: Callable[[str, str], Path], name: str
) -> None:
    """Where its system tells that; what is not told is not known, which is something else than nothing."""
    text, expected = QUEUED[name]

    shop.take(written(f"{name}.csv", text), name)

    assert shop.rows("SELECT query_id, queued_ms, spilled_bytes FROM uses ORDER BY query_id") == expected


def test_every_row_is_counted_and_what_is_not_read_is_named(shop: Shop) -> None:
    """Of six rows four read the shop, one builds it, one is about nothing; one text was read by its table alone."""
    told = shop.take(EXPORTS / "snowflake.csv", "snowflake")

    assert (told.told, told.recorded, told.own, told.elsewhere, told.unread) == (6, 4, 1, 1, 1)
    ((fingerprint, why),) = told.unreadable
    assert len(fingerprint) == 16
    assert why
    assert dict(told.unmatched) == {"ANA": 2, "LOADER": 1, "BORIS": 1}
    event = next(shop.ledger.read(types=("usage.imported",))).data
    assert (event["told"], event["recorded"], event["unread"], event["unmatched"]) == (6, 4, 1, 3)


@pytest.mark.parametrize(
    ("text", "why"),
    [("SELECT 'c-0042 FROM SHOP_ORDERS.ORDERS", "' is not closed"), ('SELECT ""STATE FROM ORDERS', '" is not closed')],
    ids=["of a value", "of a name"],
)
def test_a_text_with_a_quote_that_is_not_closed_is_told_with_the_reason(
    shop: Shop, written: Callable[[str, str], Path], text: str, why: str
) -> None:
    """What is left of it without the quote might read well; it is not taken for what was asked."""
    head, row, *_ = (EXPORTS / "snowflake.csv").read_text(encoding="utf-8").splitlines()
    before, _, after = row.split('"', 2)

    told = shop.take(written("a.csv", f'{head}\n{before}"{text}"{after}\n'), "snowflake")

    assert (told.told, told.unread) == (1, 1)
    assert [reason for _, reason in told.unreadable] == [why]


@pytest.mark.parametrize("name", [*HISTORIES, "looker.csv", "tableau.csv", "powerbi.json"])
def test_the_same_export_twice_adds_nothing(shop: Shop, name: str) -> None:
    """What was recorded is known by the id its system gave it; not even an event of the import is added."""
    first = shop.take(EXPORTS / name, name.partition(".")[0])
    before = shop.rows("SELECT count(*) FROM events")

    again = shop.take(EXPORTS / name, name.partition(".")[0])

    assert first.recorded > 0
    assert (again.recorded, again.known) == (0, first.recorded)
    assert shop.rows("SELECT count(*) FROM events") == before


def test_exports_that_overlap_are_told_once(shop: Shop, written: Callable[[str, str], Path]) -> None:
    """Of a longer export that holds an earlier one only the rest is recorded."""
    head, *rows = (EXPORTS / "snowflake.csv").read_text(encoding="utf-8").splitlines()
    shop.take(written("a.csv", "\n".join([head, *rows[:2]])), "snowflake")

    told = shop.take(written("b.csv", "\n".join([head, *rows, rows[0]])), "snowflake")

    assert (told.recorded, told.known) == (2, 2)
    assert shop.rows("SELECT count(*), count(DISTINCT query_id) FROM usage_query") == [(4, 4)]


def test_what_is_dated_in_the_future_is_counted_and_not_recorded(
    shop: Shop, written: Callable[[str, str], Path]
) -> None:
    """A row by itself, in a history and among views; those beside it are recorded, and the event says how many."""
    history = (EXPORTS / "snowflake.csv").read_text(encoding="utf-8").replace("2026-11-16 10:00", "2999-11-16 10:00")
    views = (EXPORTS / "looker.csv").read_text(encoding="utf-8").replace("2026-11-16 09:00:0", "2999-11-16 09:00:0")
    whole = shop.take(EXPORTS / "snowflake.csv", "snowflake", of="whole")
    again = shop.take(written("b.csv", history.replace("01b", "01c")), "snowflake")
    looked = shop.take(written("c.csv", views), "looker")
    before = (EXPORTS / "snowflake.csv").read_text(encoding="utf-8").count("2026-11-16 10:00")
    last = list(shop.ledger.read(types=("usage.imported",)))

    assert (whole.ahead, again.ahead, looked.ahead) == (0, before, 1)
    assert again.told == again.recorded + again.known + again.own + again.elsewhere + again.ahead
    assert [one.data["ahead"] for one in last] == [0, before, 1]
    assert shop.rows("SELECT count(*) FROM usage_query WHERE year(occurred_at) > 2900") == [(0,)]
    assert shop.rows("SELECT count(*) FROM usage_view WHERE year(occurred_at) > 2900") == [(0,)]


@pytest.mark.parametrize(
    ("row", "told"),
    [('x,"SELECT 1 FROM a', "Value with unterminated quote"), ("x,short", "Expected Number of Columns: 12 Found: 2")],
    ids=["a quote that is not closed", "a row that is short"],
)  # fmt: skip
def test_a_broken_row_is_told_and_nothing_is_recorded(
    shop: Shop, written: Callable[[str, str], Path], row: str, told: str
) -> None:
    """It does not change how the others are read."""
    head, first, second, *rest = (EXPORTS / "snowflake.csv").read_text(encoding="utf-8").splitlines()
    with pytest.raises(FreeholdError) as refused:
        shop.take(written("a.csv", "\n".join([head, first, second, row, *rest])), "snowflake")

    assert refused.value.code == "FH-X401"
    assert told in refused.value.problem
    assert shop.rows("SELECT count(*) FROM usage_query") == [(0,)]


def test_a_clock_that_is_a_little_ahead_is_believed(shop: Shop, written: Callable[[str, str], Path]) -> None:
    """By five minutes, as clocks of two systems may differ; not by an hour."""
    head, row, *_ = (EXPORTS / "snowflake.csv").read_text(encoding="utf-8").splitlines()
    for id_, minutes, recorded in (("01d1", 3, 1), ("01d2", 60, 0)):
        at = shop.ledger.clock.now() + timedelta(minutes=minutes)
        said = row.replace("2026-11-16 09:00:00.250 -0800", f"{at:%Y-%m-%d %H:%M:%S}.000 +0000").replace("01b1", id_)
        told = shop.take(written(f"{id_}.csv", f"{head}\n{said}"), "snowflake")

        assert (told.recorded, told.ahead) == (recorded, 1 - recorded)


VIEWS: dict[str, list[tuple[Any, ...]]] = {
    "looker.csv": [("weekly", "user:idp/ana", "person"), ("weekly", "nobody", "service")],
    "tableau.csv": [("weekly", "user:idp/ana", "person"), ("daily", "nobody", "unknown")],
    "powerbi.json": [("weekly", "user:idp/ana", "person")],
}


@pytest.mark.parametrize("name", VIEWS)
def test_views_are_of_dashboards_that_the_estate_knows(shop: Shop, name: str) -> None:
    """A view is of a dashboard by its id or name, once a session; of a dashboard nobody told of it is counted."""
    named(shop)

    told = shop.take(EXPORTS / name, name.partition(".")[0])

    sql = "SELECT dashboard, CASE WHEN starts_with(consumer, 'account:') THEN 'nobody' ELSE consumer END, consumer_type"
    assert shop.rows(f"{sql} FROM looks ORDER BY occurred_at") == VIEWS[name]
    assert dict(told.dashboards) == ({"Forgotten board": 1} if name == "looker.csv" else {})


def test_no_text_and_no_value_of_it_is_kept(shop: Shop) -> None:
    """Neither the customer asked for, nor the text, nor an account of nobody stands in any event."""
    shop.take(EXPORTS / "snowflake.csv", "snowflake")

    with shop.ledger.evidence() as evidence:
        said = str(evidence.query("SELECT * FROM usage_query")) + str(evidence.query("SELECT * FROM events"))
    assert not [word for word in ("c-0042", "12.5", "SELECT", "BORIS", "LOADER") if word in said]


def test_parquet_is_read_as_csv_is(shop: Shop, tmp_path: Path) -> None:
    """The same rows as Parquet, with times and numbers of their own types, come to the same."""
    import duckdb

    place = tmp_path / "history.parquet"
    at = "CAST(replace(replace(START_TIME, ' -0800', '-08'), ' +0000', '+00') AS TIMESTAMPTZ) AS START_TIME"
    typed = f"{at}, CAST(ROWS_PRODUCED AS BIGINT) AS ROWS_PRODUCED"
    given = f"read_csv('{EXPORTS / 'snowflake.csv'}', all_varchar = true)"
    duckdb.sql(f"COPY (SELECT * REPLACE ({typed}) FROM {given}) TO '{place}'")
    named(shop)

    shop.take(place, "snowflake")

    assert shop.rows(READ) == HISTORIES["snowflake.csv"]


BAD = {
    "there is no such file": ("absent.csv", None, "FH-X401"),
    "its ending is of no format": ("history.xlsx", "x", "FH-X401"),
    "it is no CSV": ("history.csv", 'QUERY_ID,"a\n1,2,3\n"', "FH-X40"),
    "it is no JSON": ("history.json", "{", "FH-X401"),
    "it has other columns": ("history.csv", "QUERY_ID,QUERY_TXT,USER_NAME,START_TIME\n1,a,b,c\n", "FH-X402"),
    "a time cannot be read": (
        "history.csv", "QUERY_ID,QUERY_TEXT,USER_NAME,START_TIME\n1,select 1,ANA,yesterday\n", "FH-X403"
    ),
    "nobody asked": (
        "history.csv", "QUERY_ID,QUERY_TEXT,USER_NAME,START_TIME\n1,select 1,,2026-11-16\n", "FH-X403"
    ),
}  # fmt: skip


@pytest.mark.parametrize(("name", "content", "code"), BAD.values(), ids=list(BAD))
def test_a_bad_file_records_nothing(
    shop: Shop, written: Callable[[str, str], Path], tmp_path: Path, name: str, content: str | None, code: str
) -> None:
    """One error says what is wrong and how to mend it, and nothing is half recorded."""
    place = tmp_path / name if content is None else written(name, content)

    with pytest.raises(FreeholdError) as caught:
        shop.take(place, "snowflake")

    assert caught.value.code.startswith(code)
    assert caught.value.fix
    assert caught.value.exit_code is Exit.USAGE
    assert shop.rows("SELECT count(*) FROM usage_query") == [(0,)]


def test_a_column_that_is_misspelt_is_named_with_what_is_near(shop: Shop, written: Callable[[str, str], Path]) -> None:
    """Of columns that are nearly there the error says which."""
    place = written("history.csv", "QUERY_ID,QUERY_TXT,USER_NAME,START_TIME\n1,a,b,c\n")

    with pytest.raises(FreeholdError) as caught:
        shop.take(place, "snowflake")

    assert "query_text" in caught.value.problem
    assert "query_txt" in caught.value.fix
