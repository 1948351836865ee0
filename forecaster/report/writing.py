"""Writing: the report of a name or folder, from what is stored to files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from forecaster.atomic import output_errors, write_text
from forecaster.errors import ConfigError, OutputError
from forecaster.report.evenings import INDEX, PAGE, batch_pages, read_evening
from forecaster.report.interactive import check_installed
from forecaster.report.page import Page
from forecaster.report.rendering import render
from forecaster.report.stored import Subject, find_subject
from forecaster.runs import Run, find_run

BATCHES = Path("batches")


@dataclass(frozen=True)
class Written:
    """A report that was written.

    Attributes
    ----------
    files
        The one to open comes first.
    """

    subject: Subject
    page: Page
    files: tuple[Path, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        facts: Mapping[str, Any] = self.page.facts
        return {
            "kind": self.subject.kind,
            "name": self.subject.name,
            "title": self.page.title,
            "lead": self.page.lead,
            **facts,
            "sections": [section.title for section in self.page.sections],
            "files": [str(file) for file in self.files],
        }


def write_report(
    reference: str | Path | None = None,
    *,
    runs_dir: Path = Path("runs"),
    batches_dir: Path = BATCHES,
    out: Path | None = None,
    interactive: bool = False,
) -> Written:
    """Write the report of a run, a walk-forward test, a batch or one evening of it.

    Parameters
    ----------
    reference
        A name or a folder; the newest run if absent.
    out
        The file to write; of a whole batch the folder, which gets an `index.html` and
        a page for each evening. If absent, `report.html` in the folder itself, and the
        pages of a batch in its own folders.
    interactive
        Draw with plotly, whose script is then part of the file.

    Raises
    ------
    RunNotFound, BundleError
        If there is no such thing, or it is damaged. Nothing is written.
    ConfigError
        If plotly is not installed, or the pages of a batch are to be interactive.
    OutputError
        If a file cannot be written; what stood there is untouched.
    """
    if interactive:
        check_installed()
    subject = find_subject(reference, runs_dir=runs_dir, batches_dir=batches_dir)
    if interactive and subject.kind in ("batch", "evening"):
        raise ConfigError(
            "a batch has no interactive pages: leave out `--interactive`, or name a "
            "run or a walk-forward test."
        )
    if subject.kind == "batch":
        return _write_batch(subject, out)
    file = subject.folder / PAGE if out is None else out
    page = _page_of(subject, file, interactive=interactive)
    if file.is_dir():
        raise OutputError(
            f"cannot write {file}: it is a folder. Name a file with `--out`."
        )
    _write(file, render(page))
    return Written(subject, page, (file,))


def _page_of(subject: Subject, place: Path, *, interactive: bool) -> Page:
    if subject.kind == "evening":
        page = read_evening(subject.folder)
        # Elsewhere, its link to the index would lead nowhere.
        has_index = (place.parent.parent / INDEX).is_file()
        return page if has_index else replace(page, back=None)
    if subject.kind == "run":
        from forecaster.report.run_page import run_page

        run: Run = find_run(subject.folder, subject.folder.parent)
        return run_page(run, interactive=interactive)
    from forecaster.report.backtest_page import backtest_page

    return backtest_page(subject.folder, interactive=interactive)


def _write_batch(subject: Subject, out: Path | None) -> Written:
    index, evenings = batch_pages(subject.folder)
    place = subject.folder if out is None else out
    # All are made before the first is written, and the index, which links them, last.
    pages = {place / name / PAGE: render(page) for name, page in evenings.items()}
    pages[place / INDEX] = render(index)
    for file, text in pages.items():
        _write(file, text)
    return Written(subject, index, tuple(pages)[::-1])


def _write(file: Path, text: str) -> None:
    with output_errors(file):
        write_text(file, text)
