"""From a snapshot of all of an estate to one of what somebody may see of it. Pure.

What is built from something hidden is shown without it; sentences that name it say something else in its place.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from freehold.access.covering import Cover
from freehold.delivery import ProductStatus
from freehold.delivery.graph import Graph

if TYPE_CHECKING:
    from freehold.delivery.asset import Asset
    from freehold.delivery.deployments import Deployment
    from freehold.estate.model import Estate, Product
    from freehold.estate.operating import DataPolicy
    from freehold.leaving import Leaving
    from freehold.server.snapshots import Snapshot

T = TypeVar("T")


def reduced(whole: Snapshot, seen: frozenset[str]) -> Snapshot:
    """Return a snapshot in which only some products are; teams, calendars and environments are everybody's."""
    cover = Cover.over(whole.estate.products, seen)
    products = tuple(_status(one, cover) for one in whole.products if one.product.id in seen)
    return replace(
        whole,
        estate=_estate(whole.estate, cover),
        graph=Graph({id_: _asset(one, cover) for id_, one in whole.graph.assets.items() if one.product.id in seen}),
        products=products,
        deployments=tuple(_deployments(whole.deployments, products, cover)),
        retired={name: relation for name, relation in whole.retired.items() if not cover.hides(name)},
        leaving={name: _leaving(one, cover) for name, one in whole.leaving.items() if one.product in seen},
        notes=tuple(cover.plain(note) for note in whole.notes),
        whole=whole,
        seen=seen,
        _details={},
        _turns={},
        _earlier={},
    )


def _status(one: ProductStatus, cover: Cover) -> ProductStatus:
    reasons = tuple(dict.fromkeys(cover.plain(reason) for reason in one.reasons))
    incidents = tuple(i for i in one.incidents if not any(map(cover.hides, (*i.assets, i.product))))
    return replace(one, product=_product(one.product, cover), reasons=reasons, incidents=incidents)


def _leaving(one: Leaving, cover: Cover) -> Leaving:
    """Return something that goes, without naming what takes its place where that is not seen."""
    return replace(one, replaced_by="") if cover.hides(one.instead) else one


def _asset(one: Asset, cover: Cover) -> Asset:
    return replace(one, inputs=tuple(name for name in one.inputs if not cover.hides(name)))


def _deployments(
    all_of_them: tuple[Deployment, ...], products: tuple[ProductStatus, ...], cover: Cover
) -> Iterator[Deployment]:
    """Yield the deployments that moved anything that is seen, as if they had moved nothing else."""
    live = {asset.asset: asset.deployment for one in products for asset in one.assets}
    for one in all_of_them:
        moved = tuple(name for name in one.assets if not cover.hides(name))
        if moved:
            still = sum(live.get(name) == one.id for name in moved)
            yield replace(one, assets=moved, live=still, reason=cover.plain(one.reason))


def _estate(estate: Estate, cover: Cover) -> Estate:
    owned = _contracts_of_hidden(estate, cover)
    return replace(
        estate,
        products={id_: _product(one, cover) for id_, one in estate.products.items() if id_ in cover.seen},
        contracts={id_: one for id_, one in estate.contracts.items() if id_ not in owned and not cover.hides(id_)},
        models={asset: one for asset, one in estate.models.items() if one.product in cover.seen},
        policies=_policies(estate.policies, cover),
        waivers={id_: one for id_, one in estate.waivers.items() if not cover.hides(one.subject)},
        resources={
            key: one for key, one in estate.resources.items() if not cover.names_hidden((one.metadata, one.spec))
        },
        declared=_unhidden(estate.declared, cover),
        earlier=_unhidden(estate.earlier, cover),
        hashes={name: digest for name, digest in estate.hashes.items() if not cover.hides(name.partition(":")[2])},
        findings=(),
        semantic_models={},  # the metrics of a snapshot are those of its `catalogue`
        dashboards=(),
    )


def _product(one: Product, cover: Cover) -> Product:
    """Return a product without the ports at which it reads what is hidden."""
    return replace(one, input_ports=tuple(port for port in one.input_ports if not cover.hides(port.contract_id or "")))


def _contracts_of_hidden(estate: Estate, cover: Cover) -> frozenset[str]:
    """Return the contracts of hidden products that their ids do not tell: what only those promise, and what names them.

    The standard calls `dataProduct` a name, so names count as ids do.
    """
    hidden = [one for one in estate.products.values() if one.id not in cover.seen]
    shown = [one for one in estate.products.values() if one.id in cover.seen]
    promised = {port.contract_id for one in hidden for port in one.output_ports}
    promised -= {port.contract_id for one in shown for port in (*one.output_ports, *one.input_ports)}
    names = {word for one in hidden for word in (one.id, one.name)}
    said = {id_ for id_, one in estate.contracts.items() if one.data_product in names}
    return frozenset(said | {id_ for id_ in promised if id_})


def _policies(policies: Mapping[str, DataPolicy], cover: Cover) -> dict[str, DataPolicy]:
    """Return the policies of what is shown; none is left out, since answers are kept apart by who asks where any is."""
    left = {
        id_: replace(one, of=tuple(asset for asset in one.of if not cover.hides(asset)))
        for id_, one in policies.items()
    }
    return {id_: one for id_, one in left.items() if one.of}


def _unhidden(by_asset: Mapping[str, T], cover: Cover) -> dict[str, T]:
    return {asset: one for asset, one in by_asset.items() if not cover.hides(asset)}
