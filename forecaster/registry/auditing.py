"""Auditing: the audit of a registered model's pipeline, and the record of it."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from datetime import datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import pandas as pd

from forecaster.atomic import write_bytes
from forecaster.bundle import library_versions
from forecaster.checksums import canonical_json
from forecaster.config import Config
from forecaster.errors import BundleError, LeakFound, RunWarning
from forecaster.loading import load_prices_for
from forecaster.preparing import Prices, frames_of
from forecaster.registry.entries import AUDIT, Entry

if TYPE_CHECKING:
    from forecaster.audit.pipeline import Pipeline

PriceReader = Callable[[Config], Prices]
Tell = Callable[[str], None]


def own_prices(config: Config) -> Prices:
    """Return the prices that settings name, of each of `data.tickers` if there are."""
    path = config.data.path
    if not config.data.tickers:
        return load_prices_for(config, ticker=config.data.ticker, path=path)
    return {
        ticker: load_prices_for(config, ticker=ticker, path=path)
        for ticker in config.data.tickers
    }


def known_audit(entry: Entry) -> dict[str, Any] | None:
    """Return the recorded audit if it stands for an audit now.

    It has to have passed, in this version of forecaster, on the prices of training, and
    be of this bundle, whose fingerprint covers the settings too.

    Warns
    -----
    RunWarning
        If the record is damaged; it then counts for nothing.
    """
    try:
        found = entry.load_audit()
    except BundleError as error:
        warnings.warn(f"{error} It counts for nothing.", RunWarning, stacklevel=2)
        return None
    if found is None or not found["passed"]:
        return None
    same_program = found["versions"]["forecaster"] == version("forecaster")
    return found if same_program and found["prices"]["as_trained"] else None


def audit_entry(
    entry: Entry,
    prices: PriceReader,
    *,
    pipeline: Pipeline | None = None,
    tell: Tell | None = None,
    now: datetime,
) -> dict[str, Any]:
    """Audit the pipeline with a model's own settings, and record what is found.

    Parameters
    ----------
    prices
        Returns the prices for the settings.
    pipeline
        As for `forecaster.audit.run.audit_pipeline`.

    Returns
    -------
    dict
        What `audit.json` says.

    Raises
    ------
    LeakFound
        If anything leaks. That is recorded too.
    DataError, SourceError
        If there are no prices, or not of the ranges of training and test.

    Warns
    -----
    RunWarning
        If the prices of training have changed, or are others, since the training.
    """
    from forecaster.audit.run import PROJECT, audit_pipeline

    config = entry.load_config()
    read = prices(config)
    audit = audit_pipeline(read, config, pipeline=pipeline or PROJECT, tell=tell)
    as_trained = _as_trained(entry, read, config)
    found = {
        "audited": now.isoformat(timespec="seconds"),
        "fingerprint": entry.fingerprint,
        "versions": library_versions(),
        "prices": {"as_trained": as_trained, "series": _series(read, config)},
        **audit.to_dict(),
    }
    write_bytes(entry.folder / AUDIT, canonical_json(found))
    if not as_trained:
        warnings.warn(
            f"{entry.label} was audited on other prices than it was trained on: those "
            "of the training range have changed since, or come from elsewhere.",
            RunWarning,
            stacklevel=2,
        )
    try:
        audit.require_clean()
    except LeakFound as leak:
        raise LeakFound(f"{entry.label} fails its audit: {leak}") from None
    return found


def _as_trained(entry: Entry, prices: Prices, config: Config) -> bool:
    """Return whether these very prices are those that the model was trained on."""
    from forecaster.preparing import prepare_training

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the audit has met the same prices
        trained_on = prepare_training(prices, config).trained_on
    return bool(trained_on.fingerprint == entry.record["trained_on"]["fingerprint"])


def _series(prices: Prices, config: Config) -> dict[str, dict[str, str]]:
    return {
        ticker: {
            "source": str(frame.attrs.get("source", "")),
            "first": _day(frame.index[0]),
            "last": _day(frame.index[-1]),
        }
        for ticker, frame in frames_of(prices, config).items()
    }


def _day(session: Any) -> str:
    return str(pd.Timestamp(session).date())
