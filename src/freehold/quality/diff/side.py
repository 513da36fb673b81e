"""One relation as the comparison reads it: its columns renamed k0 … and c0 …, in the types both sides share."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlglot import exp

from freehold.engines import Capabilities, Relation, Session
from freehold.quality import sqltree as sql
from freehold.quality.diff.digests import BUCKET, KEY_DIGEST, ROW_DIGEST, Digest
from freehold.quality.diff.shape import Field, Shape

# Past this many, a list of buckets costs more than it saves: everything is read.
MOST_BUCKETS = 512


@dataclass(frozen=True, slots=True)
class Bucket:
    """What one bucket of a side holds: rows, rows with an empty key, keys, and the sum of the rows' digests."""

    rows: int
    null_keys: int
    keys: int
    checksum: int


@dataclass(frozen=True, slots=True)
class Side:
    """A relation, the session that reads it, and the digest its rows are told by."""

    session: Session
    relation: Relation
    capabilities: Capabilities
    shape: Shape
    digest: Digest

    @property
    def names(self) -> list[str]:
        """The names that the columns have in every query: of the key first."""
        return [f"k{i}" for i in range(len(self.shape.key))] + [f"c{i}" for i in range(len(self.shape.fields))]

    def source(self) -> exp.Select:
        """Return the query of all rows, under the names and in the types of the comparison."""
        trees = [self._read(field) for field in self.shape.all]
        chosen = [sql.aliased(tree, name) for tree, name in zip(trees, self.names, strict=True)]
        return sql.fetch(chosen, exp.table_(self.relation.name, db=self.relation.schema, quoted=True))

    def rows(self, buckets: Collection[int] | None = None) -> exp.Select:
        """Return the query of all rows with bucket and digests, or of those of some buckets."""
        numbered = self.digest.numbered(self.source(), self.shape.key, self.shape.fields, self.names)
        if buckets is None:
            return numbered
        columns = [exp.column(n) for n in (*self.names, KEY_DIGEST, ROW_DIGEST, BUCKET)]
        chosen = exp.In(this=exp.column(BUCKET), expressions=[exp.Literal.number(b) for b in sorted(buckets)])
        return sql.fetch(columns, numbered.subquery("n", copy=False)).where(chosen, copy=False)

    def buckets(self) -> dict[int, Bucket]:
        """Ask for the sums of every bucket: one scan."""
        numbered = self.digest.numbered(self.source(), self.shape.key, self.shape.fields, self.names)
        nulls = any_null(self.shape.key)
        keyed = exp.Case(ifs=[exp.If(this=nulls.copy(), true=exp.Null())], default=exp.column(KEY_DIGEST))
        keys = sql.count_distinct(keyed) if self.shape.key else exp.Literal.number(0)
        # 64 bits, summed over many rows, need more than 64; an engine's own hash is unsigned or it widens sums itself.
        digest: exp.Expr = exp.column(ROW_DIGEST)
        if self._across:
            digest = exp.Cast(this=digest, to=exp.DataType.build("DECIMAL(38, 0)"))
        sums = [exp.column(BUCKET), sql.count(), sql.count_case(nulls), keys, exp.Sum(this=digest)]
        query = sql.fetch(sums, numbered.subquery("n", copy=False)).group_by(exp.column(BUCKET), copy=False)
        return {int(b): Bucket(rows, nil, keys, int(total)) for b, rows, nil, keys, total in self.session.rows(query)}

    def _read(self, field: Field) -> exp.Expr:
        tree: exp.Expr = exp.column(field.name, quoted=True)
        if field.common is not None and not self._across:
            tree = exp.Cast(this=tree, to=exp.DataType.build(field.common, dialect=self.capabilities.dialect))
        return tree

    @property
    def _across(self) -> bool:
        """Whether digests are portable: then it is their canonical form that makes types agree."""
        return self.digest.function is None


def any_null(key: Sequence[Field]) -> exp.Expr:
    """Return the condition that a part of the key is empty."""
    tests: list[exp.Expr] = [sql.is_null(exp.column(f"k{i}")) for i in range(len(key))]
    return sql.either(tests) if tests else exp.false()


def differing(before: dict[int, Bucket], after: dict[int, Bucket]) -> list[int]:
    """Return the buckets that do not hold the same rows."""
    return sorted(b for b in {*before, *after} if before.get(b) != after.get(b))
