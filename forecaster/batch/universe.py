"""The universe: the tickers that a batch is for."""

from __future__ import annotations

import re
from pathlib import Path

from forecaster.config.batch import SourceConfig, UniverseConfig
from forecaster.config.settings import TICKER
from forecaster.data.store import PriceStore
from forecaster.data.versions import Version
from forecaster.errors import ConfigError, DataError


def read_universe(
    settings: UniverseConfig, source: SourceConfig | None = None
) -> tuple[str, ...]:
    """Return the tickers in order, upper case, each once.

    Parameters
    ----------
    source
        Of the stored tickers, those of this source and its calendar alone.

    Raises
    ------
    ConfigError
        If the file is missing, holds something else, or there is no ticker at all.
    """
    if settings.file is not None:
        names = _read_file(Path(settings.file))
    elif settings.stored:
        names = _stored(source)
    else:
        names = [*settings.tickers]
    if not names:
        raise ConfigError(
            "the universe is empty: no prices of this source and calendar are stored "
            "yet. Fetch some with `forecaster fetch`, or name the tickers."
        )
    return tuple(sorted({name.upper() for name in names}))


def _stored(source: SourceConfig | None) -> list[str]:
    store, names = PriceStore(), []
    for name in store.list_tickers():
        try:
            version = store.current(name)
        except DataError:
            names.append(name)  # damaged: whoever reads it is told
            continue
        wanted = source is None or not source.is_remote
        if wanted or _is_of(version, source):
            names.append(name)
    return names


def _is_of(version: Version, source: SourceConfig | None) -> bool:
    return source is None or (
        (version.source, version.calendar) == (source.name, source.calendar)
    )


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
