"""Runs that did not come to their end: each leaves a mark while it is at work, and the next finds what was left.

The ledger tells of steps that ended; that a process was killed between two of them, nothing in it can tell.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from freehold.ledger import Ledger

_AT_WORK, _BROKEN = "run at work", "run broken off"


@dataclass(frozen=True, slots=True)
class Unfinished:
    """Runs of an environment that have no end: the one whose mark is there, and those that others went on for."""

    begun: str = ""
    went_on: Mapping[str, str] = field(default_factory=dict)


@contextmanager
def at_work(ledger: Ledger, env: str, run_id: str) -> Iterator[None]:
    """Mark a run as at work while the block runs; where it raises or is killed, the mark stays for the next run.

    The lease of the environment is held, so that there is one at a time.
    """
    left = ledger.state.get(_AT_WORK, env)
    if left != run_id:
        ledger.state.put(_AT_WORK, env, run_id)
        if left:
            ledger.state.put(_BROKEN, f"{env}/{left}", run_id)
    yield
    ledger.state.delete(_AT_WORK, env)


def unfinished(ledger: Ledger, env: str) -> Unfinished:
    """Return which runs of an environment broke off, by what their marks tell."""
    before = f"{env}/"
    broken = ledger.state.many(_BROKEN, before)
    return Unfinished(
        str(ledger.state.get(_AT_WORK, env, "")), {key.removeprefix(before): str(by) for key, by in broken.items()}
    )
