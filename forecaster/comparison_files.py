"""Comparisons on disk: a folder with the table and all facts, whole or not at all."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

from forecaster.atomic import new_folder
from forecaster.comparison import Comparison
from forecaster.errors import ConfigError, OutputError
from forecaster.runfolder import NAME

CSV, JSON, SUFFIX = "comparison.csv", "comparison.json", ".comparison"
LONGEST_NAME = 100


def comparison_folder(
    runs_dir: Path, name: str, request: dict[str, Any], *, exact: bool
) -> Path:
    """Return the folder for a comparison's tables: absent, or of the same request.

    Parameters
    ----------
    exact
        Take this very name; otherwise the first free one of ``name``, ``name-2``, …

    Raises
    ------
    ConfigError
        If the name is none.
    OutputError
        If the exact name is taken by something else.
    """
    name = name if exact else name[:LONGEST_NAME]
    if not NAME.fullmatch(name):
        raise ConfigError(
            f"a comparison cannot be called '{name}': want letters, digits, '.', '_' "
            "and '-', and a letter or digit first."
        )
    for number in itertools.count(1):
        folder = runs_dir / f"{name if number == 1 else f'{name}-{number}'}{SUFFIX}"
        if not folder.exists() or _request_of(folder) == _as_json(request):
            return folder
        if exact:
            break
    raise OutputError(
        f"{folder} holds something else than this comparison. Choose another `--name`."
    )


def save_comparison(
    comparison: Comparison, folder: Path, request: dict[str, Any]
) -> None:
    """Write `comparison.csv` and `comparison.json`, in place of an earlier pair.

    Raises
    ------
    OutputError
        If the folder cannot be written; the earlier pair stays.
    """
    text = json.dumps({"request": _as_json(request), **comparison.to_dict()}, indent=1)
    with new_folder(folder, replaces=True) as inside:
        comparison.table.to_csv(inside / CSV, index=False)
        (inside / JSON).write_text(text + "\n", encoding="utf-8")


def _as_json(request: dict[str, Any]) -> Any:
    return json.loads(json.dumps(request, default=str))


def _request_of(folder: Path) -> Any:
    """Return what an earlier comparison was asked; None if the folder is none."""
    try:
        if {path.name for path in folder.iterdir()} - {CSV, JSON}:
            return None
        return json.loads((folder / JSON).read_text(encoding="utf-8"))["request"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
