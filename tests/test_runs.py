"""Run folders: reserved, locked, replaced, resumed and listed without loss."""

import multiprocessing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from forecaster.checksums import canonical_json
from forecaster.errors import (
    BundleError,
    ConfigError,
    DataError,
    OutputError,
    RunLocked,
    RunNotFound,
    TrainingFailed,
)
from forecaster.jobs import run_training
from forecaster.runfolder import reserve, unfinished_runs
from forecaster.runs import find_run, list_runs, verify_run


def begin(runs_dir, name="mine", stamp="a", **how):
    """Begin a run and leave it unfinished, as a killed process does."""
    workplace = reserve(runs_dir, name, stamp, **how)
    workplace.checkpoint.write_bytes(b"state")
    workplace.release()
    return workplace


def publish(workplace, text="done"):
    with workplace.publish() as folder:
        (folder / "result").write_text(text)
    workplace.release()
    return workplace.target / "result"


def test_a_run_appears_whole_and_its_workplace_goes(tmp_path):
    workplace = reserve(tmp_path, "mine", "a")
    assert not workplace.target.exists()
    assert publish(workplace).read_text() == "done"
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_a_failing_publication_leaves_no_half_run(tmp_path):
    workplace = reserve(tmp_path, "mine", "a")

    def fail():
        with workplace.publish() as folder:
            (folder / "result").write_text("half")
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        fail()
    workplace.release()
    assert list(tmp_path.iterdir()) == []


def test_free_names_are_counted_up(tmp_path):
    publish(reserve(tmp_path, "mine", "a"))
    begin(tmp_path)
    assert unfinished_runs(tmp_path) == ["mine-2"]
    assert publish(reserve(tmp_path, "mine", "a")).parent.name == "mine-3"


def test_an_exact_name_is_refused_while_it_is_taken(tmp_path):
    begin(tmp_path)
    with pytest.raises(OutputError, match=r"unfinished. Go on with `--resume`"):
        reserve(tmp_path, "mine", "a", exact=True)
    publish(reserve(tmp_path, "other", "a"))
    with pytest.raises(OutputError, match="exists"):
        reserve(tmp_path, "other", "a", exact=True)
    with pytest.raises(OutputError, match="nothing is left to resume"):
        reserve(tmp_path, "other", "a", exact=True, existing="resume")


def test_the_unfinished_run_of_the_same_stamp_is_resumed(tmp_path):
    publish(reserve(tmp_path, "mine", "a"))
    begin(tmp_path)
    workplace = reserve(tmp_path, "mine", "a", existing="resume")
    assert workplace.resumed
    assert workplace.target.name == "mine-2"
    assert workplace.checkpoint.read_bytes() == b"state"
    workplace.release()


def test_the_unfinished_run_of_another_stamp_is_not(tmp_path):
    begin(tmp_path)
    with pytest.raises(ConfigError, match="cannot resume mine"):
        reserve(tmp_path, "mine", "b", existing="resume")
    assert unfinished_runs(tmp_path) == ["mine"]


def test_resuming_nothing_begins(tmp_path):
    workplace = reserve(tmp_path, "mine", "a", existing="resume")
    assert not workplace.resumed
    workplace.release()


def test_replacing_keeps_the_old_run_until_the_new_one_is_whole(tmp_path):
    result = publish(reserve(tmp_path, "mine", "a"), "old")
    workplace = begin(tmp_path, existing="replace")
    assert result.read_text() == "old"
    resumed = reserve(tmp_path, "mine", "a", existing="resume")
    assert resumed.target == workplace.target
    publish(resumed, "new")
    assert result.read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_a_workplace_left_by_a_finished_run_is_cleared(tmp_path):
    begin(tmp_path)
    (tmp_path / "mine").mkdir()
    workplace = reserve(tmp_path, "mine", "a", existing="resume")
    assert workplace.target.name == "mine-2"
    assert unfinished_runs(tmp_path) == ["mine-2"]
    workplace.release()
    assert unfinished_runs(tmp_path) == []


def hold(runs_dir, held, done):
    workplace = reserve(runs_dir, "mine", "a")
    workplace.checkpoint.write_bytes(b"state")
    held.set()
    done.wait(60)


def test_a_name_held_by_another_process_is_locked(tmp_path):
    context = multiprocessing.get_context("spawn")
    held, done = context.Event(), context.Event()
    child = context.Process(target=hold, args=(tmp_path, held, done))
    child.start()
    assert held.wait(60)
    for existing in ("keep", "resume", "replace"):
        with pytest.raises(RunLocked, match="another process is at work"):
            reserve(tmp_path, "mine", "a", exact=True, existing=existing)
    other = reserve(tmp_path, "mine", "a")
    assert other.target.name == "mine-2"
    other.release()
    done.set()
    child.join(60)
    assert reserve(tmp_path, "mine", "a", exact=True, existing="resume").resumed


@pytest.fixture
def finished(make_prices, tiny_config, tmp_path):
    return run_training(
        make_prices(80),
        tiny_config(),
        runs_dir=tmp_path,
        created=datetime(2024, 1, 2, tzinfo=UTC),
        progress=False,
    )


def test_a_finished_run_is_found_listed_and_verified(finished, tmp_path):
    found = find_run("tiny", tmp_path)
    assert found.record == finished.record
    assert find_run(None, tmp_path).name == "tiny"
    assert find_run(finished.folder, tmp_path / "elsewhere").name == "tiny"
    assert "run.json" in verify_run(found)
    (row,) = list_runs(tmp_path)
    assert (row["state"], row["epochs"]) == ("finished", 3)
    assert row["created"] == "2024-01-02T00:00:00+00:00"
    assert "tiny" in repr(found)


def test_the_list_shows_the_outcome_that_reports_begin_with(
    make_prices, tiny_config, tmp_path
):
    config = tiny_config(
        model__head="quantiles", evaluation__baselines=["constant_quantiles"]
    )
    created = datetime(2024, 1, 2, tzinfo=UTC)
    run = run_training(
        make_prices(80), config, runs_dir=tmp_path, created=created, progress=False
    )
    best = run.load_evaluation().best_verdict
    (row,) = list_runs(tmp_path)
    assert row["measure"] == best.measure == "pinball loss"
    record = run.record["evaluation"]
    for outcome in ("beats", "loses"):
        record["quantile_verdict"]["outcome"] = outcome
        (run.folder / "run.json").write_bytes(canonical_json(run.record))
        assert list_runs(tmp_path)[0]["outcome"] == outcome


@pytest.mark.parametrize("n_epochs", [0, 1])
def test_a_stopped_training_says_whether_it_can_be_resumed(
    make_prices, tiny_config, tmp_path, monkeypatch, n_epochs
):
    def stop(prices, config, *, checkpoint, **_):
        if n_epochs:
            checkpoint.write_bytes(b"state")
        raise KeyboardInterrupt

    monkeypatch.setattr("forecaster.jobs.train_calibrated", stop)
    with pytest.raises(KeyboardInterrupt) as stopped:
        run_training(
            make_prices(80),
            tiny_config(),
            runs_dir=tmp_path,
            created=datetime(2024, 1, 2, tzinfo=UTC),
        )
    assert ("--resume" in stopped.value.__notes__[0]) == bool(n_epochs)
    assert unfinished_runs(tmp_path) == ["tiny"] * n_epochs


@pytest.mark.parametrize("name", ["predictions.csv", "metrics.json", "history.csv"])
def test_one_flipped_bit_is_found(finished, name):
    path = finished.folder / name
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(BundleError, match=name):
        verify_run(finished)
    with pytest.raises(BundleError, match=name):
        finished.load_evaluation()


def test_what_is_not_there_is_named_with_what_is(finished, tmp_path):
    with pytest.raises(RunNotFound, match=r"did you mean 'tiny'\? Runs there: tiny"):
        find_run("tinny", tmp_path)
    with pytest.raises(RunNotFound, match="no finished run in"):
        find_run(None, tmp_path / "empty")
    begin(tmp_path / "empty", "begun")
    with pytest.raises(RunNotFound, match=r"no finished.* begun is unf.*`--resume`"):
        find_run(None, tmp_path / "empty")
    with pytest.raises(RunNotFound, match=r"^begun is unfinished.*`--resume`"):
        find_run("begun", tmp_path / "empty")
    assert finished.load().config.name == "tiny"


def test_a_training_that_fails_leaves_nothing(make_prices, tiny_config, tmp_path):
    config = tiny_config(training__optimizer="sgd")
    beyond = config.training.model_copy(update={"learning_rate": 1e30})
    with pytest.raises(TrainingFailed):
        run_training(
            make_prices(80),
            config.model_copy(update={"training": beyond}),
            runs_dir=tmp_path,
            created=datetime(2024, 1, 2, tzinfo=UTC),
            progress=False,
        )
    assert list(tmp_path.iterdir()) == []


def test_a_replacement_that_fails_leaves_the_old_run_in_place(tmp_path, monkeypatch):
    result = publish(reserve(tmp_path, "mine", "a"), "old")
    workplace = reserve(tmp_path, "mine", "a", existing="replace")
    rename = Path.rename

    def fail_at_the_last_step(path, target):
        if path.name == "run":
            raise OSError(5, "Input/output error")
        return rename(path, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", fail_at_the_last_step)
        with pytest.raises(OutputError, match="Input/output error"):
            publish(workplace, "new")
    workplace.release()
    assert result.read_text() == "old"


@pytest.mark.parametrize("existing", ["resume", "replace"])
def test_a_replacement_killed_before_it_tidied_up_can_be_repeated(
    tmp_path, monkeypatch, existing
):
    publish(reserve(tmp_path, "mine", "a"), "old")
    workplace = begin(tmp_path, existing="replace")
    with monkeypatch.context() as patch:
        patch.setattr("forecaster.runfolder.shutil.rmtree", lambda *_, **__: None)
        publish(workplace, "new")
    again = reserve(tmp_path, "mine", "a", existing=existing)
    result = publish(again, "newest")
    assert result.read_text() == "newest" or again.target.name != "mine"
    assert not list(tmp_path.glob(".*.partial"))


def test_a_finished_process_does_not_clear_the_workplace_of_the_next(tmp_path):
    first = reserve(tmp_path, "mine", "a")
    with first.publish() as folder:
        (folder / "result").write_text("done")
    second = reserve(tmp_path, "mine", "a", existing="replace")
    first.release()
    assert second.folder.is_dir()
    assert publish(second, "new").read_text() == "new"


@pytest.mark.parametrize("existing", ["keep", "replace"])
@pytest.mark.parametrize("name", [".", "..", "a/b", "../beside", "absolute"])
def test_a_name_that_leads_elsewhere_is_refused(tmp_path, name, existing):
    runs_dir = tmp_path / "runs"
    name = str(tmp_path / "elsewhere") if name == "absolute" else name
    result = publish(reserve(runs_dir, "mine", "a"))
    with pytest.raises(ConfigError):
        reserve(runs_dir, name, "a", exact=True, existing=existing)
    assert result.read_text() == "done"
    assert [path.name for path in tmp_path.iterdir()] == ["runs"]
    assert [path.name for path in runs_dir.iterdir()] == ["mine"]


def test_damage_anywhere_in_a_run_is_found(finished):
    for path in sorted(finished.folder.rglob("*")):
        if path.suffix == ".png" or path.is_dir():
            continue
        content = path.read_bytes()
        changed = bytearray(content)
        changed[len(content) // 2] ^= 4
        path.write_bytes(bytes(changed))
        with pytest.raises(BundleError, match=path.name):
            verify_run(finished)
        path.write_bytes(content)
    verify_run(finished)


def test_damaged_and_unfinished_runs_are_listed_as_such(finished, tmp_path):
    begin(tmp_path, "begun")
    copy = tmp_path / "broken"
    copy.mkdir()
    (copy / "run.json").write_bytes((finished.folder / "run.json").read_bytes()[:-9])
    states = {row["name"]: row["state"] for row in list_runs(tmp_path)}
    assert states == {"tiny": "finished", "broken": "damaged", "begun": "unfinished"}
    assert find_run(None, tmp_path).name == "tiny"
    with pytest.raises(BundleError, match=r"run.json: damaged"):
        find_run("broken", tmp_path)


def record_created(folder, created, run):
    folder.mkdir()
    record = {**run.record, "created": created}
    (folder / "run.json").write_bytes(canonical_json(record))


def test_the_newest_run_is_the_latest_in_time_whatever_its_name(finished, tmp_path):
    record_created(tmp_path / "a", "2024-01-03T00:00:00+00:00", finished)
    record_created(tmp_path / "z", "2024-01-01T00:00:00+00:00", finished)
    assert find_run(None, tmp_path).name == "a"


def test_the_newest_run_is_the_latest_in_time_whatever_its_time_zone(
    finished, tmp_path
):
    record_created(tmp_path / "west", "2024-01-02T23:00:00-05:00", finished)
    record_created(tmp_path / "east", "2024-01-03T01:00:00+05:00", finished)
    assert find_run(None, tmp_path).name == "west"


def test_what_a_run_reads_back_is_what_it_measured(finished, make_prices):
    evaluation, again = finished.load().evaluate(make_prices(80)), finished
    read = again.load_evaluation()
    for column in ("actual", "predicted", "last_value", "drift"):
        assert (
            read.predictions[column].tolist() == evaluation.predictions[column].tolist()
        )
    assert read.scores.equals(evaluation.scores)
    assert read.verdict == evaluation.verdict
    assert finished.load_history().equals(finished.load().history)


def test_a_test_range_outside_the_prices_is_refused_before_any_training(
    make_prices, tiny_config, tmp_path
):
    config = tiny_config(evaluation__start="2021-01-01", evaluation__end="2021-06-30")
    with pytest.raises(DataError, match="no session lies in the test range"):
        run_training(
            make_prices(80),
            config,
            runs_dir=tmp_path,
            created=datetime(2024, 1, 2, tzinfo=UTC),
            progress=False,
        )
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_made_way_comes_back_if_its_successor_never_came(tmp_path):
    result = publish(reserve(tmp_path, "mine", "a"), "old")
    workplace = begin(tmp_path, existing="replace")
    # Killed between the two renames of a replacement.
    workplace.target.rename(workplace.folder / "old")
    workplace.checkpoint.unlink()
    again = reserve(tmp_path, "mine", "a", existing="replace")
    again.release()
    assert result.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_a_deleted_picture_is_missed_until_it_is_drawn_again(finished):
    from forecaster.jobs import redraw

    (finished.folder / "loss.png").unlink()
    with pytest.raises(BundleError, match=r"loss.png: missing"):
        verify_run(finished)
    redraw(finished)
    assert "loss.png" in verify_run(find_run(finished.folder, finished.folder))
