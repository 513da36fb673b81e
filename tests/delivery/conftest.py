"""A running shop for every test of this folder."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from shop import URL_FILE, Shop, days, ordinary_day, write_day


@pytest.fixture(params=["duckdb", "postgres"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The folder of a shop, its warehouse in DuckDB and in PostgreSQL: each test that asks runs on both."""
    if request.param == "postgres":
        (tmp_path / URL_FILE).write_text(request.getfixturevalue("postgres_url"))
    return tmp_path


@pytest.fixture
def opened(folder: Path, tmp_path: Path) -> Iterator[Shop]:
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
