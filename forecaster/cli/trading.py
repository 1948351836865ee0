"""Trading at the command line: its options, its table, and its sentence."""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from forecaster.cli.console import print_table

if TYPE_CHECKING:
    import pandas as pd

    from forecaster.trading import Trading

COLUMNS = (
    *("trading", "return", "a year", "volatility", "Sharpe", "95% from..to"),
    *("drawdown", "hits", "turnover", "trades"),
)
USUAL_COSTS = 5.0


class RuleName(enum.StrEnum):
    """How forecasts become positions, see `forecaster.trading_rules.Rule`."""

    SIGN = "sign"
    LONG_ONLY = "long_only"
    THRESHOLD = "threshold"
    SCALED = "scaled"


Trade = Annotated[
    bool,
    typer.Option("--trade", help="Tell what trading on the forecasts would have made."),
]
RuleChoice = Annotated[
    RuleName | None,
    typer.Option("--rule", help="Positions with --trade; sign if left out."),
]
Costs = Annotated[
    float | None,
    typer.Option(
        "--costs",
        min=0,
        max=9999,
        help="Basis points of what is traded with --trade; 5 if left out.",
    ),
]


@dataclass(frozen=True)
class TradeChoice:
    """What was asked for at the command line."""

    wanted: bool
    rule: RuleName | None
    costs: float | None

    def check(self) -> None:
        """Refuse a rule or costs where nothing is traded.

        Raises
        ------
        ConfigError
            With what to add.
        """
        from forecaster.errors import ConfigError

        if not self.wanted and (self.rule, self.costs) != (None, None):
            raise ConfigError(
                "--rule and --costs say how to trade on the forecasts. Add --trade, or "
                "leave them out."
            )

    def trade(self, predictions: pd.DataFrame, target: str) -> Trading | None:
        """Trade on a model's forecasts of `target`, if that was asked for."""
        from forecaster.trading import trade

        if not self.wanted:
            return None
        costs = USUAL_COSTS if self.costs is None else self.costs
        rule = str(self.rule or RuleName.SIGN)
        return trade(predictions, rule=rule, costs=costs, target=target)


def print_trading(trading: Trading | None) -> None:
    """Print what trading made beside buying and holding, and the sentence on it."""
    if trading is None:
        return
    rows = [
        {
            "trading": str(name).replace("_", " "),
            "return": _percent(row["total_return"]),
            "a year": _percent(row["yearly_return"]),
            "volatility": _percent(row["volatility"]),
            "Sharpe": _number(row["sharpe"]),
            "95% from..to": _span(row["sharpe_low"], row["sharpe_high"]),
            "drawdown": _percent(row["max_drawdown"]),
            "hits": _percent(row["hit_rate"]),
            "turnover": _number(row["turnover"]),
            "trades": f"{row['n_trades']:.0f}",
        }
        for name, row in trading.table.iterrows()
    ]
    n_sessions = len(trading.returns)
    title = f"{trading.rule}, costs of {trading.costs:g} basis points, {n_sessions}"
    typer.echo()
    print_table(rows, COLUMNS, f"{title} sessions")
    typer.echo(
        "volatility, Sharpe ratio and turnover a year; from..to: of the Sharpe ratio\n"
    )
    typer.echo(str(trading))


def _span(low: float, high: float) -> str:
    return "-" if math.isnan(low) else f"{low:.2f}..{high:.2f}"


def _number(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.2f}"


def _percent(share: float) -> str:
    return "-" if math.isnan(share) else f"{100 * share:.1f}%"
