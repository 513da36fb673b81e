"""A CI job's identity for a short-lived token of a service account (RFC 8693), so that CI keeps no secret.

The issuer's signature says who a job is, the estate's files say which jobs may act as which account. An identity is
good for one token, which ends when the identity does, after a quarter of an hour at most.
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, NamedTuple
from urllib.parse import urlsplit

from freehold.connect.reviews.http import get
from freehold.connect.reviews.identity import job_of
from freehold.foundation import Clock, FreeholdError
from freehold.server.entry.access_tokens import LONGEST
from freehold.server.entry.keyring import Keyring
from freehold.server.entry.provider import LEEWAY_S, Forged, Unfit, described, keys_of, plain
from freehold.server.entry.tokens import JOBS_KEPT, Mint
from freehold.server.identity import Who

if TYPE_CHECKING:
    from joserfc.jwk import KeySet

    from freehold.access import ServiceAccount
    from freehold.access.identities import Identity
    from freehold.connect.outbound import Outbound
    from freehold.ledger import Token

LASTS = timedelta(minutes=15)
_LONGEST_IDENTITY = JOBS_KEPT - timedelta(days=1)  # so that one is known as used for as long as it holds

Accounts = Mapping[str, "ServiceAccount"]
Word = Literal["invalid_request", "invalid_target", "invalid_scope", "invalid_grant", "unsupported_grant_type"]
Why = Literal["issuer", "signature", "claim", "several", "used", "review", "scope"]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a job asks for: in whose name, where it says so, and for which scopes; none for all that the account may."""

    identity: str
    account: str = ""
    scopes: tuple[str, ...] = ()


class Refused(Exception):
    """No token is given. The job is told a word of RFC 6749 and a sentence; why is for those who run the server.

    Attributes:
        word: what the job is told.
        why: None where the sentence has all of it.
        issuer, account, claim: who had signed, which account it came closest to, and the first claim that missed.
    """

    def __init__(
        self, word: Word, told: str, why: Why | None = None, *, issuer: str = "", account: str = "", claim: str = ""
    ) -> None:
        super().__init__(told)
        self.word, self.why = word, why
        self.issuer, self.account, self.claim = issuer, account, claim

    @property
    def is_signed(self) -> bool:
        """Whether an issuer had signed what was shown."""
        return self.why not in (None, "issuer", "signature")


class Exchange:
    """Gives CI jobs tokens for what their issuers say of them, at one server."""

    def __init__(self, mint: Mint, accounts: Callable[[], Accounts], outbound: Outbound, clock: Clock) -> None:
        self._mint = mint
        self._accounts = accounts
        self._outbound = outbound
        self._clock = clock
        self._turn = threading.Lock()
        self._keyrings: dict[str, Keyring] = {}

    def given(self, asked: Asked) -> tuple[str, Token]:
        """Return the text of a new token, and what is kept of it.

        Raises:
            Refused: there is none for this identity, or not for what was asked.
            FreeholdError: FH-A121 the issuer's keys are not known; FH-A116 the files of the estate are in error.
        """
        accounts = self._accounts()
        claims = self._verified(asked.identity, [i for a in accounts.values() for i in a.identities])
        account = _account_for(claims, accounts, asked.account)
        issuer, of = str(claims["iss"]), account.principal
        who, run = _job(claims)
        until = min(_moment(claims["exp"]), self._clock.now() + LASTS)
        try:
            made = self._mint.make_for_job(
                who, account, asked.scopes or account.scopes, until, once=_mark(claims), issuer=issuer, run=run
            )
        except FreeholdError as error:
            if error.code == "FH-A112":
                raise Refused("invalid_scope", error.problem, "scope", issuer=issuer, account=of) from error
            if error.code == "FH-A114":
                raise _of_no_use("review", issuer=issuer, account=of) from error
            raise
        if made is None:
            raise _of_no_use("used", issuer=issuer, account=of)
        return made

    def _verified(self, text: str, identities: Sequence[Identity]) -> Mapping[str, Any]:
        """Return the claims of an identity that one of the issuers signed whom files name, and that holds now."""
        from joserfc.jwt import JWTClaimsRegistry

        issuer, now = _issuer_of(text), self._clock.now()
        if issuer not in {one.issuer for one in identities}:
            raise _of_no_use("issuer")
        wanted = JWTClaimsRegistry(
            now=int(now.timestamp()),
            leeway=LEEWAY_S,
            iss={"essential": True, "value": issuer},
            aud={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
            sub={"essential": True},
        )
        try:
            claims: Mapping[str, Any] = self._keyring(issuer, identities).verified(text, wanted).claims
        except Unfit as error:
            raise _of_no_use("claim", issuer=issuer, claim=error.claim) from None
        except Forged:
            raise _of_no_use("signature", issuer=issuer) from None
        if not now.timestamp() + 1 < claims["exp"] < (now + _LONGEST_IDENTITY).timestamp():
            raise _of_no_use("claim", issuer=issuer, claim="exp")
        return claims

    def _keyring(self, issuer: str, identities: Sequence[Identity]) -> Keyring:
        with self._turn:
            named = {one.issuer for one in identities}
            self._keyrings = {name: ring for name, ring in self._keyrings.items() if name in named}
            if issuer not in self._keyrings:
                self._keyrings[issuer] = Keyring(lambda: self._keys(issuer), self._clock)
            return self._keyrings[issuer]

    def _keys(self, issuer: str) -> KeySet:
        return keys_of(described(issuer, ("jwks_uri",), self._told), self._told)

    def _told(self, place: str) -> Any:
        return get(place, {}, self._outbound).body


def _account_for(claims: Mapping[str, Any], accounts: Accounts, named: str) -> ServiceAccount:
    """Return the account as which a job may act: the one that it names, or the only one.

    Raises:
        Refused: it may act as none, not as the one it names, or as several and names none.
    """
    issuer = str(claims["iss"])
    near = {
        one.principal: min(_Farness.of(identity, claims) for identity in one.identities)
        for one in accounts.values()
        if one.identities and named in ("", one.id, one.principal)
    }
    fitting = [principal for principal, far in near.items() if not far.missed]
    if len(fitting) > 1:
        told = f"This job may act as {' and '.join(fitting)}; say which, as client_id."
        raise Refused("invalid_request", told, "several", issuer=issuer)
    if fitting:
        return accounts[fitting[0]]
    nearest = min(near, key=lambda principal: near[principal], default="")
    raise _of_no_use("claim", issuer=issuer, account=nearest, claim=near[nearest].missed[0] if nearest else "")


class _Farness(NamedTuple):
    """How far a job is from an identity: what fits is nearest, then of its own issuer what more claims agree with."""

    is_off: bool
    is_of_another_issuer: bool
    disagreement: int
    missed: tuple[str, ...]

    @classmethod
    def of(cls, identity: Identity, claims: Mapping[str, Any]) -> _Farness:
        missed = identity.missed(claims)
        return cls(bool(missed), "iss" in missed, len(missed) - len(identity.claims), missed)


def _of_no_use(why: Why, *, issuer: str = "", account: str = "", claim: str = "") -> Refused:
    """Return the refusal of an identity, which tells whoever shows one nothing of what would do."""
    told = "This identity does not hold, was used before, or opens nothing here; the log of the server says why."
    return Refused("invalid_grant", told, why, issuer=issuer, account=account, claim=claim)


def _job(claims: Mapping[str, Any]) -> tuple[Who, str]:
    """Return a job as the actor of what is done for it, and the number of its run; no name of a person."""
    issuer = str(claims["iss"])
    job = job_of(claims, issuer)
    whose = plain(job.repository)[:200] or str(urlsplit(issuer).hostname)
    run = plain(job.run)[:60]
    name = f"{whose[:50]} run {run[:20]}" if run else whose[:50]
    return Who(f"service:ci/{whose}", name, (), "oidc", "token", ""), run


def _mark(claims: Mapping[str, Any]) -> str:
    """Return what stands for an identity: its issuer and `jti`, or else all it says; its signature can be respelled."""
    id_ = claims.get("jti")
    own = id_ if isinstance(id_, str) and id_ else json.dumps(claims, sort_keys=True)
    return hashlib.sha256(f"{claims['iss']}\n{own}".encode()).hexdigest()


def _issuer_of(text: str) -> str:
    """Return the issuer that a token names, before anything of it is believed; empty where it names none."""
    if len(text) > LONGEST or text.count(".") != 2:
        return ""
    body = text.split(".")[1]
    try:
        claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    except (ValueError, RecursionError):
        return ""
    said = claims.get("iss") if isinstance(claims, dict) else None
    return said if isinstance(said, str) else ""


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
