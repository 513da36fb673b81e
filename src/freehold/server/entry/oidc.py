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
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from freehold.connect.reviews.http import submit
from freehold.foundation import Clock, FreeholdError
from freehold.ledger import Ledger
from freehold.server.entry.provider import (
    LEEWAY_S,
    Forged,
    Provider,
    fetched,
    keys_of,
    metadata_of,
    named_in,
    unreachable,
    verified,
)
from freehold.server.identity import Who

BACK = "/sign-in/oidc/back"
PENDING = timedelta(minutes=10)
_SPACE = "server.sign_in"  # of the kept state
_STRANGE = re.compile(r"[^A-Za-z0-9._/@+:-]")


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
        said = metadata_of(self.provider)
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
        said = metadata_of(self.provider)
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
        answer = fetched(lambda: submit(said["token_endpoint"], headers, fields).body)
        token = answer.get("id_token") if isinstance(answer, Mapping) else None
        if not isinstance(token, str):
            raise unreachable("it gave no id_token for the code")
        return self._verified(token, said, str(pending["nonce"]))

    def _verified(self, token: str, said: Mapping[str, str], nonce: str) -> Mapping[str, Any]:
        from joserfc.jwt import JWTClaimsRegistry

        wanted = JWTClaimsRegistry(
            now=int(self._clock.now().timestamp()),
            leeway=LEEWAY_S,
            iss={"essential": True, "value": said["issuer"]},
            aud={"essential": True, "value": self.provider.client_id},
            exp={"essential": True},
            iat={"essential": True},
            sub={"essential": True},
            nonce={"essential": True, "value": nonce},
        )
        try:
            found = verified(token, keys_of(said), wanted)
        except Forged as error:
            raise _does_not_hold(str(error)) from None
        audience = found.claims["aud"]
        several = isinstance(audience, list) and len(audience) > 1
        if found.claims.get("azp", self.provider.client_id if not several else None) != self.provider.client_id:
            raise _does_not_hold("it was made for another client")
        return found.claims

    def _who(self, claims: Mapping[str, Any]) -> Who:
        named = named_in(self.provider, claims)
        if named is None:
            raise _does_not_hold(f"it has no claim `{self.provider.principal_claim}` that names a person")
        return Who(named.principal, named.name, named.groups, "oidc", "session", "")


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


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
