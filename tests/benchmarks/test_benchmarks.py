"""The benchmarks' own arithmetic, table and processes; no time is judged here."""

from __future__ import annotations

import importlib.util
import io
import json
import subprocess
import sys

import pytest
from rich.console import Console
from typer.testing import CliRunner

from benchmarks import command, reporting, running
from benchmarks.case import (
    INSTALL,
    OURS,
    Case,
    Limit,
    NotMeasured,
    UnequalWork,
    check_equal_work,
)
from benchmarks.cases import CASES
from benchmarks.drawing import draw_results
from benchmarks.ratios import Spread, difference_of, ratio_of, slope_of, spread_of
from benchmarks.results import Results
from benchmarks.rows import Row, failed_rows, rows_of
from benchmarks.running import Record, Worker, WorkerFailed, measure, worker_environment
from benchmarks.worker import _why

MACHINE = {
    "cpu": "Abacus",
    "usable_cores": 2,
    "memory_gb": 1.0,
    "system": "Linux",
    "python": "3.11",
    "libraries": {"keras": "3.15", "torch": None},
}
CASE = Case(
    "Made.",
    {OURS: lambda _: None, "keras": lambda _: None, "torch": lambda _: None},
    (
        Limit("ratio", "keras", 0.5, 0.25),
        Limit("ratio", "torch", 0.6),
        Limit("seconds", must=1.0),
        Limit("memory", must=20.0),
    ),
)


def record(seconds, memory=(100.0, 110.0, 110.0, 110.0), **facts):
    return Record(facts, list(seconds), list(memory), list(memory), [None] * 3)


@pytest.fixture
def records():
    return {
        OURS: record([1.0, 2.0, 3.0]),
        "keras": record([4.0, 4.0, 4.0]),
        "torch": Record(missing=INSTALL),
    }


@pytest.fixture
def results(records):
    made = Results(MACHINE, quick=False)
    made.add("made", records, rows_of("made", CASE, records))
    return made


def test_a_ratio_is_that_of_the_medians_and_its_range_that_of_the_rounds():
    assert ratio_of([2, 1, 9], [4, 4, 6]) == Spread(2 / 4, 1 / 4, 9 / 6)
    assert spread_of([5.0, 1.0, 2.0]) == Spread(2.0, 1.0, 5.0)


def test_rounds_that_do_not_pair_are_no_ratio():
    with pytest.raises(ValueError, match="shorter"):
        ratio_of([1.0, 2.0], [1.0])


@pytest.mark.parametrize("power", [0.0, 1.0, 2.0])
def test_the_slope_is_the_power_of_a_power_law(power):
    sizes = [1, 4, 16, 64]
    assert slope_of(sizes, [5 * size**power for size in sizes]) == pytest.approx(power)


def test_a_difference_has_the_interval_of_welchs_test():
    from scipy.stats import ttest_ind

    ours, theirs = [3.1, 3.4, 3.3, 3.0, 3.6], [3.2, 3.9, 3.5, 4.1, 3.3]
    known = ttest_ind(ours, theirs, equal_var=False).confidence_interval(0.95)
    found = difference_of(ours, theirs)
    assert (found.low, found.high) == pytest.approx((known.low, known.high))
    assert found.value == pytest.approx(3.28 - 3.6)


def test_equal_scores_differ_by_nothing():
    assert difference_of([2.0, 2.0], [2.0, 2.0]) == Spread(0.0, 0.0, 0.0)


def test_rows_judge_each_limit(records):
    keras, torch, seconds, memory = rows_of("made", CASE, records)
    assert (keras.value, keras.status) == (Spread(0.5, 0.25, 0.75), "met")
    assert (torch.value, torch.status, torch.note) == (None, "not measured", INSTALL)
    assert (seconds.value.value, seconds.status) == (2.0, "missed")
    assert (memory.value.value, memory.status) == (10.0, "met")


def test_growth_is_a_slope_over_sizes_and_memory_that_of_the_size_alone():
    case = Case("Made.", {}, (Limit("time growth", must=1.1), Limit("memory growth")))
    grown = {
        f"x{size}": Record(
            {"size": size, "before_mb": 90.0},
            [2.0 * size**2, 2.0 * size],
            peak_mb=[90.0, 90.0 + 5.0 * size],
        )
        for size in (1, 2, 4)
    }
    time, memory = rows_of("grown", case, grown)
    assert (time.value.low, time.value.high) == pytest.approx((1.0, 2.0))
    assert time.status == "missed"
    assert (memory.value.value, memory.status) == (pytest.approx(1.0), "shown")


def test_the_difference_of_scores_is_that_of_the_outcomes():
    case = Case("Made.", {}, (Limit("difference", "stock"),))
    scored = {
        side: Record(seconds=[1.0, 1.0], outcomes=[{"score": s} for s in scores])
        for side, scores in ((OURS, [1.0, 2.0]), ("stock", [3.0, 4.0]))
    }
    (row,) = rows_of("scored", case, scored)
    assert row.value.value == -2.0
    assert row.theirs == Spread(3.5, 3.0, 4.0)


@pytest.mark.parametrize("name", ["n_parameters", "n_steps", "n_windows"])
def test_sides_that_do_other_work_are_not_compared(name):
    equal = {OURS: {name: 7}, "keras": {name: 7}, "matmul": {}}
    check_equal_work(equal)
    with pytest.raises(UnequalWork, match=f"{name}: ours 7, keras 8"):
        check_equal_work(equal | {"keras": {name: 8}})


def test_only_a_missing_peer_is_excused():
    missing = ModuleNotFoundError("no torch", name="torch.nn")
    assert _why(missing) == INSTALL
    assert _why(NotMeasured("no GPU")) == "no GPU"
    with pytest.raises(ModuleNotFoundError):
        _why(ModuleNotFoundError("ours", name="forecaster.models.missing"))


def test_cards_are_hidden_but_from_their_own_case(monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert worker_environment(gpu=False)["CUDA_VISIBLE_DEVICES"] == "-1"
    assert "CUDA_VISIBLE_DEVICES" not in worker_environment(gpu=True)


def test_results_survive_the_file(results, tmp_path):
    path = results.write(tmp_path)
    stored = json.loads(path.read_text())
    assert stored["machine"] == MACHINE
    assert stored["cases"]["made"]["sides"][OURS]["seconds"] == [1.0, 2.0, 3.0]
    again = Results.begin(tmp_path, MACHINE, quick=False)
    assert again.rows == results.rows
    assert again.records("made") == results.records("made")


@pytest.mark.parametrize(
    ("machine", "quick"), [(MACHINE | {"cpu": "Loom"}, False), (MACHINE, True)]
)
def test_results_of_another_machine_or_size_are_not_mixed(
    results, tmp_path, machine, quick
):
    results.write(tmp_path)
    assert Results.begin(tmp_path, machine, quick=quick).cases == {}


def test_the_readme_gets_the_table_and_keeps_the_rest(results, tmp_path):
    path = tmp_path / "README.md"
    path.write_text(f"above\n{reporting.BEGIN}\nold\n{reporting.END}\nbelow\n")
    for _ in range(2):  # written again, it is the same
        reporting.write_readme(results, path)
        lines = path.read_text().splitlines()
        assert lines[:2] == ["above", reporting.BEGIN]
        assert lines[-2:] == [reporting.END, "below"]
        assert (
            "| made | ratio to keras | 2 s (1-3) | 4 s | 0.5 (0.25-0.75) | 0.5 | 0.25 "
            "| met |" in lines
        )
        assert (
            "| made | ratio to torch |  |  |  | 0.6 |  "
            f"| not measured: {INSTALL} |" in lines
        )
        assert not any("old" in line for line in lines)
    assert "Abacus" in lines[2]
    assert "torch" not in lines[2]


def test_a_readme_without_marks_is_left_alone(results, tmp_path):
    path = tmp_path / "README.md"
    path.write_text("nothing")
    with pytest.raises(ValueError, match="want the lines"):
        reporting.write_readme(results, path)
    assert path.read_text() == "nothing"


def test_our_readme_has_the_marks_and_tells_of_every_case():
    text = reporting.README.read_text(encoding="utf-8")
    assert text.count(reporting.BEGIN) == text.count(reporting.END) == 1
    for name in CASES:
        assert f"`{name}`" in text


def test_pictures_are_drawn_of_ratios_and_of_growth(results, tmp_path):
    assert [path.name for path in draw_results(results, tmp_path)] == ["ratios.png"]
    grown = {
        f"x{size}": Record({"size": size, "before_mb": 1.0}, [size], [], [2.0 * size])
        for size in (1, 4)
    }
    results.add("grown", grown, [])
    drawn = draw_results(results, tmp_path)
    assert [path.name for path in drawn] == ["ratios.png", "growth.png"]
    assert all(path.read_bytes()[1:4] == b"PNG" for path in drawn)


@pytest.fixture
def measured(monkeypatch, records):
    """Answers `measure` at once; set `records` or an error."""
    answer = {"records": records}

    def quick_answer(*_, **__):
        if "error" in answer:
            raise answer["error"]
        return answer["records"]

    monkeypatch.setattr(command, "measure", quick_answer)
    monkeypatch.setattr(command, "CASES", {"made": CASE})
    return answer


def run(*words):
    return CliRunner().invoke(command.app, [str(word) for word in words])


def test_a_missed_bound_is_an_error_only_where_it_is_checked(measured, tmp_path):
    assert run("made", "--out", tmp_path).exit_code == 0
    assert run("made", "--out", tmp_path, "--check").exit_code == 1
    measured["records"][OURS].seconds = [1.0, 1.0, 1.0]
    assert run("made", "--out", tmp_path, "--check").exit_code == 0


@pytest.mark.parametrize("error", [WorkerFailed("x\nended"), UnequalWork("unequal")])
def test_a_case_that_fails_is_told_and_kept(measured, tmp_path, error):
    measured["error"] = error
    answer = run("made", "--out", tmp_path)
    assert answer.exit_code == 1
    rows = Results(**json.loads((tmp_path / "results.json").read_text())).rows
    assert rows == failed_rows("made", CASE, str(error).split("\n")[-1])
    assert {row.status for row in rows} == {"failed"}


def test_the_readme_is_written_only_where_that_is_asked(
    measured, tmp_path, monkeypatch
):
    written = []
    monkeypatch.setattr(reporting, "write_readme", written.append)
    run("made", "--out", tmp_path)
    assert not written
    run("made", "--out", tmp_path, "--write-readme")
    assert [row.case for row in written[0].rows] == ["made"] * len(CASE.limits)


def test_an_unknown_case_is_refused():
    answer = run("epoch-lstn")
    assert answer.exit_code == 2
    assert "epoch-lstn" in answer.output


def test_the_list_has_every_case():
    answer = run("--list")
    assert [line.partition(":")[0] for line in answer.output.splitlines()] == [*CASES]
    assert "accuracy" not in command._chosen([])
    assert command._chosen(["accuracy"]) == ["accuracy"]


@pytest.mark.parametrize("name", CASES)
def test_every_limit_names_a_side_and_aims_below_what_it_must_reach(name):
    case = CASES[name]
    for limit in case.limits:
        assert not limit.against or limit.against in case.sides
        if limit.aim is not None and limit.must is not None:
            assert limit.aim < limit.must


def test_help_is_measured_end_to_end(tmp_path):
    words = ["help", "--quick", "--repeats", "3", "--out", str(tmp_path)]
    subprocess.run(
        [sys.executable, "-m", "benchmarks", *words], cwd=running.ROOT, check=True
    )
    results = Results(**json.loads((tmp_path / "results.json").read_text()))
    ours, python = results.records("help").values()
    assert len(ours.seconds) == len(python.seconds) == 3
    assert len(ours.peak_mb) == 4
    seconds, ratio = results.rows
    assert seconds.value == spread_of(ours.seconds)
    # Nothing and the command line: the second contains the first.
    assert ratio.value.value > 1
    assert results.machine["libraries"]["forecaster"]


def test_the_sides_take_turns():
    told = []
    measure("help", CASES["help"], quick=True, repeats=2, tell=told.append)
    assert told == [
        "help: ours warms up",
        "help: python warms up",
        "help: round 1, ours",
        "help: round 1, python",
        "help: round 2, ours",
        "help: round 2, python",
    ]


@pytest.mark.skipif(
    importlib.util.find_spec("torch") is not None, reason="wants PyTorch to be missing"
)
def test_a_missing_peer_is_told_by_its_worker():
    alone = Case("Made.", {"torch": lambda _: None}, ())
    records = measure("epoch-lstm", alone, quick=True)
    assert records == {"torch": Record(missing=INSTALL)}


def test_a_worker_ends_by_itself_and_clears_up():
    with Worker("help", "python", quick=True, gpu=False) as worker:
        assert worker.listen()["event"] == "ready"
        assert worker.run_once()["seconds"] > 0
    assert worker._process.returncode == 0


def test_a_worker_that_hangs_is_ended(monkeypatch):
    monkeypatch.setattr(running, "GRACE_S", 0.0)
    with Worker("help", "ours", quick=True, gpu=False) as worker:
        pass  # it has only begun
    assert worker._process.returncode is not None


def test_words_in_brackets_are_shown():
    row = Row("made", "seconds", "", 1.0, None, "failed", note="[Errno 2] [red] gone")
    console = Console(width=150, record=True, file=io.StringIO())
    reporting.print_rows([row], console)
    assert "failed: [Errno 2] [red] gone" in console.export_text()


def test_a_worker_that_breaks_says_why():
    broken = Case("Made.", {"no-such-side": lambda _: None}, ())
    with pytest.raises(WorkerFailed, match="KeyError: 'no-such-side'"):
        measure("help", broken, quick=True)


def test_rows_survive_plain_values():
    row = Row("made", "seconds", "", 1.0, None, "met", value=Spread(1.0, 0.5, 2.0))
    assert Row.from_dict(row.to_dict()) == row
