"""A journal of raw events: what was promised is on disk, whatever ends the process, and is sealed once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from freehold.foundation import FreeholdError
from freehold.ledger import Event, Ledger, journal

RAW = "lineage.received"
AT = datetime(2026, 3, 1, tzinfo=UTC)


def event(number: int) -> Event:
    """Return an event of a raw type."""
    said = {"kind": "run", "digest": str(number), "body": f'{{"number": {number}, "sign": "é"}}', "warnings": []}
    return Event(RAW, said, f"{number:036}", AT + timedelta(seconds=number))


def numbers(ledger: Ledger) -> list[int]:
    """Return the events of all segments, in their order."""
    found = [one for one in ledger.read(types=("segment.sealed",)) if one.data["type"] == RAW]
    return [int(row["digest"]) for one in found for row in ledger.raw.rows(one, ("digest",))]


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """A ledger that is opened again and again."""
    return Ledger.open("sqlite:///state.db", root=tmp_path)


def test_what_is_kept_is_sealed_once_and_in_order(ledger: Ledger, tmp_path: Path) -> None:
    """Events go to disk at once and become segments later; sealing again seals nothing, and the chain holds."""
    kept = ledger.raw.journal(RAW)
    for number in range(7):
        kept.append([event(number)]).result(10)
    before = kept.unsealed
    first, second = kept.seal(), kept.seal()
    kept.append([event(7), event(8)]).result(10)
    kept.close()
    kept.close()

    assert (before, len(first), second) == (7, 1, ())
    assert numbers(ledger) == list(range(9))
    assert list(tmp_path.rglob("*.jsonl")) == []
    assert ledger.verify().broken is None
    ledger.close()


def test_segments_have_a_size(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many events become several segments, none of them lost or twice."""
    monkeypatch.setattr(journal, "_EACH", 4)
    kept = ledger.raw.journal(RAW)
    kept.append([event(number) for number in range(10)]).result(10)

    assert len(kept.seal()) == 3
    assert numbers(ledger) == list(range(10))
    assert ledger.raw.newest_ids(RAW, 3) == [f"{number:036}" for number in (7, 8, 9)]
    kept.close()
    ledger.close()


def test_what_another_process_left_is_sealed(ledger: Ledger, tmp_path: Path) -> None:
    """A line that was cut off was promised to nobody; what stands before it was, and is there."""
    folder = tmp_path / "journal" / "default" / RAW
    folder.mkdir(parents=True)
    whole = b"".join(journal._line(event(number)) for number in range(3))
    (folder / "left.jsonl").write_bytes(whole + journal._line(event(3))[:-5])
    assert ledger.raw.has_journal(RAW)
    ledger.raw.journal(RAW).close()

    assert numbers(ledger) == [0, 1, 2]
    assert not ledger.raw.has_journal(RAW)
    ledger.close()


def test_a_file_that_was_sealed_before_a_crash_is_not_sealed_again(ledger: Ledger, tmp_path: Path) -> None:
    """A process that dies between the seal and taking the file away leaves nothing twice."""
    folder = tmp_path / "journal" / "default" / RAW
    folder.mkdir(parents=True)
    lines = b"".join(journal._line(event(number)) for number in range(3))
    for _ in range(2):
        (folder / "left.jsonl").write_bytes(lines)
        ledger.raw.journal(RAW).close()

    assert numbers(ledger) == [0, 1, 2]
    ledger.close()


def test_two_processes_have_files_of_their_own(ledger: Ledger, tmp_path: Path) -> None:
    """A journal that is open elsewhere is left alone; each seals what it took."""
    one = ledger.raw.journal(RAW)
    one.append([event(0)]).result(10)
    two = ledger.raw.journal(RAW)
    two.append([event(1)]).result(10)
    two.close()
    before = numbers(ledger)
    one.close()

    assert (before, numbers(ledger)) == ([1], [1, 0])
    ledger.close()


def test_a_disk_that_is_full_is_told_and_keeps_nothing_of_it(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who waits learns that it is not kept; what was kept before stays, and what comes after is kept."""
    kept = ledger.raw.journal(RAW)
    kept.append([event(0)]).result(10)
    whole = os.fdatasync

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fdatasync", full)
    with pytest.raises(FreeholdError) as error:
        kept.append([event(1)]).result(10)
    monkeypatch.setattr(os, "fdatasync", whole)
    kept.append([event(2)]).result(10)
    kept.close()

    assert error.value.code == "FH-L113"
    assert numbers(ledger) == [0, 2]
    ledger.close()


def test_more_than_can_be_written_is_refused(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is no journal: past a bound the sender has to wait."""
    monkeypatch.setattr(journal, "_MOST_WAITING", 10)
    kept = ledger.raw.journal(RAW)
    with pytest.raises(FreeholdError) as error:
        kept.append([event(0)])
    kept.close()

    assert error.value.code == "FH-L114"
    ledger.close()


def test_only_raw_types_have_a_journal(ledger: Ledger) -> None:
    """What belongs into ledger rows is appended there."""
    with pytest.raises(FreeholdError) as error:
        ledger.raw.journal("run.completed")

    assert error.value.code == "FH-L007"
    ledger.close()


WRITER = """
import sys
from pathlib import Path
sys.path.insert(0, {here!r})
from test_journal import RAW, event
from freehold.ledger import Ledger
kept = Ledger.open("sqlite:///state.db", root=Path(sys.argv[1])).raw.journal(RAW)
for number in range(100_000):
    kept.append([event(number)]).result()
    print(number, flush=True)
    if number % 40 == 39:
        kept.seal()
"""


def test_what_was_promised_survives_sigkill(tmp_path: Path) -> None:
    """Killed while it takes and seals, again and again: every event that was promised is there, once."""
    promised: list[int] = []
    for _ in range(3):
        code = WRITER.format(here=str(Path(__file__).parent))
        process = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        told = [int(process.stdout.readline()) for _ in range(57)]
        process.send_signal(signal.SIGKILL)
        told += [int(line) for line in process.stdout if line.endswith("\n")]
        process.wait()
        process.stdout.close()
        promised += told
    with Ledger.open("sqlite:///state.db", root=tmp_path) as ledger:
        ledger.raw.journal(RAW).close()
        found = numbers(ledger)
        assert ledger.verify().broken is None

    for number in set(promised):
        assert found.count(number) >= promised.count(number)
    assert len(found) <= len(promised) + 3  # one that was on its way each time may be there, too
