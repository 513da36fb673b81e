"""Incidents, as far as all who ask have in common: what each touches, how bad it is, whether it is over.

This is the one place where the events of an incident are put together; what more a room wants to know it adds.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from freehold.foundation.times import instant_if
from freehold.work.item import DUPLICATE_OF
from freehold.work.severity import FALSE_ALARM, WORST

if TYPE_CHECKING:
    from freehold.ledger import Ledger, Recorded

STATES = ("incident.opened", "incident.acknowledged", "incident.updated", "incident.resolved")
LINKS = "work.linked"  # which are of all items, and so are read of one incident at a time, where few matter


@dataclass(frozen=True, slots=True)
class Incident:
    """An incident. It touches the assets it names; where it names none, those of its product.

    Attributes:
        detected_at: when it was found; `occurred_at` is when what is wrong began, None where nobody knows.
        assets: those that whoever opened it named, and those whose alerts joined it, the root first.
        root: the asset where it began; empty where nobody knows.
        sev: 1 (worst) to 4; 5 for a false alarm; None where nobody said, which is taken for the worst.
        duplicate_of: the incident of the same trouble, with which this one ends; empty: none.
        env: the environment it is of; empty, as of work items: see `is_of_environment`.
        event: the id of the event that opened it.
    """

    id: str
    product: str
    detected_at: datetime
    assets: tuple[str, ...] = ()
    sev: int | None = None
    occurred_at: datetime | None = None
    acknowledged_at: datetime | None = None
    resolved_at: datetime | None = None
    duplicate_of: str = ""
    env: str = ""
    event: str = ""
    root: str = ""

    @property
    def is_open(self) -> bool:
        """Whether it is neither over nor a false alarm."""
        return self.resolved_at is None and not self.is_dismissed

    @property
    def is_dismissed(self) -> bool:
        """Whether it was found to be a false alarm."""
        return self.sev is not None and self.sev >= FALSE_ALARM

    @property
    def stops(self) -> bool:
        """Whether nobody should use what it touches."""
        return self.sev is None or self.sev <= WORST

    @property
    def began_at(self) -> datetime:
        """When what is wrong began; where nobody knows that, when it was found."""
        return self.occurred_at or self.detected_at

    def touches(self, assets: Collection[str]) -> bool:
        """Whether it is of some of these assets."""
        if self.assets:
            return any(name in assets for name in self.assets)
        return any(name.rpartition(".")[0] == self.product for name in assets)

    def __str__(self) -> str:
        """Return it as a reason."""
        severity = f"of severity {self.sev}" if self.sev is not None else "of no told severity"
        of = ", ".join(self.assets) or self.product
        seen = "" if self.acknowledged_at is not None else ", and nobody has acknowledged it"
        return f"an incident {severity} of {of} is open since {self.detected_at:%Y-%m-%d %H:%M}{seen}: {self.id}"


def is_of_environment(told: str | None, env: str, usual: str) -> bool:
    """Whether an incident is of an environment. One that names none, as work items do, is of the one consumers read.

    Args:
        told: the environment that the event names which opened it, if any.
        env: the environment that is asked of.
        usual: the one that consumers read.
    """
    return (told or usual) == env


One = TypeVar("One", bound=Incident)


class Incidents(Generic[One]):
    """Puts incidents together from their events, which may come in several parts, each part in its order.

    Args:
        begin: makes an incident of the event that opens it.
        more: what else events of a type tell of one, after what all incidents have.
    """

    def __init__(
        self, begin: Callable[[Recorded], One], more: Mapping[str, Callable[[One, Recorded], One]] | None = None
    ) -> None:
        self._begin, self._more = begin, more or {}
        self._told: dict[str, One] = {}

    def take(self, events: Iterable[Recorded]) -> None:
        """Take what events tell; those of incidents that are not there, and of other things, tell nothing."""
        for event in events:
            id_ = str(event.data.get("incident") or event.data.get("item") or "")
            if event.type == "incident.opened":
                self._told[id_] = self._begin(event)
            elif id_ in self._told:
                one = self._told[id_]
                one = _STEPS[event.type](one, event) if event.type in _STEPS else one
                self._told[id_] = self._more[event.type](one, event) if event.type in self._more else one

    def take_links(self, ledger: Ledger, upto: int | None = None) -> None:
        """Read of which incidents those that are open are duplicates."""
        for id_ in self._open():
            self.take(ledger.read(types=(LINKS,), subject=id_, upto=upto))

    def take_assets(self, ledger: Ledger) -> None:
        """Read what joined those that are open, where that was not among what was read."""
        for id_ in self._open():
            self.take(ledger.read(types=("incident.judged",), subject=id_, newest_first=True, limit=1))

    def _open(self) -> list[str]:
        return [one.id for one in self._told.values() if one.is_open]

    def get(self, id_: str) -> One | None:
        """Return an incident; None where there is none of that id."""
        return self._with_its_original(self._told[id_]) if id_ in self._told else None

    @property
    def by_id(self) -> dict[str, One]:
        """The incidents by id, in the order in which they were opened; a duplicate is over when its original is."""
        return {id_: self._with_its_original(one) for id_, one in self._told.items()}

    def ended_with_others(self) -> Iterator[tuple[One, One]]:
        """Yield the duplicates that are over because their originals are, though no event says so yet, with those."""
        for one in self._told.values():
            original = self._original(one)
            if one.is_open and original.resolved_at is not None:
                yield one, original

    def _with_its_original(self, one: One) -> One:
        return replace(one, resolved_at=self._original(one).resolved_at) if one.is_open else one

    def _original(self, one: One) -> One:
        """Return the first above an incident that is over or no duplicate; itself where it is of no other one."""
        seen = {one.id}
        while one.is_open and one.duplicate_of in self._told.keys() - seen:
            one = self._told[one.duplicate_of]
            seen.add(one.id)
        return one


def begun(event: Recorded) -> Incident:
    """Return the incident that an event opens."""
    return Incident(**told_at_first(event))


def told_at_first(event: Recorded) -> dict[str, Any]:
    """Return what the event that opens an incident tells of all of them, by attribute."""
    said = event.data
    return {
        "id": str(said["incident"]), "product": event.product or "", "sev": said.get("sev"),
        "detected_at": instant_if(said["detected_at"]), "occurred_at": instant_if(said.get("impact_started_at")),
        "assets": tuple(str(name) for name in said.get("assets") or ()), "env": event.env or "", "event": event.id,
    }  # fmt: skip


def open_incidents(ledger: Ledger, env: str, usual: str) -> tuple[Incident, ...]:
    """Return the incidents of an environment that are open, the oldest first.

    Args:
        ledger: what happened.
        env: the environment.
        usual: the one that consumers read.
    """
    told = Incidents(begun)
    told.take(ledger.read(types=STATES))
    told.take_links(ledger)
    told.take_assets(ledger)
    return tuple(one for one in told.by_id.values() if one.is_open and is_of_environment(one.env, env, usual))


def _acknowledged(one: One, event: Recorded) -> One:
    at = instant_if(event.data.get("acknowledged_at")) or event.occurred_at
    return replace(one, acknowledged_at=one.acknowledged_at or at)


def _judged(one: One, event: Recorded) -> One:
    """Return it with what joined it; what somebody named once stays of it."""
    said = event.data
    root, named = said["root"], (*one.assets, *map(str, said["assets"]))
    assets = tuple(dict.fromkeys((root, *named) if root in named else named))
    return replace(one, assets=assets, root=root, occurred_at=instant_if(said.get("began_at")) or one.occurred_at)


def _updated(one: One, event: Recorded) -> One:
    said = event.data
    began = instant_if(said.get("impact_started_at")) or one.occurred_at
    return replace(one, sev=one.sev if said.get("sev") is None else said["sev"], occurred_at=began)


def _resolved(one: One, event: Recorded) -> One:
    return replace(one, resolved_at=instant_if(event.data["restored_at"]))


def _linked(one: One, event: Recorded) -> One:
    said = event.data
    if said["rel"] != DUPLICATE_OF or (said.get("ended") and said["target"] != one.duplicate_of):
        return one
    return replace(one, duplicate_of="" if said.get("ended") else said["target"])


_STEPS: Mapping[str, Callable[[Any, Recorded], Any]] = {
    "incident.acknowledged": _acknowledged,
    "incident.judged": _judged,
    "incident.updated": _updated,
    "incident.resolved": _resolved,
    LINKS: _linked,
}
