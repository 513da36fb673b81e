"""What the server does while files are in error: everything stays as it was before, and pages say so."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from live_process import until
from live_server import PAGE, Running

METRICS = "shop/orders/metrics/shop.yaml"
WRONG: dict[str, tuple[str, Callable[[str], str | None]]] = {
    "a metric over a field that is none": (METRICS, lambda t: t.replace("SUM(orders.amount)\n", "SUM(orders.amont)\n")),
    "a connection that is none": ("estate.yaml", lambda t: t.replace("  connections:", "  conections:")),
    "an estate that says nothing": ("estate.yaml", lambda _: ""),
    "an estate that is gone": ("estate.yaml", lambda _: None),
}  # fmt: skip


@pytest.mark.parametrize(("path", "change"), WRONG.values(), ids=WRONG)
def test_everything_stays_as_it_was_and_pages_say_so(
    own_server: Running, path: str, change: Callable[[str], str | None]
) -> None:
    """Pages, numbers and readiness, until the files are mended."""
    file = own_server.root / path
    said = file.read_text("utf-8")
    wrong = change(said)
    assert wrong != said
    with own_server.signed_in(**PAGE) as client:
        before = client.get("/").status_code
        if wrong is None:
            file.unlink()
        else:
            file.write_text(wrong, "utf-8")
        until(lambda: "see <code>freehold validate</code>" in client.get("/products").text, "the error is told")
        pages = [client.get(one).status_code for one in ("/", "/products", "/products/shop.orders", "/metrics")]
        asked = client.post("/api/v1/query", json={"metrics": ["orders"]}, headers={"sec-fetch-site": "same-origin"})
        ready = client.get("/ready").status_code
        file.write_text(said, "utf-8")
        until(lambda: "freehold validate</code>" not in client.get("/products").text, "the files are read anew")

    assert (before, pages, asked.status_code, ready) == (200, [200] * 4, 200, 200)
