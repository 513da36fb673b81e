"""The demo's office: simulated people who file work items and move them, by the same service as everybody.

Nothing is recorded here: items are begun and moved through the workflow engine at simulated times, and a product is
taken back by delivery. Whoever acts is a service called `simulated/…`, with the roles that the estate's teams name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from datetime import time as time_of_day
from typing import TYPE_CHECKING

from freehold.demo.errands import (
    ACKNOWLEDGE,
    ASKER,
    DEPRECATION,
    MEASURE,
    OWNER,
    PUBLISH,
    TELL,
    Errand,
    Step,
    errands,
)
from freehold.demo.lessons import write_postmortem
from freehold.demo.people import OWNERS, STEWARDS, simulated
from freehold.estate.calendars import days_of
from freehold.reliability.incidents import incident_of, incidents
from freehold.reliability.learning import act, postmortem_of

if TYPE_CHECKING:
    from freehold.catalog import Catalog
    from freehold.demo.replay import Stage
    from freehold.leaving import Announcing
    from freehold.reliability.incidents import Incident
    from freehold.work import Item, Work

OPENS_AT = time_of_day(10)  # when requests are looked at, by the clock of the shop
_DONE_AFTER = (6, 10, 17, 9, 8)  # days until what was agreed after an incident is done
_OF_A_FILE = "The sender looks at a file before it is sent."
_OF_A_CHANGE = "A change of rows is looked at beside what stands, before it is approved."
_AGREED = 14  # days within which it was to be
_WRITTEN_AFTER = 2  # days until a postmortem is, of the five that there are for it
_TAKEN_BACK = "sales.catalogue"
_WHY = "Two articles were shown under one name."
_ROLES: Mapping[str, tuple[str, ...]] = {"steward": STEWARDS, OWNER: OWNERS}


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A step of an item that somebody will make, on a day of the replay or as soon after it as people work."""

    day: int
    item: str
    step: Step
    asker: str


class Office:
    """Those who see to the estate of a stage.

    Args:
        stage: what they work on, and their clock.
        wait: moves that clock on to an instant, if it may.
        catalog: gives the catalog, up to date; without one nothing is deprecated, since nobody knows who reads it.
    """

    def __init__(
        self, stage: Stage, wait: Callable[[datetime], None], catalog: Callable[[], Catalog] | None = None
    ) -> None:
        self._stage, self._wait, self._catalog = stage, wait, catalog
        self._days = days_of(stage.estate.calendars.get(str(stage.estate.defaults.get("calendar", ""))))
        self._to_come = [one for one in errands() if catalog is not None or one.type != DEPRECATION]
        self._waiting: list[_Waiting] = []
        self._learned: set[str] = set()  # incidents
        self._works: dict[str, Work] = {}
        self._announce: dict[str, Announcing] = {}
        self._on_deliveries: list[tuple[int, Callable[[], object]]] = [
            (8, lambda: stage.delivery.rollback(_TAKEN_BACK, _WHY)), (9, lambda: stage.delivery.unpin(_TAKEN_BACK))
        ]  # fmt: skip

    def work(self, morning: date, number: int) -> None:
        """Do what is to be done on a morning, of which there were `number` before; on days off it waits."""
        if not self._days.is_worked(morning):
            return
        self._wait(datetime.combine(morning, OPENS_AT, self._stage.zone))
        while self._on_deliveries and self._on_deliveries[0][0] <= number:
            self._on_deliveries.pop(0)[1]()
        while self._to_come and self._to_come[0].day <= number:
            self._begin(self._to_come.pop(0), number)
        due = sorted((one for one in self._waiting if one.day <= number), key=lambda one: one.day)
        self._waiting = [one for one in self._waiting if one.day > number]
        for incident in self._mended():
            self._learn(incident, number)
            self._learned.add(incident.id)
        for one in due:
            who = one.asker if one.step.by == ASKER else one.step.by
            self._do(self._as(who), who, one.item, one.step)

    def items(self) -> Work:
        """Return the work items as the steward sees and moves them."""
        return self._as("steward")

    def _do(self, work: Work, who: str, item: str, step: Step) -> None:
        """Make a step of an item: a move, or what is done about it between two."""
        if step.move == ACKNOWLEDGE:
            self._announcing(who).acknowledge(work, work.item(item), action=step.fields["action"])
        elif step.move == TELL:
            self._announcing(who).tell(work.item(item))
        elif step.move == MEASURE:
            self._measure(item, work)
        elif step.move == PUBLISH:
            write_postmortem(self._stage, work, incident_of(work.ledger, item))
        else:
            work.move(item, step.move, fields=step.fields)

    def _begin(self, errand: Errand, number: int) -> Item:
        work, today = self._as(errand.by), self._stage.clock.now().date()
        due = {"due": str(today + timedelta(days=errand.due))} if errand.due else {}
        fields = {**errand.fields, **due}
        item = work.create(errand.type, fields, product=errand.product, priority=errand.priority).item
        if errand.serves:
            work.link(item.id, "contributes_to", errand.serves)
        self._waiting += [_Waiting(number + step.after, item.id, step, errand.by) for step in errand.steps]
        return item

    def _measure(self, item: str, work: Work) -> None:
        """Record what both sides of a dispute come to, for its dossier."""
        from freehold.demo.consumers import answerers
        from freehold.insight.disputing import sides_measured
        from freehold.metrics import catalogue_of

        stage = self._stage
        catalogue, now = catalogue_of(stage.estate), stage.clock.now()
        answer = answerers(stage.delivery, catalogue)(work.caller).answer
        zone, ledger = stage.zone.key, stage.ledger.acting(work.caller)
        ledger.append(*sides_measured(work.item(item), catalogue, answer, env=stage.delivery.env, zone=zone, now=now))

    def _mended(self) -> list[Incident]:
        """Return incidents that are over, and of which nothing was agreed yet."""
        told = incidents(self._stage.ledger).values()
        return [one for one in told if one.state == "resolved" and one.id not in self._learned]

    def _learn(self, incident: Incident, number: int) -> None:
        """Agree on what is to be done about an incident that is over, and end it with that.

        Where a change did it and a postmortem is owed, the owner writes that; of a file there is no more to tell.
        """
        work = self._as("steward")
        is_of_a_change = bool(incident.causes)
        due = self._stage.clock.now().date() + timedelta(days=_AGREED)
        what = _OF_A_CHANGE if is_of_a_change else _OF_A_FILE
        action = act(work, incident, what, work.caller.principal, str(due))
        days = _DONE_AFTER[len(self._learned) % len(_DONE_AFTER)]
        steps = [(action.id, Step(1, "start")), (action.id, Step(days, "finish"))]
        if is_of_a_change and postmortem_of(self._stage.estate, work, incident).is_owed:
            steps.append((incident.id, Step(_WRITTEN_AFTER, PUBLISH, OWNER)))
        else:
            work.move(incident.id, "learn", fields={"actions": [action.id]})
        self._waiting += [_Waiting(number + step.after, item, step, OWNER) for item, step in steps]

    def _as(self, who: str) -> Work:
        """Return the work items as somebody sees and moves them."""
        from freehold.leaving import Announcing
        from freehold.work import Work

        if who not in self._works:
            caller = simulated(who, _ROLES.get(who, ()))
            stage, acting = self._stage, self._stage.ledger.acting(caller)
            named, handlers = None, None
            if self._catalog is not None:
                env = stage.delivery.env
                self._announce[who] = made = Announcing(stage.estate, acting, self._catalog, env, stage.clock)
                named, handlers = made.named, made.handlers
            self._works[who] = Work(
                stage.estate, acting, clock=stage.clock, ids=stage.ids, named=named, handlers=handlers
            )  # fmt: skip
        return self._works[who]

    def _announcing(self, who: str) -> Announcing:
        self._as(who)
        return self._announce[who]
