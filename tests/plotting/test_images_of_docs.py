"""The pictures of README and docs are those that the committed script writes."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT, IMAGES = ROOT / "docs" / "make_images.py", ROOT / "docs" / "images"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("**/*.md"))]


def test_the_script_writes_every_committed_picture():
    written = re.findall(r'IMAGES / "([^"]+)"', SCRIPT.read_text("utf-8"))
    assert len(written) == len(set(written))
    assert set(written) == {path.name for path in IMAGES.glob("*.png")}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_picture_on_a_page_is_there_and_has_a_text(page):
    for text, target in re.findall(
        r"!\[([^\]]*)\]\(([^)]+)\)", page.read_text("utf-8")
    ):
        if target.startswith("http"):
            continue
        assert text, f"{target} has no alternative text"
        assert (page.parent / target).is_file(), f"{target} is not there"
