"""Errors: every failure that a user can meet, with the exit code it ends a command in.

::

    ForecasterError
    ├── ConfigError (ValueError)      2  a setting is missing, unknown or out of range
    ├── DataError (ValueError)        3  prices are missing or not fit for use
    │   ├── SymbolNotFound
    │   ├── NoDataInRange
    │   ├── NotEnoughHistory
    │   └── InvalidPrices
    ├── BundleError                   4  a saved run cannot be read or trusted
    │   └── RunNotFound
    ├── DamagedStore                  4  stored prices are not as they were written
    ├── LedgerError                   4  the ledger cannot be read, trusted or written
    │   └── LedgerBusy               75  the ledger does not answer; later it may
    │       └── LedgerHeld           75  another process is at work on the same batch
    ├── OutputError (OSError)         6  a result could not be written
    ├── SourceError                   7  a source of prices failed; later it may answer
    │   ├── RateLimited
    │   ├── SourceTimeout
    │   ├── SourceUnavailable
    │   └── BadResponse
    ├── LeakFound                     8  an audit found that something leaks
    ├── TrainingFailed                9  training did not end in a usable network
    ├── Drifted                      10  a network should be trained again
    ├── NoSkill                      11  a model does not beat the best baseline
    └── RunLocked                    75  another process is at work on the same run

Code 0 is success, 1 a bug (with its traceback), 5 partial success (some tickers of
several), 130 an interruption by Ctrl-C, 143 one by SIGTERM.
"""

from __future__ import annotations

EXIT_PARTLY = 5
EXIT_INTERRUPTED = 130
EXIT_TERMINATED = 143


class ForecasterError(Exception):
    """Base of all errors that say what was wanted, what came and what to do."""

    exit_code = 1


class ConfigError(ForecasterError, ValueError):
    """A setting is missing, unknown or out of range."""

    exit_code = 2


class DataError(ForecasterError, ValueError):
    """Prices are missing or not fit for use."""

    exit_code = 3


class SymbolNotFound(DataError):
    """No prices are known for a ticker."""


class NoDataInRange(DataError):
    """The ticker exists, but has no prices in the range asked for."""


class NotEnoughHistory(DataError):
    """A price series is shorter than the windows cut from it."""

    def __init__(
        self, ticker: str, needed: int, found: int, *, where: str = ""
    ) -> None:
        self.ticker, self.needed, self.found = ticker, needed, found
        place = f" {where}" if where else ""
        super().__init__(
            f"{ticker}: need at least {needed} sessions{place}, found {found}. "
            "Use a longer history, or lower `window.lookback` or `window.horizon`."
        )


class InvalidPrices(DataError):
    """Prices contradict themselves: the message names ticker, dates and cure."""


class BundleError(ForecasterError):
    """A saved run is damaged, incomplete or of another format."""

    exit_code = 4


class RunNotFound(BundleError):
    """No saved run has the wanted name."""


class DamagedStore(ForecasterError):
    """Stored prices are not as they were written."""

    exit_code = 4


class LedgerError(ForecasterError):
    """The ledger of forecasts is missing, damaged, newer, or says something else."""

    exit_code = 4


class LedgerBusy(LedgerError):
    """The ledger's database does not answer, or is held by others; later it may."""

    exit_code = 75


class LedgerHeld(LedgerBusy):
    """Another process holds the lock of a piece of work on the ledger."""


class OutputError(ForecasterError, OSError):
    """A result could not be written; whatever stood there before is untouched."""

    exit_code = 6


class SourceError(ForecasterError):
    """A source of prices failed or refused; asking later may help."""

    exit_code = 7

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        self.retry_after = retry_after
        super().__init__(message)


class RateLimited(SourceError):
    """The source asks for fewer requests; `retry_after` in seconds if it said so."""


class SourceTimeout(SourceError):
    """The source did not answer in time."""


class SourceUnavailable(SourceError):
    """The source cannot be reached, or says that it is failing."""


class BadResponse(SourceError):
    """The source answered with something that is not price data."""


class LeakFound(ForecasterError):
    """An audit found that a later price reaches an earlier result."""

    exit_code = 8


class TrainingFailed(ForecasterError):
    """Training did not end in a usable network."""

    exit_code = 9


class Drifted(ForecasterError):
    """Prices or errors have changed so much that a network should be trained again."""

    exit_code = 10


class NoSkill(ForecasterError):
    """A model that had to beat the best baseline does not."""

    exit_code = 11


class RunLocked(ForecasterError):
    """Another process is at work on the same run."""

    exit_code = 75


class PriceWarning(UserWarning):
    """Prices are usable, but something about them deserves a look."""


class ForecastWarning(UserWarning):
    """A forecast was made, but under conditions that make it doubtful."""


class RunWarning(UserWarning):
    """A run was not treated as one might expect."""
