"""Schema: the ledger's tables, as the newest migration leaves them.

Dates are ISO dates, prices doubles. In every key `quantile` is a number, since NULL is
never equal to NULL and would let the same forecast in twice: `POINT`, which is 0 and
the probability of no quantile, stands for the point forecast.
"""

from __future__ import annotations

import sqlalchemy as sa

POINT = 0.0
N_DIGITS = 6  # of a probability, so that 1 - 0.9 has the same key as 0.1
ALL_STEPS = 0  # in `scores`, for all steps together

metadata = sa.MetaData()

runs = sa.Table(
    "runs",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("config", sa.String, nullable=False),
    sa.Column("model", sa.String, nullable=False),
    sa.Column("target", sa.String, nullable=False),
    sa.Column("version", sa.String, nullable=False),
    sa.Column("started", sa.String, nullable=False),
    sa.Column("finished", sa.String),
    sa.Column("status", sa.String, nullable=False),
    sa.Column("counts", sa.String, nullable=False),
    sa.Column("origin", sa.Date),
    sa.Column("fingerprint", sa.String),
)

failures = sa.Table(
    "failures",
    metadata,
    sa.Column(
        "run",
        sa.Integer,
        sa.ForeignKey("runs.id", name="failures_run"),
        primary_key=True,
        autoincrement=False,
    ),
    sa.Column("ticker", sa.String, primary_key=True),
    sa.Column("origin", sa.Date, primary_key=True),
    sa.Column("kind", sa.String, nullable=False),
    sa.Column("reason", sa.String, nullable=False),
    sa.Column("n_attempts", sa.Integer, nullable=False),
    sqlite_with_rowid=False,
)

forecasts = sa.Table(
    "forecasts",
    metadata,
    sa.Column("ticker", sa.String, primary_key=True),
    sa.Column("model", sa.String, primary_key=True),
    sa.Column("origin", sa.Date, primary_key=True),
    sa.Column("session", sa.Date, primary_key=True),
    sa.Column("quantile", sa.Double, primary_key=True),
    sa.Column("step", sa.Integer, nullable=False),
    sa.Column("value", sa.Double, nullable=False),
    sa.Column("last_price", sa.Double, nullable=False),
    sa.Column(
        "run",
        sa.Integer,
        sa.ForeignKey("runs.id", name="forecasts_run"),
        nullable=False,
    ),
    sa.Index("forecasts_model_origin", "model", "origin"),
    sqlite_with_rowid=False,
)

actuals = sa.Table(
    "actuals",
    metadata,
    sa.Column("ticker", sa.String, primary_key=True),
    sa.Column("target", sa.String, primary_key=True),
    sa.Column("session", sa.Date, primary_key=True),
    sa.Column("price", sa.Double, nullable=False),
    sqlite_with_rowid=False,
)

scores = sa.Table(
    "scores",
    metadata,
    sa.Column("ticker", sa.String, primary_key=True),
    sa.Column("model", sa.String, primary_key=True),
    sa.Column("step", sa.Integer, primary_key=True),
    sa.Column("through", sa.Date, primary_key=True),
    sa.Column("metric", sa.String, primary_key=True),
    sa.Column("value", sa.Double, nullable=False),
    sqlite_with_rowid=False,
)

KEY = tuple(column.name for column in forecasts.primary_key)
