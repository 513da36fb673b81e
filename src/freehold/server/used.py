"""Who uses what, as an asker may see it: of a snapshot, and of what that holds."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from freehold import opening
from freehold.connect.usage.accounts import Unmatched, called, names_of, unmatched_accounts
from freehold.insight.usage import AssetUse, Instrumented, ProductUse, product_uses

if TYPE_CHECKING:
    from freehold.server.snapshots import Snapshot
    from freehold.server.web.showing import Asked


_MOST_UNUSED = 5  # named on a home


def assets_used(asked: Asked) -> tuple[tuple[AssetUse, ...], Instrumented]:
    """Return how each output that an asker may see is used, and since when that is recorded."""
    each = _each(asked)
    mine = [one for id_, use in each.items() if id_ in asked.snapshot.estate.products for one in use.assets]
    mine.sort(key=lambda one: (-one.people, -one.reads, one.asset))
    return tuple(mine), next((use.recorded for use in each.values()), Instrumented(None))


def unused_of(asked: Asked, products: frozenset[str] | None = None) -> tuple[str, ...]:
    """Return what nobody reads of some products, or of all that an asker may see; of many, how many more."""
    uses, recorded = assets_used(asked)
    now = asked.snapshot.taken_at
    found = [u.asset for u in uses if (products is None or u.product in products) and u.is_unused(recorded, now)]
    left = [f"{len(found) - _MOST_UNUSED:,} more"] if len(found) > _MOST_UNUSED else []
    return (*found[:_MOST_UNUSED], *left)


def product_used(asked: Asked, product: str) -> ProductUse:
    """Return how a product is used; lately, since all are asked for at once."""
    return _each(asked)[product]


def accounts_unmatched(asked: Asked) -> tuple[Unmatched, ...] | None:
    """Return accounts of other systems that no team names; None for who may not see all, since they read anything."""
    if asked.snapshot.whole is not None:
        return None
    return asked.snapshot.derived("unmatched", lambda: _unmatched(asked))


def reader_names(asked: Asked) -> Mapping[str, str]:
    """Return what other systems call accounts that no team names, for `reader_name`."""
    whole = _whole(asked)
    return whole.derived("accounts", lambda: names_of(asked.served.snapshots.ledger))


def reader_name(consumer: str, names: Mapping[str, str]) -> str:
    """Return a consumer as people call it: the last part of its name, without dashes."""
    told = called(consumer, names)
    return told if told != consumer else consumer.rpartition("/")[2].replace("-", " ")


def _whole(asked: Asked) -> Snapshot:
    return asked.snapshot.whole or asked.snapshot


def _now(whole: Snapshot) -> datetime:
    return whole.taken_at


def _each(asked: Asked) -> dict[str, ProductUse]:
    """Return how each product is used, all of the estate: one question costs hardly less."""
    whole = _whole(asked)

    def make() -> dict[str, ProductUse]:
        boards = whole.derived("dashboards", lambda: _dashboards(whole))
        with asked.served.snapshots.ledger.evidence() as evidence:
            return product_uses(evidence, whole.estate.products.values(), whole.env, _now(whole), boards)

    return asked.served.uses.get(whole.estate, make)


def _unmatched(asked: Asked) -> tuple[Unmatched, ...]:
    ledger = asked.served.snapshots.ledger
    with ledger.evidence() as evidence:
        return unmatched_accounts(ledger, evidence, asked.snapshot.env)


def _dashboards(whole: Snapshot) -> dict[str, tuple[str, ...]]:
    """Return the dashboards that read each product, by id, as exports tell of them."""
    from freehold.connect.bi import told
    from freehold.delivery.consumers import consumers_of
    from freehold.delivery.graph import default_environment

    if not whole.estate.dashboards:
        return {}
    dialect = opening.dialect_of(whole.estate, opening.chosen_environment(whole.estate, whole.env))
    boards = told(whole.estate.root, whole.estate.dashboards, dialect).dashboards
    read = consumers_of(boards, whole.graph.assets.values(), default_environment(whole.estate), dialect).reads
    found: dict[str, dict[str, None]] = {}
    for asset, of in read.items():
        found.setdefault(asset.rpartition(".")[0], {}).update(dict.fromkeys(one.dashboard.id for one in of))
    return {product: tuple(ids) for product, ids in found.items()}
