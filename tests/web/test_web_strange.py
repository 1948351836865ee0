"""Pages of ledgers out of the ordinary: empty, hostile, young, or gone."""

import pytest

from tests.support.chromium import Visit
from tests.web.conftest import serving

HOSTILE = '<img src="/x" onerror="alert(1)">'
WINDOW = {"viewport": {"width": 1280, "height": 800}}


@pytest.fixture
def look(chromium, ledger):
    """Open a page of the ledger that the test writes into."""
    opened = []
    with serving(ledger.place) as url:

        def open_page(path="/"):
            one = Visit(chromium, url, **WINDOW)
            opened.append(one)
            return one.go(path), one.complaints

        yield open_page
        for one in opened:
            one.context.close()


def test_an_empty_ledger_has_pages(look):
    for path in ("/", "/skill", "/runs"):
        page, complaints = look(path)
        table = page.locator("#table tbody")
        assert table.inner_text() == "Nothing to show."
        assert complaints == []
    page, _ = look("/")
    verdict = page.locator("#verdict").inner_text()
    assert verdict.startswith("No live score yet")


def test_words_of_the_ledger_stay_words(look, ledger, record):
    record(ledger, {(0, 1): {0.0: 101.0}}, model=HOSTILE)
    record(ledger, {(0, 1): {0.0: 101.0}}, ticker="<B>X</B>")
    for path in ("/", "/skill", "/runs"):
        page, complaints = look(path)
        assert page.locator("main img").count() == 0
        assert HOSTILE in page.locator("#table").inner_text()
        assert complaints == []
    page, complaints = look("/")
    assert "<B>X</B>" in page.locator("#table").inner_text()
    page.get_by_role("link", name="GOOG").click()
    page.wait_for_selector("#past svg")
    assert page.locator("main img").count() == 0
    assert page.locator("#fan figcaption").inner_text().count(HOSTILE) == 1
    assert complaints == []


def test_a_forecast_without_intervals_or_prices_is_drawn(look, ledger, record):
    record(ledger, {(0, 1): {0.0: 101.0}})
    page, complaints = look("/ticker?ticker=GOOG")
    assert "No interval has met its price yet." in page.locator("main").inner_text()
    assert page.locator("#fan .dot-model").count() == 1
    assert page.locator("#fan .band").count() == 0
    assert complaints == []


def test_a_ledger_that_goes_away_is_told_and_comes_back(look, ledger, record, place):
    record(ledger, {(0, 1): {0.0: 101.0}})
    ledger.close()
    page, _ = look("/")
    moved = place.rename(place.with_name("moved.db"))
    page.reload()
    problem = page.get_by_role("alert")
    problem.wait_for()
    assert problem.inner_text() == "Nothing to show: the ledger cannot be read."
    moved.rename(place)
    page.reload()
    page.get_by_role("link", name="GOOG").wait_for()
    assert not problem.is_visible()
