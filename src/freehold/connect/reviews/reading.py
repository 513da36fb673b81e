"""What reviewers said, read from the forge: of each person the last word, and whether it is of the code as it is."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import quote

from freehold.connect.reviews.forge import Forge, PullRequest, Review
from freehold.connect.reviews.http import get, not_understood, pages
from freehold.connect.reviews.identity import CiIdentity
from freehold.delivery.gate import Approval
from freehold.foundation import Exit, FreeholdError
from freehold.foundation.caller import Assurance
from freehold.foundation.times import instant_of

Handles = Mapping[str, tuple[str, ...]]  # lower-case name at the forge -> references to the identity provider
T = TypeVar("T")
_HIDDEN = re.compile(r"(?:\d+-)?(?P<account>[^@]+)@users\.noreply\.")  # GitLab's address of who hides their own


def approvals_of(
    pull_request: PullRequest, forge: Forge, handles: Handles, *, identity: CiIdentity | None = None
) -> tuple[Approval, ...]:
    """Return the approvals of a pull request; see `review_of`."""
    return review_of(pull_request, forge, handles, identity=identity).approvals


def review_of(
    pull_request: PullRequest, forge: Forge, handles: Handles, *, identity: CiIdentity | None = None
) -> Review:
    """Read a pull request with its approvals.

    Args:
        pull_request: which.
        forge: where.
        handles: who somebody is by the name used there; see `handles_of`, of the estate that is live.
        identity: the CI job that asks, verified. Without one the answers are only vouched for by the shell that got
            them, and their assurance is `local`.

    Raises:
        FreeholdError: FH-H001 to FH-H005 the forge does not answer as it should; FH-H008 the job is of another
            repository.
    """
    if identity is not None and identity.repository.lower() != pull_request.project.lower():
        raise FreeholdError(
            "FH-H008",
            f"This job is of `{identity.repository}`, and the pull request of `{pull_request.project}`.",
            fix="Ask from a job of that repository.",
            exit_code=Exit.APPROVAL,
        )
    read = _of_github if forge.kind == "github" else _of_gitlab
    return read(pull_request, forge, handles, "oidc" if identity else "local")


def pull_request_of(commit: str, project: str, forge: Forge) -> PullRequest | None:
    """Return the pull request by which a commit came to its branch, or None if it came without one.

    Raises:
        FreeholdError: FH-H001 to FH-H005.
    """
    if forge.kind == "github":
        url, merged, number = f"{forge.project(project)}/commits/{commit}/pulls?per_page=100", "merged_at", "number"
    else:
        url = f"{forge.project(project)}/repository/commits/{commit}/merge_requests?per_page=100"
        merged, number = "merged_at", "iid"
    made = ("merge_commit_sha", "squash_commit_sha")
    found = [one for one in pages(url, forge.headers) if one.get(merged)]
    exact = [one for one in found if commit in {one.get(name) for name in made}] or found
    return PullRequest(project, int(exact[0][number])) if exact else None


def _of_github(pull_request: PullRequest, forge: Forge, handles: Handles, assurance: Assurance) -> Review:
    place = f"{forge.project(pull_request.project)}/pulls/{pull_request.number}"
    said = get(place, forge.headers).body
    reviews = list(pages(f"{place}/reviews?per_page=100", forge.headers))
    commits = pages(f"{place}/commits?per_page=100", forge.headers)
    makers = {name for one in commits for part in ("author", "committer") if (name := _login(one.get(part)))}

    def read() -> Review:
        opener, head = str(said["user"]["login"]), str(said["head"]["sha"])
        made = {opener, *(name for name in makers if name != "web-flow")}  # who merges by button, for nobody
        return Review(
            pull_request=pull_request,
            author=f"github:{opener.lower()}",
            authors=_known("github", made, handles),
            head=head,
            base=str(said["base"]["ref"]),
            is_merged=bool(said.get("merged_at")),
            url=str(said["html_url"]),
            approvals=tuple(_of_reviews(reviews, head, handles, assurance)),
        )

    return _understood(place, read)


def _of_reviews(reviews: Iterable[Any], head: str, handles: Handles, assurance: Assurance) -> Iterator[Approval]:
    """Yield of each person the last review that says yes or no, where it says yes; a comment takes nothing back."""
    last: dict[str, Any] = {}
    for one in sorted(reviews, key=lambda r: (str(r.get("submitted_at") or ""), int(r.get("id") or 0))):
        name = _login(one.get("user"))
        if name and one["state"] in ("APPROVED", "CHANGES_REQUESTED", "DISMISSED"):
            last[name.lower()] = one
    for name, one in last.items():
        if one["state"] == "APPROVED":
            yield Approval(
                by=f"github:{name}",
                principals=handles.get(name, ()),
                assurance=assurance,
                given_at=instant_of(one["submitted_at"]),
                is_stale=one.get("commit_id") != head,
                url=str(one.get("html_url") or ""),
            )


def _of_gitlab(pull_request: PullRequest, forge: Forge, handles: Handles, assurance: Assurance) -> Review:
    place = f"{forge.project(pull_request.project)}/merge_requests/{pull_request.number}"
    said = get(place, forge.headers).body
    approved = get(f"{place}/approvals", forge.headers).body
    versions = list(pages(f"{place}/versions?per_page=100", forge.headers))
    commits = list(pages(f"{place}/commits?per_page=100", forge.headers))
    made_by = _understood(place, lambda: _committers(commits, [one["user"] for one in approved["approved_by"]], forge))

    def read() -> Review:
        opener = str(said["author"]["username"])
        return Review(
            pull_request=pull_request,
            author=f"gitlab:{opener.lower()}",
            authors=_known("gitlab", {opener, *made_by}, handles),
            head=str(said["sha"]),
            base=str(said["target_branch"]),
            is_merged=bool(said.get("merged_at")),
            url=str(said["web_url"]),
            approvals=tuple(_of_approved(approved["approved_by"], versions, str(said["web_url"]), handles, assurance)),
        )

    return _understood(place, read)


def _committers(commits: Iterable[Any], approvers: Iterable[Any], forge: Forge) -> set[str]:
    """Return the accounts behind commits. GitLab tells names and addresses of them, not accounts.

    An address of the kind that hides another names its account; any other is looked for among the public ones. An
    approver who bears the name that stands in a commit counts as its author: better to ask one person more than to
    take somebody's approval of their own work.
    """
    parts = ("author", "committer")
    addresses = {str(one.get(f"{part}_email") or "").lower() for one in commits for part in parts} - {""}
    names = {str(one.get(f"{part}_name") or "").casefold() for one in commits for part in parts} - {""}
    found = {str(user["username"]) for user in approvers if str(user.get("name") or "").casefold() in names}
    for address in sorted(addresses):
        hidden = _HIDDEN.match(address)
        if hidden:
            found.add(hidden["account"])
        else:
            place = f"{forge.api}/users?search={quote(address, safe='')}"
            found |= {str(user["username"]) for user in get(place, forge.headers).body}
    return found


def _of_approved(
    approved: Iterable[Any], versions: list[Any], url: str, handles: Handles, assurance: Assurance
) -> Iterator[Approval]:
    """Yield an approval for each person; one given before the newest version was pushed is stale.

    An older GitLab does not say when somebody approved. Then only a merge request that never changed is approved as it
    is.
    """
    pushed = max((instant_of(one["created_at"]) for one in versions), default=None)
    for one in approved:
        name, said = str(one["user"]["username"]).lower(), one.get("approved_at")
        given = instant_of(said) if said else None
        yield Approval(
            by=f"gitlab:{name}",
            principals=handles.get(name, ()),
            assurance=assurance,
            given_at=given or pushed or datetime.fromtimestamp(0, UTC),
            is_stale=given < pushed if given and pushed else len(versions) != 1,
            url=url,
        )


def _known(forge: str, names: Iterable[str], handles: Handles) -> frozenset[str]:
    """Return all names of people: those at the forge, and of those at the identity provider the ones of one person."""
    lower = {name.lower() for name in names}
    people = (p for name in lower for p in handles.get(name, ()) if p.startswith("user:"))
    return frozenset({f"{forge}:{name}" for name in lower}.union(people))


def _login(user: Any) -> str:
    """Return the name of an account; an account that was deleted has none."""
    return str(user.get("login") or "") if isinstance(user, Mapping) else ""


def _understood(place: str, read: Callable[[], T]) -> T:
    try:
        return read()
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise not_understood(place, f"{type(error).__name__} of {error}") from error
