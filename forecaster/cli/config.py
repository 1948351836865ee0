"""`forecaster config`: settings checked, described and shown with every default."""

from __future__ import annotations

import json

import typer

from forecaster.cli.console import guarded, new_app, print_json
from forecaster.cli.options import AsJson, ConfigName, Overrides

app = new_app("Check, describe and show settings.")


@app.command("check")
@guarded
def check_command(
    config: ConfigName = "google",
    overrides: Overrides = None,
    as_json: AsJson = False,
) -> None:
    """Check settings without running anything.

    Example:

      forecaster config check my.toml
    """
    from forecaster.config import load_config

    loaded = load_config(config, overrides or [])
    if as_json:
        print_json({"config": config, "name": loaded.name, "valid": True})
    else:
        typer.echo(f"{config}: every setting is known and in range")


@app.command("schema")
@guarded
def schema_command(_as_json: AsJson = False) -> None:
    """Print the JSON Schema of the settings, for editors; always one document.

    Example:

      forecaster config schema > forecaster.schema.json
    """
    from forecaster.config import Config

    typer.echo(json.dumps(Config.model_json_schema(), indent=1))


@app.command("show")
@guarded
def show_command(
    config: ConfigName = "google",
    overrides: Overrides = None,
    as_json: AsJson = False,
) -> None:
    """Show settings with every default filled in, as TOML.

    Example:

      forecaster config show google --set data.target=open
    """
    from forecaster.config import dump_config, load_config

    loaded = load_config(config, overrides or [])
    if as_json:
        print_json(loaded.model_dump(mode="json", exclude_none=True))
    else:
        typer.echo(dump_config(loaded).strip())
