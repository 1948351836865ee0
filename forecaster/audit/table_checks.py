"""Checks of the table: each row of a feature may depend on no later row."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from forecaster.arrays import FloatArray
from forecaster.audit.changes import CHANGES, change_rows, same
from forecaster.audit.findings import Check
from forecaster.audit.subject import Subject
from forecaster.config.feature_names import PRICE_COLUMNS, parse_feature
from forecaster.data.calendar_features import calendar_features
from forecaster.data.splits import session_index
from forecaster.data.table import Table

# How many sessions ahead a leak is looked for one by one, to say how far it reaches.
REACH = 10
# Every so many sessions a made-up companion has none, as real ones have holidays.
HOLIDAY = 7


def check_features(subject: Subject) -> Check:
    """Change, or take away, the rows after a cut: those up to it must stand still."""
    leaks: dict[str, str] = {}
    for ticker, frame in subject.frames.items():
        whole = columns_of(subject.table(frame, ticker))
        for cut in _cuts(subject, frame):
            for other in _futures(frame, cut):
                found = columns_of(subject.table(other, ticker))
                for name, values in whole.items():
                    if name in leaks or same(values[: cut + 1], found[name][: cut + 1]):
                        continue
                    leaks[name] = _sentence(subject, ticker, frame, cut, name)
    clean = (
        f"{_listed(subject)}: no value up to a cut-off moved when the rows after it "
        "rose, fell, went up and down, were shuffled, replaced or taken away."
    )
    return Check.of("features_use_only_their_past", list(leaks.values()), clean)


def check_known(subject: Subject) -> Check:
    """Change every price: what is known beforehand must come from dates alone."""
    names = subject.config.features.known_future
    leaks = [
        f"{name} is used as known beforehand, but the calendar does not tell it: it "
        "moves with the prices."
        for name in _moving(subject)
    ]
    leaks += [
        f"{name} is no feature of these settings, and yet is given as known beforehand."
        for name in subject.table(subject.frame).known.columns
        if name not in names
    ]
    clean = "These settings use nothing as known beforehand."
    if names:
        clean = f"{', '.join(names)}: the same whatever the prices; dates tell them."
    return Check.of("known_future_is_calendar", leaks, clean)


def check_prices(subject: Subject) -> Check:
    """Compare the target with the price column that the settings name."""
    name, leaks = subject.config.data.target, []
    for ticker, frame in subject.frames.items():
        target = subject.table(frame, ticker).target
        if not same(target, frame[name].to_numpy()):
            leaks.append(
                f"{ticker}: the target is not the {name} of the prices, row by row; "
                "it may be smoothed, filled or shifted."
            )
    return Check.of(
        "target_is_the_price_as_given",
        leaks,
        f"The target of each session is its {name}, unsmoothed and unshifted.",
    )


def check_companions(subject: Subject) -> Check:
    """Join made-up companions, and change their rows after a cut."""
    wanted = (*subject.config.features.columns, *subject.config.features.static)
    names = [name for name in wanted if parse_feature(name).companion]
    leaks: dict[str, str] = {}
    frame = subject.frame
    own = frame[[name for name in frame if ":" not in str(name)]]
    for cut in _cuts(subject, frame) if names else ():
        whole = _joined(subject, own, names, _companions(frame, names, cut))
        for change in CHANGES:
            others = {
                ticker: change_rows(rows, _after(rows, own.index[cut]), change)
                for ticker, rows in _companions(frame, names, cut).items()
            }
            found = _joined(subject, own, names, others)
            for name in names:
                known = whole[name].iloc[: cut + 1], found[name].iloc[: cut + 1]
                if not same(*known):
                    leaks[name] = (
                        f"{name} up to {subject.day(cut)} moves with prices that its "
                        "ticker had later."
                    )
    clean = "These settings read no other ticker."
    if names:
        clean = (
            f"{', '.join(names)}: joined from made-up prices with holidays of their "
            "own, no value moved with a later price."
        )
    return Check.of("companions_use_only_their_past", list(leaks.values()), clean)


def columns_of(table: Table) -> dict[str, FloatArray]:
    """Return all that a table holds of each row, by name."""
    columns = {str(name): table.features[name].to_numpy() for name in table.features}
    columns |= {
        f"static {name}": table.static[name].to_numpy() for name in table.static
    }
    columns["the target"] = table.target
    if len(table.volatility):
        columns["the recent volatility"] = table.volatility
    return columns


def _cuts(subject: Subject, frame: pd.DataFrame) -> list[int]:
    rows = subject.training_rows(frame)
    cuts = {
        (rows.start + rows.stop) // 2,
        subject.end_of_training(frame),
        subject.end_of_range(frame),
    }
    if frame is subject.frame:
        cuts.add(subject.middle_of_test())
    return sorted(cut for cut in cuts if 0 <= cut < len(frame) - 1)


def _futures(frame: pd.DataFrame, cut: int) -> Iterator[pd.DataFrame]:
    for change in CHANGES:
        yield change_rows(frame, slice(cut + 1, None), change)
    shorter = frame.iloc[: cut + 1]
    shorter.attrs = dict(frame.attrs)
    yield shorter


def _sentence(
    subject: Subject, ticker: str, frame: pd.DataFrame, cut: int, name: str
) -> str:
    """Say how far ahead a leak reaches, by changing later rows one at a time."""
    whole = columns_of(subject.table(frame, ticker))[name]
    steps = []
    for step in range(1, min(REACH, len(frame) - 1 - cut) + 1):
        row = slice(cut + step, cut + step + 1)
        other = change_rows(frame, row, "replaced")
        found = columns_of(subject.table(other, ticker))[name]
        if not same(whole[: cut + 1], found[: cut + 1]):
            steps.append(step)
    day = session_index(frame)[cut].date()
    later = "rows far later"
    if steps:
        later = f"what happens up to {steps[-1]} session{'s'[: steps[-1] > 1]} later"
    same_day = steps == [1] and ": at an origin, that is the session to be forecast"
    return f"{ticker}: {name} up to {day} knows {later}{same_day or ''}."


def _moving(subject: Subject) -> list[str]:
    """Return what is known of coming sessions and yet is not from the calendar."""
    frame, calendar = subject.frame, subject.config.data.calendar
    known = subject.table(frame).known
    every = change_rows(frame, slice(0, None), "replaced")
    other = subject.table(every).known
    names = [str(name) for name in known if not same(known[name], other[name])]
    cut = subject.middle_of_test()
    told = calendar_features(
        session_index(frame)[cut + 1 :],
        [name for name in subject.config.features.known_future if name in known],
        calendar=calendar,
        before=session_index(frame)[cut],
    )
    wrong = [name for name in told if not same(known[name].iloc[cut + 1 :], told[name])]
    return list(dict.fromkeys([*names, *map(str, wrong)]))


def _joined(
    subject: Subject,
    own: pd.DataFrame,
    names: list[str],
    companions: dict[str, pd.DataFrame],
) -> pd.DataFrame:
    calendar = subject.config.data.calendar
    load = companions.__getitem__
    return subject.pipeline.join(own, names, load, calendar=calendar)


def _companions(
    frame: pd.DataFrame, names: list[str], cut: int
) -> dict[str, pd.DataFrame]:
    """Return made-up prices of each companion, without a row at the cut."""
    tickers = dict.fromkeys(str(parse_feature(name).companion) for name in names)
    price = next(name for name in PRICE_COLUMNS if name in frame)
    columns = {
        name: frame[name if name in frame else price].astype(np.float64)
        for name in PRICE_COLUMNS
    }
    holidays = np.arange(len(frame)) % HOLIDAY == cut % HOLIDAY
    made = pd.DataFrame(columns)
    return {
        ticker: change_rows(made, slice(0, None), "replaced", seed=number)[~holidays]
        for number, ticker in enumerate(tickers, start=1)
    }


def _after(frame: pd.DataFrame, day: pd.Timestamp) -> slice:
    return slice(int(session_index(frame).searchsorted(day, side="right")), None)


def _listed(subject: Subject) -> str:
    names = list(columns_of(subject.table(subject.frame)))
    return ", ".join(names)
