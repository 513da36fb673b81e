"""Which addresses may be called: read strictly, resolved once, each one that comes of it checked."""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from freehold.foundation import Exit, FreeholdError, Where

Ip = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_PORTS = {"https": 443, "http": 80}
_STRANGE = re.compile(r"[^\x21-\x7e]|\\")  # what readers of addresses do not agree on
_NUMERIC = re.compile(r"(0x[0-9a-f]*|[0-9]+)(\.(0x[0-9a-f]*|[0-9]+))*\.?", re.IGNORECASE)  # as inet_aton reads it
_GLOBAL_6 = ipaddress.IPv6Network("2000::/3")  # nothing else is given out; what maps IPv4 into IPv6 is mostly outside
_TUNNELS = (ipaddress.IPv6Network("2001::/32"), ipaddress.IPv6Network("2002::/16"))  # Teredo, 6to4: IPv4 in disguise


@dataclass(frozen=True, slots=True)
class Outbound:
    """What may be called beside the public internet.

    Attributes:
        allow: networks that are private, or this machine, and may be called all the same.
        plain_http: whether those may be called without TLS; the public internet never is.
        by_proxy: whether a proxy of the environment is asked, which resolves names by itself.
    """

    allow: tuple[Network, ...] = ()
    plain_http: bool = False
    by_proxy: bool = False

    def allows(self, address: Ip) -> bool:
        """Whether an address is in a network that is named."""
        return any(address.version == network.version and address in network for network in self.allow)


# Wherever a name leads: for addresses that who runs this gave, and that are asked with a token of theirs.
ANYWHERE = Outbound((ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0")), plain_http=True, by_proxy=True)


@dataclass(frozen=True, slots=True)
class Target:
    """An address as it was read: nothing is resolved yet. `path` has the query with it."""

    scheme: str
    host: str
    port: int
    path: str
    named: str = ""  # how it is shown, where the address itself is a secret

    @property
    def authority(self) -> str:
        """What the header `Host` says."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def shown(self) -> str:
        """The address as it may be shown: a query may hold a secret."""
        return self.named or f"{self.scheme}://{self.authority}{self.path.partition('?')[0]}"


def outbound_from(said: Mapping[str, Any]) -> Outbound:
    """Return what `spec.server.outbound` of an estate says.

    Raises:
        FreeholdError: FH-A160 an entry is no network.
    """
    return Outbound(tuple(map(_network, said.get("allow") or ())), bool(said.get("plain_http", False)))


def target_of(url: str, where: Where | None = None, named: str = "") -> Target:
    """Read an address, strictly: one that two readers could take for different hosts is refused.

    Args:
        url: the address.
        where: the place it is written at, for the error.
        named: how it is shown, where the address itself is a secret.

    Raises:
        FreeholdError: FH-A161 saying what is wrong; a query is not repeated.
    """
    shown = named or url
    if _STRANGE.search(url):
        raise refused(shown, "it has a space, a backslash or a sign beyond ASCII", where)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise refused(shown, "its port or its brackets cannot be read", where) from error
    if parts.scheme not in _PORTS:
        raise refused(shown, "it begins with neither https:// nor http://", where)
    if "@" in parts.netloc:
        raise refused(named, "it has a name or a password before its host", where)
    host = (parts.hostname or "").lower()
    if not host or "%" in host or port == 0:
        raise refused(shown, "it names no host", where)
    if _NUMERIC.fullmatch(host) and not _is_ip(host):
        raise refused(shown, f"`{host}` is an IP address in disguise", where)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, host, port or _PORTS[parts.scheme], path, named)


def resolved(target: Target, outbound: Outbound) -> tuple[Ip, ...]:
    """Resolve a target, once, and return its addresses, all of which may be called.

    Raises:
        FreeholdError: FH-A161 one of them may not be; FH-A162 the name is not known.
    """
    try:
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no name"
        raise FreeholdError(
            "FH-A162", f"`{target.host}` cannot be resolved: {reason}.", fix="Look at its spelling, and at the DNS.",
            exit_code=Exit.ENVIRONMENT,
        ) from error  # fmt: skip
    addresses = tuple(dict.fromkeys(_unmapped(str(entry[4][0])) for entry in found))
    expect_allowed(target, addresses, outbound)
    return addresses


def expect_allowed(target: Target, addresses: Sequence[Ip], outbound: Outbound) -> None:
    """Refuse a target of whose addresses any may not be called.

    Raises:
        FreeholdError: FH-A161 saying which, and how files allow it.
    """
    for address in addresses:
        is_named = outbound.allows(address)
        if not is_named and not is_public(address):
            plain = ", plain_http: true" if target.scheme == "http" and not outbound.plain_http else ""
            raise refused(
                target.shown, f"`{target.host}` is {address}, which is not of the public internet",
                fix=f"If it is meant: `spec.server.outbound: {{allow: [\"{address}\"]{plain}}}` in estate.yaml.",
            )  # fmt: skip
        if target.scheme == "http" and not (is_named and outbound.plain_http):
            raise refused(
                target.shown, "it is not https, so that others could read what is sent",
                fix="Use https; in a network that is allowed, `spec.server.outbound.plain_http: true` does.",
            )  # fmt: skip


def is_public(address: Ip) -> bool:
    """Whether an address is of the public internet, and carries no other one inside."""
    if address.is_multicast or not address.is_global:
        return False
    if isinstance(address, ipaddress.IPv4Address):
        return True
    return address in _GLOBAL_6 and not any(address in tunnel for tunnel in _TUNNELS)


def refused(url: str, why: str, where: Where | None = None, fix: str = "") -> FreeholdError:
    """Return the refusal of an address; a query is not repeated."""
    shown = f"`{url.partition('?')[0][:200]}`" if url else "An address"
    return FreeholdError(
        "FH-A161", f"{shown} is not called: {why}.", where=where, exit_code=Exit.USAGE,
        fix=fix or "Write https://hooks.example.com/path, as it is meant.",
    )  # fmt: skip


def _network(text: object) -> Network:
    try:
        return ipaddress.ip_network(str(text))
    except ValueError as error:
        raise FreeholdError(
            "FH-A160", f"`spec.server.outbound.allow` has `{text}`, which is no network: {error}.",
            where=Where("estate.yaml"), fix="Write an address, or a network as 10.20.0.0/16.", exit_code=Exit.USAGE,
        ) from error  # fmt: skip


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _unmapped(text: str) -> Ip:
    """Return an address; an IPv4 address that is written as an IPv6 one, as what it is."""
    address = ipaddress.ip_address(text.partition("%")[0])
    mapped = getattr(address, "ipv4_mapped", None)
    return address if mapped is None else mapped
