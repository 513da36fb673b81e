"""A part of the ledger that proves itself: events as they were sealed, the blocks they hang in, a signed checkpoint.

Whoever holds it needs no ledger: each event is a leaf of its block, each block names the one before, and the checkpoint
signs the last. What it cannot show is that nothing was left out of the selection; that takes the ledger.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from freehold.ledger import tables
from freehold.ledger.canonical import canonical
from freehold.ledger.event import instant_text, micros
from freehold.ledger.seal import Block, Checkpoint, envelope

if TYPE_CHECKING:
    from freehold.ledger.seal import Sealer
    from freehold.ledger.store import Store


FILES = ("events.jsonl", "blocks.jsonl", "checkpoint.json")


@dataclass(frozen=True)
class Proof:
    """Events with what proves them: each a line of canonical JSON, as it was hashed."""

    events: tuple[str, ...]
    blocks: tuple[Block, ...]
    checkpoint: Checkpoint | None

    def files(self) -> dict[str, str]:
        """Return it as files, by name."""
        texts = (
            "".join(f"{line}\n" for line in self.events),
            "".join(f"{canonical(_told(block))}\n" for block in self.blocks),
            f"{canonical(self.checkpoint.to_json() if self.checkpoint else None)}\n",
        )
        return dict(zip(FILES, texts, strict=True))

    def faults(self) -> Iterator[str]:
        """Yield what does not fit, each as a sentence; nothing where all is as it was sealed."""
        leaves = {
            block.first_seq + place: block.leaves[32 * place : 32 * place + 32]
            for block in self.blocks
            for place in range(len(block.leaves) // 32)
        }
        yield from _of_chain(self.blocks)
        last = 0
        for line in self.events:
            seq = json.loads(line)["seq"]
            if seq <= last:
                yield f"Event {seq:,} does not stand in its place."
            last = seq
            if leaves.get(seq) != hashlib.sha256(line.encode(errors="surrogateescape")).digest():
                yield f"Event {seq:,} is not the one that was sealed."
        yield from _of_signature(self.blocks, self.checkpoint)


def proof(store: Store, sealer: Sealer, seqs: Sequence[int], upto: int) -> Proof:
    """Return events with the blocks from the first of them on to the first checkpoint that covers `upto`."""
    covering = [c for c in sealer.checkpoints() if c.seq >= upto and c.is_genuine]
    checkpoint = min(covering, key=lambda c: (c.block, c.signed_at)) if covering else sealer.checkpoint()
    if not seqs:
        return Proof((), (), checkpoint)
    b = tables.block.c
    mine = (b.workspace == store.workspace, b.last_seq >= seqs[0], b.block <= checkpoint.block)
    with store.read() as connection:
        found = connection.execute(select(tables.block).where(*mine).order_by(b.block)).all()
    return Proof(lines(store, seqs), tuple(Block(**row._mapping) for row in found), checkpoint)


def lines(store: Store, seqs: Sequence[int]) -> tuple[str, ...]:
    """Return events as they were sealed, each a line of canonical JSON, in their order."""
    if not seqs:
        return ()
    e, wanted = tables.event.c, frozenset(seqs)
    within = (e.workspace == store.workspace, e.seq >= seqs[0], e.seq <= seqs[-1])
    with store.read() as connection:
        rows = connection.execute(select(tables.event).where(*within).order_by(e.seq)).all()
    return tuple(envelope(row) for row in rows if row.seq in wanted)


def proof_from(files: Mapping[str, str]) -> Proof:
    """Read a proof from its files.

    Raises:
        ValueError, TypeError, KeyError: they are none.
    """
    blocks = tuple(_block(json.loads(line)) for line in files["blocks.jsonl"].splitlines())
    said = json.loads(files["checkpoint.json"])
    events = tuple(line for line in files["events.jsonl"].split("\n") if line)
    return Proof(events, blocks, Checkpoint.from_json(said) if said else None)


def _of_chain(blocks: Sequence[Block]) -> Iterator[str]:
    for place, block in enumerate(blocks):
        if block.hash != block.expected_hash() or len(block.leaves) != 32 * (block.last_seq - block.first_seq + 1):
            yield f"Block {block.block:,} is not the one that was sealed: its hash differs."
        before = blocks[place - 1] if place else None
        if before and (block.block, block.previous, block.first_seq) != (
            before.block + 1, before.hash, before.last_seq + 1,
        ):  # fmt: skip
            yield f"Block {block.block:,} does not follow block {before.block:,}."


def _of_signature(blocks: Sequence[Block], checkpoint: Checkpoint | None) -> Iterator[str]:
    if checkpoint is None:
        yield "No checkpoint is there that signs it."
        return
    if not checkpoint.is_genuine:
        yield "The checkpoint has a signature that does not fit it."
    if blocks and (checkpoint.block, checkpoint.hash) != (blocks[-1].block, blocks[-1].hash):
        yield f"The checkpoint signs another block than the last one here, {blocks[-1].block:,}."


def _told(block: Block) -> dict[str, Any]:
    return {
        "workspace": block.workspace, "block": block.block, "first_seq": block.first_seq, "last_seq": block.last_seq,
        "sealed_at": instant_text(block.sealed_at), "previous": block.previous, "leaves": block.leaves.hex(),
        "hash": block.hash,
    }  # fmt: skip


def _block(said: Mapping[str, Any]) -> Block:
    sealed_at = micros(datetime.fromisoformat(said["sealed_at"]))
    return Block(**{**said, "sealed_at": sealed_at, "leaves": bytes.fromhex(said["leaves"])})
