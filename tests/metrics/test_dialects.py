"""One question in each dialect: what is run says the same, what is not run at least parses and stays as it was."""

from __future__ import annotations

from typing import Any

import pytest
import sqlglot
from sqlglot import exp

from freehold.foundation import FreeholdError
from freehold.metrics import Scope, asked, compiled
from freehold.metrics.dialects import DIALECTS

from .conftest import _table, shop_catalogue
from .test_truth import CASES

GOLDEN = {
    "three facts by month": (["revenue", "orders", "minutes"], {"by": ["month"]}),
    "a window by week": (["revenue_28d"], {"by": ["week"]}),
    "a month before by day": (["revenue"], {"by": ["day"], "compare": "prior:1month", "start": "2011", "end": "2011"}),
    "a percentile by role": (["p90_amount"], {"by": ["buyer.country"]}),
    "a share and a conversion": (["month_share", "bought"], {"by": ["month"]}),
    "a balance in another zone": (["balance", "by_naive"], {"by": ["quarter"], "zone": "Asia/Tokyo"}),
}  # fmt: skip


def sql(dialect: str, metrics: list[str], said: dict[str, Any]) -> str:
    """Return a question in a dialect."""
    return compiled(Scope(shop_catalogue(), _table, dialect), asked(metrics, **said)).pretty()


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("case", GOLDEN)
def test_the_sql_of_a_question_stays_as_it_was(case: str, dialect: str, snapshot: Any) -> None:
    """A change of the SQL is a change somebody has looked at."""
    assert snapshot == sql(dialect, *GOLDEN[case])


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_question_parses_in_every_dialect(dialect: str) -> None:
    """All that is tested against truth compiles to every dialect, and that dialect's own parser takes it."""
    for said, _ in CASES.values():
        asks = dict(said)
        text = sql(dialect, asks.pop("metrics"), asks)
        (tree,) = sqlglot.parse(text, read=dialect)
        assert isinstance(tree, exp.Query)


def test_a_dialect_nobody_writes_is_refused() -> None:
    """An unknown dialect is an error with those there are."""
    with pytest.raises(FreeholdError) as caught:
        sql("oracle", ["revenue"], {})

    assert caught.value.code == "FH-N109"
    assert "snowflake" in caught.value.fix


@pytest.mark.parametrize(
    ("engine", "written"),
    [("duckdb", "duckdb"), ("postgres", "postgres"), ("freeholdpostgres", "postgres"), ("mysql", "")],
)
def test_an_engine_is_written_for_in_the_dialect_its_own_is_a_variant_of(engine: str, written: str) -> None:
    """A variant that the engine needs for other statements keeps no metric from being answered."""
    from freehold.engines.postgres import dialect
    from freehold.metrics.dialects import family

    assert dialect.NAME == "freeholdpostgres"
    assert family(engine) == written
