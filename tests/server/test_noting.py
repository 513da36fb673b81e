"""Evidence of use, gathered and written some at a time: none twice, none lost while the process lives."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from freehold.foundation import FreeholdError
from freehold.ledger import Event, Ledger
from freehold.server import noting
from freehold.server.noting import Notes
from freehold.server.telemetry import Telemetry


def view(number: int) -> Event:
    """Return a view that can be told from others."""
    return Event("usage.view", {"page": f"p{number}", "consumer": "user:x", "consumer_type": "person"})


def written(ledger: Ledger) -> list[str]:
    """Return the pages of every view that was written."""
    segments = ledger.read(types=("segment.sealed",))
    return sorted(str(row["page"]) for one in segments for row in ledger.raw.rows(one, ("page",)))


def test_what_many_threads_note_is_written_once(tmp_path: Path) -> None:
    """Also while some of it is being written."""
    with Ledger.open("sqlite:///state.db", root=tmp_path) as ledger:
        notes = Notes(ledger, "usage.view", Telemetry())

        def note(first: int) -> None:
            for number in range(first, first + 100):
                notes.take([view(number)])
                if number % 40 == 0:
                    notes.flush()

        threads = [threading.Thread(target=note, args=(n * 100,)) for n in range(4)]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
        notes.close()

        assert written(ledger) == sorted(f"p{n}" for n in range(400))


def test_many_are_written_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits a minute for what fills the memory."""
    monkeypatch.setattr(noting, "MANY", 3)
    with Ledger.open("sqlite:///state.db", root=tmp_path) as ledger:
        notes, done = Notes(ledger, "usage.view", Telemetry()), threading.Event()
        append = ledger.raw.append
        monkeypatch.setattr(ledger.raw, "append", lambda *given: (append(*given), done.set()))
        for number in range(3):
            notes.take([view(number)])

        assert done.wait(30)
        assert written(ledger) == ["p0", "p1", "p2"]
        notes.close()


def test_what_cannot_be_written_waits_for_the_next_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that is full loses nothing that was noted; whoever asked for it to be written is told."""
    with Ledger.open("sqlite:///state.db", root=tmp_path) as ledger:
        notes = Notes(ledger, "usage.view", Telemetry())
        notes.take([view(1)])
        full = FreeholdError("FH-L104", "The disk is full.", fix="Free some space.")

        def refused(*_: object) -> None:
            raise full

        with monkeypatch.context() as broken:
            broken.setattr(ledger.raw, "append", refused)
            with pytest.raises(FreeholdError):
                notes.flush()
        notes.take([view(2)])
        notes.close()

        assert written(ledger) == ["p1", "p2"]
