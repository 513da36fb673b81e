"""Incidents as one asker may see them: those that touch what they see, and of each no more than that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from freehold.access.covering import Cover
from freehold.reliability.incidents import Incident, Moment, incident_of, incidents, timeline
from freehold.server.feeding import PERSONS
from freehold.server.items import Items
from freehold.server.rows_seen import words_are_hidden

if TYPE_CHECKING:
    from freehold.ledger import Ledger
    from freehold.server.snapshots import Snapshot
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
        return _cover_over(self.asked.snapshot)

    def all(self, *, closed: bool = False) -> tuple[Incident, ...]:
        """Return the incidents that are open, the oldest first; those that are over, too, where they are asked for."""
        found = incidents(self._ledger).values()
        return tuple(self._seen(one) for one in found if (closed or one.is_open) and _is_seen(one, self._cover))

    def get(self, id: str) -> Incident:
        """Return an incident by its id, or the end of it.

        Raises:
            FreeholdError: FH-E350 there is none, or the asker may not see it.
        """
        return self._seen(seen_incident(self._ledger, self.asked.snapshot, id))

    def title(self, one: Incident) -> str:
        """Return what an incident is about in a line; who may not see its item reads where it is."""
        where = one.root or ", ".join(one.assets) or one.product or one.id
        kept = self._ledger.side.get(one.title) if one.title and self._is_in_sight(one) else None
        words = kept.payload if kept else {}
        said = str(words.get("what") or "") if isinstance(words, Mapping) else str(words)
        return self._plain(said or where)

    def moments(self, one: Incident) -> tuple[Moment, ...]:
        """Return what happened of an incident, the first first.

        What an alert says is for who may read the alert, what people said of the item for who may see that.
        """
        told = (self._told(one, each) for each in timeline(self._ledger, one))
        return tuple(each for each in told if each is not None)

    def _told(self, one: Incident, each: Moment) -> Moment | None:
        if each.asset and self._hides(each.asset):
            return None
        if self._may_read(one, each):
            return replace(each, said=self._plain(each.said))
        return replace(each, said=self._plain(each.bare), actor="") if each.bare else None

    def _may_read(self, one: Incident, each: Moment) -> bool:
        return not words_are_hidden(self.asked, each.asset) if each.asset else self._is_in_sight(one)

    def _is_in_sight(self, one: Incident) -> bool:
        """Whether the asker sees the work item of an incident, and with it who did what and what they said."""
        return self._cover is None or one.id in self._items

    @cached_property
    def _items(self) -> frozenset[str]:
        return frozenset(item.id for item in Items(self.asked).all("incident"))

    def _plain(self, text: str) -> str:
        return self._cover.plain(text) if self._cover is not None else text

    def _hides(self, name: str) -> bool:
        """Whether a name is of an asset, a product or a metric that the asker may not see."""
        if self._cover is None:
            return False
        snapshot = self.asked.snapshot
        is_metric = name in (snapshot.whole or snapshot).catalogue
        return self._cover.hides(name) or (is_metric and name not in snapshot.catalogue)

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
        shown = replace(
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
            causes=tuple(each for each in one.causes if cover.plain(each) == each),
            mitigations=tuple(each for each in one.mitigations if not self._hides(each.target)),
        )
        return shown if self._is_in_sight(one) else _impersonal(shown)


def seen_incident(ledger: Ledger, snapshot: Snapshot, id: str) -> Incident:
    """Return an incident, whole, by its id or the end of it, to act on for somebody who sees what a snapshot holds.

    Raises:
        FreeholdError: FH-E350 there is none, or they may not see it; there are several of that end that they may see.
    """
    cover = _cover_over(snapshot)
    return incident_of(ledger, id, lambda one: _is_seen(one, cover))


def _cover_over(snapshot: Snapshot) -> Cover | None:
    if snapshot.seen is None:
        return None
    return Cover.over((snapshot.whole or snapshot).estate.products, snapshot.seen)


def _is_seen(one: Incident, cover: Cover | None) -> bool:
    names = [name for name in (one.product, one.root, *one.assets, *one.reached) if name]
    return cover is None or any(not cover.hides(name) for name in names)


def _impersonal(one: Incident) -> Incident:
    """Return an incident without who did what of it."""
    return replace(
        one,
        opened_by="",
        shown_by="" if one.shown_by.startswith(PERSONS) else one.shown_by,
        suspects=tuple({**each, "actor": None} for each in one.suspects),
        mitigations=tuple(replace(each, actor="") for each in one.mitigations),
        updates=tuple(replace(each, approver="") for each in one.updates),
    )
