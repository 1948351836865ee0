"""Remote sources: from a name in the settings to something that can be asked."""

from __future__ import annotations

import difflib

from forecaster.data.history import Source
from forecaster.data.retrying import RetryPolicy
from forecaster.data.tiingo import TiingoSource
from forecaster.data.yahoo import YahooSource
from forecaster.errors import ConfigError

REMOTE_SOURCES = ("yahoo", "tiingo")


def open_source(
    name: str, *, offline: bool = False, attempts: int | None = None
) -> Source:
    """Return the source with a name; nothing is asked yet.

    Parameters
    ----------
    name : str
        `yahoo` or `tiingo`, in any case.
    offline : bool
        Let the source refuse every question without opening a connection.
    attempts : int, optional
        How often a failed request is sent in all; by default as `RetryPolicy` says.

    Raises
    ------
    ConfigError
        If there is no such source.
    """
    wanted = str(name).strip().lower()
    policy = None if attempts is None else RetryPolicy(attempts=attempts)
    if wanted == "yahoo":
        return YahooSource(offline=offline, policy=policy)
    if wanted == "tiingo":
        return TiingoSource(offline=offline, policy=policy)
    near = difflib.get_close_matches(wanted, REMOTE_SOURCES, n=1)
    hint = f" Did you mean {near[0]}?" if near else ""
    raise ConfigError(
        f"no source is called {str(name)[:40]!r}; there are "
        f"{' and '.join(REMOTE_SOURCES)}.{hint}"
    )
