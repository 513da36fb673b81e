"""An asset: something a product builds or takes in, and how."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from freehold.delivery.template import Compiled
from freehold.engines import Relation
from freehold.estate.model import Contract, Product, SchemaObject
from freehold.foundation import Where
from freehold.quality import Check


class Kind(StrEnum):
    """How the rows of an asset come to be, and what a new version of it shares with the old."""

    SOURCE = "source"  # files taken in as they are
    TABLE = "table"  # all rows anew
    INTERVAL = "interval"  # the rows of one interval at a time
    KEY = "key"  # rows of changed keys replaced
    VIEW = "view"  # nothing stored
    EXTERNAL = "external"  # a table that others build; it is read and judged where it stands
    FROZEN = "frozen"  # an earlier major version: it is read as it was left, until it ends


NOT_BUILT = (Kind.EXTERNAL, Kind.FROZEN)  # kinds that no run of ours brings up to date


@dataclass(frozen=True, slots=True)
class Files:
    """The files of a source: a path under the estate, with `{date}` where there is one file a day.

    A seed is a file of the estate itself: `held` is the folder of the version of the estate it belongs to, where that
    is not the one at hand, and `digest` what it held when the estate was read.
    """

    pattern: str
    format: str = "csv"
    delimiter: str = ","
    encoding: str = "utf-8"
    held: str = ""
    digest: str = ""

    @property
    def by_day(self) -> bool:
        """Whether each file holds one day."""
        return "{date}" in self.pattern


@dataclass(frozen=True, slots=True)
class Observed:
    """What another tool builds, as that tool tells of it.

    Attributes:
        dialect: of its SQL, as sqlglot names it.
        text: its file as a person wrote it, to show places in it.
        state: what else decides its rows, beside its query and what it reads: two versions of an asset mean the same
            only where these texts are equal.
        identity: what a source is known by, wherever it lies and whatever the tool calls it.
        columns: its columns as the tool lists them, in order; empty where nobody listed them all.
        seconds: what building it took last, None where that is not known.
        grows: how a new version goes on from the one before: `rows` where a change of meaning starts it anew,
            `history` where nothing does, since what it has kept is nowhere else; empty where each version stands alone.
        tests: the checks that the tool makes of what it builds.
    """

    dialect: str
    text: str = ""
    state: str = ""
    identity: str = ""
    columns: tuple[str, ...] = ()
    seconds: float | None = None
    grows: str = ""
    tests: tuple[Check, ...] = ()


@dataclass(frozen=True, slots=True)
class Asset:
    """One node of the graph.

    `inputs` are asset ids in the order the model names them; `relation` is what consumers read; `observed` is set where
    another tool builds it; `declared` is its id in the files, where a later major version has one of its own.
    """

    id: str
    product: Product
    kind: Kind
    relation: Relation
    where: Where
    inputs: tuple[str, ...] = ()
    compiled: Compiled | None = None
    files: Files | None = None
    python: str | None = None
    grain: str = "day"
    by_interval: bool = False
    unique_key: tuple[str, ...] = ()
    contract: Contract | None = None
    schema: SchemaObject | None = None
    config: Mapping[str, Any] = field(default_factory=dict)
    observed: Observed | None = None
    declared: str = ""

    @property
    def name(self) -> str:
        """The last part of the id."""
        return self.id.rpartition(".")[2]

    def dialect(self, usual: str) -> str:
        """Return the dialect of its SQL: that of the tool that builds it, else that of the environment's engine."""
        return self.observed.dialect if self.observed else usual

    @property
    def is_ordered(self) -> bool:
        """Whether another tool builds it at our order, and we publish it."""
        return self.observed is not None and self.kind is not Kind.EXTERNAL and self.product.mode == "publish"

    @property
    def is_of_others(self) -> bool:
        """Whether others fill it where it stands: nothing of ours builds it, orders it or publishes it."""
        return self.kind is Kind.EXTERNAL or (self.observed is not None and not self.is_ordered)

    @property
    def is_shipped(self) -> bool:
        """Whether the tool that builds it brings its rows along as they are: what `state` tells of it is data."""
        return self.is_ordered and self.compiled is None and self.python is None

    @property
    def is_continued(self) -> bool:
        """Whether the tool that builds it goes on from the rows that stand."""
        return self.observed is not None and bool(self.observed.grows)

    @property
    def keeps_history(self) -> bool:
        """Whether it holds what nothing else does, so that it is never started anew."""
        return self.observed is not None and self.observed.grows == "history"

    @property
    def is_output(self) -> bool:
        """Whether consumers are promised this asset."""
        return any(port.name == self.name for port in self.product.output_ports)
