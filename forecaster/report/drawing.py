"""Drawing: figures as markup that lives inside a page, in its colours.

What matplotlib writes is a file of its own. Inside a page its names have to differ from
those of other figures, and its colours follow the page: ink and paper become those of
the page, and mixtures of a colour with white paper become mixtures with the page's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from markupsafe import Markup, escape

from forecaster.plotting.saving import draw_bytes
from forecaster.plotting.style import BLACK, BLUE, ORANGE, SIZE
from forecaster.report.page import Figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PAPER, OF_ORANGE = "var(--card)", "var(--orange)"
OF_THE_PAGE = {
    BLACK.lower(): "var(--ink)",
    "#ffffff": PAPER,
    BLUE.lower(): "var(--blue)",
    ORANGE.lower(): OF_ORANGE,
}
WHITE = 255
_COLOUR = re.compile(r"#[0-9a-f]{6}\b")
_PATH = re.compile(r'(?<= d=")[^"]*')
_LONG = re.compile(r"(\.\d\d)\d+")
_HEAD = re.compile(r"^.*?<svg [^>]*?viewBox=\"(?P<box>[^\"]*)\"[^>]*>", re.DOTALL)
_LEFT_OUT = (
    re.compile(r"<metadata>.*?</metadata>", re.DOTALL),
    re.compile(r"<style.*?</style>", re.DOTALL),
    re.compile(r"<!--.*?-->", re.DOTALL),
)


def figure(
    key: str,
    title: str,
    description: str,
    draw: Callable[[Axes], object],
    *,
    zoomable: bool = False,
    live: Mapping[str, Any] | None = None,
    size: tuple[float, float] = SIZE,
) -> Figure:
    """Draw a figure, and return it with its words."""
    drawn = draw_bytes(draw, file_format="svg", size=size).decode("utf-8")
    svg = inline_svg(drawn, key, title, description)
    return Figure(key, svg, title, description, zoomable, live)


def inline_svg(drawn: str, key: str, title: str, description: str) -> Markup:
    """Return an SVG file of matplotlib as an element of a page, with its words."""
    text = drawn
    for pattern in _LEFT_OUT:
        text = pattern.sub("", text)
    head = _HEAD.match(text)
    if head is None:
        raise ValueError("matplotlib wrote no SVG")
    body = text[head.end() :]
    body = re.sub(r'(?<= id=")', f"{key}-", body)
    body = re.sub(r'(?<=href="#)', f"{key}-", body)
    body = re.sub(r"(?<=url\(#)", f"{key}-", body)
    body = body.replace("xlink:href", "href")
    body = _PATH.sub(lambda found: _LONG.sub(r"\1", found[0]), body)
    body = _COLOUR.sub(lambda found: page_colour(found[0]), body)
    names = f"{key}-title {key}-desc"
    words = (
        f'<title id="{key}-title">{escape(title)}</title>'
        f'<desc id="{key}-desc">{escape(description)}</desc>'
    )
    opening = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{head["box"]}" role="img" '
        f'aria-labelledby="{names}">'
    )
    # All of it is matplotlib's own or escaped just now.
    return Markup(opening + words + body)


def page_colour(colour: str) -> str:
    """Return the colour that a page shows in place of one on white paper.

    >>> page_colour("#1a1a1a"), page_colour("#ffffff"), page_colour("#009e73")
    ('var(--ink)', 'var(--card)', '#009e73')
    >>> page_colour("#eaaf80")
    'color-mix(in srgb, var(--orange) 50%, var(--card))'
    """
    if colour in OF_THE_PAGE:
        return OF_THE_PAGE[colour]
    share = _share_of_orange(colour)
    if share is None:
        return colour
    return f"color-mix(in srgb, {OF_ORANGE} {round(100 * share)}%, {PAPER})"


def _share_of_orange(colour: str) -> float | None:
    """Return how much orange is mixed with white in a colour; None for others."""
    parts, full = _parts(colour), _parts(ORANGE)
    share = (WHITE - parts[2]) / (WHITE - full[2])
    mixed = [WHITE - share * (WHITE - part) for part in full]
    same = all(abs(a - b) <= 1.5 for a, b in zip(parts, mixed, strict=True))  # noqa: PLR2004
    return share if same else None


def _parts(colour: str) -> list[int]:
    return [int(colour[place : place + 2], 16) for place in (1, 3, 5)]
