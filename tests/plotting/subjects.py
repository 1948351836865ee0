"""What figures are drawn of in tests: small, made up, and the same everywhere.

No random numbers and no network: another library version must not move a line.
"""

from datetime import date

import numpy as np
import pandas as pd

from forecaster.attributions import Attributions
from forecaster.backtest_scores import score_backtest
from forecaster.calibration import Interval
from forecaster.diagnostics import gains_by_origin
from forecaster.evaluation import Spread, evaluate_forecasts
from forecaster.folds import Fold
from forecaster.forecast import Forecast
from forecaster.intervals import Interval as Estimate
from forecaster.lag import Lag
from forecaster.models.baselines import Outlook
from forecaster.reliability import coverage_by_year as held_by_year
from forecaster.verdict import Verdict

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
REACH = np.array([-1.6, -0.7, 0.0, 0.7, 1.6])


def wave(n: int, phase: float = 0.0) -> np.ndarray:
    """Return returns that look like noise, from sines whose periods do not fit."""
    time = np.arange(n)
    return 0.01 * (np.sin(2.1 * time + phase) + np.sin(5.7 * time * (1 + phase / 50)))


def prices(n: int = 90) -> pd.DataFrame:
    """Return a price frame."""
    close = 100 * np.exp(np.cumsum(wave(n)))
    opened = close * np.exp(wave(n, 1.0) / 3)
    frame = pd.DataFrame(
        {
            "open": opened,
            "high": np.maximum(opened, close) * 1.004,
            "low": np.minimum(opened, close) * 0.996,
            "close": close,
            "volume": 1000.0,
        },
        index=pd.bdate_range("2024-01-02", periods=n, name="session"),
    )
    frame.attrs = {"ticker": "TEST"}
    return frame


def evaluation(n: int = 60, horizon: int = 2, *, quantiles: bool = True):
    """Return an evaluation of the last sessions of `prices`."""
    table = prices(n + horizon + 20)
    close, days = table["close"].to_numpy(), table.index.to_numpy()
    places = 19 + np.arange(n)
    steps = places[:, None] + 1 + np.arange(horizon)
    actual = close[steps]
    known = close[places]
    predicted = known[:, None] * np.exp(wave(n * horizon, 2.0).reshape(n, horizon) / 2)
    width = 0.012 * np.sqrt(1 + np.arange(horizon))[:, None] * REACH
    spread = Spread(LEVELS, predicted[..., None] * np.exp(width))
    drift = Outlook(known[:, None] * (1 + 0.001 * np.arange(1, horizon + 1)))
    return evaluate_forecasts(
        predicted,
        actual,
        origin_price=known,
        history=close[:20],
        origins=days[places],
        sessions=days[steps],
        labels={
            "ticker": "TEST",
            "target": "close",
            "trained_until": pd.Timestamp(days[15]),
        },
        baselines={"drift": drift},
        spread=spread if quantiles else None,
    )


def forecast(*, paths: bool = True) -> Forecast:
    """Return a forecast of five sessions after the 70th of `prices`."""
    table = prices()
    last = float(table["close"].iloc[69])
    reach = np.sqrt(np.arange(1, 6))
    price = last * (1 + 0.002 * np.arange(1, 6))
    ways = np.array([last * np.exp(np.cumsum(wave(5, k))) for k in range(12)])
    return Forecast(
        ticker="TEST",
        target="close",
        origin=table.index[69],
        last_price=last,
        sessions=pd.DatetimeIndex(table.index[70:75]),
        price=price,
        intervals={
            0.5: Interval(price - 0.6 * reach, price + 0.6 * reach),
            0.9: Interval(price - 1.5 * reach, price + 1.5 * reach),
        },
        paths=ways if paths else None,
    )


def backtest(tickers=("AAA", "BBB"), n: int = 60, *, quantiles: bool = True):
    """Return a backtest of two folds, in two years, with one baseline beside it."""
    parts = []
    days = pd.bdate_range("2023-11-01", periods=n + 1)
    for number, ticker in enumerate(tickers):
        close = 50 * np.exp(np.cumsum(wave(n + 1, 3.0 * number)))
        for model, share in (("model", 0.5), ("last_value", 0.0), ("drift", -0.3)):
            predicted = close[:-1] * np.exp(share * np.diff(np.log(close)))
            columns = {
                "ticker": ticker,
                "fold": np.where(np.arange(n) < n // 2, 1, 2),
                "origin": days[:-1],
                "session": days[1:],
                "step": 1,
                "model": model,
                "actual": close[1:],
                "predicted": predicted,
                "last_value": close[:-1],
            }
            width = 0.008 if model == "model" else 0.02
            if quantiles:
                columns |= {
                    f"q{level:g}": predicted * np.exp(width * reach)
                    for level, reach in zip(LEVELS, REACH, strict=True)
                }
            parts.append(pd.DataFrame(columns))
    return score_backtest(pd.concat(parts, ignore_index=True))


def walk() -> pd.DataFrame:
    """Return the rows of one ticker of a backtest, in two folds."""
    rows = backtest(("AAA",)).frame.query("model == 'model'").copy()
    rows["fold"] = 1 + (np.arange(len(rows)) >= len(rows) // 2)
    return rows


def gains() -> pd.DataFrame:
    return gains_by_origin(backtest())


def coverage_by_year() -> pd.DataFrame:
    return held_by_year(backtest())


def folds() -> list[Fold]:
    """Return four folds, of which each training serves two."""
    return [
        Fold(
            number,
            number - (number - 1) % 2,
            date(2015, 1, 2),
            date(2018 + (number - 1) // 2 * 2, 12, 31),
            date(2018 + number, 1, 2),
            date(2018 + number, 12, 31),
        )
        for number in range(1, 5)
    ]


def verdicts() -> dict[str, Verdict]:
    """Return one verdict of each outcome, and one without an interval."""
    return {
        "AAA": Verdict("beats", 0.95, 0.01, 200, "garch", 0.92, 0.98),
        "BBB": Verdict("ties", 1.01, 0.6, 200, "garch", 0.97, 1.05),
        "CCC": Verdict("loses", 1.08, 0.001, 200, "garch", 1.04, 1.12),
        "DDD": Verdict("ties", 0.99, float("nan"), 5, "garch"),
    }


def lag() -> Lag:
    """Return a lag of two sessions."""
    return Lag("lags", 1, 2, Estimate(0.01, -0.1, 0.12, 0.95), -0.2, 1.1, 200)


def history(n: int = 12) -> pd.DataFrame:
    """Return a history of a training that watched its gradients."""
    epoch = np.arange(1, n + 1)
    columns = {
        "epoch": epoch,
        "loss": 0.5 / epoch,
        "val_loss": 0.6 / np.sqrt(epoch),
        "gradient/lstm_1": 0.1 / epoch**2,
        "gradient/lstm_2": 0.3 / epoch,
        "gradient/output": 1 / np.sqrt(epoch),
    }
    return pd.DataFrame(columns)


def histories() -> dict[str, pd.DataFrame]:
    """Return histories of three trainings, of different lengths."""
    found = {}
    for number, n in ((1, 14), (2, 9), (3, 12)):
        epoch = np.arange(1, n + 1)
        columns = {"loss": 0.5 / epoch / number, "val_loss": 0.4 / epoch**0.3 / number}
        found[f"fold-{number}"] = pd.DataFrame({"epoch": epoch, **columns})
    return found


def coverage() -> pd.DataFrame:
    """Return coverages that no forecasts have: figures draw what they are given."""
    return pd.DataFrame(
        {
            "level": [0.5, 0.8, 0.95],
            "observed": [0.61, 0.77, 0.9],
            "low": [0.45, 0.75, 0.92],
            "high": [0.55, 0.85, 0.98],
            "n_origins": 250,
        }
    )


def pit() -> pd.DataFrame:
    """Return a histogram that need not sum to one."""
    table = pd.DataFrame(
        {
            "left": [0.0, 0.1, 0.5, 0.9],
            "right": [0.1, 0.5, 0.9, 1.0],
            "density": [1.7, 0.8, 0.9, 1.4],
            "low": [0.6, 0.8, 0.8, 0.6],
            "high": [1.4, 1.2, 1.2, 1.4],
            "n_origins": 250,
        }
    )
    table.attrs["p_value"] = 0.003
    return table


def errors() -> pd.DataFrame:
    """Return errors of five steps, with an interval of the model alone."""
    steps = np.arange(1, 6)
    parts = []
    for name, factor in (("model", 0.9), ("last_value", 1.0), ("drift", 1.07)):
        rmse = factor * np.sqrt(steps)
        spread = 0.1 * rmse if name == "model" else np.nan
        columns = {"step": steps, "rmse": rmse, "low": rmse - spread}
        parts.append(pd.DataFrame({"forecast": name, **columns, "high": rmse + spread}))
    table = pd.concat(parts, ignore_index=True)
    table.attrs["unit"] = "US dollars"
    return table


def correlations() -> pd.DataFrame:
    """Return correlations by shift."""
    centre = np.array([0.05, -0.5, -0.3, -0.1])
    return pd.DataFrame(
        {
            "shift": range(4),
            "correlation": centre,
            "low": centre - 0.1,
            "high": centre + 0.15,
        }
    )


def residuals() -> pd.DataFrame:
    """Return what forecasts missed."""
    return pd.DataFrame(
        {
            "session": pd.bdate_range("2024-01-02", periods=60),
            "model": 100 * wave(60) + 1,
            "last_value": 60 * wave(60, 1.0),
        }
    )


def importance() -> pd.DataFrame:
    """Return the importance of three inputs."""
    table = pd.DataFrame(
        {
            "feature": ["close", "volume", "weekday"],
            "kind": ["past", "past", "known"],
            "ratio": [1.4, 1.05, 0.99],
            "ratio_spread": [0.1, 0.02, 0.01],
        }
    )
    facts = {"ticker": "TEST", "target": "close", "loss": "RMSE", "n_repeats": 5}
    table.attrs = {**facts, "n_folds": 2, "n_windows": 100}
    return table


def attributions() -> Attributions:
    """Return what two inputs of six sessions add, the newest most."""
    random = np.random.default_rng(3)
    share = np.linspace(0.1, 1, 6)[:, None] * np.array([1.0, 0.4])
    days = prices().index[10:25].to_numpy()
    return Attributions(
        ticker="TEST",
        target="close",
        baseline="mean",
        features=("log_return", "range"),
        origins=days,
        values=random.normal(0, 0.01, (len(days), 6, 2)) * share,
        currency=None,
        forecast=np.full(len(days), 0.2),
        baseline_forecast=np.full(len(days), 0.1),
    )
