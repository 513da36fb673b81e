"""What the gate would have said of the changes of the past, before anybody turns it on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from freehold.delivery.gate.verdict import Verdict
from freehold.delivery.plan.changes import ChangeClass
from freehold.delivery.plan.planning import Plan


@dataclass(frozen=True, slots=True)
class Past:
    """One change of the past as the gate would have seen it.

    Attributes:
        commit: what it is known by.
        at: when it was made.
        plan: what it did; None where it does not validate (`unsound` says why), or what it came after did not.
        verdict: of the rules, without any approval; None where it could not be planned.
    """

    commit: str
    title: str
    at: datetime
    plan: Plan | None
    verdict: Verdict | None
    unsound: str = ""

    @property
    def blocked_by(self) -> tuple[str, ...]:
        """What would have blocked it: codes of findings, and rules; each once."""
        if self.plan is None:
            return ("unsound",) if self.unsound else ()
        rules = (r.rule.id for r in self.verdict.blocked) if self.verdict else ()
        return tuple(dict.fromkeys((*(f.code for f in self.plan.findings), *rules)))

    @property
    def asks(self) -> tuple[str, ...]:
        """Whose approval it would have needed, as `owner of sales.orders`."""
        needed = self.verdict.approvals_needed if self.verdict else ()
        return tuple(dict.fromkeys(f"{n.role} of {n.product}" for n in needed))

    @property
    def is_empty(self) -> bool:
        """Whether it changed nothing that a gate looks at."""
        said = self.plan.changes or self.plan.findings if self.plan is not None else True
        return not said and not (self.verdict and self.verdict.results)

    @property
    def worst(self) -> ChangeClass | None:
        """The gravest of its classes."""
        return max((c.change for c in self.plan.changes), default=None) if self.plan else None

    @property
    def readers(self) -> tuple[str, ...]:
        """Who reads what it changed."""
        changes = self.plan.changes if self.plan else ()
        return tuple(dict.fromkeys(r.name for c in changes for r in c.readers))

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {
            "commit": self.commit,
            "title": self.title,
            "at": self.at.isoformat(),
            "change": str(self.worst) if self.worst is not None else None,
            "blocked_by": list(self.blocked_by),
            "approvals": list(self.asks),
            "readers": list(self.readers),
            "unsound": self.unsound or None,
            "findings": [f.to_json() for f in self.plan.findings] if self.plan else [],
        }


def summary(past: Iterable[Past], quarantined: Mapping[str, int]) -> dict[str, Any]:
    """Return the whole in figures: changes, what would have blocked how many of them, and data kept from readers."""
    found = [p for p in past if not p.is_empty]
    return {
        "changes": len(found),
        "blocked": sum(bool(p.blocked_by) for p in found),
        "approval": sum(bool(p.asks) and not p.blocked_by for p in found),
        "clear": sum(not p.asks and not p.blocked_by for p in found),
        "by_reason": dict(Counter(reason for p in found for reason in p.blocked_by).most_common()),
        "quarantined": dict(quarantined),
    }
