"""What the shop changes about its own estate, as a script: which files, on which day, and why.

Days count from the first morning of a replay: on that evening a commit is merged, on the next morning of work it is put
in force. One of them is wrong, though nothing says so when it is reviewed; `mends` is the one that takes it back.
"""

from __future__ import annotations

from dataclasses import dataclass

_COUNTRIES = "sales/catalogue/seeds/countries.csv"
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
    return tuple(sorted((*_MARKETS, *_CUSTOMERS, _GUESTS_LEFT_OUT), key=lambda one: one.day))


def mending() -> Commit:
    """Return the commit that takes back the one that is wrong, whenever somebody finds out."""
    back = tuple(Edit(one.path, one.new, one.old) for one in _GUESTS_LEFT_OUT.edits)
    return Commit(_GUESTS_LEFT_OUT.day, "Guests are sales: their lines are back", back)


def _market(day: int, name: str, code: str, after: str) -> Commit:
    edit = Edit(_COUNTRIES, f"{after}\n", f"{after}\n{name},{code},overseas\n")
    return Commit(day, f"The shop sells to {name}", (edit,))


_MARKETS = (
    _market(12, "New Zealand", "NZ", "Lebanon,LB,overseas"),
    _market(24, "Mexico", "MX", "Lebanon,LB,overseas"),
    _market(41, "Chile", "CL", "Canada,CA,overseas"),
    _market(49, "South Korea", "KR", "Singapore,SG,overseas"),
    _market(56, "Uruguay", "UY", "USA,US,overseas"),
)
_CUSTOMERS = (
    Commit(15, "A customer is new for six weeks", (Edit(_SEGMENTS, "NEW_DAYS = 30", "NEW_DAYS = 42"),)),
    Commit(30, "Four orders are loyal", (Edit(_SEGMENTS, "LOYAL_ORDERS = 5", "LOYAL_ORDERS = 4"),)),
    Commit(45, "Ten weeks away is slipping", (Edit(_SEGMENTS, "SLIPPING_DAYS = 90", "SLIPPING_DAYS = 70"),)),
    Commit(52, "A customer is new for five weeks", (Edit(_SEGMENTS, "NEW_DAYS = 42", "NEW_DAYS = 35"),)),
)
_GUESTS_LEFT_OUT = Commit(
    18, "Lines of nobody are left out: models of customers cannot use them",
    (Edit(_LINES, "and InvoiceNo not like 'A%'", "and InvoiceNo not like 'A%' and CustomerID is not null"),),
)  # fmt: skip
