"""Version 1: runs, forecasts, actuals and scores."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the first tables."""
    op.create_table(
        "runs",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("config", sa.String, nullable=False),
        sa.Column("model", sa.String, nullable=False),
        sa.Column("target", sa.String, nullable=False),
        sa.Column("version", sa.String, nullable=False),
        sa.Column("started", sa.String, nullable=False),
        sa.Column("finished", sa.String),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("counts", sa.String, nullable=False),
    )
    op.create_table(
        "forecasts",
        sa.Column("ticker", sa.String, primary_key=True),
        sa.Column("model", sa.String, primary_key=True),
        sa.Column("origin", sa.Date, primary_key=True),
        sa.Column("session", sa.Date, primary_key=True),
        sa.Column("quantile", sa.Double, primary_key=True),
        sa.Column("step", sa.Integer, nullable=False),
        sa.Column("value", sa.Double, nullable=False),
        sa.Column("last_price", sa.Double, nullable=False),
        sa.Column("run", sa.Integer, nullable=False),
        sa.ForeignKeyConstraint(["run"], ["runs.id"], name="forecasts_run"),
        sqlite_with_rowid=False,
    )
    op.create_index("forecasts_model_origin", "forecasts", ["model", "origin"])
    op.create_table(
        "actuals",
        sa.Column("ticker", sa.String, primary_key=True),
        sa.Column("target", sa.String, primary_key=True),
        sa.Column("session", sa.Date, primary_key=True),
        sa.Column("price", sa.Double, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "scores",
        sa.Column("ticker", sa.String, primary_key=True),
        sa.Column("model", sa.String, primary_key=True),
        sa.Column("step", sa.Integer, primary_key=True),
        sa.Column("through", sa.Date, primary_key=True),
        sa.Column("metric", sa.String, primary_key=True),
        sa.Column("value", sa.Double, nullable=False),
        sqlite_with_rowid=False,
    )
