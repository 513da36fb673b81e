"""What every room stands on: errors, places in files, time, ids, callers, secrets. Imports nothing of ours."""

from freehold.foundation.caller import LOCAL, Caller
from freehold.foundation.clock import Clock, SimulatedClock, SystemClock
from freehold.foundation.errors import (
    Exit,
    FreeholdError,
    Problems,
    Transient,
    Where,
    near,
    near_end,
)
from freehold.foundation.ids import IdSource, RandomIds, SeededIds

__all__ = [
    "LOCAL",
    "Caller",
    "Clock",
    "Exit",
    "FreeholdError",
    "IdSource",
    "Problems",
    "RandomIds",
    "SeededIds",
    "SimulatedClock",
    "SystemClock",
    "Transient",
    "Where",
    "near",
    "near_end",
]
