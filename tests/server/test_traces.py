"""Traces and figures: told to a real collector, and to whoever scrapes; names that are hidden stay hidden."""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from freehold.connect.traces import traces
from freehold.foundation import Caller, FreeholdError
from freehold.ledger import Event
from live_collector import collecting
from live_process import freehold, served, until
from live_server import Running, token_of

_TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def test_a_run_is_a_trace_of_its_id_with_a_span_for_each_step(tmp_path: Path) -> None:
    """As the ledger tells of it; what was kept from being published is marked as wrong."""
    with collecting() as collector:
        environ = {**os.environ, "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url}
        assert freehold(tmp_path, "init", str(tmp_path / "shop")).returncode == 0
        ran = freehold(tmp_path / "shop", "run", "--json", env=environ)
        assert ran.returncode == 0, ran.stderr
        whole = next(one for one in collector.spans if one.name == "run")
        steps = [one for one in collector.spans if one is not whole]

    assert uuid.UUID(whole.trace) == uuid.UUID(json.loads(ran.stdout)["run_id"])
    assert {one.name for one in steps} == {"shop.orders.raw_orders", "shop.orders.orders"}
    assert {(one.trace, one.parent, one.is_wrong, one.service) for one in steps} == {
        (whole.trace, whole.id, False, "freehold")
    }
    assert all(0 <= one.seconds <= whole.seconds for one in steps)


def test_a_request_is_part_of_the_trace_it_came_with(
    made_estate: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its route, without its query."""
    root = Path(shutil.copytree(made_estate, tmp_path / "shop"))
    with collecting() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "200")
        with served(root) as server:
            headers = {"traceparent": f"00-{_TRACE}-00f067aa0ba902b7-01"}
            assert server.client.get("/api/v1/jobs/SECRET?x=SECRET", headers=headers).status_code >= 400
            found = until(lambda: [one for one in collector.spans if one.trace == _TRACE], "the span came")

    assert (found[0].name, found[0].parent) == ("GET /api/v1/jobs/{id}", "00f067aa0ba902b7")
    assert found[0].said["http.route"] == "/api/v1/jobs/{id}"
    assert "SECRET" not in str(collector.spans)


def test_nobody_is_told_where_nobody_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an endpoint nothing is imported; with one, what is missing is named."""
    assert traces({}) is None
    monkeypatch.setitem(__import__("sys").modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(FreeholdError, match=r"freehold\[otel\]"):
        traces({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"})


def _figures(running: Running, principal: str, *groups: str) -> dict[str, float]:
    with running.client(Authorization=f"Bearer {token_of(running, principal, *groups)}") as client:
        text = client.get("/metrics").text
    lines = (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, _, value in lines}


def test_figures_tell_of_incidents_data_checks_and_alerts(own_server: Running) -> None:
    """Gauges as things stand, counters of what was recorded since the server began."""
    ledger = own_server.app.state.served.snapshots.ledger
    ledger = ledger.acting(Caller("system:test", purpose="test", assurance="system"))
    before = _figures(own_server, "user:idp/ana")
    check = {"check_id": "c", "asset": "shop.orders.orders"}
    opened = {"incident": "incident/1", "kind": "data", "sev": 2, "detected_at": ledger.clock.now().isoformat()}
    ledger.append(
        Event("incident.opened", opened, subject="incident/1", product="shop.orders"),
        *(Event("check.completed", {**check, "status": status}) for status in ("pass", "pass", "fail")),
        Event("alert.closed", {"alert_id": "a", "verdict": "false"}),
    )
    after = _figures(own_server, "user:idp/ana")

    assert (before['freehold_incident_open{severity="2"}'], after['freehold_incident_open{severity="2"}']) == (0, 1)
    assert after['freehold_check_total{result="pass"}'] == 2
    assert after['freehold_check_total{result="fail"}'] == 1
    assert after['freehold_alert_outcome_total{outcome="false"}'] == 1
    assert after['freehold_dataset_freshness_lag_seconds{dataset="shop.orders.orders"}'] > 0


def test_figures_name_nothing_that_the_asker_may_not_see(
    made_estate: Path, tmp_path: Path, serving: Callable[..., Running]
) -> None:
    """A product that is its owner's alone is in its owner's figures alone."""
    root = Path(shutil.copytree(made_estate, tmp_path / "shop"))
    file = root / "estate.yaml"
    file.write_text(file.read_text() + "  access: {see: [owner]}\n", encoding="utf-8")
    running = serving(root, rates={"read": 100_000, "write": 100_000})

    assert "shop" not in str(_figures(running, "user:idp/carl"))
    assert "shop.orders.orders" in str(_figures(running, "user:idp/anna", "role:idp/shop-data-owner"))
