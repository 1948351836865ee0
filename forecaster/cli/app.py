"""The application: its groups of commands and its exit codes."""

from __future__ import annotations

from typing import Annotated

import typer

from forecaster.cli import (
    audit,
    backtest,
    batch,
    compare,
    config,
    data,
    explain,
    fetch,
    forecasts,
    ledger,
    models,
    monitor,
    predict,
    report,
    runs,
    serve,
    train,
    tune,
)
from forecaster.cli.console import new_app

app = new_app(
    """Forecast stock prices with recurrent networks, and say what that is worth.

    Start with: forecaster train

    Exit codes: 0 success; 1 a bug; 2 wrong settings or usage; 3 prices missing or
    not fit for use; 4 a saved run, stored prices or the ledger missing or damaged;
    5 some tickers or trainings failed; 6 a result could not be written; 7 a source of
    prices failed, try later; 8 an audit found a leak; 9 training failed; 10 a network
    should be trained again (`monitor --fail-on`); 11 no skill (`--require-skill`,
    `models promote`);
    75 another process holds the run or batch, or the ledger does not
    answer; 130 interrupted;
    143 ended by SIGTERM.
    """
)
# What stands behind the settings is refused by the command, which knows the cure.
app.command("train", context_settings={"allow_extra_args": True})(train.train_command)
app.command("compare")(compare.compare_command)
app.command("backtest")(backtest.backtest_command)
app.command("tune")(tune.tune_command)
app.command("audit")(audit.audit_command)
app.command("fetch")(fetch.fetch_command)
app.command("evaluate")(forecasts.evaluate_command)
# Several levels may stand behind one --level.
app.command("predict", context_settings={"allow_extra_args": True})(
    predict.predict_command
)
app.command("batch")(batch.batch_command)
app.command("plot")(forecasts.plot_command)
app.command("score")(ledger.score_command)
app.command("explain")(explain.explain_command)
app.command("report")(report.report_command)
app.command("monitor")(monitor.monitor_command)
app.command("serve")(serve.serve_command)
app.add_typer(runs.app, name="runs")
app.add_typer(ledger.app, name="ledger")
app.add_typer(models.app, name="models")
app.add_typer(data.app, name="data")
app.add_typer(config.app, name="config")


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"forecaster {version('forecaster')}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=_show_version,
            is_eager=True,
            help="Show the version and exit.",
        ),
    ] = False,
) -> None:
    """Take the options that stand before a command."""
