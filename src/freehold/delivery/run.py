"""One run: find what is new, build it beside what is live, judge it, publish what passed, remember all of it.

A run goes in *waves*: one for each interval, in the order of time, and one for assets that are built whole, each after
what it reads (see `phases`). A wave ends in one settlement, a single transaction that moves every asset of the wave at
once and keeps the events it owes the ledger, so that a process killed at any instant has either done all of a wave or
none of it. The last wave of intervals is settled together with what is built whole after it.
"""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from datetime import UTC, datetime
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING

import stamina

from freehold.delivery.asset import NOT_BUILT, Asset, Kind
from freehold.delivery.build import Builder
from freehold.delivery.categories import remember
from freehold.delivery.evidence import Evidence, packed
from freehold.delivery.freshness import freshness_events
from freehold.delivery.interval import Interval
from freehold.delivery.moves import moves_of
from freehold.delivery.orders import Foreseen, Tool, foresee
from freehold.delivery.origins import is_done
from freehold.delivery.outcome import Again, Change, RunOutcome, Wave, Work
from freehold.delivery.overlay import Overlay
from freehold.delivery.ownership import expect_free
from freehold.delivery.phases import phases, waits_for
from freehold.delivery.quarantine import Quarantine
from freehold.delivery.release import Candidate, Judged, Live, Move, Settlement
from freehold.delivery.restating import restated
from freehold.delivery.samples import keep_sample
from freehold.delivery.step import (
    Arrived,
    Status,
    Step,
    StepOutcome,
    intervals_of,
    wanted,
    waves,
)
from freehold.delivery.strayed import CODE as STRAYED
from freehold.delivery.strayed import strayed
from freehold.delivery.unfinished import at_work
from freehold.delivery.waits import Waits
from freehold.engines import Session
from freehold.foundation import Exit, FreeholdError, Transient
from freehold.quality import Result

if TYPE_CHECKING:
    from freehold.delivery.service import Delivery
    from freehold.ledger import Event

Progress = Callable[["StepOutcome | None", int, int], None]
"""Called with a finished step (or None), how many intervals are done, and how many there are."""


class Run:
    """One run of one environment. Made for one use."""

    def __init__(
        self,
        delivery: Delivery,
        session: Session,
        token: int,
        select: Collection[str],
        interval: Interval | None,
        until: datetime | None,
        progress: Progress | None,
        change: Change | None = None,
        again: Again | None = None,
        trigger: str = "command",
    ) -> None:
        self._d = delivery
        self._trigger = trigger
        self._session = session
        self._token = token
        self._only = interval
        self._until = until
        self._progress = progress or (lambda *_: None)
        self.run_id = again.id if again else delivery.ids.new()
        self._graph = delivery.graph
        chosen = delivery.graph.select(select)
        self._selected = {a for a in chosen if delivery.graph.assets[a].kind is not Kind.FROZEN}
        self._overlay = delivery.overlay(session, token)
        self._waiting = delivery.waiting(session, self._overlay)
        self._quarantine = Quarantine(delivery.ledger, delivery.env, self._waiting.values())
        self._definitions = delivery.definitions(session)
        delivery.origins.equate(self._definitions, self._overlay)
        self._arrived: Arrived = delivery.arrived(self._selected)
        self._builder = Builder(
            *(delivery.root, delivery.publication, self._overlay, self._graph.assets, delivery.worker, delivery.bound),
            delivery.origins,
            delivery.files,
        )
        self._waits_for = waits_for(
            self._graph, {a.id: delivery.auditor.referred(a) for a in self._graph.assets.values()}
        )
        self._phases = phases(self._graph, self._waits_for)
        self._change = change
        self._stood = frozenset(self._overlay.live)
        self._again = again
        self._together = change is not None or again is not None
        self._later: set[str] = set()
        self._number: int | None = None
        self._wave = Wave()
        self._steps: list[StepOutcome] = []
        self._deployments: list[str] = []
        self._unchanged = 0
        self._waits = Waits(delivery, self._overlay, self._waiting, self._arrived, self._definitions, until)

    def execute(self) -> RunOutcome:
        """Do everything there is to do; see the module."""
        began = time.perf_counter()
        with at_work(self._d.ledger, self._d.env, self.run_id):
            for phase in self._phases:
                if phase.by_interval:
                    self._go_by_interval(phase.assets)
                else:
                    self._go(None, phase.assets)
            self._settle(is_last=True)
            self._close_quarantine()
        pinned = tuple(sorted(a for a in self._selected if self._is_pinned(a)))
        seconds = time.perf_counter() - began
        return RunOutcome(
            *(self.run_id, tuple(self._steps), tuple(self._deployments), self._unchanged, pinned, seconds),
            later=tuple(sorted(self._later)),
        )

    @property
    def _takes_over(self) -> bool:
        return self._change is not None and self._change.takes_over

    def expect_free(self) -> None:
        """Refuse to begin where something of others stands in the way; it is looked at again before publishing.

        Raises:
            FreeholdError: FH-D223 something does.
        """
        if self._takes_over:
            return
        live, assets = self._overlay.live, (self._graph.assets[name] for name in sorted(self._selected))
        fresh = [a for a in assets if a.kind not in NOT_BUILT and (a.id not in live or not live[a.id].is_shown)]
        if fresh:
            expect_free(self._session, self._d.publication, {a.id: a.relation for a in fresh})

    @property
    def idle_candidates(self) -> int:
        """How many candidates were not live when the run began."""
        return len(self._waiting)

    def _go_by_interval(self, assets: Sequence[str]) -> None:
        """Go through the intervals of a phase in the order of time; what the last one gives is settled later."""
        pending = self._pending(assets)
        self._together = self._together or self._changes_definition(pending)
        ordered = list(waves(pending))
        for done, (interval, names) in enumerate(ordered, start=1):
            self._go(interval, names)
            if done < len(ordered) and not self._together:
                self._settle()
            self._progress(None, done, len(ordered))

    # -- what there is to do

    def _pending(self, assets: Iterable[str]) -> dict[Interval, list[str]]:
        """Return intervals in which something of these assets may be new, with those assets, inputs first."""
        found = intervals_of(self._graph, self._overlay, self._arrived)
        stale: dict[Interval, list[str]] = defaultdict(list)
        moved: dict[str, set[Interval]] = defaultdict(set)
        for asset in (self._graph.assets[name] for name in assets if self._graph.assets[name].kind is not Kind.FROZEN):
            is_plainly_done = self._plainly_done(asset)
            above = [moved[name] for name in asset.inputs if moved.get(name)]
            for interval in found.get(asset.id, ()):
                if above and _reads_moved(interval, above):
                    is_new = True
                else:
                    is_new = not is_plainly_done(interval) and not self._is_done(asset, interval)
                if not is_new:
                    self._unchanged += 1
                    continue
                moved[asset.id].add(interval)
                if self._is_chosen(asset, interval):
                    stale[interval].append(asset.id)
        return stale

    def _plainly_done(self, asset: Asset) -> Callable[[Interval], bool]:
        """Return what says quickly, for the common case, that what stands was built from exactly what stands above."""
        definition, standing = self._definitions.of(asset), self._overlay.standing(asset.id)
        if asset.kind is Kind.SOURCE:
            files = self._arrived.get(asset.id, {})

            def inputs(interval: Interval) -> tuple[str, ...]:
                version = files.get(interval)
                return (version.name,) if version else ("",)
        else:
            inputs_standing = [self._overlay.standing(name) for name in asset.inputs]

            def inputs(interval: Interval) -> tuple[str, ...]:
                found = (above.get(interval) or above.get(None) for above in inputs_standing)
                return tuple(c.name if c else "" for c in found)

        def is_plainly_done(interval: Interval) -> bool:
            if self._again is not None and self._again.wants(asset.id, interval):
                return False
            candidate = standing.get(interval)
            return candidate is not None and candidate.definition == definition and candidate.inputs == inputs(interval)

        return is_plainly_done

    def _is_done(self, asset: Asset, interval: Interval) -> bool:
        """Say whether an interval stands as it should, or cannot be built at all."""
        step = wanted(asset, interval, self._graph, self._overlay, self._arrived, self._definitions)
        return step is None or self._stands(step)

    def _stands(self, step: Step) -> bool:
        return self._stands_in(step, self._overlay)

    def _stands_in(self, step: Step, overlay: Overlay) -> bool:
        """Say whether a step is done, as things are laid over each other."""
        standing = overlay.standing(step.asset.id).get(step.interval)
        if self._again is not None and self._again.wants(step.asset.id, step.interval):
            return standing is not None and standing.run_id == self._again.id
        return is_done(step, standing, self._d.origins, overlay)

    def _is_chosen(self, asset: Asset, interval: Interval) -> bool:
        """Say whether an interval is asked for."""
        over = self._until is None or interval.end.replace(tzinfo=UTC) <= self._until
        if not over and asset.kind is Kind.SOURCE and interval in self._arrived.get(asset.id, {}):
            self._later.add(self._arrived[asset.id][interval].path)
        return over and asset.id in self._selected and (self._only is None or self._only.covers(interval))

    def _changes_definition(self, pending: dict[Interval, list[str]]) -> bool:
        """Say whether an interval asset moves to a new table: then all waves are published together, or the live
        view would lose the intervals that are not rebuilt yet.
        """
        names = {name for assets in pending.values() for name in assets}
        for name in names:
            definition = self._definitions.of(self._graph.assets[name])
            if any(c.definition != definition for c in self._overlay.standing(name).values()):
                return True
        return False

    def _is_pinned(self, asset: str) -> bool:
        live = self._overlay.live.get(asset)
        frees = self._change is not None and self._change.frees
        return bool(live and live.pinned) and not frees

    # -- one wave

    def _go(self, interval: Interval | None, assets: Sequence[str]) -> None:
        """Run the steps of a wave, each after its inputs, as many at once as there are jobs."""
        names = [a for a in assets if a in self._selected and not self._is_pinned(a)]
        if interval is None:
            self._waits.find_gaps()
            if self._d.tool is not None and any(self._graph.assets[name].is_ordered for name in names):
                self._go_by_order(self._d.tool, names)
                return
        self._build(names, interval)

    def _go_by_order(self, tool: Tool, names: Sequence[str]) -> None:
        """Have another tool build what of these assets is its to build, then take all of them step by step."""
        foreseen = self._foreseen([n for n in names if self._graph.assets[n].is_ordered])
        try:
            if foreseen.steps:
                tool.clear(self._session)
                order = foreseen.order(self._token, self._graph, self._d.origins, self._overlay)
                self._builder.made = dict(tool.build(self._d.engine, self._session, order))
            self._build(names, None)
        finally:
            if foreseen.steps:
                tool.clear(self._session)

    def _foreseen(self, names: Sequence[str]) -> Foreseen:
        """Return what has to be ordered, decided as for a step of our own."""
        return foresee(
            *(names, self._graph, self._overlay, self._d.origins, self._d.clock.now()),
            lambda asset, overlay: wanted(asset, None, self._graph, overlay, self._arrived, self._definitions),
            self._stands_in,
            self._earlier,
        )

    def _build(self, names: Sequence[str], interval: Interval | None) -> None:
        """Run the steps of these assets."""
        if self._d.jobs == 1 or len(names) == 1:
            for name in names:
                self._finish(self._step(self._session, name, interval))
            return
        sorter = TopologicalSorter({n: self._waits_for[n] & set(names) for n in names})
        sorter.prepare()
        with ThreadPoolExecutor(self._d.jobs) as pool:
            running: dict[Future[Work | None], str] = {}
            try:
                while sorter.is_active():
                    for name in sorter.get_ready():
                        running[pool.submit(self._apart, name, interval)] = name
                    for future in wait(running, return_when=FIRST_COMPLETED).done:
                        self._finish(future.result())
                        sorter.done(running.pop(future))
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)  # what has not begun is not begun any more
                raise

    def _apart(self, name: str, interval: Interval | None) -> Work | None:
        session = self._d.session("build")
        try:
            return self._step(session, name, interval)
        finally:
            session.close()

    def _finish(self, work: Work | None) -> None:
        if work is None:
            return
        self._wave.work.append(work)
        outcome = work.outcome
        if outcome.status is not Status.PUBLISHED:
            self._waits.block(outcome)
        self._progress(work.outcome, 0, 0)

    def _step(self, session: Session, name: str, interval: Interval | None) -> Work | None:
        """Bring one asset, or one interval of it, up to date; None when it is."""
        asset = self._graph.assets[name]
        holder = self._waits.holder(asset, interval)
        step = wanted(asset, interval, self._graph, self._overlay, self._arrived, self._definitions)
        if holder is not None:
            return self._held(asset, interval, step, holder)
        if step is None or self._stands(step):
            self._unchanged += 1 if interval is None else 0
            return None
        if self._again is not None and self._again.wants(name, interval):
            step = replace(step, is_again=True)
        earlier = self._earlier(step)
        is_still = earlier is not None and earlier.audit == self._d.auditor.fingerprint(asset)
        if earlier and is_still and earlier.state == "quarantined" and self._quarantine.knows(earlier):
            return Work(self._outcome(step, Status.QUARANTINED, earlier, earlier.reason or "", repeated=True), earlier)
        if earlier and earlier.state == "discarded":
            return None
        return self._attempt(session, step, earlier)

    def _earlier(self, step: Step) -> Candidate | None:
        """Return what was built of this very step before; of one that is wanted again, since it is."""
        found = self._waiting.get(step.key)
        if found is None or (step.is_again and found.run_id != self.run_id):
            return None
        if step.asset.is_ordered and found.state != "discarded":  # the tests of its tool are made of what it builds
            is_told = found.audit == self._d.auditor.fingerprint(step.asset)
            is_held = found.state == "quarantined" and self._quarantine.knows(found)
            is_kept = is_held or self._is_judged(step.asset, found)
            return found if is_told and is_kept else None
        return found

    def _attempt(self, session: Session, step: Step, earlier: Candidate | None) -> Work:
        at, began, tried = self._d.clock.now(), time.perf_counter(), 1
        if earlier is not None and self._is_judged(step.asset, earlier):
            self._overlay.accept(earlier)
            return Work(self._outcome(step, Status.PUBLISHED, earlier, reused=True), earlier)
        try:
            for attempt in stamina.retry_context(on=Transient, attempts=3, wait_initial=0.1, wait_max=2.0):
                tried = attempt.num
                with attempt:
                    candidate, query = self._candidate(session, step, earlier)
                    evaluation = self._d.auditor.candidate(
                        session, step.asset, candidate, query, self._overlay, self._d.clock.now()
                    )
        except FreeholdError as error:
            if error.exit_code is Exit.ENVIRONMENT:  # a full disk is no fault of this step: the run ends here
                raise
            work = self._broken(session, step, error)
            seconds = time.perf_counter() - began
            work.outcome = replace(work.outcome, began=at, seconds=seconds, attempts=tried)
            return work
        if step.asset.is_ordered:
            told = self._builder.made[step.asset.id].results
            evaluation = replace(evaluation, results=(*evaluation.results, *told))
        failed = [r for r in evaluation.results if r.blocks]
        if step.asset.kind is Kind.VIEW:
            candidate = replace(candidate, rows=evaluation.state.rows)
        status = Status.QUARANTINED if failed else Status.PUBLISHED
        reason = "; ".join(r.told for r in failed[:3])
        seconds = time.perf_counter() - began
        is_reused = earlier is not None and candidate.id == earlier.id
        outcome = self._outcome(step, status, candidate, reason, results=evaluation.results, reused=is_reused)
        outcome = replace(outcome, began=at, seconds=seconds, attempts=tried)
        if not failed:
            audit = self._d.auditor.fingerprint(step.asset)
            self._overlay.accept(replace(candidate, state="audited", audit=audit), query)
        return Work(outcome, candidate, evaluation)

    def _is_judged(self, asset: Asset, earlier: Candidate) -> bool:
        """Say whether a candidate can be published as it is: good by today's checks, whatever else is live.

        Rows of one interval are judged beside the others, and references against other assets: those again.
        """
        is_whole = not asset.by_interval and bool(earlier.physical) and not self._d.auditor.referred(asset)
        return is_whole and earlier.state == "audited" and earlier.audit == self._d.auditor.fingerprint(asset)

    def _candidate(self, session: Session, step: Step, earlier: Candidate | None) -> tuple[Candidate, str]:
        """Return the candidate of a step: one that is there already, or a new one."""
        if earlier is not None and step.asset.kind is not Kind.VIEW and earlier.physical:
            return earlier, ""
        id_ = self._d.publication.next_candidate(session)
        file = self._arrived[step.asset.id][step.interval] if step.asset.kind is Kind.SOURCE else None
        return self._builder.build(session, step, id_, self.run_id, self._d.clock, file)

    def _broken(self, session: Session, step: Step, error: FreeholdError) -> Work:
        """Return the outcome of a step that could not be built. Bad data is quarantined, a bad model failed."""
        is_data = step.asset.kind is Kind.SOURCE
        status = Status.QUARANTINED if is_data else Status.FAILED
        candidate = None
        if is_data:
            id_ = self._d.publication.next_candidate(session)
            candidate = self._builder.refused(session, step, id_, self.run_id, self._d.clock)
        outcome = self._outcome(step, status, candidate, str(error), code=error.code)
        if is_data and error.code == STRAYED:
            file = self._arrived[step.asset.id][step.interval]
            differs = strayed(self._d.root, step.asset, file, self._d.ledger, self._d.clock.now())
            outcome = replace(outcome, strayed=differs)
        return Work(outcome, candidate)

    def _held(self, asset: Asset, interval: Interval | None, step: Step | None, holder: StepOutcome) -> Work | None:
        if interval is None and step is not None and self._stands(step) and holder.repeated:
            return None
        live = self._overlay.live.get(asset.id)
        at = f" of {holder.interval}" if holder.interval and holder.interval != interval else ""
        return Work(
            StepOutcome(
                asset=asset.id,
                product=asset.product.id,
                interval=interval,
                status=Status.HELD,
                reason=f"waits for {holder.asset}{at}, which is {holder.status}",
                repeated=holder.repeated,
                kept=live.deployment if live else "",
            )
        )

    def _outcome(
        self,
        step: Step,
        status: Status,
        candidate: Candidate | None,
        reason: str = "",
        *,
        code: str = "",
        results: tuple[Result, ...] = (),
        repeated: bool = False,
        reused: bool = False,
    ) -> StepOutcome:
        live = self._overlay.live.get(step.asset.id)
        return StepOutcome(
            asset=step.asset.id,
            product=step.asset.product.id,
            interval=step.interval,
            status=status,
            rows=candidate.rows if candidate else 0,
            reason=reason,
            code=code,
            repeated=repeated,
            reused=reused,
            step_key=step.key,
            candidate=candidate.id if candidate else 0,
            kept=live.deployment if live and status is not Status.PUBLISHED else "",
            results=results,
        )

    # -- the end of a wave

    def _settle(self, *, is_last: bool = False) -> None:
        """Publish what passed and remember everything, all at once; after the last wave, also how old the data is."""
        wave, self._wave = self._wave, Wave()
        waiting = self._waits.kept_back()
        for work in wave.work:
            if work.outcome.status is Status.PUBLISHED and work.outcome.asset in waiting:
                work.outcome = self._waiting_outcome(work.outcome, waiting[work.outcome.asset])
        self._steps += [w.outcome for w in wave.work]
        fresh = [w for w in wave.work if not w.outcome.repeated]
        now = self._d.clock.now()
        deployment = self._d.ids.new() if fresh else ""
        change = self._change
        named = change.id if change else ""
        evidence = Evidence(self._d.env, self.run_id, deployment or self.run_id, now, named, self._trigger)
        moves = moves_of(self._overlay, self._graph, self._d.publication, waiting) if fresh else []
        if (change is not None or self._again is not None) and (why := self._refused()):
            moves = []
            self._hold_back(wave, why)
        else:
            why = ""
        live = self._after(moves, deployment, now)
        events = list(self._events(evidence, fresh, moves))
        after = {move.asset: live[move.asset].members for move in moves}
        events += restated(evidence, self._graph, moves, self._overlay.live, after)
        if change is not None and moves and change.applied is not None:
            events.append(change.applied)
        if why:
            events.append(evidence.ended((), "failed", why))
        if is_last and (moves or self._deployments):
            events += freshness_events(evidence, self._graph, live, now)
        if not fresh:
            self._d.ledger.append(*events)
            return
        self._define()
        if moves:
            self._d.ledger.append(evidence.started(moves), fence=self._d.lease)
        if moves and self._number is None:
            self._number = self._d.publication.next_number(self._session)
        judged = tuple(self._judged(fresh))
        reused = tuple(w.candidate.id for w in fresh if w.candidate and w.outcome.reused)
        settlement = Settlement(
            *(deployment, tuple(moves), judged, packed(events), self._number, reused),
            takes_over=self._takes_over,
        )
        drafts = self._d.ledger.drafted(*events)  # what the ledger would refuse must not be published first
        self._quarantine.take(w.outcome for w in fresh)
        self._d.publication.settle(self._session, settlement, self._token, now)
        self._d.ledger.append_drafted(drafts)
        if moves:
            self._deployments.append(deployment)
            self._overlay.settled(live)

    def _close_quarantine(self) -> None:
        """Say of what is in quarantine that nobody waits for it any more, since what is live is as it should be."""
        if not self._quarantine:
            return
        overlay = self._d.overlay(self._session)

        def stands(asset: Asset, interval: Interval | None) -> bool:
            step = wanted(asset, interval, self._graph, overlay, self._arrived, self._definitions)
            return step is None or self._stands_in(step, overlay)

        evidence = Evidence(self._d.env, self.run_id, self.run_id, self._d.clock.now())
        over = self._quarantine.close(evidence, self._graph.assets, self._selected, self._steps, stands)
        self._d.ledger.append(*over)

    def _refused(self) -> str:
        """Return why a change cannot be published whole: what failed of it, or took a part from what was live."""
        kept = [s for s in self._steps if s.status is not Status.PUBLISHED]
        found = next((s for s in kept if s.status is Status.FAILED or s.asset in self._stood), None)
        return f"it is published whole or not at all, and {found.asset} is {found.status}" if found else ""

    def _hold_back(self, wave: Wave, why: str) -> None:
        """Let what would have been published wait with the rest of its change."""
        for work in wave.work:
            if work.outcome.status is Status.PUBLISHED:
                work.outcome = self._waiting_outcome(work.outcome, why)
        self._steps = [w.outcome for w in wave.work]

    def _waiting_outcome(self, outcome: StepOutcome, reason: str) -> StepOutcome:
        live = self._overlay.live.get(outcome.asset)
        return replace(outcome, status=Status.HELD, reason=reason, kept=live.deployment if live else "")

    def _after(self, moves: Iterable[Move], deployment: str, now: datetime) -> dict[str, Live]:
        """Return what is live after a settlement: what it committed, so there is no need to ask."""
        live = dict(self._overlay.live)
        for move in moves:
            members = tuple(sorted(self._overlay.standing(move.asset).values(), key=lambda c: c.id))
            live[move.asset] = Live(
                *(move.asset, deployment, move.expected_epoch + 1, move.physical, move.view_sql, move.pinned, now),
                members=members,
            )
        return live

    @property
    def live(self) -> Mapping[str, Live]:
        """What is live, as of the last settlement."""
        return self._overlay.live

    def _define(self) -> None:
        for asset, name, text in self._definitions.new:
            self._d.publication.define(self._session, asset, name, text)
        self._definitions.new.clear()

    def _judged(self, fresh: Iterable[Work]) -> Iterator[Judged]:
        for work in fresh:
            if work.candidate is None or (work.outcome.reused and work.evaluation is None):
                continue
            state = "quarantined" if work.outcome.status is Status.QUARANTINED else "audited"
            audit = self._d.auditor.fingerprint(self._graph.assets[work.outcome.asset])
            profile = json.dumps(work.evaluation.state.to_json()) if work.evaluation else None
            yield Judged(work.candidate.id, state, audit, work.outcome.reason or None, profile, work.candidate.rows)

    def _events(self, evidence: Evidence, fresh: list[Work], moves: Sequence[Move]) -> Iterator[Event]:
        candidates = {w.candidate.id: w.candidate for w in fresh if w.candidate}
        now = self._d.clock.now()
        for work in fresh:
            outcome = work.outcome
            yield evidence.step(outcome, now)
            if outcome.strayed is not None:
                yield evidence.schema(outcome, outcome.strayed)
            for result in outcome.results:
                sample = keep_sample(self._d.ledger, self._session, result)
                yield evidence.check(result, outcome.product, outcome.interval, sample, candidate=outcome.candidate)
            if work.evaluation and work.evaluation.results:
                categories = remember(self._d.ledger, outcome.asset, work.evaluation.state)
                yield evidence.profile(outcome, work.evaluation.state, categories)
            if outcome.status is Status.QUARANTINED and work.candidate:
                yield evidence.quarantined(outcome, work.candidate.physical)
        yield from self._d.publishing_events(evidence, moves, candidates)


def _reads_moved(interval: Interval, above: Sequence[set[Interval]]) -> bool:
    """Say whether an input has something new in what an interval is built from."""
    return any(interval in moved or any(i.overlaps(interval) for i in moved) for moved in above)
