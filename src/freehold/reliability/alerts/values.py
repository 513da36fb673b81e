"""Which values the labels of an estate's alerts can have, so that a matcher that is misspelled is told when written."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING

from freehold.foundation import Exit, FreeholdError, near
from freehold.reliability.alerts.deciding import CRITICAL, INFO, WARNING
from freehold.reliability.signals import SignalKind

if TYPE_CHECKING:
    from freehold.estate.model import Estate
    from freehold.reliability.alerts.matching import Matcher

_MOST_LISTED = 12


def expect_values(matchers: Iterable[Matcher], estate: Estate) -> None:
    """Refuse a matcher of a value that no alert of an estate has: it would match none, or all, and nobody would know.

    Assets, columns and monitors may be of other tools, and are not looked up; nor is what an expression matches.

    Raises:
        FreeholdError: FH-E331 names it, and near matches.
    """
    known = _values(estate)
    for one in matchers:
        if one.op in ("=", "!=") and one.value and one.value not in known.get(one.name, (one.value,)):
            there = sorted(known[one.name])
            listed = (
                f"There are: {', '.join(there)}." if len(there) <= _MOST_LISTED else "`freehold status` lists them."
            )
            problem = f"No alert has the {one.name} `{one.value}`."
            raise FreeholdError("FH-E331", problem, fix=near(one.value, there) or listed, exit_code=Exit.USAGE)


def _values(estate: Estate) -> Mapping[str, Collection[str]]:
    products = estate.products
    return {
        "product": products.keys(),
        "team": estate.teams.keys(),
        "domain": {one.domain for one in products.values() if one.domain},
        "tier": {"1", "2", "3", *(str(one.tier) for one in products.values())},
        "kind": {str(one) for one in SignalKind},
        "severity": {CRITICAL, WARNING, INFO},
        "direction": {"high", "low"},
    }
