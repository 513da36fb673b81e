"""Lists of the estate that was applied: products, outputs, their columns, what is promised of them; metrics, cases."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from freehold.insight.objectives import cases_of
from freehold.metrics.estate import read_models
from freehold.metrics.explaining import formula_of
from freehold.metrics.fingerprint import definition_hash, sources_of

if TYPE_CHECKING:
    from freehold.estate.model import Contract, Estate, Port, Product, QualityRule, SchemaObject
    from freehold.metrics import Catalogue
    from freehold.metrics.model import Metric

NO_WORD = "not said"
OF_ALL = ("cases",)  # lists that cannot be held to one product


def listed(name: str, estate: Estate, product: str = "", case: str = "") -> Iterator[dict[str, Any]]:
    """Yield the rows of a list; with a product or an investment case, of that alone."""
    if name in OF_ALL:
        yield from (row for row in _cases(estate) if case in ("", row["case"]))
        return
    for id_ in sorted(estate.products):
        if product in ("", id_):
            yield from LISTS[name](estate, estate.products[id_])


def _products(estate: Estate, product: Product) -> Iterator[dict[str, Any]]:
    team = estate.teams.get(product.team or "")
    yield {
        "product": product.id,
        "name": product.name or product.id,
        "domain": product.domain or NO_WORD,
        "tier": product.tier,
        "status": product.status,
        "team": (team.name if team else None) or product.team or NO_WORD,
        "purpose": _text(product.description.get("purpose")),
        "usage": _text(product.description.get("usage")),
        "limitations": _text(product.description.get("limitations")),
        "outputs": len(product.output_ports),
    }


def _outputs(estate: Estate, product: Product) -> Iterator[dict[str, Any]]:
    for port, contract, schema in _promised(estate, product):
        yield {
            "product": product.id,
            "asset": f"{product.id}.{port.name}",
            "contract": contract.id,
            "version": contract.version or port.version or NO_WORD,
            "status": contract.status or NO_WORD,
            "description": _text((schema.description if schema else None) or port.description),
        }


def _columns(estate: Estate, product: Product) -> Iterator[dict[str, Any]]:
    for port, _, schema in _promised(estate, product):
        for column in schema.columns if schema else ():
            yield {
                "product": product.id,
                "asset": f"{product.id}.{port.name}",
                "column": column.name,
                "type": column.logical_type or column.physical_type or NO_WORD,
                "required": column.required or column.primary_key,
                "unique": column.unique or column.primary_key,
                "classification": column.classification or NO_WORD,
                "description": _text(column.description),
            }


def _promises(estate: Estate, product: Product) -> Iterator[dict[str, Any]]:
    for port, contract, _ in _promised(estate, product):
        for sla in contract.sla:
            yield {
                "product": product.id,
                "asset": f"{product.id}.{port.name}",
                "promise": sla.property,
                "value": f"{sla.value} {sla.unit or ''}".strip(),
                "of": sla.element or "all of it",
                "description": _text(sla.description),
            }


def _acceptance(estate: Estate, product: Product) -> Iterator[dict[str, Any]]:
    """Yield what the rows of each output must keep to, as its contract says."""
    for port, _, schema in _promised(estate, product):
        for column in schema.columns if schema else ():
            must = [
                word for word, is_so in (("is always there", column.required), ("is unique", column.unique)) if is_so
            ]
            must += ["is the key"] if column.primary_key else []
            must += [f"is one of {', '.join(map(str, column.enum))}"] if column.enum else []
            for word in (*must, *map(_criterion, column.quality)):
                yield {"product": product.id, "asset": f"{product.id}.{port.name}", "of": column.name, "must": word}
        for rule in schema.quality if schema else ():
            yield {
                "product": product.id,
                "asset": f"{product.id}.{port.name}",
                "of": "all of it",
                "must": _criterion(rule),
            }


def _criterion(rule: QualityRule) -> str:
    """Return a rule of a contract in words: those it says, else its measure and what that is held to."""
    if rule.description or rule.name:
        return _text(rule.description or rule.name)
    held = f"{rule.operator} {rule.threshold} {rule.unit or ''}" if rule.operator else ""
    return _text(f"{rule.metric or rule.kind} {held}")


def _metrics(estate: Estate, product: Product) -> Iterator[dict[str, Any]]:
    """Yield the metrics that are computed from the assets of a product, and from no other's."""
    catalogue = read_models(estate)[0]
    for metric in sorted(catalogue.metrics(), key=lambda one: one.id):
        of = {source.rpartition(".")[0] for source in sources_of(catalogue, metric)}
        if of == {product.id}:
            yield {"product": product.id, **metric_cells(catalogue, metric)}


def metric_cells(catalogue: Catalogue, metric: Metric) -> dict[str, Any]:
    """Return a metric as a row: what it is, how it is computed, and the hash of that."""
    return {
        "metric": metric.id,
        "status": metric.status,
        "sentence": _text(metric.words.get("description")),
        "formula": formula_of(metric),
        "definition": definition_hash(catalogue, metric),
    }


def _cases(estate: Estate) -> Iterator[dict[str, Any]]:
    """Yield the reviews of investment cases, a row each."""
    for case in cases_of(estate).values():
        one = case.investment
        assert one is not None, "a case has an investment"
        for day in one.reviews:
            yield {
                "case": case.id, "name": case.name, "description": case.description or NO_WORD,
                "owner": case.owner or NO_WORD, "made": one.made, "cost": one.cost, "currency": one.currency or NO_WORD,
                "decision": one.decision or NO_WORD, "metric": one.benefit.metric, "baseline": one.benefit.start,
                "promised": one.benefit.target, "review": day, "due": one.made + timedelta(days=day),
            }  # fmt: skip


def _promised(estate: Estate, product: Product) -> Iterator[tuple[Port, Contract, SchemaObject | None]]:
    for port in sorted(product.output_ports, key=lambda p: p.name):
        if contract := estate.contracts.get(port.contract_id or ""):
            yield port, contract, contract.object_named(port.name)


def _text(said: object) -> str:
    return " ".join(str(said).split()) if said else NO_WORD


LISTS: Mapping[str, Callable[[Estate, Product], Iterator[dict[str, Any]]]] = {
    "products": _products,
    "outputs": _outputs,
    "columns": _columns,
    "promises": _promises,
    "acceptance": _acceptance,
    "metrics": _metrics,
}
