"""The facts of products: what the estate's files say of each, and what evidence may add."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from freehold.rules.evaluating import Subject
from freehold.rules.facts import Fact, FactTable

if TYPE_CHECKING:
    from freehold.estate.model import Contract, Estate, Product, QualityRule, SchemaObject

PRODUCT = FactTable(
    "product",
    {
        "product": Fact("varchar", "its id"),
        "file": Fact("varchar", "the file it stands in"),
        "domain": Fact("varchar", "its domain"),
        "status": Fact("varchar", "its status: draft, active, deprecated …"),
        "mode": Fact("varchar", "how far Freehold goes for it: watch, advise, check, publish"),
        "tier": Fact("bigint", "its tier, 1 the highest"),
        "owner": Fact("varchar", "its team"),
        "owner_is_active": Fact("boolean", "whether that team has a file, and people in it"),
        "owner_is_told": Fact("boolean", "whether the team says where it is told of things"),
        "has_version": Fact("boolean", "whether it has a version"),
        "has_purpose": Fact("boolean", "whether it says what it is for"),
        "has_limitations": Fact("boolean", "whether it says what it is not for"),
        "has_audience": Fact("boolean", "whether it says for whom it is made"),
        "has_schedule": Fact("boolean", "whether it says when it runs by itself"),
        "has_runbook": Fact("boolean", "whether it names a runbook that is there"),
        "output_count": Fact("bigint", "how many outputs it promises"),
        "contracted_outputs_share": Fact("double", "the share of its outputs with a contract, 0 to 1"),
        "checked_outputs_share": Fact("double", "the share of its outputs with a quality rule, 0 to 1"),
        "paging_rule_count": Fact("bigint", "how many quality rules of its contracts are of severity critical"),
        "paging_without_runbook": Fact("bigint", "how many of those have no runbook, of their own or of the product"),
        "deployment_age_days": Fact("bigint", "days since something of it was last released, from evidence"),
        "rollback_age_days": Fact("bigint", "days since it was last rolled back, from evidence"),
        "alert_age_days": Fact("bigint", "days since an alert of it last reached somebody, from evidence"),
    },
)
_PAGES = "critical"


def product_subjects(
    estate: Estate,
    evidence: Mapping[str, Mapping[str, Any]] | None = None,
    only: Container[str] | None = None,
) -> Iterator[Subject]:
    """Yield every product of an estate with its facts; see `asset_subjects`."""
    for product in sorted(estate.products.values(), key=lambda one: one.id):
        if only is None or product.id in only:
            facts = {**_of_files(estate, product), **(evidence or {}).get(product.id, {})}
            yield Subject(product.id, PRODUCT.checked(facts, product.id))


def _of_files(estate: Estate, product: Product) -> dict[str, Any]:
    team = estate.teams.get(product.team or "")
    outputs = [estate.contract_of(f"{product.id}.{port.name}") for port in product.output_ports]
    promised = [found for found in outputs if found is not None]
    paging = [rule for found in promised for rule in _rules(*found) if rule.severity == _PAGES]
    has_runbook = is_there(estate, product.custom.get("freehold:runbook"))
    return {
        "product": product.id,
        "file": product.where.path,
        "domain": product.domain,
        "status": product.status,
        "mode": product.mode,
        "tier": product.tier,
        "owner": product.team,
        "owner_is_active": team is not None and bool(team.members or any(team.roles.values())),
        "owner_is_told": team is not None and bool(team.spec.get("notify")),
        "has_version": bool(product.version),
        "has_purpose": bool(product.description.get("purpose")),
        "has_limitations": bool(product.description.get("limitations")),
        "has_audience": bool(product.audience),
        "has_schedule": bool(product.custom.get("freehold:schedule")),
        "has_runbook": has_runbook,
        "output_count": len(outputs),
        "contracted_outputs_share": len(promised) / len(outputs) if outputs else None,
        "checked_outputs_share": sum(any(_rules(*one)) for one in promised) / len(outputs) if outputs else None,
        "paging_rule_count": len(paging),
        "paging_without_runbook": sum(
            not (has_runbook or is_there(estate, rule.custom.get("freehold:runbook"))) for rule in paging
        ),
    }


def _rules(_: Contract, schema: SchemaObject) -> Iterator[QualityRule]:
    yield from schema.quality
    for column in schema.columns:
        yield from column.quality


def is_there(estate: Estate, runbook: str | None) -> bool:
    """Whether a runbook is named, and is there where it is a file; an address is taken at its word."""
    if not runbook:
        return False
    return runbook.startswith("https://") or (estate.root / estate.held / runbook).is_file()
