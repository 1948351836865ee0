"""Streaming: forecasts that go on from a kept state, reading each session once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd

from forecaster.arrays import FloatArray
from forecaster.atomic import write_bytes
from forecaster.checkpoint import (
    assign_variables,
    pack_arrays,
    read_variables,
    unpack_arrays,
)
from forecaster.config import Config
from forecaster.data.prices import ticker_of
from forecaster.data.table import Table, make_table, usable_part
from forecaster.errors import BundleError, ConfigError, DataError, InvalidPrices
from forecaster.forecast import Forecast
from forecaster.forecasting import Forecaster
from forecaster.models.truncated import copy_weights, stateful_network, states_of

SHAPES = ("sequence_to_vector", "sequence_to_sequence")
# Scaled inputs that differ by more are other prices, not another rounding.
SEAM_TOLERANCE = 1e-5


@dataclass(eq=False)
class Stream:
    """A Forecaster that remembers all sessions it has read, not `lookback` of them.

    A window begins with an empty state, and a stream does not: after more than
    `window.lookback` sessions its forecasts are those of a network with a window as
    long as all that was read. Training showed the network no state that old.

    Attributes
    ----------
    ticker
        Whose prices are read.
    last
        The newest session that was read.
    seam : ndarray of shape (n_features,)
        The scaled inputs of that session.
    forecast
        What was last forecast; None after `load`, until the next `update`.

    Examples
    --------
    >>> stream = Stream.start(forecaster, prices)  # doctest: +SKIP
    >>> stream.update(longer_prices).price  # doctest: +SKIP
    """

    ticker: str
    last: pd.Timestamp
    seam: FloatArray
    forecast: Forecast | None = None
    _stepper: Forecaster = field(kw_only=True, repr=False)
    _stamp: str = field(kw_only=True, repr=False)

    @classmethod
    def start(cls, forecaster: Forecaster, prices: pd.DataFrame) -> Self:
        """Read all known prices once and forecast the sessions after them.

        Parameters
        ----------
        forecaster
            A trained network; it is not changed.
        prices
            Checked price frame (see `load_prices`).

        Raises
        ------
        ConfigError
            If the network cannot go on from a state, with the reason.
        DataError
            If no row is complete, or one has a gap.
        """
        stepper, config = _stepper(forecaster), forecaster.config
        ticker = ticker_of(prices, config)
        table = make_table(prices, config, ticker=ticker)
        rows = table.rows(usable_part(table, slice(0, len(table)), 1))
        stream = cls(
            ticker,
            rows.sessions[0],
            np.empty(0),
            _stepper=stepper,
            _stamp=network_stamp(forecaster),
        )
        stream._read(rows, prices)
        return stream

    def update(self, prices: pd.DataFrame) -> Forecast:
        """Read the sessions that are new, and forecast those after them.

        Parameters
        ----------
        prices
            Checked price frame that holds the newest session read so far, the new
            ones, and as many before as derived features look back on.

        Returns
        -------
        Forecast
            Also kept in `forecast`. After an error the stream is as it was.

        Raises
        ------
        DataError
            If the prices are another ticker's, hold no new session, or lack the
            newest one read so far.
        InvalidPrices
            If the newest session read so far has other values now.
        """
        config = self._stepper.config
        ticker = ticker_of(prices, config)
        if ticker != self.ticker:
            raise DataError(
                f"this stream has read {self.ticker}, and the prices are those of "
                f"{ticker}. Start another stream for them."
            )
        table = make_table(prices, config, ticker=ticker)
        place = self._place_of_seam(table)
        return self._read(table.rows(slice(place + 1, len(table))), prices)

    def save(self, path: str | Path) -> Path:
        """Write the state into one checksummed file, whole or not at all.

        Raises
        ------
        OutputError
            If it cannot be written; a file that stood there stays.
        """
        note = {
            "ticker": self.ticker,
            "last": self.last.isoformat(),
            "stamp": self._stamp,
        }
        states = read_variables(states_of(self._stepper.network))
        arrays = {f"state_{i:03d}": value for i, value in enumerate(states)}
        arrays["seam"] = self.seam
        arrays["note"] = np.frombuffer(json.dumps(note).encode(), dtype=np.uint8)
        write_bytes(Path(path), pack_arrays(arrays))
        return Path(path)

    @classmethod
    def load(cls, path: str | Path, forecaster: Forecaster) -> Self:
        """Read what `save` wrote, for the same network.

        Raises
        ------
        BundleError
            If the file is missing or damaged, or belongs to another network.
        ConfigError
            If the network cannot go on from a state.
        """
        try:
            arrays = unpack_arrays(Path(path).read_bytes())
            note = json.loads(bytes(arrays["note"]))
        except (OSError, ValueError, KeyError) as error:
            raise BundleError(
                f"{path}: no usable state of a stream ({error}). Start it again."
            ) from None
        stamp = network_stamp(forecaster)
        if note.get("stamp") != stamp:
            raise BundleError(
                f"{path}: the state belongs to another network. Load the one that "
                "wrote it, or start the stream again."
            )
        stepper = _stepper(forecaster)
        names = sorted(name for name in arrays if name.startswith("state_"))
        assign_variables(states_of(stepper.network), [arrays[name] for name in names])
        last = pd.Timestamp(note["last"])
        seam = arrays["seam"]
        return cls(note["ticker"], last, seam, _stepper=stepper, _stamp=stamp)

    def _place_of_seam(self, table: Table) -> int:
        """Return the row of the newest session read, after checking that it is so."""
        if self.last not in table.sessions:
            raise DataError(
                f"{self.ticker}: this stream has read to {self.last:%Y-%m-%d}, and the "
                "prices lack that session. Pass prices that reach back to it."
            )
        place = int(table.sessions.searchsorted(self.last))
        if place + 1 == len(table):
            raise DataError(
                f"{self.ticker}: no session after {self.last:%Y-%m-%d}, to which this "
                "stream has read. Load newer prices."
            )
        now = self._stepper.scaler.transform(table.features.iloc[[place]])[0]
        close = np.isclose(now, self.seam, rtol=SEAM_TOLERANCE, atol=SEAM_TOLERANCE)
        if not close.all():
            name = table.features.columns[int(np.argmin(close))]
            raise InvalidPrices(
                f"{self.ticker}: {name} on {self.last:%Y-%m-%d} is not what this "
                "stream has read: the prices were adjusted or corrected, or begin "
                "later. Start the stream again."
            )
        return place

    def _read(self, rows: Table, prices: pd.DataFrame) -> Forecast:
        """Read rows in order; the last of them is the origin of a forecast."""
        rows.check()
        network = self._stepper.network
        before = read_variables(states_of(network))
        scaled = self._stepper.scaler.transform(rows.features)
        try:
            for row in scaled[:-1]:
                network.predict_on_batch(_inputs(network, row))
            forecast = self._stepper.predict(prices)
        except BaseException:
            assign_variables(states_of(network), before)
            raise
        self.last, self.seam = rows.sessions[-1], scaled[-1]
        self.forecast = forecast
        return forecast


def network_stamp(forecaster: Forecaster) -> str:
    """Return what identifies a network: its settings, its scaler and its weights."""
    config = forecaster.config
    settings = [
        config.model.model_dump(mode="json"),
        config.features.model_dump(mode="json"),
        config.target.model_dump(mode="json"),
        config.data.model_dump(mode="json", include={"tickers", "target", "calendar"}),
        config.window.horizon,
        forecaster.scaler.to_dict(),
    ]
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    for value in forecaster.network.get_weights():
        digest.update(np.ascontiguousarray(value).tobytes())
    return digest.hexdigest()


def _stepper(forecaster: Forecaster) -> Forecaster:
    """Return the same network as one that reads a session at a time and remembers.

    Raises
    ------
    ConfigError
        With every reason why it cannot be one.
    """
    config = forecaster.config
    reasons = list(_obstacles(config))
    if reasons:
        raise ConfigError(f"this network cannot be streamed: {'; '.join(reasons)}")
    network = stateful_network(config, batch_size=1, n_steps=1)
    copy_weights(forecaster.network, network)
    window = config.window.model_copy(update={"lookback": 1})
    one_step = config.model_copy(update={"window": window})
    return replace(forecaster, network=network, config=one_step)


def _obstacles(config: Config) -> Iterator[str]:
    model = config.model
    if model.shape not in SHAPES:
        yield f"model.shape {model.shape} keeps no state from session to session"
    if model.is_bidirectional:
        yield "a bidirectional layer reads back from the end, which moves"
    if model.convolution:
        yield "a convolution reads several sessions at once"
    if config.window.shortest:
        yield "window.shortest pads windows, and a stream has none"
    if config.features.scaling == "window":
        yield "features.scaling = 'window' scales within windows: a stream has none"
    if model.members > 1:
        yield f"model.members is {model.members}: each would need a state of its own"


def _inputs(network: Any, row: FloatArray) -> Any:
    """Return one session's inputs; what is known beside it touches no state."""
    shapes = {value.name: value for value in network.inputs}
    inputs = {
        name: np.zeros(value.shape, dtype=value.dtype) for name, value in shapes.items()
    }
    inputs["window"] = row[None, None]
    return inputs if len(inputs) > 1 else inputs["window"]
