"""Two journeys in a real Chromium: why was this run held, and roll it back; a change of a metric is approved."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from changing_estates import OWNER, held_estate, proposed_estate
from live_browser import SHOTS, expect_readable
from live_provider import CLIENT, SECRET, Provider, provided
from live_server import Running

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

RATES = {"read": 100_000, "write": 100_000, "sign_in": 100_000}


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    """An identity provider of this module."""
    started, server = provided()
    yield started
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def held_server(
    made_estate: Path, tmp_path_factory: pytest.TempPathFactory, serving: Callable[..., Running]
) -> Running:
    """A server over an estate whose last day was kept back."""
    return serving(held_estate(made_estate, tmp_path_factory.mktemp("held") / "shop"), rates=RATES)


@pytest.fixture(scope="module")
def team_server(
    tmp_path_factory: pytest.TempPathFactory, serving: Callable[..., Running], provider: Provider
) -> Iterator[Running]:
    """A server over an estate with a change that waits for approval, whose people sign in at the provider."""
    patch = pytest.MonkeyPatch()
    patch.setenv("OIDC_SECRET", SECRET)
    provider.person = {"sub": OWNER, "name": "Anna"}
    said = {"issuer": provider.issuer, "client_id": CLIENT, "client_secret": "env:OIDC_SECRET", "label": "Accounts"}
    yield serving(proposed_estate(tmp_path_factory.mktemp("proposed") / "shop"), sign_in=said, rates=RATES)
    patch.undo()


@pytest.fixture
def opened(chromium: Browser) -> Iterator[Callable[..., Page]]:
    """Open pages of a server, signed in; whatever the console says against them fails the test."""
    told: list[str] = []
    contexts: list[Any] = []

    def open_(server: Running, path: str, **options: Any) -> Page:
        context = chromium.new_context(base_url=server.url, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda m: told.append(m.text) if m.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: told.append(str(error)))
        if server.settings.sign_in:
            page.goto("/sign-in/oidc")
        else:
            context.add_cookies([server.cookie()])
        page.goto(path)
        return page

    yield open_
    for context in contexts:
        context.close()
    assert told == []


def reach(page: Page, name: str, role: Any = "link") -> None:
    """Press Tab until something of that name has the focus, as somebody without a mouse does."""
    wanted = page.get_by_role("main").get_by_role(role, name=name).first
    wanted.wait_for()
    for _ in range(200):
        page.keyboard.press("Tab")
        if wanted.evaluate("element => element === document.activeElement"):
            return
    raise AssertionError(f"Tab never came to {name}")


def test_why_was_this_run_held_and_roll_it_back(held_server: Running, opened: Callable[..., Page]) -> None:
    """With keys alone: from home to the run, why, the row that failed, what stays live, and back to before that."""
    page = opened(held_server, "/")
    page.keyboard.press("g")
    page.keyboard.press("r")
    page.wait_for_url("**/runs")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url("**/runs/*")
    page.get_by_role("heading", name="Kept from consumers: orders").wait_for()
    page.get_by_role("region", name="Rows that fail").get_by_text("-5").wait_for()

    reach(page, "Roll back…")
    page.keyboard.press("Enter")
    page.wait_for_url("**/deployments/*#rollback")
    page.get_by_role("heading", name="Roll back").wait_for()
    page.get_by_text("shop.orders.raw_orders: 1 batch of rows goes").wait_for()
    reach(page, "Why", "textbox")
    page.keyboard.type("an order below zero")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/jobs/*")
    page.get_by_text("shop.orders is back at the deployment of").wait_for()

    page.goto("/deployments")
    page.get_by_role("link").filter(has=page.locator("time")).first.click()
    page.get_by_role("heading", name="Pinned").wait_for()
    page.get_by_role("button", name="Unpin shop.orders").wait_for()


def test_a_change_of_a_metric_is_approved_from_mondays_page(team_server: Running, opened: Callable[..., Page]) -> None:
    """From what is due, to the definition before and after, back, one word; and what came of it on the plan."""
    page = opened(team_server, "/homes/product")
    page.get_by_role("link", name="What it does, and the evidence").press("Enter")
    page.get_by_role("heading", name="Approval needed: 1 metric defined otherwise").wait_for()
    page.get_by_text("orders.amount > 0").wait_for()
    page.go_back()
    page.get_by_label("Note on plan").fill("agreed with finance")
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SHOTS / "decision-due.png", full_page=True)
    page.get_by_role("button", name="Approve plan").press("Enter")
    page.wait_for_url("**/homes/product?*")
    page.get_by_role("heading", name="Decisions due").wait_for()

    page.goto("/plan")
    page.get_by_role("heading", name="May be applied: 1 metric defined otherwise").wait_for()
    page.get_by_text("You approved it, and whoever applies it counts as its author").wait_for()


@pytest.mark.parametrize("name", ["runs", "run", "deployment", "plan", "proposed"])
def test_pages_fit_and_can_be_read_by_everybody(
    held_server: Running, team_server: Running, opened: Callable[..., Page], name: str
) -> None:
    """No page scrolls sideways, at a desk or on a phone; axe finds nothing serious, by day or by night."""
    page = opened(team_server if name == "proposed" else held_server, _path(name))
    if name in ("run", "deployment"):
        page.goto(str(page.locator("tbody a").first.get_attribute("href")))
    expect_readable(page, name)


def _path(name: str) -> str:
    """Return where a page is, or the list whose first entry it is."""
    return {"run": "/runs", "deployment": "/deployments?kind=all", "proposed": "/plan"}.get(name, f"/{name}")
