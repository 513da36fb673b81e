"""What every engine offers, and what the rooms above may ask of it. They ask capabilities, never the engine's name."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from freehold.foundation import Caller, Exit, FreeholdError

if TYPE_CHECKING:
    import pyarrow as pa
    from sqlglot import exp


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What an engine can do, stated once so that planning needs no connection.

    Attributes:
        dialect: the sqlglot dialect its SQL is written in.
        transactional_ddl: several views and rows change in one transaction or not at all.
        exact_count: `COUNT(*)` of a whole table is answered from metadata, without a scan.
        distinct_beside_aggregates: COUNT(DISTINCT) may stand beside other aggregates without blowing up.
        max_aggregates: the most aggregates one query should hold.
        max_sql_bytes: the longest statement it takes.
        hash_function: a 64-bit hash of one value, for proving uniqueness; None where there is none.
        bitstring_distinct: dense integers can be counted distinct through a bit string.
        reads_parquet_footers: Parquet statistics can be read without decoding data.
        has_rights: others than the owner of a relation are given rights on it, and lose them with it.
        estimated_distinct: counts the distinct values of a column, exactly or nearly, as cheaply as it can.
        is_finite: says whether a floating number is one.
        read_only: the statement that keeps the transaction it begins from writing; empty where there is none.
        reads_files: its SQL can read the files of an estate (`read_csv`, `read_parquet`), as DuckDB spells that; what
            an engine without it is to hold of a file is read here and loaded as Arrow.
    """

    dialect: str
    transactional_ddl: bool
    exact_count: bool
    distinct_beside_aggregates: bool = True
    max_aggregates: int = 500
    max_sql_bytes: int = 4_000_000
    hash_function: str | None = None
    bitstring_distinct: bool = False
    reads_parquet_footers: bool = False
    reads_files: bool = False
    has_rights: bool = False
    estimated_distinct: str = "count(DISTINCT {})"
    is_finite: str = "{} NOT IN ('NaN', 'Infinity', '-Infinity')"
    read_only: str = ""


@dataclass(frozen=True, slots=True)
class Relation:
    """A table or view by its place in the warehouse."""

    schema: str
    name: str
    kind: str = "table"  # table | view

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}"

    @property
    def sql(self) -> str:
        """The quoted name, valid in every dialect that quotes with double quotes."""
        return f"{quoted(self.schema)}.{quoted(self.name)}"


@dataclass(frozen=True, slots=True)
class Right:
    """What somebody was given on a relation, or on one column of it: `grantee` as SQL names them."""

    grantee: str
    privilege: str
    may_grant: bool = False
    column: str = ""

    def __str__(self) -> str:
        on = f" ({self.column})" if self.column else ""
        return f"{self.privilege}{on} to {self.grantee}"


@dataclass(frozen=True, slots=True)
class Column:
    """A column as the engine describes it; `type` in the engine's own spelling, good for a column definition.

    Names of types are in upper case, names inside a type (fields, members of an enumeration) as they were given.
    """

    name: str
    type: str
    nullable: bool = True


@dataclass(frozen=True, slots=True)
class ColumnStatistics:
    """Exact facts about a column taken from metadata; None where the metadata does not tell or is not exact."""

    nulls: int | None = None
    minimum: Any = None
    maximum: Any = None


@dataclass(frozen=True, slots=True)
class Statistics:
    """Exact facts about a relation that cost no scan. What is None must be measured."""

    rows: int | None = None
    columns: Mapping[str, ColumnStatistics] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Kept:
    """What the catalog of a warehouse keeps of a relation anyway, told without a look at its rows.

    Attributes:
        columns: in order.
        rows: how many there are, about; None where none are stored.
        inserted, written: rows that were inserted since counting began, and those with the ones that were changed;
            None where nothing counts them.
        identity: another one where the table was made anew; empty where that cannot be told.
    """

    columns: tuple[Column, ...]
    rows: int | None = None
    inserted: int | None = None
    written: int | None = None
    identity: str = ""


@dataclass(slots=True)
class Cost:
    """What a session has asked of its engine so far."""

    queries: int = 0
    seconds: float = 0.0


class Session(Protocol):
    """One conversation with an engine, on behalf of one caller. Not shared between threads."""

    caller: Caller
    cost: Cost

    def rows(self, query: str | exp.Expression, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run a query and return its rows, as Python values.

        Python cannot hold everything: nanoseconds are cut to microseconds, a month in an interval counts 30 days, and
        infinite dates come as the last (or first) that Python knows. Where that matters, ask for Arrow.
        """
        ...

    def arrow(self, query: str | exp.Expression, parameters: Sequence[Any] = ()) -> pa.Table:
        """Run a query and return an Arrow table, which keeps every value as it is (UUIDs as text)."""
        ...

    def run(self, statement: str | exp.Expression, parameters: Sequence[Any] = ()) -> int:
        """Run a statement and return how many rows it touched (0 where the engine does not say)."""
        ...

    def load(self, relation: Relation, table: pa.Table | Iterable[pa.RecordBatch], *, replace: bool = True) -> int:
        """Write Arrow data to a table, created anew if `replace`, else appended to by name; return the number of rows.

        Batches may come from a generator and are taken one at a time. The schema of the table must exist.
        """
        ...

    def move(self, table: Relation, to: Relation) -> int:
        """Give a table another schema and name, and return how many rows it has; call it in a transaction.

        The schema it goes to must exist. An engine that cannot rename across schemas copies the rows.
        """
        ...

    def within(self, seconds: float) -> AbstractContextManager[None]:
        """End any statement inside that takes longer than so many seconds: FH-E114."""
        ...

    def transaction(self) -> AbstractContextManager[None]:
        """Everything inside happens or nothing does. Not to be nested: FH-E111, and the open one goes on."""
        ...

    def replace_view(self, view: Relation, query: str) -> None:
        """Make a view show a query, whatever it showed before; call it in a transaction.

        Rights that others were given on the view stay. Where the columns change and objects of others stand on the
        view, an engine that cannot change it under them refuses (FH-E115) and names them.
        """
        ...

    def rights(self, relation: Relation) -> tuple[Right, ...]:
        """Return what others than its owner were given on a relation; nothing where the engine has no rights."""
        ...

    def grant(self, relation: Relation, rights: Sequence[Right]) -> None:
        """Give rights on a relation; those on columns that it has not are left out."""
        ...

    def granting(self, relation: Relation, right: Right) -> str:
        """Return the statement that gives a right on a relation."""
        ...

    def rename(self, relation: Relation, name: str) -> None:
        """Give a table or view another name in its schema; its rows, rights and whatever stands on it stay with it."""
        ...

    def renaming(self, relation: Relation, name: str) -> str:
        """Return the statement that gives a relation another name."""
        ...

    def standing_on(self, relation: Relation) -> tuple[str, ...]:
        """Return the objects that stand on a relation and follow it whatever its name; nothing where names decide."""
        ...

    def relations(self, schema: str | None = None) -> tuple[Relation, ...]:
        """List tables and views, of one schema or of all."""
        ...

    def describe(self, relation: Relation) -> tuple[Column, ...]:
        """Return the columns of a relation in order; empty if there is no such relation."""
        ...

    def describe_all(self, schema: str) -> dict[str, tuple[Column, ...]]:
        """Return the columns of every relation of a schema by its name: one question, however many there are."""
        ...

    def kept_of(self, schemas: Collection[str]) -> dict[tuple[str, str], Kept]:
        """Return what the catalog keeps of every relation of some schemas, by schema and name.

        One question, however many there are, and no scan.
        """
        ...

    def columns_of(self, query: str | exp.Expression) -> tuple[Column, ...]:
        """Return the columns a query would give, by binding it, without running it."""
        ...

    def statistics(self, relation: Relation) -> Statistics:
        """Return what the metadata proves about a relation, without a scan."""
        ...

    def parquet_statistics(self, paths: Sequence[str]) -> Statistics:
        """Return what the footers of Parquet files prove about all their rows together, without decoding one.

        Names are paths, not patterns. Columns of which nothing is proven are missing, or have None. Ask only an engine
        whose capability `reads_parquet_footers` is set.
        """
        ...

    def close(self) -> None:
        """Give the session back; an open transaction is rolled back."""
        ...


class Engine(Protocol):
    """A warehouse that is open."""

    capabilities: Capabilities

    def session(self, caller: Caller, tag: Mapping[str, str] | None = None) -> Session:
        """Start a session for a caller; `tag` (run, asset, purpose) goes into every statement's query tag."""
        ...

    def lent(self) -> AbstractContextManager[None]:
        """Let another process write to the warehouse inside; sessions stand still meanwhile, and go on afterwards.

        Raises:
            FreeholdError: FH-E111 a session is in a transaction; FH-E116 no other process can reach the warehouse;
                FH-E101 somebody took it meanwhile and does not give it back.
        """
        ...

    def close(self) -> None:
        """Close the warehouse and let others have it."""
        ...


def in_transaction() -> FreeholdError:
    """Return the error for giving a warehouse up in the middle of a transaction."""
    return FreeholdError(
        "FH-E111",
        "A transaction is open in this session, so the warehouse cannot be given up to another process.",
        fix="Leave it first.",
    )


def took_too_long(seconds: float) -> FreeholdError:
    """Return the error of a statement that was ended because its time was up."""
    return FreeholdError(
        "FH-E114",
        f"The statement took longer than {seconds:g} s, and was ended.",
        fix="Ask for less: fewer keys, a shorter time. The limit stands in estate.yaml, `defaults.answers`.",
        exit_code=Exit.ENVIRONMENT,
    )


def quoted(identifier: str) -> str:
    """Return an identifier in double quotes, with the quotes in it doubled."""
    return '"' + identifier.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Return a string literal in single quotes, with the quotes in it doubled."""
    return "'" + text.replace("'", "''") + "'"
