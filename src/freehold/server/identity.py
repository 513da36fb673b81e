"""Who asks: a person by a session, a program by a token; and what each may do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from freehold.foundation import Caller
from freehold.foundation.caller import Assurance

SCOPES = {
    "catalog:read": "See products, metrics and deployments.",
    "metrics:query": "Ask metrics for their values.",
    "jobs:read": "See jobs, and what your own ones said.",
    "server:observe": "Read the server's own figures at /metrics.",
    "lineage:write": "Tell what other tools did, as OpenLineage has it.",
}
HOOKS = "/hooks/"  # where programs outside file work items; who they are, they show by what they sign
INTAKE = "/openlineage/"  # where other tools tell what they did
READS = frozenset({"GET", "HEAD"})
METHODS = {
    "lineage:write": frozenset({"POST"}),
    "jobs:start": frozenset({"POST"}),
    "items:write": frozenset({"POST"}),
    "alerts:write": frozenset({"POST"}),
}  # what a scope may do where that is not to read

STARTS = "jobs:start"
SETTLES = "items:write"
CLOSES = "alerts:write"
ACTS = {  # a token has these where they were named, and by no default
    STARTS: "Ask for jobs in your name, and cancel them.",
    SETTLES: "Begin work items in your name, and move them as your roles let you.",
    CLOSES: "Close alerts in your name, and silence them, where you may run their product.",
}
MAY_BE_GIVEN = SCOPES | ACTS  # to a token of this server
_OF_NUMBERS = ("/metrics/", "/explore", "/explain", "/views", "/api/v1/metrics/", "/api/v1/query", "/api/v1/views")
_ASKED_BY_POST = ("/api/v1/query", "/mcp")  # a question is too long for an address; it changes nothing


def asks(method: str, path: str) -> bool:
    """Whether a request asks something in its body, and so reads as one with GET does."""
    return method == "POST" and path in _ASKED_BY_POST


def scope_of(path: str, method: str = "GET") -> str:
    """Return the scope that a path takes; empty where no token will do."""
    if path.startswith(INTAKE) and method not in READS:
        return "lineage:write"
    if path == "/metrics":
        return "server:observe"
    if path.startswith(("/settings", "/-/", "/sign-out")):
        return ""
    if path.startswith("/api/v1/jobs") and method not in READS:
        return STARTS
    if path.startswith(("/api/v1/alerts", "/api/v1/silences")) and method not in READS:
        return CLOSES
    if path.startswith("/api/v1/work-items") and method not in READS:
        return SETTLES
    if path.startswith(("/jobs", "/api/v1/jobs")):
        return "jobs:read"
    return "metrics:query" if path.startswith(_OF_NUMBERS) else "catalog:read"


@dataclass(frozen=True, slots=True)
class Who:
    """Somebody who is signed in.

    Attributes:
        principal: the name the estate's teams know them by: `user:idp/…`, `group:…` are their groups.
        name: what pages call them.
        via: `session` or `token`; `credential` is the handle or id of it.
        scopes: what a program may do here; a person may do all.
    """

    principal: str
    name: str
    groups: tuple[str, ...]
    assurance: Assurance
    via: Literal["session", "token"]
    credential: str
    scopes: frozenset[str] = frozenset(SCOPES)

    @classmethod
    def at_the_shell(cls) -> Who:
        """Return whoever started this process, as one that asks."""
        principal = Caller.at_the_shell().principal
        return cls(principal, principal.rpartition("/")[2], (), "local", "token", "shell")

    def caller(self, purpose: str) -> Caller:
        """Return them as the rooms below know callers."""
        return Caller(self.principal, self.groups, purpose=purpose, assurance=self.assurance)
