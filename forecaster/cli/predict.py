"""`forecaster predict`: the sessions to come, of one ticker or of many."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forecaster.cli import console
from forecaster.cli.console import guarded, print_json
from forecaster.cli.ledger import Place
from forecaster.cli.options import (
    RUNS_DIR,
    AsJson,
    Offline,
    PriceFile,
    RunName,
    RunsDir,
    SourceName,
    complete_tickers,
    split_tickers,
)

if TYPE_CHECKING:
    from collections.abc import Collection

    from forecaster.cli.jobs import PriceChoice
    from forecaster.errors import ForecasterError
    from forecaster.forecast import Forecast
    from forecaster.forecasting import Forecaster
    from forecaster.ledger import Ledger

LEVEL = re.compile(r"0?\.[0-9]+")


@guarded
def predict_command(
    context: typer.Context,
    run: RunName = None,
    ticker: Annotated[
        list[str] | None,
        typer.Option(
            "--ticker",
            metavar="TICKER",
            help="Ticker symbol. Several with commas, or repeated.",
            autocompletion=complete_tickers,
        ),
    ] = None,
    csv: PriceFile = None,
    source: SourceName = None,
    offline: Offline = False,
    as_of: Annotated[
        str | None,
        typer.Option(
            metavar="DATE",
            help="Last date that may be known; the end of the prices if left out.",
        ),
    ] = None,
    horizon: Annotated[
        int | None, typer.Option(metavar="N", help="Sessions to forecast.")
    ] = None,
    level: Annotated[
        list[str] | None,
        typer.Option(
            metavar="LEVEL",
            help="Show the interval that holds the price with this probability, such "
            "as 0.9. May be followed by more, or repeated. If left out: 0.8 and 0.95, "
            "where the network's quantiles reach so far.",
        ),
    ] = None,
    record: Annotated[
        bool,
        typer.Option(
            "--record", help="Keep the forecasts in the ledger, to be scored later."
        ),
    ] = False,
    ledger: Place = None,
    runs_dir: RunsDir = RUNS_DIR,
    as_json: AsJson = False,
) -> None:
    """Forecast the sessions after the last known one, on real exchange dates.

    A ticker that fails does not stop the others: it is told, and its code ends the
    command.

    Examples:

      forecaster predict

      forecaster predict google --as-of 2017-12-29 --horizon 5

      forecaster predict google@production --csv prices.csv --json

      forecaster predict google-quantiles --level 0.8 0.9 0.95

      forecaster predict global-quantiles --ticker GOOG,AAPL,NVDA --record
    """
    from forecaster.cli.jobs import PriceChoice
    from forecaster.cli.tables import print_forecast
    from forecaster.data.calendar import as_day
    from forecaster.fans import read_levels, usual_levels
    from forecaster.registry.loading import load_model

    run, further = _further_levels(run, [*context.args])
    if further and not level:
        raise typer.BadParameter(f"what is meant by {' '.join(further)}?")
    wanted = {
        "horizon": horizon,
        "as_of": None if as_of is None else as_day(as_of).date(),
        "levels": read_levels([*(level or []), *further]),
    }
    if ledger is not None and not record and _was_typed(context, "ledger"):
        raise typer.BadParameter("--ledger wants --record beside it")
    forecaster, model = load_model(run, runs_dir, fast=True)
    if not as_json and not wanted["levels"]:  # for a person to read
        wanted["levels"] = usual_levels(forecaster.config)
    if record:
        _open_ledger(ledger).close()  # before anything is forecast in vain
    names, choice = split_tickers(ticker), PriceChoice(None, csv, source, offline)
    if len(names) > 1:
        forecasts, errors = _forecast_many(forecaster, names, choice, wanted)
    else:
        forecasts, errors = _forecast_one(forecaster, names, choice, wanted), {}
    recorded = None
    if record and forecasts:
        recorded = _record(forecaster, forecasts, model, ledger, errors)
    if as_json:
        print_json(_document(forecasts, errors, recorded, alone=len(names) < 2))  # noqa: PLR2004
    else:
        for forecast in forecasts:
            print_forecast(forecast)
        if recorded is not None:
            typer.echo(_note(recorded))
    _end(errors)


def _was_typed(context: typer.Context, name: str) -> bool:
    """Return whether an option comes from the command line, not the environment."""
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def _further_levels(run: str | None, words: list[str]) -> tuple[str | None, list[str]]:
    """Return the run that is meant, and the numbers that stand behind a level.

    >>> _further_levels("0.9", ["0.95"]), _further_levels("google", ["0.9"])
    ((None, ['0.9', '0.95']), ('google', ['0.9']))
    """
    if run is not None and LEVEL.fullmatch(run):
        return None, [run, *words]
    return run, words


def _forecast_one(
    forecaster: Forecaster,
    names: list[str],
    choice: PriceChoice,
    wanted: dict[str, Any],
) -> list[Forecast]:
    from forecaster.cli.jobs import prices_for
    from forecaster.doubts import warn_if_lost

    config = forecaster.config
    prices = prices_for(config, replace(choice, ticker=names[0] if names else None))
    if choice.is_own_file(config) and wanted["as_of"] is None:
        warn_if_lost(prices, forecaster.trained_on, config)
    return [forecaster.predict(prices, **wanted)]


def _forecast_many(
    forecaster: Forecaster,
    names: list[str],
    choice: PriceChoice,
    wanted: dict[str, Any],
) -> tuple[list[Forecast], dict[str, ForecasterError]]:
    """Forecast many tickers in one call; return the errors of those that failed."""
    from forecaster.cli.jobs import prices_for, refuse_one_file
    from forecaster.errors import DamagedStore, DataError, SourceError

    refuse_one_file(choice.path, names)
    errors: dict[str, ForecasterError] = {}
    prices = {}
    for name in names:
        try:
            prices[name] = prices_for(forecaster.config, replace(choice, ticker=name))
        except (DataError, SourceError, DamagedStore) as error:
            errors[name] = error
    forecasts = forecaster.predict_many(prices, errors=errors, **wanted)
    return list(forecasts.values()), errors


def _record(
    forecaster: Forecaster,
    forecasts: Collection[Forecast],
    model: str,
    place: str | None,
    errors: dict[str, ForecasterError],
) -> dict[str, Any]:
    """Record forecasts; a ticker that the ledger refuses gets an error."""
    from forecaster.ledger.recording import record_forecasts

    with _open_ledger(place) as opened:
        n_new = record_forecasts(
            opened,
            forecasts,
            forecaster.config,
            model=model,
            now=console.now(),
            errors=errors,
        )
        return {"ledger": opened.place, "model": model, "n_new": n_new}


def _open_ledger(place: str | None) -> Ledger:
    from forecaster.ledger import Ledger

    return Ledger.open(place)


def _note(recorded: dict[str, Any]) -> str:
    n_new = recorded["n_new"]
    what = f"{n_new} new rows" if n_new else "up to date"
    return f"ledger: {recorded['ledger']}: {what}"


def _document(
    forecasts: list[Forecast],
    errors: dict[str, ForecasterError],
    recorded: dict[str, Any] | None,
    *,
    alone: bool,
) -> dict[str, Any]:
    more = {} if recorded is None else {"recorded": recorded}
    if alone:
        return forecasts[0].to_dict() | more
    failed = {name: str(error) for name, error in errors.items()}
    made = [forecast.to_dict() for forecast in forecasts]
    return {"forecasts": made, "failed": failed, **more}


def _end(errors: dict[str, ForecasterError]) -> None:
    """Tell what failed, and end the command so; nothing if nothing did."""
    from forecaster.errors import EXIT_PARTLY

    for name, error in errors.items():
        named = str(error).startswith(f"{name}:")
        console.say(f"error: {error}" if named else f"error: {name}: {error}")
    if errors:
        raise typer.Exit(EXIT_PARTLY)
