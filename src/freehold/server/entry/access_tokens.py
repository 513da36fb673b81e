"""Access tokens of the identity provider: JSON Web Tokens that it made for this server (RFC 9068, RFC 8707).

A token counts where its signature is the provider's, it was made for what it is shown to, and its time is not over. It
reads in the name of whom it names, within the scopes it carries; it opens no session and is kept nowhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from freehold.foundation import Clock, FreeholdError
from freehold.server.entry.keyring import Keyring
from freehold.server.entry.provider import LEEWAY_S, Forged, Provider, keys_of, metadata_of, named_in
from freehold.server.identity import SCOPES, Who

if TYPE_CHECKING:
    from joserfc.jwt import JWTClaimsRegistry, Token

AGENTS = "/mcp"  # a resource of its own: a token for agents opens nothing else
LONGEST = 16_000  # characters of a token


class AccessTokens:
    """Knows whose an access token is, at one server."""

    def __init__(self, provider: Provider, clock: Clock, address: str) -> None:
        self.provider = provider
        self._clock = clock
        self._address = address.rstrip("/")
        self._keyring = Keyring(lambda: keys_of(metadata_of(provider)), clock)

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
        try:
            return self._keyring.verified(text, self._wanted(path))
        except Forged as error:
            raise self._refused(str(error), path) from None

    def _wanted(self, path: str) -> JWTClaimsRegistry:
        from joserfc.jwt import JWTClaimsRegistry

        return JWTClaimsRegistry(
            now=int(self._clock.now().timestamp()),
            leeway=LEEWAY_S,
            iss={"essential": True, "value": self.provider.issuer},
            aud={"essential": True, "values": self._audiences(path)},
            exp={"essential": True},
            iat={"essential": True},
            sub={"essential": True},
        )

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
