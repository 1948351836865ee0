"""Where progress is shown: in a kernel's own output, else on stderr alone."""

import subprocess
import sys

import nbclient
import nbformat
import pytest

from forecaster.progress import epoch_progress

COUNT = """
from forecaster.progress import epoch_progress
with epoch_progress(2{shown}) as advance:
    advance(1, "loss 0.5")
    advance(2, "loss 0.4")
"""


def outside_a_kernel(code):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )


def test_lines_of_progress_go_to_stderr_with_the_time_left(capsys):
    with epoch_progress(2, shown=True) as advance:
        advance(1, "loss 0.5")
        advance(2, "loss 0.4")
    answer = capsys.readouterr()
    assert answer.out == ""
    assert [line.split(", about")[0] for line in answer.err.splitlines()] == [
        "epoch 1/2, loss 0.5",
        "epoch 2/2, loss 0.4",
    ]


def test_nothing_is_shown_where_nobody_looks():
    answer = outside_a_kernel(COUNT.format(shown=""))
    assert (answer.stdout, answer.stderr) == ("", "")


def test_a_program_that_starts_kernels_is_none_itself():
    code = "import ipykernel, ipykernel.kernelapp, IPython\n"
    answer = outside_a_kernel(code + COUNT.format(shown=", shown=True"))
    assert answer.stdout == ""
    assert "epoch 2/2, loss 0.4" in answer.stderr


def drawn_in_a_kernel(code):
    """Run code in a kernel, and return the one thing that it draws."""
    cell = nbformat.v4.new_code_cell(code)
    notebook = nbformat.v4.new_notebook(cells=[cell])
    client = nbclient.NotebookClient(
        notebook, timeout=120, kernel_name="python3", allow_errors=True
    )
    client.execute()
    (shown,) = [output for output in cell.outputs if output.output_type != "error"]
    return shown["data"]["text/plain"]


def test_a_kernel_shows_one_line_in_the_notebook():
    line = drawn_in_a_kernel(COUNT.format(shown=""))
    assert "epoch 2/2 loss 0.4" in line
    assert "\n" not in line


@pytest.mark.parametrize("end", ["", '    raise ValueError("enough")'])
def test_a_training_that_ends_early_leaves_its_last_line(end):
    early = COUNT.format(shown="").replace("epoch_progress(2", "epoch_progress(100")
    assert "epoch 2/100 loss 0.4" in drawn_in_a_kernel(early + end)
