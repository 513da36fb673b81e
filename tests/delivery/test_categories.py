"""Values of columns of few: counted under digests, said beside the chain, and erased there for good."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from freehold.delivery.categories import few, named, remember
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


def remembered(ledger: Ledger, values: dict[str, int]) -> dict[str, int]:
    """Put the values of a batch aside, and return how many rows each has, by digest."""
    state = TableState(4, {"country": ColumnProfile(values=values), "n": ColumnProfile()})
    (found,) = remember(ledger, ASSET, state).values()
    return found


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
    assert few(ColumnProfile(values=values)) == (values if is_counted else {})


def test_what_a_digest_stands_for_is_known_until_it_is_erased(ledger: Ledger) -> None:
    """Each value is put aside once, whenever it comes; the ledger's events hold none."""
    told = [remembered(ledger, values) for values in ({"de": 3}, {"de": 4, "fr": 1}, {"fr": 2})]
    (de,), both, (fr,) = told
    digests = [de, fr, "never"]

    assert both == {de: 4, fr: 1}
    assert list(named(ledger, ASSET, "country", digests).values()) == ["de", "fr"]
    assert named(ledger, ASSET, "other", digests) == {}

    assert ledger.side.erase_subject(ASSET) == 2
    assert named(ledger, ASSET, "country", digests) == {}


def test_a_digest_says_nothing_to_who_has_events_alone(ledger: Ledger, tmp_path: Path) -> None:
    """The same in one ledger, another in every other: no value is found by trying those that it may be."""
    with Ledger.open("sqlite:///other.db", root=tmp_path) as another:
        (there,) = remembered(another, {"de": 3})
    (here,) = remembered(ledger, {"de": 3})

    assert [*remembered(ledger, {"de": 4})] == [here]
    assert here != there
    assert here != hashlib.sha256(f"{ASSET}\ncountry\nde".encode()).hexdigest()[:12]
