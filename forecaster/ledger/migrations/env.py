"""Environment: runs the migrations in the transaction of the connection given."""

from __future__ import annotations

from alembic import context


def run_in_given_connection() -> None:
    """Run the steps that alembic has chosen; `migrating` opened the transaction."""
    attributes = context.config.attributes
    context.configure(
        connection=attributes["connection"],
        version_table=attributes["version_table"],
        # SQLite cannot alter a table: alembic copies it instead.
        render_as_batch=True,
    )
    context.run_migrations()


if __name__ == "env_py":  # the name under which alembic runs this file
    run_in_given_connection()
