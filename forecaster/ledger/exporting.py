"""Exporting: a table of forecasts as one file, written whole or not at all."""

from __future__ import annotations

import io
from pathlib import Path

import pandas as pd

from forecaster.atomic import write_bytes
from forecaster.errors import ConfigError

CSV, PARQUET = ".csv", ".parquet"


def check_format(path: Path) -> None:
    """Refuse a file whose name does not say CSV or Parquet.

    Raises
    ------
    ConfigError
        If it does not.
    """
    if path.suffix.lower() not in (CSV, PARQUET):
        raise ConfigError(
            f"{path} can be written as CSV or as Parquet. Give it a name that ends in "
            f"{CSV} or {PARQUET}."
        )


def write_table(rows: pd.DataFrame, path: Path) -> None:
    """Write rows as CSV or as Parquet, by the file's name.

    Numbers in CSV have as many digits as they need to be read back unchanged.

    Raises
    ------
    ConfigError
        If the name says neither.
    OutputError
        If the file cannot be written.
    """
    check_format(path)
    if path.suffix.lower() == CSV:
        text = rows.to_csv(index=False, date_format="%Y-%m-%d", lineterminator="\n")
        write_bytes(path, text.encode("utf-8"))
        return
    content = io.BytesIO()
    rows.to_parquet(content, index=False)
    write_bytes(path, content.getvalue())
