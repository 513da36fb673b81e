"""What is to be taken away, as files say it: its last day, and what to use instead. And what went with an apply.

One word for each: `status: deprecated` of a product, a contract or a metric, `sunset` for its last day, `replaced_by`
for what takes its place. A contract gives its last day where the standard has one, as `endOfLife`; an earlier major
version is deprecated by being one. Everything is named as the catalog names it: `asset:sales.orders.lines`.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from freehold.delivery.majors import ends_of
from freehold.estate.model import NOWHERE
from freehold.foundation import FreeholdError, Problems, Where, near
from freehold.ledger import Event

if TYPE_CHECKING:
    from freehold.delivery.graph import Graph
    from freehold.estate.model import Contract, Estate, Product
    from freehold.ledger import Ledger, Recorded
    from freehold.metrics import Catalogue

DEPRECATED = "deprecated"
SUNSET, REPLACED_BY = "freehold:sunset", "freehold:replaced_by"
_NAMESPACE = uuid.UUID("0b6f4c1e-7d52-4a63-9d0e-6a1f0f3c9b7a")


@dataclass(frozen=True, slots=True)
class Deprecated:
    """Something that is to be taken away.

    Attributes:
        name: `product:ID`, `asset:ID` or `metric:ID`.
        sunset: its last day; None where nobody said.
        replaced_by: what to use instead, named the same way; empty where there is nothing.
        since: when it was first in force as deprecated; None where it is not in force yet.
    """

    name: str
    product: str
    sunset: date | None = None
    replaced_by: str = ""
    since: datetime | None = None
    where: Where = NOWHERE

    def to_json(self) -> dict[str, Any]:
        """Return it as an event holds it."""
        return {
            "product": self.product or None,
            "sunset": self.sunset.isoformat() if self.sunset else None,
            "replaced_by": self.replaced_by or None,
            "since": _instant(self.since) if self.since else None,
        }

    @classmethod
    def of_json(cls, name: str, said: Mapping[str, Any]) -> Deprecated:
        """Read what `to_json` wrote."""
        return cls(
            name,
            str(said.get("product") or ""),
            date.fromisoformat(said["sunset"]) if said.get("sunset") else None,
            str(said.get("replaced_by") or ""),
            datetime.fromisoformat(said["since"]) if said.get("since") else None,
        )


def deprecated_in(estate: Estate, graph: Graph, catalogue: Catalogue | None = None) -> dict[str, Deprecated]:
    """Return what an estate says is to be taken away, by name; assets of a deprecated product are, too.

    Args:
        estate: with the names its outputs are published by.
        graph: its assets.
        catalogue: its metrics; read from the estate where they are not given, and none where their files are in error.
    """
    found = (
        *_of_products(estate, graph), *_of_assets(estate, graph), *_of_metrics(estate, catalogue or _metrics(estate))
    )  # fmt: skip
    return {one.name: one for one in found}


def deprecation_findings(estate: Estate, graph: Graph) -> Iterator[FreeholdError]:
    """Yield what is wrong with what products and contracts say of their end: FH-W501, FH-W502."""
    known = {*graph.assets, *(a.declared for a in graph.assets.values() if a.declared), *estate.products}
    declared: tuple[Product | Contract, ...] = (*estate.products.values(), *estate.contracts.values())
    for one in declared:
        said = {word: str(one.custom[word]) for word in (SUNSET, REPLACED_BY) if word in one.custom}
        if said and one.status not in (DEPRECATED, "retired"):
            problem = f"`{one.id}` says `{next(iter(said))}`, and is not deprecated."
            yield FreeholdError("FH-W502", problem, where=one.where, fix="Say `status: deprecated`, or take it away.")
        if REPLACED_BY in said and said[REPLACED_BY] not in known:
            problem = f"`{one.id}` is replaced by `{said[REPLACED_BY]}`, which there is not."
            fix = near(said[REPLACED_BY], known) or "Name a product or an asset that there is."
            yield FreeholdError("FH-W501", problem, where=one.where, fix=fix)


def _of_products(estate: Estate, graph: Graph) -> Iterator[Deprecated]:
    for product in estate.products.values():
        if product.status == DEPRECATED:
            yield _of_product(product, f"product:{product.id}", graph)


def _of_product(product: Product, name: str, graph: Graph) -> Deprecated:
    instead = _named(str(product.custom.get(REPLACED_BY) or ""), graph)
    return Deprecated(name, product.id, _day(product.custom.get(SUNSET)), instead, where=product.where)


def _of_assets(estate: Estate, graph: Graph) -> Iterator[Deprecated]:
    for asset in graph.assets.values():
        name, contract = f"asset:{asset.id}", asset.contract
        if earlier := estate.earlier.get(asset.id):
            yield Deprecated(name, asset.product.id, earlier.until, f"asset:{earlier.latest}", where=asset.where)
        elif contract is not None and contract.status == DEPRECATED:
            instead = _named(str(contract.custom.get(REPLACED_BY) or ""), graph)
            yield Deprecated(name, asset.product.id, ends_of(contract), instead, where=contract.where)
        elif asset.product.status == DEPRECATED:
            yield _of_product(asset.product, name, graph)


def _of_metrics(estate: Estate, catalogue: Catalogue | None) -> Iterator[Deprecated]:
    from freehold.metrics.estate import product_at

    for metric in catalogue.metrics() if catalogue is not None else ():
        if metric.status == DEPRECATED:
            assert catalogue is not None, "a metric comes from the metrics"
            other = metric.replaced_by
            instead = f"metric:{catalogue.metric(other, within=metric.model).id}" if other else ""
            product = product_at(estate, metric.where)
            yield Deprecated(f"metric:{metric.id}", product, metric.sunset, instead, where=metric.where)


def _metrics(estate: Estate) -> Catalogue | None:
    from freehold.metrics import catalogue_of

    try:
        return catalogue_of(estate) if estate.semantic_models else None
    except Problems:  # `validate` tells of it
        return None


def _named(id_: str, graph: Graph) -> str:
    """Return the name of what takes the place of a product or an asset: an asset by either of its ids, or a product."""
    found = next((a.id for a in graph.assets.values() if id_ and id_ in (a.id, a.declared)), "")
    return f"asset:{found}" if found else f"product:{id_}" if id_ else ""


def _day(said: Any) -> date | None:
    try:
        return date.fromisoformat(str(said)[:10]) if said else None
    except ValueError:
        return None


# -- what the ledger tells of it


def standing(
    ledger: Ledger, env: str, estate: Estate, graph: Graph, catalogue: Catalogue | None = None
) -> dict[str, Deprecated]:
    """Return what an estate says is to be taken away, with since when that is in force in an environment.

    Where the estate is the one in force, that is as it was told when it came into force, and no file is asked again.
    """
    last = next(iter(ledger.read(types=("estate.applied",), env=env, newest_first=True, limit=1)), None)
    told = _told(last) if last is not None else {}
    is_as_told = last is not None and last.data.get("deprecated") is not None
    if last is not None and is_as_told and dict(last.data["resources"]) == dict(estate.hashes):
        return {name: one for name, one in told.items() if not name.startswith("asset:") or name[6:] in graph.assets}
    found = deprecated_in(estate, graph, catalogue)
    return {name: replace(one, since=told[name].since) if name in told else one for name, one in found.items()}


def as_applied(last: Recorded | None, estate: Estate, graph: Graph, at: datetime) -> dict[str, Any]:
    """Return the metrics of an estate that comes into force, and what it says is to be taken away.

    What was to be taken away before keeps its beginning. Of metrics whose files are in error nothing is said: None.
    """
    from freehold.metrics.estate import product_at

    before, catalogue = _told(last) if last is not None else {}, _metrics(estate)
    found = {}
    for name, one in sorted(deprecated_in(estate, graph, catalogue).items()):
        since = before[name].since if name in before else at
        found[name] = replace(one, since=since).to_json()
    there = catalogue.metrics() if catalogue is not None else ()
    metrics = {metric.id: product_at(estate, metric.where) or None for metric in there}
    is_known = catalogue is not None or not estate.semantic_models
    return {"deprecated": found, "metrics": metrics if is_known else None}


def retirements(ledger: Ledger, env: str) -> tuple[Event, ...]:
    """Return what says that something went with the estate that came into force last: what the one before had.

    The same each time it is asked, so that what a crash kept from being told is told by whoever comes next.
    """
    told = list(ledger.read(types=("estate.applied",), env=env, newest_first=True, limit=2))
    if len(told) < 2:
        return ()
    now, before = told
    deprecated = _told(before)
    left = sorted(names_in_force(before) - names_in_force(now))
    if now.data.get("metrics") is None:  # which there are is not known
        left = [name for name in left if not name.startswith("metric:")]
    return tuple(_retired(name, deprecated.get(name), before, now, env) for name in left)


def names_in_force(applied: Recorded) -> set[str]:
    """Return everything with a name that came into force: products, assets and metrics, as `kind:id`."""
    products = (key.partition(":") for key in applied.data.get("resources") or {})
    return {
        *(f"asset:{asset}" for asset in applied.data.get("assets") or {}),
        *(f"product:{id_}" for kind, _, id_ in products if kind == "DataProduct"),
        *(f"metric:{metric}" for metric in applied.data.get("metrics") or {}),
        *(applied.data.get("deprecated") or {}),  # of an event that names no metrics, the ones it knew
    }


def _retired(name: str, told: Deprecated | None, before: Recorded, now: Recorded, env: str) -> Event:
    kind, _, id_ = name.partition(":")
    if kind == "metric":
        of = str((before.data.get("metrics") or {}).get(id_) or "")
    else:
        of = id_ if kind == "product" else str((before.data.get("assets") or {}).get(id_, {}).get("product") or "")
    product = told.product if told else of
    content = {
        "name": name,
        "replaced_by": told.replaced_by or None if told else None,
        "deprecated_at": _instant(told.since) if told and told.since else None,
        "sunset": told.sunset.isoformat() if told and told.sunset else None,
        "product": product or None,
    }
    id_ = str(uuid.uuid5(_NAMESPACE, f"{env}|{now.id}|{name}"))
    return Event("resource.retired", content, id_, now.occurred_at, env=env, subject=name, product=product)


def _told(applied: Recorded) -> dict[str, Deprecated]:
    return {name: Deprecated.of_json(name, said) for name, said in (applied.data.get("deprecated") or {}).items()}


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
