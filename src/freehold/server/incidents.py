"""Incidents as one asker may see them: those that touch what they see, and of each no more than that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from freehold.access.covering import Cover
from freehold.foundation import FreeholdError
from freehold.reliability.incidents import Incident, Moment, incident_of, incidents, timeline

if TYPE_CHECKING:
    from freehold.ledger import Ledger
    from freehold.server.web.showing import Asked


@dataclass(frozen=True)
class Incidents:
    """Incidents, as one asker sees them."""

    asked: Asked

    @property
    def _ledger(self) -> Ledger:
        return self.asked.served.snapshots.ledger

    @cached_property
    def _cover(self) -> Cover | None:
        """What lies over the products that the asker may not see; None where they see every one."""
        snapshot = self.asked.snapshot
        if snapshot.seen is None:
            return None
        return Cover.over((snapshot.whole or snapshot).estate.products, snapshot.seen)

    def all(self, *, closed: bool = False) -> tuple[Incident, ...]:
        """Return the incidents that are open, the oldest first; those that are over, too, where they are asked for."""
        found = incidents(self._ledger).values()
        return tuple(self._seen(one) for one in found if (closed or one.is_open) and self._may_see(one))

    def get(self, id: str) -> Incident:
        """Return an incident by its id, or the end of it.

        Raises:
            FreeholdError: FH-E350 there is none, or the asker may not see it.
        """
        found = incident_of(self._ledger, id)
        if not self._may_see(found):
            problem = f"There is no incident `{id}`."
            raise FreeholdError("FH-E350", problem, fix="`/incidents` has those there are.")
        return self._seen(found)

    def title(self, one: Incident) -> str:
        """Return what an incident is about in a line; who may not see all of it reads where it is."""
        kept = self._ledger.side.get(one.title) if one.title else None
        words = kept.payload if kept else {}
        said = str(words.get("what") or "") if isinstance(words, Mapping) else str(words)
        said = said or one.root or ", ".join(one.assets) or one.product or one.id
        return self._cover.plain(said) if self._cover is not None else said

    def moments(self, one: Incident) -> tuple[Moment, ...]:
        """Return what happened of an incident, the first first."""
        cover, told = self._cover, timeline(self._ledger, one)
        return told if cover is None else tuple(replace(each, said=cover.plain(each.said)) for each in told)

    def _may_see(self, one: Incident) -> bool:
        cover = self._cover
        names = [name for name in (one.product, one.root, *one.assets, *_reached(one)) if name]
        return cover is None or any(not cover.hides(name) for name in names)

    def _seen(self, one: Incident) -> Incident:
        """Return of an incident what the asker may see; who reads what is for those who see the whole estate."""
        cover = self._cover
        if cover is None:
            return one
        reach: dict[str, Any] = {
            share: [name for name in names if not cover.hides(str(name))]
            for share, names in one.reach.items()
            if share != "consumers"
        }
        return replace(
            one,
            product="" if cover.hides(one.product) else one.product,
            root="" if cover.hides(one.root) else one.root,
            assets=tuple(name for name in one.assets if not cover.hides(name)),
            reach={**reach, "consumers": []},
            suspects=tuple(
                {**each, "said": cover.plain(str(each["said"]))}
                for each in one.suspects
                if not cover.hides(each["asset"])
            ),
            mitigations=tuple(each for each in one.mitigations if not cover.hides(each.target)),
        )


def _reached(one: Incident) -> tuple[str, ...]:
    return tuple(str(name) for share in ("wrong", "silent", "protected") for name in one.reach.get(share) or ())
