"""What the server knows of an estate at this moment: read from files, ledger and warehouse, kept until one changes.

A request gets a `Snapshot`, which never changes: the last there is, at once. Whether it is still so one thread finds
out every half a second to three, by the sizes and times of files and by the events since the last look, and reads anew
where it is not; see `newest`. The warehouse is opened only to read anew and given back at once, so that whoever writes
waits for no page; while somebody writes, pages show the last snapshot and say so.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from freehold import opening
from freehold.delivery.deployments import Deployment, deployments
from freehold.delivery.status import KeptVerdicts
from freehold.estate.files import Survey, survey
from freehold.foundation import Clock, FreeholdError, Problems, SystemClock, near
from freehold.foundation.words import counted
from freehold.leaving import DEPRECATION, Leaving, leaving_in
from freehold.rules import lapsed
from freehold.server.in_force import EstateInForce
from freehold.server.newest import Newest

if TYPE_CHECKING:
    from freehold.delivery import AssetStatus, Delivery, ProductStatus
    from freehold.delivery.audit import Auditor
    from freehold.delivery.graph import Graph
    from freehold.delivery.release import Live
    from freehold.engines import Relation
    from freehold.estate.model import Estate
    from freehold.ledger import Ledger, Recorded
    from freehold.metrics import Catalogue
    from freehold.server.telemetry import Telemetry

T = TypeVar("T")
_WAIT_S = 2.0  # for a warehouse that is being written, where there is nothing earlier to show
_MOST_LOOKING = 4  # at the warehouse at once: what takes long keeps no more than these waiting
_OLDEST = timedelta(seconds=60)  # what is late depends on the clock alone
_MOST_DEPLOYMENTS = 500
_TELLING = (
    "estate.*",
    "asset.*",
    "candidate.*",
    "deploy.*",
    "run.*",
    "check.*",
    "notice.*",
    "badge.*",
    "incident.*",
    "resource.*",
    "metric.frozen",
    "work.transitioned",
)
_BUSY = "FH-E101"


@dataclass(frozen=True)
class Snapshot:
    """An estate as it was at one moment. `waits` says why it is not newer, where something keeps it from that.

    Where somebody may not see all, it is a part: `seen` are the products in it, `whole` is what it is a part of, which
    is for what makes parts of its own (the catalog, details) and for no page.
    """

    estate: Estate
    env: str
    graph: Graph
    products: tuple[ProductStatus, ...]
    deployments: tuple[Deployment, ...]
    retired: dict[str, Relation]
    live: Mapping[str, Live]  # of all of the estate, as the checks are
    auditor: Auditor
    sequence: int
    taken_at: datetime
    waits: str = ""
    notes: tuple[str, ...] = ()  # what was said while it was read: files that differ from what is applied
    leaving: Mapping[str, Leaving] = field(default_factory=dict)  # what is to be taken away, by `kind:id`
    lapsed: frozenset[str] = frozenset()  # metrics that had a badge and have it no more
    seen: frozenset[str] | None = None  # None for all
    whole: Snapshot | None = field(default=None, repr=False, compare=False)
    _details: dict[object, Any] = field(default_factory=dict, repr=False, compare=False)
    _turns: dict[object, threading.Lock] = field(default_factory=dict, repr=False, compare=False)
    _earlier: Mapping[object, Any] = field(default_factory=dict, repr=False, compare=False)  # of the snapshot before

    def product(self, id_: str) -> ProductStatus:
        """Return the product of an id.

        Raises:
            FreeholdError: FH-D201 there is none.
        """
        found = self.by_id.get(id_)
        if found is None:
            known = [p.product.id for p in self.products]
            fix = near(id_, known) or "See `/products`."
            raise FreeholdError("FH-D201", f"There is no product `{id_}`.", fix=fix)
        return found

    def product_name(self, id_: str) -> str:
        """Return what a product is called by people; its id where no file says, or where there is none of that id."""
        found = self.estate.products.get(id_)
        return (found.name if found else None) or id_

    def team_name(self, id_: str) -> str:
        """Return what a team is called by people; its id where no file says, or where there is none of that id."""
        found = self.estate.teams.get(id_)
        return (found.name if found else None) or id_

    @property
    def by_id(self) -> dict[str, ProductStatus]:
        """The products by their ids."""
        return self.derived("by id", lambda: {one.product.id: one for one in self.products})

    @property
    def by_asset(self) -> dict[str, tuple[ProductStatus, AssetStatus]]:
        """The assets by their ids, each with its product."""
        return self.derived("by asset", lambda: {a.asset: (one, a) for one in self.products for a in one.assets})

    def derived(self, key: object, make: Callable[[], T]) -> T:
        """Return what follows from it, worked out once, when it is first asked for: a snapshot never changes."""
        if key not in self._details:
            with self._turns.setdefault(key, threading.Lock()):
                if key not in self._details:
                    self._details[key] = make()
        found: T = self._details[key]
        return found

    @property
    def catalogue(self) -> Catalogue:
        """The metrics that may be seen: those over products that may be, read once.

        Raises:
            Problems: what is wrong in the files of metrics.
        """
        from freehold.access.covering import Cover
        from freehold.metrics import catalogue_of
        from freehold.metrics.seeing import part_seen

        if "catalogue" not in self._details:
            if self.whole is None or self.seen is None:
                self._details["catalogue"] = catalogue_of(self.estate).lapsing(self.lapsed)
            else:
                cover = Cover.over(self.whole.estate.products, self.seen)
                self._details["catalogue"] = part_seen(self.whole.catalogue, lambda source: not cover.hides(source))
        found: Catalogue = self._details["catalogue"]
        return found

    def is_as_read(self, other: Snapshot) -> bool:
        """Whether it was read at the same time as another; they may differ in what they wait for."""
        return self._details is other._details

    def knows(self, key: object) -> bool:
        """Whether something more of it was asked for already; see `Snapshots.detail`."""
        return key in self._details

    def deployments_of(self, product: str) -> tuple[Deployment, ...]:
        """Return what was deployed of a product, the newest first."""
        return tuple(d for d in self.deployments if any(a.rpartition(".")[0] == product for a in d.assets))


@dataclass(frozen=True, slots=True)
class _Mark:
    """What tells one state of an estate from another without reading it."""

    files: Survey
    sequence: int
    warehouse: tuple[int, ...]


class Snapshots:
    """Hands out the newest snapshot of one estate and environment. Safe to use from many threads.

    Attributes:
        estate_name: what people call the estate; before it was read, the name of its folder.
    """

    def __init__(
        self, root: Path, env: str | None = None, clock: Clock | None = None, telemetry: Telemetry | None = None
    ) -> None:
        self.root = root
        self.estate_name = root.resolve().name
        self.clock = clock or SystemClock()
        self._env = env
        self._telemetry = telemetry
        self._closing = ExitStack()
        self._asked = threading.Lock()
        self._looking = threading.BoundedSemaphore(_MOST_LOOKING)
        self._newest = Newest(self._looked, "snapshots")
        self._verdicts = KeptVerdicts()
        self._mark: _Mark | None = None
        self._heard = self._telling = 0  # the last event that was looked at, and the last that tells
        self._is_in_error = False
        self._followers: list[Callable[[Snapshot], object]] = []
        self.ledger: Ledger = self._closing.enter_context(opening.ledger_around(str(root)))
        self._in_force = EstateInForce(root, env, self.ledger, self.clock)
        self._closing.callback(self._newest.close)

    def close(self) -> None:
        """Sign off the ledger and give everything back."""
        self._closing.close()

    def now(self) -> Snapshot:
        """Return the newest snapshot: of two seconds ago at most; of a large estate up to six or more, see `newest`.

        Raises:
            Problems: the files are in error, and nothing was ever applied.
            FreeholdError: FH-E101 the warehouse is being written, and there is no snapshot yet.
        """
        return self._newest.get()

    def lately(self) -> Snapshot:
        """Return the newest snapshot, or one ten seconds old: for what is done from time to time by itself.

        Raises:
            FreeholdError: as `now` does.
        """
        return self._newest.lately()

    def there(self) -> Snapshot | None:
        """Return what `now` would, where that would neither wait nor raise; else None."""
        return self._newest.there()

    def changed(self) -> None:
        """Say that something was changed through this server: whoever asks from now on sees it."""
        self._newest.changed()

    def follow(self, act: Callable[[Snapshot], object]) -> None:
        """Have something done with each new snapshot but the first, before anybody is given it and has to wait for it.

        What is wrong with that is told to who asks for it.
        """
        self._followers.append(act)

    def estate_read(self, files: Survey, applied: int) -> Estate | None:
        """Return the estate of the newest snapshot, if it was read from these files and after an event; reads none."""
        return self._in_force.known(files, applied)

    def detail(self, snapshot: Snapshot, key: object, take: Callable[[Delivery], T]) -> T:
        """Return what more a page wants of a snapshot, taken once for each snapshot.

        What is taken from is all of the estate: `take` tells of nothing that the snapshot does not hold. While the
        warehouse is being written, it is what was known of the snapshot before.

        Raises:
            FreeholdError: FH-E101 the warehouse is being written, and nobody asked for this before.
        """
        if key not in snapshot._details:
            until = time.monotonic() + (0.0 if snapshot.waits else _WAIT_S)
            with self._asked:
                turn = snapshot._turns.setdefault(key, threading.Lock())
            with turn:
                if key not in snapshot._details:
                    try:
                        snapshot._details[key] = self._taken_of(snapshot, key, take, until)
                    except FreeholdError as error:
                        if error.code != _BUSY or key not in snapshot._earlier:
                            raise
                        earlier: T = snapshot._earlier[key]
                        return earlier
        found: T = snapshot._details[key]
        return found

    def _taken_of(self, snapshot: Snapshot, key: object, take: Callable[[Delivery], T], until: float) -> T:
        wait_s = 0.0 if key in snapshot._earlier else max(0.0, until - time.monotonic())
        whole = snapshot.whole or snapshot
        with self._delivery(whole.estate, wait_s, whole.graph) as delivery:
            return take(delivery)

    def look(self, snapshot: Snapshot, take: Callable[[Delivery], T]) -> T:
        """Return what somebody wants to know of the warehouse now, and keep nothing of it. A few may look at once.

        Raises:
            FreeholdError: FH-E101 the warehouse is being written.
        """
        wait_s = 0.0 if snapshot.waits else _WAIT_S
        with self._looking, self._delivery(snapshot.estate, wait_s, snapshot.graph) as delivery:
            return take(delivery)

    # -- in the thread that looks

    def _looked(self, before: Snapshot | None) -> Snapshot:
        """Return the snapshot of now: the one before, where nothing has changed."""
        if before is None:
            self._heard = next((e.seq for e in self.ledger.read(newest_first=True, limit=1)), 0)
            return self._named(self._anew(None))
        waits = bool(before.waits) and not self._is_in_error  # for a warehouse, which tells nobody when it is free
        is_aged = self.clock.now() - before.taken_at > _OLDEST and not self._is_in_error
        is_same = self._marked(before) == self._mark
        if is_same and not waits and not is_aged:
            return before
        return self._followed(self._anew(before))

    def _named(self, snapshot: Snapshot) -> Snapshot:
        self.estate_name = snapshot.estate.name
        return snapshot

    def _followed(self, snapshot: Snapshot) -> Snapshot:
        for act in self._followers:
            with suppress(FreeholdError):
                act(snapshot)
        return self._named(snapshot)

    def _anew(self, before: Snapshot | None) -> Snapshot:
        """Return a new snapshot; where files are in error, the one before, until they change."""
        try:
            self._is_in_error = False
            return self._read(before)
        except FreeholdError as error:
            if before is None or not _is_of_files(error):
                raise
            self._is_in_error, self._mark = True, self._marked(before)
            wrong = counted(len(error.errors) if isinstance(error, Problems) else 1, "errors")
            said = f"The files of the estate have {wrong}: see `freehold validate`. This is how it was before."
            return before if before.waits == said else replace(before, waits=said)

    def _read(self, before: Snapshot | None) -> Snapshot:
        began, files, sequence = time.perf_counter(), survey(self.root), self._told(before)
        standing = self._in_force.read(files)
        estate = standing.estate
        if before is not None and estate.semantic_models is not before.estate.semantic_models:
            _expect_metrics(estate)
        try:
            with self._delivery(estate, 0.0 if before else _WAIT_S, _graph_of(before, estate)) as delivery:
                snapshot = self._taken(delivery, before, standing.notes)
        except FreeholdError as error:
            if error.code != _BUSY or before is None:
                raise
            said = "The warehouse is being written to; this is how it was before."
            return before if before.waits == said else replace(before, waits=said)
        # Opening the warehouse may have touched its files, so those are looked at now; what else changed meanwhile is
        # for the next look.
        self._mark = _Mark(files, sequence, self._warehouse(estate))
        if self._telemetry is not None:
            self._telemetry.read(time.perf_counter() - began, snapshot.sequence)
        return snapshot

    def _taken(self, delivery: Delivery, before: Snapshot | None, notes: tuple[str, ...]) -> Snapshot:
        with delivery.reading() as session:
            live = delivery.publication.live(session)
        return Snapshot(
            estate=delivery.estate,
            env=delivery.env,
            graph=delivery.graph,
            products=delivery.status(self._verdicts),
            deployments=deployments(delivery, limit=_MOST_DEPLOYMENTS),
            retired=delivery.retired(),
            live=live,
            auditor=delivery.auditor,
            sequence=self._heard,
            taken_at=self.clock.now(),
            notes=notes,
            leaving=leaving_in(self.ledger, delivery.estate, delivery.graph, delivery.env),
            lapsed=lapsed(self.ledger, delivery.env),
            _earlier=before._details if before is not None else {},
        )

    def _marked(self, snapshot: Snapshot) -> _Mark:
        return _Mark(survey(self.root), self._told(snapshot), self._warehouse(snapshot.estate))

    def _told(self, snapshot: Snapshot | None) -> int:
        """Return the number of the newest event after which a page would say something else."""
        for event in self.ledger.read(after=self._heard, types=_TELLING):
            self._heard = event.seq
            if snapshot is None or _is_of(event, snapshot.graph):
                self._telling = event.seq
        return self._telling

    @contextmanager
    def _delivery(self, estate: Estate, wait_s: float, graph: Graph | None = None) -> Iterator[Delivery]:
        from freehold.delivery import Delivery
        from freehold.foundation import Caller

        chosen = opening.chosen_environment(estate, self._env)
        caller = Caller("system:server", purpose="show", assurance="system")
        with ExitStack() as closing:
            engine = closing.enter_context(opening.opened_engine(estate, chosen, wait_s=wait_s))
            tool = opening.tool_of(estate, chosen)
            delivery = Delivery(
                *(estate, engine, self.ledger),
                env=chosen.name,
                clock=self.clock,
                caller=caller,
                tool=tool,
                graph=graph,
            )
            closing.callback(delivery.close)
            yield delivery

    def _warehouse(self, estate: Estate) -> tuple[int, ...]:
        """Return size and time of the warehouse's files; nothing where it is on a server."""
        url = estate.connections[opening.chosen_environment(estate, self._env).connection].url
        if not url.startswith("duckdb:///"):
            return ()
        path = self.root / url.removeprefix("duckdb:///")
        marks: list[int] = []
        for one in (path, path.with_name(f"{path.name}.wal")):
            with suppress(OSError):
                stat = one.stat()
                marks += [stat.st_size, stat.st_mtime_ns]
        return tuple(marks)


def _is_of_files(error: FreeholdError) -> bool:
    """Whether an error is about the files of the estate, and about nothing else."""
    return isinstance(error, Problems) or error.code.startswith("FH-V")


def _expect_metrics(estate: Estate) -> None:
    """Make sure that the metrics of files that changed can be asked for: they stand on pages of all kinds.

    Raises:
        Problems: what is wrong with them.
    """
    from freehold.metrics import metric_findings

    if wrong := metric_findings(estate):
        raise Problems(wrong)


def _graph_of(before: Snapshot | None, estate: Estate) -> Graph | None:
    """Return the graph of an estate where it is known; what dbt tells of its models is in no file of the estate's."""
    return before.graph if before is not None and before.estate is estate and not estate.dbt else None


def _is_of(event: Recorded, graph: Graph) -> bool:
    """Whether an event is of this estate: runs of other tools, of which thousands may come a minute, are mostly not.

    Of work items, only what becomes of a deprecation is told on pages of data.
    """
    if event.type == "work.transitioned":
        return event.data.get("type") == DEPRECATION
    return bool(event.product) or not event.type.startswith("run.") or event.subject in graph.assets
