"""Who asks, why, and how surely we know it. Travels with every command and every call to an engine."""

from __future__ import annotations

import getpass
from dataclasses import dataclass
from typing import Literal

Assurance = Literal["local", "token", "oidc", "system"]


@dataclass(frozen=True, slots=True)
class Caller:
    """The principal behind a command.

    `assurance` says how it was authenticated: `local` is whoever sits at the shell, and is never enough for an
    approval in a protected environment.
    """

    principal: str
    groups: tuple[str, ...] = ()
    purpose: str = "operate"
    assurance: Assurance = "local"

    @classmethod
    def at_the_shell(cls, purpose: str = "operate") -> Caller:
        """Return the person at this shell, as far as the operating system knows."""
        try:
            name = getpass.getuser()
        except (KeyError, OSError):  # a container may run as a number without a name
            name = "unknown"
        return cls(f"user:local/{name}", purpose=purpose)


LOCAL = Caller("system:freehold", purpose="operate", assurance="system")
