"""A running shop for every test of this folder."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from shop import Shop, days, ordinary_day, write_day


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Shop]:
    """A shop without files."""
    shop = Shop.open(tmp_path)
    yield shop
    shop.close()


@pytest.fixture
def live(opened: Shop) -> Shop:
    """A shop with five ordinary days published."""
    for index, on in enumerate(days(5)):
        write_day(opened.root, on, ordinary_day(index))
    outcome = opened.delivery.run()
    assert outcome.exit_code == 0
    return opened
