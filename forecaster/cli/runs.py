"""`forecaster runs`: the list of runs, one of them, and a check of its files."""

from __future__ import annotations

from forecaster.cli.console import guarded, new_app, print_json, print_table
from forecaster.cli.options import RUNS_DIR, AsJson, RunName, RunsDir

app = new_app("List, show and verify saved runs.")
COLUMNS = (
    *("name", "state", "created", "ticker", "target", "epochs", "ratio"),
    *("outcome", "measure"),
)


@app.command("list")
@guarded
def list_command(runs_dir: RunsDir = RUNS_DIR, as_json: AsJson = False) -> None:
    """List the runs, finished and unfinished.

    Example:

      forecaster runs list --json
    """
    import typer

    from forecaster.runs import list_runs

    rows = list_runs(runs_dir)
    if as_json:
        print_json(rows)
        return
    for row in rows:
        if row.get("rmse_ratio") is not None:
            row["ratio"] = f"{row['rmse_ratio']:.3g}"
    print_table(rows, COLUMNS, f"Runs in {runs_dir}")
    typer.echo(
        "ratio: RMSE to last value; outcome: against the best baseline, on the measure"
    )


@app.command("show")
@guarded
def show_command(
    run: RunName = None, runs_dir: RunsDir = RUNS_DIR, as_json: AsJson = False
) -> None:
    """Show the scores, settings and origin of a run.

    Example:

      forecaster runs show google
    """
    import typer

    from forecaster.bundle import verify_bundle
    from forecaster.cli.tables import print_evaluation
    from forecaster.runs import BUNDLE, find_run

    found = find_run(run, runs_dir)
    manifest = verify_bundle(found.folder / BUNDLE)
    settings = (found.folder / BUNDLE / "config.toml").read_text(encoding="utf-8")
    if as_json:
        print_json({"run": str(found.folder), **found.record, "bundle": manifest})
        return
    print_evaluation(found.load_evaluation())
    facts = {
        "folder": found.folder,
        "created": f"{found.record['created']}, {found.record['seconds']} s, "
        f"{found.record['epochs']} epochs",
        "trained on": _trained_on(manifest["trained_on"]),
        "versions": ", ".join(f"{k} {v}" for k, v in manifest["versions"].items()),
    }
    for name, fact in facts.items():
        typer.echo(f"{name + ':':<12}{fact}")
    typer.echo(f"settings:\n\n{settings.strip()}")


@app.command("verify")
@guarded
def verify_command(
    run: RunName = None, runs_dir: RunsDir = RUNS_DIR, as_json: AsJson = False
) -> None:
    """Check every file of a run against its recorded checksum.

    Example:

      forecaster runs verify google
    """
    import typer

    from forecaster.runs import find_run, verify_run

    found = find_run(run, runs_dir)
    names = verify_run(found)
    if as_json:
        print_json({"run": str(found.folder), "verified": names})
    else:
        typer.echo(f"{found.folder}: {len(names)} files are as they were written")


def _trained_on(facts: dict[str, object]) -> str:
    return "{ticker} ({source}), {first} to {last}, {n_windows} windows".format(**facts)
