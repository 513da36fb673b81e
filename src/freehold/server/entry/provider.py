"""The identity provider of an estate: what its file says of it, what it says of itself, and what its tokens say.

Sign-in and access tokens both rest on this. Nothing of a token is believed before its signature holds.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from freehold.connect.reviews.http import checked_address, get
from freehold.foundation import FreeholdError

if TYPE_CHECKING:
    from joserfc.jwk import KeySet
    from joserfc.jwt import JWTClaimsRegistry, Token

LEEWAY_S = 60  # by how much the clocks of two machines may differ
_ALGORITHMS = ["RS256", "PS256", "ES256", "EdDSA"]  # signatures by keys that only the provider has
_MOST_GROUPS = 500
_STRANGE = re.compile(r"[^A-Za-z0-9._/@+:-]")

Getting = Callable[[str], Any]  # fetches the JSON at an address


@dataclass(frozen=True, slots=True)
class Provider:
    """An identity provider as the estate names it; see `spec.server.sign_in`.

    Attributes:
        secret: gives the client's secret at the moment it is used; None where PKCE alone proves the client.
        audiences: what it calls this server in access tokens, beside the server's own address.
        types: the `typ` of its access tokens (RFC 9068 has `at+jwt`).
    """

    issuer: str
    client_id: str
    secret: Callable[[], str] | None = None
    alias: str = "idp"
    label: str = ""
    principal_claim: str = "sub"
    groups_claim: str = "groups"
    roles_claim: str = "roles"
    scopes: tuple[str, ...] = ("openid", "profile")
    audiences: tuple[str, ...] = ()
    types: tuple[str, ...] = ("at+jwt",)

    @property
    def name(self) -> str:
        """What people call it."""
        return self.label or self.alias


@dataclass(frozen=True, slots=True)
class Named:
    """Whom a token names: as teams know them, as pages call them, and their groups and roles there."""

    principal: str
    name: str
    groups: tuple[str, ...]


def provider_of(said: Mapping[str, Any], root: Any) -> Provider | None:
    """Return the provider that an estate names; None where it names none."""
    from freehold.foundation.secrets import resolve

    if not said:
        return None
    reference = said.get("client_secret")
    tokens = said.get("access_tokens") or {}
    return Provider(
        issuer=str(said["issuer"]),
        client_id=str(said["client_id"]),
        secret=(lambda: resolve(str(reference), root=root).reveal()) if reference else None,
        alias=str(said.get("name") or "idp"),
        label=str(said.get("label") or ""),
        principal_claim=str(said.get("principal_claim") or "sub"),
        groups_claim=str(said.get("groups_claim") or "groups"),
        roles_claim=str(said.get("roles_claim") or "roles"),
        scopes=tuple(dict.fromkeys(("openid", *said.get("scopes", ("profile",))))),
        audiences=tuple(tokens.get("audiences", ())),
        types=tuple(tokens.get("types", ("at+jwt",))),
    )


def metadata_of(provider: Provider) -> Mapping[str, str]:
    """Return what the estate's provider says of itself.

    Raises:
        FreeholdError: FH-A121 it cannot be asked, or does not tell what it must.
    """
    return described(provider.issuer, ("authorization_endpoint", "token_endpoint", "jwks_uri"), _told)


def described(issuer: str, needed: Sequence[str], get: Getting) -> Mapping[str, str]:
    """Return what an issuer says of itself (OpenID Connect Discovery 1.0), with the addresses that are needed of it.

    Raises:
        FreeholdError: FH-A121 it cannot be asked, or does not tell them.
    """
    place = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
    said = fetched(lambda: get(place))
    names = ("issuer", *needed)
    if not isinstance(said, Mapping) or not all(isinstance(said.get(name), str) for name in names):
        raise unreachable(f"`{place}` does not tell {', '.join(names)}")
    if said["issuer"] != issuer:
        raise unreachable(f"`{place}` is of another issuer")
    for name in needed:
        fetched(lambda name=name: checked_address(said[name]))  # type: ignore[misc]
    return said


def _told(place: str) -> Any:
    return get(place, {}).body


def keys_of(said: Mapping[str, str], get: Getting = _told) -> KeySet:
    """Return the keys that an issuer signs with: such as only it can sign by.

    Raises:
        FreeholdError: FH-A121 they cannot be fetched, or are none.
    """
    from joserfc.errors import JoseError
    from joserfc.jwk import KeySet

    place = said["jwks_uri"]
    told = fetched(lambda: get(place))
    listed = told.get("keys") if isinstance(told, Mapping) else None
    every = listed if isinstance(listed, list) else []
    usable = [k for k in every if isinstance(k, dict) and k.get("use", "sig") == "sig" and k.get("kty") != "oct"]
    try:
        return KeySet.import_key_set({"keys": usable})
    except (JoseError, ValueError, KeyError, TypeError) as error:
        raise unreachable(f"`{place}` holds no keys that can be used") from error


def verified(text: str, keys: KeySet, wanted: JWTClaimsRegistry) -> Token:
    """Return a token whose signature and claims hold.

    Raises:
        Forged: they do not; its words tell the kind of the refusal.
        Unfit: of those, one that is signed by the issuer.
    """
    from joserfc import jwt
    from joserfc.errors import InvalidKeyIdError, JoseError

    try:
        found = jwt.decode(text, keys, algorithms=_ALGORITHMS)
    except InvalidKeyIdError:
        raise UnknownKey("the key it names is none of the provider's") from None
    except (JoseError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise Forged(_reason(error)) from None
    try:
        wanted.validate(found.claims)
    except (JoseError, ValueError, KeyError, TypeError) as error:
        raise Unfit(_reason(error), str(getattr(error, "claim", "") or "")) from None
    return found


def _reason(error: Exception) -> str:
    """Return the kind of a refusal: the words of the library may quote the token, which is a secret."""
    reason = str(getattr(error, "error", "") or type(error).__name__).replace("_", " ")
    claim = getattr(error, "claim", "")
    return f"{reason} `{claim}`" if claim else reason


class Forged(Exception):
    """A token that does not hold, in words that quote nothing of it."""


class Unfit(Forged):
    """A token that its issuer signed, and that does not hold now or here; `claim` is what keeps it from that."""

    def __init__(self, why: str, claim: str = "") -> None:
        super().__init__(why)
        self.claim = claim


class UnknownKey(Forged):
    """A token that names a key which the provider was not known to have."""


def named_in(provider: Provider, claims: Mapping[str, Any]) -> Named | None:
    """Return whom the claims of a verified token name; None for nobody."""
    id_ = claims.get(provider.principal_claim)
    if not isinstance(id_, str) or not 0 < len(id_) <= 200:
        return None
    shown = next((str(claims[c]) for c in ("name", "preferred_username", "email") if claims.get(c)), id_)
    return Named(f"user:{provider.alias}/{plain(id_)}", shown[:80], _groups(provider, claims))


def _groups(provider: Provider, claims: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the groups and roles as teams name them: `group:idp/sales`, `role:idp/sales-owner`."""
    said = (("group", provider.groups_claim), ("role", provider.roles_claim))
    return tuple(f"{kind}:{provider.alias}/{plain(name)}" for kind, claim in said for name in _listed(claims, claim))


def _listed(claims: Mapping[str, Any], name: str) -> list[str]:
    """Return what a claim lists; `realm_access.roles` is one within another, unless a claim has that very name."""
    found: Any = claims.get(name)
    if name not in claims:
        found = claims
        for part in name.split("."):
            found = found.get(part) if isinstance(found, Mapping) else None
    listed = [found] if isinstance(found, str) else found if isinstance(found, list) else []
    return [one for one in listed[:_MOST_GROUPS] if isinstance(one, str) and one]


def fetched(ask: Callable[[], Any]) -> Any:
    """Ask the provider; what goes wrong there is told as that."""
    try:
        return ask()
    except FreeholdError as error:
        raise unreachable(error.problem) from error


def unreachable(why: str) -> FreeholdError:
    """Return the refusal where the provider does not answer as it has to."""
    return FreeholdError(
        "FH-A121",
        f"The identity provider could not be asked: {why.removesuffix('.')}.",
        fix="Try again; if it stays so, look at `spec.server.sign_in` in estate.yaml.",
    )


def plain(text: str) -> str:
    """Return a name with nothing in it that could mean something elsewhere."""
    return _STRANGE.sub("-", text)
