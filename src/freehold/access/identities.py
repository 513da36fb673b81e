"""Which jobs of a CI system may act as a service account: by what the issuer of their identity says of them.

A claim is as a file says it, or begins so where that ends with `*`. Issuer and audience are never patterns.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

SHARED = frozenset({"https://token.actions.githubusercontent.com", "https://gitlab.com"})  # anybody has a token of them
_OWNERS = (  # claims by which such an issuer says whose a job is
    "repository", "repository_id", "repository_owner", "repository_owner_id",
    "project_path", "project_id", "namespace_path", "namespace_id", "sub",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Identity:
    """What has to be true of a CI job.

    Attributes:
        issuer: who says it: the address whose keys sign.
        audience: whom its token must have been made for.
        claims: what else it must say, by name; a value that ends with `*` is how a claim has to begin.
    """

    issuer: str
    audience: str
    claims: Mapping[str, str]

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> Identity:
        """Return the identity that an entry of `spec.identities` is."""
        return cls(str(said["issuer"]), str(said["audience"]), {k: str(v) for k, v in said["claims"].items()})

    def missed(self, claims: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the names of the claims of a verified token that are not as they have to be; none where it fits."""
        return tuple(self._missed(claims))

    def is_anybodys(self) -> bool:
        """Whether a stranger could have such a job made: the issuer is everybody's, and no claim says whose it is."""
        return self.issuer.rstrip("/") in SHARED and not any(
            name in self.claims and _names_an_owner(self.claims[name]) for name in _OWNERS
        )

    def _missed(self, claims: Mapping[str, Any]) -> Iterator[str]:
        if claims.get("iss") != self.issuer:
            yield "iss"
        told = claims.get("aud")
        if self.audience not in (told if isinstance(told, list) else [told]):
            yield "aud"
        for name, wanted in self.claims.items():
            if not _is_as(claims.get(name), wanted):
                yield name


def _is_as(told: object, wanted: str) -> bool:
    if isinstance(told, bool):
        told = str(told).lower()
    elif isinstance(told, int):
        told = str(told)
    if not isinstance(told, str):
        return False
    return told.startswith(wanted[:-1]) if wanted.endswith("*") else told == wanted


def _names_an_owner(wanted: str) -> bool:
    """Whether a value leaves no room for another owner: `shop*` is also how `shop-of-a-stranger/x` begins."""
    return not wanted.endswith("*") or "/" in wanted
