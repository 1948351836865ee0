"""The public names are those that are listed, and importing them is instant."""

import importlib
import pkgutil
import subprocess
import sys

import pytest

import forecaster


@pytest.mark.parametrize("name", forecaster.__all__)
def test_every_public_name_can_be_used(name):
    assert getattr(forecaster, name).__doc__


def test_the_list_of_names_is_sorted_and_complete():
    assert sorted(forecaster.__all__) == forecaster.__all__
    assert set(forecaster._HOMES) == set(forecaster.__all__)
    assert set(forecaster.__all__) <= set(dir(forecaster))


def test_no_public_name_is_that_of_a_module():
    # It would be the one or the other, whichever was imported last.
    modules = {module.name for module in pkgutil.iter_modules(forecaster.__path__)}
    assert not modules & set(forecaster.__all__)


def test_modules_are_found_beside_the_names():
    for name in ("backtest", "audit", "monitor", "lag", "trading", "explain", "paths"):
        module = importlib.import_module(f"forecaster.{name}")
        assert getattr(forecaster, name) is module
    assert callable(forecaster.monitor.monitor)
    assert forecaster.trade is forecaster.trading.trade


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'trian'"):
        _ = forecaster.trian


HEAVY = (
    "tensorflow keras sklearn scipy matplotlib exchange_calendars pandas pydantic numpy"
)


@pytest.mark.parametrize("module", ["forecaster", "forecaster.cli.app"])
def test_importing_loads_nothing_heavy(module):
    code = f"import sys, {module}; print(*set(sys.modules) & set({HEAVY.split()}))"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert loaded.stdout.split() == []
