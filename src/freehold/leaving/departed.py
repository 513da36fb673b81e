"""What is left of something that went: since when, why, and what takes its place. Read from the ledger when asked."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from freehold.delivery.deprecated import names_in_force
from freehold.foundation import Exit, FreeholdError
from freehold.leaving.leaving import announced, announced_at, replacement_among
from freehold.leaving.subject import last_day_of, subject_of

if TYPE_CHECKING:
    from freehold.ledger import Ledger, Recorded
    from freehold.work import Item

GONE = "FH-W508"
NOT_THERE = ("FH-D201", "FH-F004", "FH-N107")  # no such product, nothing of that name, no such metric


@dataclass(frozen=True, slots=True)
class Departed:
    """Something that is in no file any more.

    Attributes:
        name: `product:ID`, `asset:ID` or `metric:ID`; `replaced_by` the same way, empty where nothing takes its place.
        since: when the files without it came into force.
        why: in words, as whoever deprecated it said; empty where nobody did, or it was erased.
        item: the deprecation that announced it; empty where none did.
    """

    name: str
    product: str
    since: datetime
    replaced_by: str = ""
    deprecated_at: datetime | None = None
    sunset: date | None = None
    why: str = ""
    item: str = ""

    @property
    def id(self) -> str:
        """Its id, without the kind."""
        return self.name.partition(":")[2]

    @property
    def instead(self) -> str:
        """The id of what takes its place, without the kind."""
        return self.replaced_by.partition(":")[2]

    def sentence(self) -> str:
        """Return it as people are told: since when it is gone, and why."""
        return f"`{self.id}` is gone since {self.since:%Y-%m-%d}{f': {self.why}' if self.why else '.'}"

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {
            "name": self.name, "gone_since": self.since, "replaced_by": self.instead or None, "sunset": self.sunset,
            "deprecated_at": self.deprecated_at, "why": self.why or None, "item": self.item or None,
        }  # fmt: skip


class Gone(FreeholdError):
    """The refusal of whoever asks for something that went: FH-W508, with what takes its place."""

    def __init__(self, one: Departed) -> None:
        fix = f"Use `{one.instead}`." if one.instead else "Nothing takes its place."
        super().__init__(GONE, one.sentence(), fix=fix, exit_code=Exit.USAGE)
        self.departed = one

    def to_json(self) -> dict[str, Any]:
        """Return it as data, with the names of what went and of what takes its place."""
        one = self.departed
        return {**super().to_json(), "gone_since": one.since.isoformat(), "successor": one.instead or None}


@contextmanager
def gone_unless(
    ledger: Ledger,
    env: str,
    names: Iterable[str],
    may_see: Callable[[Departed], bool] = lambda _: True,
    hides: Callable[[str], bool] = lambda _: False,
) -> Iterator[None]:
    """Tell of a name that means nothing any more that it is gone, where it is; any other error stays what it is.

    Args:
        ledger: tells what went.
        env: of the environment that is asked.
        names: that were asked for.
        may_see: whether the asker may know of something that went.
        hides: whether what takes its place, by its id, is not for the asker.

    Raises:
        Gone: FH-W508.
    """
    try:
        yield
    except FreeholdError as error:
        if error.code not in NOT_THERE:
            raise
        found = (gone(ledger, env, name) for name in names)
        one = next((one for one in found if one is not None and may_see(one)), None)
        if one is None:
            raise
        raise Gone(replace(one, replaced_by="") if hides(one.instead) else one) from None


def departed(ledger: Ledger, env: str) -> dict[str, Departed]:
    """Return everything that went from an environment, by name; what came back since is among it, too."""
    events = {event.subject: event for event in ledger.read(types=("resource.retired",), env=env)}
    if not events:
        return {}
    items = {str(subject_of(item)): item for item in announced(ledger)}
    last = next(iter(ledger.read(types=("estate.applied",), env=env, newest_first=True, limit=1)), None)
    names = names_in_force(last) if last is not None else set[str]()
    return {name: _departed(event, items.get(name), ledger, names) for name, event in events.items()}


def gone(ledger: Ledger, env: str, name: str) -> Departed | None:
    """Return what is left of a name that means nothing any more; None where nobody ever heard of it.

    A metric is also found by its last part, as it is asked for.
    """
    found = list(departed(ledger, env).values())
    exact = (one for one in found if name in (one.id, one.name))
    short = (one for one in found if one.name.startswith("metric:") and one.id.rpartition(".")[2] == name)
    return next(exact, None) or next(short, None)


def _departed(event: Recorded, item: Item | None, ledger: Ledger, names: Collection[str]) -> Departed:
    """Return what is left of one thing: what its files said of its end, and, where they did not, its announcement."""
    said = event.data
    kept = ledger.side.get(item.text) if item is not None and item.text else None
    why = str(kept.payload.get("what") or "") if kept is not None else ""
    named = str(event.data["name"]).partition(":")[2]
    began = announced_at(item) if item is not None else None
    return Departed(
        name=str(said["name"]),
        product=str(said.get("product") or ""),
        since=event.occurred_at,
        replaced_by=str(said.get("replaced_by") or (replacement_among(item, names) if item else "")),
        deprecated_at=datetime.fromisoformat(said["deprecated_at"]) if said.get("deprecated_at") else began,
        sunset=date.fromisoformat(said["sunset"]) if said.get("sunset") else last_day_of(item) if item else None,
        why=why.removeprefix(f"{named}: "),
        item=item.id if item is not None else "",
    )
