"""Work items as a document tells them: as they stood by a number of the ledger, in the words people gave them.

Words lie in the side store. What was erased there is said to be so, and an edition that quoted it is no longer what
was signed: a person's word is theirs to take back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date
from functools import cached_property
from typing import TYPE_CHECKING, Any

from freehold.delivery.graph import default_environment, relation_of
from freehold.delivery.plan.versions import deployed
from freehold.foundation.times import instant_of
from freehold.insight.documents.listing import NO_WORD, metric_cells
from freehold.insight.similar import similar
from freehold.metrics.estate import read_models
from freehold.work import Work

if TYPE_CHECKING:
    from collections.abc import Sequence

    from freehold.estate.model import Estate, SchemaObject
    from freehold.ledger import Ledger, Recorded
    from freehold.work import Item

ERASED = "What it says was erased."
_NAMES = ("metric", "asset")  # types of fields by which two items are about the same


@dataclass(frozen=True)
class ItemsThen:
    """The work items of an estate as they stood by event `upto` of its ledger, in an environment.

    Attributes:
        estate: the estate that was in force by then.
    """

    estate: Estate
    ledger: Ledger
    env: str
    upto: int

    @cached_property
    def _work(self) -> Work:
        return Work(self.estate, self.ledger, clock=self.ledger.clock)

    @cached_property
    def _newest(self) -> tuple[Item, ...]:
        """All of them, those that began last first."""
        return tuple(reversed(self._work.items(upto=self.upto)))

    @cached_property
    def _all(self) -> Mapping[str, Item]:
        return {item.id: item for item in self._newest}

    def of_types(self, types: Sequence[str]) -> tuple[str, ...]:
        """Return the ids of the items of some types, those that began last first."""
        return tuple(item.id for item in self._newest if item.type in types)

    def product(self, id: str) -> str:
        """Return the product that an item is about; empty where it is of none."""
        return self._all[id].product if id in self._all else ""

    def title(self, id: str) -> str:
        """Return what an item is about in a line."""
        item = self._all.get(id)
        return self._work.title(item) if item is not None and item.type in self._work.workflows else id

    def words(self, text: str) -> str:
        """Return free text by its id in the side store, of several fields one after the other."""
        kept = self.ledger.side.get(text)
        if kept is None:
            return ERASED
        return "; ".join(map(str, kept.payload.values())) if isinstance(kept.payload, Mapping) else str(kept.payload)

    def listed(self, name: str, id: str) -> Iterator[dict[str, Any]]:
        """Yield the rows of a list of an item: `says`, `moves`, `alike`, `similar`, `definitions` …"""
        yield from _LISTS[name](self, self._all[id])

    def _says(self, item: Item) -> Iterator[dict[str, Any]]:
        """Yield what an item holds, in the order of its workflow."""
        kept = {**self._work.texts(item), **item.fields}
        for name, one in self._work.workflow(item.type).fields.items():
            if name in kept:
                yield {"field": name.replace("_", " ").capitalize(), "value": _said(kept[name], one.type)}
        if any(self.ledger.side.get(text) is None for text in item.texts):
            yield {"field": "Words", "value": ERASED}

    def _moves(self, item: Item) -> Iterator[dict[str, Any]]:
        for one in item.history:
            words = self._work.words(one.note)
            yield {"since": one.since, "state": one.state, "move": one.move or "began", "by": one.role,
                   "words": words or (ERASED if one.note else "")}  # fmt: skip

    def _alike(self, item: Item) -> Iterator[dict[str, Any]]:
        """Yield other items of its type that name what it names, those that began last first."""
        about = self._named(item)
        for other in self._newest:
            if other.id != item.id and other.type == item.type and about & self._named(other):
                decision = self._work.texts(other).get("decision")
                yield {"item": other.id, "title": self.title(other.id), "began": other.created_at,
                       "state": other.state, "decision": decision or ""}  # fmt: skip

    def _similar(self, item: Item) -> Iterator[dict[str, Any]]:
        """Yield the incidents before it that an incident is most like, with what mended them."""
        for one in similar(self.ledger, item.id, self.upto):
            why = ", ".join(f"{name} {share:.2f}" for name, share in one.factors.items())
            yield {"item": one.incident, "began": one.opened_at, "root": one.root or NO_WORD, "score": one.score,
                   "why": why, "mended": "; ".join(map(self._mended, one.mended)) or NO_WORD}  # fmt: skip

    def _mended(self, said: str) -> str:
        """Return what mended an incident, an action by what it is about."""
        return self.title(said) if said in self._all else said

    def _definitions(self, item: Item) -> Iterator[dict[str, Any]]:
        """Yield each definition that the metric of an item had, the oldest first, with when it was put in force."""
        for name in self._of_type(item, "metric"):
            last = ""
            for event in self._changes_of(f"SemanticModel:{name.partition('.')[0]}"):
                version = deployed(self.ledger, self.estate.root, self.env, event.seq)
                catalogue = read_models(version.estate)[0] if version else None
                if catalogue is None or name not in catalogue:
                    continue
                cells = metric_cells(catalogue, catalogue.metric(name))
                if cells["definition"] != last:
                    yield {"since": event.occurred_at, **cells}
                last = cells["definition"]

    def _changes_of(self, resource: str) -> Iterator[Recorded]:
        """Yield the applications of the estate by which a resource came to be another."""
        before = None
        for event in self.ledger.read(types=("estate.applied",), env=self.env, upto=self.upto):
            now = (event.data.get("resources") or {}).get(resource)
            if now is not None and now != before:
                yield event
            before = now

    def _columns(self, item: Item) -> Iterator[dict[str, Any]]:
        """Yield the columns of the asset of an item, with what each is in its replacement."""
        old, new = self._object(item, "asset"), self._object(item, "replacement")
        instead = {one.name: one for one in new.columns} if new else {}
        for one in old.columns if old else ():
            other = instead.get(one.name)
            becomes = other.logical_type or other.physical_type or NO_WORD if other else "not there"
            yield {
                "column": one.name, "type": one.logical_type or one.physical_type or NO_WORD,
                "becomes": becomes if new else "nothing replaces it", "description": one.description or NO_WORD,
            }  # fmt: skip

    def _selects(self, item: Item) -> Iterator[dict[str, Any]]:
        """Yield SQL that reads the asset of an item, and SQL that reads the same columns of its replacement."""
        old, new = self._object(item, "asset"), self._object(item, "replacement")
        names = [one.column for one in old.columns] if old else []
        for what, field, found in (("now", "asset", old), ("instead", "replacement", new)):
            if found is not None:
                there = {one.column for one in found.columns}
                chosen = ", ".join(name for name in names if name in there) or "*"
                asset = str(item.fields[field]).removeprefix("asset:")
                relation = relation_of(self.env, default_environment(self.estate), asset)
                yield {"when": what, "asset": asset, "sql": f"SELECT {chosen} FROM {relation}"}

    def _object(self, item: Item, field: str) -> SchemaObject | None:
        found = self.estate.contract_of(str(item.fields.get(field, "")).removeprefix("asset:"))
        return found[1] if found else None

    def _named(self, item: Item) -> frozenset[str]:
        return frozenset(name for type_ in _NAMES for name in self._of_type(item, type_))

    def _of_type(self, item: Item, type_: str) -> Iterator[str]:
        for name, one in self._work.workflow(item.type).fields.items():
            if one.type == type_ and name in item.fields:
                said = item.fields[name]
                yield from map(str, said if isinstance(said, list) else [said])


def _said(value: Any, type_: str) -> Any:
    """Return what a field holds as a cell: a day and an instant as such, so that they are written as all others are."""
    read = _TIMES.get(type_)
    if read is None:
        return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    try:
        return [read(str(one)) for one in value] if isinstance(value, list | tuple) else read(str(value))
    except ValueError:  # its workflow typed it otherwise when it was said
        return str(value)


_TIMES: Mapping[str, Callable[[str], date]] = {
    "date": date.fromisoformat,
    "instant": lambda text: instant_of(text).astimezone(UTC),
}


_LISTS: Mapping[str, Callable[[ItemsThen, Item], Iterator[dict[str, Any]]]] = {
    "says": ItemsThen._says,
    "moves": ItemsThen._moves,
    "alike": ItemsThen._alike,
    "similar": ItemsThen._similar,
    "definitions": ItemsThen._definitions,
    "columns": ItemsThen._columns,
    "selects": ItemsThen._selects,
}
