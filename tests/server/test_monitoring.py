"""What ships for Grafana and Prometheus asks for figures, labels and values that a server shows."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from changing_estates import freehold, owned
from freehold.estate.reading import read_documents
from freehold.ledger import Event
from live_server import Running, token_of

MONITORING = Path(__file__).parents[2] / "docs" / "monitoring"
FILES = ("grafana.json", "prometheus-rules.yml")
SCRAPED = {"instance", "job"}  # labels that Prometheus gives to whatever it scrapes
SLO = """\
apiVersion: openslo/v1
kind: SLO
metadata: {name: shop-runs}
spec:
  service: shop.orders
  indicatorRef: runs
  timeWindow: [{duration: 30d}]
  budgetingMethod: Occurrences
  objectives: [{target: 0.99}]
"""
_SELECTOR = re.compile(r"\b(freehold_\w+)(?:\{([^}]*)\})?")
_MATCHER = re.compile(r'(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"')
_NAMED = re.compile(r"\b(?:by|on|without|ignoring)\s*\(([^)]*)\)")
_TEMPLATED = re.compile(r"\{\{\s*(?:\$labels\.)?([a-z]\w*)\s*\}\}")


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory, serving: Callable[..., Running]) -> Mapping[str, Any]:
    """What a server shows once there is something of everything: by figure, its samples' labels and their values."""
    root: Path = tmp_path_factory.mktemp("shown") / "shop"
    assert freehold(root.parent, "init", str(root)).returncode == 0
    owned(root)
    (root / "slos.yaml").write_text(SLO)
    assert freehold(root, "run").returncode == 0
    running = serving(root)
    checked = {"check_id": "shop.orders.orders:rows", "asset": "shop.orders.orders", "status": "pass"}
    closed = {"alert_id": "a", "rule": "rows", "verdict": "false"}
    at = datetime(2026, 11, 2, tzinfo=UTC)
    running.app.state.served.snapshots.ledger.append(
        Event("check.completed", checked, occurred_at=at, env="prod"), Event("alert.closed", closed, env="prod")
    )
    with running.client(Authorization=f"Bearer {token_of(running, 'user:idp/lead')}") as client:
        assert client.get("/api/v1/slos").status_code == 200, "something is asked, and so is counted"
        text = client.get("/metrics").text
    found: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found[sample.name].update({})
            for label, value in sample.labels.items():
                found[sample.name][label].add(value)
    return found


@pytest.mark.parametrize("name", FILES)
def test_what_ships_asks_for_what_there_is(samples: Mapping[str, Mapping[str, set[str]]], name: str) -> None:
    """Each figure is shown, has each label that is named, and some value of it is one that is asked for."""
    asked = list(_asked(_read(name)))
    assert asked
    for expression, words in asked:
        figures = _SELECTOR.findall(expression)
        assert figures, expression
        for figure, matchers in figures:
            assert figure in samples, f"no server shows {figure}"
            for label, how, value in _MATCHER.findall(matchers):
                assert label in samples[figure], f"{figure} has no label {label}"
                given = samples[figure][label]
                fits = {one for one in given if re.fullmatch(value if "~" in how else re.escape(value), one)}
                assert fits, f"{figure} is never of {label} {value}, but of {sorted(given)}"
        known = SCRAPED.union(*(samples[figure] for figure, _ in figures))
        named = {one.strip() for part in _NAMED.findall(expression) for one in part.split(",")}
        assert named | set(_TEMPLATED.findall(words)) <= known, f"{expression}: {words}"


@pytest.mark.parametrize("name", FILES)
def test_expressions_close_what_they_open(name: str) -> None:
    """As far as can be told without Prometheus: brackets and quotes are in pairs."""
    for expression, _ in _asked(_read(name)):
        bare = re.sub(r'"[^"]*"', "", expression)
        assert '"' not in bare, expression
        for opening, closing in ("()", "{}", "[]"):
            depth = 0
            for sign in bare:
                depth += (sign == opening) - (sign == closing)
                assert depth >= 0, expression
            assert depth == 0, expression


def test_rules_are_as_prometheus_reads_them() -> None:
    """Each has a name of its own, a severity and a summary, and no word that Prometheus does not know."""
    (group,) = _read("prometheus-rules.yml")["groups"]
    rules = group["rules"]
    assert set(group) <= {"name", "interval", "limit", "rules"}
    assert len({rule["alert"] for rule in rules}) == len(rules)
    for rule in rules:
        assert set(rule) <= {"alert", "expr", "for", "keep_firing_for", "labels", "annotations"}, rule
        assert rule["labels"]["severity"] in {"critical", "warning"}
        assert rule["annotations"]["summary"]
        assert re.fullmatch(r"(\d+(ms|[smhdwy]))+", rule.get("for", "0s"))


def test_the_dashboard_is_as_grafana_reads_it() -> None:
    """Its panels have ids of their own, lie beside each other, and ask the data source that is named on import."""
    said = json.loads((MONITORING / "grafana.json").read_text("utf-8"))
    panels, sources = said["panels"], {f"${{{one['name']}}}" for one in said["__inputs"]}
    assert len({one["id"] for one in panels}) == len(panels)
    for panel in panels:
        assert panel["datasource"]["uid"] in sources
        assert {one["datasource"]["uid"] for one in panel["targets"]} <= sources
        assert len({one["refId"] for one in panel["targets"]}) == len(panel["targets"])
        assert panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24
    for one, other in combinations([panel["gridPos"] for panel in panels], 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        assert beside or one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]


def _read(name: str) -> Any:
    (said,) = read_documents((MONITORING / name).read_bytes(), name)
    return said.value


def _asked(said: Any) -> Iterator[tuple[str, str]]:
    """Yield the expressions of a file, each with the words that show what comes of it."""
    if isinstance(said, dict) and "expr" in said:
        yield str(said["expr"]), " ".join((str(said.get("legendFormat", "")), *said.get("annotations", {}).values()))
    for one in said.values() if isinstance(said, dict) else said if isinstance(said, list) else ():
        yield from _asked(one)
