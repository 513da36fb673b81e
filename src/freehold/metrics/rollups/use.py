"""Whether a rollup was read, and if not, why not: words for people, a kind for programs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlglot import exp

    from freehold.metrics.rollups.content import Content


class Why(StrEnum):
    """Why a rollup cannot be read for a question, or must not be."""

    NOT_BUILT = "not built"
    OUTDATED = "outdated"
    NOT_ADDITIVE = "not additive"
    METRIC = "metric"
    KEY = "key"
    CONDITION = "condition"
    PERIOD = "period"
    BOUNDARY = "boundary"
    ZONE = "zone"
    POLICY = "policy"
    SMALL_GROUPS = "small groups"


@dataclass(frozen=True, slots=True)
class Miss:
    """A rollup that was not read. `words` go on from its name: `buyer.segment` is not among its keys."""

    rollup: str
    why: Why
    words: str

    def __str__(self) -> str:
        return f"rollup {self.rollup} not used: {self.words}"


class NotUsedError(Exception):
    """What keeps a rollup from being read, on its way from where it is found to where it is told."""

    def __init__(self, why: Why, words: str) -> None:
        super().__init__(words)
        self.why = why
        self.words = words


@dataclass(frozen=True, slots=True)
class Held:
    """A rollup as it is at this moment: where its rows lie and how many they are, and what keeps it from being read."""

    content: Content
    relation: exp.Table
    rows: int = 0
    why_not: Miss | None = None


@dataclass(frozen=True, slots=True)
class Use:
    """What one pass over a fact was read from: a rollup, or (where `rollup` is empty) the rows themselves."""

    fact: str
    rollup: str = ""
    asset: str = ""
    rows: int = 0
    misses: tuple[Miss, ...] = ()

    def told(self) -> tuple[str, ...]:
        """Return what to tell people, in lines: the rollup that was read, or why none was."""
        if self.rollup:
            return (f"read from rollup {self.rollup} ({self.rows:,} {'row' if self.rows == 1 else 'rows'})",)
        return tuple(map(str, self.misses))

    def to_json(self) -> dict[str, Any]:
        """Return it for machines."""
        misses = [{"rollup": m.rollup, "why": str(m.why), "words": m.words} for m in self.misses]
        read = {"rollup": self.rollup or None, "asset": self.asset or None, "rollup_rows": self.rows or None}
        return {"fact": self.fact, **read, "not_used": misses}


def told(uses: tuple[Use, ...]) -> tuple[str, ...]:
    """Return what to tell people of all passes, each line once."""
    return tuple(dict.fromkeys(line for use in uses for line in use.told()))
