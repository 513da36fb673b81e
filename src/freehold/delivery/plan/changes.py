"""What changed in an asset, and how far: decided from two versions of it and the meanings of its columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum

from freehold.delivery.asset import Asset, Kind
from freehold.sql import Meaning


class ChangeClass(IntEnum):
    """How much of a change its readers see, least first."""

    NONE = 0  # nothing: another layout, a comment, a renamed alias
    METADATA = 1  # words, owners, checks: no row differs
    ADDITIVE = 2  # columns came; those that were there hold what they held
    COLUMN = 3  # some columns hold something else, or went; the rows are the same
    ROWS = 4  # which rows there are
    BREAKING = 5  # a promise of the contract is broken

    def __str__(self) -> str:
        return self.name.lower()


class Action(StrEnum):
    """What applying a change does to an asset."""

    REUSE = "reuse"  # what stands is what would be built
    REPLACE = "replace view"  # nothing is stored, so nothing is built
    BUILD = "build"  # it is new
    REBUILD = "rebuild"
    BACKFILL = "backfill"  # interval by interval
    VERSION = "version"  # its new major version is published beside the one there is
    RETIRE = "retire"  # nothing declares it any more


@dataclass(frozen=True, slots=True)
class Difference:
    """What differs between two meanings. Columns are named as the kernel spells them."""

    rows: bool = False
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    renamed: tuple[tuple[str, str], ...] = ()  # from, to: the same content under another name
    reordered: bool = False  # the same columns in another order: who reads by position sees others

    @property
    def change(self) -> ChangeClass:
        """The class of it, as far as data goes."""
        if self.rows:
            return ChangeClass.ROWS
        if self.removed or self.changed or self.renamed or self.reordered:
            return ChangeClass.COLUMN
        return ChangeClass.ADDITIVE if self.added else ChangeClass.NONE

    @property
    def columns(self) -> frozenset[str]:
        """Every column that is not what it was; of changed rows all are, and none is named."""
        gone = {old for old, _ in self.renamed} | {new for _, new in self.renamed}
        return frozenset((*self.added, *self.removed, *self.changed, *gone))


def difference(before: Meaning, after: Meaning) -> Difference:
    """Return what differs between two meanings of one asset."""
    gone = {name: value for name, value in before.columns.items() if name not in after.columns}
    came = {name: value for name, value in after.columns.items() if name not in before.columns}
    by_content = {value: name for name, value in came.items()}
    renamed = tuple((name, by_content[value]) for name, value in gone.items() if value in by_content)
    moved = {old for old, _ in renamed} | {new for _, new in renamed}
    both = [name for name in after.columns if name in before.columns]
    return Difference(
        rows=before.rows != after.rows,
        added=tuple(n for n in came if n not in moved),
        removed=tuple(n for n in gone if n not in moved),
        changed=tuple(n for n, v in after.columns.items() if n in before.columns and before.columns[n] != v),
        renamed=renamed,
        reordered=both != [name for name in before.columns if name in after.columns],
    )


def is_rebuilt_otherwise(before: Asset, after: Asset) -> bool:
    """Say whether an asset is stored in another way, though it may hold the same."""
    return (before.kind, before.grain, before.unique_key) != (
        after.kind,
        after.grain,
        after.unique_key,
    )


def is_described_otherwise(before: Asset, after: Asset, hashes: Mapping[str, str], then: Mapping[str, str]) -> bool:
    """Say whether the contract or the product of an asset says something else than before."""
    contracts = (f"DataContract:{asset.contract.id}" for asset in (before, after) if asset.contract)
    names = (f"DataProduct:{after.product.id}", *contracts)
    return any(hashes.get(name) != then.get(name) for name in names)


def action_of(before: Asset | None, after: Asset | None, change: ChangeClass, *, is_stored_otherwise: bool) -> Action:
    """Return what applying a change does to one asset."""
    if after is None:
        return Action.RETIRE
    if before is None:
        return Action.REPLACE if after.kind is Kind.VIEW else Action.BUILD
    if change <= ChangeClass.METADATA and not is_stored_otherwise:
        return Action.REUSE
    if after.kind is Kind.VIEW:
        return Action.REPLACE
    return Action.BACKFILL if after.by_interval else Action.REBUILD
