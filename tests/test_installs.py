"""Both kinds of install find the embedded prices and the named settings."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import forecaster
from forecaster.resources import resource_folder

ROOT = Path(forecaster.__file__).parents[1]
CHILD = """
import forecaster, forecaster.resources as resources
print(forecaster.__file__)
print(resources.resource_folder("data"))
print(len(forecaster.load_prices("GOOG")), forecaster.load_config("google").name)
"""


def build(target, *kinds):
    """Build the checkout with the build library alone: no network, no isolation."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-d", str(target), *kinds],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    return sorted(target.iterdir())


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    return build(tmp_path_factory.mktemp("wheel"), "-t", "wheel")[0]


def test_a_wheel_carries_prices_settings_and_types(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    for ticker in forecaster.embedded_tickers():
        assert f"forecaster/_data/{ticker}.csv" in names
    assert "forecaster/_configs/google.toml" in names
    assert "forecaster/_data/known_moves.csv" in names
    assert "forecaster/_data/splits.csv" in names
    assert "forecaster/py.typed" in names
    assert "forecaster/web/static/page.css" in names
    assert not any("tests/" in name or "/test_" in name for name in names)


def test_a_wheel_finds_its_own_data(wheel, tmp_path):
    site = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(site)
    answer = subprocess.run(
        [sys.executable, "-c", CHILD],
        cwd=tmp_path,
        env={"PYTHONPATH": str(site), "PATH": ""},
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    assert answer[0] == str(site / "forecaster" / "__init__.py")
    assert answer[1] == str(site / "forecaster" / "_data")
    assert answer[2] == "4806 google"


def test_a_wheel_made_from_the_sdist_is_the_same(wheel, tmp_path):
    import tarfile

    sdist = build(tmp_path / "sdist", "-t", "sdist")[0]
    with tarfile.open(sdist) as archive:
        # The first releases of Python 3.11 have no filters, and need none.
        archive.extraction_filter = getattr(tarfile, "data_filter", None)
        archive.extractall(tmp_path / "source")
    (source,) = (tmp_path / "source").iterdir()
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-d", "out", "-t", "wheel"],
        cwd=source,
        check=True,
        capture_output=True,
    )
    (again,) = (source / "out").iterdir()
    names = [zipfile.ZipFile(path).namelist() for path in (wheel, again)]
    assert sorted(names[0]) == sorted(names[1])


def test_an_editable_install_finds_the_checkouts_data():
    assert resource_folder("data") == ROOT / "data"
    assert resource_folder("configs") == ROOT / "configs"
    assert len(forecaster.load_prices("GOOG")) == 4806
