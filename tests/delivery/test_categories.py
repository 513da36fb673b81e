"""Values of columns of few: counted under digests, said beside the chain, and erased there for good."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from freehold.delivery.categories import counted, digest_of, named, remember
from freehold.foundation import SimulatedClock
from freehold.ledger import Ledger
from freehold.quality import ColumnProfile, TableState

ASSET = "shop.orders.lines"


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """An empty ledger."""
    clock = SimulatedClock(datetime(2026, 1, 5, tzinfo=UTC))
    with Ledger.open("sqlite:///state.db", root=tmp_path, clock=clock) as opened:
        yield opened


@pytest.mark.parametrize(
    ("values", "is_counted"),
    [
        (None, False),
        ({}, False),
        ({"de": 3, "fr": 4}, True),
        ({True: 3, False: 4}, True),
        (dict.fromkeys(range(12), 1), True),
        (dict.fromkeys(range(13), 1), False),
        ({f"c{n}": 1 for n in range(64)}, True),
        ({f"c{n}": 1 for n in range(65)}, False),
        ({date(2026, 1, 5): 7}, False),
    ],
    ids=["not known", "none", "names", "truth", "codes", "amounts", "many names", "too many", "dates"],
)
def test_values_that_are_names_are_counted(values: dict[Any, int] | None, is_counted: bool) -> None:
    """Amounts and dates are none, and a column of many values is no list of them."""
    found = counted(ASSET, "c", ColumnProfile(values=values))

    assert (found is not None) is is_counted
    if found and values:
        assert found == {digest_of(ASSET, "c", value): rows for value, rows in values.items()}


def test_what_a_digest_stands_for_is_known_until_it_is_erased(ledger: Ledger) -> None:
    """Each value is put aside once, whenever it comes; the ledger's events hold none."""
    for values in ({"de": 3}, {"de": 4, "fr": 1}, {"fr": 2}):
        remember(ledger, ASSET, TableState(4, {"country": ColumnProfile(values=values), "n": ColumnProfile()}))
    digests = [digest_of(ASSET, "country", value) for value in ("de", "fr", "never")]

    assert list(named(ledger, ASSET, "country", digests).values()) == ["de", "fr"]
    assert named(ledger, ASSET, "other", digests) == {}

    assert ledger.side.erase_subject(ASSET) == 2
    assert named(ledger, ASSET, "country", digests) == {}
