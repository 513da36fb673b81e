"""An incident as its events tell it: what is known of it, where it stands, and its clocks, each from evidence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from freehold.foundation import Exit, FreeholdError
from freehold.foundation.caller import LOCAL
from freehold.ledger.event import Recorded

if TYPE_CHECKING:
    from freehold.ledger import Ledger

EVENTS = ("incident.*",)
_NO_INCIDENT = 5  # the severity of a false alarm
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
    """Words for some readers that a person approved; `comms` is their place in the side store."""

    audience: str
    comms: str
    approver: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Incident:
    """An incident.

    Attributes:
        root: the asset where it began; empty where nobody knows.
        sev: 1 (worst) to 4; 5 for a false alarm; None where nobody said.
        occurred_at: when what is wrong began; None where nobody knows.
        factors, reach, suspects: as they were judged last (`incident.judged`); empty where a person opened it alone.
        causes: the ids of events that somebody said did it.
        shown_by: what verified that it is over.
    """

    id: str
    product: str
    detected_at: datetime
    opened_by: str
    root: str = ""
    assets: tuple[str, ...] = ()
    sev: int | None = None
    tier: int | None = None
    title: str = ""
    occurred_at: datetime | None = None
    acknowledged_at: datetime | None = None
    mitigations: tuple[Mitigation, ...] = ()
    resolved_at: datetime | None = None
    shown_by: str = ""
    factors: tuple[Mapping[str, Any], ...] = ()
    reach: Mapping[str, Any] = field(default_factory=dict)
    suspects: tuple[Mapping[str, Any], ...] = ()
    symptom: str = ""  # what kind of thing is wrong at the root
    causes: tuple[str, ...] = ()
    updates: tuple[Update, ...] = ()
    is_sev_said: bool = False  # whether a person or a program said how bad it is, and not what was found out

    @property
    def is_open(self) -> bool:
        """Whether it is neither over nor a false alarm."""
        return self.resolved_at is None and not self.is_dismissed

    @property
    def is_dismissed(self) -> bool:
        """Whether it was found to be a false alarm."""
        return self.sev is not None and self.sev >= _NO_INCIDENT

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


def incidents(ledger: Ledger) -> dict[str, Incident]:
    """Return all incidents by id, in the order in which they were opened."""
    return incidents_told(ledger.read(types=EVENTS))


def incident_of(ledger: Ledger, name: str) -> Incident:
    """Return the incident of an id, or of the end of one.

    Raises:
        FreeholdError: FH-E350 there is none, or there are several.
    """
    end = name.rpartition("…")[2]
    every = incidents(ledger)
    fitting = [every[end]] if end in every else [
        one for id_, one in every.items() if len(end) >= _SHORTEST and id_.endswith(end)
    ]  # fmt: skip
    if len(fitting) == 1:
        return fitting[0]
    known = ", ".join(one.id for one in fitting[:4])
    problem = f"{len(fitting)} incidents end in `{name}`." if fitting else f"There is no incident `{name}`."
    fix = f"Give more of it: {known}." if fitting else "`freehold incidents list --all` has those there are."
    raise FreeholdError("FH-E350", problem, fix=fix, exit_code=Exit.USAGE)


def incidents_told(events: Iterable[Recorded]) -> dict[str, Incident]:
    """Return the incidents that events tell of, by id."""
    found: dict[str, Incident] = {}
    for event in events:
        id_ = str(event.data["incident"])
        if event.type == "incident.opened":
            found.setdefault(id_, _opened(event))
        elif id_ in found and event.type in _TOLD:
            found[id_] = _TOLD[event.type](found[id_], event)
    return found


def _opened(event: Recorded) -> Incident:
    said = event.data
    assets = tuple(str(name) for name in said.get("assets") or ())
    return Incident(
        id=said["incident"],
        product=event.product,
        detected_at=datetime.fromisoformat(said["detected_at"]),
        opened_by=said.get("detected_by") or event.actor,
        assets=assets,
        sev=said.get("sev"),
        tier=said.get("tier"),
        is_sev_said=event.actor != LOCAL.principal,
        title=said.get("title") or "",
        occurred_at=_instant(said.get("impact_started_at")),
    )


def _acknowledged(one: Incident, event: Recorded) -> Incident:
    at = _instant(event.data.get("acknowledged_at")) or event.occurred_at
    return replace(one, acknowledged_at=one.acknowledged_at or at)


def _judged(one: Incident, event: Recorded) -> Incident:
    said = event.data
    return replace(
        one,
        root=said["root"],
        assets=tuple(map(str, said["assets"])),
        tier=said.get("tier"),
        occurred_at=_instant(said.get("began_at")) or one.occurred_at,
        factors=tuple(said.get("factors") or ()),
        reach=said.get("reach") or {},
        suspects=tuple(said.get("suspects") or ()),
        symptom=said.get("symptom") or "",
    )


def _updated(one: Incident, event: Recorded) -> Incident:
    said = event.data
    if said.get("comms"):
        told = Update(said.get("audience") or "", said["comms"], event.actor, event.occurred_at)
        one = replace(one, updates=(*one.updates, told))
    if said.get("sev") is not None:
        one = replace(one, sev=said["sev"], is_sev_said=event.actor != LOCAL.principal)
    return replace(
        one,
        occurred_at=_instant(said.get("impact_started_at")) or one.occurred_at,
    )


def _mitigated(one: Incident, event: Recorded) -> Incident:
    said = event.data
    done = Mitigation(said["kind"], said["target"], event.occurred_at, event.actor, said.get("deploy_id") or "")
    return replace(one, mitigations=(*one.mitigations, done))


def _resolved(one: Incident, event: Recorded) -> Incident:
    at = datetime.fromisoformat(event.data["restored_at"])
    return replace(one, resolved_at=at, shown_by=event.data.get("verified_by") or "")


def _caused(one: Incident, event: Recorded) -> Incident:
    said = event.data
    cause = str(said.get("event") or said.get("deploy_id") or said.get("source") or said.get("schema") or "")
    others = tuple(known for known in one.causes if known != cause)
    return replace(one, causes=others if said.get("ended") or not cause else (*others, cause))


_TOLD = {
    "incident.acknowledged": _acknowledged,
    "incident.judged": _judged,
    "incident.updated": _updated,
    "incident.mitigated": _mitigated,
    "incident.resolved": _resolved,
    "incident.cause_linked": _caused,
}


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
