"""Settings of a batch: read strictly, with a word on what would be right."""

import pytest

from forecaster.batch.universe import read_universe
from forecaster.config.batch import UniverseConfig, load_batch_config
from forecaster.errors import ConfigError

SMALL = """
[universe]
tickers = ["AAA"]
[model]
bundle = "bundle"
"""


@pytest.fixture
def write(tmp_path):
    def make(text):
        file = tmp_path / "evening.toml"
        file.write_text(text)
        return file

    return make


def test_the_shipped_settings_are_whole():
    config = load_batch_config("batch")
    assert config.name == "batch"
    assert config.universe.tickers == ("AAPL", "AMZN", "GOOG", "META", "NFLX", "NVDA")
    assert config.model.settings == "global-quantiles"


def test_the_file_names_the_batch(write):
    config = load_batch_config(write(SMALL))
    assert config.name == "evening"
    assert config.forecast.delay_minutes == 45
    assert config.source.is_remote


def test_options_change_settings(write):
    changes = ["forecast.horizon=3", "source.name=embedded", "name=other"]
    config = load_batch_config(write(SMALL), changes)
    assert (config.forecast.horizon, config.name) == (3, "other")
    assert not config.source.is_remote


def test_files_are_looked_for_beside_the_settings(write, tmp_path):
    (tmp_path / "list.txt").write_text("AAA\n")
    (tmp_path / "mine.toml").write_text("")
    text = '[universe]\nfile = "list.txt"\n[model]\nsettings = "mine.toml"\n'
    config = load_batch_config(write(text))
    assert config.universe.file == str(tmp_path / "list.txt")
    assert config.model.settings == str(tmp_path / "mine.toml")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "universe"),
        ("[universe]\nstored = true\n", "model"),
        ('[universe]\n[model]\nbundle = "b"\n', "want one of `tickers`"),
        (SMALL.replace('["AAA"]', '["A B"]'), "universe.tickers.0"),
        (SMALL.replace('bundle = "bundle"', ""), "want one of `bundle`"),
        (SMALL + "refit = 5\n", "refit is for networks that the batch trains"),
        (SMALL + "[forecast]\nhorzon = 5\n", "did you mean 'horizon'"),
        (SMALL + "[forecast]\nlevels = [1.5]\n", "forecast.levels.0"),
        (SMALL + "[forecast]\ndelay_minutes = 5\n", "forecast.delay_minutes"),
        (SMALL + '[outputs]\nformats = ["xls"]\n', "outputs.formats"),
        (SMALL + '[outputs]\nmetrics = "m.txt"\n', "end in .prom"),
        (SMALL + '[outputs]\nping = "ftp://x/"\n', "https://host/check"),
        ("[universe\n", "not a TOML file"),
    ],
)
def test_wrong_settings_are_refused_with_their_names(write, text, told):
    with pytest.raises(ConfigError) as caught:
        load_batch_config(write(text))
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("nothing.toml", "no such settings file of a batch"),
        ("google", "settings of a training"),
    ],
)
def test_a_missing_file_is_told(name, told):
    with pytest.raises(ConfigError, match=told):
        load_batch_config(name)


def test_a_universe_in_a_file(tmp_path):
    file = tmp_path / "list.txt"
    file.write_text("\ufeffgoog\n# a comment\n\nBRK-B  # two classes\n^GSPC\nGOOG\n")
    names = read_universe(UniverseConfig(file=str(file)))
    assert names == ("BRK-B", "GOOG", "^GSPC")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "holds no ticker"),
        (b"# nothing\n", "holds no ticker"),
        (b"GOOG\nTWO WORDS\n", "line 2: 'TWO WORDS' is no ticker"),
        (b"\xff\xfe\x00", "it is no text"),
    ],
)
def test_a_file_of_something_else_is_refused(tmp_path, content, told):
    file = tmp_path / "list.txt"
    file.write_bytes(content)
    with pytest.raises(ConfigError, match=told):
        read_universe(UniverseConfig(file=str(file)))


def test_a_missing_universe_is_told(tmp_path):
    with pytest.raises(ConfigError, match="No such file"):
        read_universe(UniverseConfig(file=str(tmp_path / "none.txt")))


def test_a_file_may_have_any_name(tmp_path):
    file = tmp_path / "my batch (new).toml"
    file.write_text(SMALL)
    assert load_batch_config(file).name == "my-batch-new"


def test_all_stored_tickers(tmp_path, monkeypatch):
    monkeypatch.setenv("FORECASTER_DATA", str(tmp_path))
    with pytest.raises(ConfigError, match="no prices of this source"):
        read_universe(UniverseConfig(stored=True))
