"""A search as values: what is asked, what comes of it, and why each hit stands where it does."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from typing import Any

from freehold.catalog.entry import KINDS, Allowed, Key
from freehold.catalog.words import asked, folded
from freehold.foundation import Exit, FreeholdError, near

MOST = 100  # hits of one page
DEEPEST = 5_000  # hits that pages reach; who needs more narrows the search
USUAL = 20


class Stage(IntEnum):
    """How close a hit is to what was asked, as the score of its stage; no signal lifts a hit over its stage."""

    NAME = 100
    ALIAS = 80
    WORDS = 64
    PREFIX = 50
    FUZZY = 40
    COLUMN = 32
    CONCERN = 25
    PROSE = 20


@dataclass(frozen=True, slots=True)
class Question:
    """What somebody looks for.

    Attributes:
        text: the words; a name as it is written anywhere will do.
        kinds: kinds of entries to look among; empty for all.
        product: a product to look in; empty for all.
        allowed: the products that the caller may see: what is of others is neither shown nor counted.
        limit: hits of a page, 1 to 100.
        cursor: where the page before ended, as it said in `next`.
    """

    text: str
    kinds: tuple[str, ...] = ()
    product: str = ""
    allowed: Allowed = None
    limit: int = USUAL
    cursor: str = ""

    def checked(self) -> Question:
        """Return the question, if it is one.

        Raises:
            FreeholdError: FH-F001 it has no word; FH-F002 there is no such kind; FH-F003 a limit or cursor is none.
        """
        if not asked(self.text) and not folded(self.text):
            raise _unusable("FH-F001", "The search has no word.", "Say what you look for: a name, or half of one.")
        for kind in self.kinds:
            if kind not in KINDS:
                fix = near(kind, KINDS) or f"There are: {', '.join(KINDS)}."
                raise _unusable("FH-F002", f"The catalog lists nothing of kind `{kind}`.", fix)
        if not 1 <= self.limit <= MOST:
            raise _unusable("FH-F003", f"A page has no {self.limit} hits.", f"Ask for 1 to {MOST}.")
        self.offset()
        return self

    @property
    def signature(self) -> str:
        """What a cursor belongs to: it goes on with the same search and with no other."""
        said = json.dumps([self.text, sorted(self.kinds), self.product])
        return hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()[:12]

    def offset(self) -> int:
        """Return how many hits the pages before had.

        Raises:
            FreeholdError: FH-F003 the cursor is of another search, or none.
        """
        if not self.cursor:
            return 0
        try:
            signature, offset = json.loads(base64.urlsafe_b64decode(self.cursor.encode("ascii")))
            if signature == self.signature and isinstance(offset, int) and 0 < offset <= DEEPEST:
                return offset
        except (binascii.Error, UnicodeError, ValueError, TypeError):
            pass  # whatever it is, it is no cursor of ours
        raise _unusable("FH-F003", f"`{self.cursor[:40]}` does not go on with this search.", "Leave the cursor out.")

    def after(self, offset: int) -> str:
        """Return the cursor of the page that begins after so many hits; empty past the deepest."""
        if offset > DEEPEST:
            return ""
        return base64.urlsafe_b64encode(json.dumps([self.signature, offset]).encode()).decode("ascii")


@dataclass(frozen=True, slots=True)
class Hit:
    """One entry that was found.

    Attributes:
        why: the reasons it stands where it does, the strongest first, each a phrase for people.
        columns: the columns that have the words that were asked for.
        state: of an asset: `live`, `live, newer rows in quarantine`, `in quarantine`, `not published`; else empty.
        replaced_by: what to use instead, where the caller may see it; `sunset`: its last day, where one was told.
        persons: how many people read it in 30 days; services: how many others did.
    """

    key: Key
    title: str
    stage: Stage
    score: float
    why: tuple[str, ...]
    product: str = ""
    domain: str = ""
    owner: str = ""
    description: str = ""
    form: str = ""
    status: str = ""
    is_certified: bool = False
    certified_by: tuple[str, ...] = ()
    replaced_by: Key | None = None
    sunset: str = ""
    columns: tuple[str, ...] = ()
    state: str = ""
    published_at: datetime | None = None
    persons: int = 0
    services: int = 0
    where: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {
            "kind": self.key.kind,
            "id": self.key.id,
            "title": self.title,
            "why": list(self.why),
            "stage": self.stage.name.lower(),
            "score": round(self.score, 3),
            "product": self.product or None,
            "domain": self.domain or None,
            "owner": self.owner or None,
            "description": self.description or None,
            "form": self.form or None,
            "status": self.status or None,
            "certified": self.is_certified,
            "certified_by": list(self.certified_by),
            "replaced_by": str(self.replaced_by) if self.replaced_by else None,
            "sunset": self.sunset or None,
            "columns": list(self.columns),
            "state": self.state or None,
            "published_at": self.published_at.isoformat() if self.published_at else None,
            "readers": {"people": self.persons, "services": self.services},
            "where": self.where,
        }


@dataclass(frozen=True, slots=True)
class Found:
    """What came of a search.

    Attributes:
        hits: of this page, the best first.
        total: how many there are on all pages.
        kinds: how many of each kind, whatever kinds were asked for.
        near: names close to what was asked, where nothing was found.
        next: the cursor of the next page, empty on the last.
        change: the last change of the catalog that was looked through.
        ledger_seq: the last event of the ledger that it knew of.
    """

    hits: tuple[Hit, ...] = ()
    total: int = 0
    kinds: Mapping[str, int] = field(default_factory=dict)
    near: tuple[str, ...] = ()
    next: str = ""
    change: int = 0
    ledger_seq: int = 0

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {
            "hits": [hit.to_json() for hit in self.hits],
            "total": self.total,
            "kinds": dict(self.kinds),
            "near": list(self.near),
            "next": self.next or None,
            "catalog": {"change": self.change, "ledger_seq": self.ledger_seq},
        }


def _unusable(code: str, problem: str, fix: str) -> FreeholdError:
    return FreeholdError(code, problem, fix=fix, exit_code=Exit.USAGE)
