"""
Alembic's entry: migrates over the connection that `schema.upgrade` gives.
"""

from alembic import context

from synnefo_tx.store.metadata import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
