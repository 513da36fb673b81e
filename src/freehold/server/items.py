"""The work items that whoever asks may see, and what they may do with them: for pages, for the API, for nobody else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from freehold.access.covering import Cover
from freehold.catalog import Question
from freehold.foundation import Exit, FreeholdError
from freehold.ledger import Event
from freehold.server.alike import closest, telling
from freehold.work import Item, Waiting, Work, inbox
from freehold.work.linking import AMONG_ITEMS

if TYPE_CHECKING:
    from freehold.catalog import Hit
    from freehold.server.web.showing import Asked
    from freehold.work import Related

MOST_ALIKE = 5
_LONGEST = 200  # characters that are looked for
_LONG_ENOUGH = 4  # letters of a word that is looked for by itself
ANSWERS = ("metric", "product", "kpi", "asset")  # kinds of entry that may be what somebody asks for


@dataclass(frozen=True)
class Items:
    """Work items, as one asker sees them."""

    asked: Asked

    @cached_property
    def work(self) -> Work:
        """The work of the estate, as the asker may move it."""
        snapshots = self.asked.served.snapshots
        ledger = snapshots.ledger.acting(self.asked.who.caller("request"))
        return Work(self.asked.snapshot.estate, ledger, clock=snapshots.clock)

    @cached_property
    def decided(self) -> Mapping[str, tuple[str, ...]]:
        """The decisions that settle items: see `Work.decided`."""
        return self.work.decided()

    def may_see(self, item: Item) -> bool:
        """Whether an item is about what the asker sees, or theirs; one of a workflow that is gone is nobody's."""
        if item.type not in self.work.workflows or item.state not in self.work.workflow(item.type).states:
            return False
        mine = self.asked.who.principal in (item.requester, item.assignee)
        return mine or not any(self._hides(kind, one) for kind, one in self._names(item))

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
        if kind == "asset":
            return Cover.over(snapshot.whole.estate.products, snapshot.seen).hides(name)
        return kind == "metric" and name in snapshot.whole.catalogue and name not in snapshot.catalogue

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
            fix = "`/inbox` has those that wait for you."
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
        titles = {one.id: self.work.title(one) for one in self.all(type, is_open=True) if one.id != but}
        return tuple(self.work.item(id_) for id_ in closest(text, titles)[:MOST_ALIKE])

    def answers(self, text: str) -> tuple[Hit, ...]:
        """Return what the catalog has that may be what somebody is about to ask for, the closest first.

        All of its words are looked for; where nothing has them all, each telling one by itself.
        """
        found = self._hits(text)
        words = [word for word in telling(text) if len(word) >= _LONG_ENOUGH]
        for word in () if found else sorted(words, key=lambda one: (-len(one), one)):
            found += tuple(one for one in self._hits(word) if one.key not in {known.key for known in found})
        return found[:MOST_ALIKE]

    def _hits(self, text: str) -> tuple[Hit, ...]:
        try:
            question = Question(text[:_LONGEST], ANSWERS, limit=MOST_ALIKE).checked()
        except FreeholdError:  # no word that could be looked for
            return ()
        return tuple(self.asked.served.listing.of(self.asked.snapshot).search(question).hits)

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
