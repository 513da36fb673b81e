"""Alerts of products that somebody may not see are not there for them, and values of rows neither."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from test_alerts import ASSET, MONA, failing

import guarded_estate
from freehold.server import Settings
from live_server import Running, free_port, known_as, started

RARE = ("user:idp/ruth", "group:idp/rare")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server of an estate in which wolfram is seen by its team alone."""
    made = guarded_estate.made(tmp_path_factory.mktemp("unseen") / "estate")
    file = next(Path(made).rglob("wolfram/*.odps.yaml"))
    file.write_text(guarded_estate.product_file("works.wolfram", '{see: ["team:metals"]}'), encoding="utf-8")
    run, stop = started(made, Settings(port=free_port(), url="", rates={"read": 100_000, "write": 100_000}))
    yield run
    stop()


def test_what_may_not_be_seen_is_not_there(running: Running) -> None:
    """Neither in a list, nor by its id, nor on a page, nor by a silence or a monitor that names it."""
    id_ = failing(running, "hidden")
    said = {"matchers": ["product=works.wolfram"], "ends_at": (datetime.now(UTC) + timedelta(hours=1)).isoformat()}
    with known_as(running, *MONA) as mona:
        assert mona.post("/api/v1/silences", json=said).status_code == 201
        assert ASSET in mona.get("/api/v1/alerts").text
    with known_as(running, *RARE) as ruth:
        assert ruth.get(f"/api/v1/alerts/{id_}").status_code == 404
        assert ruth.post(f"/api/v1/alerts/{id_}/close", json={"verdict": "false"}).status_code == 404
        assert ruth.post("/api/v1/silences", json=said).status_code == 404
        for path in ("/api/v1/alerts", "/api/v1/silences", "/api/v1/monitors", "/alerts", "/alerts.json",
                     "/alerts?view=monitors", "/homes/dataops.json"):  # fmt: skip
            assert "wolfram" not in ruth.get(path).text, path
