"""Lists of the estate that was applied: products, their outputs, the columns of those, and what is promised of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from freehold.estate.model import Contract, Estate, Port, Product, SchemaObject

NO_WORD = "not said"


def listed(name: str, estate: Estate, product: str = "") -> Iterator[dict[str, Any]]:
    """Yield the rows of a list; with a product, of that alone."""
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
}
