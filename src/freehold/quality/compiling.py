"""A contract becomes checks. Pure: no engine, no file, no clock."""

from __future__ import annotations

from collections.abc import Iterable

from freehold.estate.model import Contract, SchemaObject
from freehold.quality.declared import draft_declared
from freehold.quality.drafting import Drafts, Resolve
from freehold.quality.model import Check
from freehold.quality.promised import draft_promises
from freehold.quality.ruled import draft_rules


def compile_checks(
    asset: str, contract: Contract, obj: SchemaObject, *, incremental: bool = False, resolve: Resolve
) -> tuple[Check, ...]:
    """Return every check that a contract makes of one of its schema objects, in the order of the contract.

    Args:
        asset: the asset id the checks are about; it begins every check id.
        contract: the contract, for its service levels and the other objects it names.
        obj: the schema object that describes the asset.
        incremental: the asset grows by intervals, so that checks of single rows judge the new rows only.
        resolve: returns the asset id of a referenced object (`customers`, or `contract_id.customers`), or None.
    """
    drafts = Drafts(asset, contract, obj, incremental, resolve)
    draft_declared(drafts)
    draft_rules(drafts)
    draft_promises(drafts)
    return tuple(drafts.checks)


def references_of(checks: Iterable[Check]) -> frozenset[str]:
    """Return the asset ids whose relations `Scope.references` must hold for these checks."""
    found: set[str] = set()
    for check in checks:
        if check.kind == "reference" and check.arguments.get("asset"):
            found.add(check.arguments["asset"])
        found.update(check.arguments.get("references", {}).values())
    return frozenset(found)
