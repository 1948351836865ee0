"""Comparing: how a source's new answer differs from what is stored of a ticker."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from forecaster.data.incoming import RAW_PRICES
from forecaster.errors import BadResponse, InvalidPrices

Kind = Literal["same", "split", "dividend", "restated", "gap"]

# Sources round: an old price of a stock that was split 224 for 1 has 4 digits left.
PRICE_TOLERANCE = 1e-4
# Late trades are added to a volume for days; that is no restatement.
VOLUME_TOLERANCE = 1e-3
# Single bad prices are corrected by any factor; several by no more than this.
LARGEST_RESTATEMENT, FEWEST_FAR = 1.2, 3
SPLIT_TOLERANCE = 0.01


@dataclass(frozen=True)
class Comparison:
    """What changed between two tables of raw rows.

    Attributes
    ----------
    kind
        `same`: nothing that is stored has changed, though sessions may be added.
        `split`, `dividend`: there is a new or another one. `restated`: stored prices
        have changed. `gap`: too few sessions in common to tell.
    price_ratio
        Median of new over stored closes of the sessions in common.
    restated
        Sessions with other prices.
    splits, dividends
        New or changed ones, by session (ISO), with the new value.
    new
        Sessions after the last one stored.
    filled
        Sessions before it that were not stored.
    lost
        Stored sessions of the range asked for that the source no longer gives.
    revised_volume
        Sessions with another volume.
    """

    kind: Kind
    price_ratio: float
    restated: pd.DatetimeIndex
    splits: dict[str, float]
    dividends: dict[str, float]
    new: pd.DatetimeIndex
    filled: pd.DatetimeIndex
    lost: pd.DatetimeIndex
    revised_volume: pd.DatetimeIndex


def compare_rows(
    stored: pd.DataFrame,
    incoming: pd.DataFrame,
    *,
    since: pd.Timestamp,
    ticker: str = "series",
) -> Comparison:
    """Compare stored rows with those that a source gives from `since` on.

    Parameters
    ----------
    stored, incoming : DataFrame
        Raw rows, as `History.rows`.
    since : Timestamp
        The start that the source was asked for.
    ticker : str
        Named in errors.

    Raises
    ------
    BadResponse
        If a new split is listed, but the prices before it are not divided yet.
    InvalidPrices
        If many prices changed by more than any restatement explains.
    """
    window = _sessions(stored.loc[since:])
    arrived = _sessions(incoming)
    common = window.intersection(arrived)
    old, new = stored.loc[common], incoming.loc[common]
    restated, ratio = _restated(old, new)
    added = arrived.difference(_sessions(stored))
    splits, dividends = _changed_actions(
        old, new, incoming.loc[_after_first(stored, added)]
    )
    lost = window.difference(arrived)
    _check_scale(old, new, splits, ticker)
    return Comparison(
        kind=_kind(len(common) <= len(lost), splits, dividends, restated),
        price_ratio=ratio,
        restated=restated,
        splits=splits,
        dividends=dividends,
        new=added[added > stored.index[-1]],
        filled=added[added < stored.index[-1]],
        lost=lost,
        revised_volume=common[_revised_volume(old, new)],
    )


def merge_rows(
    stored: pd.DataFrame, incoming: pd.DataFrame, comparison: Comparison
) -> pd.DataFrame:
    """Join stored and incoming rows into the next version.

    If nothing has changed, stored prices stay as they are, to the bit. Otherwise the
    incoming rows replace them. Stored sessions that the source no longer gives are
    kept, unless its prices are now on another scale, or their dividend or split came
    with the session after them.
    """
    if comparison.kind == "same":
        base, extra = stored, incoming.loc[comparison.filled.union(comparison.new)]
    elif abs(comparison.price_ratio - 1) > PRICE_TOLERANCE:
        base, extra = incoming, incoming.iloc[:0]
    else:
        base, extra = incoming, _kept_rows(stored, incoming, comparison)
    merged = pd.concat([base, extra]).sort_index() if len(extra) else base.copy()
    revised = comparison.revised_volume
    merged.loc[revised, "volume"] = incoming.loc[revised, "volume"]
    return merged


def _kept_rows(
    stored: pd.DataFrame, incoming: pd.DataFrame, comparison: Comparison
) -> pd.DataFrame:
    """Return the lost rows, less those whose action the next session now has."""
    lost = stored.loc[comparison.lost]
    places = np.searchsorted(incoming.index, lost.index)
    dates = [*(f"{day:%Y-%m-%d}" for day in incoming.index), ""]
    changed = comparison.splits.keys() | comparison.dividends.keys()
    moved = np.array([dates[place] in changed for place in places], dtype=bool)
    acting = ((lost["split"] != 1) | (lost["dividend"] != 0)).to_numpy()
    return lost.loc[~(moved & acting)]


def _kind(
    apart: bool,
    splits: dict[str, float],
    dividends: dict[str, float],
    restated: pd.DatetimeIndex,
) -> Kind:
    if apart:
        return "gap"
    if splits:
        return "split"
    if len(restated):
        return "restated"
    return "dividend" if dividends else "same"


def _restated(old: pd.DataFrame, new: pd.DataFrame) -> tuple[pd.DatetimeIndex, float]:
    """Return the sessions whose prices differ, and the median ratio of closes."""
    names = list(RAW_PRICES)
    ratios = new[names].to_numpy() / old[names].to_numpy()
    differs = (np.abs(ratios - 1) > PRICE_TOLERANCE).any(axis=1)
    median = float(np.median(ratios[:, -1])) if len(ratios) else 1.0
    return _sessions(old)[differs], median


def _check_scale(
    old: pd.DataFrame, new: pd.DataFrame, splits: dict[str, float], ticker: str
) -> None:
    """Refuse prices as traded that have moved as far as a split or a unit would."""
    ratios = new["close"].to_numpy() / old["close"].to_numpy()
    far = np.abs(np.log(ratios)) > math.log(LARGEST_RESTATEMENT)
    if far.sum() < FEWEST_FAR:
        return
    median = float(np.median(ratios[far]))
    listed_split = math.prod(splits.values())
    if splits and abs(median / listed_split - 1) < SPLIT_TOLERANCE:
        raise BadResponse(
            f"{ticker}: a split of {listed_split:g} is listed on {max(splits)}, but "
            "the prices before it are not yet divided by it. The stored prices are "
            "kept. Try again tomorrow."
        )
    raise InvalidPrices(
        f"{ticker}: {far.sum()} stored closes are now {median:.4g} times as high, "
        "which no restatement explains: perhaps another unit, or a split that is not "
        "listed yet. The stored prices are kept. Try again tomorrow, or accept the new "
        "ones with `--replace`."
    )


def _changed_actions(
    old: pd.DataFrame, new: pd.DataFrame, added: pd.DataFrame
) -> tuple[dict[str, float], dict[str, float]]:
    """Return the splits and dividends that are new, gone or of another size."""
    split = np.abs(new["split"] / old["split"] - 1) > PRICE_TOLERANCE
    # A dividend matters by what it takes from the price.
    change = np.abs(new["dividend"] - old["dividend"])
    dividend = change > PRICE_TOLERANCE * old["close"]
    splits = pd.concat([new["split"][split], added["split"][added["split"] != 1]])
    dividends = pd.concat(
        [new["dividend"][dividend], added["dividend"][added["dividend"] != 0]]
    )
    return _by_date(splits), _by_date(dividends)


def _after_first(stored: pd.DataFrame, added: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """Return the added sessions whose actions change stored sessions."""
    return pd.DatetimeIndex(added[added > stored.index[0]])


def _revised_volume(old: pd.DataFrame, new: pd.DataFrame) -> np.ndarray:
    before, after = old["volume"].to_numpy(), new["volume"].to_numpy()
    close = np.isclose(after, before, rtol=VOLUME_TOLERANCE, atol=0.5)
    revised: np.ndarray = ~close & np.isfinite(after)
    return revised


def _by_date(actions: pd.Series[float]) -> dict[str, float]:
    ordered = actions.sort_index()
    return {f"{day:%Y-%m-%d}": float(value) for day, value in ordered.items()}


def _sessions(rows: pd.DataFrame) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(rows.index)
