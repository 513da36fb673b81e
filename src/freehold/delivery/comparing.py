"""One asset as two environments show it, compared row by row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from freehold.delivery.asset import Asset
from freehold.delivery.graph import default_environment, relation_of
from freehold.engines import Engine
from freehold.foundation import Exit, FreeholdError, near
from freehold.quality.diff import DataDiff, diff

if TYPE_CHECKING:
    from freehold.delivery.service import Delivery


def compared(
    delivery: Delivery,
    name: str,
    against: str,
    *,
    other: Engine | None = None,
    key: Sequence[str] = (),
    samples: int = 5,
    profile: bool = False,
) -> tuple[Asset, DataDiff]:
    """Compare an asset in the environment of a delivery with the same asset in another one.

    Args:
        delivery: the environment whose rows are the ones after.
        name: the asset, with or without its product.
        against: the environment whose rows are the ones before.
        other: the warehouse of that environment, where it is another than the delivery's.
        key: columns that name a row; by default the primary key of the contract, else the unique key of the model.
        samples: at most so many rows of each kind are shown.
        profile: also describe every column of both sides in figures.

    Raises:
        FreeholdError: FH-D209 there is no such asset, or several; FH-Q101 one of them was never published there.
    """
    asset = _chosen(delivery, name)
    usual = default_environment(delivery.estate)
    before, after = (relation_of(env, usual, asset.id) for env in (against, delivery.env))
    declared = asset.schema.key if asset.schema is not None else ()
    with delivery.reading() as session:
        apart = other.session(delivery.caller, {"env": against, "task": "diff"}) if other is not None else session
        try:
            found = diff(
                *(apart, before, session, after, tuple(key) or declared or asset.unique_key),
                capabilities=(other or delivery.engine).capabilities,
                capabilities_after=delivery.engine.capabilities,
                samples=samples,
                profile=profile,
            )
        finally:
            if apart is not session:
                apart.close()
    return asset, found


def _chosen(delivery: Delivery, name: str) -> Asset:
    found = [a for a in delivery.graph.assets.values() if name in (a.id, a.name)]
    if len(found) == 1:
        return found[0]
    known = [a.id for a in delivery.graph.assets.values()]
    if found:
        raise FreeholdError(
            "FH-D209",
            f"`{name}` could be several assets.",
            fix=f"Write one of: {', '.join(a.id for a in found)}.",
            exit_code=Exit.USAGE,
        )
    raise FreeholdError(
        "FH-D209",
        f"There is no asset `{name}`.",
        fix=near(name, [*known, *(k.rpartition(".")[2] for k in known)]) or f"There are: {', '.join(known[:12])}.",
        exit_code=Exit.USAGE,
    )
