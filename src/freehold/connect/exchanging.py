"""The other side of a server's exchange (RFC 8693): a job shows its identity, and is given a token."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from freehold.connect.reviews.http import not_understood, submit
from freehold.foundation import Exit, FreeholdError
from freehold.foundation.secrets import Secret

PLACE = "/oauth/token"
_NAMES = "urn:ietf:params:oauth"
_SHOWN = 300  # characters of what a server says


@dataclass(frozen=True, slots=True)
class Given:
    """A token that a server gave: what it may, and for how many seconds."""

    token: Secret
    scopes: tuple[str, ...]
    seconds: int


def exchanged(server: str, identity: Secret, scopes: Sequence[str] = (), account: str = "") -> Given:
    """Exchange the identity of a job for a token of a service account.

    Args:
        server: its address: https, or on this machine.
        identity: the JSON Web Token that the job's system vouches by.
        scopes: what the token is to be good for; none for all that the account's file says.
        account: as which account, where the job may act as several.

    Raises:
        FreeholdError: FH-A170 the server gives none; FH-H001 to FH-H006 it cannot be asked, or is no such server.
    """
    said = {
        "grant_type": f"{_NAMES}:grant-type:token-exchange",
        "subject_token": identity.reveal(),
        "subject_token_type": f"{_NAMES}:token-type:id_token",
        "scope": " ".join(scopes),
        "client_id": account,
        "resource": server,
    }
    place = f"{server}{PLACE}"
    answer = submit(place, {}, {name: value for name, value in said.items() if value}, refusal=400)
    told = answer.body if isinstance(answer.body, Mapping) else {}
    if answer.status == 400 and isinstance(told.get("error"), str):
        raise _refused(server, told["error"], str(told.get("error_description", "")))
    token, seconds = told.get("access_token"), told.get("expires_in")
    if not isinstance(token, str) or not isinstance(seconds, int):
        raise not_understood(place, "it holds no token")
    return Given(Secret(place, token), tuple(str(told.get("scope", "")).split()), seconds)


def _refused(server: str, word: str, why: str) -> FreeholdError:
    told = "".join(c for c in f"{word}: {why}".removesuffix(": ") if c.isprintable())[:_SHOWN]
    return FreeholdError(
        "FH-A170",
        f"{server} gives this job no token: {told.removesuffix('.')}.",
        fix="Hold `spec.identities` of the ServiceAccount against what the job is: its repository, ref, environment.",
        exit_code=Exit.APPROVAL,
    )
