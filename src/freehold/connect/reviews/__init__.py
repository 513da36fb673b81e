"""Code review as approval: who approved a pull request, which CI job is asking, and the plan as a comment there."""

from freehold.connect.reviews.forge import Forge, PullRequest, Review, pull_request_here
from freehold.connect.reviews.identity import GITHUB_ISSUER, GITLAB_ISSUER, CiIdentity, identity_token, verified
from freehold.connect.reviews.reading import approvals_of, pull_request_of, review_of
from freehold.connect.reviews.telling import ask, comment

__all__ = [
    "GITHUB_ISSUER",
    "GITLAB_ISSUER",
    "CiIdentity",
    "Forge",
    "PullRequest",
    "Review",
    "approvals_of",
    "ask",
    "comment",
    "identity_token",
    "pull_request_here",
    "pull_request_of",
    "review_of",
    "verified",
]
