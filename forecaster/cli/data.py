"""`forecaster data`: which prices there are, and what is wrong with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from forecaster.cli.console import guarded, new_app, print_json, print_table
from forecaster.cli.options import AsJson, PriceFile, complete_tickers

if TYPE_CHECKING:
    import pandas as pd

app = new_app("Show prices and what the checks say of them.")


@app.command("list")
@guarded
def list_command(as_json: AsJson = False) -> None:
    """List the embedded tickers with their range.

    Example:

      forecaster data list
    """
    from forecaster.data.sources import embedded_tickers, load_prices

    rows = [_facts(load_prices(ticker)) for ticker in embedded_tickers()]
    if as_json:
        print_json(rows)
    else:
        print_table(rows, ("ticker", "n_sessions", "first", "last", "source"))


@app.command("show")
@guarded
def show_command(
    ticker: Annotated[
        str | None,
        typer.Argument(metavar="[TICKER]", autocompletion=complete_tickers),
    ] = None,
    csv: PriceFile = None,
    calendar: Annotated[str, typer.Option(help="Exchange calendar.")] = "XNYS",
    as_json: AsJson = False,
) -> None:
    """Show a ticker's range, its last prices, and what the checks found.

    Examples
    --------
      forecaster data show GOOG

      forecaster data show --csv prices.csv
    """
    from forecaster.data.sources import load_prices

    if ticker is None and csv is None:
        raise typer.BadParameter("name a TICKER, or a file with --csv")
    prices = load_prices(ticker, path=csv, calendar=calendar)
    facts = _facts(prices)
    if as_json:
        print_json(facts)
        return
    typer.echo(
        f"{facts['ticker']} from {facts['source']}: {facts['n_sessions']} sessions, "
        f"{facts['first']} to {facts['last']}"
    )
    rows = [
        {"session": session.date()} | {str(k): f"{v:.10g}" for k, v in row.items()}
        for session, row in zip(
            prices.index[-5:], prices.tail(5).to_dict("records"), strict=True
        )
    ]
    print_table(rows, ("session", *prices.columns), "Last sessions")
    n_issues = len(facts["issues"])
    typer.echo(f"{n_issues} findings (see the warnings)" if n_issues else "no findings")


def _facts(prices: pd.DataFrame) -> dict[str, Any]:
    return {
        "ticker": prices.attrs["ticker"],
        "source": prices.attrs["source"],
        "n_sessions": len(prices),
        "first": str(prices.index[0].date()),
        "last": str(prices.index[-1].date()),
        "columns": list(prices.columns),
        "issues": prices.attrs["issues"],
    }
