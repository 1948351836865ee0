"""Leaky pipelines: the project's own, with one function made wrong in each."""

from __future__ import annotations

import functools
from contextlib import ExitStack
from dataclasses import fields, replace
from unittest import mock

import numpy as np
import pandas as pd

from forecaster import preparing, training
from forecaster.audit.pipeline import Pipeline
from forecaster.data import table as tables
from forecaster.data.sequences import Sequences
from forecaster.data.windows import cut_windows
from forecaster.models.refits import Refits

HONEST = Pipeline()


def with_patches(**patches):
    """Return the project's pipeline, run with some of its functions replaced.

    Names are dotted paths with `__` for the dot before the function.
    """

    def patched(stage):
        @functools.wraps(stage)
        def run(*args, **kwargs):
            with ExitStack() as stack:
                for place, function in patches.items():
                    target = f"forecaster.{place.replace('__', '.')}"
                    stack.enter_context(mock.patch(target, function))
                return stage(*args, **kwargs)

        return run

    return Pipeline(
        **{stage.name: patched(getattr(HONEST, stage.name)) for stage in fields(HONEST)}
    )


def scaler_on_all_rows():
    """Fit the scaler on the whole table, test rows included."""
    honest = preparing.prepare_training

    def prepare(prices, config):
        data = honest(prices, config)
        table = tables.make_table(prices, config, ticker="TEST")
        ready = table.rows(slice(table.n_unready, None))
        return replace(data, scaler=preparing.fit_scaler([ready], config))

    return _prepared(prepare)


def random_split():
    """Deal overlapping windows at random to training and validation."""
    honest = preparing.prepare_training

    def prepare(prices, config):
        data = honest(prices, config)
        table = tables.make_table(prices, config, ticker="TEST")
        ready = table.rows(slice(table.n_unready, None))
        every = cut_windows(ready, config, data.scaler)
        order = np.random.default_rng(0).permutation(len(every))
        n_trained = len(data.training)
        return replace(
            data,
            training=every[order[:n_trained]],
            validation=every[order[n_trained:]],
        )

    return _prepared(prepare)


def _prepared(prepare):
    """Return the pipeline whose preparation is another, alone and in training."""
    leaky = with_patches(training__prepare_training=prepare)
    return replace(leaky, prepare=prepare)


def same_day_feature(column="close"):
    """Give each row the next row's value of a feature."""
    honest = tables.make_table

    def make(prices, config, *, ticker):
        table = honest(prices, config, ticker=ticker)
        features = table.features.copy()
        features[column] = features[column].shift(-1).ffill()
        return replace(table, features=features)

    return _tabled(make)


def smoothed_prices():
    """Smooth the prices over the sessions around each."""
    honest = tables.make_table

    def make(prices, config, *, ticker):
        smooth = prices.rolling(5, center=True, min_periods=1).mean()
        return honest(smooth, config, ticker=ticker)

    return _tabled(make)


def smoothed_features():
    """Smooth the features alone; the target stays as it is."""
    honest = tables.make_table

    def make(prices, config, *, ticker):
        table = honest(prices, config, ticker=ticker)
        smooth = table.features.rolling(7, center=True, min_periods=1).mean()
        return replace(table, features=smooth)

    return _tabled(make)


def undeclared_future():
    """Give tomorrow's volume as known beforehand."""
    honest = tables.make_table

    def make(prices, config, *, ticker):
        table = honest(prices, config, ticker=ticker)
        known = table.known.assign(weekday_sin=np.log(prices["volume"]).to_numpy())
        return replace(table, known=known)

    return _tabled(make)


def _tabled(make):
    leaky = with_patches(preparing__make_table=make, forecasting__make_table=make)
    return replace(leaky, make_table=make)


def stopped_on_the_test():
    """Validate, and so stop, on the test range."""
    honest = preparing.prepare_training

    def prepare(prices, config):
        data = honest(prices, config)
        table = tables.make_table(prices, config, ticker="TEST")
        last = table.sessions.searchsorted(pd.Timestamp(config.training.end), "right")
        rows = slice(int(last), len(table))
        tested = preparing.windows_ending_in(table, rows, config, data.scaler)
        return replace(data, validation=tested)

    return _prepared(prepare)


def chosen_on_the_test():
    """Keep the trained weights or smaller ones, whichever does better in the test."""
    honest = training.train

    def score(forecaster, prices):
        return forecaster.evaluate(prices).scores["rmse"]["model"]

    def train(prices, config, *, progress=None):
        forecaster = honest(prices, config, progress=progress)
        trained = forecaster.network.get_weights()
        before = score(forecaster, prices)
        forecaster.network.set_weights([weights / 2 for weights in trained])
        if before < score(forecaster, prices):
            forecaster.network.set_weights(trained)
        return forecaster

    return replace(HONEST, train=train)


def weights_carried_over():
    """Begin each training with the weights that the last one ended in."""
    honest, kept = training.train, []
    fresh = Refits.take

    def begun(refits, config, *, n_windows):
        trainable = fresh(refits, config, n_windows=n_windows)
        if kept:
            trainable.network.trainer.set_weights(kept[-1])
        return trainable

    def train(prices, config, *, progress=None):
        with mock.patch.object(Refits, "take", begun):
            forecaster = honest(prices, config, progress=progress)
        kept.append(forecaster.network.get_weights())
        return forecaster

    return replace(HONEST, train=train)


def shifted_target():
    """Ask for the origin's own price at step 1."""

    def cut(table, config, scaler):
        honest = cut_windows(table, config, scaler)
        known = np.concatenate(
            [honest.origin_price[:, None], honest.actual[:, :-1]], axis=1
        )
        targets = honest.footing.encode(known).astype(np.float32)
        return replace(honest, actual=known, wanted=targets)

    return with_patches(preparing__cut_windows=cut)


def inputs_of_the_next_session():
    """Let each window end a session after its origin."""

    def cut(table, config, scaler):
        honest = cut_windows(table, config, scaler)
        later = np.concatenate([honest.inputs[1:], honest.inputs[-1:]])
        return replace(honest, sequences=Sequences.of(later))

    return with_patches(preparing__cut_windows=cut)


def training_alone_reads_ahead():
    """Let training's windows end a session late, and the test's as they should."""
    honest = preparing.prepare_training

    def prepare(prices, config):
        data = honest(prices, config)
        inputs = data.training.inputs
        later = np.concatenate([inputs[1:], inputs[-1:]])
        return replace(
            data, training=replace(data.training, sequences=Sequences.of(later))
        )

    return _prepared(prepare)


def forecasts_smoothed():
    """Put each forecast between the real prices around it."""
    honest = HONEST.forecast

    def forecast(forecaster, prices, start, end):
        evaluation = honest(forecaster, prices, start, end)
        rows = evaluation.predictions
        return replace(
            evaluation,
            predictions=rows.assign(predicted=(rows["predicted"] + rows["actual"]) / 2),
        )

    return replace(HONEST, forecast=forecast)


def companions_filled_backwards():
    """Take a companion's next price where it has none of the day."""
    honest = HONEST.join

    def join(prices, names, load, *, calendar):
        def filled(ticker):
            return load(ticker).reindex(prices.index).bfill().ffill()

        return honest(prices, names, filled, calendar=calendar)

    return replace(HONEST, join=join)
