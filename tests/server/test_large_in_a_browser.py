"""A hundred thousand rows in a real Chromium: a page holds a hundred, and all are sorted, found and taken along."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest

from live_browser import SHOTS
from live_server import Running

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

FREEHOLD = Path(sys.executable).with_name("freehold")
ROWS = 100_000
ASKED = "metric=shop.orders&by=orders.customer"


@pytest.fixture(scope="module")
def large(serving: Callable[..., Running], tmp_path_factory: pytest.TempPathFactory) -> Running:
    """A shop that has 100,000 customers, each with one order."""
    root = tmp_path_factory.mktemp("large") / "shop"
    subprocess.run([str(FREEHOLD), "init", str(root)], check=True, capture_output=True, timeout=60)
    contract = root / "shop/orders/contracts/orders.odcs.yaml"
    contract.write_text(contract.read_text().replace('-[0-9]{3}$"', '-[0-9]{3,6}$"'))
    days = sorted((root / "landing/orders").glob("*.csv"))
    for day in days[:-1]:
        day.unlink()
    at = days[-1].stem
    lines = (f"{at.replace('-', '')}-{i:06d},{at} 10:00:00,c{i:06d},{1 + i % 90}.00,paid" for i in range(ROWS))
    days[-1].write_text("\n".join(("order_id,ordered_at,customer,amount,state", *lines)) + "\n")
    subprocess.run([str(FREEHOLD), "-C", str(root), "run"], check=True, capture_output=True, timeout=120)
    return serving(root, rates={"read": 100_000, "write": 100_000, "sign_in": 100_000})


@pytest.fixture
def page(chromium: Browser, large: Running) -> Iterator[Page]:
    """A reader of it, signed in."""
    context = chromium.new_context(base_url=large.url)
    page = context.new_page()
    page.goto(large.link())
    yield page
    context.close()


def test_a_hundred_thousand_rows_are_a_page_of_a_hundred(page: Page) -> None:
    """The browser holds as many as can be read; the others are a link away, the last ones too."""
    page.goto(f"/explore?{ASKED}")
    answer = page.get_by_role("region", name="The answer")

    assert page.get_by_role("heading", name=f"1 to 100 of {ROWS:,} rows").count() == 1
    assert answer.get_by_role("row").count() == 101
    assert page.evaluate("document.querySelectorAll('*').length") < 1_500
    page.get_by_role("link", name="Last", exact=True).click()
    page.get_by_role("heading", name=f"99,901 to 100,000 of {ROWS:,} rows").wait_for()
    page.get_by_role("link", name="Before", exact=True).click()
    page.get_by_role("heading", name=f"99,801 to 99,900 of {ROWS:,} rows").wait_for()
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SHOTS / "explored-large.png", full_page=True)


def test_all_rows_are_sorted_and_found_not_only_those_of_the_page(page: Page) -> None:
    """By a click on a heading, and by half a word with the keyboard alone; the field keeps what is typed."""
    page.goto(f"/explore?{ASKED}")
    first = page.get_by_role("region", name="The answer").locator("tbody tr").first
    page.get_by_role("columnheader", name="Customer").get_by_role("link").click()
    page.wait_for_url("**order=orders.customer**")
    assert "c000000" in first.inner_text()
    page.get_by_role("columnheader", name="Customer").get_by_role("link").click()
    page.wait_for_url("**order=-orders.customer**")
    assert "c099999" in first.inner_text()
    page.keyboard.press("/")
    page.keyboard.type("C0123")
    page.get_by_role("heading", name=f"100 rows found in {ROWS:,}").wait_for()

    field = page.get_by_role("searchbox", name="Find in all rows")
    assert (field.input_value(), page.evaluate("document.activeElement.id")) == ("C0123", "find")
    assert "c012399" in first.inner_text()
    field.fill("nobody")
    page.get_by_text("No row has “nobody” among its keys.").wait_for()
    page.reload()
    page.get_by_text("No row has “nobody” among its keys.").wait_for()


def test_all_rows_can_be_taken_along(page: Page) -> None:
    """As CSV and as Parquet, by the links above the table: every row, not those of the page."""
    page.goto(f"/explore?{ASKED}")
    files = {name: page.get_by_role("link", name=name, exact=True).get_attribute("href") for name in ("CSV", "Parquet")}
    as_csv = page.context.request.get(files["CSV"]).body()
    as_parquet = pq.read_table(io.BytesIO(page.context.request.get(files["Parquet"]).body()))

    assert as_csv.count(b"\n") == ROWS + 1
    assert (as_parquet.num_rows, as_parquet.column(0).to_pylist()[:1] != [None]) == (ROWS, True)
