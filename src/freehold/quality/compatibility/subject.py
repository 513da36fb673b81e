"""What is being compared, and how a judged change of it becomes a finding."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from freehold.foundation import Where
from freehold.quality.compatibility.finding import Finding
from freehold.quality.compatibility.rulings import RULINGS


@dataclass(frozen=True, slots=True)
class Subject:
    """A contract, an object or a column of it; `where` is its place after the change, or before if it is gone."""

    where: Where
    object: str | None = None
    column: str | None = None

    def at(self, where: Where) -> Subject:
        """Return the same subject with a more exact place."""
        return replace(self, where=where)

    def within(self, name: str, where: Where) -> Subject:
        """Return a column of this object, or a field of this column."""
        return Subject(where, self.object, f"{self.column}.{name}" if self.column else name)

    def items(self, where: Where) -> Subject:
        """Return the elements of this column, which is an array."""
        return Subject(where, self.object, f"{self.column}[]")

    def judged(
        self, change: str, before: Any = None, after: Any = None, *, detail: str = "", name: str = ""
    ) -> Finding:
        """Return the finding of one change by its ruling. `name` is what the reason calls it if not the subject."""
        ruling = RULINGS[change]
        old, new = shown(before), shown(after)
        called = name or self.column or self.object or "the contract"
        reason = ruling.reason.format(subject=f"`{called}`", before=_quoted(old), after=_quoted(new), detail=detail)
        return Finding(
            change=change,
            object=self.object,
            column=self.column,
            before=old,
            after=new,
            consumer=ruling.consumer,
            producer=ruling.producer,
            reason=reason[:1].upper() + reason[1:],
            bump=ruling.bump,
            where=self.where,
        )


def shown(value: Any) -> str | None:
    """Return a value of a contract as people write it: `true`, `EUR, USD`."""
    if value is None:
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple | list):
        return ", ".join(str(shown(v)) for v in value)
    return str(value)


def listed(values: Iterable[Any], most: int = 5) -> str:
    """Return values in a row for a sentence, the first few of them: `a`, `b` and 3 more."""
    texts = [f"`{shown(v)}`" for v in values]
    more = f" and {len(texts) - most} more" if len(texts) > most else ""
    return ", ".join(texts[:most]) + more


def _quoted(text: str | None) -> str:
    return "nothing" if text is None else f"`{text}`"
