"""What a comparison of two relations found, as values that can be printed, stored and asserted on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any


@dataclass(frozen=True, slots=True)
class SchemaChange:
    """A column that only one side has, or that has another type there; None is the side without it."""

    column: str
    before: str | None
    after: str | None

    @property
    def kind(self) -> str:
        """One of `added`, `removed`, `retyped`."""
        return "added" if self.before is None else "removed" if self.after is None else "retyped"


@dataclass(frozen=True, slots=True)
class ColumnDiff:
    """How many rows that both sides have differ in a column, and which share of those rows that is (0 to 1)."""

    column: str
    changed: int
    share: float


@dataclass(frozen=True, slots=True)
class RowSample:
    """One row that differs. Of a changed row only the columns that differ are shown."""

    kind: str  # added | removed | changed
    key: Mapping[str, Any]
    before: Mapping[str, Any] = field(default_factory=dict)
    after: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class KeyFaults:
    """Rows of one side whose key is empty in part, and keys that several rows of it share.

    Such rows cannot be matched one to one. They are compared as a bag, with all rows of the other side that have the
    same key, and count as added or removed there, never as changed.
    """

    null_rows: int = 0
    duplicate_keys: int = 0
    duplicate_rows: int = 0

    @property
    def any(self) -> bool:
        """Whether there are such rows."""
        return bool(self.null_rows or self.duplicate_keys)


@dataclass(frozen=True, slots=True)
class SideProfile:
    """A column of one side in figures; None where the type has none. `distinct_about` is an estimate."""

    rows: int
    nulls: int
    minimum: Any = None
    maximum: Any = None
    mean: float | None = None
    distinct_about: int | None = None


@dataclass(frozen=True, slots=True)
class ProfileDiff:
    """A column of both sides in figures."""

    column: str
    before: SideProfile
    after: SideProfile


@dataclass(frozen=True, slots=True)
class DataDiff:
    """What differs between two relations.

    Attributes:
        before, after: the relations as given.
        key: the columns that name a row; empty if rows were compared as bags.
        rows_before, rows_after: how many rows each has.
        added, removed: rows that only the side after, or before, has.
        changed: rows of both sides that differ in at least one column; always 0 without a key.
        columns: the columns of both sides that differ, those that differ most first; empty without a key.
        schema: columns that were added, removed or retyped. Only columns of both sides are compared by value.
        samples: a few rows of each kind, by key.
        faults_before, faults_after: rows that the key does not name.
        profile: figures by column, if they were asked for.
        decided_by: `checksum` (all equal), `buckets` (rows of some buckets compared), `rows` (all rows compared).
        buckets, buckets_differing: how the rows were divided, and in how many parts something differs.
        queries: how many statements it took, both sides together.
    """

    before: str
    after: str
    key: tuple[str, ...]
    rows_before: int
    rows_after: int
    added: int = 0
    removed: int = 0
    changed: int = 0
    columns: tuple[ColumnDiff, ...] = ()
    schema: tuple[SchemaChange, ...] = ()
    samples: tuple[RowSample, ...] = ()
    faults_before: KeyFaults = KeyFaults()
    faults_after: KeyFaults = KeyFaults()
    profile: tuple[ProfileDiff, ...] = ()
    decided_by: str = "checksum"
    buckets: int = 0
    buckets_differing: int = 0
    queries: int = 0

    @property
    def is_equal(self) -> bool:
        """Whether both sides hold the same rows in the same columns of the same types."""
        return not (self.added or self.removed or self.changed or self.schema)

    @property
    def matched(self) -> int:
        """Rows of the side before that the side after has too, changed or not."""
        return self.rows_before - self.removed

    def to_json(self) -> dict[str, Any]:
        """Return the difference as JSON values; decimals and instants as text."""
        found: dict[str, Any] = _plain(asdict(self))
        for change, said in zip(self.schema, found["schema"], strict=True):
            said["kind"] = change.kind
        return {"equal": self.is_equal, **found}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(v) for v in value]
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return str(value)
    if isinstance(value, date | datetime | time):
        return value.isoformat()
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).hex()
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


Tolerance = int | float | Decimal | timedelta
