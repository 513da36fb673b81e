"""Several processes at once, and processes that die: what was acknowledged is there, once."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from happenings import check
from places import Place

from freehold.foundation import Transient
from freehold.ledger import Ledger
from freehold.ledger import dialect as dialects

WRITER = Path(__file__).with_name("writer_process.py")


def start(place: Place, name: str, count: int) -> subprocess.Popen[str]:
    """Start a writer."""
    command = [sys.executable, str(WRITER), place.url, str(place.root), name, str(count)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def whole(ledger: Ledger, acknowledged: set[str]) -> None:
    """Every acknowledged event is there, numbers have no gap, no batch is torn, the seal holds."""
    events = list(ledger.read())
    ids = [event.id for event in events]
    assert acknowledged <= set(ids)
    assert len(ids) == len(set(ids))
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    batches: dict[str, int] = {}
    for id_ in ids:
        name, _, _ = id_.rpartition("-")
        batches[name] = batches.get(name, 0) + 1
    torn = [name for name, parts in batches.items() if parts != 1 + int(name.rpartition("-")[2]) % 3]
    assert torn == []
    ledger.seal()
    assert ledger.verify().ok


def test_eight_processes_append_at_once_and_lose_nothing(opened: Callable[..., Ledger], place: Place) -> None:
    """From an empty folder on, where each may be the one that makes the tables."""
    writers = [start(place, f"w{n}", 60) for n in range(8)]
    answers = [writer.communicate(timeout=120) for writer in writers]

    assert [error for _, error in answers] == [""] * 8
    acknowledged = {line for said, _ in answers for line in said.splitlines()}
    assert len(acknowledged) == 8 * 120
    whole(opened(), acknowledged)


@pytest.mark.parametrize("seed", range(4))
def test_a_killed_writer_loses_no_acknowledged_event(opened: Callable[..., Ledger], place: Place, seed: int) -> None:
    """SIGKILL at a random instant, beside another writer that goes on unharmed."""
    chance = random.Random(seed)
    victim, other = start(place, "victim", 100_000), start(place, "other", 120)
    assert victim.stdout is not None
    acknowledged = [victim.stdout.readline().strip() for _ in range(chance.randrange(1, 250))]
    victim.send_signal(signal.SIGKILL)
    said, _ = victim.communicate(timeout=60)
    acknowledged += said.splitlines()[: -1 if not said.endswith("\n") else None]
    rest, error = other.communicate(timeout=120)

    assert error == ""
    whole(opened(), {*acknowledged, *rest.splitlines()})


@pytest.mark.long
@pytest.mark.parametrize("seed", range(100, 130))
def test_a_killed_writer_loses_no_acknowledged_event_at_many_instants(
    opened: Callable[..., Ledger], place: Place, seed: int
) -> None:
    """The same at thirty more instants."""
    test_a_killed_writer_loses_no_acknowledged_event(opened, place, seed)


@contextmanager
def turn_held(place: Place) -> Iterator[None]:
    """Another process has the turn and does not give it back: it was stopped, say."""
    if place.kind == "sqlite":
        import fcntl

        turn = os.open(place.root / "state.db.turn", os.O_RDWR)
        fcntl.flock(turn, fcntl.LOCK_EX)
        yield
        os.close(turn)
    else:
        import psycopg

        with psycopg.connect(place.url) as other:
            other.execute("SELECT * FROM ledger_head FOR UPDATE")
            yield


def test_a_writer_that_hangs_with_the_turn_is_named_and_not_waited_for_forever(
    opened: Callable[..., Ledger], place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A transient error that says what was waited for; nothing was written, and the next append goes through."""
    monkeypatch.setattr(dialects, "PATIENCE_S", 0.01)
    ledger = opened()

    with turn_held(place), pytest.raises(Transient, match="Another process has been writing"):
        ledger.append(check(1))

    assert ledger.append(check(2)) == (1,)
