"""ETags: an answer is called the same as long as nothing of it changed, and otherwise once something did."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from freehold.foundation import Caller
from freehold.ledger import Event
from freehold.server.tags import lasting_tag_of
from live_process import until
from live_server import Running, known_as

_PAGE = '  - {property: "freehold:status_page", value: {name: Orders}}\n'
_SLO = """\
apiVersion: openslo/v1
kind: SLO
metadata: {name: runs}
spec:
  service: shop.orders
  indicatorRef: runs
  timeWindow: [{duration: 28d}]
  budgetingMethod: Occurrences
  objectives: [{target: 0.99}]
---
apiVersion: openslo/v1
kind: SLO
metadata: {name: open}
spec:
  service: shop.orders
  indicatorRef: availability
  timeWindow: [{duration: 28d}]
  budgetingMethod: Timeslices
  objectives: [{target: 0.99}]
"""
SLOS, STATUS, ROADMAP = "/api/v1/slos", "/api/v1/status-page", "/api/v1/roadmap/export"


@pytest.fixture(scope="module")
def promising(
    made_estate: Path, tmp_path_factory: pytest.TempPathFactory, serving: Callable[..., Running]
) -> Running:  # fmt: skip
    """A server of an estate with SLOs, whose product is on the status page."""
    root = Path(shutil.copytree(made_estate, tmp_path_factory.mktemp("etags") / "shop"))
    file = root / "shop" / "orders" / "product.odps.yaml"
    file.write_text(file.read_text().replace("customProperties:\n", f"customProperties:\n{_PAGE}"))
    (root / "slos.yaml").write_text(_SLO)
    return serving(root, rates={"read": 100_000, "write": 100_000})


@pytest.mark.parametrize(
    "path",
    [SLOS, f"{SLOS}/runs", f"{SLOS}/open", STATUS, "/status/status.json", ROADMAP, f"{ROADMAP}?format=csv"],
)
def test_what_did_not_change_is_called_the_same(promising: Running, path: str) -> None:
    """Whoever names it is told that they have it, without a body."""
    snapshots = promising.app.state.served.snapshots
    with known_as(promising, "user:idp/ana") as client:
        before = None
        while before is not snapshots.now():  # the server looks at the estate anew each minute
            before = snapshots.now()
            tags = {client.get(path).headers["etag"] for _ in range(2)}
            known = client.get(path, headers={"if-none-match": next(iter(tags))})

    assert len(tags) == 1
    assert (known.status_code, known.content) == (304, b"")


def test_when_alone_is_not_a_change(promising: Running) -> None:
    """What everybody is told says as of when it is, with each answer; it is called the same by that."""
    with known_as(promising, "user:idp/ana") as client:
        first, second = client.get(STATUS), client.get(STATUS)

    assert first.json()["as_of"] < second.json()["as_of"]
    assert first.headers["etag"] == second.headers["etag"]


@pytest.mark.parametrize(
    ("other", "is_same"),
    [
        ({"items": [{"id": "a", "until": 2, "left": 0.5}]}, True),
        ({"items": [{"id": "a", "until": 1, "left": 0.4}]}, False),
        ({"items": [], "next": "a"}, False),
    ],
    ids=["another instant", "another figure", "another list"],
)
def test_an_answer_is_called_by_all_but_the_clock(other: object, is_same: bool) -> None:
    """Wherever the instants stand in it."""
    tag = lasting_tag_of({"items": [{"id": "a", "until": 1, "left": 0.5}]}, ("until",))

    assert tag.startswith('W/"')
    assert (tag == lasting_tag_of(other, ("until",))) is is_same


def test_what_changed_is_called_otherwise(promising: Running) -> None:
    """Availability counts an incident, and the page tells of it: one of which customers are told."""
    ledger = promising.app.state.served.snapshots.ledger
    ledger = ledger.acting(Caller("system:test", purpose="test", assurance="system"))
    with known_as(promising, "user:idp/ana") as client:
        before = {path: client.get(path).headers["etag"] for path in (SLOS, STATUS)}
        now = ledger.clock.now().isoformat()
        opened = {
            "incident": "incident/one", "kind": "data", "sev": 1, "detected_at": now, "assets": ["shop.orders.orders"],
        }  # fmt: skip
        ledger.append(Event("incident.opened", opened, env="prod", subject="incident/one", product="shop.orders"))
        words = ledger.side.put("update", "We are on it.", subject="incident/one")
        told = {"incident": "incident/one", "comms": words, "audience": "customers"}
        ledger.append(Event("incident.updated", told, env="prod", subject="incident/one"))
        for path, tag in before.items():
            until(
                lambda path=path, tag=tag: client.get(path, headers={"if-none-match": tag}).status_code == 200,
                f"{path} is another",
            )
