"""Fans: the intervals of a forecast, and the joint paths of its sessions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import pandas as pd

from forecaster.arrays import FloatArray
from forecaster.calibration import Interval, intervals
from forecaster.config import Config
from forecaster.correcting import past_pits
from forecaster.errors import ConfigError
from forecaster.forecast import Forecast
from forecaster.paths import LEAST_PAST, draw_paths, fan

EVEN = 0.5
USUAL = (0.8, 0.95)


def read_levels(texts: Iterable[str]) -> tuple[float, ...]:
    """Return the levels of intervals that were written, increasing.

    Parameters
    ----------
    texts
        Numbers in (0, 1), or several with commas between them.

    Raises
    ------
    ConfigError
        Naming what is no level.

    Examples
    --------
    >>> read_levels(["0.9", "0.8,0.95"])
    (0.8, 0.9, 0.95)
    """
    words = [word.strip() for text in texts for word in text.split(",")]
    return check_levels_wanted([_number(word) for word in words])


def _number(word: str) -> float:
    try:
        return float(word)
    except ValueError:
        raise ConfigError(
            f"an interval's level is a number such as 0.9, not '{word}'"
        ) from None


def check_levels_wanted(levels: Iterable[float] | float) -> tuple[float, ...]:
    """Return levels of intervals, increasing and each once; of one level, it alone.

    Raises
    ------
    ConfigError
        Naming one outside (0, 1), or what is no number.
    """
    if isinstance(levels, str):
        return read_levels([levels])
    several = levels if isinstance(levels, Iterable) else [levels]
    try:
        wanted = tuple(sorted({float(level) for level in several}))
    except (TypeError, ValueError):
        raise ConfigError(
            f"`levels` are numbers between 0 and 1, such as [0.8, 0.95], not {levels!r}"
        ) from None
    for level in wanted:
        if not 0 < level < 1:
            raise ConfigError(
                f"an interval's level is a share between 0 and 1 such as 0.9, "
                f"not {level:g}"
            )
    return wanted


def usual_levels(config: Config) -> tuple[float, ...]:
    """Return levels to show where none were asked for: those that can be had.

    Prices that are forecast as such may be negative, which no interval can be.
    """
    model = config.model
    if not model.has_quantiles or config.target.form == "price":
        return ()
    tails = {level: round((1 - level) / 2, 12) for level in USUAL}
    first, last = model.quantiles[0], model.quantiles[-1]
    return tuple(n for n, tail in tails.items() if first <= tail and 1 - tail <= last)


def refuse_without_quantiles(levels: Sequence[float], config: Config) -> None:
    """Refuse intervals of a network that does not say how uncertain it is.

    Raises
    ------
    ConfigError
        With what to train instead.
    """
    if levels and not config.model.has_quantiles:
        raise ConfigError(
            f"this network has a {config.model.head} head, which has no intervals. "
            "Train one that has: `forecaster train own-close --csv FILE` needs no more "
            "than a close; in settings of your own, set model.head to quantiles or "
            "student_t, and calibration.method to adaptive for calibrated ones. Or "
            "leave the levels out."
        )


def with_fan(
    forecast: Forecast,
    levels: Sequence[float],
    config: Config,
    rows: pd.DataFrame | None,
) -> Forecast:
    """Return a forecast with its paths, and the intervals of these levels.

    The intervals of one session are its quantiles. Those of several sessions are taken
    from joint paths, whose dependence between steps is that of the out-of-fold
    forecasts if there are at least 20, else that of a random walk.

    Parameters
    ----------
    rows
        Out-of-fold forecasts, if there are any.

    Raises
    ------
    ConfigError
        If the network has no quantiles, or an interval would reach beyond them: the
        message names those that are missing.
    """
    refuse_without_quantiles(levels, config)
    quantiles = forecast.quantiles
    if quantiles is None:
        return forecast
    found = _marginal(quantiles, forecast.levels, levels)
    known = forecast.levels
    if len(quantiles) < 2 or not known[0] < EVEN < known[-1]:  # noqa: PLR2004
        return replace(forecast, intervals=found)
    paths = draw_paths(
        quantiles,
        known,
        _past(rows, forecast.ticker, known, len(quantiles)),
        seed=config.training.seed,
    )
    found = {level: _of_paths(paths, level) for level in levels}
    return replace(forecast, paths=paths, intervals=found)


def _marginal(
    quantiles: FloatArray, known: Sequence[float], wanted: Sequence[float]
) -> dict[float, Interval]:
    if not wanted:
        return {}
    found = intervals(quantiles[None], known, wanted)
    return {level: Interval(one.low[0], one.high[0]) for level, one in found.items()}


def _of_paths(paths: FloatArray, level: float) -> Interval:
    ends = fan(paths, [(1 - level) / 2, (1 + level) / 2])
    return Interval(ends[:, 0], ends[:, 1])


def _past(
    rows: pd.DataFrame | None, ticker: str, levels: Sequence[float], n_steps: int
) -> FloatArray | None:
    """Return probabilities of prices that came after forecasts as long, if enough."""
    if rows is None or int(rows["step"].max()) < n_steps:
        return None
    past = past_pits(rows, ticker, levels)
    return past if len(past) >= LEAST_PAST else None
