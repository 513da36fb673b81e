"""Digests by a key: who has events alone does not find by trying what they stand for."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from freehold.ledger.kept import KeptState

_KEY = "secret"


def keyed(state: KeptState, namespace: str) -> Callable[[str], str]:
    """Return what makes digests of texts, in hexadecimal; the key is kept with the state, made when missing."""
    if state.get(namespace, _KEY) is None:
        state.claim(namespace, _KEY, secrets.token_hex(32))
    key = bytes.fromhex(str(state.get(namespace, _KEY)))
    return lambda text: hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
