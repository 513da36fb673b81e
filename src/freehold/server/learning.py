"""What incidents taught, as one asker may see it: what is owed, incidents alike, the guardrail that was missing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from freehold.access.covering import Cover
from freehold.foundation import FreeholdError
from freehold.insight.similar import Similar, similar
from freehold.reliability.learning import Guardrail, Postmortem, guardrail_for, postmortems
from freehold.server.incidents import Incidents
from freehold.server.items import Items
from freehold.server.rows_seen import why_some_are_hidden
from freehold.work.item import Item

if TYPE_CHECKING:
    from freehold.reliability.incidents import Incident
    from freehold.server.web.showing import Asked


@dataclass(frozen=True)
class Learning:
    """What incidents taught, as one asker sees it."""

    asked: Asked

    @cached_property
    def _seen(self) -> dict[str, Incident]:
        return {one.id: one for one in Incidents(self.asked).all(closed=True)}

    @cached_property
    def _items(self) -> Items:
        return Items(self.asked)

    @cached_property
    def _actions(self) -> dict[str, Item]:
        return {one.id: one for one in self._items.all("corrective_action")}

    @cached_property
    def postmortems(self) -> tuple[Postmortem, ...]:
        """The postmortems that are owed or were, of incidents the asker may see, with the actions they may see."""
        found = postmortems(self.asked.snapshot.estate, self._items.work)
        return tuple(
            replace(one, incident=self._seen[one.incident.id],
                    actions=tuple(each for each in one.actions if each.id in self._actions))
            for one in found
            if one.incident.id in self._seen
        )  # fmt: skip

    def postmortem(self, id: str) -> Postmortem | None:
        """Return the postmortem of an incident; None where none is owed, or the asker may not see it."""
        return next((one for one in self.postmortems if one.incident.id == id), None)

    def similar(self, id: str) -> tuple[Similar, ...]:
        """Return the incidents that one is most like, of those that the asker may see."""
        found = similar(self._items.work.ledger, id) if id in self._seen else ()
        return tuple(
            replace(one, root=self._seen[one.incident].root, mended=tuple(map(self._called, one.mended)))
            for one in found
            if one.incident in self._seen
        )

    def guardrail(self, id: str) -> Guardrail | None:
        """Return the guardrail that was missing; None where there is none.

        It tells figures of batches, and so nothing to whom not the whole estate is shown, or any row of it is hidden.
        """
        snapshot = self.asked.snapshot
        hidden = snapshot.seen is not None or why_some_are_hidden(snapshot.estate, self.asked.who.caller("read"))
        if hidden or id not in self._seen or self._seen[id].is_dismissed:
            return None
        key = ("guardrail", id)
        if key not in snapshot._details:
            snapshot._details[key] = self._drawn(self._seen[id])
        found: Guardrail | None = snapshot._details[key]
        return found

    def _drawn(self, incident: Incident) -> Guardrail | None:
        snapshot = self.asked.snapshot
        try:
            return guardrail_for(snapshot.estate, self._items.work.ledger, snapshot.env, incident)
        except FreeholdError as error:
            if error.code in ("FH-E384", "FH-E385"):
                return None
            raise

    def _called(self, said: str) -> str:
        """Return what mended an incident: an action by what it is about, and nothing of what the asker may not see."""
        if said.startswith("corrective_action/"):
            action = self._actions.get(said)
            return self._items.work.title(action) if action is not None else "an action"
        snapshot = self.asked.snapshot
        if snapshot.seen is None:
            return said
        return Cover.over((snapshot.whole or snapshot).estate.products, snapshot.seen).plain(said)
