"""Views of dashboards, as tools of business intelligence record them: who looked at which dashboard that is known."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from freehold.connect.usage.importing import Imported, Known, without_known
from freehold.ledger import Event

if TYPE_CHECKING:
    from freehold.connect.usage.accounts import Accounts
    from freehold.estate.dashboards import Dashboard
    from freehold.ledger import Ledger


def record(
    batches: Iterator[list[dict[str, Any]]], known: Known, ledger: Ledger, accounts: Accounts, told: Imported
) -> None:
    """Record views of dashboards that the estate knows; count those of others, and name them."""
    names = _names(known.dashboards, told.source)
    with ledger.evidence() as evidence:
        for batch in batches:
            there = told.by_now(batch, ledger.clock.now())
            fresh = without_known(evidence, "usage_view", "id", told.source, there)
            told.known += len(there) - len(fresh)
            events = [e for row in fresh if (e := _view(row, names, accounts, told)) is not None]
            if events:
                ledger.raw.append("usage.view", events)
                told.events += len(events)


def _view(row: dict[str, Any], names: dict[str, str], accounts: Accounts, told: Imported) -> Event | None:
    given = [name for name in row["names"] if name]
    found = next((names[name.casefold()] for name in given if name.casefold() in names), None)
    if found is None:
        told.strange += 1
        told.dashboards[given[0] if given else ""] += 1
        return None
    told.recorded += 1
    told.saw(row["occurred_at"])
    who = accounts.who(row["account"], is_program=row["is_program"])
    said = {
        "page": f"{told.source}:{found}", "dashboard": found, "source": told.source, "consumer": who.name,
        "consumer_type": who.kind, "segment": who.segment or None,
    }  # fmt: skip
    return Event("usage.view", said, f"{told.source}:{row['id']}", row["occurred_at"], subject=found)


def _names(dashboards: Sequence[Dashboard], source: str) -> dict[str, str]:
    """Return the dashboards by all that a tool may call them, without case; what several are called means none."""
    found: dict[str, set[str]] = {}
    for one in dashboards:
        if one.tool in (source, "csv", "dbt"):
            for name in (one.id, one.name, one.url):
                if name:
                    found.setdefault(name.casefold(), set()).add(one.id)
    return {name: next(iter(ids)) for name, ids in found.items() if len(ids) == 1}
