"""Who asks, why, and how surely we know it. Travels with every command and every call to an engine."""

from __future__ import annotations

import getpass
from dataclasses import dataclass, replace
from typing import Literal

Assurance = Literal["local", "token", "oidc", "system"]


@dataclass(frozen=True, slots=True)
class Caller:
    """The principal behind a command.

    `assurance` says how it was authenticated: `local` is whoever sits at the shell, and is never enough for an
    approval in a protected environment. `job` is the id of the job it acts in, by which an effect is known that an
    earlier attempt at the same job had; empty outside of jobs.
    """

    principal: str
    groups: tuple[str, ...] = ()
    purpose: str = "operate"
    assurance: Assurance = "local"
    job: str = ""

    @classmethod
    def at_the_shell(cls, purpose: str = "operate") -> Caller:
        """Return the person at this shell, as far as the operating system knows; in a job, whoever asked for it."""
        if _acting:
            return replace(_acting[-1], purpose=purpose)
        try:
            name = getpass.getuser()
        except (KeyError, OSError):  # a container may run as a number without a name
            name = "unknown"
        return cls(f"user:local/{name}", purpose=purpose)


LOCAL = Caller("system:freehold", purpose="operate", assurance="system")
_acting: list[Caller] = []


def act_as(caller: Caller) -> None:
    """Have this process act for somebody who asked for it, until it ends. For the process of a job alone."""
    _acting.append(caller)


def is_a_job() -> bool:
    """Whether this process does a job for somebody."""
    return bool(_acting)
