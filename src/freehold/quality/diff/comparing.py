"""The comparison, step by step: what can be told from checksums, then what must be looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sqlglot import exp

from freehold.engines import Capabilities, Relation, Session
from freehold.foundation import FreeholdError
from freehold.quality import sqltree as sql
from freehold.quality.diff.across import Across
from freehold.quality.diff.bags import BagPair
from freehold.quality.diff.digests import Digest
from freehold.quality.diff.keyed import KeyedPair, column_diffs
from freehold.quality.diff.profiles import profile_diffs
from freehold.quality.diff.result import DataDiff, KeyFaults, RowSample, Tolerance
from freehold.quality.diff.shape import Shape, described, shape_of
from freehold.quality.diff.side import MOST_BUCKETS, Bucket, Side, differing

_ROWS_OF_A_BUCKET = 256
_FEWEST, _MOST = 16, 4096
_SHARE = 8  # a list of buckets pays while it leaves out most rows


def diff(
    session_before: Session,
    relation_before: Relation,
    session_after: Session,
    relation_after: Relation,
    key: Sequence[str] = (),
    *,
    capabilities: Capabilities,
    capabilities_after: Capabilities | None = None,
    tolerances: Mapping[str, Tolerance] | None = None,
    samples: int = 5,
    profile: bool = False,
) -> DataDiff:
    """Compare two relations and return what differs.

    Args:
        session_before: reads the side before.
        relation_before: the side before.
        session_after: reads the side after; the very same session where both are in one warehouse.
        relation_after: the side after.
        key: columns that name a row; empty compares rows as bags.
        capabilities: of the engine of the side before, and after if `capabilities_after` is not given.
        capabilities_after: of the engine of the side after.
        tolerances: by column, how far apart two values may be and count as equal; a timedelta for instants.
        samples: at most so many rows of each kind are shown.
        profile: also describe every column of both sides in figures, one statement a side.

    Raises:
        FreeholdError: FH-Q101 a side is not there; FH-Q102 a column of the key, or with a tolerance, is not on both
            sides; FH-Q103 the sides have no column in common.
    """
    started = session_before.cost.queries, session_after.cost.queries
    after_can = capabilities_after or capabilities
    shape = shape_of(
        described(session_before, relation_before, "before"),
        described(session_after, relation_after, "after"),
        key,
        tolerances or {},
        (capabilities.dialect, after_can.dialect),
    )
    together = session_before is session_after
    digest = _digest(session_before, relation_before, capabilities, together=together)
    before = Side(session_before, relation_before, capabilities, shape, digest)
    after = Side(session_after, relation_after, after_can, shape, digest)
    found = _Comparison(before, after, samples, together).run()
    if profile:
        found = replace(found, profile=profile_diffs(before, after))
    asked = session_before.cost.queries - started[0]
    return replace(found, queries=asked + (0 if together else session_after.cost.queries - started[1]))


def _digest(session: Session, relation: Relation, capabilities: Capabilities, *, together: bool) -> Digest:
    """Return how rows are digested. The engine's own hash serves only within it, and only if it hashes a whole row."""
    known = session.statistics(relation).rows
    if known is None:
        source = exp.table_(relation.name, db=relation.schema, quoted=True)
        ((known,),) = session.rows(sql.fetch([sql.count()], source))
    wanted = max(_FEWEST, min(_MOST, known // _ROWS_OF_A_BUCKET))
    buckets = 1 << (wanted - 1).bit_length()
    name = capabilities.hash_function if together else None
    if name is not None:
        probe = exp.select(sql.call(name, sql.call("row", exp.Literal.number(1), exp.Literal.string("a"))))
        try:
            session.columns_of(probe)
        except FreeholdError:
            name = None
    return Digest(name, buckets)


@dataclass(frozen=True, slots=True)
class _Comparison:
    """One comparison under way."""

    before: Side
    after: Side
    most_samples: int
    together: bool

    def run(self) -> DataDiff:
        old, new = self.before.buckets(), self.after.buckets()
        buckets = differing(old, new)
        found = DataDiff(
            str(self.before.relation),
            str(self.after.relation),
            tuple(f.name for f in self._shape.key),
            sum(b.rows for b in old.values()),
            sum(b.rows for b in new.values()),
            schema=self._shape.changes,
            faults_before=self._faults(self.before, old),
            faults_after=self._faults(self.after, new),
            buckets=self.before.digest.buckets,
            buckets_differing=len(buckets),
        )
        if not buckets:
            return found
        if not self.together:
            return Across(self.before, self.after, self.most_samples).compared(found, buckets)
        few = len(buckets) <= min(MOST_BUCKETS, self.before.digest.buckets // _SHARE)
        found = replace(found, decided_by="buckets" if few else "rows")
        return self._keyed(found, buckets, few=few) if self._shape.key else self._keyless(found, buckets, few=few)

    @property
    def _shape(self) -> Shape:
        return self.before.shape

    def _faults(self, side: Side, buckets: Mapping[int, Bucket]) -> KeyFaults:
        """Return the rows that the key does not name; repeated keys are counted only if the checksums tell of some."""
        nulls = sum(b.null_keys for b in buckets.values())
        named = sum(b.rows for b in buckets.values()) - nulls
        if not self._shape.key or named == sum(b.keys for b in buckets.values()):
            return KeyFaults(nulls)
        names = [exp.column(f"k{i}") for i in range(len(self._shape.key))]
        filled = sql.both([sql.not_null(n) for n in names])
        groups = sql.fetch([sql.aliased(sql.count(), "n")], side.source().subquery("s", copy=False)).where(filled)
        groups = groups.group_by(*names).having(exp.GT(this=sql.count(), expression=exp.Literal.number(1)))
        total = exp.Coalesce(this=exp.Sum(this=exp.column("n")), expressions=[exp.Literal.number(0)])
        ((keys, rows),) = side.session.rows(sql.fetch([sql.count(), total], groups.subquery("g")))
        return KeyFaults(nulls, int(keys), int(rows))

    def _keyed(self, found: DataDiff, buckets: Sequence[int], *, few: bool) -> DataDiff:
        faulty = found.faults_before.any or found.faults_after.any
        pair = KeyedPair(self.before, self.after, buckets if few else None, faulty)
        counted = pair.counted()
        bags = self._unnamed(pair) if faulty else None
        loose = bags.counted() if bags else (0, 0)
        wanted = {"changed": counted.changed, "added": counted.added, "removed": counted.removed}
        # A few differing buckets are enough for samples, whatever was read to count.
        sampled = replace(pair, buckets=buckets[:MOST_BUCKETS])
        shown = sampled.samples({kind: min(self.most_samples, n) for kind, n in wanted.items()})
        if bags and sum(loose):
            shown += bags.samples(self.most_samples)
        matched = found.rows_before - counted.removed - loose[1]
        return replace(
            found,
            added=counted.added + loose[0],
            removed=counted.removed + loose[1],
            changed=counted.changed,
            columns=column_diffs(counted.columns, matched),
            samples=shown,
        )

    def _unnamed(self, pair: KeyedPair) -> BagPair:
        """Return the rows of both sides that the key does not name."""
        queries = []
        for side in (self.before, self.after):
            inner = side.source() if pair.buckets is None else side.rows(pair.buckets)
            columns = [exp.column(n) for n in side.names]
            queries.append(sql.fetch(columns, inner.subquery("r", copy=False)).where(pair.unnamed(), copy=False))
        return BagPair(self.before, queries[0], queries[1])

    def _keyless(self, found: DataDiff, buckets: Sequence[int], *, few: bool) -> DataDiff:
        chosen = buckets if few else None
        pair = BagPair(self.before, *(_plain(s, chosen) for s in (self.before, self.after)))
        added, removed = pair.counted()
        shown: tuple[RowSample, ...] = ()
        if self.most_samples:
            some = buckets[: max(1, 2 * self.most_samples)]
            shown = BagPair(self.before, *(_plain(s, some) for s in (self.before, self.after))).samples(
                self.most_samples
            )
        return replace(found, added=added, removed=removed, samples=shown)


def _plain(side: Side, buckets: Sequence[int] | None) -> exp.Select:
    inner = side.source() if buckets is None else side.rows(buckets)
    return sql.fetch([exp.column(n) for n in side.names], inner.subquery("r", copy=False))
