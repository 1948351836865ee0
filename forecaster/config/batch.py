"""Settings of a batch: which tickers, prices and models, and where results go."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from forecaster.config.base import Settings
from forecaster.config.files import (
    BATCHES,
    apply_override,
    check_settings,
    list_configs,
    read_toml,
)
from forecaster.config.places import find_beside
from forecaster.config.settings import TICKER
from forecaster.errors import ConfigError
from forecaster.resources import resource_folder

Format = Literal["csv", "parquet", "json"]
Level = Annotated[float, Field(gt=0.0, lt=1.0)]


class UniverseConfig(Settings):
    """Which tickers: a list, a file of them, or all that are stored."""

    tickers: tuple[Annotated[str, Field(pattern=TICKER, max_length=32)], ...] = Field(
        (), description="Ticker symbols."
    )
    file: str | None = Field(
        None, description="A file with a ticker on each line; # begins a comment."
    )
    stored: bool = Field(False, description="All tickers of the price store.")

    @model_validator(mode="after")
    def _one_of_three(self) -> Self:
        if sum((bool(self.tickers), self.file is not None, self.stored)) != 1:
            raise ValueError("want one of `tickers`, `file` and `stored = true`")
        return self


class SourceConfig(Settings):
    """Where prices come from."""

    name: Literal["embedded", "yahoo", "tiingo"] = Field(
        "yahoo", description="A source, unless `path` names a folder."
    )
    path: str | None = Field(
        None, description="A folder with a CSV or Parquet file for each ticker."
    )
    calendar: str = Field("XNYS", description="Exchange calendar of all tickers.")
    offline: bool = Field(False, description="Use stored prices; ask no source.")
    start: date | None = Field(
        None, description="First date that is fetched; all that there is if absent."
    )
    attempts: int = Field(
        3, ge=1, le=20, description="Rounds in which failed tickers are asked again."
    )
    wait: float = Field(
        30.0, ge=0.0, le=3600.0, description="Seconds between two such rounds."
    )

    keep: int = Field(
        30,
        ge=0,
        description="Stored versions of a ticker, of which each evening adds one; 0 "
        "keeps all.",
    )

    @property
    def is_remote(self) -> bool:
        """Whether prices are fetched into the store."""
        return self.path is None and self.name != "embedded"


class BatchModelConfig(Settings):
    """Which network: a saved one, or one trained by the batch when it is due."""

    bundle: str | None = Field(
        None,
        description="A run by name or folder, a bundle, or a registered model such "
        "as google@production.",
    )
    settings: str | None = Field(
        None, description="Settings to train with: a shipped name, or a TOML file."
    )
    scope: Literal["universe", "ticker"] = Field(
        "universe", description="One network for all tickers, or one for each."
    )
    refit: int = Field(
        0,
        ge=0,
        le=10_000,
        description="Train again after so many sessions; 0 trains only once.",
    )
    window: Literal["expanding", "rolling"] = Field(
        "expanding", description="Train on all before, or on as many days as at first."
    )
    name: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._@-]*$",
        max_length=100,
        description="Name in the ledger.",
    )

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.bundle is None) == (self.settings is None):
            raise ValueError("want one of `bundle` and `settings`")
        changed = self.model_fields_set & {"scope", "refit", "window"}
        if self.bundle is not None and changed:
            raise ValueError(
                f"{', '.join(sorted(changed))} is for networks that the batch trains: "
                "name `settings` instead of a bundle, or leave it out"
            )
        return self


class ForecastConfig(Settings):
    """What is forecast, and when."""

    horizon: int | None = Field(
        None, ge=1, le=250, description="Sessions; the network's own if absent."
    )
    levels: tuple[Level, ...] = Field(
        (), description="Intervals that are recorded beside the network's quantiles."
    )
    delay_minutes: int = Field(
        45,
        ge=30,
        le=24 * 60,
        description="A session is due so long after its close: sources need a while.",
    )


class LedgerConfig(Settings):
    """Where forecasts are kept."""

    place: str | None = Field(
        None, description="A SQLite file, or postgresql://...; else the user's own."
    )
    score: bool = Field(
        True, description="Store the prices that came, and score earlier forecasts."
    )


class OutputsConfig(Settings):
    """What is written for other programs and for people."""

    folder: str = Field("batches", description="Holds a folder for each batch.")
    formats: tuple[Format, ...] = Field(
        ("csv",), description="Of the forecasts: csv, parquet, json."
    )
    report: bool = Field(True, description="Write a page for people.")
    metrics: str | None = Field(
        None, description="A .prom file for the textfile collector of Prometheus."
    )
    ping: str | None = Field(
        None, description="A healthcheck's address, told of beginning and end."
    )

    @field_validator("metrics")
    @classmethod
    def _is_collected(cls, metrics: str | None) -> str | None:
        if metrics is not None and not metrics.endswith(".prom"):
            raise ValueError("the collector only reads files that end in .prom")
        return metrics

    @field_validator("ping")
    @classmethod
    def _is_address(cls, ping: str | None) -> str | None:
        parts = urlsplit(ping or "")
        if ping is not None and (
            parts.scheme not in ("http", "https") or not parts.netloc
        ):
            raise ValueError("want an address such as https://host/check")
        return ping


class BatchConfig(Settings):
    """All settings of a batch."""

    name: str = Field(
        "batch",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$",
        max_length=100,
        description="Name of the batch: of its lock, its folder and its runs.",
    )
    universe: UniverseConfig
    source: SourceConfig = SourceConfig()
    model: BatchModelConfig
    forecast: ForecastConfig = ForecastConfig()
    ledger: LedgerConfig = LedgerConfig()
    outputs: OutputsConfig = OutputsConfig()

    @property
    def folder(self) -> Path:
        """Where this batch keeps its networks and writes its results."""
        return Path(self.outputs.folder) / self.name


def load_batch_config(source: str | Path, overrides: Iterable[str] = ()) -> BatchConfig:
    """Load a batch's settings by shipped name or from a TOML file; apply overrides.

    Relative paths in the file are read from where the file lies, except `outputs`,
    which begin where the command is given.

    Raises
    ------
    ConfigError
        If the file is missing or not TOML, or a setting is unknown or out of range.
    """
    path = _find(source)
    settings = read_toml(path)
    settings.setdefault("name", re.sub(r"[^A-Za-z0-9._-]+", "-", path.stem).strip("-."))
    for section, name in (("universe", "file"), ("source", "path")):
        find_beside(path.parent, settings, section, name)
    _find_settings(path.parent, settings)
    for override in overrides:
        apply_override(settings, override)
    return check_settings(BatchConfig, settings)


def _find(source: str | Path) -> Path:
    path = Path(source)
    if path.is_file():
        return path
    shipped = resource_folder("configs") / f"{source}.toml"
    if str(source).startswith(BATCHES) and shipped.is_file():
        return shipped
    hint = ""
    if str(source) in list_configs():
        hint = f" '{source}' are settings of a training: name them in `model.settings`."
    raise ConfigError(
        f"{path}: no such settings file of a batch.{hint} Begin with a copy of "
        f"{resource_folder('configs') / 'batch.toml'}."
    )


def _find_settings(folder: Path, settings: dict[str, Any]) -> None:
    """Read relative files of `model` so, where there are such; others are names."""
    model = settings.get("model")
    if not isinstance(model, dict):
        return
    for name in ("settings", "bundle"):
        value = model.get(name)
        if isinstance(value, str) and (folder / value).exists() and "@" not in value:
            model[name] = str((folder / value).resolve())
