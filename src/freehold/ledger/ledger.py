"""The ledger: the one small door to what happened. Everything behind it is imported when a ledger is opened."""

from __future__ import annotations

import copy
import json
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from freehold.foundation import LOCAL, Caller, Clock, Exit, FreeholdError, IdSource, RandomIds, SystemClock
from freehold.ledger.event import Event, Recorded, from_micros, micros
from freehold.ledger.vocabulary import Vocabulary

if TYPE_CHECKING:
    from freehold.ledger.evidence import Evidence, Withheld
    from freehold.ledger.kept import Lease
    from freehold.ledger.proof import Proof
    from freehold.ledger.seal import Checkpoint
    from freehold.ledger.store import Store
    from freehold.ledger.verify import Sealed, Verification
    from freehold.ledger.writer import Draft, Row

Handler = Callable[[Recorded], None]
PAGE = 1_000  # events read in one short transaction


class Ledger:
    """What happened in one workspace: append, read, seal, verify, and the evidence for every figure.

    Open it with `Ledger.open`. It may be used from many threads, and many processes may have it open at once.

    Attributes:
        side: what can be erased: persons, free text, failing rows.
        state: small values that rooms keep between runs.
        sessions: who is signed in; tokens: what programs sign in with.
        jobs: what was asked to be done in the background.
        webhooks: how far each subscription is, and what became of what was sent.
        raw: where events too many for rows go.
    """

    def __init__(
        self, store: Store, clock: Clock, ids: IdSource, caller: Caller, vocabulary: Vocabulary | None = None
    ) -> None:
        from freehold.ledger.credentials import Sessions, Tokens
        from freehold.ledger.jobs import Jobs
        from freehold.ledger.kept import KeptState, Leases, SideStore
        from freehold.ledger.raw import RawSegments
        from freehold.ledger.seal import Sealer
        from freehold.ledger.webhooks import Webhooks
        from freehold.ledger.writer import Writer

        self.caller = caller
        self.clock = clock
        self.vocabulary = vocabulary or Vocabulary()
        self._ids = ids
        self._store = store
        self._writer = Writer(store, clock)
        self._sealer = Sealer(store, clock)
        self._leases = Leases(store, clock)
        self._delivery = _Delivery()
        self._appended = threading.Event()
        self.state = KeptState(store)
        self.side = SideStore(store, clock, ids, self._record_erasure)
        self.sessions = Sessions(store, clock, self._append_within)
        self.tokens = Tokens(store, clock, self._append_within)
        self.jobs = Jobs(store, self._leases.clock, ids)
        self.webhooks = Webhooks(store, self._leases.clock)
        self.raw = RawSegments(self, store.folder)

    @classmethod
    def open(
        cls,
        url: str,
        *,
        root: Path | str = ".",
        clock: Clock | None = None,
        ids: IdSource | None = None,
        caller: Caller = LOCAL,
        workspace: str = "default",
        vocabulary: Vocabulary | None = None,
        password: str | None = None,
    ) -> Ledger:
        """Open the ledger at a state URL, made and migrated if it has to be.

        `sqlite:///relative/to/root.db`, `sqlite:////absolute.db`, or `postgresql://user@host/database`, whose password
        is given apart so that no URL ever holds it.

        Raises:
            FreeholdError: FH-L101 for a URL that names no state; FH-L102 to FH-L107 when the database cannot be used.
        """
        from freehold.ledger.store import Store

        store = Store(url, Path(root), workspace, password)
        return cls(store, clock or SystemClock(), ids or RandomIds(), caller, vocabulary)

    @property
    def place(self) -> str:
        """The URL of the state as it may be shown."""
        return self._store.place

    @property
    def workspace(self) -> str:
        """The workspace it tells of."""
        return self._store.workspace

    # -- writing ------------------------------------------------------------------------------------------------------

    def append(
        self, *events: Event, fence: Lease | None = None, keep: Mapping[tuple[str, str], Any] | None = None
    ) -> tuple[int, ...]:
        """Record events, all or none, and return their numbers. They are on disk when this returns.

        An event whose id is in the ledger with the same content is not written again; its number is returned. With
        `fence`, nothing is written unless that lease still holds. `keep` are values of the kept state, by namespace and
        key, that are put in the same transaction: what they remember and the events that tell it never part.

        Raises:
            FreeholdError: FH-L001 for an unknown type, FH-L002 for a payload its type does not take, FH-L003 for an id
                that stands for other content, FH-L004 for what has no canonical spelling, FH-L005 for a time without a
                zone, FH-L006 for a type that goes to raw segments, FH-L202 for a lost lease.
        """
        return self.append_drafted(self.drafted(*events), fence=fence, keep=keep)

    def drafted(self, *events: Event) -> tuple[Draft, ...]:
        """Return events ready to be recorded: whoever acts between may be sure that they will be accepted.

        Raises:
            FreeholdError: as `append`, but for what only the database knows.
        """
        return tuple(self._draft(event) for event in events)

    def append_drafted(
        self,
        drafts: Sequence[Draft],
        *,
        fence: Lease | None = None,
        keep: Mapping[tuple[str, str], Any] | None = None,
    ) -> tuple[int, ...]:
        """Record events that were drafted before; see `append`."""
        if not drafts and not keep:
            return ()
        self._sealer.seal_if_due()  # before, not after: if the disk is full, nothing of this append is written
        seqs, rows = self._writer.append(drafts, fence, self.state.putting(keep) if keep else None)
        self._sealer.note(rows)
        if rows:
            self._appended.set()
        if self._delivery.wanted:
            self._delivery.deliver([self._recorded(row) for row in rows])
        return seqs

    def _draft(self, event: Event) -> Draft:
        type_ = self.vocabulary[event.type]
        if type_.is_raw:
            fix = f'Use `ledger.raw.append("{event.type}", events)`, some thousands at a time.'
            raise FreeholdError("FH-L006", f"`{event.type}` is too frequent for ledger rows.", fix=fix)
        return self._draft_of(event, type_.version, type_.payload(event.data))

    def _draft_of(self, event: Event, version: int, payload: str) -> Draft:
        from freehold.ledger.writer import Draft

        occurred = event.occurred_at or self.clock.now()
        row: Row = {
            "workspace": self._store.workspace,
            "id": event.id or self._ids.new(),
            "type": event.type,
            "schema_version": version,
            "occurred_at": micros(_aware(occurred, event.type)),
            "env": event.env,
            "actor": self.caller.principal,
            "assurance": self.caller.assurance,
            "subject": event.subject,
            "product": event.product,
            "run_id": event.run_id,
            "correlation_id": event.correlation_id,
            "replay": int(self.clock.simulated),
            "data": payload,
        }
        return Draft(row, event.occurred_at is not None)

    def raw_rows(self, type: str, events: Iterable[Event]) -> list[Row]:
        """Return events of one raw type as rows, validated; for `RawSegments`, which writes them.

        Raises:
            FreeholdError: as `append`, and FH-L007 for an event of another type.
        """
        type_ = self.vocabulary[type]
        rows = []
        for event in events:
            if event.type != type:
                problem = f"A segment of `{type}` takes no `{event.type}`."
                raise FreeholdError("FH-L007", problem, fix="Make one segment for each type.", exit_code=Exit.USAGE)
            rows.append(self._draft_of(event, type_.version, type_.payload(event.data)).row)
        return rows

    def _record_erasure(self, connection: Any, items: Sequence[tuple[str, str]], reason: str) -> None:
        """Append `side.erased` in the transaction that erases."""
        kinds = sorted({kind for _, kind in items})
        said = {"items": [item for item, _ in items], "kind": ", ".join(kinds), "reason": reason}
        self._append_within(connection, Event("side.erased", said))

    def _append_within(self, connection: Any, event: Event) -> None:
        """Append an event in the transaction that changes what it tells of."""
        self._sealer.note(self._writer.append_within(connection, [self._draft(event)]))
        self._appended.set()

    def acting(self, caller: Caller) -> Ledger:
        """Return this ledger as another caller writes to it; whoever opened it closes it."""
        from freehold.ledger.credentials import Sessions, Tokens

        other = copy.copy(self)
        other.caller = caller
        other.sessions = Sessions(self._store, self.clock, other._append_within)
        other.tokens = Tokens(self._store, self.clock, other._append_within)
        return other

    def subscribe(self, handler: Handler, types: Iterable[str] = ()) -> None:
        """Call a handler for each event that this process appends, after it is on disk, in order of the numbers.

        The handler runs in a thread that appends. If it raises, the event stays recorded, the other handlers are
        called, and `append` raises FH-L301.
        """
        self._delivery.add(handler, frozenset(self.vocabulary.select(types)))

    # -- reading ------------------------------------------------------------------------------------------------------

    def read(
        self,
        *,
        after: int = 0,
        upto: int | None = None,
        types: Iterable[str] = (),
        subject: str | None = None,
        product: str | None = None,
        env: str | None = None,
        run_id: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        newest_first: bool = False,
        limit: int | None = None,
    ) -> Iterator[Recorded]:
        """Read events with after < seq <= upto, some at a time, payloads brought up to date.

        `types` takes names and patterns such as `check.*`; `since <= occurred_at < until`. To go on later, pass the
        last `seq` you saw as `after`.

        Raises:
            FreeholdError: FH-L001 for a type that is not there, FH-L005 for a time without a zone.
        """
        same = {"subject": subject, "product": product, "env": env, "run_id": run_id}
        names = self.vocabulary.select([types] if isinstance(types, str) else types)
        between = [None if t is None else micros(_aware(t, "read")) for t in (since, until)]
        return self._pages(after, upto, names, same, between, newest_first, limit)

    def _pages(
        self,
        after: int,
        upto: int | None,
        types: Sequence[str],
        same: dict[str, str | None],
        between: Sequence[int | None],
        newest_first: bool,
        limit: int | None,
    ) -> Iterator[Recorded]:
        from freehold.ledger.reading import page

        left = limit
        while left is None or left > 0:
            size = PAGE if left is None else min(left, PAGE)
            rows = page(self._store, after, upto, types, same, between, newest_first, size)
            for row in rows:
                yield self._recorded(row._mapping)
            if len(rows) < size:
                return
            left = None if left is None else left - len(rows)
            if newest_first:
                upto = rows[-1].seq - 1
            else:
                after = rows[-1].seq

    def get(self, id: str) -> Recorded | None:
        """Return the event of an id, or None."""
        from freehold.ledger.reading import by_id

        row = by_id(self._store, id)
        return None if row is None else self._recorded(row._mapping)

    def _recorded(self, row: Any) -> Recorded:
        data, version = json.loads(row["data"]), row["schema_version"]
        if row["type"] in self.vocabulary:
            type_ = self.vocabulary[row["type"]]
            data, version = type_.upcast(data), max(version, type_.version)
        names = ("seq", "id", "type", "workspace", "env", "actor", "assurance")
        more = ("subject", "product", "run_id", "correlation_id")
        return Recorded(
            **{name: row[name] for name in (*names, *more)},
            schema_version=version,
            occurred_at=from_micros(row["occurred_at"]),
            recorded_at=from_micros(row["recorded_at"]),
            replay=bool(row["replay"]),
            data=data,
        )

    def sequence_as_of(self, instant: datetime) -> int:
        """Return the last sealed number recorded at or before an instant; 0 when there is none."""
        from freehold.ledger.reading import sequence_as_of

        return sequence_as_of(self._store, self.seal(), micros(_aware(instant, "as of")))

    def evidence(self, as_of: datetime | int | None = None, withheld: Withheld | None = None) -> Evidence:
        """Return what was known as of an instant or a number, ready for SQL; default: everything so far.

        Its views leave out what is `withheld`.

        Raises:
            FreeholdError: FH-L401 for a number that is not sealed.
        """
        from freehold.ledger.evidence import Evidence, Withheld

        sealed, withheld = self.seal(), withheld or Withheld()
        if isinstance(as_of, datetime):
            return Evidence(self._store, self.vocabulary, self.sequence_as_of(as_of), as_of, withheld)
        if as_of is not None and not 0 <= as_of <= sealed:
            problem = f"There is no sealed event {as_of}; the seal reaches to {sealed}."
            raise FreeholdError("FH-L401", problem, fix=f"Use a number from 0 to {sealed}.", exit_code=Exit.USAGE)
        seq = sealed if as_of is None else as_of
        return Evidence(self._store, self.vocabulary, seq, self.clock.now() if as_of is None else None, withheld)

    def proof(self, upto: int, **filters: Any) -> Proof:
        """Return events up to a sealed number, with the filters of `read`, and what proves them without this ledger.

        A checkpoint is signed where none covers that number yet.
        """
        from freehold.ledger.proof import proof

        return proof(self._store, self._sealer, [event.seq for event in self.read(upto=upto, **filters)], upto)

    def lines(self, upto: int, **filters: Any) -> tuple[str, ...]:
        """Return events up to a sealed number, with the filters of `read`, each as the line that was sealed."""
        from freehold.ledger.proof import lines

        return lines(self._store, [event.seq for event in self.read(upto=upto, **filters)])

    def export(self, path: Path | str, format: str = "jsonl", **filters: Any) -> int:
        """Write events to a file, `jsonl` or `parquet`, with the filters of `read`; return how many.

        The file appears whole or not at all. A checkpoint is signed, so that what was exported can be held against the
        ledger later.

        Raises:
            FreeholdError: FH-L402 for another format, FH-L403 when the file cannot be written, FH-L601 for a type that
                is kept in files beside the rows.
        """
        from freehold.ledger.export import expect_rows, export

        expect_rows(self, filters.get("types", ()))
        exported = export(self.read(**filters), Path(path), format)
        if exported:
            self.checkpoint()
        return exported

    # -- proving ------------------------------------------------------------------------------------------------------

    def seal(self) -> int:
        """Seal everything recorded so far; return the last sealed number. What can be read alone is left as it is."""
        return 0 if self._store.dialect.is_frozen else self._sealer.seal()

    def checkpoint(self) -> Checkpoint:
        """Seal, and sign where the chain stands. The key is made at first use, beside the state."""
        return self._sealer.checkpoint()

    def sign_off(self) -> Checkpoint | None:
        """Sign what was appended through this object, if anything was: what a process does before it ends well."""
        return self.checkpoint() if self._appended.is_set() else None

    def verify(self, witness: Path | None = None) -> Verification:
        """Prove that events, blocks, signatures and raw segments are as sealed, or name the first that is not.

        `witness` is a copy of the checkpoint file kept elsewhere; default: the one beside the state.
        """
        from freehold.ledger.verify import verify

        return verify(self._store, self._sealer, witness)

    def sealed(self, seq: int) -> Sealed:
        """Return where the event of a number stands in the chain, and whether its block is as it was sealed."""
        from freehold.ledger.verify import sealed

        return sealed(self._store, self._sealer, seq)

    def lease(self, name: str, holder: str, ttl_s: float, *, is_gone: Callable[[str], bool] = lambda _: False) -> Lease:
        """Take a lease; give each process a holder name of its own.

        `is_gone` may tell that another holder is dead, so that a crash need not be waited out.

        Raises:
            FreeholdError: FH-L201 when another holds it, naming who and until when.
        """
        return self._leases.acquire(name, holder, ttl_s, is_gone)

    def close(self) -> None:
        """Seal and let go of the database; closing twice is closing once."""
        try:
            if not self._store.is_closed:
                self.seal()
        finally:
            self._store.close()

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


class _Delivery:
    """Calls subscribers in the order of the numbers, each event once, also when a handler appends more."""

    def __init__(self) -> None:
        self._handlers: list[tuple[Handler, frozenset[str]]] = []
        self._queue: deque[Recorded] = deque()
        self._turn = threading.Lock()
        self._mine = threading.local()

    @property
    def wanted(self) -> bool:
        return bool(self._handlers)

    def add(self, handler: Handler, types: frozenset[str]) -> None:
        self._handlers.append((handler, types))

    def deliver(self, events: Sequence[Recorded]) -> None:
        self._queue.extend(events)
        if getattr(self._mine, "delivering", False):
            return  # a handler appended: the loop that called it goes on to these
        failed: list[tuple[Recorded, Exception]] = []
        with self._turn:
            self._mine.delivering = True
            try:
                while self._queue:
                    failed += self._call(self._queue.popleft())
            finally:
                self._mine.delivering = False
        if failed:
            event, error = failed[0]
            problem = f"Event {event.seq} (`{event.type}`) is recorded, but who listens to it failed: {error}"
            raise FreeholdError("FH-L301", problem, fix="Mend the listener; do not append again.") from error

    def _call(self, event: Recorded) -> list[tuple[Recorded, Exception]]:
        failed: list[tuple[Recorded, Exception]] = []
        for handler, types in self._handlers:
            if types and event.type not in types:
                continue
            try:
                handler(event)
            except Exception as error:  # reported by deliver(), once the others were called
                failed.append((event, error))
        return failed


def _aware(instant: datetime, where: str) -> datetime:
    if instant.tzinfo is None:
        problem = f"The time {instant} (`{where}`) has no time zone."
        raise FreeholdError("FH-L005", problem, fix="Give it one: datetime(..., tzinfo=UTC).", exit_code=Exit.USAGE)
    return instant
