"""The catalog of one estate: brought up to date, asked, dropped and made anew, behind one object."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from freehold.catalog import consuming, happening, impact, neighbourhood, projecting, walking
from freehold.catalog.asking import Found, Question
from freehold.catalog.consuming import Consumer
from freehold.catalog.entry import KINDS, Allowed, Description, Key
from freehold.catalog.happening import Readers, Use
from freehold.catalog.index import Index
from freehold.catalog.memory import Memory
from freehold.catalog.naming import Start, resolved
from freehold.catalog.openlineage.asking import Book
from freehold.catalog.openlineage.drawing import drawn, everything, our_names, renamed
from freehold.catalog.openlineage.keeping import Touched
from freehold.catalog.projecting import Written
from freehold.catalog.searching import Search, scopes_seen
from freehold.catalog.store import Store, one_view, stamp, stamped, transaction
from freehold.foundation import Clock, Exit, FreeholdError, SystemClock
from freehold.ledger.event import from_micros, micros

if TYPE_CHECKING:
    from freehold.ledger import Ledger


@dataclass(frozen=True, slots=True)
class Told:
    """What files say: the digests of what was read, and how to make a description of it, should they differ.

    `read_from` has a digest for everything the description follows from, so that where none differs nothing is made.
    """

    read_from: Mapping[str, str]
    describe: Callable[[], Description]


@dataclass(frozen=True, slots=True)
class Standing:
    """How the catalog stands: what it holds, what it was built from, and how far behind it is.

    Attributes:
        kinds: entries by kind; fields, edges: those that hold now; closed: edges that ended and are remembered.
        behind: documents that are not as the catalog has them; None where nobody said what they are.
        events_behind: events of the ledger that it has not read.
        indexed: the last change that the search index has, `change` the last there is.
        unread: a file of use that could not be read; empty where all could.
    """

    kinds: Mapping[str, int] = field(default_factory=dict)
    fields: int = 0
    edges: int = 0
    closed: int = 0
    documents: int = 0
    behind: int | None = None
    ledger_seq: int = 0
    events_behind: int = 0
    change: int = 0
    indexed: int = 0
    updated_at: datetime | None = None
    size: int = 0
    unread: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {
            "entries": sum(self.kinds.values()),
            "kinds": dict(self.kinds),
            "fields": self.fields,
            "edges": self.edges,
            "closed_edges": self.closed,
            "documents": self.documents,
            "documents_behind": self.behind,
            "ledger_seq": self.ledger_seq,
            "events_behind": self.events_behind,
            "change": self.change,
            "indexed_change": self.indexed,
            "updated_at": self.updated_at.isoformat() if self.updated_at else None,
            "bytes": self.size,
            "unread": self.unread or None,
        }


class Catalog:
    """The catalog under `.freehold/catalog` of an estate. It may be asked from many threads and processes at once."""

    def __init__(self, root: Path | str, *, clock: Clock | None = None) -> None:
        self._store = Store(Path(root))
        self._index = Index(self._store.folder)
        self._clock = clock or SystemClock()
        self._mine = threading.local()
        self._made: list[sqlite3.Connection] = []
        self._turn = threading.Lock()
        self._scopes: tuple[object, frozenset[str] | None] | None = None
        self._memory = Memory(self._store)

    # -- keeping it ----------------------------------------------------------------------------------------------------

    @property
    def is_there(self) -> bool:
        """Whether there is one, up to date or not."""
        return self._store.is_there

    def update(self, told: Told | None, ledger: Ledger | None = None, *, env: str = "") -> Written:
        """Bring it up to date with the files and the ledger, all or nothing; what is up to date costs a comparison.

        Args:
            told: what files say; None leaves what was read of them as it is.
            ledger: what happened; None where there is none yet.
            env: the environment whose events count.

        Raises:
            FreeholdError: FH-F101 the folder cannot be written; and whatever `told.describe` raises, with nothing
                changed.
        """
        with self._store.turn(), closing(self._store.open()) as connection:
            says = self._described(connection, told)
            with transaction(connection):
                if stamped(connection, "env") != env:
                    happening.forget(connection)
                    stamp(connection, "env", env)
                return self._written(connection, says, ledger, env)

    def rebuild(self, told: Told, ledger: Ledger | None = None, *, env: str = "") -> Written:
        """Drop it, make it anew from files and ledger, index and all, and return what was written.

        Raises:
            FreeholdError: as `update`; the description is made before anything is dropped.
        """
        said = told.describe()
        with self._store.turn():
            self._store.drop()
        written = self.update(Told(told.read_from, lambda: said), ledger, env=env)
        self.index()
        return written

    def index(self) -> int:
        """Let the search index catch up with the tables; return how many entries that concerned."""
        with self._store.turn(), closing(self._store.open()) as connection:
            return self._index.catch_up(connection)

    def _described(self, connection: sqlite3.Connection, told: Told | None) -> Description | None:
        """Return what files say where it is not what they said; read outside the transaction, which should be short."""
        if told is None or dict(connection.execute("SELECT id, digest FROM document")) == dict(told.read_from):
            return None
        said = told.describe()
        return Description(said.entries, said.jobs, tuple(sorted(told.read_from.items())))

    def _written(
        self, connection: sqlite3.Connection, says: Description | None, ledger: Ledger | None, env: str
    ) -> Written:
        change, now = int(stamped(connection, "change", "0")) + 1, micros(self._clock.now())
        before = our_names(connection) if says is not None else frozenset()
        written = projecting.project(connection, says, change, now) if says is not None else Written()
        follows = happening.follow(connection, ledger, env) if ledger is not None else (0, set[str](), Touched())
        events, touched, heard = follows
        if says is not None:
            heard.add(renamed(connection, before ^ our_names(connection)))
        written += self._drawn(connection, heard, change, now)
        moved = happening.refresh_signals(connection, change, touched)
        if written.entries or written.gone or moved:
            stamp(connection, "change", str(change))
        if not written.is_nothing or events or says is not None:
            stamp(connection, "updated_at", str(now))
        return written + Written(events=events)

    def _drawn(self, connection: sqlite3.Connection, heard: Touched, change: int, now: int) -> Written:
        """Draw what other tools told of: all of it where the ledger is another."""
        written = Written()
        if stamped(connection, happening.FORGOTTEN):
            written, heard = projecting.drop_drawn(connection, change, now), everything(connection)
            connection.execute("DELETE FROM stamp WHERE name = ?", (happening.FORGOTTEN,))
        if not (heard.jobs or heard.sets or heard.moved):
            return written
        return written + projecting.project_drawn(connection, drawn(connection, heard), change, now)

    # -- asking it -----------------------------------------------------------------------------------------------------

    def search(self, question: Question) -> Found:
        """Return what a question finds; the index applies first whatever the tables have and it has not.

        Raises:
            FreeholdError: FH-F001 to FH-F003 the question is none; FH-F102 there is no catalog yet.
        """
        question.checked()
        self._let_index_catch_up()
        with self._reading() as connection:
            return Search(connection, self._index, self._seen(connection, question.allowed)).answer(question)

    def find(self, name: str, *, allowed: Allowed = None) -> Start:
        """Return what a name means, to walk from: see `naming.resolved`.

        Raises:
            FreeholdError: FH-F004 and FH-F005; FH-F102 there is no catalog yet.
        """
        with self._reading() as connection:
            return resolved(connection, name, self._seen(connection, allowed))

    def uses_of(self, reader: str, since: date) -> tuple[Use, ...]:
        """Return what somebody read or looked at from a day on, what they read most first.

        Raises:
            FreeholdError: FH-F102 there is no catalog yet.
        """
        with self._reading() as connection:
            return happening.uses_of(connection, reader, since.isoformat())

    def readers(self, since: date) -> dict[Key, Readers]:
        """Return who read each entry from a day on; programs are not counted.

        Raises:
            FreeholdError: FH-F102 there is no catalog yet.
        """
        with self._reading() as connection:
            return happening.readers_of(connection, since.isoformat())

    def readers_of_products(self, since: date) -> dict[str, Readers]:
        """Return who read anything of each product from a day on; programs are not counted.

        Raises:
            FreeholdError: FH-F102 there is no catalog yet.
        """
        with self._reading() as connection:
            return happening.readers_of_products(connection, since.isoformat())

    def consumers_of(self, key: Key, since: date) -> tuple[Consumer, ...]:
        """Return who reads a product, an asset or a metric from a day on, and what stands on it, each by name.

        Raises:
            FreeholdError: FH-F102 there is no catalog yet.
        """
        with self._reading() as connection:
            return consuming.consumers_of(connection, key, since.isoformat())

    def product_of(self, key: Key) -> str:
        """Return the product that an entry is part of; empty for what is estate-wide, or not there."""
        with self._reading() as connection:
            row = connection.execute("SELECT product FROM asset WHERE kind = ? AND id = ?", key).fetchone()
        return str(row[0]) if row else ""

    def reach(
        self,
        start: Start,
        *,
        down: bool = True,
        depth: int = impact.USUAL_DEPTH,
        indirect: bool = False,
        shown: int = impact.SHOWN,
        allowed: Allowed = None,
    ) -> impact.Reach:
        """Return what is downstream or upstream of a start, hop by hop: see `impact.reach`."""
        with self._reading() as connection:
            scopes = self._seen(connection, allowed)
            return impact.reach(
                *(connection, start), down=down, depth=depth, indirect=indirect, shown=shown, scopes=scopes,
                arrays=self._memory.at(connection),
            )  # fmt: skip

    def around(
        self, start: Start, view: neighbourhood.View = neighbourhood.USUAL, *, allowed: Allowed = None
    ) -> neighbourhood.Neighbourhood:
        """Return what stands around a start, to be drawn: see `neighbourhood.around`."""
        with self._reading() as connection:
            scopes = self._seen(connection, allowed)
            return neighbourhood.around(connection, start, view, scopes, self._memory.at(connection))

    def blast_radius(
        self,
        start: Start,
        *,
        depth: int = walking.DEEPEST,
        indirect: bool = False,
        shown: int = impact.SHOWN,
        allowed: Allowed = None,
    ) -> impact.BlastRadius:
        """Return who is hit when a start changes: see `impact.blast_radius`."""
        with self._reading() as connection:
            scopes = self._seen(connection, allowed)
            return impact.blast_radius(
                *(connection, start),
                depth=depth,
                indirect=indirect,
                shown=shown,
                scopes=scopes,
                arrays=self._memory.at(connection),
            )

    def path(
        self, source: Start, target: Start, *, indirect: bool = False, allowed: Allowed = None
    ) -> tuple[impact.Step, ...]:
        """Return a shortest way from one to another: see `impact.path`."""
        with self._reading() as connection:
            return impact.path(connection, source, target, indirect=indirect, scopes=self._seen(connection, allowed))

    @contextmanager
    def heard(self) -> Iterator[Book]:
        """Give out what other tools told, as they told it, in one view of it.

        Raises:
            FreeholdError: FH-F102 there is no catalog yet.
        """
        with self._reading() as connection:
            yield Book(connection)

    def standing(self, told: Told | None = None, ledger: Ledger | None = None) -> Standing:
        """Return how it stands, against the files and the ledger as they are where those are given.

        Raises:
            FreeholdError: FH-F102 there is no catalog yet.
        """
        with self._reading() as connection:
            documents = dict(connection.execute("SELECT id, digest FROM document"))
            seq = int(stamped(connection, "ledger_seq", "0"))
            head = next(iter(ledger.read(newest_first=True, limit=1)), None) if ledger is not None else None
            updated = stamped(connection, "updated_at")
            kinds = "SELECT kind, count(*) FROM asset WHERE is_gone = 0 GROUP BY kind"
            counts = dict(connection.execute(kinds).fetchall())
            edges = "SELECT count(valid_to), count(*) FROM edge WHERE step = 1"
            closed, every = connection.execute(edges).fetchone()
            life, indexed = self._index.applied()
            return Standing(
                kinds={kind: counts[kind] for kind in KINDS if kind in counts},
                fields=connection.execute("SELECT count(*) FROM field WHERE is_gone = 0").fetchone()[0],
                edges=every - closed,
                closed=closed,
                documents=len(documents),
                behind=len(set(documents.items()) ^ set(told.read_from.items())) if told is not None else None,
                ledger_seq=seq,
                events_behind=max(0, head.seq - seq) if head else 0,
                change=int(stamped(connection, "change", "0")),
                indexed=indexed if life.endswith(stamped(connection, "life")) else 0,
                updated_at=from_micros(int(updated)) if updated else None,
                size=self._store.size,
                unread=stamped(connection, "unread"),
            )

    def keep_at_hand(self) -> None:
        """Have what walks need in memory from now on, made in the background: for a process that is asked often.

        It takes about 40 bytes an edge of columns, and a second of one processor for a million of them.
        """
        self._memory.keep()

    def close(self) -> None:
        """Let go of the files; closing twice is closing once."""
        self._memory.close()
        with self._turn:
            while self._made:
                self._made.pop().close()
            self._mine = threading.local()

    def __enter__(self) -> Catalog:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _let_index_catch_up(self) -> None:
        with self._reading() as connection:
            life, applied = self._index.applied()
            is_level = life.endswith(stamped(connection, "life")) and applied == int(stamped(connection, "change", "0"))
        if not is_level:
            self.index()

    def _seen(self, connection: sqlite3.Connection, allowed: Allowed) -> frozenset[str] | None:
        """Return the scopes a caller may see; worked out once for a set of products and a state of the catalog."""
        if not isinstance(allowed, frozenset):  # what a callable says may differ from call to call
            return scopes_seen(connection, allowed)
        key = (allowed, stamped(connection, "life"), stamped(connection, "change"))
        known = self._scopes
        if known is None or known[0] != key:
            self._scopes = known = (key, scopes_seen(connection, allowed))
        return known[1]

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """Give out the connection of this thread, for reads that see one state; a new one after a rebuild."""
        if not self.is_there:
            raise FreeholdError(
                "FH-F102",
                f"There is no catalog in `{self._store.folder}` yet.",
                fix="Run `freehold catalog rebuild`.",
                exit_code=Exit.ENVIRONMENT,
            )
        here = self._store.identity
        known: tuple[object, sqlite3.Connection] | None = getattr(self._mine, "known", None)
        if known is None or known[0] != here:
            known = (here, self._store.connect())
            with self._turn:
                self._made.append(known[1])
            self._mine.known = known
        with one_view(known[1]):
            yield known[1]
