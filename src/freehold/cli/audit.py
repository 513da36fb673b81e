"""`freehold audit`: is the ledger whole?"""

from __future__ import annotations

import sys
from typing import Any

import click

from freehold.cli.opened import loaded, opened_ledger
from freehold.cli.output import as_json, counted, emit, say


@click.group(epilog="Example: freehold audit verify")
def audit() -> None:
    """Prove that the ledger is whole."""


@audit.command(epilog="Example: freehold audit verify --json")
@as_json
@click.pass_obj
def verify(start: str | None, as_json: bool) -> None:
    """Walk the chain of blocks and the signed checkpoints; name the first one that is broken.

    Finds any event that was changed, removed, inserted or moved, and a tail that was cut off. Ends with 1 if so.
    """
    with opened_ledger(loaded(start)) as ledger:
        ledger.seal()
        found = ledger.verify()
    if as_json:
        emit(_as_object(found))
    elif found.ok:
        say(
            f"Whole: {counted(found.events, 'events')} in {counted(found.blocks, 'blocks')}, "
            f"{counted(found.checkpoints, 'signed checkpoints')}, {counted(found.segments, 'raw segments')}."
        )
    else:
        say(f"Broken: {found.broken}")
    sys.exit(0 if found.ok else 1)


def _as_object(found: Any) -> dict[str, Any]:
    return {
        "ok": found.ok,
        "events": found.events,
        "blocks": found.blocks,
        "checkpoints": found.checkpoints,
        "segments": found.segments,
        "broken": str(found.broken) if found.broken else None,
    }
