"""Runs migrations on the connection that `node.store.migrate` hands over; there is no alembic.ini."""

from alembic import context

from node.store.tables import metadata

connection = context.config.attributes["connection"]
# SQLite alters a table by copying it, which is what render_as_batch writes.
context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
