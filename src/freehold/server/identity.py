"""Who asks: a person by a session, a program by a token; and what each may do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from freehold.foundation import Caller
from freehold.foundation.caller import Assurance

SCOPES = {
    "catalog:read": "See products, metrics and deployments.",
    "metrics:query": "Ask metrics for their values.",
    "server:observe": "Read the server's own figures at /metrics.",
}


@dataclass(frozen=True, slots=True)
class Who:
    """Somebody who is signed in.

    Attributes:
        principal: the name the estate's teams know them by: `user:idp/…`, `group:…` are their groups.
        name: what pages call them.
        via: `session` or `token`; `credential` is the handle or id of it.
        scopes: what they may do here; a person may do all.
    """

    principal: str
    name: str
    groups: tuple[str, ...]
    assurance: Assurance
    via: Literal["session", "token"]
    credential: str
    scopes: frozenset[str] = frozenset(SCOPES)

    def caller(self, purpose: str) -> Caller:
        """Return them as the rooms below know callers."""
        return Caller(self.principal, self.groups, purpose=purpose, assurance=self.assurance)
