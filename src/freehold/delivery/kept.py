"""A cache on disk of what can be found again at a cost: values by the digest of what they follow from."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

FOLDER = ".freehold/cache"


class Kept:
    """JSON values by key, in one file. Dropping it loses time and nothing else; a broken or older one reads as empty.

    Only what was used or put since it was read is written again, so that it holds what the estate of today needs.
    """

    def __init__(self, root: Path, name: str, version: str) -> None:
        self._place = root / FOLDER / f"{name}.json"
        self._version = version
        self._known: Mapping[str, Any] | None = None
        self._used: dict[str, Any] = {}
        self._is_new = False

    def get(self, key: str) -> Any:
        """Return the value kept under a key, or None."""
        if self._known is None:
            self._known = self._read()
        found = self._used.get(key)
        if found is None and (found := self._known.get(key)) is not None:
            self._used[key] = found
        return found

    def put(self, key: str, value: Any) -> None:
        """Keep a value."""
        self._used[key] = value
        self._is_new = True

    def save(self) -> None:
        """Write the file anew, if anything is new. Where it cannot be written, only time is lost."""
        if not self._is_new:
            return
        fresh = self._place.with_name(f"{self._place.name}.{os.getpid()}.{time.monotonic_ns()}")
        with suppress(OSError):
            self._place.parent.mkdir(parents=True, exist_ok=True)
            try:
                fresh.write_text(json.dumps({"version": self._version, "values": self._used}))
                fresh.replace(self._place)
            finally:
                fresh.unlink(missing_ok=True)
        self._is_new = False

    def _read(self) -> Mapping[str, Any]:
        with suppress(OSError, ValueError, KeyError, TypeError):
            said = json.loads(self._place.read_text())
            if said["version"] == self._version:
                return dict(said["values"])
        return {}
