"""Trading: what forecasts of the next session would have earned, and if that is luck.

A position is taken at the close of the origin and held to the close of the session that
is forecast. That the forecast needs this close, and is yet traded at it, flatters the
strategy a little. Costs are paid on each change of position; keeping a position at its
size as prices move is free, as are borrowing and shorting, and cash earns nothing.
Tickers start with equal shares of the capital, and no money moves between them.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from forecaster.accounts import MIN_SESSIONS, capital, figures_of
from forecaster.errors import ConfigError, DataError, ForecastWarning
from forecaster.intervals import Interval, difference_intervals
from forecaster.trading_rules import Rule, as_rule, positions_of

STRATEGY, HOLD, CASH = "strategy", "buy_and_hold", "cash"
COLUMNS = ("origin", "session", "step", "actual", "predicted", "last_value")
TRADABLE = ("close", "adj_close")
BASIS_POINT = 1e-4


@dataclass(frozen=True, eq=False)
class Trading:
    """What a rule earned by the forecasts, beside buying and holding.

    Attributes
    ----------
    rule, costs
        How positions were taken; costs in basis points of what is traded.
    level, n_tried
        Confidence level, and the number of rules tried; each interval has the level
        ``1 - (1 - level) / n_tried``, so that all of them hold together.
    table
        One row each for `strategy`, `buy_and_hold` and `cash`: `total_return`, compound
        `yearly_return`, yearly `volatility`, `sharpe` with `sharpe_low` and
        `sharpe_high`, `max_drawdown` as a share of the peak, `hit_rate`, `turnover` a
        year (1: the whole capital once) and `n_trades`.
    curve
        Capital by session after costs, `strategy` and `buy_and_hold`; 1 at the first
        origin.
    returns
        Of each session after costs, `strategy` and `buy_and_hold`.
    positions
        One column for each ticker, held to the end of the session, as a share of the
        ticker's capital, -1 to 1.
    mean_difference, sharpe_difference
        Strategy less buy-and-hold, in yearly mean return and yearly Sharpe ratio.
    outcome
        `beats` or `loses` if the interval of the mean difference leaves out zero, else
        `noise`; `idle` if the rule never traded, `too_few` sessions to say.
    """

    rule: Rule
    costs: float
    level: float
    n_tried: int
    table: pd.DataFrame
    curve: pd.DataFrame
    returns: pd.DataFrame
    positions: pd.DataFrame
    mean_difference: Interval
    sharpe_difference: Interval
    outcome: Literal["beats", "loses", "noise", "idle", "too_few"]

    @property
    def sentence(self) -> str:
        """What came of it, in one sentence."""
        if self.outcome == "idle":
            return f"Trading by the rule `{self.rule}` never took a position."
        few = self.outcome == "too_few"
        made = self.table["total_return" if few else "yearly_return"]
        span = f"in {len(self.returns)} sessions" if few else "a year"
        return (
            f"Trading by the rule `{self.rule}` made {_percent(made[STRATEGY])} {span} "
            f"after costs of {self.costs:g} basis points, buying and holding "
            f"{_percent(made[HOLD])}: {self._evidence()}."
        )

    def to_dict(self) -> dict[str, Any]:
        """Return everything but the series as plain JSON values."""
        return {
            "rule": asdict(self.rule),
            "costs": self.costs,
            "level": self.level,
            "n_tried": self.n_tried,
            "tickers": [str(ticker) for ticker in self.positions.columns],
            "first_session": str(self.returns.index[0].date()),
            "last_session": str(self.returns.index[-1].date()),
            "n_sessions": len(self.returns),
            "table": {
                str(name): {k: v if math.isfinite(v) else None for k, v in row.items()}
                for name, row in self.table.iterrows()
            },
            "mean_difference": self.mean_difference.to_dict(),
            "sharpe_difference": self.sharpe_difference.to_dict(),
            "outcome": self.outcome,
            "sentence": self.sentence,
        }

    def __str__(self) -> str:
        return self.sentence

    def _evidence(self) -> str:
        if self.outcome == "too_few":
            return "these are too few sessions to tell this from noise"
        found = self.mean_difference
        phrase = {
            "noise": "the difference is not told apart from noise",
            "beats": "the difference is more than noise",
            "loses": "the loss against holding is more than noise",
        }[self.outcome]
        tried = f", widened for {self.n_tried} rules" if self.n_tried > 1 else ""
        return (
            f"{phrase} ({100 * self.level:g}% interval of the difference in yearly "
            f"mean return{tried}: {_percent(found.low)} to {_percent(found.high)})"
        )


def trade(
    predictions: pd.DataFrame,
    *,
    rule: str | Rule = "sign",
    costs: float = 5.0,
    level: float = 0.95,
    seed: int = 0,
    n_tried: int = 1,
    target: str = "close",
) -> Trading:
    """Trade on the one-step forecasts by one rule, and compare with buying and holding.

    Parameters
    ----------
    predictions
        One row for each origin and step, with `origin session step actual predicted
        last_value` and perhaps `ticker`; only step 1 is used, and `last_value` is the
        price at the origin. Prices are taken as adjusted for splits.
    rule
        Chosen before looking at any outcome.
    costs
        Basis points of each unit of turnover: 5 for buying with the whole capital, 10
        for turning from long to short.
    seed
        Of the resampling behind the intervals of the differences.
    n_tried
        Rules tried on these forecasts, this one included.
    target
        The price that is forecast.

    Warns
    -----
    ForecastWarning
        If `target` is not a price that can be traded once the forecast is known.

    Raises
    ------
    ConfigError
        If an argument is out of range, or the rule needs a column that is missing.
    DataError
        If a column or price is missing, or a ticker has a session twice.

    Notes
    -----
    A session that a ticker lacks leaves its position and its capital as they were.

    References
    ----------
    .. [1] Dunn (1961), Multiple comparisons among means.
    """
    if not (0 <= costs < 1 / BASIS_POINT and 0 < level < 1 and n_tried >= 1):
        raise ConfigError(
            "need costs of 0 to below 10000 basis points, level between 0 and 1 and "
            f"n_tried at least 1; got costs={costs}, level={level}, n_tried={n_tried}"
        )
    if target not in TRADABLE:
        _warn_of_target(target)
    rule, rows = as_rule(rule), _one_step(predictions)
    cost, start = costs * BASIS_POINT, rows["origin"].min()
    rows["move"] = rows["actual"] / rows["last_value"] - 1
    rows["position"] = positions_of(rows, rule, cost)
    moves = rows.pivot_table("move", "session", "ticker")
    held = rows.pivot_table("position", "session", "ticker").ffill().fillna(0.0)
    longs = moves.notna().cummax().astype(float)
    books = {STRATEGY: held, HOLD: longs, CASH: longs * 0.0}
    curve = pd.DataFrame(
        {name: capital(book, moves, cost, start) for name, book in books.items()}
    )
    # Capital that is all lost stays lost: then there is no return to speak of.
    returns = (curve / curve.shift()).iloc[1:].fillna(1.0) - 1
    each_level = 1 - (1 - level) / n_tried
    mean, sharpe = _differences(returns, each_level, seed)
    table = {
        name: figures_of(curve[name], returns[name], book, moves, each_level)
        for name, book in books.items()
    }
    series = [STRATEGY, HOLD]
    return Trading(
        *(rule, costs, level, n_tried),
        table=pd.DataFrame.from_dict(table, orient="index"),
        curve=curve[series],
        returns=returns[series],
        positions=held,
        mean_difference=mean,
        sharpe_difference=sharpe,
        outcome=_outcome(held, mean),
    )


def trade_rules(
    predictions: pd.DataFrame, rules: Sequence[str | Rule], **options: Any
) -> dict[str, Trading]:
    """Trade by several rules, each judged as one of that many tries.

    Parameters
    ----------
    rules
        Each once.
    **options
        As of `trade`, but `rule` and `n_tried`.
    """
    chosen = {str(as_rule(rule)): as_rule(rule) for rule in rules}
    return {
        name: trade(predictions, rule=rule, n_tried=len(chosen), **options)
        for name, rule in chosen.items()
    }


def _one_step(predictions: pd.DataFrame) -> pd.DataFrame:
    missing = [name for name in COLUMNS if name not in predictions]
    if missing:
        raise DataError(f"the predictions lack the columns {', '.join(missing)}")
    rows = predictions.loc[predictions["step"] == 1].copy()
    if rows.empty:
        raise DataError("the predictions have no row of step 1, the only one traded")
    if "ticker" not in rows:
        rows["ticker"] = "price"
    rows = rows.sort_values(["ticker", "session"], ignore_index=True)
    prices = rows[["actual", "last_value"]].to_numpy(float)
    known = np.isfinite(rows["predicted"]).all()
    if not (known and np.all(np.isfinite(prices) & (prices > 0))):
        raise DataError("need prices above zero, and none missing, to trade on")
    before = rows.groupby("ticker")["session"].shift()
    if (rows["origin"] < before).any() or (rows["session"] <= rows["origin"]).any():
        raise DataError(
            "need each origin before its session and not before the last session of "
            "the same ticker. Pass each session of a ticker once, of one fold."
        )
    return rows


def _warn_of_target(target: str) -> None:
    warnings.warn(
        f"the forecasts are of `{target}`, which cannot be traded at that price once "
        "the forecast is known: the outcome flatters the rule. Forecast `close`.",
        ForecastWarning,
        stacklevel=3,
    )


def _differences(
    returns: pd.DataFrame, level: float, seed: int
) -> tuple[Interval, Interval]:
    if len(returns) < MIN_SESSIONS:
        nothing = Interval(math.nan, math.nan, math.nan, level)
        return nothing, nothing
    own, market = returns[STRATEGY].to_numpy(), returns[HOLD].to_numpy()
    return difference_intervals(own, market, level=level, seed=seed)


def _outcome(
    positions: pd.DataFrame, mean: Interval
) -> Literal["beats", "loses", "noise", "idle", "too_few"]:
    if not positions.to_numpy().any():
        return "idle"
    if math.isnan(mean.estimate):
        return "too_few"
    if mean.includes(0.0):
        return "noise"
    return "beats" if mean.low > 0 else "loses"


def _percent(share: float) -> str:
    return f"{100 * share:.1f}%"
