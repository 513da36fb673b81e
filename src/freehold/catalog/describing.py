"""From the files of an estate to what the catalog lists. Pure: what was read comes in, values go out.

With `flowing`, the only file of this room that knows how estates, lineage and metrics are told; all else knows entries
and jobs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from freehold.catalog.entry import FORMER, OPENLINEAGE, WHOLE, Alias, Column, Description, Entry, Key
from freehold.catalog.flowing import jobs_of
from freehold.catalog.openlineage.reading import Name
from freehold.foundation import Where

if TYPE_CHECKING:
    from freehold.delivery.asset import Asset
    from freehold.delivery.graph import Graph
    from freehold.delivery.lineage import EstateLineage
    from freehold.estate.dashboards import Dashboard
    from freehold.estate.model import Contract, Estate, Product, Property, SchemaObject, Team
    from freehold.insight import Kpi
    from freehold.metrics.catalogue import Catalogue
    from freehold.metrics.model import Metric

# Kinds of files that are listed by what their metadata says.
_LISTED = {"Objective": "objective", "AIUseCase": "ai-use-case", "Decision": "decision", "KPI": "kpi"}
_PROSE = ("purpose", "usage", "limitations")


@dataclass(frozen=True, slots=True)
class Sources:
    """Everything that a description is made from, read already.

    Attributes:
        estate: with the names its outputs are published by.
        lineage: of the graph, with `consumers` set to whoever reads it from outside.
        dashboards: whoever reads from outside, without metrics.
        catalogue: the metrics; None where their files are in error.
        kpis: those that ship.
        leaving: what is to be taken away, by `kind:id`: its last day, and the name of what takes its place.
        former: the names of what went, each with the name of what took its place.
        known_as: how tools that speak OpenLineage name relations of the warehouse: namespaces, and what stands before
            `schema.name`.
    """

    estate: Estate
    graph: Graph
    lineage: EstateLineage
    dashboards: tuple[Dashboard, ...] = ()
    catalogue: Catalogue | None = None
    kpis: Mapping[str, Kpi] = field(default_factory=dict)
    known_as: tuple[tuple[str, str], ...] = ()
    leaving: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    former: Mapping[str, str] = field(default_factory=dict)


def described(sources: Sources) -> Description:
    """Return all entries and jobs of an estate."""
    estate = sources.estate
    metrics = tuple(sources.catalogue.metrics()) if sources.catalogue else ()
    entries: dict[Key, Entry] = {}
    for entry in (
        *(_product(one) for one in estate.products.values()),
        *(_asset(sources, one) for one in sources.graph.assets.values()),
        *_loose_contracts(estate, sources.graph),
        *(_metric(sources, one) for one in metrics),
        *(_dashboard(sources, one) for one in sources.dashboards),
        *(_team(one) for one in estate.teams.values()),
        *_policies(estate),
        *_resources(estate, sources.kpis),
    ):
        entries.setdefault(entry.key, _ending(sources, entry))
    jobs = jobs_of(sources.graph, sources.lineage, (*sources.dashboards, *_as_dashboards(sources)))
    return Description(tuple(entries.values()), jobs, tuple(sorted(estate.hashes.items())))


def _ending(sources: Sources, entry: Entry) -> Entry:
    """Return an entry as one that is to be taken away, where it is, and with the names of what it took the place of."""
    former = tuple(Alias(_id_of(old), FORMER) for old, new in sources.former.items() if new == str(entry.key))
    if str(entry.key) in sources.leaving:
        sunset, instead = sources.leaving[str(entry.key)]
        replaced_by = Key.of(instead) if instead else None
        entry = replace(entry, status="deprecated", sunset=sunset, replaced_by=replaced_by)
    return replace(entry, aliases=(*entry.aliases, *former)) if former else entry


def _id_of(name: str) -> str:
    return name.partition(":")[2]


def _as_dashboards(sources: Sources) -> tuple[Dashboard, ...]:
    from freehold.metrics.readers import as_readers

    return as_readers(sources.catalogue, sources.estate) if sources.catalogue is not None else ()


def _product(product: Product) -> Entry:
    return Entry(
        key=Key("product", product.id),
        title=product.name or product.id,
        where=product.where,
        product=product.id,
        scope=(product.id,),
        domain=product.domain or "",
        owner=product.team or "",
        description=_prose(product.description),
        form=product.mode,
        status=product.status,
        version=product.version or "",
        tier=product.tier,
        tags=tuple(port.name for port in product.output_ports),
    )


def _asset(sources: Sources, asset: Asset) -> Entry:
    contract, schema = asset.contract, asset.schema
    earlier = sources.estate.earlier.get(asset.id)
    status = (contract.status if contract else "") or ""
    return Entry(
        key=Key("asset", asset.id),
        title=asset.name,
        where=asset.where if asset.where.path else (contract.where if contract else asset.where),
        product=asset.product.id,
        scope=(asset.product.id,),
        domain=asset.product.domain or "",
        owner=asset.product.team or "",
        description=_of_asset(contract, schema),
        form=str(asset.kind),
        status=status,
        version=earlier.version if earlier else (contract.version if contract else "") or "",
        tier=asset.product.tier,
        tags=(*(contract.tags if contract else ()), *(schema.tags if schema else ())),
        aliases=(*_names_of(asset), *_names_elsewhere(sources, asset)),
        columns=_columns(sources.lineage, asset),
    )


def _names_of(asset: Asset) -> Iterator[Alias]:
    """Yield the other names of an asset: where it is read, what files call it, its contract."""
    found = {str(asset.relation): "relation"}
    if asset.declared:
        found[asset.declared] = "declared"
    if asset.contract is not None:
        found.setdefault(asset.contract.id, "contract")
        if asset.contract.name:
            found.setdefault(asset.contract.name, "contract")
    if asset.schema is not None and asset.schema.physical_name:
        found.setdefault(asset.schema.physical_name, "physical name")
    yield from (Alias(name, reason) for name, reason in found.items() if name not in (asset.id, asset.name))


def _names_elsewhere(sources: Sources, asset: Asset) -> Iterator[Alias]:
    """Yield the names by which tools that speak OpenLineage know an asset: its relation's, and its id in `freehold`."""
    names = {
        Name("freehold", asset.id),
        *(Name(space, f"{before}{asset.relation}") for space, before in sources.known_as),
    }
    yield from (Alias(str(name), OPENLINEAGE) for name in sorted(names))


def _of_asset(contract: Contract | None, schema: SchemaObject | None) -> str:
    said = (schema.description if schema else None, _prose(contract.description) if contract else None)
    return "\n".join(one for one in said if one)


def _columns(lineage: EstateLineage, asset: Asset) -> tuple[Column, ...]:
    """Return the columns of an asset: those of its contract as it tells of them, then others that its model gives."""
    declared = {p.column: _column(p) for p in asset.schema.columns} if asset.schema else {}
    known = {lineage.name(one).rpartition(".")[2]: None for one in lineage.fields(asset.id) if one.column != WHOLE}
    return (*declared.values(), *(Column(name) for name in known if name not in declared))


def _column(said: Property) -> Column:
    type_ = said.physical_type or said.logical_type or ""
    return Column(said.column, type_, said.description or "", said.classification or "", said.primary_key)


def _loose_contracts(estate: Estate, graph: Graph) -> Iterator[Entry]:
    """Yield the contracts that no asset keeps."""
    kept = {asset.contract.id for asset in graph.assets.values() if asset.contract is not None}
    for contract in estate.contracts.values():
        if contract.id not in kept:
            product = contract.data_product or ""
            yield Entry(
                key=Key("contract", contract.id),
                title=contract.name or contract.id,
                where=contract.where,
                product=product,
                scope=(product,),
                domain=contract.domain or "",
                owner=estate.products[product].team or "" if product in estate.products else "",
                description=_prose(contract.description),
                status=contract.status or "",
                version=contract.version or "",
                tags=(*contract.tags, *(one.name for one in contract.objects)),
            )


def _metric(sources: Sources, metric: Metric) -> Entry:
    from freehold.metrics.estate import owner_of
    from freehold.metrics.fingerprint import sources_of

    assert sources.catalogue is not None, "a metric comes from the metrics"
    products = _products_of(sources, sources_of(sources.catalogue, metric))
    said = [metric.words.get("description", "")]
    said += [f"{what}: {metric.words[what]}" for what in ("includes", "excludes") if metric.words.get(what)]
    return Entry(
        key=Key("metric", metric.id),
        title=metric.words.get("label") or metric.name,
        where=metric.where,
        product=products[0] if products else "",
        scope=products,
        domain=_domain(sources.estate, products),
        owner=owner_of(sources.estate, sources.catalogue, metric),
        description="\n".join(one for one in said if one),
        form=metric.words.get("unit", ""),
        status=metric.status,
        aliases=(
            *((Alias(metric.name, "short name"),) if metric.words.get("label") else ()),
            *(Alias(one, "synonym") for one in metric.synonyms),
        ),
    )


def _products_of(sources: Sources, assets: Iterable[str]) -> tuple[str, ...]:
    """Return the products that assets are of; what is no asset of the estate is of none."""
    graph, estate = sources.graph, sources.estate
    found = (graph.assets.get(estate.published(name)) for name in assets)
    return tuple(dict.fromkeys(asset.product.id for asset in found if asset is not None))


def _domain(estate: Estate, products: tuple[str, ...]) -> str:
    return (estate.products[products[0]].domain or "") if products else ""


def _dashboard(sources: Sources, one: Dashboard) -> Entry:
    read = [asset for asset, reads in sources.lineage.consumers.reads.items() if any(r.dashboard == one for r in reads)]
    products = _products_of(sources, sorted(read))
    return Entry(
        key=Key("dashboard", one.id),
        title=one.name,
        where=one.where,
        scope=products,
        domain=_domain(sources.estate, products),
        owner=one.owner,
        form=one.kind,
        viewers=one.viewers,
        tags=(one.tool,),
    )


def _team(team: Team) -> Entry:
    people = (*team.members, *(person for holders in team.roles.values() for person in holders))
    return Entry(
        key=Key("team", team.id),
        title=team.name or team.id,
        where=team.where,
        owner=team.id,
        description=str(team.spec.get("description", "")),
        tags=tuple(dict.fromkeys(people)),
    )


def _policies(estate: Estate) -> Iterator[Entry]:
    for policy in estate.policies.values():
        products = tuple(dict.fromkeys(asset.rpartition(".")[0] for asset in policy.of))
        yield Entry(
            key=Key("policy", policy.id),
            title=policy.id,
            where=policy.where,
            product=products[0] if products else "",
            scope=products,
            owner=policy.owner,
            tags=policy.of,
        )


def _resources(estate: Estate, kpis: Mapping[str, Kpi]) -> Iterator[Entry]:
    for (kind, id_), one in estate.resources.items():
        if kind in _LISTED:
            said = [str(one.spec.get(what, "")) for what in ("question", "description", "statement", "purpose")]
            yield Entry(
                key=Key(_LISTED[kind], id_),
                title=str(one.metadata.get("name") or one.metadata.get("title") or id_),
                where=one.where,
                scope=tuple(dict.fromkeys(_named(estate, (one.metadata, one.spec)))),
                owner=str(one.metadata.get("owner") or ""),
                description="\n".join(text for text in (str(one.metadata.get("description") or ""), *said) if text),
                status=str(one.metadata.get("status") or ""),
                tags=tuple(str(tag) for tag in one.metadata.get("tags") or ()),
            )
    for kpi in kpis.values():
        where = Where(f"builtin/kpis/{kpi.id}.yaml", 1, 1)
        key = Key("kpi", kpi.id)
        yield Entry(key, kpi.name, where, owner=kpi.owner or "", description=kpi.question, form=kpi.unit, tags=kpi.tags)


def _named(estate: Estate, said: object) -> Iterator[str]:
    """Yield the products that a value of a file names as a text of its own, by their ids or those of their assets."""
    if isinstance(said, str):
        parts = said.split(".")
        known = (".".join(parts[:end]) for end in range(len(parts), 0, -1))
        yield from (product for product in [next((p for p in known if p in estate.products), "")] if product)
    elif isinstance(said, Mapping):
        for one in (*said, *said.values()):
            yield from _named(estate, one)
    elif isinstance(said, list | tuple):
        for one in said:
            yield from _named(estate, one)


def _prose(said: Mapping[str, object]) -> str:
    return "\n".join(str(said[what]) for what in _PROSE if said.get(what))
