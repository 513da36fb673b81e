"""Assets that another tool builds at our order: what a run orders, and what the tool answers.

A tool, such as dbt, builds many assets in one call and says nothing before all are done. So a run decides beforehand
which assets are out of date, by the same rules as for its own, orders those at once, and takes what came of them step
by step: each table is taken over as a candidate, judged, and published with everything else. The tool itself never
writes where readers look.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from freehold.delivery.asset import Asset, Kind
from freehold.delivery.graph import Graph, relation_of
from freehold.delivery.origins import Origins
from freehold.delivery.overlay import Overlay
from freehold.delivery.publication import Publication
from freehold.delivery.release import STORE, Candidate
from freehold.delivery.step import Step
from freehold.engines import Engine, Relation, Session
from freehold.foundation import LOCAL, FreeholdError
from freehold.quality import Result


@dataclass(frozen=True, slots=True)
class Order:
    """What a tool is to build.

    Attributes:
        token: the fencing token of whoever orders; what two of them write never meets.
        assets: what is to be built, inputs first.
        standing: where everything else stands that may be read, by asset.
        continued: the assets whose new version goes on from the rows of the one that stands, and where those are.
    """

    token: int
    assets: tuple[Asset, ...]
    standing: Mapping[str, Relation] = field(default_factory=dict)
    continued: Mapping[str, Relation] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Made:
    """What a tool made of one asset: where the rows are (nowhere for a view), or why there are none.

    `results` are the verdicts of the tool's own tests on them.
    """

    relation: Relation | None = None
    error: FreeholdError | None = None
    results: tuple[Result, ...] = ()
    seconds: float = 0.0


class Tool(Protocol):
    """A tool that builds assets of an estate. It is registered with a delivery by whoever makes that."""

    def joined(self, graph: Graph, env: str, usual: str) -> Graph:
        """Return a graph in which the assets that it builds for us are ordered ones.

        `usual` is the environment whose relations carry no prefix.
        """
        ...

    def build(self, engine: Engine, session: Session, order: Order) -> Mapping[str, Made]:
        """Build what is ordered, beside everything that readers see; return what came of each asset.

        The session is idle and has no open transaction. What an asset's SQL or data is to blame for is in what came of
        it.

        Raises:
            FreeholdError: the tool is not there, cannot be understood, or takes too long; nothing is left behind.
        """
        ...

    def clear(self, session: Session) -> None:
        """Drop what building has left, of this run and of any that was killed."""
        ...


def standing(engine: Engine, env: str, usual: str) -> dict[str, Relation]:
    """Return where each asset that is live in an environment can be read, by its id.

    `usual` is the environment whose relations carry no prefix.
    """
    session = engine.session(LOCAL, {"env": env, "task": "read"})
    try:
        live = Publication(env).live(session)
    finally:
        session.close()
    return {
        name: Relation(STORE, entry.physical) if entry.physical else relation_of(env, usual, name)
        for name, entry in live.items()
    }


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What a run would order: the steps, and the overlay as it would be after all of them."""

    steps: tuple[Step, ...]
    overlay: Overlay

    def order(self, token: int, graph: Graph, origins: Origins, now: Overlay) -> Order:
        """Return the order of these steps; `now` is what stands before any of them."""
        ordered = {step.asset.id for step in self.steps}
        standing = {
            asset.id: found
            for asset in graph.assets.values()
            if asset.is_ordered and asset.id not in ordered and (found := _place(asset, self.overlay)) is not None
        }
        continued = {
            step.asset.id: place
            for step in self.steps
            if step.asset.is_continued
            and (before := now.standing(step.asset.id).get(None)) is not None
            and (step.asset.keeps_history or (before.origin and before.origin.means == origins.means(step.asset)))
            and (place := _place(step.asset, now)) is not None
        }
        return Order(token, tuple(step.asset for step in self.steps), standing, continued)


def foresee(
    names: Iterable[str],
    graph: Graph,
    overlay: Overlay,
    origins: Origins,
    now: datetime,
    wanted: Callable[[Asset, Overlay], Step | None],
    is_done: Callable[[Step, Overlay], bool],
    earlier: Callable[[Step], Candidate | None],
) -> Foreseen:
    """Return what of these assets has to be built, before any of it is.

    Args:
        names: of the assets, each after those it reads.
        graph: that they are in.
        overlay: what stands; it is left as it is.
        origins: tells what the rows of a step follow from.
        now: the time that candidates are given.
        wanted: the step that would bring an asset up to date.
        is_done: whether what stands is what a step would give.
        earlier: what was built of a step before, and is known to be good or bad.
    """
    after = Overlay(overlay.live, overlay.now, overlay.columns)
    for candidates in overlay.accepted().values():
        for candidate in candidates:
            after.accept(candidate)
    steps: list[Step] = []
    barred: set[str] = set()
    for name in names:
        asset = graph.assets[name]
        step = None if barred.intersection(asset.inputs) else wanted(asset, after)
        if step is None:
            barred.add(name)
            continue
        if is_done(step, after):
            continue
        known = earlier(step)
        if known is not None and known.state != "audited":
            barred.add(name)
            continue
        after.accept(known or _foreseen(step, len(steps) + 1, origins, after, now))
        if known is None:
            steps.append(step)
    return Foreseen(tuple(steps), after)


def _foreseen(step: Step, number: int, origins: Origins, overlay: Overlay, now: datetime) -> Candidate:
    """Return a candidate that stands for the one which will be built; no real one has its number."""
    origin = origins.of(step, overlay)
    return Candidate(
        *(-number, step.asset.id, "", step.definition, None, step.key, step.inputs, 0, "", now), origin=origin
    )


def _place(asset: Asset, overlay: Overlay) -> Relation | None:
    """Return where the rows of an asset can be read: its table in the store, or the view that is live."""
    candidate = overlay.standing(asset.id).get(None)
    if candidate is not None and candidate.physical:
        return Relation(STORE, candidate.physical)
    return asset.relation if asset.kind is Kind.VIEW and asset.id in overlay.live else None
