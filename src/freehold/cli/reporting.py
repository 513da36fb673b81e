"""What a job tells the server beside its output: how far it is, and what went wrong, as data."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from freehold.delivery import StepOutcome
    from freehold.foundation import FreeholdError

_EVERY_S = 0.1
_MOST_ERRORS = 5


class Reports:
    """Writes reports to a pipe, a line each."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._what = ""
        self._told_at = 0.0

    def progress(self, step: StepOutcome | None, done: int, total: int) -> None:
        """Tell how far a run is, some times a second at most; called as `delivery.run` calls back."""
        if step is not None:
            self._what = f"{step.asset} {step.interval or ''}".rstrip()
        elif done == total or time.monotonic() - self._told_at >= _EVERY_S:
            self._told_at = time.monotonic()
            self._tell({"done": done, "total": total, "what": self._what})

    def errors(self, errors: tuple[FreeholdError, ...]) -> None:
        """Tell what went wrong."""
        self._tell({"errors": [error.to_json() for error in errors[:_MOST_ERRORS]]})

    def _tell(self, told: Mapping[str, Any]) -> None:
        os.write(self._descriptor, json.dumps(told).encode() + b"\n")


_open: list[Reports] = []


def report_to(descriptor: int) -> None:
    """Report to a pipe from now on."""
    _open.append(Reports(descriptor))


def reports() -> Reports | None:
    """Return where to report to; None outside of jobs."""
    return _open[-1] if _open else None
