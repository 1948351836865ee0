"""Run folders: reserved, locked, replaced, resumed and listed without loss."""

import multiprocessing

import pytest

from forecaster.errors import (
    BundleError,
    ConfigError,
    OutputError,
    RunLocked,
    RunNotFound,
    TrainingFailed,
)
from forecaster.runfolder import reserve, unfinished_runs
from forecaster.runs import find_run, list_runs, run_training, verify_run


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
    from datetime import UTC, datetime

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
    assert finished.load().config.name == "tiny"


def test_a_training_that_fails_leaves_nothing(make_prices, tiny_config, tmp_path):
    from datetime import UTC, datetime

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
