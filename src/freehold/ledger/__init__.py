"""M2: what happened. Append, seal, verify, read; the only input of KPIs and the only audit trail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from freehold.ledger.event import Event, Recorded
from freehold.ledger.ledger import Ledger
from freehold.ledger.vocabulary import EventType, Vocabulary

if TYPE_CHECKING:
    from freehold.ledger.credentials import Session, Token
    from freehold.ledger.evidence import Evidence, NoEvidence, Withheld
    from freehold.ledger.jobs import Job, Jobs, Progress, Said
    from freehold.ledger.kept import KeptState, Lease, SideItem, SideStore
    from freehold.ledger.raw import RawSegments
    from freehold.ledger.seal import Checkpoint
    from freehold.ledger.verify import Break, Sealed, Verification

# These bring SQLAlchemy or DuckDB with them, so they are imported when somebody asks.
_LATER = {
    "Break": "verify",
    "Checkpoint": "seal",
    "Evidence": "evidence",
    "Job": "jobs",
    "Jobs": "jobs",
    "KeptState": "kept",
    "Lease": "kept",
    "NoEvidence": "evidence",
    "Progress": "jobs",
    "RawSegments": "raw",
    "Sealed": "verify",
    "Said": "jobs",
    "Session": "credentials",
    "SideItem": "kept",
    "SideStore": "kept",
    "Token": "credentials",
    "Verification": "verify",
    "Withheld": "evidence",
}

__all__ = [
    "Break",
    "Checkpoint",
    "Event",
    "EventType",
    "Evidence",
    "Job",
    "Jobs",
    "KeptState",
    "Lease",
    "Ledger",
    "NoEvidence",
    "Progress",
    "RawSegments",
    "Recorded",
    "Said",
    "Sealed",
    "Session",
    "SideItem",
    "SideStore",
    "Token",
    "Verification",
    "Vocabulary",
    "Withheld",
]


def __getattr__(name: str) -> Any:
    """Import what is asked for."""
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"freehold.ledger.{_LATER[name]}"), name)
