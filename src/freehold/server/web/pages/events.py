"""One event as it was recorded, and how it stands in the sealed chain."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from freehold.foundation.words import plain
from freehold.server.events_seen import EventsSeen
from freehold.server.problems import not_found
from freehold.server.web.model import Crumb, Fact, Mark
from freehold.server.web.pages.kpis import leads_of, may_see
from freehold.server.web.showing import Asked, Shown

if TYPE_CHECKING:
    from freehold.ledger import Recorded, Sealed


@dataclass(frozen=True, slots=True)
class EventPage:
    """An event, where it stands in the chain, and what is near it."""

    seq: int
    type: str
    chain: Mark
    chain_title: str
    chain_told: tuple[str, ...]
    facts: tuple[Fact, ...]
    data: str
    before_href: str
    after_href: str
    leads: str
    leads_to: str


def event(asked: Asked) -> Shown:
    """Show the event of a number, or of an id.

    Raises:
        FreeholdError: FH-A107 there is none.
    """
    name, ledger = asked.request.path_params["id"], asked.served.snapshots.ledger
    if name.isascii() and name.isdigit() and len(name) < 19:
        found = next(ledger.read(after=int(name) - 1, upto=int(name)), None)
    else:
        found = ledger.get(name)
    if found is None or not may_see(asked, found):
        raise not_found(asked.request)
    mark, title, told = _chain(ledger.sealed(found.seq))
    leads_to, leads = leads_of(found)
    shown = EventsSeen(asked).told(found)
    after = next(ledger.read(after=found.seq, limit=1), None)
    model = EventPage(
        seq=found.seq,
        type=found.type,
        chain=mark,
        chain_title=title,
        chain_told=told,
        facts=(*_facts(found), *(Fact(f"Not shown: {name}", shown.why) for name in shown.withheld)),
        data=json.dumps(dict(shown.data), indent=2, ensure_ascii=False, default=plain),
        before_href=f"/events/{found.seq - 1}" if found.seq > 1 else "",
        after_href=f"/events/{after.seq}" if after else "",
        leads=leads,
        leads_to=leads_to,
    )
    sentence = (
        str(ledger.vocabulary[found.type].schema.get("description", "")) if found.type in ledger.vocabulary else ""
    )
    return Shown("pages/event.html", f"Event {found.seq:,}", model, sentence, (Crumb("KPIs", "/kpis"),), nav="kpis")


def _chain(place: Sealed) -> tuple[Mark, str, tuple[str, ...]]:
    """Say how an event stands: as it was sealed, waiting for its seal, or not what was sealed."""
    if place.broken is not None:
        return Mark("bad", "broken"), "This is not what was sealed", (str(place.broken), "Run `freehold audit verify`.")
    if not place.block or place.sealed_at is None:
        return Mark("idle", "not sealed yet"), "Recorded, and waiting for the next seal", ()
    told = [f"Block {place.block:,}, sealed {place.sealed_at:%d %b %Y %H:%M} UTC: `{place.hash[:16]}…`"]
    if place.signed_at is not None:
        told.append(f"Covered by the signature of {place.signed_at:%d %b %Y %H:%M} UTC.")
    else:
        told.append("No signature covers it yet.")
    return Mark("ok", "as sealed"), "As it was sealed: its block holds", tuple(told)


def _facts(found: Recorded) -> Iterator[Fact]:
    yield Fact("Type", found.type, is_code=True)
    yield Fact("Happened", at=found.occurred_at)
    yield Fact("Recorded", at=found.recorded_at)
    yield Fact("By", found.actor, is_code=True)
    yield Fact("Assured by", found.assurance)
    for term, text in (("Environment", found.env), ("Subject", found.subject), ("Run", found.run_id)):
        if text:
            yield Fact(term, text, is_code=True)
    if found.product:
        yield Fact("Product", found.product, href=f"/products/{found.product}")
    if found.correlation_id:
        yield Fact("Belongs to", found.correlation_id, is_code=True)
    if found.replay:
        yield Fact("Replay", "a simulated clock was driving")
    yield Fact("Id", found.id, is_code=True)
    yield Fact("Schema", f"version {found.schema_version}")
