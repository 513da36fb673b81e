"""Which alerts are one trouble: those that lineage connects within one period, rooted where nothing above is wrong.

A decision about alerts; nothing is read or recorded here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from freehold.reliability.alerts.alert import Alert
from freehold.reliability.incidents.paths import Path, Paths

DAY = timedelta(days=1)
Period = Callable[[str], timedelta]
"""How often an asset is to be brought up to date."""


def daily(_: str) -> timedelta:
    """Return the period of what names none."""
    return DAY


@dataclass(frozen=True, slots=True)
class Trouble:
    """Alerts that are one trouble. `root` is the asset where it began: the most upstream one that is wrong."""

    root: str
    alerts: tuple[Alert, ...]

    @property
    def assets(self) -> tuple[str, ...]:
        """The assets with an alert, the root first, then by name."""
        named = {one.asset for one in self.alerts}
        return tuple(sorted(named, key=lambda name: (name != self.root, name)))

    @property
    def at_root(self) -> tuple[Alert, ...]:
        """The alerts of the root; of all assets where it has none of its own."""
        return tuple(one for one in self.alerts if one.asset == self.root) or self.alerts


def troubles(alerts: Iterable[Alert], paths: Paths, period: Period = daily) -> tuple[Trouble, ...]:
    """Return the troubles that alerts tell of, the one that began first, first.

    Two alerts are of one trouble if they are of the same asset, or lineage leads from the one's columns to the
    other's, and they began within one period of the lower one; or if a third connects them.
    """
    every = sorted(alerts, key=lambda one: (one.since, one.id))
    sets = _Sets(len(every))
    by_asset: dict[str, list[int]] = defaultdict(list)
    for place, one in enumerate(every):
        by_asset[one.asset].append(place)
    for asset, lower in by_asset.items():
        for upper in (asset, *(paths.upstream(asset) & by_asset.keys())):
            for a in by_asset[upper]:
                for b in lower:
                    if sets.of(a) != sets.of(b) and _connected(every[a], every[b], paths, period):
                        sets.join(a, b)
    groups: dict[int, list[Alert]] = defaultdict(list)
    for place, one in enumerate(every):
        groups[sets.of(place)].append(one)
    return tuple(Trouble(root_of(group, paths), tuple(group)) for group in groups.values())


def _connected(upper: Alert, lower: Alert, paths: Paths, period: Period) -> bool:
    if abs(upper.since - lower.since) > period(lower.asset):
        return False
    if upper.asset == lower.asset:
        return True
    columns = (upper.column,) if upper.column else ()
    return paths.path(upper.asset, columns, lower.asset, lower.column) is not Path.NONE


def root_of(alerts: Sequence[Alert], paths: Paths) -> str:
    """Return the most upstream asset of some alerts; of several that which began first, then most is built from."""
    assets = {one.asset for one in alerts}
    highest = [name for name in assets if not paths.upstream(name) & assets]
    began = {name: min(one.since for one in alerts if one.asset == name) for name in highest}
    below = {name: sum(name in paths.upstream(other) for other in assets) for name in highest}
    return min(highest or assets, key=lambda name: (began[name], -below[name], name))


def joined_by_cause(found: Sequence[Trouble], causes: Mapping[int, tuple[str, str]]) -> tuple[Trouble, ...]:
    """Return troubles of which those with the same cause are one, rooted at the asset where that happened.

    Args:
        found: troubles.
        causes: by the place of a trouble, the id of its cause, and the asset of that.
    """
    by_cause: dict[str, list[int]] = defaultdict(list)
    for place, (cause, _) in causes.items():
        by_cause[cause].append(place)
    joined = {place: group for group in by_cause.values() if len(group) > 1 for place in group}
    made = []
    for place, one in enumerate(found):
        group = joined.get(place)
        if group is None:
            made.append(one)
        elif place == group[0]:
            every = sorted((a for n in group for a in found[n].alerts), key=lambda a: (a.since, a.id))
            made.append(Trouble(causes[place][1], tuple(every)))
    return tuple(made)


class _Sets:
    """Disjoint sets of places."""

    def __init__(self, count: int) -> None:
        self._above = list(range(count))

    def of(self, place: int) -> int:
        while self._above[place] != place:
            self._above[place] = self._above[self._above[place]]
            place = self._above[place]
        return place

    def join(self, a: int, b: int) -> None:
        a, b = sorted((self.of(a), self.of(b)))
        self._above[b] = a
