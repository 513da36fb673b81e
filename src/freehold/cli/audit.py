"""`freehold audit`: is the ledger whole?"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from freehold.cli.opened import ledger_around
from freehold.cli.output import as_json, counted, emit, say


@click.group(epilog="Example: freehold audit verify")
def audit() -> None:
    """Prove that the ledger is whole."""


@audit.command(epilog="Example: freehold audit verify --witness /mnt/vault/checkpoints.jsonl")
@click.option(
    "--witness",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A copy of the checkpoint file, kept where nobody can write it; default: the one beside the state.",
)
@as_json
@click.pass_obj
def verify(start: str | None, witness: Path | None, as_json: bool) -> None:
    """Walk the chain of blocks and the signed checkpoints; name the first one that is broken.

    Finds any event that was changed, removed, inserted or moved, and a tail that was cut off, as far as the signatures
    reach; says how far that is. Every command that records something signs it before it ends. Ends with 1 if anything
    is broken.
    """
    with ledger_around(start) as ledger:
        ledger.seal()
        found = ledger.verify(witness)
    if as_json:
        emit(_as_object(found))
    elif found.ok:
        say(
            f"Whole: {counted(found.events, 'events')} in {counted(found.blocks, 'blocks')}, "
            f"{counted(found.checkpoints, 'signed checkpoints')}, {counted(found.segments, 'raw segments')}."
        )
        if found.checkpoints:
            say(f"Signed up to event {found.signed:,} of {found.events:,}, at {found.signed_at:%Y-%m-%d %H:%M:%S} UTC.")
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
    if found.checkpoints and found.signed < found.events:
        yield f"The {counted(found.events - found.signed, 'events')} after that hang on the chain alone."
    if found.unsealed:
        yield f"{counted(found.unsealed, 'events')} will be covered by the next block."


def _as_object(found: Any) -> dict[str, Any]:
    return {
        "ok": found.ok,
        "events": found.events,
        "blocks": found.blocks,
        "checkpoints": found.checkpoints,
        "trusted": found.trusted,
        "signed": found.signed,
        "signed_at": found.signed_at,
        "unsealed": found.unsealed,
        "segments": found.segments,
        "broken": str(found.broken) if found.broken else None,
    }
