"""A semantic model as values: datasets, how they join, and metrics whose expressions are parsed. Knows no engine.

Every name here is as the files say it. What a name means from a fact's point of view is for `paths` to say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any, Literal

from sqlglot import exp

from freehold.foundation import Where
from freehold.metrics.query import Key
from freehold.metrics.timing import Calendar, Period

Status = Literal["draft", "certified", "deprecated", "lapsed"]  # lapsed: its file certifies it, and its rules fail
TIME_TYPES = ("Date", "DateTime", "DateTimeTz")


@dataclass(frozen=True, slots=True)
class Field:
    """A column or an expression over the columns of one row. `expression` is None for the column of the same name.

    `type` is an Ossie data type (`Integer`, `DateTimeTz` …), empty where nobody says. `column` is its name in the
    warehouse.
    """

    name: str
    where: Where
    expression: exp.Expr | None = None
    column: str = ""
    type: str = ""
    is_time: bool = False
    description: str = ""
    label: str = ""
    synonyms: tuple[str, ...] = ()

    @property
    def is_interval_of_days(self) -> bool:
        """Whether the field holds whole days, which no time zone moves."""
        return self.type == "Date"


@dataclass(frozen=True, slots=True)
class Validity:
    """The columns that say from when, and until when exclusively, a row holds (slowly changing, type 2)."""

    start: str
    end: str


@dataclass(frozen=True, slots=True)
class EvidenceQuery:
    """A query whose rows stand for a table. `tables` are what it reads, by their names in it."""

    tree: exp.Query
    tables: Mapping[str, Dataset]


@dataclass(frozen=True, slots=True)
class Dataset:
    """A table the model reads. `source` is an asset id, or a relation as the warehouse names it.

    With a `query` it is an evidence model: rows come from that query, and `source` is a name made of its text.

    `keys` are sets of fields, each of which tells rows apart. `time` is the field that dates a row. `zone` is the zone
    in which timestamps without one are written.
    """

    name: str
    source: str
    where: Where
    fields: Mapping[str, Field]
    keys: tuple[tuple[str, ...], ...] = ()
    time: str | None = None
    zone: str | None = None
    validity: Validity | None = None
    description: str = ""
    synonyms: tuple[str, ...] = ()
    declared: str = ""  # the id that files give the source, where another version of it is published by another name
    counted: str = ""  # the field that says how many rows stand behind a row, of a table that is summed up already
    query: EvidenceQuery | None = None
    claimed: tuple[tuple[str, ...], ...] = ()  # those of `keys` that no contract declares, so that no run checks them

    @property
    def tables(self) -> tuple[Dataset, ...]:
        """What its rows are read from: itself, or the tables of its query."""
        return (self,) if self.query is None else tuple(self.query.tables.values())


@dataclass(frozen=True, slots=True)
class Join:
    """A relationship: many rows of `source` to at most one of `target`. Its name is the role the target plays."""

    name: str
    source: str
    columns: tuple[str, ...]
    target: str
    target_columns: tuple[str, ...]
    where: Where


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What makes a metric semi-additive: rows of the first or last point in time of each period, per these fields."""

    over: str  # dataset.field
    take: Literal["first", "last"] = "last"
    per: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Conversion:
    """Events of one fact that are followed by one of another, for the same entity, within a period.

    `each` tells what counts once: an event of the base that something follows, or one that follows, at the latest of
    the base before it.
    """

    base: exp.Expr
    converted: exp.Expr
    entity: tuple[str, str]  # the field of the base's dataset, the field of the other's
    within: Period
    count: Literal["rate", "conversions"] = "rate"
    each: Literal["base", "converted"] = "base"


@dataclass(frozen=True, slots=True)
class Metric:
    """A number with a name. `expression` is over aggregates of fields, and over other metrics.

    At most one of `window`, `to_date` and `is_cumulative` is set. `words` holds what people are told of it:
    `description`, `includes`, `excludes`, `label`, `owner`, `unit`, `direction`.
    """

    name: str
    model: str
    where: Where
    expression: exp.Expr
    filter: exp.Expr | None = None
    window: Period | None = None
    to_date: str | None = None
    is_cumulative: bool = False
    fill: float | None = None
    snapshot: Snapshot | None = None
    conversion: Conversion | None = None
    status: Status = "draft"
    replaced_by: str | None = None
    sunset: date | None = None
    words: Mapping[str, str] = field(default_factory=dict)
    synonyms: tuple[str, ...] = ()
    tests: tuple[Mapping[str, Any], ...] = ()

    @property
    def id(self) -> str:
        """The name no other metric of the estate has: `<model>.<name>`."""
        return f"{self.model}.{self.name}"

    @property
    def spans(self) -> bool:
        """Whether it looks over a stretch of time that ends with each period."""
        return self.window is not None or self.to_date is not None or self.is_cumulative


@dataclass(frozen=True, slots=True)
class Rollup:
    """Metrics by keys, kept as a table. `metrics` and `by` are as a question has them.

    `asset` is the id under which it is built; empty where no estate is known.
    """

    name: str
    model: str
    where: Where
    metrics: tuple[str, ...]
    by: tuple[Key, ...]
    description: str = ""
    asset: str = ""


@dataclass(frozen=True)
class Model:
    """One file's datasets, joins and metrics, and what of them is kept summed up."""

    name: str
    where: Where
    datasets: Mapping[str, Dataset]
    joins: tuple[Join, ...]
    metrics: Mapping[str, Metric]
    calendar: Calendar
    description: str = ""
    rollups: Mapping[str, Rollup] = field(default_factory=dict)

    @cached_property
    def leaving(self) -> Mapping[str, tuple[Join, ...]]:
        """The joins that lead away from each dataset."""
        found: dict[str, tuple[Join, ...]] = {}
        for join in self.joins:
            found[join.source] = (*found.get(join.source, ()), join)
        return found
