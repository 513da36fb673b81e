"""From accepted candidates to the moves that make them live."""

from __future__ import annotations

from collections.abc import Collection

from freehold.delivery.asset import Asset, Kind
from freehold.delivery.graph import Graph
from freehold.delivery.overlay import Overlay, batches
from freehold.delivery.publication import Publication
from freehold.delivery.release import STORE, Candidate, Live, Move
from freehold.engines import quoted


def moves_of(
    overlay: Overlay, graph: Graph, publication: Publication, kept_back: Collection[str] = frozenset()
) -> list[Move]:
    """Return one move for each asset that has accepted candidates and is not kept back, inputs first."""
    accepted = overlay.accepted()
    going = [a for a in graph.assets.values() if a.id in accepted and a.id not in kept_back]
    epochs = {a.id: _epoch(overlay.live.get(a.id)) + 1 for a in going}
    return [_move(asset, accepted[asset.id], overlay, graph, publication, epochs) for asset in going]


def goes_to_a_new_table(asset: Asset, overlay: Overlay) -> bool:
    """Say whether an interval asset that is live has accepted intervals in another table than the one that is live."""
    live = overlay.live.get(asset.id)
    accepted = asset.by_interval and live is not None and live.is_shown and asset.id in overlay.accepted()
    return accepted and live is not None and live.physical != overlay.physical(asset.id)


def _move(
    asset: Asset,
    accepted: list[Candidate],
    overlay: Overlay,
    graph: Graph,
    publication: Publication,
    epochs: dict[str, int],
) -> Move:
    live = overlay.live.get(asset.id)
    before = {m.id for m in live.members} if live else set()
    after = {c.id for c in overlay.standing(asset.id).values()}
    physical = accepted[-1].physical
    return Move(
        asset=asset.id,
        view=asset.relation,
        physical=physical,
        view_sql=view_sql(asset, physical, overlay, graph, publication, epochs),
        expected_epoch=_epoch(live),
        added=tuple(sorted(after - before)),
        removed=tuple(sorted(before - after)),
        reads=tuple(sorted(_reads(asset, overlay, graph, epochs))),
    )


def _reads(asset: Asset, overlay: Overlay, graph: Graph, epochs: dict[str, int]) -> set[tuple[str, int]]:
    """Return the epochs of interval assets that a view is fixed to, through other views too."""
    found: set[tuple[str, int]] = set()
    for name in asset.inputs if asset.kind is Kind.VIEW else ():
        above = graph.assets[name]
        if overlay.in_batches(above):
            found.add((name, epochs.get(name) or _epoch(overlay.live.get(name))))
        found |= _reads(above, overlay, graph, epochs)
    return found


def view_sql(
    asset: Asset, physical: str, overlay: Overlay, graph: Graph, publication: Publication, epochs: dict[str, int]
) -> str:
    """Return the query behind the public view: of the live set, of one table, or of its inputs at fixed epochs."""
    if asset.by_interval:
        return batches(physical, overlay.columns[physical], publication.members_sql(asset.id))[1:-1]
    if asset.kind is not Kind.VIEW:
        return f"SELECT * FROM {STORE}.{quoted(physical)}"
    assert asset.compiled is not None
    relations = {name: _fixed(graph.assets[name], overlay, graph, publication, epochs) for name in asset.compiled.refs}
    return asset.compiled.fill(relations)


def _fixed(asset: Asset, overlay: Overlay, graph: Graph, publication: Publication, epochs: dict[str, int]) -> str:
    """Return SQL that reads an asset as it is at the epoch this deployment makes, whatever comes later."""
    live = overlay.live.get(asset.id)
    if asset.id not in epochs and live is not None and not live.physical:
        return f"({live.view_sql})"
    if asset.kind is Kind.VIEW and not overlay.is_otherwise(asset):
        return f"({view_sql(asset, '', overlay, graph, publication, epochs)})"
    if overlay.in_batches(asset):
        physical = overlay.physical(asset.id)
        if not physical:
            return overlay.reading(asset)
        epoch = epochs.get(asset.id) or _epoch(overlay.live.get(asset.id))
        return batches(physical, overlay.columns[physical], publication.members_sql(asset.id, epoch))
    return overlay.reading(asset)


def _epoch(live: Live | None) -> int:
    return live.epoch if live else 0
