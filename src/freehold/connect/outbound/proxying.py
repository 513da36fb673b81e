"""The proxy that an environment names, for addresses that whoever runs this gave: HTTPS_PROXY, HTTP_PROXY, NO_PROXY."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from freehold.connect.outbound.address import Target, target_of

_NAMED = "the proxy of the environment"  # its address may hold a password


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy, and what it knows us by."""

    target: Target
    headers: Mapping[str, str]


def proxy_for(target: Target) -> Proxy | None:
    """Return the proxy by which a target is reached; None where it is reached without one.

    Raises:
        FreeholdError: FH-A161 what the environment names is no address.
    """
    said = getproxies().get(target.scheme)
    if not said or proxy_bypass(target.authority):
        return None
    parts = urlsplit(said if "://" in said else f"http://{said}")
    known, _, place = parts.netloc.rpartition("@")
    headers = {"Proxy-Authorization": f"Basic {b64encode(unquote(known).encode()).decode()}"} if known else {}
    return Proxy(target_of(f"{parts.scheme}://{place}", named=_NAMED), headers)
