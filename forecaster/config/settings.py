"""Settings: what a run may be told, with types, defaults and limits."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from forecaster.config.tuning import TuningConfig

PriceColumn = Literal["open", "high", "low", "close", "adj_close"]
FeatureColumn = Literal["open", "high", "low", "close", "adj_close", "volume"]
Fraction = Annotated[float, Field(ge=0.0, lt=1.0)]


def _check_order(start: date, end: date) -> None:
    if start > end:
        raise ValueError(f"start ({start}) must not be later than end ({end})")


class Settings(BaseModel):
    """A frozen group of settings that refuses unknown names."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, coerce_numbers_to_str=True, allow_inf_nan=False
    )

    @field_validator("*", mode="before")
    @classmethod
    def _no_truth_values(cls, value: Any) -> Any:
        if isinstance(value, bool):
            raise ValueError(f"input should be a number, a text or a list, got {value}")
        return value


class DataConfig(Settings):
    """Which prices, and which of their columns is forecast."""

    ticker: str = Field(
        "GOOG",
        min_length=1,
        max_length=32,
        pattern=r"^[A-Za-z0-9^][A-Za-z0-9.^=_-]*$",
        description="Ticker symbol.",
    )
    source: Literal["embedded", "yahoo", "tiingo"] = Field(
        "embedded",
        description="Where prices come from, unless `path` names a file.",
    )
    path: str | None = Field(None, description="Your own CSV or Parquet file.")
    target: PriceColumn = Field("close", description="The price that is forecast.")
    calendar: str = Field(
        "XNYS", description="Exchange calendar, such as XNYS, XETR or 24/7."
    )


class FeaturesConfig(Settings):
    """Which price columns the network reads."""

    columns: tuple[FeatureColumn, ...] = Field(
        (), description="Input columns; empty means the target alone."
    )

    @model_validator(mode="after")
    def _no_repeats(self) -> Self:
        if len(set(self.columns)) != len(self.columns):
            raise ValueError(f"columns are repeated: {', '.join(self.columns)}")
        return self


class WindowConfig(Settings):
    """The shape of one example."""

    lookback: int = Field(60, ge=1, le=2000, description="Sessions in an input window.")
    horizon: int = Field(1, ge=1, le=250, description="Sessions forecast at once.")


class LayerConfig(Settings):
    """One recurrent layer and the dropout behind it."""

    cell: Literal["lstm", "gru", "simple_rnn"] = Field("lstm", description="Cell.")
    units: int = Field(50, ge=1, le=4096, description="Units of the layer.")
    dropout: Fraction = Field(0.2, description="Share of outputs dropped in training.")


class ModelConfig(Settings):
    """The network: recurrent layers, then one dense output for each step."""

    layers: tuple[LayerConfig, ...] = Field(
        (LayerConfig(),) * 4, min_length=1, max_length=32, description="Bottom first."
    )


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

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        _check_order(self.start, self.end)
        if self.early_stopping and not self.validation_fraction:
            raise ValueError(
                "early_stopping watches a validation slice: "
                "set validation_fraction too, for example 0.1"
            )
        return self


class EvaluationConfig(Settings):
    """The test range, never seen in training."""

    start: date = Field(date(2017, 1, 1), description="First date of the test.")
    end: date = Field(date(2017, 12, 31), description="Last date of the test.")

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
    window: WindowConfig = WindowConfig()
    model: ModelConfig = ModelConfig()
    training: TrainingConfig = TrainingConfig()
    evaluation: EvaluationConfig = EvaluationConfig()
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
            columns = FeaturesConfig(columns=(self.data.target,))
            object.__setattr__(self, "features", columns)
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
