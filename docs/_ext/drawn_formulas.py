"""Draws the formulas of docstrings as pictures inside the page, without any script.

matplotlib knows the mathematics of single lines: a formula of several is drawn line by
line, and `&`, which only aligns them, is left out.
"""

from __future__ import annotations

import html
import io
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from docutils.nodes import Element
    from sphinx.application import Sphinx

# Names that matplotlib has in another spelling, or not at all.
SPELLINGS = ((r"\\(?:begin|end)\{[a-z]+\*?\}", ""), (r"\\(?:,|;|!|quad)", " "))
POINTS = 11


def lines_of(formula: str) -> list[str]:
    """Return the lines of a formula, without what aligns them."""
    for pattern, spelling in SPELLINGS:
        formula = re.sub(pattern, spelling, formula)
    lines = re.split(r"\\\\", formula.replace("&", ""))
    return [" ".join(line.split()) for line in lines if line.strip()]


def drawn(line: str) -> str:
    """Return one line as an SVG picture that takes the colour of the text."""
    from matplotlib import rc_context
    from matplotlib.font_manager import FontProperties
    from matplotlib.mathtext import math_to_image

    file = io.StringIO()
    fonts = FontProperties(size=POINTS, math_fontfamily="cm")
    # Without a ground of its own, for the dark side; the same names each time.
    with rc_context({"savefig.transparent": True, "svg.hashsalt": "formula"}):
        depth = math_to_image(
            f"${line}$", file, prop=fonts, format="svg", color="#010203"
        )
    svg = file.getvalue()
    picture = svg[svg.index("<svg") :].replace("#010203", "currentColor")
    # Numbers of pictures are the same in each, and a page may hold each only once.
    picture = re.sub(r"<metadata>.*?</metadata>", "", picture, flags=re.S)
    picture = re.sub(r' id="(?:figure|patch|text|axes)_\d+"', "", picture)
    label = html.escape(line, quote=True)
    style = f"vertical-align: -{depth}pt"
    return picture.replace(
        "<svg", f'<svg role="img" aria-label="{label}" style="{style}"', 1
    )


def visit_inline(translator: Any, node: Element) -> None:
    """Write a formula inside a sentence."""
    from docutils.nodes import SkipNode

    translator.body.append("".join(map(drawn, lines_of(node.astext()))))
    raise SkipNode


def visit_block(translator: Any, node: Element) -> None:
    """Write a formula that stands alone."""
    from docutils.nodes import SkipNode

    for line in lines_of(node.astext()):
        translator.body.append(f'<p class="formula">{drawn(line)}</p>')
    raise SkipNode


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect the renderer with Sphinx."""
    app.add_html_math_renderer("drawn", (visit_inline, None), (visit_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
