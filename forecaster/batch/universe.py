"""The universe: the tickers that a batch is for."""

from __future__ import annotations

import re
from pathlib import Path

from forecaster.config.batch import UniverseConfig
from forecaster.config.settings import TICKER
from forecaster.data.store import PriceStore
from forecaster.errors import ConfigError


def read_universe(settings: UniverseConfig) -> tuple[str, ...]:
    """Return the tickers in order, upper case, each once.

    Raises
    ------
    ConfigError
        If the file is missing, holds something else, or there is no ticker at all.
    """
    if settings.file is not None:
        names = _read_file(Path(settings.file))
    elif settings.stored:
        names = [*PriceStore().list_tickers()]
    else:
        names = [*settings.tickers]
    if not names:
        raise ConfigError(
            "the universe is empty: no prices are stored yet. Fetch some with "
            "`forecaster fetch`, or name the tickers."
        )
    return tuple(sorted({name.upper() for name in names}))


def _read_file(file: Path) -> list[str]:
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise ConfigError(
            f"{file}: cannot be read: {reason}. Name a text file with a ticker on "
            "each line in `universe.file`."
        ) from None
    names = []
    for number, line in enumerate(lines, start=1):
        name = line.partition("#")[0].strip()
        if name and not re.fullmatch(TICKER, name):
            raise ConfigError(
                f"{file}, line {number}: {name[:40]!r} is no ticker. Write one on each "
                "line, such as GOOG, BRK-B or ^GSPC."
            )
        names += [name] if name else []
    if not names:
        raise ConfigError(f"{file}: holds no ticker. Write one on each line.")
    return names
