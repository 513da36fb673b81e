"""Signatures as Standard Webhooks 1.0.0 has them: HMAC-SHA256 over id, time and body, by every secret that holds."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence

from freehold.foundation import Exit, FreeholdError, Where

PREFIX = "whsec_"
TOLERANCE_S = 300  # how far apart the clocks of a sender and a receiver may be
_LEAST, _MOST = 24, 64  # bytes of a key, as the specification has it


def fresh_secret() -> str:
    """Return a new secret of 256 random bits."""
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def key_of(secret: str, reference: str, where: Where | None = None) -> bytes:
    """Return the key that a secret stands for; the secret itself is in no error.

    Raises:
        FreeholdError: FH-A163 it has another form.
    """
    encoded = secret.removeprefix(PREFIX)
    try:
        key = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not secret.startswith(PREFIX) or not _LEAST <= len(key) <= _MOST:
        raise FreeholdError(
            "FH-A163", f"What `{reference}` names is no secret for webhooks: `{PREFIX}` and {_LEAST} to {_MOST} bytes "
            "in base64.", where=where, fix="Make one: `freehold webhooks secret`.", exit_code=Exit.ENVIRONMENT,
        )  # fmt: skip
    return key


def signed(id_: str, at_s: int, body: bytes, keys: Sequence[bytes]) -> dict[str, str]:
    """Return the headers of a message: its id, the second it is sent in, and a signature by each key."""
    content = f"{id_}.{at_s}.".encode() + body
    each = (base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode() for key in keys)
    signatures = " ".join(f"v1,{one}" for one in each)
    return {"webhook-id": id_, "webhook-timestamp": str(at_s), "webhook-signature": signatures}


def verified(headers: Mapping[str, str], body: bytes, keys: Sequence[bytes], now_s: int) -> str:
    """Return the id of a message that somebody who knows one of the keys has signed, and lately.

    Raises:
        FreeholdError: FH-W321 a header is missing, the time is too far off, or no signature holds. Which of these, it
            does not say.
    """
    id_, at, said = (headers.get(f"webhook-{name}", "") for name in ("id", "timestamp", "signature"))
    is_lately = at.isascii() and at.isdigit() and len(at) < 20 and abs(int(at) - now_s) <= TOLERANCE_S
    if id_ and is_lately:
        expected = signed(id_, int(at), body, keys)["webhook-signature"].split()
        shown = said.split()[:16]
        if any(hmac.compare_digest(one.encode(), other.encode()) for one in expected for other in shown):
            return id_
    raise FreeholdError(
        "FH-W321", "This message is signed by nobody who is known here, or not lately.",
        fix="Sign it as Standard Webhooks has it: `webhook-id`, `webhook-timestamp`, `webhook-signature`.",
    )  # fmt: skip
