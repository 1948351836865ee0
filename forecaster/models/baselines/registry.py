"""Registry: every baseline by its name."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from functools import partial

from forecaster.errors import ConfigError
from forecaster.models.baselines.empirical import (
    fit_constant_quantiles,
    fit_scaled_volatility,
)
from forecaster.models.baselines.garch import fit_garch
from forecaster.models.baselines.learned import GradientBoosting, Ridge
from forecaster.models.baselines.per_ticker import PerTicker, SeriesFit
from forecaster.models.baselines.scene import Baseline
from forecaster.models.baselines.simple import (
    fit_drift,
    fit_historical_mean,
    fit_last_value,
    fit_moving_average,
    fit_seasonal_naive,
)
from forecaster.models.baselines.statespace import fit_arima, fit_ets

_SERIES_FITS: dict[str, SeriesFit] = {
    "last_value": fit_last_value,
    "drift": fit_drift,
    "historical_mean": fit_historical_mean,
    "seasonal_naive": fit_seasonal_naive,
    "moving_average": fit_moving_average,
    "ets": fit_ets,
    "arima": fit_arima,
    "scaled_volatility": fit_scaled_volatility,
    "constant_quantiles": fit_constant_quantiles,
    "garch": fit_garch,
}
BASELINES: dict[str, Callable[[], Baseline]] = {
    **{name: partial(PerTicker, name, fit) for name, fit in _SERIES_FITS.items()},
    "ridge": Ridge,
    "gradient_boosting": GradientBoosting,
}
# All have a centre; these have quantiles too, if levels are asked for.
QUANTILE_BASELINES = (
    *("ets", "arima", "scaled_volatility", "constant_quantiles", "garch"),
    "gradient_boosting",
)
POINT_BASELINES = tuple(name for name in BASELINES if name not in QUANTILE_BASELINES)


def make_baseline(name: str) -> Baseline:
    """Return the baseline of a name.

    Raises
    ------
    ConfigError
        If there is none; the message names the nearest.

    Examples
    --------
    >>> make_baseline("garch").name
    'garch'
    """
    if name in BASELINES:
        return BASELINES[name]()
    near = difflib.get_close_matches(name, BASELINES, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise ConfigError(
        f"no baseline is called {name!r}.{hint} There are: {', '.join(BASELINES)}."
    )
