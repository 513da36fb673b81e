"""Signing in at an identity provider: OpenID Connect, code flow, PKCE, nonce (Core 1.0; RFC 7636, 8414, 9207).

What a sign-in under way needs is kept in the state, under the hash of a secret that the browser holds, for ten minutes
and one use; so any server of a team can end what another began. The provider's token is verified and thrown away.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from freehold.connect.reviews.http import checked_address, get, submit
from freehold.foundation import Clock, FreeholdError
from freehold.ledger import Ledger
from freehold.server.identity import Who

BACK = "/sign-in/oidc/back"
PENDING = timedelta(minutes=10)
_SPACE = "server.sign_in"  # of the kept state
_ALGORITHMS = ["RS256", "PS256", "ES256", "EdDSA"]  # signatures by keys that only the provider has
_LEEWAY_S = 60
_MOST_GROUPS = 500
_STRANGE = re.compile(r"[^A-Za-z0-9._/@+:-]")


@dataclass(frozen=True, slots=True)
class Provider:
    """An identity provider as the estate names it; see `spec.server.sign_in`.

    `secret` gives the client's secret at the moment it is used; None where PKCE alone proves the client.
    """

    issuer: str
    client_id: str
    secret: Callable[[], str] | None = None
    alias: str = "idp"
    label: str = ""
    principal_claim: str = "sub"
    groups_claim: str = "groups"
    scopes: tuple[str, ...] = ("openid", "profile")

    @property
    def name(self) -> str:
        """What people call it."""
        return self.label or self.alias


@dataclass(frozen=True, slots=True)
class Begun:
    """A sign-in under way: where to send the browser, and what it must bring back."""

    address: str
    secret: str


class Oidc:
    """Sends people to a provider, and knows them when they come back."""

    def __init__(self, provider: Provider, ledger: Ledger, clock: Clock, back: str) -> None:
        self.provider = provider
        self._ledger = ledger
        self._clock = clock
        self._back = back  # the whole address that the provider sends people to

    def begin(self, wanted: str) -> Begun:
        """Begin a sign-in of somebody who wants a page.

        Raises:
            FreeholdError: FH-A121 the provider cannot be asked, or does not tell what it must.
        """
        said = self._metadata()
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        until = (self._clock.now() + PENDING).isoformat()
        self._forget_old()
        kept = {"nonce": nonce, "verifier": verifier, "wanted": wanted, "until": until}
        self._ledger.state.put(_SPACE, _hash(state), kept)
        asked = {
            "response_type": "code",
            "client_id": self.provider.client_id,
            "redirect_uri": self._back,
            "scope": " ".join(self.provider.scopes),
            "state": state,
            "nonce": nonce,
            "code_challenge": _challenge(verifier),
            "code_challenge_method": "S256",
        }
        glue = "&" if "?" in said["authorization_endpoint"] else "?"
        return Begun(f"{said['authorization_endpoint']}{glue}{urlencode(asked)}", state)

    def end(self, query: Mapping[str, str], held: str) -> tuple[Who, str]:
        """Return who came back and which page they want.

        Args:
            query: what the provider sent along.
            held: the secret that this browser was given when the sign-in began; empty where it holds none.

        Raises:
            FreeholdError: FH-A121 the provider cannot be asked; FH-A122 it did not let them in; FH-A123 this browser
                did not begin that sign-in, or too long ago; FH-A124 what the provider said does not hold.
        """
        pending = self._taken(query.get("state", ""), held)
        if "error" in query:
            raise _turned_away(query["error"])
        said = self._metadata()
        if query.get("iss", said["issuer"]) != said["issuer"]:  # RFC 9207: another provider's answer
            raise _does_not_hold("the answer is another provider's")
        claims = self._claims(said, query.get("code", ""), pending)
        return self._who(claims), str(pending["wanted"])

    def _taken(self, state: str, held: str) -> Mapping[str, Any]:
        """Return what was kept of a sign-in, and forget it."""
        known = self._ledger.state.get(_SPACE, _hash(state)) if state else None
        is_theirs = bool(held) and hmac.compare_digest(state.encode(), held.encode())
        if known is None or not is_theirs or self._ledger.state.delete(_SPACE, _hash(state)) != 1:
            raise _not_begun_here()
        if datetime.fromisoformat(known["until"]) < self._clock.now():
            raise _not_begun_here()
        found: Mapping[str, Any] = known
        return found

    def _forget_old(self) -> None:
        now = self._clock.now()
        over = [k for k, v in self._ledger.state.many(_SPACE).items() if datetime.fromisoformat(v["until"]) < now]
        if over:
            self._ledger.state.delete(_SPACE, *over)

    def _metadata(self) -> Mapping[str, str]:
        """Return what the provider says of itself (OpenID Connect Discovery 1.0)."""
        place = f"{self.provider.issuer.rstrip('/')}/.well-known/openid-configuration"
        said = _fetched(lambda: get(place, {}).body)
        needed = ("issuer", "authorization_endpoint", "token_endpoint", "jwks_uri")
        if not isinstance(said, Mapping) or not all(isinstance(said.get(name), str) for name in needed):
            raise _unreachable(f"`{place}` does not tell {', '.join(needed)}")
        if said["issuer"] != self.provider.issuer:
            raise _unreachable(f"`{place}` is of another issuer")
        for name in needed[1:]:
            _fetched(lambda name=name: checked_address(said[name]))  # type: ignore[misc]
        return said

    def _claims(self, said: Mapping[str, str], code: str, pending: Mapping[str, Any]) -> Mapping[str, Any]:
        fields = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._back,
            "client_id": self.provider.client_id,
            "code_verifier": str(pending["verifier"]),
        }
        headers = {}
        if self.provider.secret is not None:
            pair = f"{self.provider.client_id}:{self.provider.secret()}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        answer = _fetched(lambda: submit(said["token_endpoint"], headers, fields).body)
        token = answer.get("id_token") if isinstance(answer, Mapping) else None
        if not isinstance(token, str):
            raise _unreachable("it gave no id_token for the code")
        return self._verified(token, said, str(pending["nonce"]))

    def _verified(self, token: str, said: Mapping[str, str], nonce: str) -> Mapping[str, Any]:
        from joserfc import jwt
        from joserfc.errors import JoseError
        from joserfc.jwk import KeySet

        keys = _fetched(lambda: get(said["jwks_uri"], {}).body)
        usable = [k for k in keys.get("keys", ()) if isinstance(k, dict) and k.get("use", "sig") == "sig"]
        wanted = jwt.JWTClaimsRegistry(
            now=int(self._clock.now().timestamp()),
            leeway=_LEEWAY_S,
            iss={"essential": True, "value": said["issuer"]},
            aud={"essential": True, "value": self.provider.client_id},
            exp={"essential": True},
            iat={"essential": True},
            sub={"essential": True},
            nonce={"essential": True, "value": nonce},
        )
        try:
            found = jwt.decode(token, KeySet.import_key_set({"keys": usable}), algorithms=_ALGORITHMS)
            wanted.validate(found.claims)
        except (JoseError, ValueError, KeyError, TypeError) as error:
            # The words of the library may quote the token, which is a secret: only the kind of the refusal is told.
            reason = getattr(error, "error", "") or type(error).__name__
            raise _does_not_hold(str(reason).replace("_", " ")) from None
        audience = found.claims["aud"]
        several = isinstance(audience, list) and len(audience) > 1
        if found.claims.get("azp", self.provider.client_id if not several else None) != self.provider.client_id:
            raise _does_not_hold("it was made for another client")
        return found.claims

    def _who(self, claims: Mapping[str, Any]) -> Who:
        named = claims.get(self.provider.principal_claim)
        if not isinstance(named, str) or not 0 < len(named) <= 200:
            raise _does_not_hold(f"it has no claim `{self.provider.principal_claim}` that names a person")
        groups = claims.get(self.provider.groups_claim) or []
        said = [groups] if isinstance(groups, str) else groups if isinstance(groups, list) else []
        alias = self.provider.alias
        kept = tuple(f"group:{alias}/{_plain(g)}" for g in said[:_MOST_GROUPS] if isinstance(g, str) and g)
        shown = next((str(claims[c]) for c in ("name", "preferred_username", "email") if claims.get(c)), named)
        return Who(f"user:{alias}/{_plain(named)}", shown[:80], kept, "oidc", "session", "")


def provider_of(said: Mapping[str, Any], root: Any) -> Provider | None:
    """Return the provider that an estate names; None where it names none."""
    from freehold.foundation.secrets import resolve

    if not said:
        return None
    reference = said.get("client_secret")
    return Provider(
        issuer=str(said["issuer"]),
        client_id=str(said["client_id"]),
        secret=(lambda: resolve(str(reference), root=root).reveal()) if reference else None,
        alias=str(said.get("name") or "idp"),
        label=str(said.get("label") or ""),
        principal_claim=str(said.get("principal_claim") or "sub"),
        groups_claim=str(said.get("groups_claim") or "groups"),
        scopes=tuple(dict.fromkeys(("openid", *said.get("scopes", ("profile",))))),
    )


def _fetched(ask: Callable[[], Any]) -> Any:
    """Ask the provider; what goes wrong there is told as that."""
    try:
        return ask()
    except FreeholdError as error:
        raise _unreachable(error.problem) from error


def _unreachable(why: str) -> FreeholdError:
    return FreeholdError(
        "FH-A121",
        f"The identity provider could not be asked: {why.removesuffix('.')}.",
        fix="Try again; if it stays so, look at `spec.server.sign_in` in estate.yaml.",
    )


def _turned_away(reason: str) -> FreeholdError:
    known = _STRANGE.sub("", reason)[:60]
    return FreeholdError(
        "FH-A122", f"The identity provider did not let you in: `{known}`.", fix="Ask whoever runs it, or try again."
    )


def _not_begun_here() -> FreeholdError:
    return FreeholdError(
        "FH-A123", "This browser did not begin this sign-in, or too long ago.", fix="Begin again at `/sign-in`."
    )


def _does_not_hold(why: str) -> FreeholdError:
    return FreeholdError(
        "FH-A124", f"What the identity provider said of you does not hold: {why}.", fix="Begin again at `/sign-in`."
    )


def _challenge(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def _plain(text: str) -> str:
    """Return an id with nothing in it that could mean something elsewhere."""
    return _STRANGE.sub("-", text)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
