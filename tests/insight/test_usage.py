"""Use of products and outputs: exact over events that are written down here, silent where too little is recorded."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from freehold.estate.model import Port, Product
from freehold.foundation import SimulatedClock, Where
from freehold.insight.usage import Instrumented, asset_uses, instrumented, product_uses, recorded_since, use_json
from freehold.ledger import Event, Ledger

NOW = datetime(2011, 6, 15, 12, tzinfo=UTC)  # a Wednesday
WHERE = Where("p.yaml", 1, 1)
PRODUCT = Product("p", WHERE, output_ports=(Port("x", WHERE), Port("y", WHERE), Port("z", WHERE)))


def read(days: float, consumer: str, kind: str, of: str, **said: Any) -> Event:
    """Return a read of an output so many days ago."""
    content = {
        "consumer": consumer,
        "consumer_type": kind,
        "product": "p",
        "resource": f"p.{of}",
        "status": "ok",
        **said,
    }
    return Event("usage.query", content, occurred_at=NOW - timedelta(days=days), env=said.pop("env", "prod"))


READS = [
    read(120, "user:a", "person", "x"),
    read(100, "user:b", "person", "y"),
    read(20, "user:a", "person", "x", columns=["k", "v"], segment="sales"),
    read(9, "user:a", "person", "x", columns=["v"]),
    read(1, "user:a", "person", "x", metrics=["m.revenue"], query_id="q1"),
    read(1, "user:a", "person", "z", metrics=["m.revenue"], query_id="q1"),
    read(2, "service:s", "service", "x", calls=50, columns=["*"]),
    read(2, "account:pg/1", "unknown", "x", calls=3),
    read(1, "user:c", "person", "x", status="denied"),
    read(-1, "user:c", "person", "x"),
]
LOOKS = [
    Event("usage.view", {"page": "looker:weekly", "dashboard": "weekly", "source": "looker", "consumer": who,
                         "consumer_type": kind}, occurred_at=NOW - timedelta(days=3))
    for who, kind in (("user:a", "person"), ("user:a", "person"), ("service:s", "service"))
]  # fmt: skip


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    """What happened to a product with three outputs, launched for three people."""
    folder: Path = tmp_path_factory.mktemp("usage")
    with Ledger.open("sqlite:///state.db", root=folder, clock=SimulatedClock(NOW)) as opened:
        launched = {"product": "p", "audience": ["user:a", "user:b", "user:d"]}
        opened.append(Event("product.launched", launched, occurred_at=NOW - timedelta(days=130)))
        opened.raw.append("usage.query", READS)
        opened.raw.append("usage.view", LOOKS)
        yield opened


def test_a_product_is_used_by_whom_of_what_and_how_often(ledger: Ledger) -> None:
    """Readers with calls, columns of reads that tell them, metrics by question, views, and the audience."""
    with ledger.evidence() as evidence:
        use = product_uses(evidence, [PRODUCT], "prod", NOW, {PRODUCT.id: ["weekly"]})[PRODUCT.id]

    assert [(r.name, r.kind, r.segment, r.reads, r.days, r.is_intended) for r in use.readers] == [
        ("service:s", "service", "", 50, 1, False),
        ("user:a", "person", "sales", 4, 3, True),
        ("account:pg/1", "unknown", "", 3, 1, False),
    ]
    assert use.columns == {"p.x": {"*": 50, "v": 2, "k": 1}}
    assert [(m.metric, m.readers, m.questions) for m in use.metrics] == [("m.revenue", 1, 1)]
    assert [(d.dashboard, d.viewers, d.views) for d in use.dashboards] == [("weekly", 1, 3)]
    assert (use.audience, use.active, use.never) == (3, 1, 1)
    assert use_json(use, NOW)["never"] == 1


def test_weeks_without_a_reader_count(ledger: Ledger) -> None:
    """The trend has thirteen weeks, with those in which nobody came; programs and unknown accounts are no people."""
    with ledger.evidence() as evidence:
        weeks = product_uses(evidence, [PRODUCT], "prod", NOW)[PRODUCT.id].weeks

    assert len(weeks) == 13
    assert weeks[-1].starts == date(2011, 6, 13)
    assert [(w.people, w.others, w.reads) for w in weeks[-4:]] == [(1, 0, 1), (0, 0, 0), (1, 0, 1), (1, 2, 55)]


def test_unused_is_what_nobody_and_no_program_read_for_ninety_days(ledger: Ledger) -> None:
    """One output was read 100 days ago: unused. One that a program reads is not."""
    with ledger.evidence() as evidence:
        recorded, uses = instrumented(evidence), asset_uses(evidence, [PRODUCT], "prod", NOW)

    assert {one.asset: one.is_unused(recorded, NOW) for one in uses} == {"p.x": False, "p.y": True, "p.z": False}
    assert [(one.asset, one.people, one.others, one.reads) for one in uses] == [
        ("p.x", 1, 2, 56), ("p.z", 1, 0, 1), ("p.y", 0, 0, 0),
    ]  # fmt: skip


SINCE = {
    "nothing was ever recorded": (None, False, "No read was ever recorded"),
    "recorded for less than ninety days": (NOW - timedelta(days=89), False, "can be told from 16 Jun 2011"),
    "recorded for ninety days": (NOW - timedelta(days=90), True, "Nothing tells of what goes past Freehold."),
}


@pytest.mark.parametrize(("since", "can_tell", "sentence"), SINCE.values(), ids=list(SINCE))
def test_nothing_is_unused_before_that_can_be_told(since: datetime | None, can_tell: bool, sentence: str) -> None:
    """A missing signal is no sign: what is said says since when reads are recorded."""
    recorded = Instrumented(since)

    assert recorded.tells_unused(NOW) is can_tell
    assert sentence in recorded_since(recorded, NOW)
