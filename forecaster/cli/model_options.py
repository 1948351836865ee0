"""Options and arguments of `forecaster models`."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from forecaster.registry import Registry


def open_registry(folder: Path | None) -> Registry:
    """Return the registry in a folder, or the one where no folder is named."""
    from forecaster.registry import Registry

    return Registry.open(folder)


def complete_models(context: typer.Context, incomplete: str) -> list[str]:
    """Return the models, versions and aliases that begin with what was typed."""
    from forecaster.errors import ForecasterError

    registry, found = open_registry(context.params.get("registry")), []
    for name in registry.names():
        found.append(name)
        with contextlib.suppress(ForecasterError):
            found += [f"{name}@{alias}" for alias in registry.aliases(name).current]
        found += [f"{name}@{number}" for number in registry.versions(name)]
    return [one for one in found if one.startswith(incomplete)]


def complete_names(context: typer.Context, incomplete: str) -> list[str]:
    """Return the models' names that begin with what was typed."""
    names = open_registry(context.params.get("registry")).names()
    return [name for name in names if name.startswith(incomplete)]


RegistryDir = Annotated[
    Path | None,
    typer.Option(
        "--registry",
        metavar="FOLDER",
        envvar="FORECASTER_REGISTRY",
        help="Folder of registered models; else registry in your data folder.",
    ),
]
Model = Annotated[
    str,
    typer.Argument(
        metavar="MODEL",
        help="A name, with @3, @newest, @production or another alias behind it.",
        autocompletion=complete_models,
    ),
]
Name = Annotated[
    str | None,
    typer.Argument(
        metavar="NAME",
        help="One model; all if left out.",
        autocompletion=complete_names,
    ),
]
OneName = Annotated[
    str,
    typer.Argument(metavar="NAME", help="A model.", autocompletion=complete_names),
]
Alias = Annotated[str, typer.Option(metavar="ALIAS", help="The alias that changes.")]
