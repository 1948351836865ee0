"""`forecaster fetch`: prices from the world into the store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from forecaster.cli import console
from forecaster.cli.console import guarded, print_json, print_table, say
from forecaster.cli.options import AsJson, Calendar, Offline, StoreDir
from forecaster.errors import EXIT_PARTLY, ForecasterError

if TYPE_CHECKING:
    from forecaster.data.updating import Update

COLUMNS = ("ticker", "event", "sessions", "first", "last", "source")


@guarded
def fetch_command(
    tickers: Annotated[list[str], typer.Argument(metavar="TICKER")],
    start: Annotated[
        str | None,
        typer.Option(metavar="DATE", help="First session wanted; else all."),
    ] = None,
    source: Annotated[str, typer.Option(help="yahoo or tiingo.")] = "yahoo",
    replace: Annotated[
        bool, typer.Option(help="Fetch all again, even from another source.")
    ] = False,
    offline: Offline = False,
    calendar: Calendar = "XNYS",
    store_dir: StoreDir = None,
    as_json: AsJson = False,
) -> None:
    """Fetch daily prices into the store, or bring stored ones up to date.

    One ticker's failure does not stop the others: the command then ends with code 5,
    or with the failure's own code if no ticker came through.

    Examples:

      forecaster fetch GOOG AAPL --start 2012-01-01

      forecaster fetch GOOG --source tiingo --json
    """
    from forecaster.data.remote import open_source
    from forecaster.data.store import PriceStore
    from forecaster.data.update import update_ticker

    store, asked = PriceStore(store_dir), open_source(source, offline=offline)
    rows: list[dict[str, Any]] = []
    failures: list[ForecasterError] = []
    for ticker in dict.fromkeys(tickers):
        try:
            update = update_ticker(
                store,
                asked,
                ticker,
                now=console.now(),
                calendar=calendar,
                start=start,
                replace=replace,
            )
        except ForecasterError as error:
            failures.append(error)
            rows.append({"ticker": ticker, "event": "failed", "message": str(error)})
            say(f"error: {error}")
        else:
            rows.append(_row(update))
            if update.event != "fresh":
                say(update.message)
    if as_json:
        print_json(rows)
    else:
        print_table(rows, COLUMNS, f"Stored prices in {store.folder}")
    if failures:
        whole = len(failures) == len(rows)
        raise typer.Exit(failures[0].exit_code if whole else EXIT_PARTLY)


def _row(update: Update) -> dict[str, Any]:
    version = update.version
    return {
        "ticker": update.ticker,
        "event": update.event,
        "sessions": version.n_sessions,
        "first": version.first_session,
        "last": version.last_session,
        "source": version.source,
        "message": update.message,
    }
