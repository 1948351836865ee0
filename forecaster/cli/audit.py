"""`forecaster audit`: the proof that nothing leaks with these settings."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Annotated

import typer

from forecaster.cli.console import guarded, print_json, say
from forecaster.cli.options import (
    AsJson,
    CalendarChange,
    ConfigName,
    Offline,
    Overrides,
    PriceFile,
    SourceName,
    Ticker,
    changes_of,
)

if TYPE_CHECKING:
    from forecaster.audit.findings import Audit

WIDTH = 100


@guarded
def audit_command(
    config: ConfigName = "google",
    ticker: Ticker = None,
    csv: PriceFile = None,
    source: SourceName = None,
    offline: Offline = False,
    calendar: CalendarChange = None,
    overrides: Overrides = None,
    epochs: Annotated[
        int,
        typer.Option(
            min=0, help="Epochs of each of the five short trainings; 0 trains nothing."
        ),
    ] = 2,
    quiet: Annotated[bool, typer.Option(help="Show no progress.")] = False,
    as_json: AsJson = False,
) -> None:
    """Prove by experiment that no later price reaches an earlier result.

    Changes all prices after a cut-off and demands that scaler, windows, weights and
    forecasts before it are bit-identical; trains the network of the settings five
    times, briefly. Ends with exit code 8 if anything leaks, and names it.

    Examples:

      forecaster audit google

      forecaster audit my.toml --csv prices.csv --json
    """
    from forecaster.audit.run import audit_pipeline
    from forecaster.cli.jobs import PriceChoice, load_job
    from forecaster.errors import LeakFound

    choice = PriceChoice(ticker, csv, source, offline)
    settings, prices = load_job(config, changes_of(overrides, calendar), choice)
    audit = audit_pipeline(prices, settings, epochs=epochs, tell=None if quiet else say)
    if as_json:
        print_json(audit.to_dict())
    else:
        _report(audit)
    try:
        audit.require_clean()
    except LeakFound as leak:
        # Not left to the guard: with --json the audit itself is the one document.
        say(f"error: {leak}")
        raise typer.Exit(leak.exit_code) from None


def _report(audit: Audit) -> None:
    width = max(len(check.name) for check in audit.checks)
    typer.echo(f"Audit of {audit.name}\n")
    for check in audit.checks:
        head = f"{'ok' if check.passed else 'LEAK':5} {check.name:{width}}  "
        typer.echo(_wrapped(check.detail, head))
    typer.echo("\nTried:")
    for sentence in audit.tried:
        typer.echo(_wrapped(sentence, "- "))
    typer.echo("\nNot proved:")
    for sentence in audit.not_proved:
        typer.echo(_wrapped(sentence, "- "))
    if audit.passed:
        typer.echo(f"\nNo leak in {len(audit.checks)} checks.")


def _wrapped(text: str, head: str) -> str:
    return textwrap.fill(
        text, WIDTH, initial_indent=head, subsequent_indent=" " * len(head)
    )
