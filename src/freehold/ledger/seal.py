"""Sealing: blocks of events, each hashed, each naming the one before, and signatures over where the chain stood.

A leaf is the SHA-256 of an event's envelope in canonical JSON. A block is the hash of its leaves, its bounds and the
previous block's hash. A checkpoint is an Ed25519 signature over the last block; it goes into the database and into a
witness file beside it, so that a tail cut off the one is missed in the other.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import threading
import time
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from functools import lru_cache
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError

from freehold.foundation import Clock, Exit, FreeholdError
from freehold.ledger import tables
from freehold.ledger.canonical import canonical, quote
from freehold.ledger.event import from_micros, instant_text, micros

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from freehold.ledger.store import Store

MOST_EVENTS = 1_000  # in one block
MOST_SECONDS = 1.0  # that events wait for their seal while others are appended
BLOCKS_AT_ONCE = 20
CHECKPOINT_EVERY_S = 3_600

AS_STORED = itemgetter(*tables.event.c.keys())
_text_of = lru_cache(maxsize=64)(instant_text)  # events of one transaction share their recorded_at


def leaf(row: Sequence[Any]) -> bytes:
    """Return the SHA-256 of an event's canonical envelope; `row` has the columns of ledger_event in their order."""
    return hashlib.sha256(envelope(row).encode(errors="surrogateescape")).digest()


def envelope(row: Sequence[Any]) -> str:
    """Spell a row as RFC 8785 would; the payload is canonical already and goes in byte by byte."""
    (workspace, seq, id, type, version, occurred_at, recorded_at, env, actor, assurance, *more) = row
    subject, product, run_id, correlation_id, replay, payload = more
    return (
        f'{{"actor":{quote(actor)},"assurance":{quote(assurance)},"correlation_id":{quote(correlation_id)},'
        f'"data":{payload},"env":{quote(env)},"id":{quote(id)},"occurred_at":"{instant_text(occurred_at)}",'
        f'"product":{quote(product)},"recorded_at":"{_text_of(recorded_at)}","replay":{"true" if replay else "false"},'
        f'"run_id":{quote(run_id)},"schema_version":{version},"seq":{seq},"subject":{quote(subject)},'
        f'"type":{quote(type)},"workspace":{quote(workspace)}}}'
    )


@dataclass(frozen=True, slots=True)
class Block:
    """A sealed run of events; `leaves` are 32 bytes for each event from first_seq to last_seq."""

    workspace: str
    block: int
    first_seq: int
    last_seq: int
    sealed_at: int
    previous: str
    leaves: bytes
    hash: str

    def expected_hash(self) -> str:
        """Return the hash that this block's content gives."""
        return block_hash(
            self.workspace, self.block, self.first_seq, self.last_seq, self.sealed_at, self.previous, self.leaves
        )


def block_hash(
    workspace: str, block: int, first_seq: int, last_seq: int, sealed_at: int, previous: str, leaves: bytes
) -> str:
    """Return the SHA-256 (hex) over a block's canonical JSON."""
    content = {
        "workspace": workspace,
        "block": block,
        "first_seq": first_seq,
        "last_seq": last_seq,
        "sealed_at": instant_text(sealed_at),
        "previous": previous,
        "leaves": hashlib.sha256(leaves).hexdigest(),
    }
    return hashlib.sha256(canonical(content).encode()).hexdigest()


def blocks_of(rows: Sequence[Any], number: int, previous: str, sealed_at: int) -> tuple[Block, ...]:
    """Divide rows in order into blocks that continue a chain whose last block was `number` with the hash `previous`."""
    made: list[Block] = []
    for start in range(0, len(rows), MOST_EVENTS):
        some = rows[start : start + MOST_EVENTS]
        number += 1
        bounds = (some[0][0], number, some[0][1], some[-1][1], sealed_at, previous)  # a row is workspace, seq, ...
        leaves = b"".join(map(leaf, some))
        previous = block_hash(*bounds, leaves)
        made.append(Block(*bounds, leaves, previous))
    return tuple(made)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A signed statement of where the chain stood: its last block, the events so far, the hash over all of them."""

    workspace: str
    block: int
    seq: int
    hash: str
    signed_at: datetime
    public_key: str  # hex
    signature: str  # hex

    @property
    def statement(self) -> bytes:
        """What is signed."""
        content = {"workspace": self.workspace, "block": self.block, "seq": self.seq, "hash": self.hash}
        return canonical({**content, "signed_at": instant_text(micros(self.signed_at))}).encode()

    @property
    def is_genuine(self) -> bool:
        """Whether the signature is that of its public key over its statement."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        try:
            key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(self.public_key))
            key.verify(bytes.fromhex(self.signature), self.statement)
        except (InvalidSignature, ValueError):
            return False
        return True

    def to_json(self) -> dict[str, Any]:
        """Return the checkpoint as it is written to the witness file."""
        return {**asdict(self), "signed_at": instant_text(micros(self.signed_at))}

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> Checkpoint:
        """Read a checkpoint from the witness file."""
        return cls(**{**said, "signed_at": datetime.fromisoformat(said["signed_at"])})


class SigningKey:
    """The Ed25519 key of a ledger, in a file beside the state that only its owner may read."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "ledger.key"

    def private(self) -> Ed25519PrivateKey:
        """Return the key, made at first use.

        Raises:
            FreeholdError: FH-L109 when the file is readable to others, or is no Ed25519 key.
        """
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        try:
            text = self._make() if not self.path.exists() else self.path.read_bytes()
            key = load_pem_private_key(text, None)
        except (OSError, ValueError) as error:
            raise self._unusable(str(error)) from error
        if os.name == "posix" and self.path.stat().st_mode & 0o077:
            raise self._unusable("others may read it", f"chmod 600 {self.path}")
        if not isinstance(key, Ed25519PrivateKey):
            raise self._unusable("it is of another kind")
        return key

    def public(self) -> str | None:
        """Return the public half in hex, or None where no key was made yet."""
        return self.private().public_key().public_bytes_raw().hex() if self.path.exists() else None

    def _make(self) -> bytes:
        """Write a new key under a name of its own, then link it into place, so that two makers agree on one."""
        from cryptography.hazmat.primitives import serialization as s
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        text = Ed25519PrivateKey.generate().private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption())
        mine = self.path.with_name(f"ledger.key.{os.getpid()}.{threading.get_ident()}")
        descriptor = os.open(mine, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(mine, self.path)
        except FileExistsError:
            return self.path.read_bytes()
        finally:
            mine.unlink()
        return text

    def _unusable(self, why: str, fix: str = "") -> FreeholdError:
        fix = fix or "Restore the key from a backup; without it no new checkpoint can be signed."
        return FreeholdError(
            "FH-L109", f"The key `{self.path}` is unusable: {why}.", fix=fix, exit_code=Exit.ENVIRONMENT
        )


class Sealer:
    """Seals the chain of one workspace when it is due."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._busy = threading.Lock()
        self.key = SigningKey(store.folder)
        self.witness = store.folder / f"ledger.{store.workspace}.checkpoints.jsonl"
        head = self._head()
        self._sealed: int = head.sealed_seq
        self._last: int = head.seq
        self._waiting_since = 0.0 if head.seq > head.sealed_seq else None
        self._recent: deque[tuple[Any, ...]] = deque(maxlen=MOST_EVENTS * BLOCKS_AT_ONCE)
        self._signed_at: int | None = None

    def note(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Learn of events that this process has written, so that they need not be read back to be sealed."""
        if not rows:
            return
        self._recent.extend(map(AS_STORED, rows))
        self._last = max(self._last, rows[-1]["seq"])
        if self._waiting_since is None:
            self._waiting_since = time.monotonic()

    def seal_if_due(self) -> None:
        """Seal what has waited long enough, unless another thread is at it."""
        waiting = self._waiting_since
        if waiting is None:
            return
        due = self._last - self._sealed >= MOST_EVENTS or time.monotonic() - waiting >= MOST_SECONDS
        if due and self._busy.acquire(blocking=False):
            try:
                self._seal()
            finally:
                self._busy.release()

    def seal(self) -> int:
        """Seal everything that is written; return the last sealed number."""
        with self._busy:
            return self._seal()

    def _seal(self) -> int:
        sealed = self._sealed
        while self._seal_some():
            pass
        if self._sealed > sealed and self._checkpoint_is_due():
            self._sign()
        return self._sealed

    def _seal_some(self) -> bool:
        """Seal up to BLOCKS_AT_ONCE blocks; tell whether there may be more.

        Events never change, so they are read and hashed without the write lock; if another process sealed meanwhile,
        the work is thrown away and done again from where it got to.
        """
        head = self._head()
        rows = self._unsealed(head.sealed_seq)
        if not rows:
            self._sealed, self._waiting_since = head.sealed_seq, None
            return False
        made = blocks_of(rows, head.block, head.block_hash, micros(self._clock.now()))
        with self._store.write() as connection:
            now = tables.head.c
            mine = (now.workspace == self._store.workspace, now.block == head.block)
            values = {"sealed_seq": made[-1].last_seq, "block": made[-1].block, "block_hash": made[-1].hash}
            if connection.execute(update(tables.head).where(*mine).values(values)).rowcount == 1:
                connection.execute(insert(tables.block), [asdict(block) for block in made])
                self._sealed = made[-1].last_seq
        while self._recent and self._recent[0][1] <= self._sealed:
            self._recent.popleft()
        return True

    def _unsealed(self, after: int) -> Sequence[Any]:
        """Return rows from the first that is not sealed on: from memory if they are all ours, else from the table."""
        ours = sorted((row for row in tuple(self._recent) if row[1] > after), key=itemgetter(1))
        if ours and ours[0][1] == after + 1 and ours[-1][1] == after + len(ours):
            return ours
        mine = tables.event.c.workspace == self._store.workspace
        query = select(tables.event).where(mine, tables.event.c.seq > after).order_by(tables.event.c.seq)
        with self._store.read() as connection:
            return connection.execute(query.limit(MOST_EVENTS * BLOCKS_AT_ONCE)).all()

    def _head(self) -> Any:
        with self._store.read() as connection:
            mine = tables.head.c.workspace == self._store.workspace
            return connection.execute(select(tables.head).where(mine)).one()

    def _checkpoint_is_due(self) -> bool:
        if self._signed_at is None:
            mine = tables.checkpoint.c.workspace == self._store.workspace
            newest = select(tables.checkpoint.c.signed_at).where(mine).order_by(tables.checkpoint.c.block.desc())
            with self._store.read() as connection:
                self._signed_at = connection.execute(newest.limit(1)).scalar()
        return self._signed_at is None or micros(self._clock.now()) - self._signed_at >= CHECKPOINT_EVERY_S * 1_000_000

    def checkpoint(self) -> Checkpoint:
        """Seal, sign where the chain stands, and write that to the database and the witness file.

        Raises:
            FreeholdError: FH-L110 when there is nothing to sign yet.
        """
        with self._busy:
            self._seal()
            return self._sign()

    def _sign(self) -> Checkpoint:
        head = self._head()
        if head.block == 0:
            raise FreeholdError(
                "FH-L110", "The ledger is empty; there is nothing to sign.", fix="Append an event first."
            )
        private = self.key.private()
        public = private.public_key().public_bytes_raw().hex()
        at = from_micros(micros(self._clock.now()))
        unsigned = Checkpoint(head.workspace, head.block, head.sealed_seq, head.block_hash, at, public, "")
        made = replace(unsigned, signature=private.sign(unsigned.statement).hex())
        self._keep(made)
        self._signed_at = micros(at)
        return made

    def _keep(self, made: Checkpoint) -> None:
        at = (tables.checkpoint.c.workspace == made.workspace) & (tables.checkpoint.c.block == made.block)
        # Where writers do not take turns on everything, two may sign one block: both signatures are genuine, and the
        # second stands in the witness file alone.
        with contextlib.suppress(IntegrityError), self._store.write() as connection:
            if connection.execute(select(tables.checkpoint.c.block).where(at)).first() is None:
                connection.execute(insert(tables.checkpoint), {**asdict(made), "signed_at": micros(made.signed_at)})
        with self.witness.open("a", encoding="utf-8") as file:
            file.write(canonical(made.to_json()) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def checkpoints(self, witness: Path | None = None) -> tuple[Checkpoint, ...]:
        """Return every checkpoint the database and the witness file know."""
        mine = tables.checkpoint.c.workspace == self._store.workspace
        with self._store.read(bytewise=True) as connection:
            rows = connection.execute(select(tables.checkpoint).where(mine)).all()
        kept = [Checkpoint(**{**row._mapping, "signed_at": from_micros(row.signed_at)}) for row in rows]
        return tuple(dict.fromkeys([*kept, *_read_witness(witness or self.witness)]))


def _read_witness(path: Path) -> Iterable[Checkpoint]:
    if not path.exists():
        return
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        try:
            yield Checkpoint.from_json(json.loads(line))
        except (ValueError, TypeError, KeyError) as error:
            problem = f"Line {number} of `{path}` is no checkpoint: {error}."
            fix = "Restore the file from a backup; it is only ever appended to."
            raise FreeholdError("FH-L111", problem, fix=fix) from error
