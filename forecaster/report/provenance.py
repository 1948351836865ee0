"""Provenance: which prices, settings, libraries and files a result comes from."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import tomli_w

from forecaster.config import Config
from forecaster.errors import ForecasterError, PriceWarning
from forecaster.loading import load_prices_for
from forecaster.report.page import NOTHING, Section, Table, cell, facts_table

ISSUES = "Things about the prices that deserve a look"
AGREES = 1e-6


def page_data(config: Config, actual: pd.DataFrame, tickers: Iterable[str]) -> Section:
    """Return the section on the prices: those forecast, and those of the source.

    Prices are read again from where the settings say, without any connection.

    Parameters
    ----------
    actual
        Rows of forecasts: `ticker session actual`.
    """
    checks, issues, notes = [], [], []
    for ticker in tickers:
        rows = actual[actual["ticker"] == ticker].drop_duplicates("session")
        try:
            prices = stored_prices(config, ticker)
        except (ForecasterError, OSError) as error:
            notes.append(f"{ticker}: the prices cannot be read again: {error}")
            prices = None
        checks.append(_checked(ticker, rows, prices, config.data.target))
        if prices is not None:
            found = [str(issue) for issue in prices.attrs.get("issues", ())]
            issues += [(ticker, issue) for issue in found]
    tables = [Table("Checks of the prices forecast", *_columns(checks))]
    if issues:
        shown = frozenset({"ticker", "issue"})
        tables.append(Table(ISSUES, ("ticker", "issue"), tuple(issues), shown))
    elif not notes:
        notes.append(
            "Nothing else about the prices deserves a look: no session is missing, no "
            "price jumps further than is known of, and no volume is lacking."
        )
    different = [
        one["ticker"] for one in checks if one["agree with the source"] == "no"
    ]
    if different:
        notes.append(
            f"{', '.join(different)}: the source has other prices now than those that "
            "were forecast. Splits and dividends since then rescale all earlier ones."
        )
    return Section("data", "Data checks", tables=tuple(tables), notes=tuple(notes))


def stored_prices(config: Config, ticker: str) -> pd.DataFrame:
    """Return the prices of a ticker without opening any connection.

    Raises
    ------
    ForecasterError
        If they are not there.
    """
    path = config.data.path
    named = (
        path is not None or bool(config.data.tickers) or ticker != config.data.ticker
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PriceWarning)  # kept in `attrs`
        return load_prices_for(
            config, ticker=ticker if named else None, path=path, offline=True
        )


def training_facts(trained_on: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a network was trained on, by name."""
    return {
        "tickers": trained_on["ticker"],
        "source of the prices": trained_on["source"],
        "training range": f"{trained_on['first']} to {trained_on['last']}",
        "training sessions": trained_on["n_sessions"],
        "training windows": trained_on["n_windows"],
        "fingerprint of the prices": trained_on["fingerprint"],
    }


def versions_table(versions: Mapping[str, Any]) -> Table:
    """Return the versions of the libraries that a result comes from."""
    return facts_table("Versions", {str(k): str(v) for k, v in versions.items()})


def checksums_table(files: Mapping[str, Any]) -> Table:
    """Return the checksums of files, by name."""
    rows = tuple((str(name), str(files[name])) for name in sorted(files))
    words = frozenset({"file", "SHA-256"})
    return Table("Checksums", ("file", "SHA-256"), rows, words, folded=True)


def request_toml(request: Mapping[str, Any]) -> str:
    """Return settings by dotted name as TOML.

    >>> print(request_toml({"data.ticker": "GOOG", "data.path": None}))
    [data]
    ticker = "GOOG"
    <BLANKLINE>
    """
    nested: dict[str, dict[str, Any]] = {}
    for name, value in request.items():
        section, _, setting = name.partition(".")
        if setting and value is not None:
            nested.setdefault(section, {})[setting] = value
    return tomli_w.dumps(nested)


def _checked(
    ticker: str, rows: pd.DataFrame, prices: pd.DataFrame | None, target: str
) -> dict[str, str]:
    days = pd.DatetimeIndex(rows["session"])
    found = {
        "ticker": ticker,
        "sessions forecast": str(len(rows)),
        "first": cell(days.min()),
        "last": cell(days.max()),
        "missing": str(int(rows["actual"].isna().sum())),
        "lowest": cell(float(rows["actual"].min())),
        "highest": cell(float(rows["actual"].max())),
        "sessions of the source": NOTHING,
        "without a forecast": NOTHING,
        "agree with the source": NOTHING,
    }
    if prices is not None and target in prices:
        between = prices.loc[days.min() : days.max(), target]
        found["sessions of the source"] = str(len(prices))
        found["without a forecast"] = str(int((~between.index.isin(days)).sum()))
        known = between.reindex(days).to_numpy(dtype=float)
        same = np.allclose(known, rows["actual"].to_numpy(dtype=float), rtol=AGREES)
        found["agree with the source"] = "yes" if same else "no"
    return found


def _columns(
    checks: list[dict[str, str]],
) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...], frozenset[str]]:
    names = tuple(checks[0])
    return names, tuple(tuple(one.values()) for one in checks), frozenset({"ticker"})
