"""Turns of watching beside commands: what goes wrong with one ends nothing, and keeps no processor busy."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from freehold.cli.watched import Watching, watch_after
from freehold.estate.model import Estate
from freehold.foundation import FreeholdError
from freehold.opening import opened_delivery
from watched_estate import Bench, write

LONG = 600.0  # seconds that a worker would sleep


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """An estate in which nothing has happened."""
    return Bench(write(tmp_path))


def naps(watching: Watching, times: int = 3) -> list[float]:
    """Return how long a worker sleeps, so many times after each other."""
    slept: list[float] = []
    sleep = watching.sleeping(slept.append)
    for _ in range(times):
        sleep(LONG)
    return slept


def test_a_turn_that_goes_wrong_is_said_once_and_taken_again_later(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    """Though the next one was due long ago, a worker sleeps in between."""

    def broken() -> Estate:
        raise FreeholdError("FH-V001", "There is no estate.")

    watching = Watching(broken, bench.ledger, "prod", "duckdb")
    watching.next_at = datetime.now(UTC) - timedelta(days=1)
    slept = naps(watching)

    assert all(1 < seconds < LONG for seconds in slept)
    assert capsys.readouterr().err.count("Nobody watches what is wrong") == 1


def test_a_turn_that_another_worker_has_in_hand_is_not_asked_for_all_the_time(bench: Bench) -> None:
    """While somebody else holds the lease and is late with it."""
    bench.check("fail")
    bench.turn()  # so that there is something to tell again
    due = datetime.fromisoformat(bench.ledger.state.get("alerts", "prod")["next_at"])
    assert due < datetime.now(UTC), "the clock of the test is of the past"
    with bench.ledger.lease("alerts/prod", "another", 60):
        slept = naps(Watching(lambda: bench.estate, bench.ledger, "prod", "duckdb"))

    assert all(1 < seconds < LONG for seconds in slept)


def test_what_watches_promises_is_kept_while_the_estate_is_the_same(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that changed no file makes nothing be read again; a file that changed does."""
    from freehold.estate import load_estate
    from freehold.reliability import slo

    begun: list[Estate] = []

    class Counted(slo.Watch):
        def __init__(self, estate: Estate, *more: object) -> None:
            begun.append(estate)
            super().__init__(estate, *more)  # type: ignore[arg-type]

    monkeypatch.setattr(slo, "Watch", Counted)
    read: Callable[[], Estate] = lambda: load_estate(bench.estate.root)  # noqa: E731
    watching = Watching(read, bench.ledger, "prod", "duckdb")
    for _ in range(3):
        watching.ran()
    assert len(begun) == 1
    file = Path(bench.estate.root) / "shop/orders/product.odps.yaml"
    file.write_text(file.read_text().replace("name: Orders", "name: Orders of all"))
    watching.ran()
    assert [one.products["shop.orders"].name for one in begun] == ["Orders", "Orders of all"]


@pytest.mark.parametrize("code", ["FH-L202", "FH-L003", "FH-W105"])
def test_what_goes_wrong_after_a_run_is_said_and_ends_it_well(
    bench: Bench, code: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was run is run: a lease that was lost, a record that somebody was ahead of, a move that is refused."""

    def lost(*_: object, **__: object) -> None:
        raise FreeholdError(code, "It was lost on the way.")

    monkeypatch.setattr("freehold.reliability.watch", lost)
    with opened_delivery(str(bench.estate.root), None) as delivery:
        watch_after(delivery)

    assert capsys.readouterr().err == "Nobody watches what is wrong: It was lost on the way.\n"
