"""Version 2: what each run was made for and with, and which tickers failed in it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add two columns, unknown for the runs there are, and the table of failures."""
    # Columns that may be empty need no copy of the table, so its rows stay in place.
    op.add_column("runs", sa.Column("origin", sa.Date))
    op.add_column("runs", sa.Column("fingerprint", sa.String))
    op.create_table(
        "failures",
        sa.Column("run", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("ticker", sa.String, primary_key=True),
        sa.Column("origin", sa.Date, primary_key=True),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("reason", sa.String, nullable=False),
        sa.Column("n_attempts", sa.Integer, nullable=False),
        sa.ForeignKeyConstraint(["run"], ["runs.id"], name="failures_run"),
        sqlite_with_rowid=False,
    )
