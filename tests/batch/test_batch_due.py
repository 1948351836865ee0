"""What is due follows the exchange's own calendar, not the clock's days."""

from datetime import UTC, datetime

import pytest

from forecaster.batch.due import Wanted, find_due, wanted_origins
from forecaster.config.batch import BatchConfig
from forecaster.config.files import check_settings
from forecaster.errors import ConfigError


def config(**forecast):
    settings = {
        "universe": {"tickers": ["AAA"]},
        "model": {"bundle": "b"},
        "forecast": forecast,
    }
    return check_settings(BatchConfig, settings)


def wanted(text, *, settings=None, **more):
    now = datetime.fromisoformat(text).replace(tzinfo=UTC)
    found = wanted_origins(settings or config(), now=now, **more)
    return [str(day) for day in found]


@pytest.mark.parametrize(
    ("now", "newest"),
    [
        # New York closes at 21:00 UTC in winter, at 20:00 in summer.
        ("2023-11-20T21:44", "2023-11-17"),
        ("2023-11-20T21:45", "2023-11-20"),
        ("2023-07-10T20:44", "2023-07-07"),
        ("2023-07-10T20:45", "2023-07-10"),
        # Thanksgiving is no session, and the day after it a half one, to 18:00 UTC.
        ("2023-11-23T23:00", "2023-11-22"),
        ("2023-11-24T18:44", "2023-11-22"),
        ("2023-11-24T18:45", "2023-11-24"),
        ("2023-11-26T12:00", "2023-11-24"),
    ],
)
def test_the_newest_session(now, newest):
    assert wanted(now) == [newest]


def test_a_longer_delay():
    slow = config(delay_minutes=180)
    assert wanted("2023-11-20T23:59", settings=slow) == ["2023-11-17"]
    assert wanted("2023-11-21T00:00", settings=slow) == ["2023-11-20"]


def test_sessions_before_oldest_first():
    assert wanted("2023-11-27T23:00", catch_up=3) == [
        *("2023-11-21", "2023-11-22", "2023-11-24", "2023-11-27"),
    ]


@pytest.mark.parametrize(
    ("as_of", "newest"),
    [("2023-11-22", "2023-11-22"), ("2023-11-23", "2023-11-22")],
)
def test_an_evening_in_the_past(as_of, newest):
    assert wanted("2023-12-20T12:00", as_of=as_of) == [newest]


def test_an_evening_that_has_not_come_is_refused():
    with pytest.raises(ConfigError, match="2023-11-20 is not over"):
        wanted("2023-11-20T21:44", as_of="2023-11-20")
    # A weekend's evening is that of the Friday before.
    assert wanted("2023-11-19T12:00", as_of="2023-11-19") == ["2023-11-17"]


@pytest.mark.parametrize("number", [-1, 1001])
def test_a_number_out_of_range_is_refused(number):
    with pytest.raises(ConfigError, match="catch up 0 to 1000"):
        wanted("2023-11-20T23:00", catch_up=number)


def test_only_whole_forecasts_count(desk):
    from forecaster.ledger import Ledger

    desk.run(forecast__horizon=2)
    with Ledger.open(desk.folder / "ledger.db") as ledger:
        (origin,) = wanted_origins(config(), now=datetime(2020, 8, 19, 22, tzinfo=UTC))
        names = ("AAA", "NEW")
        same = find_due(ledger, "tiny", Wanted(2, 2), names, [origin])
        assert same.pairs == [(origin, "NEW")]
        for more in (Wanted(3, 3), Wanted(2, 4)):
            found = find_due(ledger, "tiny", more, names, [origin])
            assert found.pairs == [(origin, "AAA"), (origin, "NEW")]
        other = find_due(ledger, "other", Wanted(2, 2), names, [origin])
        assert other.missing == {origin: names}


@pytest.mark.parametrize(
    ("settings", "n_sessions", "n_rows"),
    [
        ({}, 2, 2 * 4),
        ({"levels": [0.5, 0.9]}, 2, 2 * 8),
        # The ends of this interval are the network's own quantiles.
        ({"levels": [0.8]}, 2, 2 * 4),
        ({"horizon": 1}, 1, 4),
        # Beyond its own horizon a network has no quantiles.
        ({"horizon": 3}, 3, 3),
    ],
)
def test_what_a_whole_forecast_has(tiny_config, settings, n_sessions, n_rows):
    layers = [{"units": 3}]
    network = tiny_config(
        model={"layers": layers, "head": "quantiles", "quantiles": [0.1, 0.5, 0.9]},
        window={"lookback": 4, "horizon": 2},
    )
    wanted = Wanted.of(network, config(**settings).forecast)
    assert wanted == Wanted(n_sessions, n_rows)
