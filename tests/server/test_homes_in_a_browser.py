"""Homes, KPIs, requests and the palette as people use them, in a real Chromium: a leader, a consumer, a phone."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from freehold import opening
from freehold.ledger import Event
from live_browser import serious
from live_server import Running

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


def test_a_leader_opens_a_red_kpi_down_to_its_events(
    chromium: Browser, made_estate: Path, tmp_path: Path, serving: Callable[..., Running]
) -> None:
    """From a sentence on their page to the KPI, to what it was made of, to the event and its place in the chain."""
    root = tmp_path / "shop"
    shutil.copytree(made_estate, root)
    with opening.ledger_around(str(root)) as ledger:
        for i in range(6):
            at = datetime.now(UTC) - timedelta(milliseconds=i)
            deployed = {"deploy_id": f"d-{i}", "status": "success", "resources": ["shop.orders.orders"], "env": "prod"}
            ledger.append(Event("deploy.completed", deployed, occurred_at=at, env="prod", product="shop.orders"))
            back = {"deploy_id": f"d-{i}", "env": "prod"}
            ledger.append(Event("deploy.rolled_back", back, occurred_at=at, env="prod", product="shop.orders"))
    server = serving(root, rates={"read": 100_000, "write": 100_000, "sign_in": 100_000})
    context = chromium.new_context(base_url=server.url)
    try:
        context.add_cookies([server.cookie()])
        page = context.new_page()
        page.goto("/")
        page.get_by_role("button", name="Leader").click()
        page.wait_for_url("**/homes/leader")
        page.get_by_role("link", name="Change failure rate").first.click()
        page.wait_for_url("**/kpis/change-failure-rate")
        page.get_by_text("off target").first.wait_for()
        page.get_by_role("table", name="What it is made of").get_by_role(
            "link", name="deploy.rolled_back"
        ).first.click()
        page.get_by_role("heading", name="As it was sealed").wait_for()
        page.goto("/")

        assert page.get_by_role("button", name="Leader").get_attribute("aria-current") == "page"
    finally:
        context.close()


def test_what_is_not_found_is_asked_for_with_the_keyboard_alone(opened: Callable[..., Page]) -> None:
    """From the palette to a request that is already filled in, sent with Enter, and on the reader's home."""
    page = opened("/homes/consumer")
    page.keyboard.press("Control+k")
    page.keyboard.type("churn of gift cards")
    page.get_by_role("option", name="Ask for “churn of gift cards”", selected=True).wait_for()
    page.keyboard.press("Enter")
    page.wait_for_url("**/requests?what=**")
    page.get_by_label("What do you look for?").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/requests#**")
    page.goto("/homes/consumer")

    assert page.get_by_role("link", name="churn of gift cards").count() == 1


def test_the_palette_does_things_and_shows_last_ones_first(opened: Callable[..., Page]) -> None:
    """Arrows choose, Enter does, Escape closes and gives the focus back; what was chosen last comes first."""
    page = opened("/products")
    page.keyboard.press("Control+k")
    palette = page.get_by_role("combobox", name="Search and do")
    palette.fill("colours")
    page.get_by_role("option", name="Colours: light", selected=True).wait_for()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert page.evaluate("document.documentElement.dataset.scheme") == "dark"
    page.keyboard.press("Control+k")
    palette.fill("kpis")
    page.get_by_role("option", name="KPIs", selected=True).wait_for()
    page.keyboard.press("Enter")
    page.wait_for_url("**/kpis")
    page.keyboard.press("Control+k")
    page.get_by_role("option", selected=True).wait_for()
    assert "KPIs" in page.get_by_role("option").first.inner_text()
    page.keyboard.press("Escape")
    palette.wait_for(state="hidden")


def test_the_palette_is_a_button_on_a_phone(opened: Callable[..., Page]) -> None:
    """Where there is no Ctrl-K; a tap opens what was found, and nothing scrolls sideways."""
    page = opened("/", viewport={"width": 390, "height": 800}, has_touch=True)
    page.get_by_role("button", name="Search and do").tap()
    page.get_by_role("combobox", name="Search and do").fill("orders")
    page.get_by_role("option", name="shop.orders").first.wait_for()

    assert serious(page) == []
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    page.get_by_role("option", name="shop.orders").first.tap()
    page.wait_for_url("**shop.orders**")  # the product, or the table of that name: whichever is used more
