"""Sessions of people and tokens of programs."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

INT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _create(name: str, texts: tuple[str, ...], instants: tuple[str, ...]) -> None:
    columns: list[sa.Column[Any]] = [sa.Column(text, sa.Text, nullable=False) for text in ("workspace", "id", *texts)]
    columns += [sa.Column(instant, INT, nullable=False, autoincrement=False) for instant in instants]
    key = sa.PrimaryKeyConstraint("workspace", "id")
    op.create_table(name, *columns, key, sqlite_strict=True, sqlite_with_rowid=False)


def upgrade() -> None:
    """Create both tables."""
    _create("session", ("handle", "principal", "name", "groups", "assurance", "client"), ("created_at", "seen_at"))
    op.create_index("session_principal", "session", ["workspace", "principal"])
    texts = ("kind", "owner", "name", "secret", "groups", "scopes")
    _create("token", texts, ("created_at", "expires_at", "used_at", "revoked_at"))
    op.create_index("token_owner", "token", ["workspace", "owner"])


def downgrade() -> None:
    """Take both tables away: everybody signs in again."""
    op.drop_table("token")
    op.drop_table("session")
