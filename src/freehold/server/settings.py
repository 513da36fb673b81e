"""How a server is to behave: where it listens, how long it trusts, how much it takes. Frozen; made once, at start."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from freehold.connect.messages import MailServer
from freehold.connect.outbound import Outbound
from freehold.foundation import Exit, FreeholdError, Where
from freehold.server.proxies import Network

PORT = 8765
# How often one asker may ask within a minute: reading, changing, signing in, telling what other tools did.
RATES: Mapping[str, int] = {"read": 600, "write": 60, "sign_in": 20, "lineage": 180_000}


@dataclass(frozen=True, slots=True)
class Settings:
    """What a server goes by.

    Attributes:
        host, port: where it listens.
        url: the address people use, where a proxy stands before it: https://data.example.com.
        env: the environment it shows; None for the one that is meant where none is named.
        sign_in: `spec.server.sign_in` of the estate: the identity provider; empty where there is none.
        idle, absolute: how long a session lasts unused, and at most.
        body_cap: bytes of a request body.
        outbound: what the server may call beside the public internet: `spec.server.outbound`.
        mail: the mail server by which people are told something; None where there is none.
        proxies: who tells from where a request came: `spec.server.proxies`.
        rates: how often per minute, by what is asked, where that is not as `RATES` has it.
    """

    host: str = "127.0.0.1"
    port: int = PORT
    url: str = ""
    env: str | None = None
    sign_in: Mapping[str, Any] = field(default_factory=dict)
    idle: timedelta = timedelta(hours=8)
    absolute: timedelta = timedelta(days=7)
    body_cap: int = 2_000_000
    rates: Mapping[str, int] = field(default_factory=dict)
    outbound: Outbound = field(default_factory=Outbound)
    mail: MailServer | None = None
    proxies: tuple[Network, ...] = ()

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach it."""
        return is_loopback(self.host)

    @property
    def is_secure(self) -> bool:
        """Whether people reach it by https, so that cookies may be bound to that."""
        return self.url.startswith("https://")

    @property
    def address(self) -> str:
        """The address people use."""
        shown = f"[{self.host}]" if ":" in self.host else self.host
        return self.url.rstrip("/") or f"http://{shown}:{self.port}"

    @property
    def hosts(self) -> frozenset[str]:
        """The `Host` headers that mean this server; any other is somebody else's page reaching for it."""
        if self.url:
            return frozenset({urlsplit(self.url).netloc})
        names = {"127.0.0.1", "localhost", "[::1]", f"[{self.host}]" if ":" in self.host else self.host}
        return frozenset(f"{name}:{self.port}" for name in names)

    @property
    def cookie(self) -> str:
        """The name of the session's cookie. Without https it carries the port, since cookies do not."""
        return "__Host-freehold" if self.is_secure else f"freehold_{self.port}"


def is_loopback(host: str) -> bool:
    """Whether a host to listen on is this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def expect_safe(settings: Settings) -> None:
    """Refuse to open to others what nobody has to sign in to, or what would carry sessions in the open.

    Raises:
        FreeholdError: FH-A001 no identity provider; FH-A002 no https.
    """
    is_of_this_machine = not settings.url or is_loopback(urlsplit(settings.url).hostname or "")
    if settings.is_local and is_of_this_machine:
        return
    reached = settings.host if is_of_this_machine else settings.url
    if not settings.sign_in:
        raise FreeholdError(
            "FH-A001",
            f"`{reached}` can be reached by others, and nobody would have to sign in.",
            where=Where("estate.yaml"),
            fix="Name an identity provider in `spec.server.sign_in`, or stay on 127.0.0.1.",
            exit_code=Exit.USAGE,
        )
    if not settings.is_secure:
        raise FreeholdError(
            "FH-A002",
            f"`{reached}` can be reached by others, and sessions would travel unencrypted.",
            where=Where("estate.yaml"),
            fix="Put a proxy with TLS before it and say its address: `spec.server.url: https://…`.",
            exit_code=Exit.USAGE,
        )
