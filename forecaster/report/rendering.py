"""Rendering: pages as HTML that needs nothing beside it. Every value is escaped."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from forecaster.report.interactive import plotly_script
from forecaster.report.page import Page

_WHOLE = re.compile(r"\b\d{4}-\d\d-\d\d\b|\bfold-\d+\b")
TEMPLATES = Path(__file__).parent / "templates"


def render(page: Page) -> str:
    """Return a page as HTML, with the script of plotly where a figure is live."""
    figures = [one for section in page.sections for one in section.figures]
    live = any(one.live is not None for one in figures)
    # The script is the library's own, not text of ours or a user's.
    plotly = Markup(plotly_script()) if live else None
    folded = any(one.folded for section in page.sections for one in section.tables)
    zoomed = any(one.zoomable and one.live is None for one in figures)
    # What is folded is opened for print.
    scripted = folded or zoomed or any(section.code for section in page.sections)
    return (
        _environment()
        .get_template("page.html")
        .render(page=page, plotly=plotly, scripted=scripted)
    )


@cache
def _environment() -> Environment:
    settings: dict[str, Any] = {"trim_blocks": True, "lstrip_blocks": True}
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        **settings,
    )
    environment.filters["unbroken"] = unbroken
    return environment


def unbroken(text: str) -> Markup:
    """Return a text as HTML whose dates and folds stay on one line.

    >>> print(unbroken("from 2017-01-03 <b>"))
    from <span class="whole">2017-01-03</span> &lt;b&gt;
    """
    # Escaped before, and what is added holds digits and hyphens alone.
    return Markup(_WHOLE.sub(r'<span class="whole">\g<0></span>', str(escape(text))))
