"""Postmortems: of which incidents one is owed, by when and by whom, and what was agreed on after each.

The clock `postmortem` of the workflow of incidents says of which: those that were severe, and those that recur. The
files of an estate may say otherwise by a workflow of their own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from freehold.foundation import Exit, FreeholdError
from freehold.insight.documents.library import SIGNED
from freehold.reliability.incidents import Incident, incidents
from freehold.work.causes import CAUSED_BY
from freehold.work.entering import DUE

if TYPE_CHECKING:
    from datetime import datetime

    from freehold.estate.model import Estate
    from freehold.work import Item, Work

CLOCK = "postmortem"
INCIDENT, ACTION = "incident", "corrective_action"
LEARNED = "learned"
DOCUMENT = "postmortem"
_DAY = re.compile(r"\d{4}-\d\d-\d\d")


@dataclass(frozen=True, slots=True)
class Action:
    """What was agreed on after an incident: whose it is, by when, and where it stands."""

    id: str
    title: str
    state: str
    owner: str
    due: str
    is_late: bool

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {"item": self.id, "title": self.title, "state": self.state, "owner": self.owner or None,
                "due": self.due or None, "is_late": self.is_late}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Postmortem:
    """The postmortem of an incident.

    Attributes:
        state: `owed`, `overdue`, `published`; `learned` where the incident ended as learned from and nobody signed
            one; `not owed` where nobody has to write one.
        due_at: by when it is to be published; None once it is over, and where none is owed.
        owner: the team that answers; empty where no team does.
        is_late: whether it was published after that, or is not yet.
    """

    incident: Incident
    state: str
    due_at: datetime | None
    is_late: bool
    owner: str
    actions: tuple[Action, ...] = ()

    @property
    def is_owed(self) -> bool:
        """Whether somebody still has to write it."""
        return self.state in ("owed", "overdue")

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {
            "incident": self.incident.id, "sev": self.incident.sev, "root": self.incident.root or None,
            "product": self.incident.product or None, "state": self.state, "owner": self.owner or None,
            "due_at": self.due_at.isoformat() if self.due_at else None, "is_late": self.is_late,
            "actions": [one.to_json() for one in self.actions],
        }  # fmt: skip


def postmortems(estate: Estate, work: Work) -> tuple[Postmortem, ...]:
    """Return the postmortems that are owed, or were, what is due first; those that were published come last."""
    items, actions = {one.id: one for one in work.items(INCIDENT)}, work.items(ACTION)
    signed = _signed(work)
    found = [
        _postmortem(estate, work, one, items[id_], actions, is_signed=id_ in signed)
        for id_, one in incidents(work.ledger).items()
        if id_ in items
    ]
    told = [one for one in found if one.state != "not owed"]
    return tuple(sorted(told, key=lambda one: (not one.is_owed, one.due_at or one.incident.detected_at)))


def postmortem_of(estate: Estate, work: Work, incident: Incident) -> Postmortem:
    """Return the postmortem of one incident.

    Raises:
        FreeholdError: FH-W102 the incident is no work item.
    """
    item, is_signed = work.item(incident.id), incident.id in _signed(work)
    return _postmortem(estate, work, incident, item, work.items(ACTION), is_signed=is_signed)


def act(work: Work, incident: Incident, title: str, owner: str, due: str) -> Item:
    """Agree on what is done so that an incident does not come again; return the work item, which follows from it.

    Args:
        work: as whoever agrees may move it.
        incident: from which it follows.
        title: what is done.
        owner: who sees to it, as a principal.
        due: the day by which it is done.

    Raises:
        FreeholdError: FH-E380 nobody is named, or no day, or one that is over; FH-W104 the caller holds no role for
            the incident; what `Work.create` raises.
    """
    missing = [name for name, said in (("an owner", owner), ("a date", due)) if not said]
    if missing:
        raise FreeholdError(
            "FH-E380", f"An action without {' and '.join(missing)} is a wish: nobody would do it.",
            fix="Say both: `--owner user:idp/ana --due 2026-12-01`.", exit_code=Exit.USAGE,
        )  # fmt: skip
    today = f"{work.ledger.clock.now():%Y-%m-%d}"
    if _DAY.fullmatch(due) and due < today:
        raise FreeholdError(
            "FH-E380", f"Nobody can do it by {due}, which is over.", fix=f"Say a day from {today} on.",
            exit_code=Exit.USAGE,
        )  # fmt: skip
    work.expect_mine(work.item(incident.id))
    fields = {"what": title, DUE: due, "incident": incident.id}
    return work.create(ACTION, fields, product=incident.product, assignee=owner, caused_by=incident.id).item


def actions_of(work: Work, incident: str, known: tuple[Item, ...] | None = None) -> Iterator[Action]:
    """Yield what was agreed on after an incident, in the order in which that was."""
    for one in work.items(ACTION) if known is None else known:
        links = [link.target for link in one.links if link.rel == CAUSED_BY]
        if incident in (one.fields.get("incident"), *links) and one.type in work.workflows:
            due = str(one.fields.get(DUE) or "")
            is_late = not work.has_ended(one) and bool(due) and due < f"{work.ledger.clock.now():%Y-%m-%d}"
            yield Action(one.id, work.title(one), one.state, one.assignee, due, is_late)


def _signed(work: Work) -> frozenset[str]:
    """Return the incidents of which somebody signed a postmortem."""
    said = (event.data for event in work.ledger.read(types=(SIGNED,)))
    return frozenset(str(one["parameters"].get("item", "")) for one in said if one["document"] == DOCUMENT)


def _postmortem(
    estate: Estate, work: Work, incident: Incident, item: Item, actions: tuple[Item, ...], *, is_signed: bool
) -> Postmortem:
    clock = next((one for one in work.clocks(item) if one.name == CLOCK), None)
    state = "not owed"
    if item.state == LEARNED:
        state = "published" if is_signed else "learned"
    elif clock is not None and clock.due_at is not None and not item.original:
        state = "overdue" if clock.is_late else "owed"
    product = estate.products.get(incident.product)
    owner = f"team:{product.team}" if product is not None and product.team else ""
    due_at = clock.due_at if clock is not None and state in ("owed", "overdue") else None
    is_late = clock is not None and clock.is_late
    return Postmortem(incident, state, due_at, is_late, owner, tuple(actions_of(work, incident.id, actions)))
