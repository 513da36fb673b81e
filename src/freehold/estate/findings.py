"""What `validate` should say though the estate can be loaded: promises that nothing keeps, words that lead nowhere."""

from __future__ import annotations

from collections.abc import Iterator

from freehold.estate.model import Contract, Estate, Product
from freehold.foundation import FreeholdError, near

_NOT_YET_OR_NO_MORE = ("proposed", "retired")


def findings(estate: Estate) -> tuple[FreeholdError, ...]:
    """Return the findings of a loaded estate, FH-V301 to FH-V399, in the order of their places."""
    found = [error for product in estate.products.values() for error in _of_product(estate, product)]
    found += [error for contract in estate.contracts.values() for error in _of_contract(contract)]
    return tuple(sorted(found, key=lambda e: (e.where is not None, e.where)))


def _of_product(estate: Estate, product: Product) -> Iterator[FreeholdError]:
    if product.status in _NOT_YET_OR_NO_MORE:
        return
    for port in product.output_ports:
        asset = f"{product.id}.{port.name}"
        if not port.contract_id:
            yield FreeholdError(
                "FH-V301", f"The output port `{port.name}` promises nothing: it names no contract.", where=port.where,
                fix=f"Add contractId: {asset}, and write that contract.",
            )  # fmt: skip
        if product.mode == "publish" and asset not in estate.models and not _lands(estate, asset):
            meant = near(port.name, (m.asset.rpartition(".")[2] for m in estate.models.values()))
            yield FreeholdError(
                "FH-V302", f"Nothing builds the output port `{port.name}` of `{product.id}`.", where=port.where,
                fix=meant or f"Write {product.folder}/models/{port.name}.sql, or say freehold:mode watch.",
            )  # fmt: skip


def _lands(estate: Estate, asset: str) -> bool:
    """Whether files bring the asset: its contract names a server that holds files."""
    found = estate.contract_of(asset)
    return found is not None and any(server.settings.get("path") for server in found[0].servers)


def _of_contract(contract: Contract) -> Iterator[FreeholdError]:
    names = {o.name: {n for p in o.properties for n in (p.name, p.physical_name) if n} for o in contract.objects}
    for sla in contract.sla:
        for element in (e.strip() for e in (sla.element or "").split(",")):
            first, _, column = element.partition(".")
            if not element or not contract.objects or "/" in element:
                continue
            if first not in names:
                fix = near(first, names) or f"Known: {', '.join(names)}."
            elif column and column.partition(".")[0] not in names[first]:
                fix = near(column, names[first]) or f"Known: {', '.join(sorted(names[first]))}."
            else:
                continue
            yield FreeholdError(
                "FH-V303", f"The SLA `{sla.property}` is about `{element}`, which this contract does not have.",
                where=sla.where, fix=fix,
            )  # fmt: skip
