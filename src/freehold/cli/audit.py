"""`freehold audit`: is the ledger whole?"""

from __future__ import annotations

import sys
from collections.abc import Iterator
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
        for doubt in _doubts(found):
            say(doubt)
    else:
        say(f"Broken: {found.broken}")
    sys.exit(0 if found.ok else 1)


def _doubts(found: Any) -> Iterator[str]:
    """Say what the chain alone cannot prove: it shows an edit, a signature shows who could have made it anew."""
    if not found.checkpoints:
        yield "No checkpoint was signed, so a history written anew from the start would pass."
    elif not found.trusted:
        yield "The key beside the state is gone, so the signatures prove no more than the chain does."
    if found.unsealed:
        yield f"{counted(found.unsealed, 'events')} will be covered by the next block."


def _as_object(found: Any) -> dict[str, Any]:
    return {
        "ok": found.ok,
        "events": found.events,
        "blocks": found.blocks,
        "checkpoints": found.checkpoints,
        "trusted": found.trusted,
        "unsealed": found.unsealed,
        "segments": found.segments,
        "broken": str(found.broken) if found.broken else None,
    }
