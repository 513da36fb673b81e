"""Whom a trouble reaches: what is read wrong, what a gate kept as it was, what is wrong and tells nobody.

A decision about what is known of assets; nothing is read or recorded here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from freehold.reliability.alerts.alert import Alert
from freehold.reliability.incidents.grouping import Trouble
from freehold.reliability.incidents.paths import Path, Paths
from freehold.reliability.signals import SignalKind

_NOT_THERE = (SignalKind.LATE, SignalKind.RUN)  # what was not built is old, and not wrong
_NOTHING = ("expected", "false")  # verdicts by which nothing was wrong


class Share(StrEnum):
    """How a trouble reaches an asset."""

    WRONG = "wrong"  # published wrong, and an alert says so
    SILENT = "silent"  # published from what is wrong, and no alert says so
    PROTECTED = "protected"  # not published since: what was good before is what its readers see


@dataclass(frozen=True, slots=True)
class Consumer:
    """Somebody, or something, that reads what a trouble reaches: a dashboard, a service, an agent, people as one."""

    name: str
    kind: str
    asset: str
    share: Share
    reads: int = 0

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {"name": self.name, "kind": self.kind, "asset": self.asset, "share": self.share, "reads": self.reads}


@dataclass(frozen=True, slots=True)
class Live:
    """What is known of assets when a trouble is judged.

    Attributes:
        published: when each asset was last published.
        views: the assets that store nothing, and so show at once what they are built from.
    """

    published: Mapping[str, datetime] = field(default_factory=dict)
    views: Collection[str] = ()


def shares(trouble: Trouble, paths: Paths, live: Live) -> dict[str, Share]:
    """Return each asset that a trouble reaches with how it does, those above first.

    An asset is wrong if an open alert of it was not held back, or if it was published since from one that is wrong.
    """
    open_ = [one for one in trouble.alerts if one.is_wrong]
    alerted = {one.asset for one in open_}
    began = min(one.since for one in trouble.alerts)
    wrong_since: dict[str, datetime] = {}
    found: dict[str, Share] = {}
    for asset in _in_order(_reached(trouble, paths), paths):
        own = [one for one in open_ if one.asset == asset]
        if any(_is_read_wrong(one) for one in own):
            wrong_since[asset] = min(one.since for one in own)
            found[asset] = Share.WRONG
            continue
        above = [wrong_since[name] for name in paths.reads.get(asset, ()) if name in wrong_since]
        at = live.published.get(asset)
        if above and (asset in live.views or (at is not None and at >= max(began, min(above)))):
            wrong_since[asset] = min(above)
            found[asset] = Share.WRONG if asset in alerted else Share.SILENT
        else:
            found[asset] = Share.PROTECTED
    return found


def lasting(found: Mapping[str, Share], before: Mapping[str, Any], alerts: Collection[Alert]) -> dict[str, Share]:
    """Return shares in which what was read wrong once stays so: taking it back protects nobody who has read it.

    `before` is the reach as it was judged last. Where every alert turned out to be nothing, nothing was wrong.
    """
    was = {str(name): share for share in (Share.SILENT, Share.WRONG) for name in before.get(str(share)) or ()}
    if alerts and all(one.verdict in _NOTHING for one in alerts):
        was = {}
    return {name: was.get(name, share) if share is Share.PROTECTED else share for name, share in found.items()}


def _is_read_wrong(alert: Alert) -> bool:
    return not alert.is_held and alert.kind not in _NOT_THERE


def _reached(trouble: Trouble, paths: Paths) -> set[str]:
    """Return the assets with an alert, and what is built from the columns in which they are wrong."""
    found = {one.asset for one in trouble.alerts}
    by_asset: dict[str, set[str]] = {}
    for one in trouble.alerts:
        by_asset.setdefault(one.asset, set()).add(one.column)
    for asset, columns in by_asset.items():
        wrong = () if "" in columns else tuple(sorted(columns))
        found |= {name for name in paths.downstream(asset) if paths.path(asset, wrong, name) is not Path.NONE}
    return found


def _in_order(assets: Collection[str], paths: Paths) -> Iterator[str]:
    """Yield assets, each after those it is built from."""
    waiting, done = sorted(assets), set[str]()
    while waiting:
        ready = [name for name in waiting if not (set(paths.reads.get(name, ())) & set(assets)) - done]
        ready = ready or waiting[:1]  # what reads itself would wait for ever
        yield from ready
        done.update(ready)
        waiting = [name for name in waiting if name not in done]


def sorted_by_share(consumers: Sequence[Consumer]) -> tuple[Consumer, ...]:
    """Return consumers without repetition, each by the worst it reads; the worst first, then who reads most."""
    order = list(Share)
    worst: dict[tuple[str, str], Consumer] = {}
    for one in consumers:
        known = worst.get((one.kind, one.name))
        if known is None or (order.index(one.share), -one.reads) < (order.index(known.share), -known.reads):
            worst[one.kind, one.name] = one
    return tuple(sorted(worst.values(), key=lambda one: (order.index(one.share), -one.reads, one.kind, one.name)))
