"""Alembic runs this file. It takes the connection it is given, and never opens one of its own."""

from alembic import context

from freehold.ledger.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table="freehold_revision",
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
