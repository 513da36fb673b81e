"""What must be measured to settle a check: the planner's own small language, between a contract and SQL.

`translating` turns a check and the columns that are really there into one of these values. How a measure is then taken
(by scan, from bounds, from a list of values, from Parquet footers) is the planner's decision, and never changes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlglot import exp

from freehold.engines import Column
from freehold.quality.model import Verdict
from freehold.quality.patterns import Uniform


@dataclass(frozen=True)
class Settled:
    """No measurement is needed: the columns, or the check itself, already decide."""

    verdict: Verdict
    reason: str = ""
    value: Any = None
    failing: int | None = None
    total: int | None = None
    rule: str = "catalog"


@dataclass(frozen=True)
class RowCount:
    """How many rows there are."""


@dataclass(frozen=True)
class Violations:
    """How many rows satisfy `condition`, which is what a row must not do.

    `subject` is set where the condition is false on an interval of it: then its minimum and maximum prove the rest.
    """

    condition: exp.Expr
    columns: tuple[str, ...]
    subject: exp.Expr | None = None
    is_regex: bool = False
    adds_up: bool = True  # the count over two sets of rows is the sum of their counts
    pattern: Uniform | None = None  # the condition is that one column does not match this


@dataclass(frozen=True)
class Nulls:
    """How many rows have no value in a column."""

    column: str


@dataclass(frozen=True)
class Aggregate:
    """One aggregate over all rows. `distinct_of` and `extreme_of` name the column of a plain distinct, min or max."""

    tree: exp.Expr
    columns: tuple[str, ...]
    distinct_of: str | None = None
    is_age: bool = False


@dataclass(frozen=True)
class Surplus:
    """How many rows are one too many: rows beyond the first of each key.

    A row whose key columns are all empty has no key; in a key of several columns an empty one equals an empty one, so
    that a load that ran twice is found.
    """

    columns: tuple[str, ...]


@dataclass(frozen=True)
class Dangling:
    """How many rows name something that is not there. A row with an empty key column names nothing."""

    columns: tuple[str, ...]
    asset: str
    target: tuple[str, ...]


@dataclass(frozen=True)
class Scalar:
    """The single value of a query of its own; relation tokens stand for the tables it reads."""

    tree: exp.Expr
    assets: tuple[str, ...]


Measure = Settled | RowCount | Violations | Nulls | Aggregate | Surplus | Dangling | Scalar


@dataclass(frozen=True)
class Table:
    """The columns that are really there, found by name whatever the case."""

    columns: tuple[Column, ...]
    dialect: str

    def find(self, name: str) -> Column | None:
        """Return the column of that name: exactly, or the only one that differs in case."""
        exact = next((c for c in self.columns if c.name == name), None)
        if exact:
            return exact
        alike = [c for c in self.columns if c.name.lower() == name.lower()]
        return alike[0] if len(alike) == 1 else None
