"""Who is known to read an asset: models of the estate, dashboards, and whoever did in the last 30 days."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from freehold.delivery.consumers import consumers_of, described
from freehold.delivery.graph import default_environment
from freehold.delivery.plan.past import past_of

if TYPE_CHECKING:
    from freehold.delivery.service import Delivery
    from freehold.estate.dashboards import Dashboard


@dataclass(frozen=True, slots=True)
class Readers:
    """Who reads one asset: models by their ids, everybody else as a person would name them."""

    models: tuple[str, ...]
    names: tuple[str, ...]


def readers_of(delivery: Delivery, assets: Iterable[str], dashboards: Sequence[Dashboard]) -> dict[str, Readers]:
    """Return who reads each of these assets."""
    graph, dialect = delivery.graph, delivery.engine.capabilities.dialect
    told = consumers_of(dashboards, graph.assets.values(), default_environment(delivery.estate), dialect)
    past = past_of(delivery.ledger, delivery.env)
    return {
        name: Readers(
            models=tuple(a.id for a in graph.assets.values() if name in a.inputs),
            names=(
                *(f"{d.name} ({described(d) or d.kind})" for d in told.of(name)),
                *(f"{r.name.rpartition('/')[2]} ({r.reads:,} reads)" for r in past.readers(name)),
            ),
        )
        for name in assets
    }
