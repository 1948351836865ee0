"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def complete_runs(context: typer.Context, incomplete: str) -> list[str]:
    """Return the finished runs that begin with what was typed."""
    folder = Path(context.params.get("runs_dir") or "runs")
    names = sorted(path.parent.name for path in folder.glob("*/run.json"))
    return [name for name in names if name.startswith(incomplete)]


def complete_configs(incomplete: str) -> list[str]:
    """Return the shipped settings that begin with what was typed."""
    from forecaster.config import list_configs

    return [name for name in list_configs() if name.startswith(incomplete)]


def split_tickers(words: list[str] | None) -> list[str]:
    """Return the tickers of a repeated option, with or without commas, each once.

    >>> split_tickers(["goog,aapl", "GOOG"]), split_tickers(None)
    (['GOOG', 'AAPL'], [])
    """
    names = (name.strip().upper() for word in words or [] for name in word.split(","))
    return list(dict.fromkeys(name for name in names if name))


def complete_tickers(incomplete: str) -> list[str]:
    """Return the embedded tickers that begin with what was typed."""
    from forecaster.data.embedded import embedded_tickers

    return [name for name in embedded_tickers() if name.startswith(incomplete.upper())]


def changes_of(overrides: list[str] | None, calendar: str | None) -> list[str]:
    """Return the changed settings, with the calendar that an option of its own names.

    >>> changes_of(["training.seed=1"], "XLON"), changes_of(None, None)
    (['training.seed=1', 'data.calendar=XLON'], [])
    """
    chosen = [] if calendar is None else [f"data.calendar={calendar}"]
    return [*(overrides or []), *chosen]


AsJson = Annotated[
    bool, typer.Option("--json", help="Print one JSON document to stdout.")
]
RunsDir = Annotated[
    Path,
    typer.Option(envvar="FORECASTER_RUNS", help="Folder that holds the runs."),
]
RunName = Annotated[
    str | None,
    typer.Argument(
        metavar="RUN",
        help="Name or folder of a run, a bundle, or a registered model such as "
        "google@production; the newest run if left out.",
        autocompletion=complete_runs,
    ),
]
ConfigName = Annotated[
    str,
    typer.Argument(
        metavar="CONFIG",
        help="Shipped settings by name, or a TOML file.",
        autocompletion=complete_configs,
    ),
]
Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="SECTION.SETTING=VALUE",
        help="Change a setting, such as window.lookback=30. May be repeated.",
    ),
]
Ticker = Annotated[
    str | None,
    typer.Option(help="Ticker symbol.", autocompletion=complete_tickers),
]
PriceFile = Annotated[
    Path | None,
    typer.Option(
        "--csv",
        metavar="FILE",
        help="Your own prices, CSV or Parquet, or a folder of such files.",
    ),
]
SourceName = Annotated[
    str | None,
    typer.Option(
        "--source",
        help="embedded, yahoo or tiingo; else what the settings say.",
        autocompletion=lambda incomplete: [
            name for name in SOURCES if name.startswith(incomplete)
        ],
    ),
]
Offline = Annotated[
    bool, typer.Option("--offline", help="Use stored prices; open no connection.")
]
RequireSkill = Annotated[
    bool,
    typer.Option(
        "--require-skill",
        help="End with code 11 unless the model beats the best baseline (on pinball "
        "loss if it has quantiles); all is kept.",
    ),
]
StoreDir = Annotated[
    Path | None,
    typer.Option(help="Folder of stored prices; else $FORECASTER_DATA or your own."),
]
Calendar = Annotated[
    str,
    typer.Option(metavar="CODE", help="Exchange of the prices: XNYS, XLON, 24/7 ..."),
]
CalendarChange = Annotated[
    str | None,
    typer.Option(
        "--calendar",
        metavar="CODE",
        help="Set data.calendar: exchange of the prices, such as XLON or 24/7.",
    ),
]
SOURCES = ("embedded", "yahoo", "tiingo")
RUNS_DIR = Path("runs")
