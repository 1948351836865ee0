"""Tuning: no trial sees the test range, none is lost, and none is asked twice."""

import itertools
import json
import logging
import tomllib

import filelock
import numpy as np
import optuna
import pandas as pd
import pytest

from forecaster import study, tuning
from forecaster.config import (
    ModelConfig,
    config_from_dict,
    dump_config,
    load_config,
    with_values,
)
from forecaster.errors import (
    BundleError,
    ConfigError,
    DataError,
    NotEnoughHistory,
    RunLocked,
    TrainingFailed,
)
from forecaster.tuning import tune

SPACE = {
    "window.lookback": [3, 5],
    "training.learning_rate": {"low": 1e-3, "high": 1e-1, "log": True},
    "model.layers.0.units": {"low": 2, "high": 6, "step": 2},
}


@pytest.fixture
def searched(tiny_config):
    def make(space=SPACE, **changes):
        return tiny_config(
            training__epochs=1, tuning={"space": space, **changes.pop("tuning", {})}
        ).model_copy(update=changes)

    return make


@pytest.fixture
def cheap(monkeypatch):
    """Score without a network; the list holds what was asked."""
    asked = []

    def score(_known, _config, values, _folds):
        asked.append(values)
        return values["training.learning_rate"] * values["model.layers.0.units"]

    monkeypatch.setattr(tuning, "_score", score)
    return asked


def search(prices, config, folder, n_trials):
    return tune(prices, config, folder=folder, n_trials=n_trials, progress=False)


def table_of(found):
    return found.trials.to_dict(orient="records")


def test_later_prices_change_no_trial_and_no_score(make_prices, searched, tmp_path):
    layers = [{"units": 2, "cell": "simple_rnn"}]
    space = {name: SPACE[name] for name in list(SPACE)[:2]}
    config = searched(space, model=ModelConfig(layers=layers))
    prices = make_prices(120)
    end = pd.Timestamp(config.training.end)
    changed = prices.copy()
    changed.attrs = dict(prices.attrs)
    changed.loc[changed.index > end] *= 7.0
    cut = prices.loc[:end]
    assert len(cut) < len(prices)
    first, *others = (
        search(rows, config, tmp_path / str(number), 2)
        for number, rows in enumerate((prices, changed, cut))
    )
    for other in others:
        assert table_of(other) == table_of(first)
        assert other.best == first.best
    names = [(tmp_path / str(number) / "best.toml").read_bytes() for number in range(3)]
    assert len(set(names)) == 1


def test_a_trial_is_handed_nothing_after_its_fold(
    make_prices, searched, tmp_path, monkeypatch
):
    seen = []
    real = tuning.train

    def watched(prices, config, **more):
        seen.append((prices.index[-1], config.training.end, config.evaluation.end))
        return real(prices, config, **more)

    monkeypatch.setattr(tuning, "train", watched)
    config = searched(tuning={"n_folds": 2})
    prices = make_prices(120)
    search(prices, config, tmp_path, 1)
    sessions = prices.loc[: pd.Timestamp(config.training.end)].index
    n = len(sessions)
    first = n - int(np.ceil(n * 0.2))
    assert seen[0][1] == sessions[first - 1].date()
    assert seen[-1][0] == sessions[-1]
    for last_row, trained_until, last_scored in seen:
        assert last_row.date() == last_scored
        assert trained_until < last_scored
    for (_, _, scored), (_, trained, _) in itertools.pairwise(seen):
        assert trained == scored


def test_the_score_is_that_of_training_and_evaluating(make_prices, searched, tmp_path):
    from forecaster.training import train

    config, prices = searched(), make_prices(120)
    found = search(prices, config, tmp_path, 2)
    sessions = prices.loc[: pd.Timestamp(config.training.end)].index
    cut = len(sessions) - int(np.ceil(len(sessions) * 0.2))
    settings = with_values(
        config, found.chosen | {"training.end": sessions[cut - 1].date()}
    )
    forecaster = train(prices, settings, progress=False)
    evaluation = forecaster.evaluate(prices, sessions[cut], sessions[-1])
    assert evaluation.verdict.n_forecasts == len(sessions) - cut
    assert found.score == evaluation.rmse_ratio == found.trials["score"].min()


def test_a_search_that_was_stopped_asks_the_same(
    make_prices, searched, tmp_path, cheap, monkeypatch
):
    config, prices = searched(), make_prices(80)
    whole = search(prices, config, tmp_path / "whole", 18)
    score = tuning._score
    for stop in (3, 13):  # in the random start, and where the sampler has learnt

        def stopped(*args, stop=stop):
            if len(cheap) == stop:
                raise KeyboardInterrupt
            return score(*args)

        cheap.clear()
        with monkeypatch.context() as patch:
            patch.setattr(tuning, "_score", stopped)
            with pytest.raises(KeyboardInterrupt):
                search(prices, config, tmp_path / str(stop), 18)
        resumed = search(prices, config, tmp_path / str(stop), 18)
        assert table_of(resumed) == table_of(whole)
        assert resumed.best == whole.best
    assert len(whole.trials["training.learning_rate"].unique()) == 18
    assert (whole.trials["score"].iloc[10:].mean()) < whole.trials["score"][:10].mean()


def test_a_trial_left_running_by_a_kill_does_not_count(
    make_prices, searched, tmp_path, cheap
):
    config, prices = searched(), make_prices(80)
    search(prices, config, tmp_path, 2)
    with study._storage(tmp_path / "study.db") as storage:
        optuna.load_study(study_name=study.NAME, storage=storage).ask()
    found = search(prices, config, tmp_path, 3)
    assert found.trials["state"].tolist() == ["complete"] * 3
    with study._storage(tmp_path / "study.db") as storage:
        kept = optuna.load_study(study_name=study.NAME, storage=storage).get_trials()
    assert [trial.state.name for trial in kept] == [
        *("COMPLETE", "COMPLETE", "FAIL", "COMPLETE")
    ]
    whole = search(prices, config, tmp_path / "whole", 3)
    assert table_of(whole) == table_of(found)


def test_fewer_trials_than_there_are_run_none(make_prices, searched, tmp_path, cheap):
    config, prices = searched(), make_prices(80)
    search(prices, config, tmp_path, 4)
    (tmp_path / "best.toml").unlink()
    assert len(search(prices, config, tmp_path, 2).trials) == 4
    assert len(cheap) == 4
    assert (tmp_path / "best.toml").is_file()


def test_the_same_choice_is_trained_once(make_prices, searched, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(
        tuning, "_score", lambda _k, _c, values, _f: float(asked.append(values) or 1)
    )
    config = searched({"window.lookback": [3, 5]})
    found = search(make_prices(80), config, tmp_path, 8)
    assert len(found.trials) == 8
    assert len(asked) == 2


def test_another_process_is_told_apart(make_prices, searched, tmp_path, cheap):
    with (
        filelock.FileLock(tmp_path / "lock"),
        pytest.raises(RunLocked, match="another process is at work on the search"),
    ):
        search(make_prices(80), searched(), tmp_path, 1)
    assert len(search(make_prices(80), searched(), tmp_path, 1).trials) == 1


def test_other_settings_or_prices_are_refused(make_prices, searched, tmp_path, cheap):
    config, prices = searched(), make_prices(80)
    search(prices, config, tmp_path, 1)
    other = searched(SPACE | {"window.lookback": [3, 4]})
    with pytest.raises(ConfigError, match=r"tuning\.space differ.*delete the folder"):
        search(prices, other, tmp_path, 1)
    with pytest.raises(ConfigError, match="the prices differ"):
        search(make_prices(80, seed=1), config, tmp_path, 1)
    search(prices, config.model_copy(update={"name": "x"}), tmp_path, 1)


def test_a_failed_trial_stops_no_other(make_prices, searched, tmp_path, monkeypatch):
    config = searched({"window.lookback": [3, 500]})
    found = search(make_prices(80), config, tmp_path, 6)
    failed = found.trials[found.trials["window.lookback"] == 500]
    assert 0 < len(failed) < 6
    assert set(failed["state"]) == {"failed"}
    assert failed["reason"].str.contains("need at least 501 sessions").all()
    assert failed["score"].isna().all()
    assert found.chosen == {"window.lookback": 3}
    document = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert document["n_failed"] == len(failed)
    assert "6 trials is optimistic" in document["caution"]


def test_nothing_but_failures_is_a_failure(make_prices, searched, tmp_path):
    config = searched({"window.lookback": [400, 500]})
    with pytest.raises(TrainingFailed, match="all 3 trials failed: TEST: need at"):
        search(make_prices(80), config, tmp_path, 3)
    assert not (tmp_path / "best.toml").exists()


def test_a_bug_is_no_failed_trial(make_prices, searched, tmp_path, monkeypatch):
    def broken(*_):
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(tuning, "_score", broken)
        with pytest.raises(ZeroDivisionError):
            search(make_prices(80), searched(), tmp_path, 2)
    monkeypatch.setattr(tuning, "_score", lambda *_: 1.0)
    found = search(make_prices(80), searched(), tmp_path, 2)
    assert set(found.trials["state"]) == {"complete"}


def test_the_backend_is_quiet_while_it_makes_many_networks(
    make_prices, searched, tmp_path, monkeypatch
):
    log, levels = logging.getLogger("tensorflow"), []
    before = log.level
    monkeypatch.setattr(
        tuning, "_score", lambda *_: float(levels.append(log.level) or 1)
    )
    search(make_prices(80), searched(), tmp_path, 1)
    assert levels == [logging.ERROR]
    assert log.level == before


def test_a_damaged_study_is_named(make_prices, searched, tmp_path, cheap):
    (tmp_path / "study.db").write_bytes(b"x" * 5000)
    with pytest.raises(BundleError, match=r"study\.db is damaged.*Delete the folder"):
        search(make_prices(80), searched(), tmp_path, 1)


def test_the_best_settings_are_written_for_training(
    make_prices, searched, tmp_path, monkeypatch
):
    def score(_known, _config, values, _folds):
        return values["training.learning_rate"] * len(values["model.layers"])

    monkeypatch.setattr(tuning, "_score", score)
    layers = [[{"units": 2}], [{"units": 3}, {"units": 2}]]
    config = searched(
        {k: v for k, v in SPACE.items() if "layers" not in k} | {"model.layers": layers}
    )
    found = search(make_prices(80), config, tmp_path / "a b?#%", 6)
    written = load_config(found.best_path)
    assert written == found.best
    assert written.name == "tiny-best"
    assert written.tuning.space == {}
    assert written.evaluation == config.evaluation
    assert written.training.end == config.training.end
    assert written.window.lookback == found.chosen["window.lookback"]
    assert found.best_path.read_text().startswith("# Validation score")


def test_too_few_sessions_are_told_before_a_folder_is_made(
    make_prices, searched, tmp_path
):
    folder = tmp_path / "none"
    with pytest.raises(NotEnoughHistory, match="to divide into folds"):
        search(make_prices(80), searched(tuning={"n_folds": 90}), folder, 1)
    with pytest.raises(DataError):
        search(make_prices(80).iloc[70:], searched(), folder, 1)
    with pytest.raises(ConfigError, match="nothing to search"):
        search(make_prices(80), searched({}), folder, 1)
    with pytest.raises(ConfigError, match="at least 1 trial"):
        search(make_prices(80), searched(), folder, 0)
    assert not folder.exists()


@pytest.mark.parametrize(
    ("space", "said"),
    [
        ({"window.lookbck": [1]}, "did you mean 'lookback'"),
        ({"window.lookback": [20, 0]}, "window.lookback cannot be 0"),
        ({"window.lookback": {"low": 1.0, "high": 9.5}}, "fractional part"),
        ({"window.lookback": {"low": 1, "high": 9000}}, "cannot be 9000"),
        ({"model.layers.9.units": [1]}, "want a position from 0 to 3"),
        ({"evaluation.start": ["2018-01-01"]}, "test range is never seen"),
        ({"data.ticker": ["A", "B"]}, "data.ticker cannot be searched"),
        ({"training.start": ["2018-01-01"]}, "cannot be searched"),
        ({"training.end": ["2018-01-01"]}, "cannot be searched"),
        ({"training.seed": [1, 2]}, "luck"),
        ({"window.horizon": [1, 2]}, "cannot be compared"),
        ({"tuning.n_folds": [1, 2]}, "search itself"),
        ({"training": [{}]}, "names no single setting"),
        ({"model.layers": [[]], "model.layers.0.units": [1]}, "overlap"),
        ({"window.lookback": []}, "want a list of choices"),
        ({"window.lookback": 3}, "want a list of choices"),
        ({"window.lookback": [3, 3]}, "repeated"),
        ({"window.lookback": {"low": 9, "high": 1}}, "must be less than high"),
        ({"window.lookback": {"low": 1}}, "high: field required"),
        ({"window.lookback": {"low": 1, "high": 2, "lg": True}}, "lg: extra"),
        ({"window.lookback": {"low": "1", "high": 2}}, "low: "),
        ({"window.lookback": {"low": 1, "high": 8, "step": 2}}, "the last is 7"),
        ({"window.lookback": {"low": 1, "high": 8, "step": 0}}, "above 0"),
        (
            {"training.learning_rate": {"low": 0, "high": 1, "log": True}},
            "low must be above 0",
        ),
        (
            {"window.lookback": {"low": 1, "high": 3, "step": 1, "log": True}},
            "exclude each other",
        ),
        ([1], "want a table of names"),
    ],
)
def test_a_wrong_space_is_refused_when_it_is_read(space, said):
    with pytest.raises(ConfigError, match=said) as caught:
        config_from_dict({"tuning": {"space": space}})
    assert "tuning.space" in str(caught.value)


def test_an_unknown_setting_of_the_search_is_refused():
    with pytest.raises(ConfigError, match="did you mean 'n_folds'"):
        config_from_dict({"tuning": {"n_fold": 2}})


def test_a_space_survives_toml():
    config = config_from_dict(
        {"tuning": {"space": SPACE | {"features.columns": [["close"], ["open"]]}}}
    )
    assert config_from_dict(tomllib.loads(dump_config(config))) == config
