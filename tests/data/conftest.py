"""Fixtures: sources that wait on the test's own clock."""

import pytest

from forecaster.data.retrying import Gate, RetryPolicy
from forecaster.data.yahoo import YahooSource
from tests.support.clock import Clock


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def make_gate(clock, tmp_path):
    """Make a gate on the test's clock, in the test's folder."""

    def make(source="yahoo", **changes):
        settings = {"now": clock.now, "sleep": clock.sleep, "folder": tmp_path / "gate"}
        return Gate(source, **(settings | changes))

    return make


@pytest.fixture
def make_source(make_gate):
    """Make a `YahooSource` that waits on the test's clock."""

    def make(*, attempts=4, timeout=1.0, offline=False, gate=None):
        return YahooSource(
            offline=offline,
            timeout=timeout,
            policy=RetryPolicy(attempts=attempts),
            gate=gate or make_gate(),
        )

    return make
