"""Access tokens of the identity provider: JSON Web Tokens that it made for this server (RFC 9068, RFC 8707).

A token counts where its signature is the provider's, it was made for what it is shown to, and its time is not over. It
reads in the name of whom it names, within the scopes it carries; it opens no session and is kept nowhere.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from freehold.foundation import Clock, FreeholdError
from freehold.server.entry.provider import (
    LEEWAY_S,
    Forged,
    Provider,
    UnknownKey,
    keys_of,
    metadata_of,
    named_in,
    unreachable,
    verified,
)
from freehold.server.identity import SCOPES, Who

if TYPE_CHECKING:
    from joserfc.jwk import KeySet
    from joserfc.jwt import Token

AGENTS = "/mcp"  # a resource of its own: a token for agents opens nothing else
LONGEST = 16_000  # characters of a token
_FRESH = timedelta(minutes=10)  # how long keys are taken for the provider's without asking again
_STALE = timedelta(hours=6)  # and how long where it does not answer
_PAUSE = timedelta(seconds=15)  # between two questions for keys, whoever shows whatever
_TURN_S = 2.0


@dataclass(frozen=True, slots=True)
class _Known:
    keys: KeySet
    at: datetime


class Keyring:
    """The provider's keys, fetched seldom: nobody can have it asked more often by showing tokens."""

    def __init__(self, provider: Provider, clock: Clock) -> None:
        self._provider = provider
        self._clock = clock
        self._turn = threading.Lock()
        self._known: _Known | None = None
        self._asked_at: datetime | None = None
        self._failure: FreeholdError | None = None

    def keys(self) -> KeySet:
        """Return the keys as they were a few minutes ago at most; older ones where the provider does not answer.

        Raises:
            FreeholdError: FH-A121 it does not, and no keys of the last hours are known.
        """
        known, now = self._known, self._clock.now()
        if known is not None and now - known.at < _FRESH:
            return known.keys
        self._ask(_TURN_S if known is None else 0)
        known = self._known
        if known is None or now - known.at > _STALE:
            raise self._failure or unreachable("it is being asked for its keys")
        return known.keys

    def newer(self, than: KeySet) -> KeySet | None:
        """Return keys that came after others: the provider may have changed them. None where there are no newer."""
        if self._known is not None and self._known.keys is than:
            self._ask(0)
        known = self._known
        return known.keys if known is not None and known.keys is not than else None

    def _ask(self, patience_s: float) -> None:
        """Fetch the keys, unless somebody else does or did a moment ago."""
        if not self._turn.acquire(timeout=patience_s):
            return
        try:
            now = self._clock.now()
            if self._asked_at is not None and now - self._asked_at < _PAUSE:
                return
            self._asked_at = now
            self._known = _Known(keys_of(metadata_of(self._provider)), now)
            self._failure = None
        except FreeholdError as failure:
            self._failure = failure
        finally:
            self._turn.release()


class AccessTokens:
    """Knows whose an access token is, at one server."""

    def __init__(self, provider: Provider, clock: Clock, address: str) -> None:
        self.provider = provider
        self._clock = clock
        self._address = address.rstrip("/")
        self._keyring = Keyring(provider, clock)

    def resource(self, path: str) -> str:
        """Return what tokens for a path have to be made for: the name of the resource there (RFC 8707)."""
        return self._address + (AGENTS if _is_of_agents(path) else "")

    def metadata(self, path: str, scopes: tuple[str, ...], name: str) -> dict[str, Any]:
        """Return what clients are told about the resource at a path (RFC 9728)."""
        return {
            "resource": self.resource(path),
            "authorization_servers": [self.provider.issuer],
            "scopes_supported": list(scopes),
            "bearer_methods_supported": ["header"],
            "resource_name": name,
        }

    def known(self, text: str, path: str) -> Who:
        """Return whose token this is, and what it may.

        Raises:
            FreeholdError: FH-A125 it does not hold, or is for something else; FH-A121 the provider's keys are unknown.
        """
        token = self._held(text, path)
        claims = token.claims
        kind = str(token.header.get("typ", "JWT")).lower().removeprefix("application/")
        if kind not in {known.lower() for known in self.provider.types}:
            raise self._refused(f"it says of itself to be `{_told(kind)}`, and no access token", path)
        if "cnf" in claims:  # bound to a key that we do not ask for, so whoever shows it may have stolen it
            raise self._refused("it is bound to a key of its client's", path)
        if claims["sub"] in (claims.get("client_id"), claims.get("azp")):
            raise self._refused("it names a program, and no person; programs have service accounts", path)
        named = named_in(self.provider, claims)
        if named is None:
            raise self._refused(f"it has no claim `{self.provider.principal_claim}` that names a person", path)
        return Who(named.principal, named.name, named.groups, "token", "token", self.provider.alias, _scopes(claims))

    def _held(self, text: str, path: str) -> Token:
        if len(text) > LONGEST:
            raise self._refused(f"it has more than {LONGEST:,} characters", path)
        keys = self._keyring.keys()
        try:
            try:
                return self._verified(text, keys, path)
            except UnknownKey:
                newer = self._keyring.newer(keys)
                if newer is None:
                    raise
                return self._verified(text, newer, path)
        except Forged as error:
            raise self._refused(str(error), path) from None

    def _verified(self, text: str, keys: KeySet, path: str) -> Token:
        from joserfc.jwt import JWTClaimsRegistry

        wanted = JWTClaimsRegistry(
            now=int(self._clock.now().timestamp()),
            leeway=LEEWAY_S,
            iss={"essential": True, "value": self.provider.issuer},
            aud={"essential": True, "values": self._audiences(path)},
            exp={"essential": True},
            iat={"essential": True},
            sub={"essential": True},
        )
        return verified(text, keys, wanted)

    def _audiences(self, path: str) -> list[str]:
        """Return for whom a token may be made that is shown at a path, with and without a slash at the end."""
        here = dict.fromkeys((self.resource(path), self._address))
        return [*here, *(f"{one}/" for one in here), *self.provider.audiences]

    def _refused(self, why: str, path: str) -> FreeholdError:
        return FreeholdError(
            "FH-A125",
            f"The access token does not hold: {why}.",
            fix=f"Get one of {self.provider.name} for `{self.resource(path)}`, or show a token of this server.",
        )


def _is_of_agents(path: str) -> bool:
    return path == AGENTS or path.startswith(f"{AGENTS}/")


def _scopes(claims: Mapping[str, Any]) -> frozenset[str]:
    """Return the scopes of ours that a token carries: `scope`, or `scp` as some providers have it; none that acts."""
    said = claims.get("scope", claims.get("scp", ""))
    words = said.split() if isinstance(said, str) else said if isinstance(said, list) else []
    return frozenset(word for word in words if isinstance(word, str)) & frozenset(SCOPES)


def _told(text: str) -> str:
    return "".join(c for c in text if c.isalnum() or c in "+-./")[:40]
