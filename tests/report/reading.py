"""Reading pages: the elements of an HTML file, by the standard library's parser."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

EMPTY = {"meta", "br", "hr", "img", "input", "link", "path", "use", "image"}
RAW = {"script", "style"}


@dataclass
class Element:
    tag: str
    attributes: dict
    inside: tuple
    texts: list = field(default_factory=list)

    @property
    def text(self) -> str:
        return " ".join("".join(self.texts).split())


class Page(HTMLParser):
    """All elements in order; an element's texts are those of all within it."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.source, self.elements, self._open = source, [], []
        self.feed(source)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attributes):
        one = Element(tag, dict(attributes), tuple(self._open))
        assert len(attributes) == len(one.attributes)
        self.elements.append(one)
        if tag not in EMPTY:
            self._open.append(one)

    def handle_startendtag(self, tag, attributes):
        self.elements.append(Element(tag, dict(attributes), tuple(self._open)))

    def handle_endtag(self, tag):
        if tag not in EMPTY:
            assert self._open.pop().tag == tag

    def handle_data(self, data):
        for one in self._open:
            if one.tag not in RAW or one is self._open[-1]:
                one.texts.append(data)

    def all(self, tag):
        return [one for one in self.elements if one.tag == tag]

    def within(self, tag, key):
        """Return elements of a kind in the section of a key."""
        return [
            one
            for one in self.all(tag)
            if any(o.tag == "section" and o.attributes["id"] == key for o in one.inside)
        ]

    @property
    def headings(self):
        return [one.text for one in self.all("h2")]

    def rows(self, caption):
        """Return the rows of a table as dicts."""
        (table,) = [
            one.inside[-1] for one in self.all("caption") if one.text == caption
        ]
        own = [one for one in self.elements if table in one.inside]
        names = [one.text for one in own if one.attributes.get("scope") == "col"]
        cells = {}
        for one in own:
            if one.tag in ("th", "td") and one.attributes.get("scope") != "col":
                cells.setdefault(id(one.inside[-1]), []).append(one.text)
        return [dict(zip(names, row, strict=True)) for row in cells.values()]


def read_page(file: Path) -> Page:
    return Page(file.read_text(encoding="utf-8"))
