"""Feature names: what a name such as `rsi_14` or `AAPL:log_return` stands for."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from forecaster.errors import ConfigError

PRICE_COLUMNS = ("open", "high", "low", "close", "adj_close", "volume")
TICKER = re.compile(r"[A-Z0-9^][A-Z0-9.&=^-]{0,19}")

COLUMN = "column"
# In place of a ticker: the mean over all other tickers of `data.tickers`.
PEERS = "PEERS"
LONGEST = 1000


@dataclass(frozen=True)
class Kind:
    """What all features of one kind have in common.

    Attributes
    ----------
    columns : tuple of str
        Price columns that it is made from; none for what the date alone tells.
    warmup : callable
        From the length to the number of first rows without a value.
    length : int or None
        The length meant by a name without one; None if the kind has no length.
    shortest : int
        The smallest length that makes sense.
    """

    columns: tuple[str, ...]
    warmup: Callable[[int], int]
    length: int | None = None
    shortest: int = 2


def _none(_: int) -> int:
    return 0


def _one(_: int) -> int:
    return 1


def _window(length: int) -> int:
    return length - 1


def _steps(length: int) -> int:
    return length


def _beside_base(length: int) -> int:
    return max(length, 20)


def _bars_beside_base(length: int) -> int:
    return max(length - 1, 20)


def _beside_slow(length: int) -> int:
    return max(length, 60)


def _volumes_beside_slow(length: int) -> int:
    return max(length, 60) - 1


def _surprise(length: int) -> int:
    # 60 moves tell what is usual, and 5 such sessions what stands out.
    return 64 + length


def _surprise_due(_: int) -> int:
    return _surprise(1)


_BARS = ("high", "low", "close")
_REPORTED = ("open", "close", "volume")
KINDS = {
    "log_return": Kind(("close",), _steps, length=1, shortest=1),
    "overnight": Kind(("open", "close"), _one),
    "intraday": Kind(("close", "open"), _none),
    "range": Kind(("high", "low"), _none),
    "volatility": Kind(("close",), _steps, length=20),
    "volume_change": Kind(("volume",), _one),
    "relative_volume": Kind(("volume",), _window, length=20),
    "distance": Kind(("close",), _window, length=20),
    "rsi": Kind(("close",), _steps, length=14),
    # 25 rows until the average over 26, and 8 more until the signal over 9.
    "macd": Kind(("close",), lambda _: 33),
    "bollinger": Kind(("close",), _window, length=20),
    "atr": Kind(_BARS, _steps, length=14),
    # Smoothed twice over.
    "adx": Kind(_BARS, lambda length: 2 * length - 1, length=14),
    "stochastic": Kind(_BARS, _window, length=14),
    "cci": Kind(_BARS, _window, length=20),
    "mfi": Kind((*_BARS, "volume"), _steps, length=14),
    "obv_change": Kind(("close", "volume"), _steps, length=20),
    "log_volatility": Kind(("close",), _steps, length=20, shortest=1),
    "volatility_ratio": Kind(("close",), _beside_base, length=5, shortest=1),
    "typical_ratio": Kind(("close",), _beside_base, length=20, shortest=1),
    "range_ratio": Kind(_BARS, _bars_beside_base, length=5, shortest=1),
    "bar_ratio": Kind(("open", *_BARS), _beside_base, length=5, shortest=1),
    "fall": Kind(("close",), _beside_slow),
    "trend": Kind(("close",), _beside_slow, length=5, shortest=1),
    "volume_ratio": Kind(("volume",), _volumes_beside_slow, length=5, shortest=1),
    "surprise": Kind(_REPORTED, _surprise, length=1, shortest=1),
    "surprise_due": Kind(_REPORTED, _surprise_due),
    "surprise_due_near": Kind(_REPORTED, _surprise_due),
    "surprise_due_week": Kind(_REPORTED, _surprise_due),
    "weekday_sin": Kind((), _none),
    "weekday_cos": Kind((), _none),
    "month_sin": Kind((), _none),
    "month_cos": Kind((), _none),
    "days_since_last": Kind((), _one),
    "month_end": Kind((), _none),
}
CALENDAR_KINDS = tuple(name for name, kind in KINDS.items() if not kind.columns)


@dataclass(frozen=True)
class Feature:
    """One feature, as its name describes it.

    Attributes
    ----------
    name : str
        As it was written.
    companion : str or None
        The other ticker whose feature is meant, in upper case.
    kind : str
        One of `KINDS`, or `column` for a column of the price frame as it stands.
    length : int or None
        Sessions looked back on, for kinds that have such a length.
    """

    name: str
    companion: str | None
    kind: str
    length: int | None = None

    @property
    def column(self) -> str:
        """The name without the companion's ticker."""
        return self.name.rpartition(":")[2].strip()

    @property
    def columns(self) -> tuple[str, ...]:
        """The price columns that it is made from."""
        return (self.column,) if self.kind == COLUMN else KINDS[self.kind].columns

    @property
    def warmup(self) -> int:
        """Number of first rows of its own prices that have no value."""
        if self.kind == COLUMN:
            return 0
        return KINDS[self.kind].warmup(self.length or 0)


def parse_feature(name: str) -> Feature:
    """Read the name of a feature.

    A plain identifier that is no known feature is taken for a user's own column;
    whether the prices have it shows only in `derive`.

    Raises
    ------
    ConfigError
        If it can be neither a feature nor a column, with the nearest known names.

    Examples
    --------
    >>> parse_feature("log_return_5")
    Feature(name='log_return_5', companion=None, kind='log_return', length=5)
    >>> parse_feature("AAPL:rsi").length
    14
    """
    if not isinstance(name, str):
        raise ConfigError(f"a feature is named by text, got {name!r}. Write 'close'.")
    prefix, colon, bare = name.strip().rpartition(":")
    bare = bare.strip()
    companion = _ticker(prefix, name) if colon else None
    known = re.fullmatch("([a-z_]+?)(?:_([0-9]+))?", bare)
    kind = known[1] if known else ""
    if known is None or kind not in KINDS:
        return Feature(name, companion, _column(bare, name))
    if companion is not None and kind in CALENDAR_KINDS:
        raise ConfigError(
            f"feature {name!r}: {kind} is the same for every ticker. Write {bare}."
        )
    return Feature(name, companion, kind, _length(kind, known[2], name))


def is_known_ahead(name: str) -> bool:
    """Tell whether a feature is known for future sessions, from their dates alone."""
    return parse_feature(name).kind in CALENDAR_KINDS


def scale_free(name: str) -> bool:
    """Tell whether a feature is the same whatever the currency or the price level.

    Everything is but columns as they stand: these keep their unit.
    """
    return parse_feature(name).kind != COLUMN


def warmup(names: Sequence[str]) -> int:
    """Return the number of first rows in which a feature has no value yet."""
    return max((parse_feature(name).warmup for name in names), default=0)


def did_you_mean(name: str, others: Collection[str] = ()) -> str:
    """Return the nearest known features as a sentence, or nothing if none is near."""
    stem = re.sub("_?[0-9]*$", "", name.lower())
    known = [*KINDS, *PRICE_COLUMNS, *others]
    others_than_it = [word for word in dict.fromkeys(known) if word != name]
    near = difflib.get_close_matches(stem, others_than_it, n=2, cutoff=0.7)
    length = re.search("_[0-9]+$", name)
    texts = [
        text + length[0] if length and text in KINDS and KINDS[text].length else text
        for text in near
    ]
    return f"Did you mean {' or '.join(texts)}? " if texts else ""


def _ticker(text: str, name: str) -> str:
    symbol = text.strip().upper()
    if TICKER.fullmatch(symbol) is None:
        raise ConfigError(
            f"feature {name!r}: {text!r} before the colon cannot be a ticker. "
            "Write another ticker's feature as AAPL:log_return."
        )
    return symbol


def _column(bare: str, name: str) -> str:
    """Return the kind of a column, if the text can be a column's name."""
    if not bare.isidentifier():
        raise ConfigError(
            f"unknown feature {name!r}. {did_you_mean(bare)}Name a column of the "
            f"prices, made of letters, digits and _, or one of {', '.join(KINDS)}."
        )
    return COLUMN


def _length(kind: str, digits: str | None, name: str) -> int | None:
    default, shortest = KINDS[kind].length, KINDS[kind].shortest
    if digits is None:
        return default
    if default is None:
        raise ConfigError(f"feature {name!r}: {kind} has no length. Write {kind}.")
    # Not int() of thousands of digits, which Python refuses.
    length = int(digits[:9])
    if digits != str(length) or not shortest <= length <= LONGEST:
        raise ConfigError(
            f"feature {name!r}: wanted {shortest} to {LONGEST} sessions, got {digits}. "
            f"Write for example {kind}_{max(default, shortest)}."
        )
    return length
