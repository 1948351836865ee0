"""Imports point one way, and no module is too long to read at a sitting."""

import ast
from pathlib import Path

import pytest

import forecaster

LAYERS = [  # lowest first; the name of a package covers its modules
    {"errors", "arrays", "resources"},
    {"atomic", "checksums", "interrupts", "progress"},
    {"config", "checkpoint"},
    {"data"},
    {"models", "metrics", "significance", "loading", "engine", "folds"},
    {"intervals"},
    {"drift", "accounts", "trading_rules", "calibration"},
    {"paths"},
    {"verdict", "forecast", "lag", "trading"},
    {"doubts", "scoring", "backtest_losses"},
    {"evaluation"},
    {"preparing", "feedback", "baselining", "describing"},
    {"correcting", "replaying"},
    {"answering", "fans"},
    {"forecasting"},
    {"bundle", "ranges", "scrambling"},
    {"training", "study", "streaming", "attributions", "watching"},
    {"explain", "explain_files", "monitor", "backtest", "backtest_scores"},
    {"calibrating", "outoffold", "diagnostics", "reliability"},
    {"ledger"},
    {"backtesting"},
    {"plotting", "tuning", "audit"},
    {"runfolder"},
    {"runs"},
    {"jobs"},
    {"comparing", "registry", "report"},
    {"comparison", "batch"},
    {"comparison_files", "web"},
    {"cli"},
]
ROOT = Path(forecaster.__file__).parent
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts): path
    for path in sorted(ROOT.rglob("*.py"))
    if path.parent != ROOT or not path.name.startswith("__")
}
MOST_LINES = 300


def layer_of(name):
    for depth, names in enumerate(LAYERS):
        if any(name == known or name.startswith(f"{known}.") for known in names):
            return depth
    raise AssertionError(f"{name} is in no layer: add it to LAYERS")


def own_imports(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module == "forecaster":
            names = [f"forecaster.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        for name in names:
            if name.startswith("forecaster."):
                yield name.removeprefix("forecaster.")


@pytest.mark.parametrize("name", MODULES)
def test_imports_point_down(name):
    here = name.removesuffix(".__init__")
    for imported in own_imports(MODULES[name]):
        same_folder = here.partition(".")[0] == imported.partition(".")[0]
        assert same_folder or layer_of(imported) < layer_of(here), (
            f"{here} imports {imported}"
        )


@pytest.mark.parametrize("name", MODULES)
def test_a_module_says_what_it_owns_and_is_short(name):
    text = MODULES[name].read_text(encoding="utf-8")
    assert ast.get_docstring(ast.parse(text))
    assert len(text.splitlines()) <= MOST_LINES


@pytest.mark.parametrize("name", MODULES)
def test_no_module_reaches_round_the_layers_through_the_package(name):
    for node in ast.walk(ast.parse(MODULES[name].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            assert "forecaster" not in [alias.name for alias in node.names]
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0
            assert node.module != "forecaster", f"{name} imports from the package"
