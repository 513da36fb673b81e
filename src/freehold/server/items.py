"""The work items that whoever asks may see, and what they may do with them: for pages, for the API, for nobody else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from freehold.access.covering import Cover
from freehold.catalog import answers
from freehold.catalog.happening import PERSON
from freehold.foundation import Exit, FreeholdError, near_end
from freehold.insight.naming import names_for_items
from freehold.ledger import Event
from freehold.server.leaving import announcing_in
from freehold.work import Item, Waiting, Work, inbox
from freehold.work.alike import alike_items
from freehold.work.linking import AMONG_ITEMS

if TYPE_CHECKING:
    from freehold.catalog import Consumer, Hit
    from freehold.leaving import Announcing
    from freehold.ledger import Ledger
    from freehold.server.web.showing import Asked
    from freehold.work import Related


@dataclass(frozen=True)
class Items:
    """Work items, as one asker sees them."""

    asked: Asked

    @cached_property
    def work(self) -> Work:
        """The work of the estate, as the asker may move it."""
        snapshot, made = self.asked.snapshot, self.announcing
        return Work(
            snapshot.estate,
            self._ledger,
            clock=self.asked.served.snapshots.clock,
            handlers=made.handlers,
            named=made.named,
            names=names_for_items(snapshot.estate, lambda: snapshot.catalogue),
        )

    @cached_property
    def announcing(self) -> Announcing:
        """What announces what goes, in the asker's name."""
        return announcing_in(self.asked.served, self._ledger, self.asked.snapshot)

    @cached_property
    def _ledger(self) -> Ledger:
        return self.asked.served.snapshots.ledger.acting(self.asked.who.caller("request"))

    def consumers(self, item: Item) -> tuple[tuple[Consumer, ...], int]:
        """Return who reads what a deprecation takes away, and how many of them the asker may not see by name.

        Whoever answers for what goes sees them all; anybody else themself, and, who sees the whole estate, what is no
        person.
        """
        found, me = self.announcing.consumers(item), self.asked.who.principal
        if self.announcing.may_see_all(self.work, item):
            return found, 0
        sees_all = self.asked.snapshot.seen is None
        shown = tuple(one for one in found if one.name == me or (sees_all and one.kind != PERSON))
        return shown, len(found) - len(shown)

    @cached_property
    def decided(self) -> Mapping[str, tuple[str, ...]]:
        """The decisions that settle items: see `Work.decided`."""
        return self.work.decided()

    def may_see(self, item: Item) -> bool:
        """Whether an item is about what the asker sees, or theirs; one of a workflow that is gone is nobody's."""
        is_mine = self._is_known(item) and self.asked.who.principal in (item.requester, item.assignee)
        return is_mine or self.is_in_sight(item)

    def is_in_sight(self, item: Item) -> bool:
        """Whether an item is about what the asker sees, and so seen by whoever sees the same."""
        return self._is_known(item) and not any(self._hides(kind, one) for kind, one in self._names(item))

    def _is_known(self, item: Item) -> bool:
        return item.type in self.work.workflows and item.state in self.work.workflow(item.type).states

    def _names(self, item: Item) -> Iterator[tuple[str, str]]:
        """Yield what an item names of the estate, each with its kind: its product, and what its fields hold."""
        if item.product:
            yield "product", item.product
        fields = self.work.workflow(item.type).fields
        for name, value in item.fields.items():
            if name in fields:
                yield from ((fields[name].type, str(one)) for one in (value if isinstance(value, list) else [value]))

    def _hides(self, kind: str, name: str) -> bool:
        snapshot = self.asked.snapshot
        if kind == "product":
            return name not in snapshot.estate.products
        if snapshot.whole is None or snapshot.seen is None:
            return False
        if kind in ("asset", "resource") and name not in snapshot.whole.catalogue:
            return Cover.over(snapshot.whole.estate.products, snapshot.seen).hides(name)
        return kind in ("metric", "resource") and name in snapshot.whole.catalogue and name not in snapshot.catalogue

    def all(self, type: str | None = None, *, is_open: bool | None = None) -> tuple[Item, ...]:
        """Return the items that the asker may see, in the order in which they began."""
        return tuple(item for item in self.work.items(type, is_open=is_open) if self.may_see(item))

    def get(self, id: str) -> Item:
        """Return an item.

        Raises:
            FreeholdError: FH-W102 there is none, or the asker may not see it.
        """
        try:
            item: Item | None = self.work.item(id)
        except FreeholdError:
            item = None
        if item is None or not self.may_see(item):
            fix = near_end(id, (one.id for one in self.all())) or "`/inbox` has those that wait for you."
            raise FreeholdError("FH-W102", f"There is no work item `{id}`.", fix=fix, exit_code=Exit.USAGE)
        return item

    def link(self, item: Item, rel: str, target: str) -> Item:
        """Relate an item to another, or to a resource; one that the asker may not see is not there.

        Raises:
            FreeholdError: FH-W102 there is no such item, or the asker may not see it; what `Work.link` raises.
        """
        if rel in AMONG_ITEMS or target.partition("/")[0] in self.work.workflows:
            self.get(target)
        return self.work.link(item.id, rel, target)

    def related(self, item: Item) -> tuple[Related, ...]:
        """Return what an item is to others, and they to it, without items that the asker may not see."""
        seen = {one.id: self.may_see(one) for one in self.work.items()}
        return tuple(one for one in self.work.related(item.id) if seen.get(one.other, True))

    def inbox(self) -> tuple[Waiting, ...]:
        """Return what waits for the asker."""
        return inbox(self.work, self.all(is_open=True))

    def alike(self, text: str, type: str | None = None, but: str = "") -> tuple[Item, ...]:
        """Return open items whose title is most like a text, the closest first."""
        return alike_items(self.work, self.all(type, is_open=True), text, but)

    def answers(self, text: str) -> tuple[Hit, ...]:
        """Return what the catalog has that may be what somebody is about to ask for: see `catalog.answers`."""
        return answers(text, self.asked.served.listing.of(self.asked.snapshot).search)

    def deflected(self, type: str, text: str, answer: str, kind: str) -> None:
        """Record that somebody took what was there already, and asked for nothing.

        Raises:
            FreeholdError: FH-W101 there is no such workflow.
        """
        self.work.workflow(type)
        ledger, who = self.asked.served.snapshots.ledger, self.asked.who.caller("request")
        acting = ledger.acting(who)
        kept = acting.side.put("work", text, subject=who.principal) if text else None
        acting.append(Event("work.deflected", {"type": type, "answer": answer, "kind": kind, "text": kept}))
