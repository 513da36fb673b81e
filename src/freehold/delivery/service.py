"""Delivery of one environment: everything a person or a server may ask of it, behind one object."""

from __future__ import annotations

import os
import socket
import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from freehold.delivery import collecting, ownership
from freehold.delivery.applying import apply
from freehold.delivery.arrival import Expected
from freehold.delivery.asset import Kind
from freehold.delivery.audit import Auditor
from freehold.delivery.build import Shape
from freehold.delivery.environments import fork
from freehold.delivery.evidence import Evidence, packed, unpacked
from freehold.delivery.expecting import Expectations
from freehold.delivery.files import FileVersion, Landing
from freehold.delivery.garbage import Garbage
from freehold.delivery.graph import Graph, default_environment
from freehold.delivery.interval import Interval
from freehold.delivery.majors import placed_by_ledger
from freehold.delivery.orders import Tool
from freehold.delivery.origins import Origins
from freehold.delivery.outcome import RunOutcome
from freehold.delivery.outdated import outdated
from freehold.delivery.overlay import Overlay
from freehold.delivery.publication import Publication
from freehold.delivery.python_model import Worker
from freehold.delivery.release import STORE, Candidate, Live, Move, Settlement
from freehold.delivery.restating import restated_by_return
from freehold.delivery.rollback import Return, returned_before, returns_of
from freehold.delivery.run import Progress, Run
from freehold.delivery.standing import judge, judge_anew
from freehold.delivery.states import States
from freehold.delivery.status import KeptVerdicts, ProductStatus, status_of
from freehold.delivery.step import Arrived, Definitions, Step, wanted
from freehold.delivery.template import KeptCompiled
from freehold.engines import Column, Engine, Relation, Session, open_engine
from freehold.estate.model import ADVISED, EarlierVersion, Estate
from freehold.foundation import LOCAL, Caller, Clock, Exit, FreeholdError, IdSource, RandomIds, SystemClock
from freehold.foundation.owning import is_dead
from freehold.ledger import Event, Ledger
from freehold.quality import Evaluation, PlannedCheck

if TYPE_CHECKING:
    from freehold.ledger import Lease

LEASE_S = 120.0  # renewed while its holder is alive; how long others wait for one that was stopped
KEPT_RELEASES = 10
MOST_IDLE = 100  # candidates that are not live, before a run collects by itself
_MANY = 20  # tables from which on all of the store are described at once: one looks through all of them


class Delivery:
    """One environment of an estate, with its warehouse and ledger.

    The columns of tables, digests of files and plans of checks are remembered between calls; what is live is read
    from the warehouse each time.
    """

    def __init__(
        self,
        estate: Estate,
        engine: Engine,
        ledger: Ledger,
        *,
        env: str = "prod",
        clock: Clock | None = None,
        ids: IdSource | None = None,
        caller: Caller = LOCAL,
        jobs: int | None = None,
        tool: Tool | None = None,
        lease_s: float = LEASE_S,
        is_of_files: bool = False,
        graph: Graph | None = None,
    ) -> None:
        """Take an environment and what it stands on; `graph` is that of this very estate there, if it is known."""
        self.engine = engine
        self.ledger = ledger
        self.env = env
        self._lease_s = lease_s
        self.lease: Lease | None = None  # of the environment, while this writes
        self.is_of_files = is_of_files  # read from its folder, so that what is kept of that must load as the same
        self.clock = clock or SystemClock()
        self.ids = ids or RandomIds()
        self.caller = caller
        self.jobs = jobs or max(1, os.cpu_count() or 1)  # small steps keep one core of the engine busy, not all
        self.root = Path(estate.root).resolve()
        estate, self.places = placed_by_ledger(estate, ledger, env, self.clock.now())
        self.estate = estate
        self.tool = tool
        self.graph = graph or self._graph_of(estate)
        self.publication = Publication(env)
        self.auditor = Auditor(self.graph, engine.capabilities, States(self.publication))
        self.worker = Worker(self.root)
        self.columns: dict[str, tuple[Column, ...]] = {}
        self.bound: dict[Shape, tuple[Column, ...]] = {}
        # A warehouse on a server does not see the estate's files: they are read in this process and loaded.
        self.files = None if engine.capabilities.reads_files else open_engine("duckdb://", root=str(self.root))
        self.origins = Origins(self.graph, engine.capabilities.dialect, self.root)
        self._landing = Landing(self.root)
        self._definitions: Definitions | None = None
        self._expectations = Expectations(estate, self.graph, self._landing, ledger, env)
        self._is_applied = False
        self._is_ours = False
        self._is_clean = False  # whether everything begun through this object has ended well
        self._token = 0  # the last one held here
        self._left: tuple[int, Mapping[str, Live]] | None = None  # what a run with that token left live

    def _graph_of(self, estate: Estate) -> Graph:
        compiled = KeptCompiled(self.root)
        graph = Graph.of(estate, self.env, self.engine.capabilities.dialect, compiled)
        joined = self.tool.joined(graph, self.env, default_environment(estate)) if self.tool is not None else graph
        compiled.save()
        return joined

    def close(self) -> None:
        """End what this object started; engine and ledger belong to whoever opened them."""
        self.worker.close()
        if self.files is not None:
            self.files.close()

    def session(self, purpose: str) -> Session:
        """Start a session that tells the engine who asks and what for."""
        return self.engine.session(self.caller, {"env": self.env, "task": purpose})

    def run(
        self,
        select: Collection[str] = (),
        interval: Interval | None = None,
        progress: Progress | None = None,
        *,
        until: datetime | None = None,
        trigger: str = "command",
    ) -> RunOutcome:
        """Build, check and publish what is new of the selected assets (default: all) and intervals (default: all).

        `until` leaves intervals for later that end after that instant; `trigger` says in the events what made it run.

        Raises:
            FreeholdError: FH-D002 a selector names nothing; FH-L201 another run holds the environment; FH-D101, FH-D102
                another writer took over. What is bad about data is an outcome, not an error.
        """
        chosen = self.graph.select(select)
        built = {a for a in chosen if self.graph.assets[a].product.mode == "publish"}
        if all(self.graph.assets[a].kind is Kind.EXTERNAL for a in built):
            return RunOutcome(self.ids.new(), (), (), 0, (), 0.0)  # others build all of it, so nothing is written
        if built != chosen:
            select = sorted(built)
        is_new = self._is_new_warehouse()
        with self.writing() as (session, token):
            taken = fork(self, session, token)
            run = Run(self, session, token, select, interval, until, progress, trigger=trigger)
            run.expect_free()
            if not self._is_applied:
                apply(
                    self.estate, self.graph, self.ledger, self.root, self.env, self.places, is_of_files=self.is_of_files
                )
                self._is_applied = True
            self._expectations.remember(self.clock.now())
            outcome = run.execute()
            judged = judge_anew(self, session, run.live, self.graph.select(select))
            notices = self._notices(is_new=is_new, taken=len(taken))
            outcome = replace(outcome, judged=judged, notices=tuple(notices))
            if run.idle_candidates > MOST_IDLE and self.publication.idle(session) > MOST_IDLE:
                collecting.collect(self, session, token, KEPT_RELEASES)
        self._left = (token, run.live)
        return outcome

    def check(self, select: Collection[str] = (), *, remember: bool = True) -> dict[str, Evaluation]:
        """Judge what is live by the contracts, building nothing; return an evaluation by asset that is live.

        Products that only watch or advise are left out, unless somebody selects them. The verdicts become events,
        unless `remember` is false.
        """
        with self.reading() as session:
            chosen = self.graph.select(select)
            if not select:
                chosen = {a for a in chosen if self.graph.assets[a].product.mode not in ADVISED}
            assets = [a for a in self.graph.assets.values() if a.id in chosen]
            return judge(self, session, self.overlay(session), assets, remember=remember)

    def rollback(self, product: str, reason: str = "", since: datetime | None = None) -> Return:
        """Make the deployment before the current one live again and pin the product there.

        With `since` it is the last one before that instant, where anything that came later is live.

        In a job that was interrupted and is begun again, what its first attempt took back is returned, and nothing
        more is taken back.

        Raises:
            FreeholdError: FH-D201 there is no such product; FH-D202 there is nothing to go back to.
        """
        assets = self._assets_of(product)
        with self.writing() as (session, token):
            releases = self.publication.releases(session, assets)
            now, deployment = self.clock.now(), self._own_deployment(product)
            evidence = Evidence(self.env, deployment, deployment, now)
            if (told := self.ledger.get(evidence.id_of("deploy.rolled_back", product))) is not None:
                return returned_before(told.data, releases, self.graph, deployment)
            found = self._way_back(session, product, assets, since)
            moves = list(found.moves)
            said = self._aside("rollback", reason, product)
            names = [m.asset for m in moves]
            events = [
                *self.publishing_events(evidence, moves, {}),
                *restated_by_return(self.publication, session, evidence, self.graph, moves),
                evidence.rolled_back(product, names, found.from_deployment, found.to_deployment, said),
            ]
            drafts = self.ledger.drafted(*events)
            self.ledger.append(evidence.started(moves), fence=self.lease)
            self.publication.settle(session, Settlement(deployment, tuple(moves), events=packed(events)), token, now)
            self.ledger.append_drafted(drafts)
            self.publication.sent(session)
            moved = {m.asset for m in found.moves}
            behind = self.outdated(session, self.overlay(session))
            below = self.graph.downstream(moved) - set(assets)
            return replace(found, left=tuple(a for a in self.graph.assets if a in below and a in behind))

    def has_taken_back(self, product: str) -> bool:
        """Whether this very job took a product back in an attempt before, so that to do so again takes back nothing."""
        if not self.caller.job:
            return False
        deployment = self._own_deployment(product)
        evidence = Evidence(self.env, deployment, deployment, self.clock.now())
        return self.ledger.get(evidence.id_of("deploy.rolled_back", product)) is not None

    def way_back(self, product: str) -> Return:
        """Return what `rollback` would do now, doing nothing; `left` is what is built from what it would take back.

        Raises:
            FreeholdError: FH-D201 there is no such product; FH-D202 there is nothing to go back to.
        """
        assets = self._assets_of(product)
        with self.reading() as session:
            found = self._way_back(session, product, assets)
            live = self.publication.live(session)
            below = self.graph.downstream({m.asset for m in found.moves}) - set(assets)
            return replace(found, left=tuple(a for a in self.graph.assets if a in below and a in live))

    def _way_back(self, session: Session, product: str, assets: Sequence[str], since: datetime | None = None) -> Return:
        live = self.publication.live(session)
        releases = self.publication.releases(session, assets)
        beside = {e.latest: name for name, e in self.estate.earlier.items()}
        found = returns_of(product, assets, live, releases, self.graph, beside, since)
        return replace(found, moves=tuple(self._back(session, move) for move in found.moves))

    def _own_deployment(self, product: str) -> str:
        """Return an id for a deployment: in a job always the same one for a product, so that its effect is known."""
        job = self.caller.job
        return str(uuid.uuid5(uuid.UUID(job), f"{self.env}|{product}")) if job else self.ids.new()

    def pin(self, product: str) -> tuple[str, ...]:
        """Keep runs from publishing a product: what is live stays; return the assets that were not pinned before.

        Raises:
            FreeholdError: FH-D201 there is no such product.
        """
        assets = self._assets_of(product)
        with self.writing() as (session, token):
            live = self.publication.live(session)
            free = tuple(a for a in assets if a in live and not live[a].pinned)
            self._pin(session, token, free, pinned=True)
            return free

    def unpin(self, product: str) -> tuple[str, ...]:
        """Let runs publish a product again; return the assets that were pinned."""
        assets = self._assets_of(product)
        with self.writing() as (session, token):
            live = self.publication.live(session)
            pinned = tuple(a for a in assets if a in live and live[a].pinned)
            self.free(session, token, pinned)
            return pinned

    def free(self, session: Session, token: int, pinned: Sequence[str]) -> None:
        """Let runs publish assets again that are pinned, and remember it."""
        self._pin(session, token, pinned, pinned=False)

    def _pin(self, session: Session, token: int, assets: Sequence[str], *, pinned: bool) -> None:
        """Keep assets as they are, or let go of them; whoever is killed before it is told leaves that to the next."""
        if not assets:
            return
        id_ = self.ids.new()
        evidence = Evidence(self.env, "", id_, self.clock.now())
        tell = evidence.pinned if pinned else evidence.unpinned
        by_product: dict[str, list[str]] = {}
        for name in assets:
            by_product.setdefault(self.graph.assets[name].product.id, []).append(name)
        events = [tell(product, names) for product, names in by_product.items()]
        self.publication.pin(session, assets, token, id_, packed(events), pinned=pinned)
        self.ledger.append(*events)
        self.publication.sent(session)

    def quarantined(self) -> tuple[Candidate, ...]:
        """Return the candidates that wait in quarantine and that nothing newer has replaced."""
        with self.reading() as session:
            open_ = self.open_candidates(session)
            return tuple(c for c in self.publication.waiting(session) if c.id in open_)

    def discard(self, candidate: int, reason: str) -> Candidate:
        """Accept doing without a candidate: what it held back may go on.

        Raises:
            FreeholdError: FH-D203 there is no such candidate in quarantine.
        """
        open_ = {c.id: c for c in self.quarantined()}
        if candidate not in open_:
            known = ", ".join(str(i) for i in open_) or "none"
            raise FreeholdError(
                "FH-D203",
                f"No candidate {candidate} is in quarantine.",
                fix=f"There: {known}. See `freehold quarantine list`.",
                exit_code=Exit.USAGE,
            )
        found = open_[candidate]
        with self.writing() as (session, token):
            self.publication.judge(session, candidate, "discarded", token)
            evidence = Evidence(self.env, "", self.ids.new(), self.clock.now())
            said = self._aside("discard", reason, found.asset)
            product = self.graph.assets[found.asset].product.id
            self.ledger.append(evidence.discarded(found.asset, found.id, product, found.interval, said))
        return found

    def candidate(self, id_: int) -> Candidate:
        """Return one candidate, whatever became of it.

        Raises:
            FreeholdError: FH-D203 there is none.
        """
        with self.reading() as session:
            candidates, _ = self.publication.everything(session)
        found = next((c for c in candidates if c.id == id_), None)
        if found is None:
            raise FreeholdError(
                "FH-D203",
                f"There is no candidate {id_}.",
                fix="See `freehold quarantine list`.",
                exit_code=Exit.USAGE,
            )
        return found

    def planned(self, asset: str, rows: int) -> tuple[PlannedCheck, ...]:
        """Return how the checks of a live asset of that many rows are or would be settled."""
        with self.reading() as session:
            overlay = self.overlay(session)
            found = self.graph.assets[asset]
            columns = session.columns_of(f"SELECT * FROM {overlay.reading(found)} AS t")
        return self.auditor.plan(found, columns).explain(rows)

    def collect(self, keep: int = KEPT_RELEASES, *, dry_run: bool = False) -> Garbage:
        """Drop what nothing can reach any more and return it; only return it if `dry_run`."""
        if dry_run:
            with self.reading() as session:
                return collecting.garbage_of(self, session, keep)
        with self.writing() as (session, token):
            return collecting.collect(self, session, token, keep)

    def retired(self) -> dict[str, Relation]:
        """Return what consumers can still read though no file builds it any more, and where they read it."""
        with self.reading() as session:
            return collecting.retired(self, self.publication.live(session))

    def earlier_versions(self) -> dict[str, EarlierVersion]:
        """Return the earlier versions of outputs that can still be read, by asset."""
        with self.reading() as session:
            return collecting.earlier_versions(self, self.publication.live(session))

    def retire(self, versions: Collection[str] = (), stays: Collection[str] = ()) -> dict[str, Relation]:
        """Take from consumers what no file builds any more, with every release of it; return what went.

        Of earlier versions go those that are named, and only after their last day.
        """
        return collecting.retire(self, versions, stays)

    def status(self, kept: KeptVerdicts | None = None) -> tuple[ProductStatus, ...]:
        """Return the state of every product: safe to use now, and if not, why not; asked again, by what was kept."""
        return status_of(self, kept)

    def late(self) -> tuple[Expected, ...]:
        """Return deliveries that should have come by now and are not there."""
        return self._expectations.late(self.clock.now())

    # -- what runs and other parts of this room ask

    def arrived(self, selected: Collection[str]) -> dict[str, dict[Interval | None, FileVersion]]:
        """Return the files that are there for every selected source, and for the sources they stand beside."""
        wanted = self.graph.upstream(selected)
        sources = (a for a in self.graph.assets.values() if a.kind is Kind.SOURCE and a.id in wanted)
        return {a.id: self._landing.arrived(a) for a in sources}

    def waiting(self, session: Session, overlay: Overlay) -> dict[str, Candidate]:
        """Return candidates that are not live, by step key, the newest of each; their columns become known."""
        found = {c.step_key: c for c in self.publication.waiting(session) if c.state != "refused"}
        self.know_columns(session, {c.physical for c in found.values() if c.physical})
        gone = {c.step_key for c in found.values() if c.physical and not overlay.columns.get(c.physical)}
        return {key: c for key, c in found.items() if key not in gone}

    def outdated(self, session: Session, overlay: Overlay) -> dict[str, str]:
        """Return the assets that are not built from what is live of what they read, each with such an input."""
        waiting = {c.step_key: c for c in self.publication.waiting(session) if c.state in ("quarantined", "discarded")}
        definitions = self.definitions(session)
        return outdated(self.graph, overlay, definitions, self.origins, waiting, self.clock.now())

    def _claim(self, session: Session) -> None:
        """Make sure that this environment is ours to write, before the first time."""
        if self._is_ours:
            return
        declared = self.estate.environment(self.env)
        identity = (self.ledger.state.get("ledger", "identity") or {}).get("id")
        if identity is None:
            identity = self.ids.new()
            self.ledger.state.put("ledger", "identity", {"id": identity})
        ownership.claim(
            session,
            self.publication,
            identity,
            is_usual=self.env == default_environment(self.estate),
            is_protected=bool(declared and declared.protected),
        )
        self._is_ours = True

    def forget(self) -> None:
        """Forget what was left live, so that it is read from the warehouse again."""
        self._left = None
        self._is_applied = False

    def definitions(self, session: Session) -> Definitions:
        """Return the definitions of all assets, compared with every one that ever built something."""
        if self._definitions is None:
            kept = self.publication.definitions(session)
            self._definitions = Definitions(kept, self.engine.capabilities.dialect)
        return self._definitions

    def know_columns(self, session: Session, tables: Iterable[str]) -> None:
        """Learn the columns of tables of the store, without the batch column, where they are not known yet."""
        unknown = [table for table in tables if table not in self.columns]
        every = session.describe_all(STORE) if len(unknown) > _MANY else {}
        for table in unknown:
            described = every[table] if table in every else session.describe(Relation(STORE, table))
            self.columns[table] = tuple(c for c in described if c.name != "_batch")

    def publishing_events(
        self, evidence: Evidence, moves: Sequence[Move], candidates: Mapping[int, Candidate]
    ) -> Iterator[Event]:
        """Say what moved and that the deployment ended well."""
        for move in moves:
            yield evidence.published(move, self.graph.assets[move.asset].product.id, candidates)
        if moves:
            yield evidence.ended(moves, "success")

    # -- inside

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Give a session that only reads."""
        session = self.session("read")
        try:
            yield session
        finally:
            session.close()

    @contextmanager
    def writing(self, env: str | None = None) -> Iterator[tuple[Session, int]]:
        """Hold the environment (or another): a lease in the ledger against others who ask, a token in the warehouse
        against those who do not know yet that they lost it.
        """
        publication = self.publication if env in (None, self.env) else Publication(str(env))
        holder = f"{self.caller.principal}@{socket.gethostname()}:{os.getpid()}"
        session = self.session("publish")
        lease = self.ledger.lease(f"deliver:{publication.env}", holder, self._lease_s, is_gone=is_dead)
        try:
            publication.prepare(session)
            if publication is not self.publication:
                token = publication.take(session)
                self._recover(session, publication)
                with lease.kept_alive():
                    yield session, token
                return
            token = self._token if publication.is_held(session, self._token) else publication.take(session)
            self._claim(session)
            self._left, self._token = self._left if token == self._token else None, token
            lease.renew()
            if not self._is_clean:
                self._recover(session, publication)
            self._is_clean = False
            self.lease = lease
            with lease.kept_alive():
                yield session, token
            self._is_clean = True
        finally:
            self.lease = None
            self._left = None  # whoever wrote may have moved something; a run says afterwards what it left
            session.close()
            lease.release()

    def overlay(self, session: Session, token: int | None = None) -> Overlay:
        """Return what is live, ready to be read and to have more laid over it.

        Who writes gives the token it holds: if it is the one that the last run here held, nobody has written since, and
        what that run left need not be read again.
        """
        if token is not None and self._left is not None and self._left[0] == token:
            return Overlay(self._left[1], self.clock.now().isoformat(), self.columns)
        live = self.publication.live(session)
        self.know_columns(session, {entry.physical for entry in live.values() if entry.physical})
        return Overlay(live, self.clock.now().isoformat(), self.columns)

    def _recover(self, session: Session, publication: Publication) -> None:
        """Finish what a killed process left: its events if it had settled, a word about it if it had not."""
        owed = publication.unsent(session)
        events = [event for _, packed_ones in owed for event in unpacked(packed_ones)]
        untold = [e for e in events if e.type == "estate.applied" and self.ledger.get(str(e.id)) is None]
        self.ledger.append(*events)  # those the ledger has already are recognised by their ids
        if owed:
            publication.sent(session)
        self._close_intents(session, publication)
        for applied in untold:
            self._expect_in_force(publication.env, applied)

    def _expect_in_force(self, env: str, applied: Event) -> None:
        """Go on only if the estate a killed process had put in force, before it could say so, is this one."""
        declared = self.estate.environment(env)
        is_ours = env != self.env or applied.data["resources"] == dict(self.estate.hashes)
        if declared is not None and declared.protected and not is_ours:
            raise FreeholdError(
                "FH-D222",
                f"A process that was killed had put another version of the estate in force in `{env}`, and only now "
                "the ledger knows; nothing was done.",
                fix="Say it again: it goes by that version.",
                exit_code=Exit.ENVIRONMENT,
            )

    def _close_intents(self, session: Session, publication: Publication) -> None:
        started = list(self.ledger.read(types=("deploy.started",), env=publication.env, newest_first=True, limit=1))
        for event in started:
            deployment = str(event.data["deploy_id"])
            if publication.released(session, deployment):
                continue
            evidence = Evidence(publication.env, event.run_id, deployment, self.clock.now())
            ended = evidence.ended((), "abandoned", "killed before it published")
            if ended.id and self.ledger.get(ended.id) is None:
                self.ledger.append(ended)

    def _is_new_warehouse(self) -> bool:
        """Say whether nothing was ever written to this warehouse, though the ledger knows of deployments."""
        if self._left is not None:  # something was, by this object
            return False
        with self.reading() as session:
            if self.publication.is_there(session):
                return False
        return any(self.ledger.read(types=("deploy.completed",), env=self.env, limit=1))

    def _notices(self, *, is_new: bool, taken: int) -> Iterator[str]:
        declared = self.estate.environment(self.env)
        if taken and declared is not None:
            yield f"`{self.env}` began with what is live in `{declared.defer_to}` ({taken:,} assets)."
        if is_new:
            yield "The warehouse held nothing of what the ledger says was published, so everything was built again."
        yield from self._landing.unread(self.graph.assets.values())

    def open_candidates(self, session: Session) -> set[int]:
        """Return the candidates in quarantine that nothing newer has replaced."""
        overlay = self.overlay(session)
        arrived = self.arrived(self.graph.assets)
        waiting = (c for c in self.publication.waiting(session) if c.state == "quarantined")
        return {c.id for c in waiting if self.is_open(c, overlay, arrived, self.definitions(session))}

    def _back(self, session: Session, move: Move) -> Move:
        """Complete a move back to an earlier epoch with the candidates that come and go."""
        then = set(self.publication.members_at(session, move.asset, move.restores or 0))
        now = {m.id for m in self.publication.live(session)[move.asset].members}
        return Move(
            asset=move.asset,
            view=move.view,
            physical=move.physical,
            view_sql=move.view_sql,
            expected_epoch=move.expected_epoch,
            added=tuple(sorted(then - now)),
            removed=tuple(sorted(now - then)),
            restores=move.restores,
            pinned=True,
            reads=move.reads,
        )

    def _assets_of(self, product: str) -> list[str]:
        from freehold.foundation import near

        found = [a.id for a in self.graph.assets.values() if product in (a.product.id, a.id)]
        if found:
            return found
        known = {a.product.id for a in self.graph.assets.values()}
        raise FreeholdError(
            "FH-D201",
            f"There is no product `{product}`.",
            fix=near(product, known) or f"There are: {', '.join(sorted(known))}.",
            exit_code=Exit.USAGE,
        )

    def _aside(self, kind: str, text: str, subject: str) -> str | None:
        """Keep what a person wrote out of the chain; return the id that stands for it."""
        return self.ledger.side.put(kind, {"text": text}, subject=subject) if text else None

    def is_open(self, candidate: Candidate, overlay: Overlay, arrived: Arrived, definitions: Definitions) -> bool:
        """Say whether a candidate in quarantine is still what would be built: the same inputs, the same meaning."""
        asset = self.graph.assets.get(candidate.asset)
        if asset is None:
            return False
        step = wanted(asset, candidate.interval, self.graph, overlay, arrived, definitions)
        return step is not None and _is_same(step, candidate)


def _is_same(step: Step, candidate: Candidate) -> bool:
    """Say whether a step is the one a candidate was built by, as far as can be told.

    What others change whenever they like has a version of its own each time it is asked for.
    """
    then, now = (tuple(i.partition("~")[0] for i in inputs) for inputs in (candidate.inputs, step.inputs))
    return step.key == candidate.step_key or (candidate.definition == step.definition and then == now != step.inputs)
