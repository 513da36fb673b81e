"""Identifiers that sort by the time they were made (UUIDv7, RFC 9562)."""

from __future__ import annotations

import random
from datetime import datetime
from typing import Protocol

import uuid_utils


class IdSource(Protocol):
    """Where new identifiers come from."""

    def new(self) -> str:
        """Return a fresh identifier: 36 characters of [0-9a-f-]."""
        ...


class RandomIds:
    """UUIDv7 from the system clock and the system's randomness."""

    def new(self) -> str:
        """Return a fresh UUIDv7."""
        return str(uuid_utils.uuid7())


class SeededIds:
    """The same identifiers for the same seed: for replays and golden files, never for two live processes."""

    def __init__(self, seed: int, start: datetime) -> None:
        self._random = random.Random(seed)
        self._millis = int(start.timestamp() * 1000)

    def new(self) -> str:
        """Return the next UUIDv7-shaped identifier of this sequence."""
        self._millis += 1
        tail = self._random.getrandbits(74)
        value = (self._millis & (2**48 - 1)) << 80 | 7 << 76 | (tail >> 62) << 64 | 2 << 62 | (tail & (2**62 - 1))
        text = f"{value:032x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
