"""Two journeys in a real Chromium: a dispute is settled with its dossier; a review is written again to the byte."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from changing_estates import OWNER, freehold, owned
from freehold.foundation import Caller
from freehold.ledger import Event
from freehold.work import Work
from live_browser import SHOTS, expect_readable
from live_provider import CLIENT, SECRET, Provider, provided
from live_server import Running

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

RATES = {"read": 100_000, "write": 100_000, "sign_in": 100_000}
CLAIM = "What was cancelled is in it."


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    """An identity provider of this module, by which the owner of the shop signs in."""
    started, server = provided()
    started.person = {"sub": OWNER, "name": "Anna"}
    yield started
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def office(
    tmp_path_factory: pytest.TempPathFactory, serving: Callable[..., Running], provider: Provider
) -> Iterator[Running]:
    """A server over an estate in which somebody disputes a metric that two programs read."""
    patch = pytest.MonkeyPatch()
    patch.setenv("OIDC_SECRET", SECRET)
    root = tmp_path_factory.mktemp("office") / "shop"
    assert freehold(root.parent, "init", str(root)).returncode == 0
    owned(root)
    assert freehold(root, "run").returncode == 0
    said = {"issuer": provider.issuer, "client_id": CLIENT, "client_secret": "env:OIDC_SECRET", "label": "Accounts"}
    running = serving(root, sign_in=said, rates=RATES)
    ledger = running.app.state.served.snapshots.ledger
    read = [{"consumer": f"service:bi/{name}", "metrics": ["shop.revenue"]} for name in ("board", "close")]
    ledger.raw.append("usage.query", [Event("usage.query", one, occurred_at=datetime.now(UTC)) for one in read])
    yield running
    patch.undo()


@pytest.fixture
def opened(chromium: Browser, office: Running) -> Iterator[Callable[..., Page]]:
    """Open a page, signed in; whatever the console says against it fails the test."""
    told: list[str] = []
    contexts: list[Any] = []

    def open_(path: str) -> Page:
        context = chromium.new_context(base_url=office.url)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda m: told.append(m.text) if m.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: told.append(str(error)))
        page.goto("/sign-in/oidc")
        page.goto(path)
        return page

    yield open_
    for context in contexts:
        context.close()
    assert told == []


def disputed(running: Running) -> str:
    """Begin a dispute in the name of somebody else, and return its id."""
    snapshots = running.app.state.served.snapshots
    work = Work(snapshots.now().estate, snapshots.ledger.acting(Caller("user:idp/zoe")))
    return work.create("metric_dispute", {"metric": "shop.revenue", "claim": CLAIM}, product="shop.orders").item.id


def test_a_dispute_is_settled_with_its_dossier(office: Running, opened: Callable[..., Page]) -> None:
    """From the metric to the item, its dossier with a recommendation, signed; decided, its readers told, resolved."""
    item = disputed(office)
    page = opened("/metrics/shop.revenue")
    page.get_by_role("link", name=CLAIM).click()
    page.get_by_role("heading", name=CLAIM).wait_for()
    page.get_by_role("button", name="Accept").click()
    page.get_by_text("Council").first.wait_for()

    page.get_by_role("link", name="Dispute dossier").click()
    page.get_by_role("heading", name="What is disputed").wait_for()
    page.get_by_role("cell", name="service:bi/board").wait_for()
    page.get_by_label("Which definition do you recommend").fill("The one in force.")
    page.get_by_label("Who has to change what").fill("Nobody.")
    page.get_by_role("button", name="Show it with these words").click()
    page.get_by_text("The one in force.").first.wait_for()
    page.get_by_role("button", name="Sign it").click()
    page.wait_for_url("**/documents/dispute-dossier?edition=*")
    page.get_by_text(f"signed by user:idp/{OWNER}").wait_for()

    page.goto(f"/items/{item}")
    page.get_by_text("Decide…").click()
    page.get_by_label("Decision").fill("It stays.")
    page.get_by_role("button", name="Decide", exact=False).last.click()
    page.get_by_role("heading", name="Who is to be told").wait_for()
    page.get_by_text("board, close asked for it").wait_for()
    page.get_by_role("button", name="Tell those who read it").click()
    page.get_by_role("button", name="Close").click()
    page.get_by_text("Resolved").first.wait_for()

    page.goto("/homes/consumer")
    assert page.get_by_text("A dispute of shop.revenue was decided.").count() == 0  # who decided it was not told
    told = next(iter(office.app.state.served.snapshots.ledger.read(types=("notice.sent",), subject=item)))
    assert told.data["audience"] == ["service:bi/board", "service:bi/close"]


def test_a_review_is_written_again_to_the_byte(office: Running, opened: Callable[..., Page]) -> None:
    """Signed for its quarter; after more was recorded of the same days, opened again it is what was signed."""
    page = opened("/documents/business-review")
    now = datetime.now(UTC)
    page.get_by_label("Period").select_option(f"{now:%Y}-Q{(now.month + 2) // 3}")
    page.get_by_role("button", name="Show", exact=True).click()
    for label in ("Which decisions are asked for", "What moved, and why", "What comes next"):
        page.get_by_label(label).fill(f"{label}: nothing.")
    page.get_by_role("button", name="Show it with these words").click()
    page.get_by_role("button", name="Sign it").click()
    page.wait_for_url("**/documents/business-review?edition=*")
    page.get_by_text("the same to the byte").wait_for()
    before = page.get_by_role("article").inner_html()

    ledger = office.app.state.served.snapshots.ledger
    late = {"incident": "late", "sev": 1, "kind": "data", "detected_at": now.isoformat()}
    ledger.append(Event("incident.opened", late, env="prod", occurred_at=now))
    page.reload()
    page.get_by_text("the same to the byte").wait_for()

    assert page.get_by_role("article").inner_html() == before
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SHOTS / "review-signed.png", full_page=True)


@pytest.mark.parametrize("name", ["documents", "dispute-dossier", "council-agenda"])
def test_pages_fit_and_can_be_read_by_everybody(office: Running, opened: Callable[..., Page], name: str) -> None:
    """No page scrolls sideways, at a desk or on a phone; axe finds nothing serious, by day or by night."""
    if name == "dispute-dossier":
        disputed(office)
    expect_readable(opened("/documents" if name == "documents" else f"/documents/{name}"), name)
