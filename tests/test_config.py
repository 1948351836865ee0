"""Settings: the tutorial's recipe, clear refusals, and a round trip through TOML."""

import json
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecaster.config import (
    Config,
    config_from_dict,
    dump_config,
    list_configs,
    load_config,
)
from forecaster.errors import ConfigError


def test_the_reference_run_is_the_tutorials():
    config = load_config("google")
    wanted = {
        "name": "google",
        "data": {
            "ticker": "GOOG",
            "source": "embedded",
            "target": "close",
            "calendar": "XNYS",
        },
        "features": {"columns": ("close",)},
        "window": {"lookback": 60, "horizon": 1},
        "model": {"layers": ({"cell": "lstm", "units": 50, "dropout": 0.2},) * 4},
        "training": {
            "start": Config().training.start.replace(2012, 1, 1),
            "end": Config().training.end.replace(2016, 12, 31),
            "epochs": 100,
            "batch_size": 32,
            "optimizer": "adam",
            "learning_rate": 0.001,
            "loss": "mse",
            "seed": 0,
            "validation_fraction": 0.0,
            "early_stopping": 0,
        },
        "evaluation": {
            "start": Config().evaluation.start.replace(2017, 1, 1),
            "end": Config().evaluation.end.replace(2017, 12, 31),
        },
        "tuning": {"n_folds": 1, "validation_fraction": 0.2, "space": {}},
    }
    settings = config.resolved()
    layers = wanted["model"].pop("layers")
    for layer, expected in zip(settings["model"]["layers"], layers, strict=True):
        assert layer | expected == layer
    assert settings["name"] == wanted.pop("name")
    for section, expected in wanted.items():
        assert settings[section] | expected == settings[section]
    # Everything else is as if it were not there.
    assert config == Config(name="google")


def test_the_defaults_are_the_reference_run():
    named = Config().model_copy(update={"name": "google"})
    assert named == load_config("google")


def test_the_target_is_the_input_unless_others_are_named():
    assert load_config("google", ["data.target=open"]).features.columns == ("open",)
    wanted = ["data.target=open", "features.columns=['open', 'close']"]
    assert load_config("google", wanted).features.columns == ("open", "close")


@pytest.mark.parametrize("name", list_configs())
def test_every_shipped_config_loads_and_survives_its_own_toml(name):
    config = load_config(name)
    assert config_from_dict(tomllib.loads(dump_config(config))) == config


@given(
    lookback=st.integers(1, 2000),
    learning_rate=st.floats(1e-9, 10, exclude_min=True),
    ticker=st.from_regex(r"[A-Za-z0-9^][A-Za-z0-9.^=_-]{0,31}", fullmatch=True),
)
def test_any_settings_survive_toml(lookback, learning_rate, ticker):
    config = config_from_dict(
        {
            "data": {"ticker": ticker},
            "window": {"lookback": lookback},
            "training": {"learning_rate": learning_rate},
        }
    )
    assert config_from_dict(tomllib.loads(dump_config(config))) == config


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("windw.lookback=3", r"windw: unknown setting; did you mean 'window'\?"),
        ("window.lookbck=3", r"window.lookbck: .*did you mean 'lookback'\?"),
        ("model.layers.0.unit=3", r"model.layers.0.unit: .*did you mean 'units'\?"),
        ("window.lookback=0", "window.lookback: .*greater than or equal to 1, got 0"),
        ("training.epochs=many", "training.epochs: .*valid integer.*got 'many'"),
        ("training.learning_rate=nan", "training.learning_rate"),
        ("training.seed=-1", "training.seed: .*greater than or equal to 0"),
        ("model.layers=[]", "model.layers: .*at least 1"),
        ("model.layers.4.units=3", "want a position from 0 to 3, got '4'"),
        ("model.layers.x.units=3", "want a position from 0 to 3, got 'x'"),
        ("model.layers.².units=3", "want a position from 0 to 3, got '²'"),
        ("window.lookback=true", "window.lookback: .*got True"),
        ("training.seed=false", "training.seed: .*got False"),
        ("data.target=volume", "data.target: .*'close'.*got 'volume'"),
        ("data.ticker=../x", "data.ticker"),
        ("features.columns=['close','close']", "features: columns are repeated"),
        ("training.start=2018-01-01", "must not be later than end"),
        ("training.start=soon", "training.start: .*got 'soon'"),
        ("evaluation.start=2016-06-01", "must be later than training.end"),
        ("training.early_stopping=3", "set validation_fraction too"),
        ("window=3", "window: "),
        ("name=../x", "name: "),
        ("name.first=x", "'first' is not a section"),
        ("lookback", "want section.setting=value"),
        ("=3", "want section.setting=value"),
        ("window..lookback=3", "want section.setting=value"),
        ("training.0.x=3", "'0' is not a list|unknown setting"),
    ],
)
def test_a_wrong_setting_is_named_with_what_was_wanted(override, said):
    with pytest.raises(ConfigError, match=said):
        load_config("google", [override])


def test_all_wrong_settings_are_named_at_once():
    with pytest.raises(ConfigError, match=r"window.lookback.*training.epochs"):
        load_config("google", ["window.lookback=0", "training.epochs=0"])


def test_overrides_may_be_values_by_setting_or_one_text():
    wanted = {"window.lookback": 7, "training.end": "2015-12-31"}
    texts = [f"{name}={value}" for name, value in wanted.items()]
    config = load_config("google", wanted)
    assert config == load_config("google", texts)
    assert config.window.lookback == 7
    assert load_config("google", "window.lookback=7").window.lookback == 7
    with pytest.raises(ConfigError, match="unknown setting"):
        load_config("google", {"window.lokback": 7})


@pytest.mark.parametrize(
    ("override", "section", "setting", "value"),
    [
        ("data.ticker=ON", "data", "ticker", "ON"),
        ("data.ticker=7203", "data", "ticker", "7203"),
        ("data.ticker=BRK-B", "data", "ticker", "BRK-B"),
        ("training.loss='mae'", "training", "loss", "mae"),
        ("training.learning_rate=1e-2", "training", "learning_rate", 0.01),
        (" window.lookback = 7", "window", "lookback", 7),
    ],
)
def test_an_override_is_read_as_toml_or_as_text(override, section, setting, value):
    config = load_config("google", [override])
    assert getattr(getattr(config, section), setting) == value


def test_one_layer_can_be_changed():
    config = load_config("google", ["model.layers.1.units=7"])
    assert [layer.units for layer in config.model.layers] == [50, 7, 50, 50]


def test_a_file_without_layers_has_the_default_ones_to_change(tmp_path):
    path = tmp_path / "short.toml"
    path.write_text("[window]\nlookback = 5\n")
    config = load_config(path, ["model.layers.0.cell=gru"])
    assert [layer.cell for layer in config.model.layers] == ["gru", *["lstm"] * 3]
    assert config.name == "short"


def test_a_missing_file_a_folder_and_a_wrong_name_say_so(tmp_path):
    with pytest.raises(ConfigError, match=r"gone.toml: no such settings file"):
        load_config(tmp_path / "gone.toml")
    with pytest.raises(ConfigError, match="no such settings file"):
        load_config(tmp_path)
    with pytest.raises(ConfigError, match="'gogle'; did you mean 'google'"):
        load_config("gogle")


@pytest.mark.parametrize("content", [b"lookback = = 3", b"\xff\xfe\x00", b"[window"])
def test_what_is_no_toml_is_refused(tmp_path, content):
    path = tmp_path / "bad.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"bad.toml: not a TOML file"):
        load_config(path)


def test_the_schema_describes_every_setting():
    schema = Config.model_json_schema()
    json.dumps(schema)
    assert schema["additionalProperties"] is False
    for name, part in schema["$defs"].items():
        for setting, facts in part["properties"].items():
            assert "description" in facts, f"{name}.{setting}"


def test_settings_cannot_be_changed_in_place():
    with pytest.raises(ValueError, match="frozen"):
        load_config("google").window.lookback = 3


def parts_of(schema):
    """Yield every schema inside a schema."""
    if isinstance(schema, dict):
        yield schema
        for value in schema.values():
            yield from parts_of(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from parts_of(value)


def test_the_schema_is_json_schema_with_the_settings_as_properties():
    schema = Config.model_json_schema()
    types = {"object", "array", "string", "integer", "number", "boolean", "null"}
    for part in parts_of(schema):
        if isinstance(part.get("type"), str):
            assert part["type"] in types
        if isinstance(part.get("$ref"), str):
            assert part["$ref"].removeprefix("#/$defs/") in schema["$defs"]
    sections = load_config("google").model_dump(mode="json")
    assert set(schema["properties"]) == set(sections)
    for name, settings in sections.items():
        if isinstance(settings, dict):
            part = schema["$defs"][schema["properties"][name]["$ref"].split("/")[-1]]
            assert set(part["properties"]) == set(settings)
            assert part["additionalProperties"] is False
    lookback = schema["$defs"]["WindowConfig"]["properties"]["lookback"]
    assert (lookback["type"], lookback["minimum"], lookback["maximum"]) == (
        *("integer", 1, 2000),
    )


@pytest.mark.parametrize("name", ["mine.csv", "prices/mine.CSV", "mine.parquet"])
def test_prices_in_the_place_of_settings_are_told_where_to_go(name):
    with pytest.raises(ConfigError, match=rf"train own-close --csv {name}"):
        load_config(name)
