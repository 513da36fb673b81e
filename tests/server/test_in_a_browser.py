"""What a person does, in a real Chromium under the real policy: by role and name, with keys, by night, on a phone."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from freehold.reliability.alerts import silence
from live_browser import expect_readable, serious
from live_process import until
from live_server import Running

if TYPE_CHECKING:
    from playwright.sync_api import Page

PATHS = {
    "home": "/",
    "products": "/products",
    "product": "/products/shop.orders",
    "metrics": "/metrics",
    "metric": "/metrics/shop.revenue",
    "explain": "/explain?metric=shop.revenue&by=day",
    "explore": "/explore",
    "explored": "/explore?metric=shop.revenue&metric=shop.orders&by=day&field=orders.state",
    "explored-lines": "/explore?metric=shop.revenue&by=day&by=orders.state",
    "explored-bars": "/explore?metric=shop.revenue&by=orders.state",
    "explored-strips": "/explore?metric=shop.revenue&by=day&by=orders.customer",
    "refused": "/explore?metric=shop.revenue&by=colour",
    "views": "/views",
    "explain-nothing": "/explain",
    "search": "/search?q=orders",
    "search-nothing": "/search?q=zzzz",
    "lineage-start": "/lineage",
    "lineage": "/lineage?of=asset:shop.orders.orders.amount&way=drop",
    "lineage-drawn": "/lineage?of=asset:shop.orders.raw_orders",
    "lineage-columns": "/lineage?of=asset:shop.orders.orders&columns=1",
    "deployments": "/deployments?kind=all",
    "product-home": "/homes/product?since=30",
    "dataops-home": "/homes/dataops?since=30",
    "leader-home": "/homes/leader",
    "kpis": "/kpis",
    "kpi": "/kpis/validation-pass-rate",
    "documents": "/documents",
    "document": "/documents/product-guide?product=shop.orders",
    "event": "/events/1",
    "consumer-home": "/homes/consumer",
    "intake": "/settings/lineage",
    "requests": "/requests?what=churn",
    "dispute": "/requests?type=metric_dispute&what=orders",
    "inbox": "/inbox",
    "alerts": "/alerts",
    "monitors": "/alerts?view=monitors",
    "performance": "/performance?days=30",
    "objectives": "/objectives",
    "decisions": "/decisions",
    "scorecards": "/scorecards",
    "roadmap": "/roadmap",
    "roadmap-order": "/roadmap/order",
    "promises": "/roadmap/promises",
    "jobs": "/jobs",
    "tokens": "/settings/tokens",
    "sessions": "/settings/sessions",
    "usage": "/usage",
    "patterns": "/-/ui",
    "missing": "/nope",
}


def test_somebody_comes_in_by_the_link_and_goes_out(opened: Callable[..., Page], server: Running) -> None:
    """Without the link there is only the page that tells of it; after signing out, again."""
    page = opened("/products", is_signed_in=False)
    page.get_by_role("heading", name="Sign in").wait_for()
    page.goto(server.link())
    page.get_by_role("heading", name="Home").wait_for()
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("heading", name="Sign in").wait_for()
    page.goto("/products")

    assert "/sign-in" in page.url


def test_a_product_is_found_and_trusted_with_the_keyboard_alone(opened: Callable[..., Page]) -> None:
    """From home: to the catalog, filter, open; and there it says whether to use it now."""
    page = opened("/")
    page.keyboard.press("g")
    page.keyboard.press("c")
    page.wait_for_url("**/products")
    page.keyboard.press("/")
    page.keyboard.type("ord")
    page.keyboard.press("Enter")
    page.wait_for_url("**/products/shop.orders")

    page.get_by_role("heading", name="Orders", level=1).wait_for()
    page.get_by_role("heading", name="Safe to use now").wait_for()


def test_lineage_is_walked_and_opened_with_the_keyboard_alone(opened: Callable[..., Page]) -> None:
    """An arrow follows a curve to the next row and lights the way; Enter on a count draws what lies beyond."""
    page = opened("/lineage?of=asset:shop.orders.raw_orders&depth=1")
    drawing = page.locator("freehold-graph")
    drawing.get_by_role("link", name="shop.orders.raw_orders").focus()
    page.keyboard.press("ArrowRight")

    assert page.evaluate("document.activeElement.querySelector('title').textContent").startswith("shop.orders.orders")
    assert drawing.locator(".curve.is-near").count() > 0
    before = drawing.locator(".graph-row").count()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**grow=asset**")
    drawing.get_by_role("link", name="shop.revenue").wait_for()
    until(lambda: drawing.locator(".graph-row").count() > before, "it has grown")
    page.go_back()
    drawing.get_by_role("link", name="shop.revenue").wait_for(state="detached")
    until(lambda: drawing.locator(".graph-row").count() == before, "it is as it was")


def test_what_breaks_if_this_column_is_dropped_is_told_by_name(opened: Callable[..., Page]) -> None:
    """With keys alone: from the contract of a product to a column, to what is built from it and who is to be told."""
    page = opened("/products/shop.orders")
    page.get_by_role("region", name="Columns of orders").get_by_role("link", name="amount").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**way=drop**")
    page.get_by_role("heading", name="shop.orders.orders.amount", level=1).wait_for()

    hit = page.get_by_role("main")
    assert page.get_by_role("navigation", name="Ways").locator("[aria-current]").inner_text() == "If I drop this"
    assert hit.locator("dd").filter(has_text="shop.revenue").count() == 1
    assert hit.get_by_role("table", name="Directly").get_by_role("link", name="shop.revenue").count() == 1
    assert hit.locator("dt").filter(has_text="To be told").count() == 1


def test_lineage_begins_with_what_there_is(opened: Callable[..., Page]) -> None:
    """Without a name it offers the assets of products, so that nobody has to know one."""
    page = opened("/lineage")
    page.get_by_role("main").get_by_role("link", name="raw_orders").click()
    page.get_by_role("heading", name="shop.orders.raw_orders", level=1).wait_for()


def test_the_font_of_code_comes_with_the_pages_that_show_code(opened: Callable[..., Page]) -> None:
    """What a page promises to need it needs, at a desk and on a phone; otherwise it would be loaded for nothing."""
    for width in (1440, 390):
        page = opened("/", viewport={"width": width, "height": 900})
        for name, path in PATHS.items():
            page.goto(path)
            promised = page.locator("link[rel=preload][href*=jetbrains]").count() == 1
            used = page.evaluate(
                "document.fonts.ready.then(all => "
                "[...all].some(one => one.family.includes('JetBrains') && one.status === 'loaded'))"
            )
            assert used or not promised, (name, width)
            assert promised or name not in ("product", "metric", "kpi", "explain"), (name, width)


def test_a_number_is_found_by_half_its_name_and_followed_to_whom_it_hits(opened: Callable[..., Page]) -> None:
    """With keys alone: Ctrl-K, half a word, Enter; from the metric to its lineage."""
    page = opened("/")
    page.keyboard.press("Control+k")
    page.keyboard.type("reven")
    page.get_by_role("option", name="revenue", selected=True).wait_for()
    page.keyboard.press("Enter")
    page.wait_for_url("**/metrics/shop.revenue")
    page.get_by_role("main").get_by_role("link", name="Lineage").focus()
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Directly").wait_for()

    assert page.get_by_role("link", name="shop.orders.orders", exact=True).count() == 1


def test_on_a_phone_the_search_is_behind_the_menu(opened: Callable[..., Page]) -> None:
    """There is room for it when it is asked for."""
    page = opened("/", viewport={"width": 390, "height": 800})
    field = page.get_by_role("searchbox", name="Search everything")
    assert not field.is_visible()
    page.get_by_role("button", name="Menu").click()
    field.fill("orders")
    field.press("Enter")
    page.wait_for_url("**/search?q=orders")


def test_rows_are_walked_and_keys_are_told(opened: Callable[..., Page]) -> None:
    """`j` and `k` move, `?` tells, Escape closes; nothing happens while somebody types."""
    page = opened("/metrics")
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement.closest('tr') !== null")
    page.keyboard.press("?")
    page.get_by_role("dialog", name="Keys").wait_for()
    page.keyboard.press("Escape")
    page.get_by_role("dialog", name="Keys").wait_for(state="hidden")
    field = page.get_by_role("searchbox", name="Filter metrics")
    field.fill("")
    field.press("?")
    assert page.get_by_role("dialog").count() == 0


def test_the_first_tab_skips_to_the_content(opened: Callable[..., Page]) -> None:
    """Nobody has to walk through the sidebar on every page."""
    page = opened("/products")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to content"
    page.keyboard.press("Enter")
    assert page.evaluate("location.hash") == "#main"


def test_tables_sort_and_filter(opened: Callable[..., Page]) -> None:
    """By any column either way, with what is missing last; by words, with a count."""
    page = opened("/-/ui")
    rows = page.locator("#patterns tbody tr:visible td:first-child")
    page.get_by_role("button", name="Rows", exact=True).click()
    assert rows.all_inner_texts() == ["sales.catalogue", "sales.customers", "sales.orders"]
    page.get_by_role("button", name="Rows", exact=True).click()
    assert rows.all_inner_texts() == ["sales.orders", "sales.customers", "sales.catalogue"]
    page.get_by_role("searchbox", name="Filter rows").fill("not safe")
    assert rows.all_inner_texts() == ["sales.catalogue"]
    assert page.locator("#patterns-shown").inner_text() == "1 of 3"


@pytest.mark.parametrize("width", [1280, 1100])
@pytest.mark.parametrize("path", ["/products/shop.orders", "/kpis", "/runs", "/homes/product"])
def test_no_table_is_cut_on_a_small_screen(opened: Callable[..., Page], path: str, width: int) -> None:
    """Each column of the tables of products, of runs and of the KPIs is seen whole."""
    page = opened(path)
    page.set_viewport_size({"width": width, "height": 900})

    assert page.locator(".table:visible").count() > 0
    cut = "tables => tables.filter(t => t.scrollWidth > t.clientWidth).map(t => t.getAttribute('aria-label'))"
    assert page.eval_on_selector_all(".table", cut) == []


def test_a_chart_is_read_with_arrows_and_as_a_table(opened: Callable[..., Page]) -> None:
    """Each value with its period, without a mouse."""
    page = opened("/-/ui")
    chart = page.locator("freehold-chart").first
    chart.locator("svg").focus()
    page.keyboard.press("Home")
    assert chart.locator("output").inner_text().startswith("2026-08-03")
    page.keyboard.press("ArrowRight")
    assert chart.locator("output").inner_text().startswith("2026-08-10")
    chart.get_by_text("As a table").click()
    assert chart.locator("tbody tr").count() == 16


def test_a_point_of_a_chart_is_explained_with_keys_alone(opened: Callable[..., Page]) -> None:
    """From the metric: to the chart, back to the day before the last, Enter; there stands what moved it."""
    page = opened("/metrics/shop.revenue?by=day")
    page.locator("freehold-chart svg").first.focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    page.wait_for_url("**/explain?**")

    # Which days the orders are of follows the clock, and so does whether something moved all of them alike.
    page.get_by_role("heading", name=re.compile("^What moved (it|otherwise)$")).wait_for()
    page.get_by_role("heading", name="By which definition").wait_for()
    slices = page.get_by_role("region", name="By orders.state")
    slices.get_by_role("link").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**is=orders.state**")


def test_a_metric_is_explored_drilled_saved_and_opened_again(opened: Callable[..., Page]) -> None:
    """Choose, narrow, go on to the next key, save under a name; the view has an address and the same rows."""
    page = opened("/explore")
    page.get_by_label("Choose a metric").or_(page.get_by_label("Add a metric")).select_option("shop.revenue")
    page.wait_for_url("**metric=shop.revenue**")
    page.get_by_label("Add a key").select_option("orders.state")
    page.wait_for_url("**by=orders.state**")
    page.get_by_role("region", name="The answer").get_by_role("link", name="paid", exact=True).click()
    page.wait_for_url("**is=orders.state**paid**")
    rows = page.get_by_role("region", name="The answer").get_by_role("row").all_text_contents()
    page.get_by_text("Save as a view for everybody").click()
    page.get_by_label("Name").fill("What was paid")
    page.get_by_role("button", name="Save view").click()
    page.wait_for_url("**/views/**")

    page.get_by_role("heading", name="What was paid", level=1).wait_for()
    assert page.get_by_role("region", name="The answer").get_by_role("row").all_text_contents() == rows
    page.goto("/views")
    page.get_by_role("link", name="What was paid").first.click()
    page.get_by_text("these are today's numbers").wait_for()


def test_a_day_and_a_number_stand_in_one_line(opened: Callable[..., Page]) -> None:
    """However many columns an answer has, on a screen that is not wide."""
    metrics = "&".join(f"metric=shop.{one}" for one in ("revenue", "orders", "average_order", "cancelled"))
    page = opened(
        f"/explore?{metrics}&by=day&by=orders.state&compare=prior:1day", viewport={"width": 1280, "height": 800}
    )
    page.locator("#answer tbody tr").first.wait_for()
    spread = page.locator("#answer").evaluate(
        """table => [...table.tBodies[0].rows].slice(0, 5).flatMap(row => {
          const [day, _, ...numbers] = row.cells;
          return [day, ...numbers];
        }).map(cell => {
          const range = document.createRange();
          range.selectNodeContents(cell);
          const tops = [...range.getClientRects()].map(rect => rect.top);
          return Math.max(...tops) - Math.min(...tops);
        })"""
    )

    assert max(spread) < 10, "pixels between the tops of what stands in a cell: a line has more"


def test_the_explorer_needs_no_script(opened: Callable[..., Page]) -> None:
    """Choosing and sending the form is enough."""
    page = opened("/explore?metric=shop.revenue", java_script_enabled=False)
    page.get_by_label("Time").select_option("day")
    page.get_by_role("button", name="Show").click()

    page.get_by_role("region", name="The answer").wait_for()
    assert "by=day" in page.url


def test_another_period_changes_the_chart_and_the_address(opened: Callable[..., Page]) -> None:
    """Without loading the page anew, and the address can be shared."""
    page = opened("/metrics/shop.revenue?by=week")
    page.evaluate("window.before = true")
    page.get_by_role("link", name="Day", exact=True).click()
    page.wait_for_url("**by=day")
    page.locator("#trend [aria-current='page']", has_text="Day").wait_for()

    assert page.evaluate("window.before") is True


def test_a_token_is_made_copied_and_revoked(opened: Callable[..., Page], server: Running) -> None:
    """Shown once; it reads what it may; revoked, it reads nothing."""
    page = opened("/settings/tokens")
    page.get_by_label("Name", exact=True).fill("a browser's token")
    page.get_by_role("button", name="Make token").click()
    text = page.get_by_label("The new token").inner_text()
    with server.client(authorization=f"Bearer {text}") as program:
        assert program.get("/api/v1/products").status_code == 200
        page.goto("/settings/tokens")
        assert text not in page.content()
        page.get_by_role("button", name="Revoke a browser's token").first.click()
        page.wait_for_load_state()
        assert program.get("/api/v1/products").status_code == 401


@pytest.mark.parametrize("chosen", ["light", "dark"])
def test_the_readers_choice_of_colours_outlives_the_page(opened: Callable[..., Page], chosen: str) -> None:
    """System, light, dark; kept in the browser."""
    page = opened("/", color_scheme="light")
    for _ in range(["system", "light", "dark"].index(chosen)):
        page.locator("[data-scheme-switch]").click()
    page.goto("/products")

    assert page.evaluate("document.documentElement.dataset.scheme") == chosen
    lightness = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ("0.99" in lightness) is (chosen == "light"), lightness


def test_a_job_is_asked_for_and_watched_until_it_ends(opened: Callable[..., Page]) -> None:
    """What it says comes by itself, and how it stands; then it may be asked for again. Axe finds nothing serious."""
    page = opened("/jobs")
    page.get_by_role("button", name="Check now").click()
    page.wait_for_url("**/jobs/*")
    page.get_by_role("heading", name="Ended well.").wait_for(timeout=90_000)

    assert "checks on 2 assets" in page.get_by_role("log").inner_text()
    page.get_by_role("button", name="Ask again").wait_for()
    assert page.get_by_role("button", name="Cancel").count() == 0
    assert serious(page) == []


@pytest.mark.parametrize("name", PATHS)
def test_pages_fit_and_can_be_read_by_everybody(opened: Callable[..., Page], name: str) -> None:
    """No page scrolls sideways, at a desk or on a phone; axe finds nothing serious, by day or by night."""
    expect_readable(opened(PATHS[name]), name)


def test_silences_fit_and_can_be_read_by_everybody(opened: Callable[..., Page], server: Running) -> None:
    """However long what they are of is, and why; each is ended by its button."""
    ledger, now = server.app.state.served.snapshots.ledger, datetime.now(UTC)
    words = "see https://wiki.shop.example/" + "moving_the_warehouse_" * 5
    long = ["product=shop.orders", "monitor!=" + "a_monitor_whose_name_does_not_end" * 3]
    silence(ledger, "prod", long, now, now + timedelta(days=30), words)
    page = opened("/alerts")
    expect_readable(page, "alerts-silenced")
    page.get_by_role("button", name="End it: the silence of").click()
    page.get_by_role("button", name="End it: the silence of").wait_for(state="detached")


def test_the_menu_of_a_phone_opens_and_leads(opened: Callable[..., Page]) -> None:
    """What stands at the side at a desk lies behind a button."""
    page = opened("/", viewport={"width": 390, "height": 844})
    products = page.get_by_role("navigation", name="Main").get_by_role("link", name="Products")
    assert not products.is_visible()
    page.get_by_role("button", name="Menu").click()
    products.click()
    page.wait_for_url("**/products")
