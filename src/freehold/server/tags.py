"""ETags: what an answer is called, so that who has the same already is told so."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from typing import Any


def tag_of(body: bytes) -> str:
    """Return the ETag of some bytes."""
    return f'"{hashlib.sha256(body).hexdigest()[:32]}"'


def lasting_tag_of(told: Any, moving: Collection[str]) -> str:
    """Return the ETag of an object of JSON that says as of when it is: the same as long as the rest of it is.

    It is a weak one (RFC 9110, 8.8.1), since the bytes are not the same.

    Args:
        told: an object, or lists of them, as JSON has it.
        moving: the keys that go on with the clock alone; they are left out wherever they stand.
    """
    return "W/" + tag_of(json.dumps(_without(told, moving), sort_keys=True).encode())


def _without(told: Any, moving: Collection[str]) -> Any:
    if isinstance(told, dict):
        return {key: _without(value, moving) for key, value in told.items() if key not in moving}
    return [_without(one, moving) for one in told] if isinstance(told, list) else told
