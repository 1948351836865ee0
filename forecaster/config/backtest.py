"""Settings of evaluation over time: walk-forward folds, and calibration."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from forecaster.config.base import Settings

Stride = Literal["year", "quarter", "month"]
NSessions = Annotated[int, Field(ge=1, le=10_000, strict=True)]
# The baselines that a forecast may be put beside; what they are is told in
# `forecaster.models.baselines`.
BASELINE_NAMES = (
    "last_value",
    "drift",
    "historical_mean",
    "seasonal_naive",
    "moving_average",
    "ets",
    "arima",
    "constant_quantiles",
    "scaled_volatility",
    "garch",
    "ridge",
    "gradient_boosting",
)
Method = Literal["none", "split", "cqr", "adaptive"]


class BacktestConfig(Settings):
    """Walk-forward folds from the end of the training range to that of the test."""

    stride: Stride | NSessions = Field(
        "year", description="Test range of a fold: year, quarter, month, or sessions."
    )
    window: Literal["expanding", "rolling"] = Field(
        "expanding",
        description="Train on everything before, or on as many sessions as at first.",
    )
    refit: int = Field(
        1, ge=0, le=1000, description="Train anew every so many folds; 0 only once."
    )
    purge: int = Field(
        0, ge=0, le=1000, description="Sessions left out before each test range."
    )
    warm_start: bool = Field(
        False, description="Begin each training with the weights of the fold before."
    )


class CalibrationConfig(Settings):
    """Conformal calibration of quantiles, on forecasts of sessions not trained on."""

    method: Method = Field(
        "none",
        description="none; split and cqr correct once; adaptive follows a drift.",
    )
    n_folds: int = Field(
        4,
        ge=1,
        le=100,
        description="Parts of the training range that are forecast out of fold.",
    )
    fraction: float = Field(
        0.3,
        gt=0.0,
        lt=1.0,
        description="Share of the training sessions, from the end, in those parts.",
    )
