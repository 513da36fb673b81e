"""Environments: maps from assets to what is live, over one store of candidates that all of them share.

One that defers to another begins as a copy of its pointers, so that it shows what the other shows and costs nothing;
a run then builds only what its files change. What one environment has built, another takes over as it is when a step
is the same. An environment with a time to live goes when nothing was published there for so long: its views and
pointers, then, when nothing else reaches them, its tables.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from freehold.delivery.arrival import duration
from freehold.delivery.asset import Kind
from freehold.delivery.evidence import Evidence, packed
from freehold.delivery.graph import default_environment, relation_of
from freehold.delivery.moves import moves_of
from freehold.delivery.overlay import Overlay
from freehold.delivery.ownership import protected as protected_in
from freehold.delivery.publication import Publication
from freehold.delivery.release import Settlement
from freehold.engines import Session
from freehold.foundation import Exit, FreeholdError, near

if TYPE_CHECKING:
    from freehold.delivery.service import Delivery


@dataclass(frozen=True, slots=True)
class EnvironmentState:
    """An environment as it is: how many assets are live, how many of them are its own and not what it defers to.

    `expires_at` is None where it has no time to live; `is_declared` is false where no file names it any more.
    """

    name: str
    is_declared: bool
    is_protected: bool
    defers_to: str | None
    assets: int
    own: int
    published_at: datetime | None
    expires_at: datetime | None


def fork(delivery: Delivery, session: Session, token: int) -> tuple[str, ...]:
    """Let a new environment show what the one it defers to shows; return the assets it took over.

    Assets that this estate keeps in another way, and views that mean something else in it, are left to the run.
    """
    declared = delivery.estate.environment(delivery.env)
    if declared is None or declared.defer_to is None or delivery.publication.live(session):
        return ()
    base = Publication(declared.defer_to).live(session)
    delivery.know_columns(session, {entry.physical for entry in base.values() if entry.physical})
    overlay = Overlay({}, delivery.clock.now().isoformat(), delivery.columns)
    definitions = delivery.definitions(session)
    delivery.origins.equate(definitions, Overlay(base, "", delivery.columns))
    for asset in delivery.graph.assets.values():
        entry = base.get(asset.id)
        if entry is None or asset.kind is Kind.EXTERNAL:
            continue
        is_view = asset.kind is Kind.VIEW
        if is_view is bool(entry.physical) or (None in [m.interval for m in entry.members]) is asset.by_interval:
            continue
        if not is_view or entry.members[0].definition == definitions.of(asset):
            for member in entry.members:
                overlay.accept(member)
    moves = moves_of(overlay, delivery.graph, delivery.publication)
    if not moves:
        return ()
    now, deployment = delivery.clock.now(), delivery.ids.new()
    evidence = Evidence(delivery.env, deployment, deployment, now)
    events = list(delivery.publishing_events(evidence, moves, {}))
    drafts = delivery.ledger.drafted(*events)
    delivery.ledger.append(evidence.started(moves))
    taken = tuple(added for move in moves for added in move.added)
    settlement = Settlement(deployment, tuple(moves), events=packed(events), reused=taken)
    delivery.publication.settle(session, settlement, token, now)
    delivery.ledger.append_drafted(drafts)
    delivery.publication.sent(session)
    delivery.forget()
    return tuple(m.asset for m in moves)


def environments(delivery: Delivery) -> tuple[EnvironmentState, ...]:
    """Return every environment that is declared or holds anything in this warehouse."""
    with delivery.reading() as session:
        there = delivery.publication.environments(session)
        found = {name: _members(session, name) for name in there}
    names = [n for n in delivery.estate.environments if not n.endswith("*")]
    return tuple(_state(delivery, name, there, found) for name in dict.fromkeys((*names, *sorted(there))))


def expired(delivery: Delivery) -> tuple[str, ...]:
    """Return the environments whose time to live is over."""
    now = delivery.clock.now()
    return tuple(e.name for e in environments(delivery) if e.expires_at is not None and e.expires_at < now)


def drop(delivery: Delivery, name: str) -> int:
    """Take an environment away: its views and pointers; return how many assets it showed.

    Raises:
        FreeholdError: FH-D211 nothing is there; FH-D212 it is protected, or the one whose relations bear no prefix.
    """
    with delivery.reading() as session:
        there = delivery.publication.environments(session)
        protected = protected_in(session, delivery.publication)
    declared = delivery.estate.environment(name)
    usual = default_environment(delivery.estate)
    if name not in there:
        raise FreeholdError(
            "FH-D211",
            f"Nothing is live in an environment `{name}`.",
            fix=near(name, there) or "See `freehold environments list`.",
            exit_code=Exit.USAGE,
        )
    if name == usual or name in protected or (declared is not None and declared.protected):
        raise FreeholdError(
            "FH-D212",
            f"`{name}` is what consumers read; it is not dropped.",
            fix="To take one asset from consumers: `freehold collect --retired`.",
            exit_code=Exit.USAGE,
        )
    with delivery.writing(name) as (session, token):
        publication = Publication(name)
        views = {asset: relation_of(name, usual, asset) for asset in publication.live(session)}
        id_ = delivery.ids.new()
        told = Evidence(name, "", id_, delivery.clock.now()).collected([str(v) for v in views.values()], {}, 0)
        publication.retire(session, views, token, id_, packed([told]), whole=True)
        delivery.ledger.append(told)
        publication.sent(session)
        return len(views)


def _members(session: Session, env: str) -> dict[str, frozenset[int]]:
    return {name: frozenset(m.id for m in entry.members) for name, entry in Publication(env).live(session).items()}


def _state(
    delivery: Delivery, name: str, there: Mapping[str, datetime], found: Mapping[str, Mapping[str, frozenset[int]]]
) -> EnvironmentState:
    declared = delivery.estate.environment(name)
    live = found.get(name, {})
    base = found.get(declared.defer_to, {}) if declared and declared.defer_to else {}
    published = there.get(name)
    lives = duration(declared.ttl) if declared and declared.ttl else None
    return EnvironmentState(
        name=name,
        is_declared=declared is not None,
        is_protected=bool(declared and declared.protected),
        defers_to=declared.defer_to if declared else None,
        assets=len(live),
        own=sum(live[asset] != base.get(asset) for asset in live),
        published_at=published,
        expires_at=published + lives if published and lives else None,
    )
