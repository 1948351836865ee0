"""`forecaster models`: versions of models, their aliases, and the gate before them."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forecaster.cli import console
from forecaster.cli.console import guarded, new_app, print_json, print_table, say
from forecaster.cli.model_options import (
    Alias,
    Model,
    Name,
    OneName,
    RegistryDir,
    open_registry,
)
from forecaster.cli.model_tables import (
    COLUMNS,
    list_row,
    origin,
    print_audit,
    tell_change,
    told,
    worth,
)
from forecaster.cli.options import (
    RUNS_DIR,
    AsJson,
    Offline,
    PriceFile,
    RunName,
    RunsDir,
    SourceName,
)

if TYPE_CHECKING:
    from forecaster.config import Config
    from forecaster.preparing import Prices
    from forecaster.registry import Registry

app = new_app("Register models, and say which one is in production.")


@app.command("register")
@guarded
def register_command(
    run: RunName = None,
    name: Annotated[
        str | None, typer.Option(help="Of the model; that of its settings if left out.")
    ] = None,
    registry: RegistryDir = None,
    runs_dir: RunsDir = RUNS_DIR,
    as_json: AsJson = False,
) -> None:
    """Copy a run's model into the registry, as the next version of its name.

    The version never changes; it brings what the run recorded on its test range.

    Examples:

      forecaster models register google

      forecaster models register google-2 --name google --json
    """
    entry = open_registry(registry).register(
        run, name=name, runs_dir=runs_dir, now=console.now()
    )
    if as_json:
        print_json({"model": entry.label, "folder": str(entry.folder), **entry.record})
        return
    typer.echo(f"{entry.label}: {entry.folder}")
    typer.echo(worth(entry))


@app.command("promote")
@guarded
def promote_command(
    model: Model,
    alias: Alias = "production",
    force: Annotated[
        bool,
        typer.Option(
            "--force", help="Promote even against the gate; wants --reason beside it."
        ),
    ] = False,
    reason: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="Why; kept in the alias's history."),
    ] = None,
    ledger: Annotated[
        str | None,
        typer.Option(
            metavar="URL|FILE",
            help="Refuse, too, if its forecasts in this ledger lose to last-value.",
        ),
    ] = None,
    csv: PriceFile = None,
    source: SourceName = None,
    offline: Offline = False,
    registry: RegistryDir = None,
    quiet: Annotated[bool, typer.Option(help="Show no progress.")] = False,
    as_json: AsJson = False,
) -> None:
    """Let an alias name a version, if it has skill and its audit finds no leak.

    Skill: on its test range it beats the best baseline (else code 11). Audit: that of
    `forecaster audit`, on the model's own settings and prices (else code 8), unless
    the version has passed one. A name alone means its newest version.

    Examples:

      forecaster models promote google

      forecaster models promote google@3 --ledger ledger.db --json

      forecaster models promote google@2 --force --reason "3 has the wrong splits"
    """
    from forecaster.registry.gate import Gate

    if force != (reason is not None):
        raise typer.BadParameter("--force and --reason want each other")
    opened = open_registry(registry)
    name, version = _which(opened, model)
    with contextlib.ExitStack() as stack:
        gate = Gate(
            prices=lambda config: _prices(config, csv, source, offline=offline),
            ledger=None if ledger is None else stack.enter_context(_ledger(ledger)),
            tell=None if quiet else say,
        )
        change = opened.promote(
            name, version, alias=alias, force=reason, gate=gate, now=console.now()
        )
    tell_change(opened, name, change, as_json=as_json)


@app.command("rollback")
@guarded
def rollback_command(
    name: OneName,
    alias: Alias = "production",
    registry: RegistryDir = None,
    as_json: AsJson = False,
) -> None:
    """Let an alias name again what it named before; may be repeated.

    Example:

      forecaster models rollback google
    """
    opened = open_registry(registry)
    change = opened.rollback(name, alias=alias, now=console.now())
    tell_change(opened, name, change, as_json=as_json)


@app.command("list")
@guarded
def list_command(
    name: Name = None, registry: RegistryDir = None, as_json: AsJson = False
) -> None:
    """List the versions of all models, with what is known of each.

    Examples:

      forecaster models list

      forecaster models list google --json
    """
    from forecaster.registry.listing import list_models

    opened = open_registry(registry)
    rows = list_models(opened, name)
    if not rows:
        say(f"{opened.folder} holds no models; `forecaster models register` adds one")
    if as_json:
        print_json(rows)
        return
    print_table([list_row(row) for row in rows], COLUMNS, f"Models in {opened.folder}")
    typer.echo("ratio: of losses, to the best baseline; p: of equal losses")


@app.command("show")
@guarded
def show_command(
    model: Model, registry: RegistryDir = None, as_json: AsJson = False
) -> None:
    """Show one version: its origin, evidence and audit, and the aliases' history.

    A name alone means its production.

    Example:

      forecaster models show google@newest
    """
    opened = open_registry(registry)
    entry = opened.resolve(model)
    history = [change.to_dict() for change in opened.aliases(entry.name).history]
    audit = entry.load_audit()
    if as_json:
        facts = {"model": entry.label, "folder": str(entry.folder), **entry.record}
        print_json(facts | {"audit": audit, "history": history})
        return
    for name, fact in origin(entry).items():
        typer.echo(f"{name + ':':<13}{fact}")
    typer.echo(f"\n{worth(entry)}")
    print_audit(audit)
    for change in history:
        typer.echo(told(entry.name, change))


@app.command("verify")
@guarded
def verify_command(
    name: Name = None, registry: RegistryDir = None, as_json: AsJson = False
) -> None:
    """Check every file of all models against its recorded checksum.

    Ends with code 4 if something is missing or damaged.

    Example:

      forecaster models verify
    """
    from forecaster.errors import BundleError
    from forecaster.registry.listing import find_problems

    opened = open_registry(registry)
    problems = find_problems(opened, name)
    if as_json:
        print_json({"registry": str(opened.folder), "problems": problems})
    elif not problems:
        typer.echo(f"{opened.folder}: nothing is damaged")
    for problem in problems if not as_json else ():
        typer.echo(problem)
    if problems:
        # The list is the one document of stdout, so this is no error document.
        say(f"error: {opened.folder} has {len(problems)} problems")
        raise typer.Exit(BundleError.exit_code)


def _ledger(place: str) -> Any:
    from forecaster.ledger import Ledger

    return Ledger.open(place, create=False)


def _which(registry: Registry, reference: str) -> tuple[str, int | None]:
    """Return name and version; no version for a name alone."""
    if "@" not in reference:
        return reference, None
    entry = registry.resolve(reference)
    return entry.name, entry.version


def _prices(
    config: Config, path: Path | None, source: str | None, *, offline: bool
) -> Prices:
    from forecaster.cli.jobs import PriceChoice, prices_for, refuse_one_file

    tickers = config.data.tickers
    refuse_one_file(path, tickers)

    def read(ticker: str) -> Any:
        return prices_for(config, PriceChoice(ticker, path, source, offline))

    return {name: read(name) for name in tickers} or read(config.data.ticker)
