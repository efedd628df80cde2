"""What Alembic runs around the revisions: on the connection, and in the transaction, that `busway.store.schema` gives."""

from __future__ import annotations

from alembic import context

context.configure(**context.config.attributes)
context.run_migrations()
