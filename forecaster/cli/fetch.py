"""`forecaster fetch`: prices from the world into the store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forecaster.cli import console
from forecaster.cli.console import guarded, print_json, print_table, say
from forecaster.cli.options import AsJson, Offline, StoreDir
from forecaster.errors import EXIT_PARTLY, ForecasterError, SourceError

if TYPE_CHECKING:
    from forecaster.data.store import PriceStore
    from forecaster.data.updating import Update

COLUMNS = ("ticker", "event", "sessions", "first", "last", "source")


@guarded
def fetch_command(
    tickers: Annotated[list[str], typer.Argument(metavar="TICKER")],
    start: Annotated[
        str | None,
        typer.Option(metavar="DATE", help="First session wanted; else all."),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(help="yahoo or tiingo; else that of the stored prices, or yahoo."),
    ] = None,
    replace: Annotated[
        bool, typer.Option(help="Fetch all again, even from another source.")
    ] = False,
    offline: Offline = False,
    calendar: Annotated[
        str | None,
        typer.Option(help="Exchange; else that of the stored prices, or XNYS."),
    ] = None,
    store_dir: StoreDir = None,
    as_json: AsJson = False,
) -> None:
    """Fetch daily prices into the store, or bring stored ones up to date.

    One ticker's failure does not stop the others: the command then ends with code 5,
    or with the failure's own code if no ticker came through. Where a source failed and
    stored prices remain, they stay in use, and that counts as a failure too.

    Examples:

      forecaster fetch GOOG AAPL --start 2012-01-01

      forecaster fetch GOOG --source tiingo --json
    """
    from forecaster.data.store import PriceStore

    store = PriceStore(store_dir)
    wish = Wish(source, calendar, start, replace=replace, offline=offline)
    rows: list[dict[str, Any]] = []
    codes: list[int] = []
    for ticker in dict.fromkeys(tickers):
        try:
            update = _update(store, ticker, wish)
        except ForecasterError as error:
            codes.append(error.exit_code)
            rows.append(_failure(ticker, error))
            say(f"error: {error}")
        else:
            rows.append(_row(update))
            if update.event == "stale":
                codes.append(SourceError.exit_code)
            if update.event != "fresh":
                say(update.message)
    if as_json:
        print_json(rows)
    else:
        print_table(rows, COLUMNS, f"Stored prices in {store.folder}")
    if codes:
        raise typer.Exit(codes[0] if len(codes) == len(rows) else EXIT_PARTLY)


@dataclass(frozen=True)
class Wish:
    """What the command line asks for; what is absent, the stored prices say."""

    source: str | None
    calendar: str | None
    start: str | None
    replace: bool
    offline: bool


def _update(store: PriceStore, ticker: str, wish: Wish) -> Update:
    from forecaster.data.remote import open_source
    from forecaster.data.update import update_ticker

    former = next(iter(store.shelf(ticker).records()), None)
    source = wish.source or (former.source if former else "yahoo")
    return update_ticker(
        store,
        open_source(source, offline=wish.offline),
        ticker,
        now=console.now(),
        calendar=wish.calendar or (former.calendar if former else "XNYS"),
        start=wish.start,
        replace=wish.replace,
    )


def _failure(ticker: str, error: ForecasterError) -> dict[str, Any]:
    return {
        "ticker": ticker,
        "event": "failed",
        "message": str(error),
        "error": type(error).__name__,
        "exit_code": error.exit_code,
    }


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
