"""Which CI job is asking: its token, verified against the keys of the issuer that an estate trusts.

The issuer is never taken from the token or from the environment: whoever could choose it could vouch for anybody.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import quote

from freehold.connect.reviews.http import checked_address, get, not_understood, same_origin
from freehold.foundation import Caller, Exit, FreeholdError
from freehold.foundation.secrets import Secret

GITHUB_ISSUER = "https://token.actions.githubusercontent.com"
GITLAB_ISSUER = "https://gitlab.com"
GIVEN = "FREEHOLD_ID_TOKEN"  # the variable that a job finds its token in where its system hands it one
LEEWAY_S = 30  # by how much the clocks of two machines may differ
_ALGORITHMS = ["RS256"]


@dataclass(frozen=True, slots=True)
class CiIdentity:
    """A CI job whose token was verified.

    Attributes:
        repository: `owner/name`, or the path of the project.
        ref: `refs/heads/main`.
        actor: who started it, by the name at the forge.
    """

    issuer: str
    subject: str
    repository: str
    ref: str
    sha: str
    actor: str
    run: str
    environment: str = ""

    @property
    def caller(self) -> Caller:
        """The job as a caller: a service, surely known."""
        return Caller(f"service:ci/{self.repository}", purpose="operate", assurance="oidc")


def verified(
    token: str, *, issuer: str, audience: str, repository: str, refs: Iterable[str], now: datetime
) -> CiIdentity:
    """Verify the token of a CI job.

    Args:
        token: a JSON Web Token (RFC 7519) signed with RS256.
        issuer: whom to trust: `GITHUB_ISSUER`, `GITLAB_ISSUER`, or the address of an own one.
        audience: what the token must have been made for.
        repository: of which repository the job must be.
        refs: on which refs it may run, or patterns with *: `refs/heads/main`.
        now: the moment by which the token must hold.

    Raises:
        FreeholdError: FH-H007 the token is forged, expired, or made for others; FH-H008 the job is of another
            repository or ref; FH-H001 to FH-H006 the issuer's keys cannot be read.
    """
    claims = _claims(token, issuer, audience, now)
    identity = job_of(claims, issuer)
    if identity.repository.lower() != repository.lower():
        raise _elsewhere(f"The token is of a job of `{identity.repository}`, not of `{repository}`.")
    allowed = tuple(refs)
    if not any(fnmatchcase(identity.ref, ref) for ref in allowed):
        raise _elsewhere(f"The job ran on `{identity.ref}`; this takes {' or '.join(f'`{r}`' for r in allowed)}.")
    return identity


def identity_token(audience: str, environ: Mapping[str, str], variable: str = GIVEN) -> Secret:
    """Return the token by which the CI job that this runs in can be known.

    On GitHub it is asked for (the job needs `permissions: id-token: write`); on GitLab the job declares it under
    `id_tokens: FREEHOLD_ID_TOKEN: {aud: …}`, or under the name of another variable, as elsewhere.

    Raises:
        FreeholdError: FH-H009 this is no such job; FH-H001 to FH-H006 GitHub does not give it.
    """
    url, bearer = environ.get("ACTIONS_ID_TOKEN_REQUEST_URL"), environ.get("ACTIONS_ID_TOKEN_REQUEST_TOKEN")
    if url and bearer:
        joint = "&" if "?" in url else "?"
        body = get(f"{url}{joint}audience={quote(audience, safe='')}", {"Authorization": f"Bearer {bearer}"}).body
        if not isinstance(body, Mapping) or not isinstance(body.get("value"), str):
            raise not_understood(url, "it holds no token")
        return Secret("env:ACTIONS_ID_TOKEN_REQUEST_URL", body["value"])
    if given := environ.get(variable):
        return Secret(f"env:{variable}", given)
    raise FreeholdError(
        "FH-H009",
        "This is no CI job whose identity can be known.",
        fix=f"On GitHub give the job `permissions: id-token: write`; on GitLab declare `id_tokens: {variable}`.",
        exit_code=Exit.APPROVAL,
    )


def _claims(token: str, issuer: str, audience: str, now: datetime) -> Mapping[str, Any]:
    from joserfc import jwt
    from joserfc.errors import JoseError
    from joserfc.jwk import KeySet

    keys = _keys(issuer)
    wanted = jwt.JWTClaimsRegistry(
        now=int(now.timestamp()),
        leeway=LEEWAY_S,
        iss={"essential": True, "value": issuer},
        aud={"essential": True, "value": audience},
        exp={"essential": True},
    )
    try:
        found = jwt.decode(token, KeySet.import_key_set(keys), algorithms=_ALGORITHMS)
        wanted.validate(found.claims)
    except (JoseError, ValueError) as error:
        # The words of the library may quote the token, which is a secret: only the kind of the refusal is told.
        reason = getattr(error, "error", "") or type(error).__name__
        raise FreeholdError(
            "FH-H007",
            f"The token of the CI job is refused: {str(reason).replace('_', ' ')}.",
            fix=f"It must be signed by {issuer}, be made for `{audience}`, and be used while it holds.",
            exit_code=Exit.APPROVAL,
        ) from None
    return found.claims


def _keys(issuer: str) -> Any:
    """Return the issuer's keys, found by its metadata (OpenID Connect Discovery 1.0)."""
    base = checked_address(issuer).rstrip("/")
    place = f"{base}/.well-known/openid-configuration"
    said = get(place, {}).body
    address = said.get("jwks_uri") if isinstance(said, Mapping) else None
    if not isinstance(address, str) or not same_origin(address, base) or said.get("issuer") != issuer:
        raise not_understood(place, "it does not name this issuer and its keys on the same host")
    keys = get(address, {}).body
    if not isinstance(keys, Mapping) or not isinstance(keys.get("keys"), list):
        raise not_understood(address, "it holds no keys")
    return {"keys": [key for key in keys["keys"] if isinstance(key, Mapping) and key.get("kty") == "RSA"]}


def job_of(claims: Mapping[str, Any], issuer: str) -> CiIdentity:
    """Return the job that the claims of a verified token are of, as GitHub or GitLab has them."""
    of_gitlab = "project_path" in claims
    ref = str(claims.get("ref") or "")
    if of_gitlab:
        kind = "tags" if claims.get("ref_type") == "tag" else "heads"
        ref = str(claims.get("ref_path") or f"refs/{kind}/{ref}")
    return CiIdentity(
        issuer=issuer,
        subject=str(claims.get("sub") or ""),
        repository=str(claims.get("project_path" if of_gitlab else "repository") or ""),
        ref=ref,
        sha=str(claims.get("sha") or ""),
        actor=str(claims.get("user_login" if of_gitlab else "actor") or ""),
        run=str(claims.get("pipeline_id" if of_gitlab else "run_id") or ""),
        environment=str(claims.get("environment") or ""),
    )


def _elsewhere(problem: str) -> FreeholdError:
    fix = "Run it in the job that the release is meant to come from."
    return FreeholdError("FH-H008", problem, fix=fix, exit_code=Exit.APPROVAL)
