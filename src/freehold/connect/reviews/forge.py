"""Where code is reviewed: the forge, its pull requests, and what a review comes to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote

from freehold.connect.reviews.http import checked_address
from freehold.delivery.gate import Approval
from freehold.foundation import Exit, FreeholdError, near
from freehold.foundation.secrets import Secret, resolve

Kind = Literal["github", "gitlab"]
GITHUB_API = "https://api.github.com"
GITLAB_API = "https://gitlab.com/api/v4"
_NUMBER = re.compile(r"refs/pull/(\d+)/")


@dataclass(frozen=True, slots=True)
class Forge:
    """A forge: GitHub or GitLab, the address of its API, and the secret to ask with."""

    kind: Kind
    api: str
    token: Secret

    @classmethod
    def at(cls, kind: str, token: str, *, environ: Mapping[str, str], api: str = "") -> Forge:
        """Return a forge.

        Args:
            kind: `github` or `gitlab`.
            token: a reference to the secret, `env:GITHUB_TOKEN`.
            environ: where GITHUB_API_URL or CI_API_V4_URL and the secret may be.
            api: the address of the API; default: what the environment says, else the public one.

        Raises:
            FreeholdError: FH-H006 no such forge, or an unsafe address; FH-S001, FH-S002 the secret is not there.
        """
        if kind not in ("github", "gitlab"):
            fix = near(kind, ("github", "gitlab")) or "Use github or gitlab."
            raise FreeholdError("FH-H006", f"There is no forge `{kind}`.", fix=fix, exit_code=Exit.USAGE)
        known = {"github": ("GITHUB_API_URL", GITHUB_API), "gitlab": ("CI_API_V4_URL", GITLAB_API)}
        variable, public = known[kind]
        address = checked_address((api or environ.get(variable) or public).rstrip("/"))
        return cls("github" if kind == "github" else "gitlab", address, resolve(token, environ=environ))

    @property
    def headers(self) -> dict[str, str]:
        """What goes with every question; made when it is asked, so that nothing keeps the secret."""
        if self.kind == "github":
            shown = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
            return {**shown, "Authorization": f"Bearer {self.token.reveal()}"}
        return {"PRIVATE-TOKEN": self.token.reveal()}

    def project(self, name: str) -> str:
        """Return the address of a repository (`owner/name`) or project (`group/name`, or its number)."""
        if self.kind == "github":
            return f"{self.api}/repos/{quote(name)}"
        return f"{self.api}/projects/{quote(name, safe='')}"


@dataclass(frozen=True, slots=True)
class PullRequest:
    """A pull request of GitHub, or a merge request of GitLab: the repository and its number there."""

    project: str
    number: int


@dataclass(frozen=True, slots=True)
class Review:
    """A pull request as it stands.

    Attributes:
        author: who opened it, as `github:NAME` or `gitlab:NAME`.
        authors: every name of everybody who made it, as far as the forge tells: openers and authors of commits, and
            who they are to the identity provider.
        head: the commit that would be, or was, merged; an approval of another one is stale.
        base: the branch it goes to.
        approvals: of each person the last word, where that is an approval.
    """

    pull_request: PullRequest
    author: str
    authors: frozenset[str]
    head: str
    base: str
    is_merged: bool
    url: str
    approvals: tuple[Approval, ...]


def pull_request_here(environ: Mapping[str, str]) -> PullRequest | None:
    """Return the pull request that a CI job runs for, as its environment says; None on a branch."""
    number = _NUMBER.match(environ.get("GITHUB_REF", ""))
    if number and environ.get("GITHUB_REPOSITORY"):
        return PullRequest(environ["GITHUB_REPOSITORY"], int(number[1]))
    iid, project = environ.get("CI_MERGE_REQUEST_IID", ""), environ.get("CI_PROJECT_PATH", "")
    return PullRequest(project, int(iid)) if iid.isdigit() and project else None
