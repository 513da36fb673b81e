"""`freehold catalog`: how the catalog stands, and making it anew."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from freehold.cli.opened import (
    chosen_environment,
    dialect_of,
    environment,
    loaded_or_applied,
    opened_ledger,
    state_is_there,
)
from freehold.cli.output import as_json, counted, emit, say, table
from freehold.foundation import Problems

if TYPE_CHECKING:
    from freehold.catalog import Catalog, Standing, Told
    from freehold.ledger import Ledger


@dataclass(frozen=True, slots=True)
class Opened:
    """The catalog of an estate, with what it is made from."""

    catalog: Catalog
    told: Told
    ledger: Ledger | None
    env: str

    def update_or_say(self) -> None:
        """Bring the catalog up to date; where models or metrics are in error, leave what it says of files, and say so.

        Raises:
            FreeholdError: files are in error, and nothing was ever read of them.
        """
        try:
            self.catalog.update(self.told, self.ledger, env=self.env)
        except Problems as problems:
            if not self.catalog.is_there or not self.catalog.standing().documents:
                raise
            self.catalog.update(None, self.ledger, env=self.env)
            wrong = counted(len(problems.errors), "errors")
            say(f"The files of the estate have {wrong}: see `freehold validate`. This is what they said before.")


@contextmanager
def opened_catalog(start: str | None, env: str | None) -> Iterator[Opened]:
    """Open the catalog of the estate around a folder, as it is; and read what it is to be made from."""
    from freehold.catalog import Catalog
    from freehold.connect.listing import listed
    from freehold.delivery.majors import placed_by_ledger
    from freehold.foundation import SystemClock

    estate, now = loaded_or_applied(start, env), SystemClock().now()
    chosen = chosen_environment(estate, env)
    with ExitStack() as closing:
        ledger = None
        if state_is_there(estate):  # asking must not make one
            ledger = closing.enter_context(opened_ledger(estate))
            estate = placed_by_ledger(estate, ledger, chosen.name, now)[0]
        told = listed(estate, chosen.name, dialect_of(estate, chosen), ledger)
        yield Opened(closing.enter_context(Catalog(estate.root)), told, ledger, chosen.name)


@click.group(epilog="Example: freehold catalog status")
def catalog() -> None:
    """See how the catalog stands; make it anew.

    It is made from the files of the estate and from the ledger, and holds nothing of its own: `freehold search` brings
    it up to date by itself, and a folder `.freehold/catalog` that is lost is made again.
    """


@catalog.command(epilog="Example: freehold catalog status --json | jq .events_behind")
@environment
@as_json
@click.pass_obj
def status(start: str | None, env: str | None, as_json: bool) -> None:
    """Show what the catalog holds, and how far files and ledger are ahead of it. Changes nothing."""
    with opened_catalog(start, env) as opened:
        found = opened.catalog.standing(opened.told, opened.ledger)
    if as_json:
        emit(found.to_json())
        return
    table([(kind, f"{count:,}") for kind, count in found.kinds.items()], ("kind", "entries"), right=(1,))
    for line in _standing(found):
        say(line)


def _standing(found: Standing) -> Iterator[str]:
    yield f"{found.fields:,} columns, {found.edges:,} edges between them; {found.closed:,} edges ended."
    updated = f"{found.updated_at:%Y-%m-%d %H:%M:%S} UTC" if found.updated_at else "never"
    documents = counted(found.documents, "documents")
    yield f"Updated {updated} from {documents} and event {found.ledger_seq:,} of the ledger."
    behind = [counted(found.behind, "documents")] if found.behind else []
    behind += [counted(found.events_behind, "events")] if found.events_behind else []
    yield f"Behind by {' and '.join(behind)}; the next search reads them." if behind else "Up to date."
    if found.indexed != found.change:
        yield f"The search index is at change {found.indexed:,} of {found.change:,}; the next search applies the rest."
    if found.unread:
        yield f"Not all use could be counted: {found.unread}"


@catalog.command(epilog="Example: freehold catalog rebuild")
@environment
@as_json
@click.pass_obj
def rebuild(start: str | None, env: str | None, as_json: bool) -> None:
    """Drop the catalog and its search index, and make both anew from files and ledger.

    Only that edges ended, and when, is forgotten by it; what they were stands in git and in the ledger.
    """
    with opened_catalog(start, env) as opened:
        written = opened.catalog.rebuild(opened.told, opened.ledger, env=opened.env)
        found = opened.catalog.standing(opened.told, opened.ledger)
    if as_json:
        emit(found.to_json())
    else:
        entries, events = counted(written.entries, "entries"), counted(written.events, "events")
        say(f"Made anew: {entries}, {counted(written.edges, 'edges')}, from {events}.")
