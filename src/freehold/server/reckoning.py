"""KPIs as pages show them: computed once for what the ledger holds and the files say, and kept until either changes.

To compute all takes a second or two, which no page may take. So whoever asks is given what is kept, with its age, and
what is newer is computed beside; only where nothing was computed yet, it is waited for.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from freehold.foundation import FreeholdError
from freehold.insight import Asking, Kpi, KpiValue, Period, State, kpis_of, last_periods, trend
from freehold.insight.periods import GRAIN_OF, holding, period_named, zone_of
from freehold.insight.telling import is_red, newest
from freehold.work.clocks import working_time

if TYPE_CHECKING:
    from freehold.ledger import Evidence, Ledger
    from freehold.server.snapshots import Snapshot

T = TypeVar("T")
PERIODS = 12  # of each KPI, the last of which is not over
_TICK = timedelta(microseconds=1)
_NO_EVIDENCE = "usage.view"  # that a page was looked at is no use of data, and no KPI counts it
_REST = 4  # times as long as computing took, before what came meanwhile is counted: requests want the processor, too
_MOST_DETAILS = 256  # beside the figures: more than the pages of all KPIs for one period ask for
_MOST_SEGMENTS = 200  # looked through for one that KPIs read


@dataclass(frozen=True)
class Figure:
    """A KPI with its values of the last periods, the oldest first."""

    kpi: Kpi
    values: tuple[KpiValue, ...]

    @property
    def value(self) -> KpiValue:
        """What it is now: of the newest of the last two periods that has a value, else of the newest."""
        return newest(self.values)

    @property
    def before(self) -> KpiValue | None:
        """The value of the period before, if it has one."""
        place = self.values.index(self.value)
        found = self.values[place - 1] if place else None
        return found if found is not None and found.value is not None else None

    @property
    def is_instrumented(self) -> bool:
        """Whether the events it needs were ever received."""
        return self.values[-1].state is not State.NOT_INSTRUMENTED

    @property
    def is_red(self) -> bool | None:
        """Whether it misses a target; None where that cannot be said."""
        return is_red(self.kpi, self.value)

    @property
    def has_crossed(self) -> bool:
        """Whether it meets its targets now and did not before, or the other way round."""
        if self.before is None or self.is_red is None:
            return False
        return self.is_red is not is_red(self.kpi, self.before)


class Details:
    """What pages asked for beside the figures, each under its key: that which was asked for last.

    Readers name any period they like, so that there is no end of what may be asked for. Safe to use from many threads.
    """

    def __init__(self, most: int = _MOST_DETAILS) -> None:
        """Take how many are kept."""
        self._most = most
        self._turn = threading.Lock()
        self._kept: OrderedDict[Hashable, Any] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: Hashable, take: Callable[[], T]) -> T:
        """Return what is kept under a key, or take it and keep it."""
        with self._turn:
            if key in self._kept:
                self._kept.move_to_end(key)
                found: T = self._kept[key]
                return found
        taken = take()  # beside the lock: it may take a second
        with self._turn:
            self._kept[key] = taken
            self._kept.move_to_end(key)
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
        return taken


@dataclass(frozen=True)
class Reckoned:
    """All KPIs as of one sealed number; `is_behind` where more was recorded since, and is being counted."""

    figures: Mapping[str, Figure]
    seq: int
    known: datetime
    asking: Asking
    is_behind: bool = False
    key: tuple[object, ...] = ()
    details: Details = field(default_factory=Details, repr=False, compare=False)

    def period(self, kpi: Kpi, name: str = "") -> Period:
        """Return the period of a name, or the one a KPI's value is of.

        Raises:
            FreeholdError: FH-K004 it is no period.
        """
        return period_named(name, self.asking.zone) if name else self.figures[kpi.id].value.period


class Reckoning:
    """Hands out the KPIs of one estate. Safe to use from many threads."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._turn = threading.Lock()
        self._kept: Reckoned | None = None
        self._beside: threading.Thread | None = None
        self._failed: Exception | None = None
        self._took = 0.0
        self._is_over = threading.Event()

    def begin(self, now: Callable[[], Snapshot]) -> None:
        """Read the estate and compute its KPIs in the background, so that the first page need not wait for them."""

        def first() -> None:
            with suppress(FreeholdError):  # whoever asks first is told
                self.of(now())

        self._beside = threading.Thread(target=first, name="first snapshot", daemon=True)
        self._beside.start()

    def of(self, snapshot: Snapshot) -> Reckoned:
        """Return the KPIs: those of now where they are computed, else the last, while newer ones are on their way.

        They are those of the whole estate, whatever part of it a snapshot shows; what they were counted from is for
        pages to leave out.

        Raises:
            Problems: what is wrong with the KPIs of the estate's files.
            FreeholdError: what computing them beside came to.
        """
        snapshot = snapshot.whole or snapshot
        key = self._key(snapshot)
        with self._turn:
            if self._failed is not None:
                failed, self._failed = self._failed, None
                raise failed
            if self._kept is None:
                self._kept = self._computed(snapshot, key)
            if self._kept.key == key:
                return self._kept
            if self._beside is None or not self._beside.is_alive():
                self._beside = threading.Thread(target=self._renew, args=(snapshot,), name="KPIs", daemon=True)
                self._beside.start()
            kept = self._kept
        return Reckoned(kept.figures, kept.seq, kept.known, kept.asking, True, kept.key, kept.details)

    def kpis(self, snapshot: Snapshot) -> Mapping[str, Kpi]:
        """Return the KPIs that ship and those of the estate, without a value.

        Raises:
            Problems: what is wrong with those of the estate.
        """
        return kpis_in(snapshot.whole or snapshot)

    def detail(self, reckoned: Reckoned, key: Hashable, take: Callable[[Evidence], T]) -> T:
        """Return what more a page wants of the evidence as of the same number, kept with what was asked for last."""

        def taken() -> T:
            with self._ledger.evidence(reckoned.seq) as evidence:
                return take(evidence)

        return reckoned.details.get(key, taken)

    def close(self) -> None:
        """Wait for what is being computed."""
        self._is_over.set()
        if self._beside is not None:
            self._beside.join()

    def _renew(self, snapshot: Snapshot) -> None:
        self._is_over.wait(_REST * self._took)
        began = time.monotonic()
        try:
            self._kept = self._computed(snapshot, self._key(snapshot))
        except Exception as error:  # told to whoever asks next: nobody looks at this thread
            self._failed = error
        self._took = time.monotonic() - began

    def _computed(self, snapshot: Snapshot, key: tuple[object, ...]) -> Reckoned:
        estate = snapshot.estate
        zone = str(estate.defaults.get("timezone", "UTC"))
        asking = Asking(snapshot.env, zone, None, working_time(estate))
        with self._ledger.evidence() as evidence:
            today = (evidence.instant - _TICK).astimezone(zone_of(zone)).date()
            figures = {}
            for kpi in kpis_in(snapshot).values():
                periods = last_periods(holding(today, GRAIN_OF[kpi.cadence], zone), PERIODS, zone)
                figures[kpi.id] = Figure(kpi, trend(kpi, evidence, periods, asking=asking))
            return Reckoned(figures, evidence.seq, evidence.instant, asking, key=key)

    def _key(self, snapshot: Snapshot) -> tuple[object, ...]:
        """Return what two answers have in common: the newest event that counts, and what the files say."""
        kpis = kpis_in(snapshot).values()
        said = tuple((k.id, k.definition, k.cadence, k.minimum, k.targets, k.needs, k.wants) for k in kpis)
        defaults = snapshot.estate.defaults
        return (self._newest(kpis), snapshot.env, defaults.get("timezone"), defaults.get("calendar"), said)

    def _newest(self, kpis: Any) -> int:
        types = {name for kpi in kpis for name in (*kpi.needs, *kpi.wants)} | {"estate.applied"}
        rows = {name for name in types if not self._ledger.vocabulary[name].is_raw}
        newest = next((e.seq for e in self._ledger.read(types=rows, newest_first=True, limit=1)), 0)
        segments = self._ledger.read(types=("segment.sealed",), newest_first=True, limit=_MOST_SEGMENTS)
        return max(newest, next((e.seq for e in segments if e.data["type"] != _NO_EVIDENCE), 0))


def kpis_in(snapshot: Snapshot) -> Mapping[str, Kpi]:
    """Return the KPIs that ship and those of the estate, read once for each snapshot.

    Raises:
        Problems: what is wrong with those of the estate.
    """
    kept = snapshot._details
    if "kpis" not in kept:
        kept["kpis"] = kpis_of(snapshot.estate)
    found: Mapping[str, Kpi] = kept["kpis"]
    return found
