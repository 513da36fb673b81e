"""Signatures of Slack, version v0: HMAC-SHA256 of `v0:TIME:BODY` by the app's signing secret, in hexadecimal."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping

from freehold.connect.webhooks.signing import TOLERANCE_S
from freehold.foundation import FreeholdError


def slack_signed(at_s: int, body: bytes, secret: str) -> str:
    """Return the signature of a message that is sent in a second since 1970."""
    digest = hmac.new(secret.encode(), f"v0:{at_s}:".encode() + body, hashlib.sha256)
    return f"v0={digest.hexdigest()}"


def slack_verified(headers: Mapping[str, str], body: bytes, secret: str | None, now_s: int) -> str:
    """Return the signature of a message that Slack has signed, and lately.

    Args:
        headers: of the request, in lower case.
        body: as it came, to the last byte.
        secret: the app's; None where nobody could have signed.
        now_s: seconds since 1970.

    Raises:
        FreeholdError: FH-X323 nobody known signed it, or not within five minutes of now. Which of these, it does not
            say.
    """
    at, shown = headers.get("x-slack-request-timestamp", ""), headers.get("x-slack-signature", "")
    is_lately = at.isascii() and at.isdigit() and len(at) < 20 and abs(int(at) - now_s) <= TOLERANCE_S
    if secret and is_lately and hmac.compare_digest(slack_signed(int(at), body, secret).encode(), shown.encode()):
        return shown
    raise unsigned()


def unsigned() -> FreeholdError:
    """Return the refusal of a message that cannot be believed."""
    return FreeholdError(
        "FH-X323", "This message is signed by nobody who is known here, or not lately, or it came before.",
        fix="Give Slack this address, and the channel's file its signing secret.",
    )  # fmt: skip
