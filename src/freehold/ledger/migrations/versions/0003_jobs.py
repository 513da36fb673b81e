"""Jobs: what was asked to be done in the background, and what it said."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

INT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TEXTS = ("kind", "arguments", "env", "principal", "groups", "assurance", "asker_key", "terminal", "state", "wish")
_MORE = ("claim", "result", "what")
_INTS = ("asked_at", "started_at", "ended_at", "exit_code", "attempt", "epoch", "done", "total")


def _text(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Text, nullable=False)


def _int(name: str) -> sa.Column[Any]:
    return sa.Column(name, INT, nullable=False, autoincrement=False)


def upgrade() -> None:
    """Create both tables."""
    columns = [*map(_text, ("workspace", "id", *_TEXTS, *_MORE)), *map(_int, _INTS)]
    key = sa.PrimaryKeyConstraint("workspace", "id")
    once = sa.UniqueConstraint("workspace", "asker_key", name="job_asker_key")
    op.create_table("job", *columns, key, once, sqlite_strict=True, sqlite_with_rowid=False)
    op.create_index("job_state", "job", ["workspace", "state", "asked_at"])
    said = [_text("workspace"), _text("job"), _int("seq"), _text("stream"), _text("text")]
    by_place = sa.PrimaryKeyConstraint("workspace", "job", "seq")
    op.create_table("job_output", *said, by_place, sqlite_strict=True, sqlite_with_rowid=False)


def downgrade() -> None:
    """Take both tables away: what is asked for is forgotten, what was done stays done."""
    op.drop_table("job_output")
    op.drop_table("job")
