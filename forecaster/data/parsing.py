"""Parsing: dates and numbers as people and programs write them, from text to values."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from forecaster.errors import InvalidPrices

# Month first comes before day first: a file that reads both ways is read as American,
# unless its dates then jump back and forth and the other reading puts them in order.
DATE_FORMATS = (
    "%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d",
    "%m/%d/%Y", "%d/%m/%Y", "%m-%d-%Y", "%d-%m-%Y", "%d.%m.%Y",
    "%b %d, %Y", "%B %d, %Y", "%b %d %Y", "%d %b %Y", "%d %B %Y", "%d-%b-%Y",
    "%m/%d/%y", "%d/%m/%y", "%d-%b-%y",
)  # fmt: skip
# Dates of ten characters in the order of ISO.
AS_ISO = {
    "%m/%d/%Y": ("([0-9]{2})/([0-9]{2})/([0-9]{4})", r"\3-\1-\2"),
    "%d/%m/%Y": ("([0-9]{2})/([0-9]{2})/([0-9]{4})", r"\3-\2-\1"),
    "%d.%m.%Y": ("([0-9]{2})[.]([0-9]{2})[.]([0-9]{4})", r"\3-\2-\1"),
}
TIME_OF_DAY = (
    r"[T ] *[0-9]{1,2}:[0-9]{2}(:[0-9]{2}([.][0-9]+)?)? *([AaPp][Mm])?"
    r" *(Z|[A-Z]{2,4}|[+-][0-9]{2}:?[0-9]{2}(:[0-9]{2})?)?$"
)
CLOCK = "([0-9]{1,2}:[0-9]{2}(?: *[AaPp][Mm])?)"
# Digits of seconds since 1970, and of milliseconds.
EPOCH_DIGITS = (9, 10, 12, 13)
# Enough rows to tell which of the formats can be meant.
N_TRIED = 100

NULL_WORDS = (
    "", "-", "--", ".", "na", "n/a", "#n/a", "nan", "nat", "null", "none", "<na>",
)  # fmt: skip
NUMBER = r"[-+]?([0-9]+([.][0-9]*)?|[.][0-9]+)(e[-+]?[0-9]{1,3})? ?[kmbt]?"
MULTIPLIERS = {"k": 1e3, "m": 1e6, "b": 1e9, "t": 1e12}
# What most files hold; `%` stands for the sign between groups, `#` for the decimal one.
COMMON = "([$]?([0-9]+|[0-9]{1,3}([%][0-9]{3})+)([#][0-9]*)?)?"
# Groups of two digits are Indian: 1,23,45,678.
GROUPED = r"[-+]?[0-9]{1,3}([, ][0-9]{2,3})*[, ][0-9]{3}([.][0-9]*)? ?[kmbt]?"
DECIMAL_COMMA = r"[-+]?([0-9]{1,3}([. ][0-9]{3})+|[0-9]+)(,[0-9]*)? ?[kmbt]?"
# Blanks that do not break, and the Swiss apostrophe.
GROUP_MARKS = "[\u00a0\u202f'\u2019]"
# A comma that cannot stand before a group of thousands.
SURE_DECIMAL_COMMA = r",(?:[0-9]{0,2}|[0-9]{4,}) ?[kmbt]?$"


@dataclass(frozen=True)
class Origin:
    """Where values come from: a file, what it counts, whether its commas are decimal.

    A comma before three digits alone can mean either; `decimal_comma` then decides.
    """

    source: str
    unit: str = "line"
    decimal_comma: bool = False

    def refuse(self, values: pd.Series, bad: np.ndarray, name: str, cure: str) -> None:
        """Raise for the first bad value, if there is one.

        Raises
        ------
        InvalidPrices
            Naming the value, its column and its line.
        """
        if not bad.any():
            return
        position = int(np.flatnonzero(bad)[0])
        value = values.iloc[position]
        text = "an empty cell" if pd.isna(value) else repr(str(value)[:40])
        raise InvalidPrices(
            f"{self.source}: cannot read {text} in column `{name}`, "
            f"{self.unit} {values.index[position]}. {cure}"
        )


def parse_dates(values: pd.Series, name: str, origin: Origin) -> pd.DatetimeIndex:
    """Read dates; of a moment with a zone, take the local date as written.

    Parameters
    ----------
    values : Series of shape (n_rows,)
        Text or datetimes; its index counts the lines.

    Returns
    -------
    DatetimeIndex of shape (n_rows,)
        Naive dates, unit us, in the order of `values`.

    Raises
    ------
    InvalidPrices
        Naming the first value that is no date, and its line.
    """
    if isinstance(values.dtype, pd.DatetimeTZDtype) or values.dtype.kind == "M":
        days = pd.DatetimeIndex(values).tz_localize(None).normalize()
    else:
        days = _parse_texts(values)
    origin.refuse(values, np.asarray(days.isna()), name, "Write dates as 2016-12-30.")
    return pd.DatetimeIndex(days.as_unit("us").to_numpy(), name="session")


def clock_times(values: pd.Series) -> np.ndarray:
    """Return the times of day, as text, of what `parse_dates` takes for dates.

    Returns
    -------
    ndarray of shape (n_rows,)
        Empty text where there is no time.
    """
    if isinstance(values.dtype, pd.DatetimeTZDtype) or values.dtype.kind == "M":
        return np.asarray(pd.DatetimeIndex(values).strftime("%H:%M"))
    texts = _text(values).str.strip()
    epoch = _parse_epoch(texts)
    if epoch is not None:
        return np.asarray(epoch.strftime("%H:%M"))
    return texts.str.extract(CLOCK, expand=False).fillna("").to_numpy()


def parse_numbers(
    columns: dict[str, pd.Series], origin: Origin
) -> dict[str, np.ndarray]:
    """Read columns of numbers: plain, or with currency signs, groups and suffixes.

    Whether a comma groups thousands or marks decimals is decided for all columns
    together.

    Parameters
    ----------
    columns : dict of Series of shape (n_rows,)
        Numbers or text; the index counts the lines.

    Returns
    -------
    dict of ndarray of shape (n_rows,)
        float64; NaN where a cell is empty or says so (`n/a`, `-`, `null`).

    Raises
    ------
    InvalidPrices
        Naming the first value that is no number, its column and its line.
    """
    if all(is_numeric(column) for column in columns.values()):
        return {
            name: column.to_numpy(dtype=np.float64, na_value=np.nan)
            for name, column in columns.items()
        }
    common = _parse_common(columns, likely=origin.decimal_comma)
    if common is not None:
        return common
    cleaned = {name: _clean(column) for name, column in columns.items()}
    comma = _has_decimal_comma(list(cleaned.values()), likely=origin.decimal_comma)
    return {
        name: _floats(columns[name], cleaned[name], name, origin, comma=comma)
        for name in columns
    }


def is_numeric(column: pd.Series) -> bool:
    """Tell whether a column holds numbers already (truth values are none)."""
    dtype = column.dtype
    return pd.api.types.is_numeric_dtype(dtype) and dtype.kind in "iuf"


def _text(values: pd.Series) -> pd.Series:
    """Return values of any type as text, missing ones as a null word."""
    if isinstance(values.dtype, pd.StringDtype):
        return values.fillna("")
    return pd.Series([str(value) for value in values], index=values.index, dtype="str")


def _as_days(texts: pd.Series, style: str) -> pd.DatetimeIndex:
    if style in AS_ISO and texts.str.fullmatch(AS_ISO[style][0]).all():
        # ISO dates are read four times as fast as others.
        texts = texts.str.replace(*AS_ISO[style], regex=True)
        style = DATE_FORMATS[0]
    return pd.DatetimeIndex(pd.to_datetime(texts, format=style, errors="coerce"))


def _parse_texts(values: pd.Series) -> pd.DatetimeIndex:
    """Read dates as they should be written, or else as they are."""
    iso = DATE_FORMATS[0]
    if _as_days(values.head(N_TRIED), iso).notna().any():
        days = _as_days(values, iso)
        if not days.hasnans:
            return days
    return _parse_other_dates(_text(values).str.strip())


def _parse_other_dates(texts: pd.Series) -> pd.DatetimeIndex:
    """Read dates in the first format that suits all, or the one that suits most."""
    epoch = _parse_epoch(texts)
    if epoch is not None:
        return epoch.normalize()
    if texts.str.contains(":", regex=False).any():
        texts = texts.str.replace(TIME_OF_DAY, "", regex=True)
    head = texts.head(N_TRIED)
    styles = [style for style in DATE_FORMATS if _as_days(head, style).notna().any()]
    readings = []
    for style in styles or DATE_FORMATS[:1]:
        days = _as_days(texts, style)
        if not days.hasnans and _is_ordered(days):
            return days
        readings.append(days)
    # The first of the most complete.
    return max(readings, key=lambda days: np.count_nonzero(days.notna()))


def _is_ordered(days: pd.DatetimeIndex) -> bool:
    return bool(days.is_monotonic_increasing or days.is_monotonic_decreasing)


def _parse_epoch(texts: pd.Series) -> pd.DatetimeIndex | None:
    """Read seconds or milliseconds since 1970, if that is what all values are."""
    digits = len(texts.iloc[0]) if len(texts) else 0
    if digits not in EPOCH_DIGITS or not texts.str.fullmatch("[0-9]{9,13}").all():
        return None
    counts = texts.astype("int64").to_numpy()
    millis = counts if digits > EPOCH_DIGITS[1] else counts * 1000
    return pd.DatetimeIndex(millis.astype("datetime64[ms]"))


def _parse_common(
    columns: dict[str, pd.Series], *, likely: bool
) -> dict[str, np.ndarray] | None:
    """Read columns of plain, dollar and comma-grouped numbers, if they hold no others.

    It gives what the general reading gives, several times faster.
    """
    texts = {name: _text(column) for name, column in columns.items()}
    comma = likely and any(
        text.str.contains(",", regex=False).any() for text in texts.values()
    )
    group, point = (".", ",") if comma else (",", ".")
    pattern = COMMON.replace("%", group).replace("#", point)
    if not all(text.str.fullmatch(pattern).all() for text in texts.values()):
        return None
    return {name: _common_floats(text, group, point) for name, text in texts.items()}


def _common_floats(texts: pd.Series, group: str, point: str) -> np.ndarray:
    import pyarrow as pa

    for sign, plain in ((group, ""), (point, "."), ("$", "")):
        texts = texts.str.replace(sign, plain, regex=False)
    filled = pa.array(texts.mask(texts == ""), type=pa.large_string())
    floats: np.ndarray = filled.cast(pa.float64()).to_numpy(zero_copy_only=False)
    return floats


def _clean(column: pd.Series) -> pd.Series:
    """Return text without currency signs and capitals, every group mark a blank."""
    texts = _text(column).str.replace(" *[$€£¥] *", "", regex=True).str.strip()
    return texts.str.replace(GROUP_MARKS, " ", regex=True).str.lower()


def _has_decimal_comma(columns: list[pd.Series], *, likely: bool) -> bool:
    """Tell whether commas mark decimals, as they do in much of Europe."""
    texts = pd.concat(columns)
    texts = texts[texts.str.contains(",", regex=False)]
    if texts.empty or not texts.str.fullmatch(DECIMAL_COMMA).all():
        return False
    return likely or bool(texts.str.contains(SURE_DECIMAL_COMMA).any())


def _floats(
    column: pd.Series, texts: pd.Series, name: str, origin: Origin, *, comma: bool
) -> np.ndarray:
    empty = texts.isin(NULL_WORDS).to_numpy()
    if comma:
        grouped = texts.str.fullmatch(DECIMAL_COMMA)
        single = texts.str.replace("[. ]", "", regex=True).str.replace(",", ".")
    else:
        grouped = texts.str.fullmatch(GROUPED)
        single = texts.str.replace("[, ]", "", regex=True)
    texts = texts.where(~grouped, single)
    # Where commas are decimal, 1.5 beside 1,5 is a contradiction rather than a number.
    good = (texts.str.fullmatch(NUMBER) & (grouped | (not comma))).to_numpy(dtype=bool)
    origin.refuse(column, ~(good | empty), name, "Write plain numbers, as 1234.5.")
    texts = texts.where(good, "nan")
    plain = texts.where(~good, texts.str.rstrip(" kmbt"))
    factors = texts.str[-1].map(MULTIPLIERS).fillna(1.0).to_numpy(dtype=np.float64)
    floats: np.ndarray = plain.to_numpy(dtype=object).astype(np.float64) * factors
    return floats
