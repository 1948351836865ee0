"""Rendering: pages as HTML that needs nothing beside it. Every value is escaped."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from forecaster.report.interactive import plotly_script
from forecaster.report.page import Page

TEMPLATES = Path(__file__).parent / "templates"


def render(page: Page) -> str:
    """Return a page as HTML, with the script of plotly where a figure is live."""
    figures = [one for section in page.sections for one in section.figures]
    live = any(one.live is not None for one in figures)
    # The script is the library's own, not text of ours or a user's.
    plotly = Markup(plotly_script()) if live else None
    folded = any(one.folded for section in page.sections for one in section.tables)
    scripted = folded or any(one.zoomable and one.live is None for one in figures)
    return (
        _environment()
        .get_template("page.html")
        .render(page=page, plotly=plotly, scripted=scripted)
    )


@cache
def _environment() -> Environment:
    settings: dict[str, Any] = {"trim_blocks": True, "lstrip_blocks": True}
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        **settings,
    )
