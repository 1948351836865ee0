"""Writes the reference: commands, settings, errors and Python, read from the code.

Each page of `docs/reference` has its introduction in a file of its own; what the code
itself knows is put behind it when Sphinx reads the page. Nothing is written to disk.
"""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel
from reference_commands import commands
from reference_settings import batch_settings, run_settings

import forecaster
from forecaster import errors

if TYPE_CHECKING:
    from sphinx.application import Sphinx

# Stands for a colon while napoleon looks.
COLON = "\ue000"
# Pages of modules, beside that of the package itself.
MODULES = {
    "reference/evaluating": (
        "forecaster.metrics",
        "forecaster.significance",
        "forecaster.calibration",
    ),
    "reference/building": (
        "forecaster.config",
        "forecaster.data.calendar",
        "forecaster.models.baselines",
        "forecaster.models.reference",
        "forecaster.models.backend",
        "forecaster.engine",
    ),
    "reference/operating": (
        "forecaster.batch.run",
        "forecaster.ledger",
        "forecaster.registry",
        "forecaster.monitor",
    ),
    "reference/drawing": ("forecaster.plotting",),
}


def first_line(thing: object) -> str:
    """Return what a docstring says in its first line."""
    return (inspect.getdoc(thing) or "").partition("\n")[0]


def package_reference() -> str:
    """Return the public names of the package, in a table and one by one."""
    return names_of("forecaster", forecaster.__all__)


def module_reference(modules: tuple[str, ...]) -> Callable[[], str]:
    """Return what writes the public names of some modules."""

    def write() -> str:
        parts = []
        for name in modules:
            module = importlib.import_module(name)
            parts.append(f"\n## `{name}`\n\n{first_line(module)}\n")
            parts.append(names_of(name, public_names(module)))
        return "".join(parts)

    return write


def public_names(module: Any) -> list[str]:
    """Return the names that a module lists, or else those that it defines."""
    listed = getattr(module, "__all__", None)
    if listed is not None:
        return list(listed)
    return [
        name
        for name, thing in vars(module).items()
        if not name.startswith("_")
        and getattr(thing, "__module__", None) == module.__name__
    ]


def names_of(module: str, names: list[str]) -> str:
    """Return a table of names, and then the docstring of each."""
    home = importlib.import_module(module)
    rows = ["\n| name | what it is |\n|---|---|\n"]
    texts = []
    for name in names:
        thing = getattr(home, name)
        # What the package itself offers is told on its own page, once.
        told_there = module != "forecaster" and name in forecaster.__all__
        owner = "forecaster" if told_there else module
        said = first_line(thing) if callable(thing) else "A constant."
        rows.append(f"| {{py:obj}}`~{owner}.{name}` | {said} |\n")
        if not told_there:
            texts.append(directive_of(module, name, thing))
    return "".join(rows) + "\n```{eval-rst}\n" + "".join(texts) + "```\n"


def directive_of(module: str, name: str, thing: object) -> str:
    """Return the directive that prints one docstring with its signature."""
    head = f"\n.. currentmodule:: {module}\n\n"
    if inspect.isclass(thing):
        fields = "   :members:\n   :exclude-members: model_config\n"
        return head + f".. autoclass:: {name}\n{fields}"
    if callable(thing):
        return head + f".. autofunction:: {name}\n"
    return head + f".. py:data:: {name}\n"


def error_reference() -> str:
    """Return the table of exit codes, and every error with what it means."""
    kinds = list(tree_of(errors.ForecasterError))
    rows = ["\n| error | is a | exit code | meaning |\n|---|---|---|---|\n"]
    for kind in kinds:
        parent = kind.__bases__[0].__name__
        rows.append(
            f"| `{kind.__name__}` | `{parent}` | {kind.exit_code} | "
            f"{first_line(kind)} |\n"
        )
    rows.append("\n## Warnings\n\n| warning | meaning |\n|---|---|\n")
    rows += [
        f"| `{name}` | {first_line(thing)} |\n"
        for name, thing in vars(errors).items()
        if inspect.isclass(thing) and issubclass(thing, Warning)
    ]
    return "".join(rows)


def tree_of(
    kind: type[errors.ForecasterError],
) -> Iterator[type[errors.ForecasterError]]:
    """Yield a class of errors and all below it, each before its own."""
    yield kind
    for below in kind.__subclasses__():
        if below.__module__ == errors.__name__:
            yield from tree_of(below)


WRITERS: dict[str, Callable[[], str]] = {
    "reference/commands": commands,
    "reference/settings": run_settings,
    "reference/batch-settings": batch_settings,
    "reference/errors": error_reference,
    "reference/python": package_reference,
    **{page: module_reference(modules) for page, modules in MODULES.items()},
}


def add_reference(_: Sphinx, page: str, source: list[str]) -> None:
    """Put what the code knows behind the introduction of a page."""
    if page in WRITERS:
        source[0] += WRITERS[page]()


def prepare_docstring(
    _app: Sphinx, kind: str, _name: str, _thing: object, _options: object, lines: Any
) -> None:
    """Make of a docstring what several on one page can be, before napoleon reads it.

    Footnotes become plain text, since all count from 1; a colon in the sentence of a
    property would make a type of what stands before it.
    """
    if kind in ("property", "attribute") and lines:
        lines[0] = lines[0].replace(":", COLON)
    for number, line in enumerate(lines):
        unnoted = re.sub(r"^(\s*)\.\. \[(\d+)\] ", r"\1\2. ", line)
        lines[number] = re.sub(r"\[(\d+)\]_", r"[\1]", unnoted)


def finish_docstring(
    _app: Sphinx, _kind: str, _name: str, _thing: object, _options: object, lines: Any
) -> None:
    """Mend what napoleon leaves: colons, and attributes with several names."""
    for number, line in enumerate(lines):
        field = re.match(r":ivar [^:]+:", line)
        if field is not None:
            names = field[0].removeprefix(":ivar ").replace(", ", ",")
            line = f":ivar {names}{line[field.end() :]}"
        lines[number] = line.replace(COLON, ":")


def shorten_signature(
    _app: Sphinx, _kind: str, _name: str, thing: object, _options: object, *_: Any
) -> tuple[str, str] | None:
    """Leave the signature of settings out: their reference has types and limits."""
    settings = inspect.isclass(thing) and issubclass(thing, BaseModel)
    return ("(**settings)", "") if settings else None


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect the extension with Sphinx."""
    app.connect("source-read", add_reference)
    app.connect("autodoc-process-signature", shorten_signature)
    # Before and after napoleon, which turns sections into fields.
    app.connect("autodoc-process-docstring", prepare_docstring, priority=100)
    app.connect("autodoc-process-docstring", finish_docstring, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
