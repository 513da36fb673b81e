"""Checks from the service levels of a contract, as far as the data itself can answer for them."""

from __future__ import annotations

from typing import Any

from freehold.estate.durations import seconds
from freehold.estate.model import Sla
from freehold.quality.drafting import Drafts

_AGE = {"latency", "freshness", "ly", "fr"}
_ELSEWHERE = {
    "availability": "measured by what the surfaces answered, not by the data",
    "timeofavailability": "judged on the product's calendar when the data arrives",
}


def draft_promises(drafts: Drafts) -> None:
    """Add the checks of the service levels that name an element of this object."""
    for sla in drafts.contract.sla:
        for element in str(sla.element or "").split(","):
            column = _column(drafts, element.strip())
            if column:
                _draft(drafts, sla, column)


def _column(drafts: Drafts, element: str) -> str | None:
    """Return the column of this object that an element such as `lines.ordered_at` means, if it means one."""
    owner, _, name = element.rpartition(".")
    schema = drafts.schema
    known = {p.name: p.column for p in schema.columns} | {p.column: p.column for p in schema.columns}
    if owner and owner not in (schema.name, schema.physical_name, drafts.asset):
        return None
    if not owner and len(drafts.contract.objects) > 1 and name not in known:
        return None
    return known.get(name)


def _draft(drafts: Drafts, sla: Sla, column: str) -> None:
    name = sla.property.lower()
    if name in _AGE:
        _draft_age(drafts, sla, column)
    elif name in _ELSEWHERE:
        claim = sla.description or f"{sla.property} {sla.value} {sla.unit or ''}".strip()
        drafts.add("text", claim, sla.where, on=column, severity="warning", arguments={"skipped": _ELSEWHERE[name]})


def _draft_age(drafts: Drafts, sla: Sla, column: str) -> None:
    longest = seconds(sla.value, sla.unit)
    arguments: dict[str, Any] = {}
    if longest is None:
        arguments["error"] = f"`{sla.value} {sla.unit or ''}` is no duration; write a number and a unit like h or d"
    drafts.add(
        "freshness",
        f"the newest `{column}` is at most {sla.value} {sla.unit or 'd'} old",
        sla.where,
        columns=(column,),
        on=column,
        severity="warning",  # late data is still better published than withheld
        operator="mustBeLessOrEqualTo",
        threshold=float(longest) if longest is not None else None,
        unit="seconds",
        arguments=arguments,
    )
