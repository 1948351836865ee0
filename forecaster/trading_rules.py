"""Trading rules: from a forecast to a position, by what is known at its origin."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import pandas as pd

from forecaster.arrays import FloatArray
from forecaster.errors import ConfigError

Kind = Literal["sign", "long_only", "threshold", "scaled"]
MIN_MOVES = 5
EVEN = 0.5


@dataclass(frozen=True)
class Rule:
    """How a forecast becomes a position between -1 and 1.

    Attributes
    ----------
    kind
        `sign`: long if the forecast lies above the price at the origin, short below.
        `long_only`: cash instead of short. `threshold`: as `sign`, but cash where the
        forecast return is within a bar. `scaled`: the forecast return over the
        volatility of the ticker's last `n_sessions` moves, at most 1 either way, and
        cash until 5 moves are known.
    multiple
        Of the costs or spread for the bar of `threshold`; of the ratio for `scaled`.
    beyond
        What sets the bar: `costs` of opening and closing a position, or `spread`, half
        the way between the outermost forecast quantiles.
    n_sessions
        Moves behind the volatility of `scaled`.
    """

    kind: Kind = "sign"
    multiple: float = 1.0
    beyond: Literal["costs", "spread"] = "costs"
    n_sessions: int = 20

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind) or self.beyond not in ("costs", "spread"):
            raise ConfigError(
                f"unknown rule {self.kind!r} beyond {self.beyond!r}. Choose from "
                f"{', '.join(get_args(Kind))}, beyond costs or spread."
            )
        if not 0 < self.multiple < math.inf or self.n_sessions < MIN_MOVES:
            raise ConfigError(
                f"need multiple above 0 and n_sessions at least {MIN_MOVES}; got "
                f"multiple={self.multiple}, n_sessions={self.n_sessions}"
            )

    def __str__(self) -> str:
        if self.kind == "threshold":
            return f"threshold {self.multiple:g} x {self.beyond}"
        if self.kind == "scaled":
            return f"scaled {self.multiple:g} over {self.n_sessions} sessions"
        return self.kind


def as_rule(rule: str | Rule) -> Rule:
    """Return a rule by its kind, with everything else as usual."""
    return rule if isinstance(rule, Rule) else Rule(rule)  # type: ignore[arg-type]


def positions_of(rows: pd.DataFrame, rule: Rule, cost: float) -> FloatArray:
    """Return the position that each row's forecast leads to.

    Parameters
    ----------
    rows
        Step 1 only, sorted by `ticker` and `session`: `predicted last_value move`, the
        move being the actual return, and perhaps quantiles and `probability_up`.
    cost
        Of one unit of turnover, as a share.

    Returns
    -------
    ndarray of shape (n_rows,)

    Raises
    ------
    ConfigError
        If the rule needs a forecast return or quantiles, and there are none.
    """
    foretold = (rows["predicted"] / rows["last_value"] - 1).to_numpy(float)
    if "probability_up" in rows:
        if rule.kind in ("threshold", "scaled"):
            raise ConfigError(
                f"the rule `{rule}` needs forecast prices, but these forecasts are of "
                "directions. Use `sign` or `long_only`."
            )
        foretold = rows["probability_up"].to_numpy(float) - EVEN
    sides: FloatArray = np.sign(foretold)
    if rule.kind == "long_only":
        sides = np.maximum(sides, 0.0)
    if rule.kind == "threshold":
        sides = np.where(np.abs(foretold) > _bar(rows, rule, cost), sides, 0.0)
    if rule.kind == "scaled":
        return _scaled(foretold, _volatility(rows, rule.n_sessions), rule.multiple)
    return sides


def _bar(rows: pd.DataFrame, rule: Rule, cost: float) -> FloatArray:
    if rule.beyond == "costs":
        return np.full(len(rows), rule.multiple * 2 * cost)
    levels = {}
    for name in map(str, rows.columns):
        if name.startswith("q") and name[1:].replace(".", "", 1).isdigit():
            levels[float(name[1:])] = name
    if len(levels) <= 1:
        raise ConfigError(
            f"the rule `{rule}` needs forecast quantiles, and there are none. Train "
            "with a quantile head, or set the bar by costs."
        )
    width = rows[levels[max(levels)]] - rows[levels[min(levels)]]
    bar: FloatArray = (rule.multiple * width / 2 / rows["last_value"]).to_numpy()
    return bar


def _volatility(rows: pd.DataFrame, n_sessions: int) -> FloatArray:
    """Return that of the moves before each row: its own is not known at its origin."""
    by_ticker = rows.groupby("ticker")["move"]
    known = by_ticker.transform(
        lambda moves: moves.shift().rolling(n_sessions, min_periods=MIN_MOVES).std()
    )
    return known.to_numpy(float)


def _scaled(
    foretold: FloatArray, volatility: FloatArray, multiple: float
) -> FloatArray:
    ratio = np.zeros_like(foretold)
    known = volatility > 0  # NaN, too few moves, is not
    np.divide(foretold, volatility, out=ratio, where=known)
    positions: FloatArray = np.clip(multiple * ratio, -1.0, 1.0)
    return positions
