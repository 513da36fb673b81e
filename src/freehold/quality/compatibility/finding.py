"""One judged change of a contract, as a value."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Any

from freehold.foundation import Where


class Judgement(StrEnum):
    """What a change means to one side.

    `metadata`: the data is as before; `safe`: something about the data changed but the side is served as before;
    `additive`: something new is there; `breaking`: what the side relied on, or was able to deliver, may fail.
    """

    METADATA = "metadata"
    SAFE = "safe"
    ADDITIVE = "additive"
    BREAKING = "breaking"


class Bump(IntEnum):
    """The part of the version that a change must raise; they compare by size."""

    NONE = 0
    PATCH = 1
    MINOR = 2
    MAJOR = 3

    def __str__(self) -> str:
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Finding:
    """One change of a contract and what it means.

    Attributes:
        change: the name of the ruling, such as `column_removed`; see `RULINGS`.
        object: the schema object, as named after the change; None for the contract itself.
        column: the path of the column in it (`address.city`, `tags[]`); None for the object.
        before: what the contract said, as text for people; None where it said nothing.
        after: what it says now.
        consumer: what it means to who reads the data.
        producer: what it means to who delivers it: whether what kept the contract before still keeps it.
        reason: one sentence for people.
        bump: the part of the version this change must raise. It follows from the consumer's side alone.
        where: the place in the new file, or in the old one for what was removed.
    """

    change: str
    object: str | None
    column: str | None
    before: str | None
    after: str | None
    consumer: Judgement
    producer: Judgement
    reason: str
    bump: Bump
    where: Where

    @property
    def verdict(self) -> Judgement:
        """What the change is called where only one word fits: the consumer's side, as it decides the version."""
        return self.consumer

    @property
    def is_breaking(self) -> bool:
        """Whether a consumer may fail because of it."""
        return self.consumer is Judgement.BREAKING

    @property
    def subject(self) -> str:
        """What changed, as one name: `lines.amount`, `lines`, or `contract`."""
        return ".".join(part for part in (self.object, self.column) if part) or "contract"

    def to_json(self) -> dict[str, Any]:
        """Return the finding as JSON values."""
        return {
            "change": self.change,
            "object": self.object,
            "column": self.column,
            "before": self.before,
            "after": self.after,
            "verdict": str(self.verdict),
            "consumer": str(self.consumer),
            "producer": str(self.producer),
            "reason": self.reason,
            "bump": str(self.bump),
            "where": str(self.where),
        }
