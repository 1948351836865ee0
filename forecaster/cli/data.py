"""`forecaster data`: which prices there are, and what is wrong with them."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forecaster.cli import console
from forecaster.cli.console import guarded, new_app, print_json, print_table
from forecaster.cli.options import (
    AsJson,
    Calendar,
    Offline,
    PriceFile,
    SourceName,
    StoreDir,
    complete_tickers,
)
from forecaster.errors import DamagedStore, DataError, PriceWarning

if TYPE_CHECKING:
    import pandas as pd

    from forecaster.data.store import PriceStore

app = new_app(
    "Show prices, what the checks say of them, and the store of fetched ones."
)
TickerArgument = Annotated[
    str, typer.Argument(metavar="TICKER", autocompletion=complete_tickers)
]
OptionalTicker = Annotated[
    str | None,
    typer.Argument(metavar="TICKER", autocompletion=complete_tickers),
]


@app.command("list")
@guarded
def list_command(store_dir: StoreDir = None, as_json: AsJson = False) -> None:
    """List the embedded and the stored tickers with their range.

    Stored prices are not read, only what was noted of them. A ticker with a damaged or
    unreadable record has `unusable` for its source.

    Example:

      forecaster data list
    """
    from forecaster.data.embedded import embedded_tickers
    from forecaster.data.sources import load_prices
    from forecaster.data.store import PriceStore

    rows = [_facts(load_prices(ticker)) for ticker in embedded_tickers()]
    store = PriceStore(store_dir)
    rows += [_stored_facts(store, ticker) for ticker in store.list_tickers()]
    if as_json:
        print_json(rows)
    else:
        columns = ("ticker", "n_sessions", "first", "last", "source")
        print_table(
            [{k: v for k, v in row.items() if v is not None} for row in rows], columns
        )


@app.command("show")
@guarded
def show_command(
    ticker: OptionalTicker = None,
    csv: PriceFile = None,
    source: SourceName = None,
    as_of: Annotated[
        str | None,
        typer.Option(metavar="DATE", help="Last date known, adjustments included."),
    ] = None,
    offline: Offline = False,
    calendar: Calendar = "XNYS",
    store_dir: StoreDir = None,
    as_json: AsJson = False,
) -> None:
    """Show a ticker's range, its last prices, and what the checks found.

    Examples:

      forecaster data show GOOG

      forecaster data show AAPL --source yahoo --as-of 2020-08-28

      forecaster data show --csv prices.csv
    """
    from forecaster.data.sources import EMBEDDED, load_prices
    from forecaster.data.store import PriceStore

    if ticker is None and csv is None:
        raise typer.BadParameter("name a TICKER, or a file with --csv")
    prices = load_prices(
        ticker,
        source=source or EMBEDDED,
        path=csv,
        calendar=calendar,
        as_of=as_of,
        offline=offline,
        store=PriceStore(store_dir),
        now=console.now(),
    )
    facts = _facts(prices)
    if as_json:
        print_json(facts)
        return
    typer.echo(
        f"{facts['ticker']} from {facts['source']}: {facts['n_sessions']} sessions, "
        f"{facts['first']} to {facts['last']}"
    )
    print_table(_last_rows(prices), ("session", *prices.columns), "Last sessions")
    n_issues = len(facts["issues"])
    noun = "finding" if n_issues == 1 else "findings"
    typer.echo(f"{n_issues} {noun} (see the warnings)" if n_issues else "no findings")


@app.command("history")
@guarded
def history_command(
    ticker: TickerArgument, store_dir: StoreDir = None, as_json: AsJson = False
) -> None:
    """List the stored versions of a ticker, newest first.

    Example:

      forecaster data history GOOG
    """
    from dataclasses import asdict

    from forecaster.data.store import PriceStore

    store = PriceStore(store_dir)
    versions = [asdict(version) for version in store.versions(ticker)]
    if as_json:
        print_json(versions)
        return
    rows = [{**version, "version": version["sha256"][:16]} for version in versions]
    columns = ("stored_at", "event", "n_sessions", "last_session", "source", "version")
    print_table(rows, columns)


@app.command("verify")
@guarded
def verify_command(
    ticker: OptionalTicker = None, store_dir: StoreDir = None, as_json: AsJson = False
) -> None:
    """Read every stored version and say what is damaged; nothing is changed.

    Example:

      forecaster data verify
    """
    from forecaster.data.store import PriceStore

    store = PriceStore(store_dir)
    problems = store.verify(ticker)
    if problems:
        found = "; ".join(f"{p.ticker} {p.file}: {p.message}" for p in problems)
        raise DamagedStore(
            f"{len(problems)} problems in {store.folder}: {found}. The newest whole "
            "version is used, if there is one; `forecaster fetch` makes a new one."
        )
    names = _names(store, ticker)
    if as_json:
        print_json({"folder": str(store.folder), "verified": names, "problems": []})
    else:
        typer.echo(f"{store.folder}: {len(names)} tickers are as they were written")


@app.command("prune")
@guarded
def prune_command(
    ticker: OptionalTicker = None,
    keep: Annotated[int, typer.Option(help="Versions to keep of each ticker.")] = 10,
    store_dir: StoreDir = None,
    as_json: AsJson = False,
) -> None:
    """Delete old versions; the current one and the one before it always stay.

    Example:

      forecaster data prune GOOG --keep 5
    """
    from forecaster.data.store import PriceStore

    store = PriceStore(store_dir)
    names = _names(store, ticker)
    pruned = {name: list(store.prune(name, keep=keep)) for name in names}
    if as_json:
        print_json(pruned)
    else:
        n_deleted = sum(map(len, pruned.values()))
        typer.echo(f"deleted {n_deleted} versions of {len(names)} tickers")


def _names(store: PriceStore, ticker: str | None) -> tuple[str, ...]:
    return store.list_tickers() if ticker is None else (store.shelf(ticker).ticker,)


def _stored_facts(store: PriceStore, ticker: str) -> dict[str, Any]:
    """Return a row on a stored ticker, whatever state it is in."""
    try:
        version = store.current(ticker)
    except DataError as error:
        warnings.warn(str(error), PriceWarning, stacklevel=2)
        facts = dict.fromkeys(("n_sessions", "first", "last"))
        return {"ticker": ticker, **facts, "source": "unusable", "problem": str(error)}
    return {
        "ticker": version.ticker,
        "n_sessions": version.n_sessions,
        "first": version.first_session,
        "last": version.last_session,
        "source": version.source,
    }


def _last_rows(prices: pd.DataFrame) -> list[dict[str, object]]:
    rows = zip(prices.index[-5:], prices.tail(5).to_dict("records"), strict=True)
    return [
        {"session": session.date()} | {str(k): f"{v:.10g}" for k, v in row.items()}
        for session, row in rows
    ]


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
