"""The facts of assets: what the estate's files say of each, and what evidence may add."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from freehold.rules.evaluating import Subject
from freehold.rules.facts import Fact, FactTable

if TYPE_CHECKING:
    from freehold.estate.model import Estate, Product, SchemaObject

ASSET = FactTable(
    "asset",
    {
        "asset": Fact("varchar", "its id"),
        "kind": Fact("varchar", "what it is: dataset"),
        "product": Fact("varchar", "the product it belongs to"),
        "product_file": Fact("varchar", "the file of the product"),
        "contract_file": Fact("varchar", "the file of the contract; of none, where one would stand"),
        "domain": Fact("varchar", "the domain of the product"),
        "status": Fact("varchar", "the status of the product: draft, active, deprecated …"),
        "mode": Fact("varchar", "how far Freehold goes for the product: watch, advise, check, publish"),
        "tier": Fact("bigint", "the tier of the product, 1 the highest"),
        "owner": Fact("varchar", "the team of the product"),
        "owner_is_active": Fact("boolean", "whether that team has a file, and people in it"),
        "is_output_port": Fact("boolean", "whether the product promises it to consumers"),
        "is_input_port": Fact("boolean", "whether the product takes it in"),
        "has_contract": Fact("boolean", "whether a contract describes it"),
        "has_key": Fact("boolean", "whether the contract names a primary key"),
        "has_description": Fact("boolean", "whether the contract says what it is, or what it is for"),
        "has_tags": Fact("boolean", "whether the contract has a tag"),
        "contract_status": Fact("varchar", "the status of the contract: draft, active, deprecated …"),
        "has_availability": Fact("boolean", "whether the contract says when it is there or how fresh it is"),
        "promises_age": Fact("boolean", "whether the contract says how old its data may get"),
        "column_count": Fact("bigint", "how many columns the contract has"),
        "quality_rule_count": Fact("bigint", "how many quality rules the contract has"),
        "described_columns_share": Fact("double", "the share of columns with a description, 0 to 1"),
        "classified_columns_share": Fact("double", "the share of columns with a classification, 0 to 1"),
        "sensitive_column_count": Fact("bigint", "how many columns are classed as more than internal or public"),
        "is_policed": Fact("boolean", "whether a DataPolicy says who sees what of it"),
        "is_published": Fact("boolean", "whether a version of it was ever published, from evidence"),
        "check_age_days": Fact("bigint", "days since a check of it last ran, from evidence of 90 days"),
        "failing_checks": Fact("bigint", "how many blocking checks said no when they last ran, from evidence"),
        "check_pass_rate_30d": Fact("double", "the share of checks that passed in 30 days, from evidence"),
        "slo_attainment_30d": Fact("double", "of the days of 30 on which its age was looked at, the share it kept"),
        "slo_target": Fact("double", "the share that the objective of the contract promises"),
    },
)


_OPEN = ("public", "internal")


def asset_subjects(
    estate: Estate,
    evidence: Mapping[str, Mapping[str, Any]] | None = None,
    only: Container[str] | None = None,
) -> Iterator[Subject]:
    """Yield every asset that the estate declares, with its facts.

    Args:
        estate: whose assets they are: ports of products, and what models build.
        evidence: facts by asset that events tell; those that no one gives are not known.
        only: the assets that are wanted; default: all.
    """
    policed = {asset for policy in estate.policies.values() for asset in policy.of}
    products = estate.products
    ports: dict[str, tuple[bool, bool]] = {}
    for product in products.values():
        for is_output, side in ((True, product.output_ports), (False, product.input_ports)):
            for port in side:
                was_in, was_out = ports.get(f"{product.id}.{port.name}", (False, False))
                ports[f"{product.id}.{port.name}"] = (was_in or not is_output, was_out or is_output)
    for asset in sorted({*ports, *estate.models}):
        one = products.get(asset.rpartition(".")[0])
        if one is not None and (only is None or asset in only):
            facts = _of_product(estate, one) | _of_contract(estate, asset)
            is_input, is_output = ports.get(asset, (False, False))
            own = {"asset": asset, "kind": "dataset", "is_input_port": is_input, "is_output_port": is_output}
            own["is_policed"] = any(fnmatchcase(asset, pattern) for pattern in policed)
            yield Subject(asset, ASSET.checked({**facts, **own, **(evidence or {}).get(asset, {})}, asset))


def _of_product(estate: Estate, product: Product) -> dict[str, Any]:
    team = estate.teams.get(product.team or "")
    return {
        "product": product.id,
        "product_file": product.where.path,
        "domain": product.domain,
        "status": product.status,
        "mode": product.mode,
        "tier": product.tier,
        "owner": product.team,
        "owner_is_active": team is not None and bool(team.members or any(team.roles.values())),
    }


def _of_contract(estate: Estate, asset: str) -> dict[str, Any]:
    found = estate.contract_of(asset)
    if found is None:
        product, _, name = asset.rpartition(".")
        return {"has_contract": False, "contract_file": f"{estate.products[product].folder}/contracts/{name}.odcs.yaml"}
    contract, schema = found
    timed = {"latency", "freshness", "frequency", "timeOfAvailability", "availability"}
    return {
        "has_contract": True,
        "contract_file": contract.where.path,
        "contract_status": contract.status,
        "has_description": bool(schema.description or any(contract.description.values())),
        "has_tags": bool(contract.tags or schema.tags),
        "has_key": bool(schema.key),
        "slo_target": (contract.custom.get("freehold:objective") or {}).get("target"),
        "sensitive_column_count": sum((c.classification or "public") not in _OPEN for c in schema.columns),
        "has_availability": any(sla.property in timed for sla in contract.sla),
        "promises_age": any(sla.property in ("latency", "freshness") for sla in contract.sla),
        "column_count": len(schema.columns),
        "quality_rule_count": len(schema.quality) + sum(len(c.quality) for c in schema.columns),
        **_shares(schema),
    }


def _shares(schema: SchemaObject) -> dict[str, float | None]:
    columns = schema.columns
    if not columns:
        return {}
    return {
        "described_columns_share": sum(bool(c.description) for c in columns) / len(columns),
        "classified_columns_share": sum(bool(c.classification) for c in columns) / len(columns),
    }
