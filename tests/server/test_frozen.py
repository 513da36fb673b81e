"""A metric that is frozen says so on its own page and in its values, from when it is until it is not."""

from __future__ import annotations

from datetime import date

from freehold.reliability.incidents.freezing import freezing, thawing
from live_process import until
from live_server import PAGE, Running, known_as

METRIC = "shop.revenue"


def test_a_frozen_metric_says_so_on_its_page_and_with_its_values(own_server: Running) -> None:
    """Whoever has it open sees it with the next look, and that it holds no more with the one after."""
    ledger = own_server.app.state.served.snapshots.ledger
    with known_as(own_server, "user:idp/ana", **PAGE) as reader:

        def told() -> list[list[str]]:
            page = reader.get(f"/metrics/{METRIC}.json").json()["page"]["notes"]
            return [page, reader.get(f"/api/v1/metrics/{METRIC}/values").json()["notes"]]

        assert told() == [[], []]
        ledger.append(freezing(ledger, METRIC, date(2024, 3, 1), "incident/one", "Prices are in pence"))
        until(
            lambda: all(notes and "from 2024-03-01 on. Prices are in pence." in notes[0] for notes in told()), "frozen"
        )
        assert "is frozen" in reader.get(f"/metrics/{METRIC}").text
        ledger.append(thawing(METRIC))
        until(lambda: told() == [[], []], "not frozen any more")
