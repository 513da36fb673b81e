"""An issue as a tracker tells it, in the tracker's own words."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Step:
    """A change of an issue's status: its id, when, by whom (their name there), from which status to which."""

    id: str
    at: datetime
    by: str
    was: str
    to: str


@dataclass(frozen=True, slots=True)
class Issue:
    """An issue.

    Attributes:
        id: what it is there, which stays when it is moved or renamed; `key` is what people call it.
        reporter: who asked for it, by their name there.
        steps: the changes of its status, oldest first.
    """

    id: str
    key: str
    type: str
    status: str
    title: str
    reporter: str
    created_at: datetime
    updated_at: datetime
    priority: str = ""
    steps: tuple[Step, ...] = field(default=())


def label_of(item: str) -> str:
    """Return what an issue is marked with that was filed for an item: a word that any tracker takes."""
    return f"freehold-{hashlib.sha256(item.encode()).hexdigest()[:32]}"
