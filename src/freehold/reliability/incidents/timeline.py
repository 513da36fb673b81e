"""The timeline of an incident: what happened when, from the events that tell of it. Nobody writes it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from freehold.foundation.words import counted
from freehold.reliability.incidents.gathering import alerts_of

if TYPE_CHECKING:
    from freehold.ledger import Ledger, Recorded
    from freehold.reliability.incidents.incident import Incident

_MOST_EACH = 3  # alerts that are told one by one; more of them are told as one line
_WORK = ("work.transitioned", "work.commented", "work.assigned", "work.linked", "incident.*")


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that happened.

    Attributes:
        said: what, in words; those of an alert may quote rows of its asset, those of the item are of people.
        event: the id of the event that tells it.
        asset: of which the alert is that it tells of; empty where it tells of none.
        bare: the same without rows and without people, for who may not read those; empty: nothing is left of it.
    """

    at: datetime
    kind: str
    said: str
    actor: str = ""
    event: str = ""
    asset: str = ""
    bare: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {
            "at": self.at.isoformat(), "kind": self.kind, "said": self.said, "actor": self.actor or None,
            "event": self.event or None,
        }  # fmt: skip


def timeline(ledger: Ledger, incident: Incident) -> tuple[Moment, ...]:
    """Return what happened of an incident, the first first."""
    found = [*_began(incident), *_alerts(ledger, incident)]
    for event in ledger.read(types=_WORK, subject=incident.id):
        found += _told(event, ledger)
    return tuple(sorted(found, key=lambda one: (one.at, _ORDER.get(one.kind, len(_ORDER)))))


_ORDER = {kind: place for place, kind in enumerate(("change", "began", "alert", "opened", "judged"))}


def _began(incident: Incident) -> Iterator[Moment]:
    """Yield when it began, and what its first suspect is, with when that was."""
    for one in incident.suspects[:1]:
        word = "cause" if str(one["event"]) in incident.causes else "first suspect"
        said = f"{one['asset']}: {one['said']} ({word})"
        at, actor = datetime.fromisoformat(one["at"]), one.get("actor") or ""
        yield Moment(at, "change", said, actor, str(one["event"]), bare=said)
    if incident.occurred_at is not None:
        said = f"{incident.root or 'it'} is wrong from here on"
        yield Moment(incident.occurred_at, "began", said, bare=said)


def _alerts(ledger: Ledger, incident: Incident) -> Iterator[Moment]:
    mine = alerts_of(ledger, incident)
    for one in mine[:_MOST_EACH]:
        said, bare = f"{one.asset}: {one.reason or one.what}", f"{one.asset}: {one.what}"
        yield Moment(one.raised_at, "alert", said, event=one.evidence, asset=one.asset, bare=bare)
    if more := mine[_MOST_EACH:]:
        said = f"{counted(len(more), 'more alerts')} by then"
        yield Moment(more[-1].raised_at, "alert", said, bare=said)
    over = [one for one in mine if one.resolved_at is not None]
    for one in over[-_MOST_EACH:]:
        said = f"{one.asset}: {one.monitor} passes again"
        at = one.resolved_at or one.raised_at
        yield Moment(at, "passed", said, event=one.shown_by, asset=one.asset, bare=said)


def _told(event: Recorded, ledger: Ledger) -> Iterator[Moment]:
    make = _SAYS.get(event.type)
    said = make(event.data, ledger) if make is not None else ""
    if said:
        kind = event.type.rpartition(".")[2]
        yield Moment(event.occurred_at, kind, said, event.actor, event.id, bare=_BARE.get(event.type, said))


def _opened(data: Mapping[str, Any], _: Ledger) -> str:
    return f"opened, of severity {data['sev']}" if data.get("sev") else "opened"


def _judged(data: Mapping[str, Any], _: Ledger) -> str:
    others = len(data["assets"]) - 1
    return f"rooted at {data['root']}" + (f", with {counted(others, 'assets')} below it" if others > 0 else "")


def _updated(data: Mapping[str, Any], _: Ledger) -> str:
    if data.get("comms"):
        return f"an update for {data.get('audience') or 'readers'} was approved"
    return f"its severity is {data['sev']} now" if data.get("sev") else ""


def _mitigated(data: Mapping[str, Any], _: Ledger) -> str:
    to = f" to deployment …{data['to'][-12:]}" if data.get("to") else ""
    return f"{data['kind']} of {data['target']}{to}"


def _resolved(data: Mapping[str, Any], _: Ledger) -> str:
    by = f", verified by {data['verified_by']}" if data.get("verified_by") else ""
    return f"readers have right data again{by}"


def _caused(data: Mapping[str, Any], _: Ledger) -> str:
    cause = data.get("event") or data.get("deploy_id") or data.get("source") or data.get("schema")
    word = "was not the cause after all" if data.get("ended") else "is the cause"
    return f"{cause} {word}" if cause else ""


def _acknowledged(data: Mapping[str, Any], _: Ledger) -> str:
    return f"{data.get('responder') or 'somebody'} looks after it"


def _moved(data: Mapping[str, Any], ledger: Ledger) -> str:
    kept = ledger.side.get(data["note"]) if data.get("note") else None
    if kept is None and data["to"] in _OF_THEIR_OWN:
        return ""
    return f"{data['from']} → {data['to']}" + (f": {kept.payload}" if kept else "")


def _commented(data: Mapping[str, Any], ledger: Ledger) -> str:
    kept = ledger.side.get(data["text"])
    return str(kept.payload) if kept else "what was said was erased"


def _assigned(data: Mapping[str, Any], _: Ledger) -> str:
    return f"given to {data['assignee']}" if data.get("assignee") else "given to nobody"


def _linked(data: Mapping[str, Any], _: Ledger) -> str:
    return f"{data['rel'].replace('_', ' ')} {data['target']}"


_OF_THEIR_OWN = ("acknowledged", "resolved")  # states whose entering is an event of the incident, too
_SAYS = {
    "incident.opened": _opened,
    "incident.acknowledged": _acknowledged,
    "incident.judged": _judged,
    "incident.updated": _updated,
    "incident.mitigated": _mitigated,
    "incident.resolved": _resolved,
    "incident.cause_linked": _caused,
    "work.transitioned": _moved,
    "work.commented": _commented,
    "work.assigned": _assigned,
    "work.linked": _linked,
}
_BARE = {  # of what tells people's names or words: what is left without them
    "incident.acknowledged": "somebody looks after it",
    "incident.mitigated": "readers are kept from it",
    "incident.resolved": "readers have right data again",
    "work.transitioned": "",
    "work.commented": "",
    "work.assigned": "",
    "work.linked": "",
}
