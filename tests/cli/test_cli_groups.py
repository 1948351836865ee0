"""`forecaster runs`, `data` and `config`: lists, facts and checks."""

import tomllib

from forecaster.config import Config, load_config
from forecaster.data.sources import load_prices


def test_runs_list_shows_finished_unfinished_and_damaged(command, copied_run):
    (copied_run / ".later.partial").mkdir()
    (copied_run / "broken").mkdir()
    (copied_run / "broken" / "run.json").write_text("{")
    rows = command.json("runs", "list", "--runs-dir", copied_run)
    states = {row["name"]: row["state"] for row in rows}
    assert states == {
        "tiny": "finished",
        "later": "unfinished",
        "broken": "damaged",
    }
    answer = command("runs", "list", "--runs-dir", copied_run)
    assert all(state in answer.stdout for state in states.values())


def test_runs_list_of_nothing_is_empty(command, tmp_path):
    assert command.json("runs", "list", "--runs-dir", tmp_path / "none") == []


def test_runs_show_tells_scores_origin_and_settings(command, runs_dir):
    answer = command("runs", "show", "tiny", "--runs-dir", runs_dir)
    assert answer.exit_code == 0
    assert "2016-06-01 to 2016-12-30" in answer.stdout
    assert "lookback = 5" in answer.stdout
    order = [answer.stdout.index(name) for name in ("model ", "last value", "drift")]
    assert order == sorted(order)
    document = command.json("runs", "show", "--runs-dir", runs_dir)
    assert document["bundle"]["trained_on"]["ticker"] == "GOOG"


def test_runs_verify_names_every_file(command, runs_dir):
    document = command.json("runs", "verify", "tiny", "--runs-dir", runs_dir)
    assert "bundle/model.weights.h5" in document["verified"]
    answer = command("runs", "verify", "tiny", "--runs-dir", runs_dir)
    assert "13 files are as they were written" in answer.stdout


def test_data_list_tells_each_range(command):
    rows = {row["ticker"]: row for row in command.json("data", "list")}
    assert sorted(rows) == ["AAPL", "AMZN", "GOOG", "META", "NFLX", "NVDA"]
    assert rows["GOOG"]["first"] == "2004-08-19"
    assert rows["GOOG"]["n_sessions"] == 4806


def test_data_show_tells_the_last_prices(command):
    answer = command("data", "show", "goog")
    assert "GOOG from embedded: 4806 sessions" in answer.stdout
    assert "2023-09-21" in answer.stdout
    assert "no findings" in answer.stdout


def test_data_show_tells_what_the_checks_found(command, tmp_path):
    path = tmp_path / "tutorial.csv"
    rows = load_prices("GOOG", start="2012-01-01", end="2016-12-31")
    rows.loc[:"2014-03-26", "close"] *= 2.002
    table = rows.reset_index().assign(session=lambda t: t["session"].dt.strftime("%D"))
    table.columns = [name.title() for name in table.columns]
    table.rename(columns={"Session": "Date"}).to_csv(path, index=False)
    answer = command("data", "show", "--csv", path)
    assert answer.exit_code == 0
    assert "close is not adjusted for a split" in answer.stderr
    assert "2014-03-27" in answer.stderr
    assert "--set data.target=open" in answer.stderr
    document = command.json("data", "show", "--csv", path)
    assert len(document["issues"]) == 1


def test_data_show_wants_a_ticker_or_a_file(command):
    answer = command("data", "show")
    assert answer.exit_code == 2
    assert "--csv" in answer.stderr


def test_config_show_is_toml_that_loads(command, tmp_path):
    answer = command("config", "show", "google", "--set", "data.target=open")
    settings = tomllib.loads(answer.stdout)
    assert settings["features"]["columns"] == ["open"]
    path = tmp_path / "google.toml"
    path.write_text(answer.stdout)
    assert load_config(path) == load_config("google", ["data.target=open"])
    document = command.json("config", "show")
    assert document["window"]["lookback"] == 60


def test_config_check_says_what_is_wrong(command, tmp_path):
    assert command("config", "check", "google").exit_code == 0
    assert command.json("config", "check")["valid"] is True
    path = tmp_path / "bad.toml"
    path.write_text("[window]\nlookbck = 3\n")
    answer = command("config", "check", path)
    assert answer.exit_code == 2
    assert "did you mean 'lookback'?" in answer.stderr


def test_config_schema_is_the_models(command):
    assert command.json("config", "schema") == Config.model_json_schema()
