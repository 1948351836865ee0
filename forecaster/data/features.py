"""Features: the columns that a network reads, each row made from its own past."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from forecaster.errors import InvalidPrices


def make_features(
    prices: pd.DataFrame,
    columns: Sequence[str],
    *,
    ticker: str,
    calendar: str = "XNYS",
) -> pd.DataFrame:
    """Return the wanted features of a checked price frame, in the wanted order.

    A column of the frame is taken as it is; any other name is derived from the frame
    (see `forecaster.data.derived`).

    Raises
    ------
    InvalidPrices
        If the prices lack a column that is needed.
    """
    from forecaster.data.derived import derive

    names = [name for name in columns if name not in prices.columns]
    taken = [name for name in columns if name in prices.columns]
    for name in taken:
        if not pd.api.types.is_numeric_dtype(prices[name].dtype):
            raise InvalidPrices(
                f"{ticker}: column `{name}` is not made of numbers but of "
                f"{prices[name].dtype}. Convert it with `pd.to_numeric`."
            )
    if not names:
        return prices.loc[:, list(columns)]
    made = derive(prices, names, ticker=ticker, calendar=calendar)
    joined = pd.concat([prices, made], axis="columns", sort=False)
    return joined.loc[:, list(columns)]


def check_complete(rows: pd.DataFrame, *, ticker: str) -> None:
    """Refuse rows with gaps, which a network would turn into nonsense.

    Raises
    ------
    InvalidPrices
        Naming the column and the first session without a value.
    """
    gaps = pd.DataFrame(
        ~np.isfinite(rows.to_numpy(dtype=float)), rows.index, rows.columns
    )
    if gaps.to_numpy().any():
        column = next(name for name in rows.columns if gaps[name].any())
        session = rows.index[gaps[column]][0]
        raise InvalidPrices(
            f"{ticker}: {column} has no value on {session:%Y-%m-%d}. Leave it out of "
            "`features.columns`, or load a file that has every value."
        )
