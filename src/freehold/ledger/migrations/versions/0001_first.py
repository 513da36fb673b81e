"""The first tables: chain, seals, erasable side store, leases, kept state. `workspace` is in every one."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

revision: str = "0001"
down_revision: str | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

INT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _create(name: str, key: list[str], *columns: sa.Column[Any] | sa.Constraint) -> None:
    constraint = sa.PrimaryKeyConstraint(*key)
    op.create_table(name, *columns, constraint, sqlite_strict=True, sqlite_with_rowid=False)


def _text(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.Text, nullable=False) for name in names]


def _int(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, INT, nullable=False, autoincrement=False) for name in names]


def upgrade() -> None:
    """Create everything."""
    head = ("seq", "recorded_at", "sealed_seq", "block")
    _create("ledger_head", ["workspace"], *_text("workspace"), *_int(*head), *_text("block_hash"))
    envelope = ("env", "actor", "assurance", "subject", "product", "run_id", "correlation_id")
    _create(
        "ledger_event",
        ["workspace", "seq"],
        *_text("workspace"),
        *_int("seq"),
        *_text("id", "type"),
        *_int("schema_version", "occurred_at", "recorded_at"),
        *_text(*envelope),
        *_int("replay"),
        *_text("data"),
        sa.UniqueConstraint("workspace", "id", name="ledger_event_id"),
    )
    op.create_index("ledger_event_type", "ledger_event", ["workspace", "type", "seq"])
    op.create_index("ledger_event_subject", "ledger_event", ["workspace", "subject", "seq"])
    _create(
        "ledger_block",
        ["workspace", "block"],
        *_text("workspace"),
        *_int("block", "first_seq", "last_seq", "sealed_at"),
        *_text("previous"),
        sa.Column("leaves", sa.LargeBinary, nullable=False),
        *_text("hash"),
    )
    checkpoint = (*_text("workspace"), *_int("block", "seq"), *_text("hash"), *_int("signed_at"))
    _create("ledger_checkpoint", ["workspace", "block"], *checkpoint, *_text("public_key", "signature"))
    side = (*_text("workspace", "id", "kind", "subject"), *_int("created_at"), *_text("payload"))
    _create("side_item", ["workspace", "id"], *side)
    op.create_index("side_item_subject", "side_item", ["workspace", "subject"])
    _create("lease", ["workspace", "name"], *_text("workspace", "name", "holder"), *_int("epoch", "expires_at"))
    _create("kept_state", ["workspace", "namespace", "key"], *_text("workspace", "namespace", "key", "value"))


def downgrade() -> None:
    """Refuse: what happened is not undone by going back."""
    raise RuntimeError("the first migration has nothing before it")
