"""The round in which channels are told of incidents, of alerts that are part of none, and of plans that were applied.

A page that is lost is worse than one that comes twice, so that it was told is recorded after it was. PagerDuty and
webhooks know what comes twice by its id; in Slack, Teams and by Apprise, what was under way when a server was ended by
force comes twice.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from freehold.connect.messages import Channel, Said, channels_of
from freehold.connect.messages.failing import Busy
from freehold.connect.messages.posting import Posting
from freehold.connect.paging import Act, Matter, Matters, Page, Told, concerns, due, page_of
from freehold.connect.paging.pagerduty import CHANGE, change_of
from freehold.connect.paging.telling import enqueue, routing_key_of, tell
from freehold.delivery.graph import default_environment
from freehold.foundation import Caller, FreeholdError, Problems, Transient
from freehold.foundation.owning import holder, is_dead
from freehold.ledger import Event
from freehold.server.messages.waiting import buttons_of, eyes_of, page_at
from freehold.server.rows_seen import why_hidden
from freehold.work import Work

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from freehold.connect.messages.message import Button
    from freehold.ledger import Lease, Ledger
    from freehold.reliability.alerts import Alert
    from freehold.server.application import Served
    from freehold.server.snapshots import Snapshot

SENT, APPLIED = "page.sent", "estate.applied"
WAKING = ("incident.*", "alert.notified", APPLIED)  # what is told at once, where this process records it
_LEASE_S = 30.0
_AT_ONCE = 8  # channels that are told at the same time
_REST = timedelta(seconds=15)  # of a channel that takes nothing now
_REFUSED = timedelta(minutes=5)  # of a matter that a channel refuses: somebody may mend what is wrong
_NEWS = timedelta(days=1)  # a change that is older helps nobody who was paged


class PageRound:
    """Pages, for one server. What the ledger tells is read once; after that, what is new."""

    name = "pages"

    def __init__(self) -> None:
        self._served: Served | None = None
        self._matters: Matters | None = None
        self._told: dict[tuple[str, str], Told] = defaultdict(Told)
        self._read = 0
        self._newest = -1
        self._failing = False  # whether something is to be told that could not be
        self._resting: dict[tuple[str, str], datetime] = {}  # channel and matter, or channel alone, with until when

    def of(self, app: Starlette) -> None:
        """Say of which application, once that is put together."""
        self._served = app.state.served

    def go(self) -> None:
        """Tell what is new since the last look.

        Raises:
            FreeholdError: FH-L201 another server tells.
            Problems: FH-X321, FH-X322, FH-E370, FH-E371 each a channel that could not be told.
        """
        served = self._served
        if served is None:
            return
        snapshot = served.snapshots.lately()
        channels = [*channels_of(snapshot.estate).values()]
        ledger, now = served.snapshots.ledger, served.snapshots.clock.now()
        newest = next((e.seq for e in ledger.read(newest_first=True, limit=1)), 0)
        self._resting = {key: until for key, until in self._resting.items() if until > now}
        if not channels or (newest == self._newest and not self._failing):
            return
        acting = ledger.acting(Caller("system:server", purpose="pages", assurance="system"))
        failed: list[FreeholdError] = []
        with acting.lease("pages", holder("server"), _LEASE_S, is_gone=is_dead) as lease, lease.kept_alive():
            self._look(served, snapshot)
            ready = [one for one in channels if (one.id, "") not in self._resting]
            with ThreadPoolExecutor(_AT_ONCE, "paging") as pool:  # one that hangs keeps no other from being told
                for came in pool.map(lambda one: [*self._tell(served, acting, lease, one, now)], ready):
                    failed += came
        self._newest, self._failing = newest, bool(failed or self._resting)
        if failed:
            raise Problems(failed)

    def _look(self, served: Served, snapshot: Snapshot) -> None:
        """Take in what was recorded since the last look; what another server told is known by the lease's time."""
        ledger = served.snapshots.ledger
        if self._matters is None:
            self._matters = Matters(ledger, snapshot.env, default_environment(snapshot.estate))
        self._matters.look()
        for event in ledger.read(types=(SENT,), after=self._read):
            self._read = event.seq
            self._told[str(event.data["channel"]), str(event.data["about"])].take(event.data)

    def _tell(
        self, served: Served, ledger: Ledger, lease: Lease, channel: Channel, now: datetime
    ) -> Iterator[FreeholdError]:
        """Tell one channel, and yield what could not be told; what is busy is asked for nothing more."""
        posting = Posting(served.snapshots.root, served.settings.outbound)
        told = _Telling(served, ledger, lease, channel, posting, served.rights.snapshot(eyes_of(channel)))
        try:
            for matter in self._of(channel, told.snapshot, now):
                try:
                    self._tell_of(told, matter, now)
                except Transient:
                    raise
                except FreeholdError as error:  # of this one; others may well be taken
                    self._resting[channel.id, matter.id] = now + _REFUSED
                    yield error
            if channel.changes:
                told.changes(self._told, now)
        except FreeholdError as error:
            wish = error.wish if isinstance(error, Busy) and error.wish else _REST
            self._resting[channel.id, ""] = now + max(wish, _REST)
            yield error

    def _of(self, channel: Channel, snapshot: Snapshot, now: datetime) -> Iterator[Matter]:
        """Yield the matters of which a channel has to be told something, as it may see them."""
        assert self._matters is not None, "who looked has matters"
        for matter in list(self._matters.by_id.values()):
            key = (channel.id, matter.id)
            told = self._told.get(key, _NOTHING)
            if key in self._resting or not (told.acts or concerns(channel, matter, snapshot.estate)):
                continue
            if due(channel.to, matter, told, now) and _is_seen(matter, snapshot):
                yield matter

    def _tell_of(self, telling: _Telling, matter: Matter, now: datetime) -> None:
        told, shown = self._told[telling.channel.id, matter.id], matter.told_by(telling.says)
        page = telling.page(shown)
        for act in due(telling.channel.to, shown, told, now):
            telling.one(page, act, told)


_NOTHING = Told()


class _Telling:
    """Tells one channel, and records what it was told."""

    def __init__(
        self, served: Served, ledger: Ledger, lease: Lease, channel: Channel, posting: Posting, snapshot: Snapshot
    ) -> None:
        self.channel, self.snapshot = channel, snapshot
        self._served, self._ledger, self._lease, self._posting = served, ledger, lease, posting
        self._work = Work(snapshot.estate, served.snapshots.ledger, clock=served.snapshots.clock)
        self._hidden: dict[str, bool] = {}  # by asset, whether a policy keeps rows of it from the channel

    def says(self, alert: Alert) -> str:
        """Return what an alert says to the channel, in half a sentence: it may quote rows that a policy hides.

        Of a product that the channel's account may not see, nothing.
        """
        if self.snapshot.seen is not None and alert.product not in self.snapshot.seen:
            return ""
        if alert.asset not in self._hidden:
            whole = self.snapshot.whole or self.snapshot
            caller = eyes_of(self.channel).caller("be told what is wrong")
            self._hidden[alert.asset] = bool(why_hidden(whole.estate, whole.graph, caller, alert.asset))
        return f"`{alert.monitor}` says so" if self._hidden[alert.asset] or not alert.reason else alert.reason

    def page(self, matter: Matter) -> Page:
        """Return the page of a matter, as the channel may see it."""
        item = self._work.item(matter.id) if self._work.has_begun(matter.id) else None
        _, _, name = matter.id.rpartition("/")
        place = f"/incidents/{name}" if matter.is_incident else "/alerts"
        until: datetime | None = None
        buttons: tuple[Button, ...] = ()
        if item is not None:
            clock = next((one for one in self._work.clocks(item) if one.name == "acknowledge"), None)
            until = clock.due_at if clock else None
            workflow = self._work.workflow(item.type)
            state = workflow.states.get(item.state)
            moves = list(state.moves.values()) if state and not matter.has_ended else []
            buttons = tuple(buttons_of(self._work, item, workflow, moves))
        return page_of(matter, self.snapshot.estate, self._words, page_at(self._served, place), until, buttons)

    def one(self, page: Page, act: Act, told: Told) -> None:
        """Tell of one matter, and record it."""
        said = tell(self._posting, self.channel, page, act, told, self._words)
        self._record(page.matter.id, act.what, [step.id for step in act.steps], told, said)

    def changes(self, told: Mapping[tuple[str, str], Told], now: datetime) -> None:
        """Tell of plans that were applied lately."""
        env = self.snapshot.env
        for event in self._served.snapshots.ledger.read(types=(APPLIED,), env=env, since=now - _NEWS):
            known = told[self.channel.id, event.id]
            if known.acts or self.snapshot.seen is not None:  # a change touches products that it may not see
                continue
            key, url = routing_key_of(self._posting, self.channel), page_at(self._served, "/deployments")
            said = change_of(env, event.subject, event.data, event.occurred_at, url, key)
            enqueue(self._posting, self.channel, CHANGE, said)
            self._record(event.id, "change", [event.id], known, Said())

    def _words(self, text: str) -> str:
        """Return words of the side store, or what is none of its ids as it is."""
        if not text.startswith("side:"):
            return text
        kept = self._served.snapshots.ledger.side.get(text)
        said: Any = kept.payload if kept else ""
        return str(next(iter(said.values()), "")) if isinstance(said, Mapping) else str(said)

    def _record(self, about: str, act: str, steps: list[str], told: Told, said: Said) -> None:
        data = {
            "channel": self.channel.id, "about": about, "act": act, "steps": steps,
            "conversation": said.conversation or None, "message": said.message or None,
        }  # fmt: skip
        self._ledger.append(Event(SENT, data, subject=self.channel.id, correlation_id=about), fence=self._lease)
        told.take(data)


def _is_seen(matter: Matter, snapshot: Snapshot) -> bool:
    """Whether an account may see what a matter is of: of alerts, some of their products; of an incident, all."""
    if snapshot.seen is None:
        return True
    there = matter.products & snapshot.estate.products.keys()
    return there == matter.products if matter.is_incident and there else bool(there)
