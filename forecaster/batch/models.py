"""Models: which network forecasts on an evening, and the training of those due."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pandas as pd

from forecaster.atomic import output_errors
from forecaster.batch.bundles import PackedBundle
from forecaster.bundle import MANIFEST, load_bundle_config, verify_bundle
from forecaster.checksums import checksum
from forecaster.config import Config, dump_config, load_config, with_values
from forecaster.config.batch import BatchConfig
from forecaster.data.calendar import sessions_between
from forecaster.errors import BundleError, ConfigError
from forecaster.fans import refuse_without_quantiles
from forecaster.registry import Registry
from forecaster.registry.loading import is_reference
from forecaster.runs import BUNDLE, find_run, name_of_run

WHOLE_UNIVERSE = "universe"
WITHOUT_FIT = "a trained network has a fit"


@dataclass(frozen=True)
class Fit:
    """One network that the batch trains.

    Attributes
    ----------
    ticker
        Whose it is; `universe` if it is that of all.
    end
        Last session of training.
    """

    ticker: str
    end: date


class SavedModel:
    """A network that was saved before; all tickers and evenings have the same.

    Parameters
    ----------
    folder
        Of the bundle.
    label
        Name in the ledger.
    """

    def __init__(self, folder: Path, label: str) -> None:
        self.label = label
        self.config = load_bundle_config(folder)
        self._folder = folder

    def fit_for(self, ticker: str, origin: date) -> Fit | None:
        """Return None: nothing is trained."""
        del ticker, origin
        return None

    def is_there(self, fit: Fit) -> bool:
        """Return True: nothing is trained."""
        del fit
        return True

    def tickers_of(self, fit: Fit) -> tuple[str, ...]:
        """Return no tickers: nothing is trained."""
        del fit
        return ()

    def set_aside(self, fit: Fit) -> str | None:
        """Return None: a network that was saved elsewhere is not put anywhere."""
        del fit
        return None

    def folder_of(self, fit: Fit | None) -> Path:
        """Return where its bundle lies."""
        del fit
        return self._folder

    def bundle_of(self, fit: Fit | None) -> PackedBundle:
        """Return the network."""
        del fit
        return PackedBundle.read(self._folder)

    def fingerprint_for(self, origin: date) -> str | None:
        """Return what identifies the network of an evening."""
        del origin
        return checksum(self._folder / MANIFEST)


class TrainedModel:
    """Networks that the batch trains, again and again as sessions go by.

    On which session a training ends depends on the settings and the calendar alone,
    and it sees no later price. So a replay of an evening has the same network.

    Parameters
    ----------
    config
        Settings of the training; `training.end` is the end of the first.
    batch
        Settings of the batch.
    universe
        Its tickers.
    """

    def __init__(
        self, config: Config, batch: BatchConfig, universe: Sequence[str]
    ) -> None:
        own = batch.model
        self.label = own.name or config.name
        self.scope, self.refit, self.window = own.scope, own.refit, own.window
        self.calendar = batch.source.calendar
        values: dict[str, Any] = {"data.calendar": self.calendar}
        if batch.source.path is None:
            values["data.source"] = batch.source.name
        if self.scope == "ticker":
            values["data.tickers"] = []
        elif not config.data.tickers:
            values |= {"data.tickers": [*universe], "data.ticker": universe[0]}
        self.config = with_values(config, values)
        # Without the universe: who joins or leaves it counts from the next refit on.
        kind = _short_hash(
            config, str(values["data.calendar"]), self.scope, self.window
        )
        self._folder = batch.folder / "models" / kind

    def fit_for(self, ticker: str, origin: date) -> Fit:
        """Return the network that forecasts after an origin.

        Raises
        ------
        ConfigError
            If the origin lies before the end of the first training.
        """
        first = self.config.training.end
        if origin < first:
            raise ConfigError(
                f"the first training ends on {first}, and {origin} lies before it. "
                "Let `training.end` of the settings be earlier."
            )
        name = ticker if self.scope == "ticker" else WHOLE_UNIVERSE
        return Fit(name, self._end_for(origin))

    def _end_for(self, origin: date) -> date:
        first = self.config.training.end
        if not self.refit:
            return first
        sessions = sessions_between(first, origin, self.calendar)
        ends: pd.DatetimeIndex = sessions[:: self.refit]
        return ends[-1].date() if len(ends) else first

    def is_there(self, fit: Fit) -> bool:
        """Return whether it was trained already."""
        return (self.folder_of(fit) / MANIFEST).is_file()

    def set_aside(self, fit: Fit) -> str | None:
        """Put a damaged network out of the way; say what is wrong with it, if so.

        It is trained again: settings and prices make the same one.
        """
        folder = self.folder_of(fit)
        try:
            if folder.exists():
                verify_bundle(folder)
        except BundleError as error:
            with output_errors(folder):
                number = len([*folder.parent.glob(f"{folder.name}.damaged*")]) + 1
                folder.rename(folder.with_name(f"{folder.name}.damaged-{number}"))
            return str(error)
        return None

    def folder_of(self, fit: Fit | None) -> Path:
        """Return where its bundle lies, or will lie."""
        from forecaster.data.store import folder_name

        if fit is None:
            raise ValueError(WITHOUT_FIT)
        return self._folder / folder_name(fit.ticker) / fit.end.isoformat()

    def bundle_of(self, fit: Fit | None) -> PackedBundle:
        """Return a network that was trained.

        Raises
        ------
        BundleError
            If it is damaged.
        """
        return PackedBundle.read(self.folder_of(fit))

    def fingerprint_for(self, origin: date) -> str | None:
        """Return what identifies the network of an evening, if all have the same."""
        fit = self.fit_for(WHOLE_UNIVERSE, origin)
        if self.scope == "ticker" or not self.is_there(fit):
            return None
        return checksum(self.folder_of(fit) / MANIFEST)

    def tickers_of(self, fit: Fit) -> tuple[str, ...]:
        """Return the tickers that it is trained on."""
        if fit.ticker != WHOLE_UNIVERSE:
            return (fit.ticker,)
        return tuple(name.upper() for name in self.config.data.tickers)

    def config_of(self, fit: Fit, tickers: Iterable[str]) -> Config:
        """Return the settings of one training, on the tickers that have prices."""
        training = self.config.training
        values: dict[str, Any] = {
            "training.end": fit.end,
            "evaluation.start": fit.end + timedelta(days=1),
            "evaluation.end": fit.end + timedelta(days=365),
        }
        if self.window == "rolling":
            values["training.start"] = training.start + (fit.end - training.end)
        names = [*tickers]
        if fit.ticker == WHOLE_UNIVERSE:
            values |= {"data.tickers": names, "data.ticker": names[0]}
        else:
            values["data.ticker"] = fit.ticker
        return with_values(self.config, values)

    def keep(self, fit: Fit, bundle: PackedBundle) -> None:
        """Keep a network that was trained, whole or not at all."""
        if not self.is_there(fit):
            bundle.write(self.folder_of(fit))


Model = SavedModel | TrainedModel


def choose_model(batch: BatchConfig, universe: Sequence[str], runs_dir: Path) -> Model:
    """Return the model that the settings name, checked against the rest of them.

    Parameters
    ----------
    runs_dir
        Where a run is looked for by name.

    Raises
    ------
    ConfigError, BundleError
        If there is none, or it contradicts the calendar, the horizon or the levels.
    """
    model: Model
    if batch.model.settings is not None:
        model = TrainedModel(load_config(batch.model.settings), batch, universe)
    else:
        folder, label = _find_bundle(str(batch.model.bundle), runs_dir)
        model = SavedModel(folder, batch.model.name or label)
    refuse_without_quantiles(batch.forecast.levels, model.config)
    own, wanted = model.config.data.calendar, batch.source.calendar
    if own != wanted:
        raise ConfigError(
            f"{model.label} knows the sessions of {own}, and `source.calendar` is "
            f"{wanted}. Make a batch for each exchange, each with its own network."
        )
    return model


def _find_bundle(reference: str, runs_dir: Path) -> tuple[Path, str]:
    """Return the folder of a bundle and its name in the ledger."""
    if is_reference(reference):
        entry = Registry.open().resolve(reference)
        entry.verify()
        return entry.folder / BUNDLE, entry.label
    if (Path(reference) / MANIFEST).is_file():
        return Path(reference), name_of_run(reference, runs_dir)
    run = find_run(reference, runs_dir)
    return run.folder / BUNDLE, run.name


def _short_hash(config: Config, *words: str) -> str:
    text = "\n".join([*words, dump_config(config)])
    return hashlib.sha256(text.encode()).hexdigest()[:16]
