"""Who acts in the demo: services called `simulated/…`, with the roles that the estate's teams name."""

from __future__ import annotations

from freehold.foundation import Caller

STEWARDS = ("group:idp/sales-stewards", "group:idp/privacy-stewards", "group:idp/buyers")
OWNERS = ("role:idp/sales-data-owner", "role:idp/customer-data-owner", "role:idp/range-data-owner")


def simulated(name: str, groups: tuple[str, ...] = (), purpose: str = "simulated work") -> Caller:
    """Return a simulated caller of some roles."""
    return Caller(f"service:simulated/{name}", groups, purpose, "system")


STEWARD = simulated("steward", STEWARDS)
OWNER = simulated("owner", OWNERS)
ANALYST = simulated("analyst")
