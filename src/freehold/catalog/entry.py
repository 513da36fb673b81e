"""What the catalog lists, as frozen values: entries, the names they go by, and the jobs whose edges join them.

An entry is one thing people look for: a product, an asset, a metric, a dashboard. A *job* is whoever makes values go
from one entry into another: a model, a metric, a dashboard. Every edge belongs to one job, so that what a job no longer
says can be closed. No value here knows where it is stored.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from freehold.foundation import Where

# Kinds of entries, in the order in which lists name them.
KINDS = (
    "product", "asset", "metric", "kpi", "dashboard", "dataset", "job", "team", "contract", "policy", "objective",
    "ai-use-case", "decision",
)  # fmt: skip
WHOLE = "*"  # a column that stands for all of an entry, read as a whole
SOME = "?"  # a column that stands for columns of an entry that nobody could tell apart
TABLES = ("asset", "dataset")  # kinds that have columns: our own, and what other tools tell of
OPENLINEAGE = "openlineage"  # the reason of an alias by which other tools know an asset, and the kind of their jobs
FORMER = "former name"  # the reason of an alias of what took the place of something that went
Allowed = Callable[[str], bool] | Collection[str] | None  # the products a caller may see; None: every one


class Key(NamedTuple):
    """What tells entries apart: the kind and the id that files give."""

    kind: str
    id: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.id}"

    @classmethod
    def of(cls, text: str) -> Key:
        """Read what `str` wrote."""
        kind, _, id_ = text.partition(":")
        return cls(kind, id_)


@dataclass(frozen=True, slots=True)
class Alias:
    """Another name of an entry, and why it has it: `relation`, `contract`, `declared`, `synonym` …"""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Column:
    """A column of an asset, in the order of its table."""

    name: str
    type: str = ""
    description: str = ""
    classification: str = ""
    is_key: bool = False


@dataclass(frozen=True)
class Entry:
    """One thing that the catalog lists.

    Attributes:
        key: its kind and id; title: what people call it.
        product: the product it is part of, empty for what is estate-wide.
        scope: the products a caller must all be allowed to see to see it; for a metric those of everything it reads.
        status: `certified`, `draft`, `deprecated` or what its file says; empty where nobody says.
        replaced_by: the entry to use instead; `sunset`: the last day, as ISO has it, where one was told.
        tags: words to find it by, beside its names.
    """

    key: Key
    title: str
    where: Where
    product: str = ""
    scope: tuple[str, ...] = ()
    domain: str = ""
    owner: str = ""
    description: str = ""
    form: str = ""
    status: str = ""
    version: str = ""
    tier: int | None = None
    replaced_by: Key | None = None
    sunset: str = ""
    viewers: int | None = None
    tags: tuple[str, ...] = ()
    aliases: tuple[Alias, ...] = ()
    columns: tuple[Column, ...] = ()

    @cached_property
    def digest(self) -> str:
        """The sha256 of everything that it says."""
        return _digest(self)


class End(NamedTuple):
    """One end of an edge: a column of an entry, `*` for all of it, `?` for columns nobody could tell apart."""

    entry: Key
    column: str = WHOLE


@dataclass(frozen=True, slots=True)
class Flow:
    """One column goes into another, or, where it is not direct, decides what stands there.

    `how` says in which way, in words: those of `freehold.sql.lineage.Use`, `filter`, `join` … for what decides which
    rows there are, `reads` for who only reads.
    """

    source: End
    target: End
    how: str
    is_direct: bool = True
    where: Where | None = None


@dataclass(frozen=True)
class Job:
    """Whoever makes values go into one entry, with all its edges: they are replaced together."""

    id: str
    kind: str
    target: Key
    where: Where
    reads: tuple[Key, ...] = ()
    flows: tuple[Flow, ...] = ()

    @cached_property
    def digest(self) -> str:
        """The sha256 of everything that it says."""
        return _digest(self)


@dataclass(frozen=True, slots=True)
class Description:
    """Everything that files say, as the catalog lists it.

    `read_from` has the digest of every document that it follows from, by `kind:id`.
    """

    entries: tuple[Entry, ...] = ()
    jobs: tuple[Job, ...] = ()
    read_from: tuple[tuple[str, str], ...] = ()


def _digest(said: object) -> str:
    return hashlib.sha256(repr(said).encode("utf-8", "surrogatepass")).hexdigest()
