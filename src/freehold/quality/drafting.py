"""How a check comes by its id, its severity, its scope and its wording; used while a contract is compiled."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from freehold.estate.model import Contract, Property, QualityRule, SchemaObject
from freehold.foundation import Where
from freehold.quality.model import ROW_KINDS, Check

Resolve = Callable[[str, Contract], "str | None"]

_MILD = {"warning", "warn", "info", "information", "informational", "low", "minor", "trivial", "notice", "debug"}
_DIMENSIONS = {
    "schema": "conformity", "type": "conformity", "not_null": "completeness", "nulls": "completeness",
    "missing": "completeness", "row_count": "completeness", "unique": "uniqueness", "duplicates": "uniqueness",
    "in_set": "conformity", "range": "conformity", "multiple": "conformity", "length": "conformity",
    "items": "conformity", "pattern": "conformity", "format": "conformity", "invalid": "conformity",
    "reference": "consistency", "expression": "consistency", "freshness": "timeliness",
}  # fmt: skip


@dataclass
class Drafts:
    """The checks of one asset while they are collected: gives each its id and counts repetitions."""

    asset: str
    contract: Contract
    schema: SchemaObject
    incremental: bool
    resolve: Resolve
    checks: list[Check] = field(default_factory=list)
    _said: dict[str, int] = field(default_factory=dict)

    def column_of(self, name: str) -> str:
        """Return the stored column of a property, or the name itself where there is no such property."""
        found = next((p for p in self.schema.columns if name in (p.name, p.physical_name)), None)
        return found.column if found else name

    def add(
        self,
        kind: str,
        claim: str,
        where: Where,
        *,
        columns: tuple[str, ...] = (),
        rule: QualityRule | None = None,
        custom: Mapping[str, Any] | None = None,
        on: str | None = None,
        **fields: Any,
    ) -> None:
        """Add a check. `on` is the column in its id; `rule` gives severity and dimension, `custom` our own settings."""
        severity = (rule.severity if rule else fields.pop("severity", None)) or "error"
        settings = {**(custom or {}), **(rule.custom if rule else {})}
        self.checks.append(
            Check(
                id=self._new_id(on, (rule.id if rule else None) or kind),
                asset=self.asset,
                kind=kind,
                claim=claim,
                where=where,
                columns=columns,
                scope=self._scope(kind, settings),
                blocking=is_blocking(severity, settings),
                severity=severity,
                dimension=(rule.dimension if rule else None) or _DIMENSIONS.get(kind),
                **fields,
            )
        )

    def _new_id(self, column: str | None, tail: str) -> str:
        base = f"{self.asset}.{column}:{tail}" if column else f"{self.asset}:{tail}"
        self._said[base] = self._said.get(base, 0) + 1
        return base if self._said[base] == 1 else f"{base}_{self._said[base]}"

    def _scope(self, kind: str, settings: Mapping[str, Any]) -> str:
        wanted = settings.get("freehold:scope")
        if wanted in ("interval", "table"):
            return str(wanted)
        return "interval" if self.incremental and kind in ROW_KINDS else "table"


def is_blocking(severity: str | None, settings: Mapping[str, Any]) -> bool:
    """Return whether a failure keeps a candidate from being published; `freehold:blocking` has the last word."""
    said = settings.get("freehold:blocking")
    if said is not None:
        return str(said).lower() not in ("false", "no", "0")
    return (severity or "error").lower() not in _MILD


_WORDS = {
    "mustBe": "is {0}",
    "mustNotBe": "is not {0}",
    "mustBeGreaterThan": "is more than {0}",
    "mustBeGreaterOrEqualTo": "is at least {0}",
    "mustBeLessThan": "is less than {0}",
    "mustBeLessOrEqualTo": "is at most {0}",
    "mustBeBetween": "is between {0} and {1}",
    "mustNotBeBetween": "is not between {0} and {1}",
}


def judged(operator: str | None, threshold: Any, unit: str = "") -> str:
    """Return the words of an operator and its threshold: `is at most 5 %`."""
    if operator is None:
        return "is measured"
    bounds = list(threshold) if isinstance(threshold, list | tuple) and "Between" in operator else [threshold]
    mark = " %" if unit == "percent" else ""
    return _WORDS[operator].format(*(f"{b}{mark}" for b in (*bounds, *[""] * (2 - len(bounds)))))


def named(prop: Property) -> str:
    """Return a property as a claim names it."""
    return f"`{prop.name}`"
