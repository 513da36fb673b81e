"""Building one candidate beside what is live. Nothing here decides whether it is good, or makes it live."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from freehold.delivery.asset import Asset, Kind
from freehold.delivery.files import FileVersion, explained_by_file, reading
from freehold.delivery.interval import Interval, hull
from freehold.delivery.orders import Made
from freehold.delivery.origins import Origins
from freehold.delivery.overlay import Overlay, fingerprint, physical_name, version_of
from freehold.delivery.publication import Publication
from freehold.delivery.python_model import Worker
from freehold.delivery.release import BATCH, STORE, Candidate
from freehold.delivery.step import Step
from freehold.engines import Column, Engine, Relation, Session, quoted
from freehold.foundation import LOCAL, Clock, Exit, FreeholdError, Where

if TYPE_CHECKING:
    import pyarrow as pa

_EARLIEST = "0001-01-01 00:00:00"
_LATEST = "9999-12-31 00:00:00"


Shape = tuple[str, str, tuple[tuple[Column, ...], ...]]


class Builder:
    """Builds the steps of one run."""

    def __init__(
        self,
        root: Path,
        publication: Publication,
        overlay: Overlay,
        assets: Mapping[str, Asset],
        worker: Worker,
        bound: dict[Shape, tuple[Column, ...]],
        origins: Origins,
        files: Engine | None = None,
    ) -> None:
        self._root = root
        self._publication = publication
        self._overlay = overlay
        self._assets = assets
        self._worker = worker
        self._bound = bound
        self._origins = origins
        self._files = files
        self.made: dict[str, Made] = {}  # what came of what another tool was ordered to build

    def build(
        self, session: Session, step: Step, id_: int, run_id: str, clock: Clock, file: FileVersion | None
    ) -> tuple[Candidate, str]:
        """Build a step in one transaction; return the candidate, and the query of one that stores nothing.

        Raises:
            FreeholdError: what the engine or the model says, placed in the model's file. Nothing is left behind.
        """
        try:
            if step.asset.by_interval:
                return self._batch(session, step, id_, run_id, clock, file), ""
            return self._table(session, step, id_, run_id, clock, file)
        except FreeholdError as error:
            if error.exit_code is Exit.ENVIRONMENT:
                raise
            told = explained_by_file(error, self._root, step.asset, file) if file is not None else error
            told.where = _placed(told.where, step, file)
            raise told from (None if told is error else error)

    def refused(self, session: Session, step: Step, id_: int, run_id: str, clock: Clock) -> Candidate:
        """Remember input that could not even be read: a candidate without rows."""
        candidate = self._candidate(step, id_, "", 0, run_id, clock)
        self._publication.stage(session, candidate)
        return candidate

    def _batch(
        self, session: Session, step: Step, id_: int, run_id: str, clock: Clock, file: FileVersion | None
    ) -> Candidate:
        if file is not None and self._files is not None:
            return self._loaded_batch(session, step, id_, run_id, clock, self._rows_of(step, file))
        query = self._query(step, file)
        columns = self._columns(session, step, query)
        physical = self._table_for(step, columns)
        table = f"{STORE}.{quoted(physical)}"
        with session.transaction():
            if physical not in self._overlay.columns:
                typed = ", ".join(f"{quoted(c.name)} {c.type}" for c in columns)
                session.run(f"CREATE TABLE IF NOT EXISTS {table} ({BATCH} BIGINT, {typed})")
            names = ", ".join(quoted(c.name) for c in columns)
            into = ", ".join(quoted(c.name) for c in self._overlay.columns.get(physical, columns))
            rows = session.run(f"INSERT INTO {table} ({BATCH}, {into}) SELECT {id_}, {names} FROM ({query}) AS fresh")
            candidate = self._candidate(step, id_, physical, rows, run_id, clock)
            self._publication.stage(session, candidate)
        self._overlay.columns.setdefault(physical, columns)
        return candidate

    def _table_for(self, step: Step, columns: tuple[Column, ...]) -> str:
        """Return the table for the rows of an interval: the one that stands, unless definition or columns are others.

        Case is no difference: the same meaning in other words may spell a column `AMOUNT`.
        """
        standing = self._overlay.standing(step.asset.id)
        newest = standing[next(reversed(standing))] if standing else None
        if newest is not None and newest.definition == step.definition:
            known = self._overlay.columns.get(newest.physical, ())
            if [(c.name.casefold(), c.type) for c in known] == [(c.name.casefold(), c.type) for c in columns]:
                return newest.physical
        return physical_name(step.asset.id, fingerprint(step.definition, str(columns)))

    def _rows_of(self, step: Step, file: FileVersion) -> pa.Table:
        """Read a file here, for a warehouse that does not see it."""
        assert self._files is not None
        session = self._files.session(LOCAL, {"asset": step.asset.id})
        try:
            return session.arrow(reading(self._root, step.asset, file))
        finally:
            session.close()

    def _loaded_batch(
        self, session: Session, step: Step, id_: int, run_id: str, clock: Clock, rows: pa.Table
    ) -> Candidate:
        """Load the rows of one interval into the table they share with the others."""
        import pyarrow as pa

        physical = physical_name(step.asset.id, fingerprint(step.definition, str(rows.schema)))
        relation = Relation(STORE, physical)
        marked = rows.add_column(0, BATCH, pa.repeat(pa.scalar(id_, pa.int64()), rows.num_rows))
        with session.transaction():
            is_new = physical not in self._overlay.columns and not session.describe(relation)
            session.load(relation, marked, replace=is_new)
            candidate = self._candidate(step, id_, physical, rows.num_rows, run_id, clock)
            self._publication.stage(session, candidate)
            if physical not in self._overlay.columns:
                described = session.describe(relation)
        if physical not in self._overlay.columns:
            self._overlay.columns[physical] = tuple(c for c in described if c.name != BATCH)
        return candidate

    def _table(
        self, session: Session, step: Step, id_: int, run_id: str, clock: Clock, file: FileVersion | None
    ) -> tuple[Candidate, str]:
        asset = step.asset
        physical = physical_name(asset.id, f"{step.key}_{id_}")
        relation = Relation(STORE, physical)
        if asset.is_ordered and (error := self._of_order(asset).error) is not None:
            raise error
        if asset.kind is Kind.VIEW:
            query = self._query(step, file)
            candidate = self._candidate(step, id_, "", 0, run_id, clock)
            with session.transaction():
                self._publication.stage(session, candidate)
            return candidate, query
        if asset.is_ordered:
            return self._taken_over(session, step, id_, run_id, clock, relation), ""
        rows: object = self._python(session, asset) if asset.python else None
        if file is not None and self._files is not None:
            rows = self._rows_of(step, file)
        seen = self._seen(asset) if asset.kind is Kind.KEY else ()
        came = self._continues(session, step)
        query = "" if rows is not None else self._query(step, file, came)
        if came is not None:
            query = self._merged(session, step, query)
        with session.transaction():
            if rows is not None:
                count = session.load(relation, rows)
            else:
                count = session.run(f"CREATE TABLE {relation.sql} AS {query}")
            candidate = self._candidate(step, id_, physical, count, run_id, clock, seen)
            self._publication.stage(session, candidate)
        self._overlay.columns[physical] = self._described(session, step, relation)
        return candidate, ""

    def _of_order(self, asset: Asset) -> Made:
        """Return what came of an order; a step that was not foreseen when it was given is left to the next run."""
        return self.made.get(asset.id) or Made(
            error=FreeholdError(
                "FH-D225",
                f"`{asset.id}` was not ordered: what it reads came out otherwise than was foreseen.",
                where=asset.where,
                fix="Run again; it starts from what stands now.",
            )
        )

    def _taken_over(
        self, session: Session, step: Step, id_: int, run_id: str, clock: Clock, relation: Relation
    ) -> Candidate:
        """Take the table that another tool has made into the store."""
        place = self._of_order(step.asset).relation
        assert place is not None, "a tool names a table, or says why there is none"
        with session.transaction():
            count = session.move(place, relation)
            candidate = self._candidate(step, id_, relation.name, count, run_id, clock)
            self._publication.stage(session, candidate)
        self._overlay.columns[relation.name] = session.describe(relation)
        return candidate

    def _query(self, step: Step, file: FileVersion | None, came: list[Interval] | None = None) -> str:
        """Return the query of a step; `came` are the new intervals that a by-key asset goes on with."""
        asset = step.asset
        if file is not None:
            return reading(self._root, asset, file)
        assert asset.compiled is not None
        span = step.interval
        relations = {name: self._overlay.reading(self._assets[name], span) for name in asset.inputs}
        standing = self._overlay.standing(asset.id)
        again = came is not None if asset.kind is Kind.KEY else bool(standing)
        start, end = (step.interval.start, step.interval.end) if step.interval else (None, None)
        if asset.kind is Kind.KEY:
            changed = hull(came or [])
            start, end = (changed.start, changed.end) if changed else (None, None)
        this = self._overlay.reading(asset) if again else ""
        return asset.compiled.fill(
            relations, again=again, this=this, start=str(start or _EARLIEST), end=str(end or _LATEST)
        )

    def _merged(self, session: Session, step: Step, query: str) -> str:
        """Return the old rows of a by-key asset with those of the same keys replaced by the query's, both by name."""
        asset = step.asset
        keys = ", ".join(quoted(k) for k in asset.unique_key)
        old = self._overlay.reading(asset)
        before = [c.name for c in self._overlay.columns[self._overlay.physical(asset.id)]]
        after = [c.name for c in self._columns(session, step, query)]
        names = tuple(dict.fromkeys([*before, *after]))
        return (
            f"WITH fresh AS MATERIALIZED ({query}) SELECT {_named(names, before)} FROM {old} AS old "
            f"WHERE NOT EXISTS (SELECT 1 FROM fresh WHERE {self._equal(asset.unique_key)}) "
            f"UNION ALL SELECT {_named(names, after)} FROM fresh ORDER BY {keys}"
        )

    def _equal(self, keys: Sequence[str]) -> str:
        return " AND ".join(f"fresh.{quoted(k)} IS NOT DISTINCT FROM old.{quoted(k)}" for k in keys)

    def _continues(self, session: Session, step: Step) -> list[Interval] | None:
        """Return the new intervals that a by-key asset can go on with from what stands, or None if it cannot.

        It can when it means the same and its inputs only grew. Where an interval was replaced or taken back, keys may
        have gone that no model can name, so all is built anew.
        """
        standing = self._overlay.standing(step.asset.id).get(None)
        if step.asset.kind is not Kind.KEY or standing is None or standing.definition != step.definition:
            return None
        return self._came(session, standing)

    def _python(self, session: Session, asset: Asset) -> object:
        tables = {
            self._assets[name].name: session.arrow(f"SELECT * FROM {self._overlay.reading(self._assets[name])} AS t")
            for name in asset.inputs
        }
        span = (_EARLIEST, _LATEST)
        return self._worker.run(asset.where.path, asset.python or "", tables, asset.config, span)

    def _columns(self, session: Session, step: Step, query: str) -> tuple[Column, ...]:
        """Return the columns of a query, bound once for each shape of its inputs."""
        key = self._shape(step)
        if key not in self._bound or (step.asset.kind is Kind.SOURCE and step.asset.schema is None):
            self._bound[key] = session.columns_of(query)
        return self._bound[key]

    def _described(self, session: Session, step: Step, relation: Relation) -> tuple[Column, ...]:
        """Return the columns of a table just built, asked for once for each shape of its inputs."""
        key = self._shape(step)
        if key not in self._bound or step.asset.compiled is None:
            self._bound[key] = session.describe(relation)
        return self._bound[key]

    def _shape(self, step: Step) -> Shape:
        """Return what the columns of a step follow from: what it is, and the columns it reads."""
        read = (self._overlay.columns.get(self._overlay.physical(name), ()) for name in step.asset.inputs)
        return (step.asset.id, step.definition, tuple(read))

    def _seen(self, asset: Asset) -> tuple[tuple[str, str, int], ...]:
        """Return which epochs a by-key asset has taken in, so that the next run knows what changed since."""
        seen = []
        for name in asset.inputs:
            if self._assets[name].by_interval:
                live = self._overlay.live.get(name)
                epoch = (live.epoch if live else 0) + (1 if name in self._overlay.accepted() else 0)
                seen.append((self._publication.env, name, epoch))
        return tuple(seen)

    def _came(self, session: Session, before: Candidate) -> list[Interval] | None:
        """Return the intervals that came to the inputs since a version was built; None if any was replaced or went."""
        intervals: list[Interval] = []
        for env, above, epoch in before.seen:
            then = self._publication.members_at(session, above, epoch, env=env)
            if version_of(above, then) not in before.inputs:  # some of it was collected: nobody can say what changed
                return None
            now = {c.id: c.interval for c in self._overlay.standing(above).values()}
            if then.keys() - now.keys():
                return None
            intervals += [i for id_, i in now.items() if id_ not in then and i is not None]
        return intervals

    def _candidate(
        self,
        step: Step,
        id_: int,
        physical: str,
        rows: int,
        run_id: str,
        clock: Clock,
        seen: tuple[tuple[str, str, int], ...] = (),
    ) -> Candidate:
        return Candidate(
            id=id_,
            asset=step.asset.id,
            physical=physical,
            definition=step.definition,
            interval=step.interval,
            step_key=step.key,
            inputs=step.inputs,
            rows=rows,
            run_id=run_id,
            built_at=clock.now(),
            origin=None if step.is_again else self._origins.of(step, self._overlay),
            seen=seen,
        )


def _named(names: Sequence[str], there: Collection[str]) -> str:
    """Return the names as a select list, with NULL for each that is not there."""
    return ", ".join(quoted(name) if name in there else f"NULL AS {quoted(name)}" for name in names)


def _placed(where: Where | None, step: Step, file: FileVersion | None) -> Where:
    """Return the place in the file a person wrote: the engine only knows the text it was given."""
    if where is not None and where.path != "<sql>":
        return where
    return Where(file.path) if file is not None else step.asset.where
