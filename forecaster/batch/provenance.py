"""Provenance: what the forecasts of an evening come from, kept beside them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from forecaster.batch.models import Fit, Model, SavedModel
from forecaster.bundle import MANIFEST, library_versions
from forecaster.checksums import checksum, read_canonical_json
from forecaster.config.base import Settings
from forecaster.config.batch import BatchConfig
from forecaster.errors import BundleError, ConfigError
from forecaster.ledger import Ledger
from forecaster.registry.entries import RECORD as REGISTERED
from forecaster.runs import RECORD as OF_A_RUN
from forecaster.verdict import best_facts

# Whoever knows the address of a watcher can speak for the batch.
NOT_SHOWN = "not shown"


@dataclass(frozen=True)
class Provenance:
    """Tells what each evening of one batch comes from, in plain JSON values."""

    config: BatchConfig
    model: Model
    ledger: Ledger

    def of(self, origin: date, rows: pd.DataFrame) -> dict[str, Any]:
        """Return what the forecasts of an evening come from.

        `versions` and `settings` are those of the run that writes this;
        `network_settings`, `networks` and `verdict` are those of the networks of the
        evening; `runs` are those that the forecasts were written by, of which earlier
        ones may have had other versions, or another network.

        Parameters
        ----------
        rows
            Of `Ledger.forecasts`, of this evening alone.
        """
        tickers = [str(name) for name in rows["ticker"].unique()]
        return {
            "versions": library_versions(),
            "settings": self._settings(),
            "network_settings": _plain(self.model.config),
            "networks": [*self._networks(tickers, origin)],
            "verdict": self._verdict(),
            "runs": self._runs_of(rows),
        }

    def _settings(self) -> dict[str, Any]:
        """Return the settings of the batch, without what is secret in them."""
        settings = _plain(self.config)
        settings["ledger"]["place"] = self.ledger.place  # without any password
        if "ping" in settings["outputs"]:
            settings["outputs"]["ping"] = NOT_SHOWN
        return settings

    def _verdict(self) -> dict[str, Any] | None:
        if not isinstance(self.model, SavedModel):
            return None
        return verdict_beside(self.model.folder_of(None))

    def _networks(
        self, tickers: Iterable[str], origin: date
    ) -> Iterator[dict[str, Any]]:
        fits: dict[Fit | None, None] = {}
        for ticker in tickers:
            with contextlib.suppress(ConfigError):  # there was no network yet
                fits[self.model.fit_for(ticker, origin)] = None
        for fit in fits:
            manifest = self.model.folder_of(fit) / MANIFEST
            with contextlib.suppress(BundleError):  # it is gone, or damaged since
                known = read_canonical_json(manifest)
                yield {
                    "network": self.model.label if fit is None else fit.ticker,
                    "fingerprint": checksum(manifest),
                    "trained_on": known["trained_on"],
                    "versions": known["versions"],
                }

    def _runs_of(self, rows: pd.DataFrame) -> list[dict[str, Any]]:
        n_tickers = rows.groupby("run")["ticker"].nunique()
        own = self._all_runs[self._all_runs["id"].isin(n_tickers.index)]
        return [
            {
                "run": int(row["id"]),
                "batch": str(row["config"]),
                "started": str(row["started"]),
                "forecaster": str(row["version"]),
                "fingerprint": None
                if pd.isna(row["fingerprint"])
                else str(row["fingerprint"]),
                "n_tickers": int(n_tickers[row["id"]]),
            }
            for row in own.to_dict("records")
        ]

    @cached_property
    def _all_runs(self) -> pd.DataFrame:
        return self.ledger.runs()


def verdict_beside(bundle: Path) -> dict[str, Any] | None:
    """Return the verdict that a run or a registered model recorded of its network.

    Returns
    -------
    dict or None
        `ticker target first_session last_session` of the test, the facts of
        `Verdict.to_dict` on quantiles if there are any, and `lag`. None of a network
        that was never scored, or whose record cannot be read.
    """
    for name in (OF_A_RUN, REGISTERED):
        file = bundle.resolve().parent / name
        with contextlib.suppress(BundleError, KeyError, TypeError):
            if file.is_file():
                return _verdict_in(read_canonical_json(file)["evaluation"])
    return None


def _verdict_in(facts: dict[str, Any] | None) -> dict[str, Any] | None:
    if facts is None:
        return None
    names = ("ticker", "target", "first_session", "last_session")
    lag = None if facts["lag"] is None else facts["lag"]["sentence"]
    return {name: facts[name] for name in names} | best_facts(facts) | {"lag": lag}


def _plain(settings: Settings) -> dict[str, Any]:
    return settings.model_dump(mode="json", exclude_none=True)
