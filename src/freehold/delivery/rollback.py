"""Which moves take a product back to the deployment before the current one. A decision about epochs, no effect."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

from freehold.delivery.graph import Graph
from freehold.delivery.release import Live, Move, Release
from freehold.foundation import FreeholdError


@dataclass(frozen=True, slots=True)
class Return:
    """A way back: from which deployment to which, and the moves that make it.

    Assets that the current deployment did not touch stay as they are, and so do those in `first`, which have no
    earlier release to go back to. `left` are assets of other products that hold what was built from what was taken
    back. `withdrawn` are major versions that are taken away, as what they were published beside is there still.
    """

    product: str
    from_deployment: str
    to_deployment: str
    to_published_at: datetime
    moves: tuple[Move, ...]
    first: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    withdrawn: tuple[str, ...] = ()


def returns_of(
    product: str,
    assets: Iterable[str],
    live: Mapping[str, Live],
    releases: Sequence[Release],
    graph: Graph,
    beside: Mapping[str, str] = MappingProxyType({}),
    since: datetime | None = None,
) -> Return:
    """Return the way back from what is live to the deployment before it, or to the last one before an instant.

    The deployments of one run are undone together: between two of them some assets have a day that others have not.
    `releases` are all releases of the product's assets, newest first. A release that was itself a rollback counts as
    the one it restored, so that going back twice goes back two deployments. `beside` maps major versions to the one
    before, which is readable: the first release of such a version is taken back by taking its view away. With `since`,
    all runs from then on are undone; where none of those is live, the last one is.

    Raises:
        FreeholdError: FH-D202 there is no earlier deployment.
    """
    by_epoch = {(r.asset, r.epoch): r for r in releases}
    standing = {a: _origin(by_epoch, a, live[a].epoch) for a in assets if a in live and live[a].is_shown}
    if not standing:
        raise _nothing(product, "nothing of it was ever published")
    wrong = _first_run(releases, since)
    before = {a: _before(releases, a, min(origin.number, wrong)) for a, origin in standing.items()}
    movable = {asset: target for asset, target in before.items() if target is not None}
    ending = {a: live[beside[a]] for a in standing if before[a] is None and a in beside and beside[a] in live}
    if not movable and not ending:
        raise _nothing(product, "the run that made live what is there is its first, and a run is undone whole")
    current = min(max(standing[asset].number for asset in (*movable, *ending)), wrong)
    going = {asset: target for asset, target in movable.items() if standing[asset].number >= current}
    withdrawn = {asset: kept for asset, kept in ending.items() if standing[asset].number >= current}
    back_at = [(r.published_at, r.deployment) for r in going.values()]
    to_published_at, to = max(back_at + [(kept.published_at, kept.deployment) for kept in withdrawn.values()])
    here = max((standing[asset] for asset in (*going, *withdrawn)), key=lambda one: one.number).deployment
    moves = tuple(_move(asset, target, live[asset], graph) for asset, target in going.items())
    moves += tuple(_withdrawal(asset, live[asset], graph) for asset in withdrawn)
    first = tuple(
        a for a, origin in standing.items() if before[a] is None and a not in withdrawn and origin.number >= current
    )
    return Return(product, here, to, to_published_at, moves, first, withdrawn=tuple(withdrawn))


def returned_before(told: Mapping[str, Any], releases: Iterable[Release], graph: Graph, deployment: str) -> Return:
    """Return what a rollback came to that happened already, by what was told of it and the releases it made."""
    mine = [release for release in releases if release.deployment == deployment]
    moves = tuple(
        Move(r.asset, graph.assets[r.asset].relation, r.physical, r.view_sql, r.epoch, restores=r.restores, pinned=True)
        for r in mine
    )
    at = max((r.published_at for r in releases if r.deployment == told["to"]), default=mine[0].published_at)
    gone = tuple(r.asset for r in mine if not r.view_sql)
    return Return(str(told["product"]), str(told["deploy_id"]), str(told["to"]), at, moves, withdrawn=gone)


def _first_run(releases: Iterable[Release], since: datetime | None) -> float:
    """Return the number of the first run that published anything at an instant or later; infinity for none."""
    came = (r.number for r in releases if since is not None and r.restores is None and r.published_at >= since)
    return min(came, default=math.inf)


def _before(releases: Iterable[Release], asset: str, run: float) -> Release | None:
    """Return the newest release of an asset before a run, rollbacks apart; None if there is none."""
    earlier = (r for r in releases if r.asset == asset and r.number < run and r.restores is None)
    return max(earlier, key=lambda r: r.epoch, default=None)


def _origin(by_epoch: Mapping[tuple[str, int], Release], asset: str, epoch: int) -> Release:
    """Return the release whose content is live: the one itself, or the one it restored."""
    release = by_epoch[asset, epoch]
    while release.restores is not None:
        release = by_epoch[asset, release.restores]
    return release


def _move(asset: str, target: Release, live: Live, graph: Graph) -> Move:
    return Move(
        asset=asset,
        view=graph.assets[asset].relation,
        physical=target.physical,
        view_sql=target.view_sql,
        expected_epoch=live.epoch,
        restores=target.epoch,
        reads=target.reads,
        pinned=True,
    )


def _withdrawal(asset: str, live: Live, graph: Graph) -> Move:
    """Return the move that takes an asset away which was never there before."""
    return Move(asset, graph.assets[asset].relation, "", "", live.epoch, restores=0, pinned=True)


def _nothing(product: str, why: str) -> FreeholdError:
    return FreeholdError(
        "FH-D202", f"`{product}` has no earlier deployment: {why}.", fix="See `freehold status` for what is live."
    )
