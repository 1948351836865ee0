"""Every command and code block of the pages runs, and those of docs build.

The blocks of a page run in order in one folder, and its Python in one namespace, with
tiny networks: the shipped settings, and those that a page writes, are shrunk. What the
comments before blocks mean is told in `tests.support.documents`.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
import warnings
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote

import pytest
import tomli_w
from typer.testing import CliRunner

import forecaster as fc
from benchmarks.command import app as benchmarks
from forecaster import plotting
from forecaster.config import Config, config_from_dict, dump_config
from forecaster.config.batch import BatchConfig, load_batch_config
from forecaster.errors import ConfigError
from forecaster.resources import resource_folder
from tests.support.documents import (
    BENCHMARKS,
    BLOCK,
    FORECASTER,
    LINK,
    PAGES,
    PROGRAMS,
    PROMISED,
    REASONS,
    REBUILD,
    ROOT,
    SPAN,
    Block,
    Wanted,
    WrongLine,
    asks_the_network,
    begins,
    blocks_of,
    check_path,
    check_words,
    name_of,
    shrunk,
)

RUNS = ("google", "google-quantiles", "global-quantiles")
WALK, EVENING = "walk-forward", "2023-09-20"


@pytest.fixture(scope="module")
def shipped(tmp_path_factory):
    """Shipped settings, shrunk, in place of the real ones."""
    folder = tmp_path_factory.mktemp("shipped")
    shutil.copy(resource_folder("configs") / "batch.toml", folder)
    for name in fc.list_configs():
        settings = tomllib.loads(dump_config(fc.load_config(name)))
        settings["backtest"]["stride"] = "quarter"
        small = config_from_dict(shrunk(settings))
        (folder / f"{name}.toml").write_text(dump_config(small))
    with pytest.MonkeyPatch.context() as patch:
        for module in ("files", "batch"):
            place = f"forecaster.config.{module}.resource_folder"
            patch.setattr(place, lambda _: folder)
        yield folder


@pytest.fixture(scope="module")
def furnished(shipped, command, tmp_path_factory):
    """A folder with what the pages take for granted: files, settings and results."""
    folder = tmp_path_factory.mktemp("furnished")
    (folder / "configs").mkdir()
    shutil.copy(shipped / "batch.toml", folder / "configs")
    google = fc.load_prices("GOOG", start="2014-06-01")
    google["sentiment"] = google["volume"].rank(pct=True)
    (folder / "prices").mkdir()
    for name in ("prices.csv", "prices/AAA.csv", "prices/BBB.csv"):
        google.to_csv(folder / name)
    mine = tomllib.loads(dump_config(fc.load_config("google-returns")))
    mine["data"]["path"] = "prices.csv"
    (folder / "mine.toml").write_text(tomli_w.dumps(mine | {"name": "mine"}))
    for name in RUNS:
        config = fc.load_config(name)
        tickers = config.data.tickers
        prices = {ticker: fc.load_prices(ticker) for ticker in tickers}
        fc.run_training(
            prices or fc.load_prices("GOOG"),
            config,
            runs_dir=folder / "runs",
            created=datetime(2024, 1, 1, tzinfo=UTC),
            progress=False,
        )
    walk = fc.load_config(WALK)
    prices = {ticker: fc.load_prices(ticker) for ticker in walk.data.tickers}
    tested = folder / "runs" / f"{WALK}.backtest"
    fc.run_backtest(prices, walk, folder=tested, progress=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        # A ledger that no page sees: each makes its own evenings.
        patch.setenv("FORECASTER_DATA", str(tmp_path_factory.mktemp("other-data")))
        chosen = ["name=nightly", "source.name=embedded"]
        words = [word for choice in chosen for word in ("--set", choice)]
        evening = command("batch", "configs/batch.toml", "--as-of", EVENING, *words)
    assert evening.exit_code == 0, evening.stderr
    return folder


@pytest.fixture
def folder(furnished, tmp_path, monkeypatch):
    """A copy of that folder, and no other folder of the user's."""
    place = tmp_path / "here"
    shutil.copytree(furnished, place)
    monkeypatch.chdir(place)
    for name in [name for name in os.environ if name.startswith("FORECASTER_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("FORECASTER_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("MPLBACKEND", "agg")
    return place


def run_shell(block: Block, page: str, command) -> None:
    action, *rest = block.marker or ("run",)
    for words in block.commands:
        if not begins(words, FORECASTER, BENCHMARKS, REBUILD):
            assert words[0] in PROGRAMS.get(page, ()), words
            for place, word in enumerate(words):
                if word.endswith("/bin/forecaster"):
                    check_words(["forecaster", *words[place + 1 :]])
            continue
        check_words(words)
        if action == "parse" or asks_the_network(words):
            continue
        if action == "replace":
            text = shlex.join(words).replace(*rest)
            words = shlex.split(text)
            check_words(words)
        if begins(words, BENCHMARKS):
            answer = CliRunner().invoke(benchmarks, words[3:])
        else:
            answer = command(*words[1:])
        codes = {0} | {PROMISED[word] for word in words if word in PROMISED}
        codes |= {int(code) for code in rest} if action == "exit" else set()
        assert answer.exit_code in codes, (words, answer.output, answer.stderr)


def read_settings(block: Block) -> None:
    """Check settings as they are written; write them shrunk if they have a name."""
    settings = tomllib.loads(block.text)
    named = re.match(r"# (\S+\.toml)\n", block.text)
    file = Path(named[1]) if named else Path("unnamed.toml")
    file.write_text(block.text)
    if "universe" in settings:
        assert isinstance(load_batch_config(file), BatchConfig)
    else:
        assert isinstance(fc.load_config(file), Config)
        file.write_text(tomli_w.dumps(shrunk(settings)))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_block_of_a_page_runs(page, folder, command):
    import matplotlib
    import matplotlib.pyplot as plt

    names: dict = {"__name__": "page"}
    # Tiny networks forecast far beyond what they were trained on.
    warnings.simplefilter("ignore", fc.ForecastWarning)
    # That `with_dates` divided the prices.
    warnings.simplefilter("ignore", fc.RunWarning)
    with matplotlib.rc_context():
        for block in blocks_of(page):
            if block.kind == "sh":
                run_shell(block, name_of(page), command)
            elif block.kind == "python":
                exec(compile(block.text, str(page), "exec"), names)
                plt.close("all")
            elif block.kind == "toml":
                read_settings(block)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_command_in_a_sentence_exists(page):
    text = BLOCK.sub("", page.read_text(encoding="utf-8"))
    for span in SPAN.findall(text):
        check_path(span.replace("\\|", "|").split())


def test_blocks_are_of_known_kinds_and_marked_for_good_reasons():
    for page in PAGES:
        n_fences = len(re.findall("^```", page.read_text(encoding="utf-8"), re.M))
        blocks = blocks_of(page)
        assert n_fences == 2 * len(blocks), page
        for block in blocks:
            known = {"sh", "python", "toml", "text", "{toctree}"}
            readme_table = page == ROOT / "README.md" and block.kind == ""
            assert block.kind in known or readme_table, (page, block.kind)
            action, *rest = block.marker or ("run",)
            assert action in {"run", "parse", "exit", "replace"}, (page, block.marker)
            assert action == "run" or block.kind == "sh", (page, block.marker)
            assert action != "parse" or (set(rest) <= REASONS and rest), (page, rest)
            assert action != "replace" or rest[0] in block.text, (page, rest)


@pytest.mark.parametrize(
    "line",
    [
        "forecaster train --epohcs 3",
        "forecaster trian",
        "forecaster ledger shwo",
        "forecaster predict google --epochs 3",
        "forecaster batch",
        "python -m benchmarks --chek",
        "python -m benchmarks epoch-lsmt",
        "python -m benchmarks nightly --evenings 3",
        "python data/rebuild.py --wirte",
    ],
)
def test_a_wrong_line_is_found(line):
    with pytest.raises(WrongLine):
        check_words(line.split())


def test_wrong_settings_are_found(folder):
    with pytest.raises(ConfigError, match="epohcs"):
        read_settings(Block("toml", "[training]\nepohcs = 3\n", ()))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere_on_a_code_host_too(page):
    for link in LINK.findall(page.read_text(encoding="utf-8")):
        file, _, _anchor = link.partition("#")
        assert not file or (page.parent / unquote(file)).exists(), link


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The pages as Sphinx builds them, where a warning is an error."""
    pytest.importorskip("sphinx")
    folder = tmp_path_factory.mktemp("built")
    words = ["-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html"]
    places = [str(ROOT / "docs"), str(folder), "-d", str(folder / ".doctrees")]
    answer = subprocess.run(
        [sys.executable, *words, *places],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT), "FORECASTER_RUNS": "/elsewhere"},
    )
    assert answer.returncode == 0, answer.stderr
    return folder


def test_pages_build_and_load_nothing_from_the_network(built):
    pages = sorted(built.rglob("*.html"))
    names = {page.relative_to(built).with_suffix(".md").as_posix() for page in pages}
    sources = {path for path in PAGES if path.is_relative_to(ROOT / "docs")}
    assert names >= {name_of(path) for path in sources}
    for page in pages:
        wanted = Wanted()
        wanted.feed(page.read_text(encoding="utf-8"))
        assert wanted.loaded
        assert not [place for place in wanted.loaded if "//" in place], page


def test_the_references_are_complete(built):
    def text_of(name):
        return (built / "reference" / f"{name}.html").read_text(encoding="utf-8")

    settings, commands, package = map(text_of, ("settings", "commands", "python"))
    for section, values in Config().resolved().items():
        for name in values if isinstance(values, dict) else (section,):
            written = (f">{name}</span>", f"[[{section}.{name}]]</span>")
            assert any(way in settings for way in written), (section, name)
    for path in ("train", "ledger verify", "models promote", "config schema"):
        assert f"forecaster {path}" in commands
    assert "/elsewhere" not in commands  # nothing of the machine that builds
    for name in fc.__all__:
        assert f'id="forecaster.{name}"' in package
    for name in set(plotting.__all__) - set(fc.__all__):
        assert f'id="forecaster.plotting.{name}"' in text_of("drawing")
    assert "NotEnoughHistory" in text_of("errors")


def test_every_figure_is_drawn_on_a_page():
    code = [block.text for page in PAGES for block in blocks_of(page)]
    drawn = set(re.findall(r"fc\.(plot_\w+)\(", "".join(code)))
    assert drawn == {name for name in fc.__all__ if name.startswith("plot_")}
