"""Putting an estate in force: recorded with its files, and what it changes published whole or not at all."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from freehold.delivery.asset import NOT_BUILT
from freehold.delivery.deprecated import as_applied, retirements
from freehold.delivery.environments import fork
from freehold.delivery.graph import Graph, default_environment
from freehold.delivery.majors import Place
from freehold.delivery.outcome import Change, RunOutcome
from freehold.delivery.plan.versions import expect_whole, keep, last_applied
from freehold.delivery.release import Live
from freehold.delivery.run import Progress, Run
from freehold.delivery.standing import judge_anew
from freehold.estate.model import Estate
from freehold.foundation import FreeholdError
from freehold.ledger import Event, Ledger
from freehold.work.decisions import recordings

if TYPE_CHECKING:
    from freehold.delivery.service import Delivery


def publish_change(
    delivery: Delivery,
    assets: Collection[str],
    change_id: str,
    *,
    version: str = "",
    commit: str = "",
    unpin: bool = False,
    take_over: bool = False,
    progress: Progress | None = None,
) -> RunOutcome:
    """Put the estate of a delivery in force: build what it changes, publish all of that in one move, or nothing.

    Args:
        delivery: the environment, with the estate as it should be.
        assets: what the change builds anew; whatever it reuses stays as it stands.
        change_id: what names the change in every event of it.
        version: the name under which the files of the estate are kept, where they are not the ones at hand.
        commit: of the files, where they are all in git.
        take_over: move aside what is not ours and stands where something is to be published for the first time.
        unpin: let what is pinned go on with this change, and from then on.
        progress: called with each step.

    Returns:
        What the run came to. Where `is_refused`, nothing was published and the earlier estate is still in force.

    Raises:
        FreeholdError: FH-D213 one of the assets is pinned.
    """
    ours = [a for a in assets if a in delivery.graph.assets and delivery.graph.assets[a].product.mode == "publish"]
    with delivery.writing() as (session, token):
        fork(delivery, session, token)
        live = delivery.publication.live(session)
        if take_over:  # an estate in force may have been refused for what stood in its way
            ours += [a for a in _never_shown(delivery.graph, live) if a not in ours]
        pinned = _pinned(ours, live, delivery.graph)
        if pinned and not unpin:
            raise _kept(pinned, delivery.graph)
        event = application(
            *(delivery.estate, delivery.graph, delivery.ledger, delivery.root, delivery.env, delivery.places),
            version=version,
            commit=commit,
            id_=delivery.ids.new(),
            at=delivery.clock.now(),
            is_of_files=delivery.is_of_files,
        )
        outcome = RunOutcome(delivery.ids.new(), (), (), 0, (), 0.0)
        if ours:
            run = Run(delivery, session, token, ours, None, None, progress, Change(change_id, event, unpin, take_over))
            run.expect_free()
            outcome = run.execute()
            live = dict(run.live)
        delivery.forget()
        if outcome.is_refused:
            return outcome
        if event is not None and not outcome.deployments:
            delivery.ledger.append(event)
        delivery.ledger.append(*retirements(delivery.ledger, delivery.env))
        record_decisions(delivery.estate, delivery.ledger, delivery.env, delivery.clock.now())
        if pinned:
            delivery.free(session, token, pinned)
        return replace(outcome, judged=judge_anew(delivery, session, live, delivery.graph.assets))


def apply(
    estate: Estate,
    graph: Graph,
    ledger: Ledger,
    root: Path,
    env: str,
    places: Mapping[str, Place] = MappingProxyType({}),
    *,
    is_of_files: bool = False,
) -> None:
    """Record that an estate is in force, unless it is already, and keep its files to go back to and compare with."""
    event = application(estate, graph, ledger, root, env, places, is_of_files=is_of_files)
    if event is not None:
        ledger.append(event)
    ledger.append(*retirements(ledger, env))
    record_decisions(estate, ledger, env, ledger.clock.now())


def record_decisions(estate: Estate, ledger: Ledger, env: str, at: datetime) -> None:
    """Record what the decisions of an estate in force have come to, where the ledger does not hold it yet.

    Only the environment that everybody reads decides: what a branch tries out is no decision.
    """
    if env == default_environment(estate):
        ledger.append(*recordings(estate, ledger, env, at))


def application(
    estate: Estate,
    graph: Graph,
    ledger: Ledger,
    root: Path,
    env: str,
    places: Mapping[str, Place] = MappingProxyType({}),
    *,
    version: str = "",
    commit: str = "",
    id_: str | None = None,
    at: datetime | None = None,
    is_of_files: bool = False,
) -> Event | None:
    """Keep the files of an estate and return the event that puts it in force; None if it is in force already."""
    hashes = dict(estate.hashes)
    last = last_applied(ledger, env)
    before = dict(last.data.get("resources") or {}) if last else {}
    known = str(last.data.get("version") or "") if last else ""
    if before == hashes and known:
        return None
    declared = estate.environment(env)
    version = version or keep(ledger, root, known)
    if is_of_files:
        expect_whole(ledger, root, version, hashes)
    content = {
        "estate": estate.id,
        "env": env,
        "protected": bool(declared and declared.protected),
        "version": version,
        "commit": commit or None,
        "resources": hashes,
        "added": sorted(set(hashes) - set(before)),
        "changed": sorted(k for k in hashes if k in before and hashes[k] != before[k]),
        "removed": sorted(set(before) - set(hashes)),
        "assets": {
            a.id: {
                "tier": a.product.tier,
                "owner": a.product.team,
                "product": a.product.id,
                "domain": a.product.domain,
            }
            for a in graph.assets.values()
        },
        **as_applied(last, estate, graph, at or ledger.clock.now()),
        "versions": {name: _with_grain(place, graph).to_json() for name, place in sorted(places.items())},
    }
    return Event("estate.applied", content, id=id_, occurred_at=at, env=env, subject=estate.id)


def _with_grain(place: Place, graph: Graph) -> Place:
    """Return a place that says whether rows are kept by interval: what is left of it one day is read by that."""
    asset = graph.assets.get(place.asset)
    return replace(place, by_interval=asset.by_interval) if asset is not None else place


def _never_shown(graph: Graph, live: Mapping[str, Live]) -> list[str]:
    """Return what is to be published and is not there yet."""
    mine = (a for a in graph.assets.values() if a.product.mode == "publish" and a.kind not in NOT_BUILT)
    return [a.id for a in mine if a.id not in live]


def _pinned(ours: Collection[str], live: Mapping[str, Live], graph: Graph) -> list[str]:
    """Return what is pinned of the products that a change touches."""
    products = {graph.assets[name].product.id for name in ours}
    return [a for a, e in live.items() if e.pinned and a in graph.assets and graph.assets[a].product.id in products]


def _kept(pinned: Collection[str], graph: Graph) -> FreeholdError:
    product = graph.assets[next(iter(pinned))].product.id
    return FreeholdError(
        "FH-D213",
        f"A rollback or a quarantine keeps {', '.join(f'`{name}`' for name in pinned)} where it is, so the change "
        "cannot be published whole.",
        fix=f"To go on with this change: --unpin. To go on with what was there before: freehold rollback {product} "
        "--unpin, then run.",
    )
