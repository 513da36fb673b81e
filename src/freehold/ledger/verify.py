"""Proving the seal: every event, every block, every signature and every raw segment, against what was sealed.

Whoever holds both the database and the signing key can write another history. To guard against that, keep the witness
file, or checkpoints printed from it, where that person cannot write.
"""

from __future__ import annotations

import hashlib
import json
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import func, select

from freehold.foundation import FreeholdError
from freehold.ledger import tables
from freehold.ledger.event import from_micros
from freehold.ledger.seal import Block, Checkpoint, leaf

if TYPE_CHECKING:
    from freehold.ledger.seal import Sealer
    from freehold.ledger.store import Store

Fault = Literal["changed", "removed", "inserted", "reordered", "cut", "chain", "signature", "segment"]
BLOCKS_AT_ONCE = 20
SEQ = list(tables.event.c.keys()).index("seq")


@dataclass(frozen=True, slots=True)
class Break:
    """The first place where the ledger is not what was sealed; `seq` is None where the block itself is at fault."""

    fault: Fault
    block: int | None
    seq: int | None
    problem: str

    def __str__(self) -> str:
        return self.problem


@dataclass(frozen=True, slots=True)
class Verification:
    """What a verification looked at, and the first thing that was wrong.

    `signed` is the number of the last event that a signature covers, made at `signed_at`; 0 where nothing is signed.
    `unsealed` events are recorded and durable, and will be covered by the next block. `trusted` tells whether the
    signatures were checked against the key beside the state, and not only against the key they name themselves.
    """

    events: int
    blocks: int
    unsealed: int
    checkpoints: int
    segments: int
    trusted: bool
    signed: int = 0
    signed_at: datetime | None = None
    broken: Break | None = None

    @property
    def ok(self) -> bool:
        """Whether everything is as it was sealed."""
        return self.broken is None


@dataclass(frozen=True, slots=True)
class Sealed:
    """Where one event stands in the chain, and whether it and its block are as they were sealed.

    `block` is 0 where the event waits for the next block; `signed_at` is None where no signature covers it yet.
    """

    block: int
    sealed_at: datetime | None
    hash: str
    signed_at: datetime | None
    broken: Break | None = None


@dataclass(frozen=True, slots=True)
class _End:
    """Where the chain ends, all seen in one moment."""

    seq: int
    sealed_seq: int
    block: int
    block_hash: str
    blocks: int
    tail: int
    least: int
    greatest: int


def verify(store: Store, sealer: Sealer, witness: Path | None = None) -> Verification:
    """Check the chain of a workspace from its first event; stop at the first fault."""
    end = _end(store)
    checkpoints = sealer.checkpoints(witness)
    trusted = sealer.key.public()
    hashes: dict[int, str] = {}
    broken = _first(_chain_faults(store, end, hashes))
    segments = 0
    if broken is None:
        broken = _first(_end_faults(end, hashes)) or _first(_checkpoint_faults(end, hashes, checkpoints, trusted))
    if broken is None:
        segments, broken = _segments(store, end)
    last = max(checkpoints, key=lambda c: c.seq, default=None)
    return Verification(
        *(end.sealed_seq, end.block, end.tail, len(checkpoints), segments, trusted is not None or not checkpoints),
        signed=last.seq if last else 0,
        signed_at=last.signed_at if last else None,
        broken=broken,
    )


def sealed(store: Store, sealer: Sealer, seq: int) -> Sealed:
    """Check the block that one event is in: its events against its leaves, its hash against its content.

    That the blocks before it are those that were sealed is for `verify`, which walks all of them.
    """
    b, e = tables.block.c, tables.event.c
    with store.read() as connection:
        mine = (b.workspace == store.workspace, b.first_seq <= seq, b.last_seq >= seq)
        found = connection.execute(select(tables.block).where(*mine).limit(1)).first()
        if found is None:
            return Sealed(0, None, "", None)
        block = Block(**found._mapping)
        within = (e.workspace == store.workspace, e.seq >= block.first_seq, e.seq <= block.last_seq)
        rows = connection.execute(select(tables.event).where(*within).order_by(e.seq)).all()
    broken = _first(_event_faults(block, rows))
    if broken is None and block.hash != block.expected_hash():
        problem = f"Block {block.block} is not the one that was sealed: its hash differs."
        broken = Break("chain", block.block, None, problem)
    after = [c for c in sealer.checkpoints() if c.block >= block.block and c.is_genuine]
    signed = min(after, key=lambda c: c.block, default=None)
    sealed_at = from_micros(block.sealed_at)
    return Sealed(block.block, sealed_at, block.hash, signed.signed_at if signed else None, broken)


def _first(faults: Iterator[Break]) -> Break | None:
    return next(faults, None)


def _end(store: Store) -> _End:
    event, block, head = tables.event.c, tables.block.c, tables.head.c
    with store.read() as connection:
        row = connection.execute(select(tables.head).where(head.workspace == store.workspace)).one()
        blocks = connection.execute(select(func.count()).where(block.workspace == store.workspace)).scalar_one()
        mine = event.workspace == store.workspace
        least, greatest = connection.execute(select(func.min(event.seq), func.max(event.seq)).where(mine)).one()
        unsealed = select(func.count()).where(mine, event.seq > row.sealed_seq)
        tail = connection.execute(unsealed).scalar_one()
    return _End(
        row.seq, row.sealed_seq, row.block, row.block_hash, blocks, tail, 1 if least is None else least, greatest or 0
    )


def _chain_faults(store: Store, end: _End, hashes: dict[int, str]) -> Iterator[Break]:
    """Walk the blocks in order, filling `hashes` with those that hold."""
    previous, last = "0" * 64, 0
    for block, rows in _sealed(store, end):
        number = len(hashes) + 1
        if block.block != number or block.first_seq != last + 1:
            yield Break("removed", number, last + 1, f"Block {number}, which begins with event {last + 1}, is missing.")
        yield from _event_faults(block, rows)
        if block.previous != previous or block.hash != block.expected_hash():
            yield Break("chain", number, None, f"Block {number} is not the one that was sealed: its hash differs.")
        hashes[number] = previous = block.hash
        last = block.last_seq


def _sealed(store: Store, end: _End) -> Iterator[tuple[Block, Sequence[Any]]]:
    """Read blocks with their events, some at a time, so that memory stays small."""
    after = -1
    while True:
        try:
            blocks, rows = _page(store, end, after, bytewise=False)
        except FreeholdError:  # text that is no longer UTF-8, perhaps: read it byte by byte, which tells
            blocks, rows = _page(store, end, after, bytewise=True)
        if not blocks:
            return
        seqs = [row[SEQ] for row in rows]
        for block in blocks:
            yield block, rows[bisect_left(seqs, block.first_seq) : bisect_right(seqs, block.last_seq)]
        after = blocks[-1].block


def _page(store: Store, end: _End, after: int, *, bytewise: bool) -> tuple[list[Block], Sequence[Any]]:
    """Return the next blocks and the rows between the first and the last number they claim."""
    b, e = tables.block.c, tables.event.c
    query = select(tables.block).where(b.workspace == store.workspace, b.block > after, b.block <= end.block)
    with store.read(bytewise=bytewise) as connection:
        found = connection.execute(query.order_by(b.block).limit(BLOCKS_AT_ONCE)).all()
        if not found:
            return [], []
        mine = (e.workspace == store.workspace, e.seq >= found[0].first_seq, e.seq <= found[-1].last_seq)
        rows = connection.execute(select(tables.event).where(*mine).order_by(e.seq)).all()
    return [Block(**row._mapping) for row in found], rows


def _event_faults(block: Block, rows: Sequence[Any]) -> Iterator[Break]:
    """Compare the events of a block with its leaves: all at once, and one by one if that fails."""
    if len(rows) == block.last_seq - block.first_seq + 1 and b"".join(map(leaf, rows)) == block.leaves:
        return
    by_seq = {row.seq: row for row in rows}
    leaves = [block.leaves[at : at + 32] for at in range(0, len(block.leaves), 32)]
    if len(leaves) != block.last_seq - block.first_seq + 1:
        problem = f"Block {block.block} is not the one that was sealed: it has {len(leaves)} leaves."
        yield Break("chain", block.block, None, problem)
        return
    for seq, sealed in enumerate(leaves, block.first_seq):
        if seq not in by_seq:
            yield Break("removed", block.block, seq, f"Event {seq} of block {block.block} was removed.")
        elif leaf(by_seq[seq]) != sealed:
            yield _meaning(block, by_seq, leaves, seq)


def _meaning(block: Block, by_seq: dict[int, Any], leaves: Sequence[bytes], seq: int) -> Break:
    """Say what happened at a place whose event is not the sealed one: moved here, moved away, or written over."""
    here = f"Event {seq} of block {block.block}"
    row = by_seq[seq]
    origin = next(
        (s for s in range(block.first_seq, block.last_seq + 1) if _was(row, s, leaves[s - block.first_seq])), 0
    )
    now_at = next((s for s, r in by_seq.items() if _was(r, seq, leaves[seq - block.first_seq])), 0)
    if origin and now_at:
        return Break("reordered", block.block, seq, f"{here} was reordered: it was sealed as event {origin}.")
    if now_at > seq:
        return Break("inserted", block.block, seq, f"{here} was inserted: the sealed one stands at {now_at} now.")
    if origin > seq:
        return Break("removed", block.block, seq, f"{here} was removed: event {origin} was moved into its place.")
    return Break("changed", block.block, seq, f"{here} (`{row.type}`, id {row.id}) was changed after it was sealed.")


def _was(row: Any, seq: int, sealed: bytes) -> bool:
    """Tell whether a row is what was sealed at another place."""
    return leaf((row.workspace, seq, *row[2:])) == sealed


def _end_faults(end: _End, hashes: dict[int, str]) -> Iterator[Break]:
    if len(hashes) < end.block or (end.block and hashes[end.block] != end.block_hash):
        number = min(len(hashes) + 1, end.block)
        yield Break("cut", number, None, f"The chain should end with block {end.block}; it breaks off before {number}.")
    if end.blocks > end.block:
        yield Break(
            "inserted", end.block + 1, None, f"{end.blocks - end.block} blocks stand after the end of the chain."
        )
    if end.greatest > end.seq or end.least < 1:
        seq = end.greatest if end.greatest > end.seq else end.least
        yield Break("inserted", None, seq, f"Event {seq} was inserted: the chain runs from 1 to {end.seq}.")
    if end.tail != end.seq - end.sealed_seq:
        problem = f"Of {end.seq - end.sealed_seq} events after number {end.sealed_seq}, {end.tail} are left."
        yield Break("cut", end.block + 1, end.sealed_seq + 1, problem)


def _checkpoint_faults(
    end: _End, hashes: dict[int, str], checkpoints: Sequence[Checkpoint], trusted: str | None
) -> Iterator[Break]:
    for made in sorted(checkpoints, key=lambda c: c.block):
        when = f"The checkpoint of {made.signed_at:%Y-%m-%d %H:%M:%S} UTC"
        if not made.is_genuine:
            yield Break("signature", made.block, made.seq, f"{when} has a signature that does not fit it.")
        elif trusted is not None and made.public_key != trusted:
            yield Break("signature", made.block, made.seq, f"{when} is signed with another key than this ledger's.")
        elif made.block > end.block:
            problem = (
                f"{when} saw {made.seq} events in {made.block} blocks; {end.sealed_seq} are left: the tail was cut."
            )
            yield Break("cut", end.block + 1, end.sealed_seq + 1, problem)
        elif hashes[made.block] != made.hash:
            yield Break(
                "chain", made.block, None, f"{when} signed another block {made.block} than the one that is here."
            )


def _segments(store: Store, end: _End) -> tuple[int, Break | None]:
    """Hash every raw segment that the chain names."""
    e = tables.event.c
    mine = (e.workspace == store.workspace, e.type == "segment.sealed", e.seq <= end.seq)
    with store.read() as connection:
        rows = connection.execute(select(e.seq, e.data).where(*mine).order_by(e.seq)).all()
    for row in rows:
        said = json.loads(row.data)
        path = store.folder / said["path"]
        if not path.exists():
            return len(rows), Break("segment", None, row.seq, f"The raw segment `{said['path']}` is gone.")
        with path.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != said["sha256"]:
                return len(rows), Break("segment", None, row.seq, f"The raw segment `{said['path']}` was changed.")
    return len(rows), None
