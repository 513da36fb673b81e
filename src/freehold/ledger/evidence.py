"""Evidence: the ledger as tables, as of one sealed number, in a DuckDB of this process alone.

One view for each event type (`check_completed`), one for each family (`quality_events`), and `events` for all. Views
are made when a query names them. Nothing is shared and nothing is cached but what is immutable: segments, and what is
sealed after them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from freehold.foundation import Exit, FreeholdError, near
from freehold.ledger import tables
from freehold.ledger.columns import ENVELOPE, columns
from freehold.ledger.event import EPOCH, from_micros
from freehold.ledger.reading import page
from freehold.ledger.segments import Segments

if TYPE_CHECKING:
    import pyarrow as pa

    from freehold.ledger.store import Store
    from freehold.ledger.vocabulary import Vocabulary


@dataclass(frozen=True)
class Withheld:
    """What evidence leaves out for somebody: `fields` by type of event. `why` is a sentence for them.

    Views have no such column, and `events` no payloads, where any field is left out.
    """

    fields: Mapping[str, Sequence[str]] = field(default_factory=dict)
    why: str = ""

    def __bool__(self) -> bool:
        return bool(self.fields)

    @property
    def columns(self) -> Mapping[str, str]:
        """The columns that are not there, each as it would be named, in all views: `check_completed.reason`."""
        found = {"data": ["events.data"]} if self.fields else {}
        for type_, names in self.fields.items():
            for name in names:
                found.setdefault(name, []).append(f"{type_.replace('.', '_')}.{name}")
        return {name: "` or `".join(places) for name, places in found.items()}

    def refusal(self, column: str) -> FreeholdError:
        """Return what is told to whoever asks for a column that is not there."""
        return FreeholdError(
            "FH-L405", f"`{self.columns[column]}` quotes rows, and is not told to you. {self.why}",
            fix="Ask without that column, or have it asked by somebody from whom no policy hides anything.",
        )  # fmt: skip


_NOTHING = Withheld()
SEALED = "segment.sealed"


class Evidence:
    """What was known as of `seq`. `instant` is that moment: as asked for, else when the event `seq` was recorded.

    Attributes:
        seq: the sealed number that bounds every view; write it beside whatever is computed.
        columns: the names of the columns of the last query.
        withheld: what its views leave out.
    """

    withheld = _NOTHING

    def __init__(
        self, store: Store, vocabulary: Vocabulary, seq: int, instant: datetime | None = None,
        withheld: Withheld = _NOTHING,
    ) -> None:  # fmt: skip
        import duckdb

        self.seq = seq
        self.withheld = withheld
        self.columns: tuple[str, ...] = ()
        self.instant = instant or _recorded_at(store, seq)
        self._store = store
        self._vocabulary = vocabulary
        self._duckdb = duckdb.connect()
        self._duckdb.execute("SET TimeZone = 'UTC'")
        self._segments = Segments(store, vocabulary, self._duckdb)
        self._parts = self._segments.upto(seq)
        tail = store.tail.between(store, self._parts[-1].last_seq if self._parts else 0, seq)
        self._duckdb.register("_tail", tail)
        self._types = {*tail["type"].unique().to_pylist()}.union(*(part.files for part in self._parts))
        self._made: set[str] = set()
        self._families = {f"{family}_events": names for family, names in vocabulary.families.items()}
        self._by_view = {name.replace(".", "_"): name for name in vocabulary.names}

    @property
    def views(self) -> tuple[str, ...]:
        """The names of all views."""
        return self._vocabulary.views

    def has(self, type: str) -> bool:
        """Tell whether an event of a type was ever received."""
        return bool(self._raw_files(type)) if self._vocabulary[type].is_raw else type in self._types

    @property
    def folder(self) -> Path:
        """The folder of the state, beside which what was computed from it may be kept."""
        return self._store.folder

    def version(self, views: Iterable[str]) -> str:
        """Return what changes when an event comes that some views show, or when they are made otherwise.

        It names the last event of their types up to `seq`. Of raw types a segment of any type counts.
        """
        types, texts = self._behind(views)
        last = page(self._store, 0, self.seq, types, {}, (None, None), True, 1) if types else ()
        where = f"{self._store.place} {self._store.workspace}"
        return "\n".join((where, *(f"{row.seq} {row.id} {row.recorded_at}" for row in last), *texts))

    def _behind(self, views: Iterable[str]) -> tuple[list[str], list[str]]:
        """Return the types of the events that views show, and the text of those that stand on others."""
        types, texts, waiting = set[str](), list[str](), sorted(set(views), reverse=True)
        seen = set(waiting)
        while waiting:
            view = waiting.pop()
            if view in self._vocabulary.derived:
                texts.append(self._vocabulary.derived[view])
                below = {*re.findall(r"\w+", texts[-1])} & {*self.views} - seen
                waiting += sorted(below)
                seen |= below
            elif view == "events":
                types.update(self._vocabulary.names)
            else:
                types.update(self._families.get(view, (self._by_view[view],) if view in self._by_view else ()))
        raw = {name for name in types if self._vocabulary[name].is_raw}
        return sorted(types - raw | ({SEALED} if raw else set())), texts

    def query(self, sql: str, parameters: Sequence[Any] | dict[str, Any] = ()) -> list[tuple[Any, ...]]:
        """Run a query over the views and return its rows; `columns` has their names.

        Raises:
            FreeholdError: FH-L404 when DuckDB does not take the query, with the near matches of a view it names;
                FH-L405 it asks for a column that is withheld.
        """
        import duckdb

        try:
            self._make_views(re.findall(r"\w+", sql))
            answer = self._duckdb.execute(sql, parameters or None)
            self.columns = tuple(column[0] for column in answer.description or ())
            return answer.fetchall()
        except duckdb.Error as error:
            absent = re.search(r'[Cc]olumn (?:named )?"(\w+)"', str(error))
            if absent and absent[1].lower() in self.withheld.columns:
                raise self.withheld.refusal(absent[1].lower()) from error
            missing = re.search(r"Table with name (\w+) does not exist", str(error))
            hint = near(missing[1], self.views) if missing else ""
            fix = hint or "See docs/reference/events.md for the views and their columns."
            raise FreeholdError("FH-L404", f"Evidence cannot answer: {error}", fix=fix, exit_code=Exit.USAGE) from error

    def lend(self, name: str, table: pa.Table) -> None:
        """Let queries read a table of the caller's beside the views, in place of an earlier one of that name."""
        self._duckdb.register(name, table)

    def columns_of(self, view: str) -> dict[str, str]:
        """Return the columns of a view with their types.

        Raises:
            FreeholdError: FH-L404 for a view that is not there.
        """
        if view not in self.views:
            fix = near(view, self.views) or f"Some views: {', '.join(self.views[:8])}."
            raise FreeholdError("FH-L404", f"There is no view `{view}`.", fix=fix, exit_code=Exit.USAGE)
        self._make_views([view])
        return {row[0]: row[1] for row in self._duckdb.execute(f"DESCRIBE {view}").fetchall()}

    def close(self) -> None:
        """Let go of the memory."""
        self._duckdb.close()

    def __enter__(self) -> Evidence:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _make_views(self, words: Iterable[str]) -> None:
        for word in dict.fromkeys(words):
            if word in self._made:
                continue
            if word in self._by_view:
                type_ = self._by_view[word]
                self._create(word, _without(self._of_type(type_), self.withheld.fields.get(type_, ())))
            elif word in self._families:
                self._create(word, self._of_family(self._families[word]))
            elif word == "events":
                self._create(word, _without(self._of_all(), ("data",) if self.withheld else ()))
            elif word in self._vocabulary.derived:
                sql = self._vocabulary.derived[word]
                self._make_views(re.findall(r"\w+", sql))
                self._create(word, sql)

    def _create(self, name: str, sql: str) -> None:
        self._duckdb.execute(f'CREATE VIEW "{name}" AS {sql}')
        self._made.add(name)

    def _of_type(self, name: str) -> str:
        if self._vocabulary[name].is_raw:
            return self._of_raw(name)
        files = [part.files[name] for part in self._parts if name in part.files]
        tail = self._segments.select(name, "_tail")
        return f"SELECT * FROM {_parquet(files)} UNION ALL {tail}" if files else tail

    def _of_family(self, names: Sequence[str]) -> str:
        views = [name.replace(".", "_") for name in names]
        self._make_views(views)
        parts = (
            f"SELECT {_told_apart(self._vocabulary[n].fields)} FROM {v}" for n, v in zip(names, views, strict=True)
        )
        return " UNION ALL BY NAME ".join(parts)

    def _of_all(self) -> str:
        """Return the envelopes of everything, the payload as JSON."""
        files: dict[str, list[Path]] = {}
        for part in self._parts:
            for name, path in part.files.items():
                files.setdefault(name, []).append(path)
        parts = [f"SELECT {self._envelope(name)} FROM {_parquet(paths)}" for name, paths in sorted(files.items())]
        return " UNION ALL ".join([*parts, f"SELECT {', '.join(ENVELOPE)} FROM _tail"])

    def _envelope(self, name: str) -> str:
        fields = self._vocabulary[name].fields if name in self._vocabulary else {}
        return ", ".join(f'"event_{n}" AS "{n}"' if n in fields else f'"{n}"' for n in ENVELOPE)

    def _of_raw(self, name: str) -> str:
        """Return a raw type: its files up to `seq`, each row with the number and time of the event that sealed it."""
        found = self._raw_files(name)
        wanted = columns(self._vocabulary[name])
        if not found:
            return _empty(wanted)
        sealed = ", ".join(f"('{path}', {seq}, TIMESTAMP '{at}')" for path, seq, at in found)
        files = _parquet([Path(path) for path, _, _ in found], "union_by_name = true, filename = true")
        given = self._duckdb.execute(f"DESCRIBE SELECT * FROM {files}").fetchall()
        there = {row[0] for row in given}
        replaced = {"seq": "s.seq", "recorded_at": "s.recorded_at"}
        shown = [f'{replaced.get(n) or _column(n, type_, n in there)} AS "{n}"' for n, type_ in wanted.items()]
        joined = f"{files} r JOIN (VALUES {sealed}) s(filename, seq, recorded_at) ON r.filename = s.filename"
        return f"SELECT {', '.join(shown)} FROM {joined}"

    def _raw_files(self, name: str) -> list[tuple[str, int, str]]:
        """Return path, number and time of the segments of a raw type that are within `seq`."""
        event = tables.event.c
        mine = (event.workspace == self._store.workspace, event.type == SEALED, event.seq <= self.seq)
        with self._store.read() as connection:
            query = select(event.seq, event.recorded_at, event.data).where(*mine).order_by(event.seq)
            rows = [(json.loads(row.data), row) for row in connection.execute(query)]
        return [
            (str(self._store.folder / said["path"]), row.seq, from_micros(row.recorded_at).strftime("%F %T.%f"))
            for said, row in rows
            if said["type"] == name
        ]


class NoEvidence(Evidence):
    """The evidence of a ledger in which nothing has happened yet: each view with its columns and without a row.

    It needs no ledger, so that queries can be judged, and what is made of them be tried, before there is one.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        import duckdb

        self.seq = 0
        self.columns = ()
        self.instant = EPOCH
        self._vocabulary = vocabulary
        self._duckdb = duckdb.connect()
        self._types = set()
        self._made = set()
        self._families = {f"{family}_events": names for family, names in vocabulary.families.items()}
        self._by_view = {name.replace(".", "_"): name for name in vocabulary.names}

    def version(self, views: Iterable[str]) -> str:  # noqa: ARG002 nothing ever changes them
        """Return nothing: there is nothing that would be worth keeping."""
        return ""

    def _of_type(self, name: str) -> str:
        return _empty(columns(self._vocabulary[name]))

    def _of_all(self) -> str:
        return _empty(ENVELOPE)

    def _raw_files(self, name: str) -> list[tuple[str, int, str]]:  # noqa: ARG002 there are none of any type
        return []


def _without(sql: str, names: Sequence[str]) -> str:
    left_out = ", ".join(f'"{name}"' for name in names)
    return f"SELECT * EXCLUDE ({left_out}) FROM ({sql})" if names else sql


def _empty(wanted: Mapping[str, str]) -> str:
    return "SELECT " + ", ".join(f'NULL::{type_} AS "{n}"' for n, type_ in wanted.items()) + " WHERE false"


def _column(name: str, type_: str, there: bool) -> str:
    return f'CAST(r."{name}" AS {type_})' if there else f"NULL::{type_}"


def _told_apart(fields: Iterable[str]) -> str:
    """Name the event's type `event_type` in a family's view, whichever type it comes from."""
    return "*" if "type" in fields else "*, type AS event_type"


def _parquet(files: Sequence[Path], options: str = "") -> str:
    names = ", ".join("'" + str(path).replace("'", "''") + "'" for path in files)
    return f"read_parquet([{names}]{', ' + options if options else ''})"


def _recorded_at(store: Store, seq: int) -> datetime:
    event = tables.event.c
    with store.read() as connection:
        at = select(event.recorded_at).where(event.workspace == store.workspace, event.seq == seq)
        found = connection.execute(at).scalar()
    return EPOCH if found is None else from_micros(found)
