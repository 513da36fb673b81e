"""Webhooks: how far each subscription is, and what became of what was sent."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

INT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_STANDING = ("workspace", "id", "mark", "state", "reason", "problem")
_SINCE = ("cursor", "disabled_at", "failing_since", "succeeded_at", "held_until")
_DELIVERY = ("workspace", "subscription", "id", "type", "kind", "state", "problem")
_INTS = ("seq", "attempts", "status", "took", "first_at", "last_at", "next_at")


def _text(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Text, nullable=False)


def _int(name: str) -> sa.Column[Any]:
    return sa.Column(name, INT, nullable=False, autoincrement=False)


def upgrade() -> None:
    """Create both tables."""
    standing = [*map(_text, _STANDING), *map(_int, _SINCE), sa.PrimaryKeyConstraint("workspace", "id")]
    op.create_table("webhook", *standing, sqlite_strict=True, sqlite_with_rowid=False)
    key = sa.PrimaryKeyConstraint("workspace", "subscription", "id")
    columns = [*map(_text, _DELIVERY), *map(_int, _INTS), key]
    op.create_table("webhook_delivery", *columns, sqlite_strict=True, sqlite_with_rowid=False)
    op.create_index("webhook_delivery_state", "webhook_delivery", ["workspace", "subscription", "state", "last_at"])
    op.create_index("webhook_delivery_next", "webhook_delivery", ["workspace", "state", "next_at"])


def downgrade() -> None:
    """Take both tables away: who subscribes begins anew."""
    op.drop_table("webhook_delivery")
    op.drop_table("webhook")
