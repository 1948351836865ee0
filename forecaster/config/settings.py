"""Settings: what a run may be told, with types, defaults and limits."""

from __future__ import annotations

import difflib
from datetime import date
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from forecaster.config.backtest import (
    BASELINE_NAMES,
    BacktestConfig,
    CalibrationConfig,
)
from forecaster.config.base import Fraction, Settings
from forecaster.config.network import ModelConfig
from forecaster.config.together import check_together
from forecaster.config.tuning import TuningConfig

PriceColumn = Literal["open", "high", "low", "close", "adj_close"]
TICKER = r"^[A-Za-z0-9^][A-Za-z0-9.^=_-]*$"


def _check_order(start: date, end: date) -> None:
    if start > end:
        raise ValueError(f"start ({start}) must not be later than end ({end})")


class DataConfig(Settings):
    """Which prices, and which of their columns is forecast."""

    ticker: str = Field(
        "GOOG",
        min_length=1,
        max_length=32,
        pattern=TICKER,
        description="Ticker symbol.",
    )
    tickers: tuple[Annotated[str, Field(pattern=TICKER)], ...] = Field(
        (), description="One model for all of these; `ticker` is then the one drawn."
    )
    source: Literal["embedded", "yahoo", "tiingo", "cosine", "series"] = Field(
        "embedded",
        description="Where prices come from, unless `path` names a file; `cosine` is "
        "the made series of the tutorials, `series` any numbers of `path`, unchecked.",
    )
    path: str | None = Field(None, description="Your own CSV or Parquet file.")
    target: PriceColumn = Field("close", description="The price that is forecast.")
    calendar: str = Field(
        "XNYS", description="Exchange calendar, such as XNYS, XETR or 24/7."
    )


class FeaturesConfig(Settings):
    """What the network reads, and how it is scaled."""

    columns: tuple[str, ...] = Field(
        (), description="Input columns; empty means the target alone."
    )
    known_future: tuple[str, ...] = Field(
        (), description="Features of the forecast sessions that the calendar tells."
    )
    static: tuple[str, ...] = Field(
        (), description="Columns of which the value at the origin alone is read."
    )
    scaling: Literal["minmax", "standard", "window", "none"] = Field(
        "minmax",
        description="minmax and standard are fitted on the training rows; window "
        "scales prices within each window, so that new highs are nothing new.",
    )

    @model_validator(mode="after")
    def _no_repeats(self) -> Self:
        for names in (self.columns, self.known_future, self.static):
            if len(set(names)) != len(names):
                raise ValueError(f"columns are repeated: {', '.join(names)}")
        return self


class TargetConfig(Settings):
    """What the network is asked for; prices are always made of it again."""

    form: Literal["price", "log_return", "scaled_return"] = Field(
        "price",
        description="price; log_return since the origin; or that over the recent "
        "volatility.",
    )
    volatility: int = Field(
        20, ge=2, le=1000, description="Sessions that the recent volatility looks back."
    )


class WindowConfig(Settings):
    """The shape of one example."""

    lookback: int = Field(60, ge=1, le=2000, description="Sessions in an input window.")
    horizon: int = Field(1, ge=1, le=250, description="Sessions forecast at once.")
    shortest: int = Field(
        0,
        ge=0,
        description="Shortest history that is padded to the lookback; 0 for none.",
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.shortest > self.lookback:
            raise ValueError(
                f"shortest ({self.shortest}) must not be longer than lookback "
                f"({self.lookback})"
            )
        return self


class TrainingConfig(Settings):
    """The training range and how the network is fitted on it."""

    start: date = Field(date(2012, 1, 1), description="First date of training.")
    end: date = Field(date(2016, 12, 31), description="Last date of training.")
    epochs: int = Field(100, ge=1, le=100_000, description="Passes over the windows.")
    batch_size: int = Field(32, ge=1, le=1_000_000, description="Windows in a step.")
    optimizer: Literal["adam", "nadam", "rmsprop", "sgd"] = Field(
        "adam", description="Optimiser."
    )
    learning_rate: float = Field(0.001, gt=0.0, le=10.0, description="Step size.")
    loss: Literal["mse", "mae", "huber"] = Field("mse", description="Loss.")
    seed: int = Field(0, ge=0, le=2**32 - 1, description="Seed of all randomness.")
    validation_fraction: Fraction = Field(
        0.0,
        description="Share of training sessions, from the end, kept for validation.",
    )
    early_stopping: int = Field(
        0, ge=0, description="Epochs without a better validation loss; 0 never stops."
    )
    schedule: Literal["constant", "cosine", "exponential"] = Field(
        "constant",
        description="Learning rate over the training; cosine ends at 0, exponential at "
        "a hundredth.",
    )
    clip_norm: float = Field(
        0.0, ge=0.0, description="Largest norm of each weight's gradient; 0 for none."
    )
    clip_value: float = Field(
        0.0, ge=0.0, description="Largest value in a gradient; 0 for none."
    )
    windows_per_epoch: int = Field(
        0, ge=0, description="Windows drawn at random for each epoch; 0 takes all."
    )
    truncate: int = Field(
        0, ge=0, description="Steps that gradients are carried back; 0 for all."
    )
    watch_gradients: bool = Field(
        False, description="Record the norm of each layer's gradient."
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        _check_order(self.start, self.end)
        if self.early_stopping and not self.validation_fraction:
            raise ValueError(
                "early_stopping watches a validation slice: "
                "set validation_fraction too, for example 0.1"
            )
        if self.clip_norm and self.clip_value:
            raise ValueError("clip_norm and clip_value exclude each other: choose one")
        return self


class EvaluationConfig(Settings):
    """The test range, never seen in training."""

    start: date = Field(date(2017, 1, 1), description="First date of the test.")
    end: date = Field(date(2017, 12, 31), description="Last date of the test.")
    baselines: tuple[str, ...] = Field(
        ("last_value", "drift", "historical_mean", "moving_average"),
        description="Forecasts that the model is put beside; last_value always is.",
    )

    @field_validator("baselines")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if name not in BASELINE_NAMES:
                near = difflib.get_close_matches(name, BASELINE_NAMES, n=1)
                hint = f" Did you mean '{near[0]}'?" if near else ""
                raise ValueError(
                    f"no baseline is called '{name}'.{hint} There are "
                    f"{', '.join(BASELINE_NAMES)}"
                )
        if len(set(names)) != len(names):
            raise ValueError(f"baselines are repeated: {', '.join(names)}")
        return names if "last_value" in names else ("last_value", *names)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        _check_order(self.start, self.end)
        return self


class Config(Settings):
    """All settings of a run.

    Examples
    --------
    >>> Config().window.lookback
    60
    >>> Config(data=DataConfig(target="open")).features.columns
    ('open',)
    """

    name: str = Field(
        "run",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$",
        max_length=100,
        description="Name of the run's folder.",
    )
    data: DataConfig = DataConfig()
    features: FeaturesConfig = FeaturesConfig(columns=())
    target: TargetConfig = TargetConfig()
    window: WindowConfig = WindowConfig()
    model: ModelConfig = ModelConfig()
    training: TrainingConfig = TrainingConfig()
    evaluation: EvaluationConfig = EvaluationConfig()
    backtest: BacktestConfig = BacktestConfig()
    calibration: CalibrationConfig = CalibrationConfig()
    tuning: TuningConfig = TuningConfig()

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.evaluation.start <= self.training.end:
            raise ValueError(
                f"evaluation.start ({self.evaluation.start}) must be later than "
                f"training.end ({self.training.end}): a test on training dates "
                "measures memory"
            )
        if not self.features.columns:
            features = self.features.model_copy(update={"columns": (self.data.target,)})
            object.__setattr__(self, "features", features)
        check_together(self)
        return self

    def resolved(self) -> dict[str, Any]:
        """Return every setting, defaults included, as plain TOML values."""
        return self.model_dump(mode="python", exclude_none=True)

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><th>{section}</th><td><pre>{settings}</pre></td></tr>"
            for section, settings in self
        )
        return f"<table>{rows}</table>"
