"""Proxies that stand before the server: from which address a request came, as far as those that are named tell it."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import TYPE_CHECKING

from starlette.datastructures import Headers

from freehold.foundation import Exit, FreeholdError, Where

if TYPE_CHECKING:
    from starlette.types import Scope

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_NOBODY = "?"  # on a socket that has no address


def proxies_from(said: Sequence[object]) -> tuple[Network, ...]:
    """Return the networks of `spec.server.proxies`.

    Raises:
        FreeholdError: FH-C020 an entry is no network.
    """
    return tuple(_network(one) for one in said)


def address_of(scope: Scope, proxies: Sequence[Network]) -> str:
    """Return the address a request came from.

    `X-Forwarded-For` is read from its end, where each proxy writes whom it was asked by, and only as long as the writer
    is one of `proxies`: what anybody else wrote there is made up.
    """
    client = scope.get("client")
    found = str(client[0]) if client else _NOBODY
    if not proxies or not _is_within(found, proxies):
        return found
    told = ",".join(Headers(scope=scope).getlist("x-forwarded-for")).split(",")
    for one in reversed([part.strip() for part in told]):
        address = _address(one)
        if address is None:
            return found
        found = str(address)
        if not _is_within(found, proxies):
            return found
    return found


def _is_within(address: str, proxies: Sequence[Network]) -> bool:
    found = _address(address)
    return found is not None and any(found in one for one in proxies)


def _address(said: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        found = ipaddress.ip_address(said)
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return mapped or found  # of one socket for both, which tells ::ffff:10.0.0.7


def _network(said: object) -> Network:
    try:
        return ipaddress.ip_network(str(said))
    except ValueError as error:
        raise FreeholdError(
            "FH-C020",
            f"`spec.server.proxies` has `{said}`, which is no network: {error}.",
            where=Where("estate.yaml"),
            fix="Write the address of a proxy, or a network as 10.20.0.0/24.",
            exit_code=Exit.USAGE,
        ) from error
