"""What a run reads: what is live, with what this run has built and found good laid over it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from freehold.delivery.asset import NOT_BUILT, Asset, Kind
from freehold.delivery.interval import Interval
from freehold.delivery.release import BATCH, STORE, Candidate, Live
from freehold.engines import Column, quoted


@dataclass(slots=True)
class Overlay:
    """The standing candidates of every asset. Only `accept` changes it.

    `columns` are the columns of each physical table, without the batch column.
    """

    live: Mapping[str, Live]
    now: str = ""  # what names the versions of tables that others change whenever they like
    columns: dict[str, tuple[Column, ...]] = field(default_factory=dict)
    _standing: dict[str, dict[Interval | None, Candidate]] = field(default_factory=dict)
    _accepted: dict[str, list[Candidate]] = field(default_factory=dict)
    _views: dict[str, str] = field(default_factory=dict)

    def standing(self, asset: str) -> dict[Interval | None, Candidate]:
        """Return the candidates of an asset that count now, by interval."""
        if asset not in self._standing:
            live = self.live.get(asset)
            self._standing[asset] = {m.interval: m for m in live.members} if live else {}
        return self._standing[asset]

    def accept(self, candidate: Candidate, view: str = "") -> None:
        """Let everything built from now on read this candidate; `view` is the query of one that stores nothing."""
        self._views[candidate.asset] = view
        standing = self.standing(candidate.asset)
        if candidate.interval is None or any(c.physical != candidate.physical for c in standing.values()):
            standing.clear()  # a new table takes the place of the old one whole
        standing[candidate.interval] = candidate
        self._accepted.setdefault(candidate.asset, []).append(candidate)

    def physical(self, asset: str) -> str:
        """Return the table the standing candidates are in; empty if there are none."""
        standing = self.standing(asset)
        return next(reversed(standing.values())).physical if standing else ""

    def in_batches(self, asset: Asset) -> bool:
        """Say whether what stands is rows by interval, however the model says today that it should be kept."""
        standing = self.standing(asset.id)
        return None not in standing if standing else asset.by_interval

    def is_otherwise(self, asset: Asset) -> bool:
        """Say whether what stands is kept in another way than the model says: it was published by an earlier one."""
        return asset.kind not in NOT_BUILT and self.in_batches(asset) != asset.by_interval

    def accepted(self) -> dict[str, list[Candidate]]:
        """Return what was accepted and not yet settled, by asset."""
        return self._accepted

    def settled(self, live: Mapping[str, Live]) -> None:
        """Start over from what is live after a settlement."""
        self.live = live
        self._standing.clear()
        self._accepted = {}
        self._views.clear()

    def version(self, asset: Asset) -> str:
        """Return the name of the version that stands now, as an input of what reads it."""
        if asset.kind is Kind.EXTERNAL:
            return f"{asset.id}~{self.now}"
        standing = self.standing(asset.id)
        if not self.in_batches(asset):
            only = standing.get(None)
            return only.name if only else f"{asset.id}@0"
        return version_of(asset.id, (c.id for c in standing.values()))

    def versions_in(self, asset: Asset, interval: Interval) -> list[str]:
        """Return the versions of the intervals of an asset that lie in an interval."""
        return [c.name for c in self.candidates_in(asset, interval)]

    def candidates_in(self, asset: Asset, interval: Interval | None = None) -> list[Candidate]:
        """Return what stands of an asset: in an interval, or all of it."""
        standing = self.standing(asset.id)
        if interval is None:
            return list(standing.values())
        exact = standing.get(interval)
        if exact is not None:
            return [exact]
        found = (c for c in standing.values() if c.interval and c.interval.overlaps(interval))
        return sorted(found, key=lambda c: c.id)

    def reading(self, asset: Asset, interval: Interval | None = None) -> str:
        """Return SQL, fit to stand where a table may, of what stands now (of an interval, if given).

        It is read as it was built: an asset that was published by an earlier model may be kept in another way than its
        model says today.
        """
        if asset.kind is Kind.EXTERNAL:
            return asset.relation.sql
        standing = self.standing(asset.id)
        if self.in_batches(asset):
            cut = interval if asset.by_interval else None
            chosen = [c for c in standing.values() if cut is None or (c.interval and c.interval.overlaps(cut))]
            return self.rows_of(asset, [c.id for c in chosen])
        only = standing.get(None)
        if only is None:
            return f"(SELECT {self._empty(asset)} WHERE false)"
        if not only.physical:
            return f"({self._views.get(asset.id) or self.live[asset.id].view_sql})"
        return f"{STORE}.{quoted(only.physical)}"

    def rows_of(self, asset: Asset, candidates: Iterable[int]) -> str:
        """Return SQL of the rows of some batches of an interval asset."""
        physical = self.physical(asset.id)
        listed = ", ".join(str(i) for i in sorted(candidates))
        if not physical or not listed:
            return f"(SELECT {self._empty(asset)} WHERE false)"
        return batches(physical, self.columns[physical], listed)

    def batch(self, candidate: Candidate) -> str:
        """Return SQL of the rows of one candidate of an interval asset."""
        return batches(candidate.physical, self.columns[candidate.physical], str(candidate.id))

    def beside(self, candidate: Candidate) -> str | None:
        """Return SQL of the rows that would stay live beside a candidate; None where there are none."""
        others = [
            c.id
            for interval, c in self.standing(candidate.asset).items()
            if interval != candidate.interval and c.physical == candidate.physical
        ]
        listed = ", ".join(str(i) for i in others)
        return batches(candidate.physical, self.columns[candidate.physical], listed) if listed else None

    def table(self, candidate: Candidate) -> str:
        """Return the table of a candidate that has one of its own."""
        return f"{STORE}.{quoted(candidate.physical)}"

    def _empty(self, asset: Asset) -> str:
        known = self.columns.get(self.physical(asset.id))
        if known:
            return ", ".join(f"CAST(NULL AS {c.type}) AS {quoted(c.name)}" for c in known)
        return ", ".join(f"NULL AS {quoted(p.column)}" for p in asset.schema.columns) if asset.schema else "NULL AS x"


def batches(physical: str, columns: Iterable[Column], chosen: str) -> str:
    """Return SQL of the rows of chosen batches (a list of numbers, or a SELECT of them), without the batch column."""
    names = ", ".join(quoted(c.name) for c in columns)
    return f"(SELECT {names} FROM {STORE}.{quoted(physical)} WHERE {BATCH} IN ({chosen}))"


def version_of(asset: str, candidates: Iterable[int]) -> str:
    """Return the name of a set of batches, as an input of what reads them."""
    ids = ",".join(str(i) for i in sorted(candidates))
    return f"{asset}#{hashlib.sha256(ids.encode()).hexdigest()[:16]}"


def physical_name(asset: str, fingerprint: str) -> str:
    """Return the name of a table of the store."""
    return f"{asset.replace('.', '__')}__{fingerprint}"


def fingerprint(*parts: str) -> str:
    """Return 16 hexadecimal digits that stand for these texts."""
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:16]
