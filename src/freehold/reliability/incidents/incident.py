"""An incident as its events tell it: what is known of it, where it stands, and its clocks, each from evidence."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from freehold.foundation import Exit, FreeholdError, near_end
from freehold.foundation.caller import LOCAL
from freehold.ledger.event import Recorded
from freehold.work import incidents as known

if TYPE_CHECKING:
    from freehold.ledger import Ledger

_SHORTEST = 4  # signs of the end of an id by which an incident may be named


@dataclass(frozen=True, slots=True)
class Mitigation:
    """What was done so that readers are kept from what is wrong, before it is mended."""

    kind: str
    target: str
    at: datetime
    actor: str
    deploy: str = ""


@dataclass(frozen=True, slots=True)
class Update:
    """Words for some readers that a person approved; `comms` is their place in the side store.

    `event` is the id of the one that says so.
    """

    audience: str
    comms: str
    approver: str
    at: datetime
    event: str


@dataclass(frozen=True, slots=True)
class Incident(known.Incident):
    """An incident with all that is known of it.

    Attributes:
        kind: `data`, `ai`, `platform` or `privacy`.
        factors, reach, suspects: as they were judged last (`incident.judged`); empty where a person opened it alone.
        causes: the ids of events that somebody said did it.
        shown_by: what verified that it is over.
    """

    kind: str = ""
    opened_by: str = ""
    tier: int | None = None
    title: str = ""
    mitigations: tuple[Mitigation, ...] = ()
    shown_by: str = ""
    factors: tuple[Mapping[str, Any], ...] = ()
    reach: Mapping[str, Any] = field(default_factory=dict)
    suspects: tuple[Mapping[str, Any], ...] = ()
    symptom: str = ""  # what kind of thing is wrong at the root
    causes: tuple[str, ...] = ()
    updates: tuple[Update, ...] = ()
    is_by_hand: bool = False  # whether a person or a program opened it, and no alert
    is_sev_said: bool = False  # whether a person or a program said how bad it is, and not what was found out

    @property
    def reached(self) -> tuple[str, ...]:
        """The assets that it reaches, in whichever way."""
        return tuple(str(name) for share in ("wrong", "silent", "protected") for name in self.reach.get(share) or ())

    @property
    def state(self) -> str:
        """Where it stands, in a word."""
        if self.is_dismissed:
            return "dismissed"
        if self.resolved_at is not None:
            return "resolved"
        if self.mitigations:
            return "mitigated"
        return "acknowledged" if self.acknowledged_at is not None else "open"

    @property
    def mitigated_at(self) -> datetime | None:
        """When readers were first kept from what is wrong; None where they were not."""
        return self.mitigations[0].at if self.mitigations else None

    @property
    def clocks(self) -> dict[str, timedelta | None]:
        """How long each took: to detect from when it began, the rest from when it was detected; None: not known yet."""
        return {
            "detect": self.detected_at - self.occurred_at if self.occurred_at else None,
            "acknowledge": self._since(self.acknowledged_at),
            "mitigate": self._since(self.mitigated_at),
            "resolve": self._since(self.resolved_at),
        }

    def _since(self, moment: datetime | None) -> timedelta | None:
        return moment - self.detected_at if moment is not None else None

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {
            "incident": self.id, "state": self.state, "sev": self.sev, "tier": self.tier,
            "product": self.product or None, "root": self.root or None, "assets": list(self.assets),
            "opened_by": self.opened_by,
            "occurred_at": _iso(self.occurred_at), "detected_at": _iso(self.detected_at),
            "acknowledged_at": _iso(self.acknowledged_at), "mitigated_at": _iso(self.mitigated_at),
            "resolved_at": _iso(self.resolved_at), "verified_by": self.shown_by or None,
            "seconds": {name: took.total_seconds() if took else None for name, took in self.clocks.items()},
            "factors": [dict(one) for one in self.factors], "reach": dict(self.reach),
            "suspects": [dict(one) for one in self.suspects], "causes": list(self.causes),
            "mitigations": [
                {"kind": one.kind, "target": one.target, "at": _iso(one.at), "by": one.actor,
                 "deploy_id": one.deploy or None}
                for one in self.mitigations
            ],
            "updates": [
                {"audience": one.audience, "approved_by": one.approver, "at": _iso(one.at)} for one in self.updates
            ],
        }  # fmt: skip


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def incidents(ledger: Ledger, upto: int | None = None) -> dict[str, Incident]:
    """Return all incidents by id, in the order in which they were opened; as they were by a number of the ledger."""
    return told_incidents(ledger, upto).by_id


def told_incidents(ledger: Ledger, upto: int | None = None) -> known.Incidents[Incident]:
    """Return all incidents, and which of them are duplicates of others."""
    told = known.Incidents(_opened, _MORE)
    told.take(ledger.read(types=("incident.*",), upto=upto))
    told.take_links(ledger, upto)
    return told


def known_incident(ledger: Ledger, id_: str) -> Incident:
    """Return an incident that is there, by its whole id, reading no other one."""
    told = known.Incidents(_opened, _MORE)
    told.take(ledger.read(types=("incident.*", known.LINKS), subject=id_))
    return told.by_id[id_]


def incident_of(ledger: Ledger, name: str, is_seen: Callable[[Incident], bool] = lambda _: True) -> Incident:
    """Return the incident of an id, or of the end of one; of those that are seen by who asks.

    Raises:
        FreeholdError: FH-E350 there is none, or there are several.
    """
    end = name.rpartition("…")[2]
    every = {id_: one for id_, one in incidents(ledger).items() if is_seen(one)}
    fitting = [every[end]] if end in every else [
        one for id_, one in every.items() if len(end) >= _SHORTEST and id_.endswith(end)
    ]  # fmt: skip
    if len(fitting) == 1:
        return fitting[0]
    known = ", ".join(one.id for one in fitting[:4])
    problem = f"{len(fitting)} incidents end in `{name}`." if fitting else f"There is no incident `{name}`."
    if fitting:
        fix = f"Give more of it: {known}."
    else:
        fix = near_end(end, every) or "`freehold incidents list --all` has those there are."
    raise FreeholdError("FH-E350", problem, fix=fix, exit_code=Exit.USAGE)


def _opened(event: Recorded) -> Incident:
    said, is_by_hand = event.data, event.actor != LOCAL.principal
    return Incident(
        **known.told_at_first(event),
        kind=said["kind"],
        opened_by=said.get("detected_by") or event.actor,
        tier=said.get("tier"),
        title=said.get("title") or "",
        is_by_hand=is_by_hand,
        is_sev_said=is_by_hand,
    )


def _judged(one: Incident, event: Recorded) -> Incident:
    said = event.data
    return replace(
        one,
        tier=said.get("tier"),
        factors=tuple(said.get("factors") or ()),
        reach=said.get("reach") or {},
        suspects=tuple(said.get("suspects") or ()),
        symptom=said.get("symptom") or "",
    )


def _updated(one: Incident, event: Recorded) -> Incident:
    said = event.data
    if said.get("comms"):
        told = Update(said.get("audience") or "", said["comms"], event.actor, event.occurred_at, event.id)
        one = replace(one, updates=(*one.updates, told))
    return one if said.get("sev") is None else replace(one, is_sev_said=event.actor != LOCAL.principal)


def _mitigated(one: Incident, event: Recorded) -> Incident:
    said = event.data
    done = Mitigation(said["kind"], said["target"], event.occurred_at, event.actor, said.get("deploy_id") or "")
    return replace(one, mitigations=(*one.mitigations, done))


def _resolved(one: Incident, event: Recorded) -> Incident:
    return replace(one, shown_by=event.data.get("verified_by") or "")


def _caused(one: Incident, event: Recorded) -> Incident:
    said = event.data
    cause = str(said.get("event") or said.get("deploy_id") or said.get("source") or said.get("schema") or "")
    others = tuple(known for known in one.causes if known != cause)
    return replace(one, causes=others if said.get("ended") or not cause else (*others, cause))


_MORE = {
    "incident.judged": _judged,
    "incident.updated": _updated,
    "incident.mitigated": _mitigated,
    "incident.resolved": _resolved,
    "incident.cause_linked": _caused,
}
