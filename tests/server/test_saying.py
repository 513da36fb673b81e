"""A log that nobody reads, or that is read late."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

from freehold.server.saying import MOST_UNSAID, Said
from live_process import until


def test_whoever_logs_never_waits_for_a_reader_and_is_told_of_what_was_left_out() -> None:
    """A pipe holds some thousand lines, memory some thousand more; the rest is counted, and the order is kept."""
    reading, writing = os.pipe()
    said = Said(writing)
    count = 3 * MOST_UNSAID
    for i in range(count):  # would never end, did a line wait for its reader
        said.write(json.dumps({"n": i, "more": "x" * 80}) + "\n")
    with os.fdopen(reading, encoding="utf-8") as lines:
        first = [json.loads(next(lines))["n"] for _ in range(MOST_UNSAID)]
        said.write(json.dumps({"n": -1}) + "\n")
        ending = threading.Thread(target=lambda: (said.close(), os.close(writing)))
        ending.start()
        rest = [json.loads(line) for line in lines]
        ending.join()

    left_out = [line["count"] for line in rest if "count" in line]  # more than once, if the pipe filled up late
    assert first == list(range(MOST_UNSAID))
    assert rest[-1] == {"n": -1}
    assert left_out
    assert len(first) + len(rest) - 1 - len(left_out) + sum(left_out) == count


def test_a_reader_that_is_gone_ends_nothing() -> None:
    """Lines go nowhere, and who logs does not notice."""
    reading, writing = os.pipe()
    os.close(reading)
    said = Said(writing)
    for _ in range(100):
        said.write("a line\n")
    said.close()
    os.close(writing)


def test_a_log_on_a_full_disk_goes_on_once_there_is_room() -> None:
    """What found no room is counted, and the next line is there."""
    with Path("/dev/full").open("wb", buffering=0) as full:
        descriptor = os.dup(full.fileno())
    said = Said(descriptor)
    said.write("lost\n")
    until(lambda: said._left_out, "the first line found no room")
    reading, writing = os.pipe()
    os.dup2(writing, descriptor)
    os.close(writing)
    said.write("kept\n")
    said.close()
    os.close(descriptor)
    with os.fdopen(reading, encoding="utf-8") as lines:
        found = lines.read().splitlines()

    assert json.loads(found[0])["count"] == 1
    assert found[1:] == ["kept"]
