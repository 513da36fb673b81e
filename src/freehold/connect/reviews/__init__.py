"""Code review as approval: who approved a pull request, and which CI job is asking. Reads; never writes there."""

from freehold.connect.reviews.forge import Forge, PullRequest, Review, pull_request_here
from freehold.connect.reviews.identity import GITHUB_ISSUER, GITLAB_ISSUER, CiIdentity, identity_token, verified
from freehold.connect.reviews.reading import approvals_of, pull_request_of, review_of

__all__ = [
    "GITHUB_ISSUER",
    "GITLAB_ISSUER",
    "CiIdentity",
    "Forge",
    "PullRequest",
    "Review",
    "approvals_of",
    "identity_token",
    "pull_request_here",
    "pull_request_of",
    "review_of",
    "verified",
]
