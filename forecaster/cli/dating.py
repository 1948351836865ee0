"""Dating: ranges of training and test for prices of one's own."""

from __future__ import annotations

import warnings
from datetime import date, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from forecaster.config import Config

TRAINING_SHARE = 0.8
# Of the sessions: dates that leave out more than the rest were meant for other prices.
LEAST_INSIDE = 0.8
DATES = ("training.start", "training.end", "evaluation.start", "evaluation.end")


def split_dates(overrides: Sequence[str]) -> tuple[list[str], dict[str, date]]:
    """Return the overrides that are no dates, and the dates by setting.

    Raises
    ------
    ConfigError
        If one of them is no date.
    """
    from forecaster.data.calendar import as_day

    others, chosen = [], {}
    for override in overrides:
        key, _, value = override.partition("=")
        if key.strip() in DATES:
            chosen[key.strip()] = as_day(value.strip().strip("\"'")).date()
        else:
            others.append(override)
    return others, chosen


def may_be_dated(name: str, config: Config) -> bool:
    """Return whether nobody chose the dates of settings with these prices in mind."""
    from forecaster.config import list_configs

    parts = (config.training, config.evaluation)
    named = [{"start", "end"} & part.model_fields_set for part in parts]
    return name in list_configs() or not any(named)


def dates_for(
    config: Config, days: pd.DatetimeIndex, chosen: Mapping[str, date]
) -> dict[str, date] | None:
    """Return the four dates; None if those of the settings stand.

    These stand, with the chosen ones among them, where both ranges hold sessions, and,
    if none was chosen, at least 80% of all sessions. Else the first 80% of the sessions
    train and the rest tests, or as the chosen dates say; that is told.

    Parameters
    ----------
    days
        Sessions of the prices.
    """
    own = {**_of_settings(config), **chosen}
    inside = [_held(days, own[f"{part}.start"], own[f"{part}.end"]) for part in PARTS]
    ordered = list(own.values()) == sorted(own.values())
    enough = chosen or sum(inside) >= LEAST_INSIDE * len(days)
    if ordered and all(inside) and enough:
        return own if chosen else None
    made = _divided(days, chosen)
    if made is None:
        return own if chosen else None
    share = sum(inside) / len(days) if ordered else 0.0
    _tell(config, made, share)
    return made


PARTS = ("training", "evaluation")


def _of_settings(config: Config) -> dict[str, date]:
    dates = (*_range(config.training), *_range(config.evaluation))
    return dict(zip(DATES, dates, strict=True))


def _range(part: object) -> tuple[date, date]:
    return part.start, part.end  # type: ignore[attr-defined]


def _held(days: pd.DatetimeIndex, start: date, end: date) -> int:
    return len(_between(days, start, end))


def _between(days: pd.DatetimeIndex, start: date, end: date) -> pd.DatetimeIndex:
    from forecaster.data.calendar import as_day

    first = days.searchsorted(as_day(start))
    return days[first : days.searchsorted(as_day(end), side="right")]


def _divided(
    days: pd.DatetimeIndex, chosen: Mapping[str, date]
) -> dict[str, date] | None:
    """Return dates that divide the sessions; None if there are too few of them."""
    start = chosen.get("training.start", days[0].date())
    stop = chosen.get("evaluation.end", days[-1].date())
    within = _between(days, start, stop)
    border = round(TRAINING_SHARE * len(within))
    if not 0 < border < len(within):
        return None
    end = chosen.get("training.end")
    tested = chosen.get("evaluation.start")
    if end is None:
        end = within[border - 1].date() if tested is None else tested - timedelta(1)
    if tested is None:
        tested = end + timedelta(1)
    return dict(zip(DATES, (start, end, tested, stop), strict=True))


def _tell(config: Config, made: Mapping[str, date], share: float) -> None:
    from forecaster.errors import RunWarning

    own, new = _of_settings(config), [*made.values()]
    warnings.warn(
        f"{config.data.ticker}: training from {new[0]} to {new[1]}, test from {new[2]} "
        f"to {new[3]}. The dates of the settings ({own[DATES[0]]} to {own[DATES[1]]}, "
        f"{own[DATES[2]]} to {own[DATES[3]]}) hold {share:.0%} of the sessions. "
        "`--set training.end=DATE` puts the border elsewhere.",
        RunWarning,
        stacklevel=4,
    )
