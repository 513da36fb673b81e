"""The tables of the state store, in types that SQLite (STRICT) and PostgreSQL both keep exactly.

Instants are microseconds since 1970 in UTC. Payloads are canonical JSON as text, because their bytes are what is
sealed. The migrations create these tables; a test holds the two together.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, MetaData, Table, Text, UniqueConstraint

metadata = MetaData()
Int = BigInteger().with_variant(Integer(), "sqlite")


def _table(name: str, *items: Any) -> Table:
    return Table(name, metadata, *items, sqlite_strict=True, sqlite_with_rowid=False)


def _key(name: str, type_: Any = Text) -> Column[Any]:
    return Column(name, type_, primary_key=True, autoincrement=False)


def _text(name: str) -> Column[Any]:
    return Column(name, Text, nullable=False)


def _int(name: str) -> Column[Any]:
    return Column(name, Int, nullable=False)


# One row a workspace: how far the chain is written, and how far it is sealed. Writers take turns on it.
head = _table(
    "ledger_head",
    _key("workspace"),
    _int("seq"),
    _int("recorded_at"),
    _int("sealed_seq"),
    _int("block"),
    _text("block_hash"),
)

event = _table(
    "ledger_event",
    _key("workspace"),
    _key("seq", Int),
    _text("id"),
    _text("type"),
    _int("schema_version"),
    _int("occurred_at"),
    _int("recorded_at"),
    _text("env"),
    _text("actor"),
    _text("assurance"),
    _text("subject"),
    _text("product"),
    _text("run_id"),
    _text("correlation_id"),
    _int("replay"),
    _text("data"),
    UniqueConstraint("workspace", "id", name="ledger_event_id"),
    Index("ledger_event_type", "workspace", "type", "seq"),
    Index("ledger_event_subject", "workspace", "subject", "seq"),
)

# `leaves` holds the SHA-256 of each event of the block, 32 bytes each, in order.
block = _table(
    "ledger_block",
    _key("workspace"),
    _key("block", Int),
    _int("first_seq"),
    _int("last_seq"),
    _int("sealed_at"),
    _text("previous"),
    Column("leaves", LargeBinary, nullable=False),
    _text("hash"),
)

checkpoint = _table(
    "ledger_checkpoint",
    _key("workspace"),
    _key("block", Int),
    _int("seq"),
    _text("hash"),
    _int("signed_at"),
    _text("public_key"),
    _text("signature"),
)

side = _table(
    "side_item",
    _key("workspace"),
    _key("id"),
    _text("kind"),
    _text("subject"),
    _int("created_at"),
    _text("payload"),
    Index("side_item_subject", "workspace", "subject"),
)

lease = _table(
    "lease",
    _key("workspace"),
    _key("name"),
    _text("holder"),
    _int("epoch"),
    _int("expires_at"),
)

kept = _table(
    "kept_state",
    _key("workspace"),
    _key("namespace"),
    _key("key"),
    _text("value"),
)

# Who is signed in. `id` is the SHA-256 of what the browser holds; `handle` is the name a person revokes it by.
session = _table(
    "session",
    _key("workspace"),
    _key("id"),
    _text("handle"),
    _text("principal"),
    _text("name"),
    _text("groups"),
    _text("assurance"),
    _text("client"),
    _int("created_at"),
    _int("seen_at"),
    Index("session_principal", "workspace", "principal"),
)

# What programs sign in with. `secret` is a SHA-256: what it stands for has 256 random bits, so that needs no salt.
token = _table(
    "token",
    _key("workspace"),
    _key("id"),
    _text("kind"),
    _text("owner"),
    _text("name"),
    _text("secret"),
    _text("groups"),
    _text("scopes"),
    _int("created_at"),
    _int("expires_at"),
    _int("used_at"),
    _int("revoked_at"),
    Index("token_owner", "workspace", "owner"),
)

# What was asked to be done, and how far it is. Of those that are running, `epoch` is that of the lease it runs under,
# and `claim` the SHA-256 of what its process proves itself by. `asker_key` is a name of the asker's choosing: asked for
# twice by the same one, it is the same job.
job = _table(
    "job",
    _key("workspace"),
    _key("id"),
    _text("kind"),
    _text("arguments"),
    _text("env"),
    _text("principal"),
    _text("groups"),
    _text("assurance"),
    _text("asker_key"),
    _text("terminal"),
    _text("state"),
    _text("wish"),
    _text("claim"),
    _text("result"),
    _text("what"),
    _int("asked_at"),
    _int("started_at"),
    _int("ended_at"),
    _int("exit_code"),
    _int("attempt"),
    _int("epoch"),
    _int("done"),
    _int("total"),
    UniqueConstraint("workspace", "asker_key", name="job_asker_key"),
    Index("job_state", "workspace", "state", "asked_at"),
)

# What jobs said, in the order they said it.
job_output = _table(
    "job_output",
    _key("workspace"),
    _key("job"),
    _key("seq", Int),
    _text("stream"),
    _text("text"),
)

# How far each subscription is: `cursor` is the number of the last event that is out of its line, `mark` tells one
# address and set of secrets from another. `held_until` is when the line goes on.
webhook = _table(
    "webhook",
    _key("workspace"),
    _key("id"),
    _text("mark"),
    _text("state"),
    _text("reason"),
    _text("problem"),
    _int("cursor"),
    _int("disabled_at"),
    _int("failing_since"),
    _int("succeeded_at"),
    _int("held_until"),
)

# What was sent to whom, is to be sent again, or was given up. `id` is that of the event, or of a ping, whose `seq`
# is 0.
webhook_delivery = _table(
    "webhook_delivery",
    _key("workspace"),
    _key("subscription"),
    _key("id"),
    _text("type"),
    _text("kind"),
    _text("state"),
    _text("problem"),
    _int("seq"),
    _int("attempts"),
    _int("status"),
    _int("took"),
    _int("first_at"),
    _int("last_at"),
    _int("next_at"),
    Index("webhook_delivery_state", "workspace", "subscription", "state", "last_at"),
    Index("webhook_delivery_next", "workspace", "state", "next_at"),
)
