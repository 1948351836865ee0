"""Answers: what the API returns, checked and described for the OpenAPI document.

Prices are in the quote currency of their ticker, changes and shares are fractions.
"""

from __future__ import annotations

from datetime import date

from pydantic import BaseModel, Field

MOST_ROWS = 500


class Refusal(BaseModel):
    """Why there is no answer."""

    detail: str


class Interval(BaseModel):
    """A central interval, and the probability with which it holds the price."""

    level: float = Field(gt=0, lt=1)
    low: float
    high: float


class Failure(BaseModel):
    """A ticker and origin that a run could not forecast."""

    run: int
    ticker: str
    origin: date
    kind: str = Field(description="Class of the error.")
    reason: str
    n_attempts: int = Field(ge=0)


class Coverage(BaseModel):
    """Share of live prices inside an interval, beside what it promised."""

    level: float
    share: float
    p_value: float | None = Field(description="That the promise is kept.")


class Skill(BaseModel):
    """Live scores as `forecaster score` stored them last, over all steps."""

    through: date = Field(description="Last session scored.")
    n_origins: int | None
    rmse_ratio: float | None = Field(description="RMSE to last-value; below 1 is good.")
    rmse_ratio_low: float | None
    rmse_ratio_high: float | None
    p_value: float | None = Field(description="Of equal errors, Diebold-Mariano.")
    outcome: str = Field(description="beats, ties, loses, or too few.")
    mae_ratio: float | None
    pinball: float | None
    drift_p_value: float | None
    coverage: list[Coverage]


class UniverseRow(BaseModel):
    """One ticker and model: what comes next, and what that is worth."""

    ticker: str
    model: str
    status: str = Field(description="current, behind or failed.")
    origin: date | None = Field(description="Newest origin, or none yet.")
    last_price: float | None
    session: date | None = Field(description="First session after the origin.")
    predicted: float | None
    change: float | None = Field(description="Of the forecast to the last price.")
    interval: Interval | None = Field(description="The widest.")
    run: int | None
    run_status: str | None
    skill: Skill | None
    failure: Failure | None = Field(description="Of a newer origin than `origin`.")


class Universe(BaseModel):
    """A page of the universe, in order of ticker and model."""

    n_rows: int
    offset: int
    rows: list[UniverseRow]


class Shares(BaseModel):
    """How many tickers and models beat last-value live."""

    beats: int
    ties: int
    loses: int
    too_few: int
    unscored: int


class ModelRow(BaseModel):
    """One model over all its tickers."""

    model: str
    n_tickers: int
    n_runs: int
    run: int
    run_status: str
    origin: date | None
    median_rmse_ratio: float | None
    outcomes: Shares


class Models(BaseModel):
    """All models, by name."""

    rows: list[ModelRow]


class Summary(BaseModel):
    """The ledger at a glance."""

    read: str = Field(description="When, in UTC.")
    n_tickers: int
    n_models: int
    n_runs: int
    origin: date | None = Field(description="Newest of all.")
    outcomes: Shares
    models: list[ModelRow]


class Forecasted(BaseModel):
    """One forecast of one session, on the footing of the newest stored prices."""

    origin: date
    session: date
    step: int
    last_price: float
    predicted: float | None
    intervals: list[Interval] = Field(description="The widest first.")
    actual: float | None = Field(description="The price that came.")


class History(BaseModel):
    """What was forecast for one step ahead, oldest first."""

    ticker: str
    model: str
    target: str
    step: int
    steps: list[int] = Field(description="Steps that the newest origin has.")
    rows: list[Forecasted]


class Price(BaseModel):
    """A real price."""

    session: date
    price: float


class Fan(BaseModel):
    """All steps of one origin, beside the real prices before and after."""

    ticker: str
    model: str
    target: str = Field(description="Which price is forecast.")
    origin: date
    origins: list[date] = Field(description="Newest first.")
    last_price: float
    adjusted: bool = Field(
        description="Prices were adjusted after the forecast, and it with them."
    )
    rows: list[Forecasted]
    prices: list[Price]


class TickerAnswer(BaseModel):
    """All models of one ticker."""

    ticker: str
    rows: list[UniverseRow]


class RunRow(BaseModel):
    """A run."""

    id: int
    config: str
    model: str
    target: str
    version: str
    status: str = Field(description="running, finished, partly, failed or abandoned.")
    started: str
    finished: str | None
    seconds: float | None
    origin: str | None
    counts: dict[str, int | float | str]
    n_failures: int


class Runs(BaseModel):
    """A page of the runs, newest first."""

    n_rows: int
    offset: int
    rows: list[RunRow]


class Failures(BaseModel):
    """A page of what a run could not forecast."""

    n_rows: int
    offset: int
    rows: list[Failure]
