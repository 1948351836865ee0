"""`forecaster report`: a run, a walk-forward test or a batch as one HTML file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from forecaster.cli.console import guarded, print_json
from forecaster.cli.options import RUNS_DIR, AsJson, RunsDir, complete_runs

BATCHES_DIR = Path("batches")


@guarded
def report_command(
    subject: Annotated[
        str | None,
        typer.Argument(
            metavar="RUN|BACKTEST|BATCH",
            help="Name or folder of a run, a walk-forward test, a batch or one of its "
            "evenings; the newest run if left out.",
            autocompletion=complete_runs,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The file to write, of a whole batch the folder; report.html beside "
            "the results if left out.",
        ),
    ] = None,
    interactive: Annotated[
        bool,
        typer.Option(
            "--interactive",
            help="Pictures of plotly, that tell values under the pointer; makes the "
            "file 5 MB larger. Not of a batch, which has a page for each evening.",
        ),
    ] = False,
    runs_dir: RunsDir = RUNS_DIR,
    batches_dir: Annotated[
        Path, typer.Option(help="Folder that holds the batches.")
    ] = BATCHES_DIR,
    as_json: AsJson = False,
) -> None:
    """Write a report that opens in any browser, from what is stored.

    One file that needs nothing beside it: the verdict first, then pictures, scores,
    tests, checks of the prices, and where all of it comes from. Nothing is trained and
    no connection is opened. Of a batch, an index and a page for each evening; of one
    evening's folder, its page. Which inputs matter is shown where `forecaster explain`
    measured it of this very network and left it beside the run.

    Exit codes: 0 written; 2 plotly is not installed, or a batch is asked for with
    `--interactive`; 4 there is no such thing, or it is damaged; 6 the file cannot be
    written, and what stood there is untouched.

    Examples:

      forecaster report

      forecaster report google --interactive --out google.html

      forecaster report walk-forward.backtest

      forecaster report batches/nightly --json

      forecaster report batches/nightly/2023-09-20
    """
    from forecaster.report.writing import write_report

    written = write_report(
        subject,
        runs_dir=runs_dir,
        batches_dir=batches_dir,
        out=out,
        interactive=interactive,
    )
    if as_json:
        print_json(written.to_dict())
        return
    typer.echo(f"{written.page.title}\n{written.page.lead}\n")
    typer.echo(str(written.files[0]))
    if len(written.files) > 1:
        typer.echo(f"and {len(written.files) - 1} pages beside it")
