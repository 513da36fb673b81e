"""Stopping a job: it is asked until it hears, says so in a word, or says that it was too late."""

from __future__ import annotations

import signal
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from freehold.foundation import LOCAL
from freehold.ledger.jobs import Job
from freehold.server.jobs import child
from freehold.server.web.pages.jobs import told_of
from live_process import until

HEEDS_THE_SECOND = """
import signal, sys
heard = []
def heed(*_):
    heard.append(1)
    if len(heard) == 2:
        sys.exit(130)
signal.signal(signal.SIGINT, heed)
signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
print("ready")
while True:
    signal.pause()
"""
STOPPED_WHILE_IT_IMPORTS = """
import runpy, sys
class Stopped:
    def find_spec(name, *_):
        if name == "freehold.cli.reporting":
            raise KeyboardInterrupt
sys.meta_path.insert(0, Stopped)
runpy.run_module("freehold.cli.job", run_name="__main__")
"""
JOB = Job("j1", "run", {}, LOCAL, datetime(2026, 11, 22, tzinfo=UTC), state="done", exit_code=0)


def test_what_did_not_heed_a_signal_is_asked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A signal that comes at a moment when nobody heeds it does not make the wish to stop go unheard."""
    monkeypatch.setattr(child, "COMMAND", (sys.executable, "-c", HEEDS_THE_SECOND))
    monkeypatch.setattr(child, "ASKED_AGAIN_S", 0.05)
    begun = child.Child(JOB, tmp_path, "s")
    until(lambda: begun.listen(0.05) and begun.pieces, "the process is ready")

    def asked() -> bool:
        begun.interrupt()
        return not begun.listen(0.05)

    until(asked, "it ends")

    assert begun.was_interrupted
    assert begun.close() == 130


def test_what_is_stopped_before_it_began_says_so_in_a_word() -> None:
    """Whoever cancels a job while its process starts reads no page of stack."""
    ended = subprocess.run(
        [sys.executable, "-c", STOPPED_WHILE_IT_IMPORTS], input="", capture_output=True, text=True, check=False
    )

    assert (ended.returncode, ended.stdout, ended.stderr) == (128 + signal.SIGINT, "", "Stopped.\n")


def test_what_is_stopped_as_it_is_begun_says_so_in_a_word(tmp_path: Path) -> None:
    """Though its interpreter is not up yet, and nothing of ours could heed a signal."""
    begun = child.Child(JOB, tmp_path, "s")
    begun.interrupt()
    until(lambda: not begun.listen(0.05), "it ends")

    assert begun.pieces == [("stderr", "Stopped.\n")]
    assert begun.close() == 128 + signal.SIGINT


@pytest.mark.parametrize("state", ["done", "failed"])
def test_what_ended_before_it_heard_says_that_it_was_too_late(state: str) -> None:
    """Nobody who cancelled a job believes that it was stopped when it was not."""
    one = replace(JOB, state=state, exit_code=0 if state == "done" else 3)  # type: ignore[arg-type]

    assert "too late" not in told_of(one)
    assert "too late" in told_of(replace(one, is_unwanted=True))
