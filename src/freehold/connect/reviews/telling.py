"""Telling a forge: the plan as one comment that is kept up to date, and reviewers who are asked."""

from __future__ import annotations

from collections.abc import Iterable

from freehold.connect.reviews.forge import Forge, PullRequest
from freehold.connect.reviews.http import pages, send
from freehold.foundation import FreeholdError

MARK = "<!-- freehold: plan -->"
"""What begins our comment, so that it is found again."""


def comment(pull_request: PullRequest, forge: Forge, text: str) -> bool:
    """Write our comment on a pull request, or write it anew where it is there; return whether it is new.

    Raises:
        FreeholdError: FH-H001 to FH-H006.
    """
    home = forge.project(pull_request.project)
    if forge.kind == "github":
        listed, change, one = f"{home}/issues/{pull_request.number}/comments", "PATCH", f"{home}/issues/comments"
    else:
        listed, change = f"{home}/merge_requests/{pull_request.number}/notes", "PUT"
        one = listed
    body = {"body": f"{MARK}\n{text}"}
    for known in pages(f"{listed}?per_page=100", forge.headers):
        if str(known.get("body") or "").startswith(MARK):
            send(change, f"{one}/{known['id']}", forge.headers, body)
            return False
    send("POST", listed, forge.headers, body)
    return True


def ask(pull_request: PullRequest, forge: Forge, handles: Iterable[str]) -> tuple[str, ...]:
    """Ask people for their review; return whom the forge would not ask: somebody who may not see it, or its author.

    GitLab asks by numbers that only administrators may look up, so there the comment alone names them.

    Raises:
        FreeholdError: FH-H001, FH-H002, FH-H004, FH-H006.
    """
    if forge.kind != "github":
        return tuple(handles)
    place = f"{forge.project(pull_request.project)}/pulls/{pull_request.number}/requested_reviewers"
    refused = []
    for handle in handles:
        try:
            send("POST", place, forge.headers, {"reviewers": [handle]})
        except FreeholdError as error:
            if error.code not in ("FH-H003", "FH-H005"):
                raise
            refused.append(handle)
    return tuple(refused)
