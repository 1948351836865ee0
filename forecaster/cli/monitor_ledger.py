"""`forecaster monitor --ledger`: what live scores say of each model and ticker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from forecaster.cli.console import print_json, print_table, say

if TYPE_CHECKING:
    from collections.abc import Collection

    from forecaster.ledger import Ledger

MODELS = (
    *("model", "tickers", "origins", "ratio", "95% interval", "p", "outcome"),
    *("ok", "watch", "refit", "verdict"),
)
TICKERS = (
    *("ticker", "model", "origins", "through", "ratio", "p", "p of rise"),
    *("inside", "verdict"),
)
NOTE = (
    "ratio: RMSE to last value; p: of equal errors, and of a lasting rise, adjusted\n"
    "for the number of tickers (Holm); of a model: over the daily means of its tickers"
)


def watch_ledger(
    place: str,
    tickers: Collection[str],
    model: str | None,
    since: str | None,
    *,
    as_json: bool,
) -> tuple[str, str]:
    """Watch a ledger, print the report, and return the verdict and whose it is.

    Raises
    ------
    DataError
        If it holds no forecasts of these tickers and this model.
    """
    from forecaster.ledger import Ledger
    from forecaster.ledger.showing import plain

    with Ledger.open(place, create=False) as ledger:
        _require_forecasts(ledger, tickers, model)
        report = ledger.watch(tickers=tickers or None, model=model, since=since)
        place = ledger.place
    models, own = plain(report.models), plain(report.tickers)
    if not report.n_scored:
        say(
            f"warning: {place} holds no prices that came yet: `forecaster score "
            "--source NAME` reads and stores them"
        )
    if as_json:
        facts: dict[str, Any] = {"ledger": place, "verdict": report.verdict}
        facts["idle"] = [*report.idle]
        print_json(facts | {"models": models, "tickers": own})
    else:
        _print(models, own, place)
        if report.idle:
            names = ", ".join(report.idle)
            typer.echo(f"no longer forecast, and not watched: {names}")
        typer.echo(f"verdict: {report.verdict}")
    return report.verdict, place


def _require_forecasts(
    ledger: Ledger, tickers: Collection[str], model: str | None
) -> None:
    """Refuse a wrong name, which would be ok for ever."""
    from forecaster.data.store import stored_name
    from forecaster.errors import DataError

    known = list(dict.fromkeys(ledger.runs()["model"]))
    if model is not None and model not in known:
        raise DataError(
            f"{ledger.place} holds no forecasts of the model {model}. It knows "
            f"{', '.join(known) or 'none'}."
        )
    held = set(ledger.awaited(tickers=tickers or None, model=model)["ticker"])
    missing = [name for name in map(stored_name, tickers) if name not in held]
    if missing or not held:
        whose = f" of {', '.join(missing)}" if missing else ""
        raise DataError(
            f"{ledger.place} holds no forecasts{whose}. See `forecaster ledger show`; "
            "`forecaster predict --record` writes some."
        )


def _print(
    models: list[dict[str, Any]], tickers: list[dict[str, Any]], place: str
) -> None:
    order = ("refit", "watch", "ok")
    worst_first = sorted(tickers, key=lambda row: order.index(row["state"]))
    print_table([_model_row(row) for row in models], MODELS, place)
    print_table([_ticker_row(row) for row in worst_first], TICKERS)
    typer.echo(f"{NOTE}\n")
    for row in (*models, *worst_first):
        for sentence in row["reasons"]:
            whose = (
                f"{row['ticker']} {row['model']}" if "ticker" in row else row["model"]
            )
            typer.echo(f"- {whose}: {sentence}")


def _model_row(row: dict[str, Any]) -> dict[str, str]:
    from forecaster.ledger.showing import cell

    low, high = row["rmse_ratio_low"], row["rmse_ratio_high"]
    interval = "" if low is None else f"{low:.4g} to {high:.4g}"
    first = [cell(row[name]) for name in ("model", "n_tickers", "n_origins")]
    ratio, p_value = _short(row["rmse_ratio"]), _short(row["p_adjusted"])
    names = ("outcome", "n_ok", "n_watch", "n_refit", "state")
    rest = [cell(row[name]) for name in names]
    return dict(zip(MODELS, [*first, ratio, interval, p_value, *rest], strict=True))


def _ticker_row(row: dict[str, Any]) -> dict[str, str]:
    from forecaster.ledger.showing import cell, shares_inside

    first = [cell(row[name]) for name in ("ticker", "model", "n_origins", "through")]
    names = ("rmse_ratio", "p_adjusted", "drift_p_adjusted")
    numbers = [_short(row[name]) for name in names]
    cells = [*first, *numbers, shares_inside(row), str(row["state"])]
    return dict(zip(TICKERS, cells, strict=True))


def _short(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"
