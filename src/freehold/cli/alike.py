"""What there is already of what somebody asks for at the shell: open items like it, and what the catalog has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from freehold.cli.output import say, table
from freehold.foundation import FreeholdError

if TYPE_CHECKING:
    from freehold.catalog import Hit
    from freehold.cli.deprecate import Opened

_TITLE = 100  # characters of a title or of a description that are shown


@dataclass(frozen=True, slots=True)
class There:
    """What is there already, as a person and a program are told.

    Attributes:
        alike: open items of the same type, as JSON can hold them.
        answers: entries of the catalog.
        without: why the catalog was not asked; empty where it was.
    """

    alike: tuple[dict[str, Any], ...]
    answers: tuple[Hit, ...]
    without: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {"alike": list(self.alike), "answers": [one.to_json() for one in self.answers]}

    def tell(self, item: str = "") -> None:
        """Say what is there; `item` is what was begun, which may be a duplicate."""
        if self.alike:
            say("May ask for the same:")
            table([(one["id"], _line(one["title"]), one["state"]) for one in self.alike], ("item", "", "state"))
            if item:
                say(f"If one does: freehold items link {item} duplicate_of ITEM")
        if self.answers:
            say("There already:")
            rows = [(hit.key.kind, hit.key.id, _status(hit), _line(hit.description)) for hit in self.answers]
            table(rows, ("kind", "name", "", "description"), least=(3,))
        if self.without:
            say(f"The catalog was not asked: {self.without}")


def look(opened: Opened, type: str, text: str, but: str = "") -> There:
    """Look for what is like a text that an item of a type says.

    The catalog is asked for what the portal offers, too; where it has nothing to say since files are in error, only
    items are looked through.

    Raises:
        FreeholdError: FH-W101 there is no such type.
    """
    from freehold.catalog import answers
    from freehold.work.alike import alike_items
    from freehold.work.described import item_object

    work = opened.work
    wanted = work.workflow(type).wants
    same = alike_items(work, work.items(type, is_open=True), text, but)
    found: tuple[Hit, ...] = ()
    without = ""
    try:
        found = answers(text, opened.announcing.catalog.search) if text and wanted else ()
    except FreeholdError as error:
        without = error.problem
    return There(tuple(item_object(work, one) for one in same), found, without)


def _status(hit: Hit) -> str:
    return "certified" if hit.is_certified else "deprecated" if hit.status == "deprecated" else ""


def _line(text: str) -> str:
    first = " ".join(text.partition("\n")[0].split())
    return first if len(first) <= _TITLE else f"{first[:_TITLE]}…"
