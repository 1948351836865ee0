"""Naming: what models, aliases and references to a version may be called."""

from __future__ import annotations

import re

from forecaster.errors import ConfigError
from forecaster.runfolder import NAME

NEWEST = "newest"
ALIAS = re.compile(r"[A-Za-z][A-Za-z0-9._-]*")
VERSION = re.compile(r"[1-9][0-9]*")
REFERENCE = re.compile(rf"{NAME.pattern}@[A-Za-z0-9._-]+")


def check_name(name: str) -> None:
    """Refuse what no model can be called.

    Raises
    ------
    ConfigError
        With what is wanted.
    """
    if not NAME.fullmatch(name):
        raise ConfigError(
            f"a model cannot be called '{name}': want letters, digits, '.', '_' and "
            "'-', and a letter or digit first. Choose another `--name`."
        )


def check_alias(alias: str) -> None:
    """Refuse what no alias can be called.

    Raises
    ------
    ConfigError
        With what is wanted.
    """
    if not ALIAS.fullmatch(alias) or alias == NEWEST:
        raise ConfigError(
            f"an alias cannot be called '{alias}': want letters, digits, '.', '_' and "
            f"'-', a letter first, and not '{NEWEST}', which every model has."
        )
