"""What the shop changes about its own estate, as a script: which files, on which day, and why.

Days count from the first morning of a replay: on that evening a commit is merged, on the next morning of work it is put
in force. One of them is wrong, though nothing says so when it is reviewed; `mends` is the one that takes it back.
"""

from __future__ import annotations

from dataclasses import dataclass

_SEGMENTS = "sales/customers/models/segments.py"
_LINES = "sales/orders/models/lines.sql"


@dataclass(frozen=True, slots=True)
class Edit:
    """A piece of a file, as it was and as it becomes."""

    path: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Commit:
    """A change of files, merged on the evening of a day."""

    day: int
    title: str
    edits: tuple[Edit, ...]


def commits() -> tuple[Commit, ...]:
    """Return all of them, in the order of their days."""
    return tuple(sorted((*_TUNED, _GUESTS_LEFT_OUT), key=lambda one: one.day))


def mending() -> Commit:
    """Return the commit that takes back the one that is wrong, whenever somebody finds out."""
    back = tuple(Edit(one.path, one.new, one.old) for one in _GUESTS_LEFT_OUT.edits)
    return Commit(_GUESTS_LEFT_OUT.day, "Guests are sales: their lines are back", back)


def _segment(day: int, title: str, name: str, before: int, after: int) -> Commit:
    return Commit(day, title, (Edit(_SEGMENTS, f"{name} = {before}", f"{name} = {after}"),))


_TUNED = (
    _segment(11, "A customer is new for six weeks", "NEW_DAYS", 30, 42),
    _segment(24, "Four orders make a loyal customer", "LOYAL_ORDERS", 5, 4),
    _segment(30, "Ten weeks away is slipping", "SLIPPING_DAYS", 90, 70),
    _segment(41, "Five months away is lapsed", "LAPSED_DAYS", 180, 150),
    _segment(45, "A customer is new for five weeks", "NEW_DAYS", 42, 35),
    _segment(49, "Six orders make a loyal customer", "LOYAL_ORDERS", 4, 6),
    _segment(52, "Eleven weeks away is slipping", "SLIPPING_DAYS", 70, 77),
    _segment(56, "A customer is new for four weeks", "NEW_DAYS", 35, 28),
)
_GUESTS_LEFT_OUT = Commit(
    14, "Lines of nobody are left out: models of customers cannot use them",
    (Edit(_LINES, "and InvoiceNo not like 'A%'", "and InvoiceNo not like 'A%' and CustomerID is not null"),),
)  # fmt: skip
