"""The pages in a headless Chromium: with the mouse, the keyboard, a phone, at night."""

import re
from itertools import pairwise

import pytest

from tests.web.demonstration import MODEL, POOR, TICKERS

PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True}
TICKER = f"/ticker?ticker=GOOG&model={MODEL}"
PAGES = ("/", "/skill", "/runs", TICKER)
# WCAG 2, relative luminance and contrast of the colours that an element is drawn in.
CONTRAST = """
() => {
  const parse = (text) => {
    const [red, green, blue, alpha = 1] = text.match(/[\\d.]+/g).map(Number);
    return { parts: [red, green, blue], alpha };
  };
  const light = (parts) => {
    const [red, green, blue] = parts.map((part) => {
      const value = part / 255;
      return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const { parts, alpha } = parse(getComputedStyle(at).backgroundColor);
      if (alpha === 1) return parts;
    }
    return [255, 255, 255];
  };
  const found = [];
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some(
      (node) => node.nodeType === 3 && node.textContent.trim(),
    );
    if (!own || !element.checkVisibility() || element.closest("noscript")) continue;
    const style = getComputedStyle(element);
    const ink = element.closest("svg") ? style.fill : style.color;
    const [one, other] = [light(parse(ink).parts), light(ground(element))];
    const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    found.push([ratio, element.tagName, element.textContent.slice(0, 40)]);
  }
  return found.sort((one, other) => one[0] - other[0]);
}
"""


def column(page, number):
    cells = page.locator(f"#table tbody tr > :nth-child({number})")
    return cells.all_inner_texts()


def head(page, words):
    return page.get_by_role("button", name=words, exact=True).first


def order_of(page, words):
    return page.locator("th", has=head(page, words)).get_attribute("aria-sort")


def choice(page, name):
    return page.get_by_role("combobox", name=name)


def test_the_universe_loads(visit):
    page = visit()
    assert page.title() == "Universe · forecaster"
    assert len(column(page, 1)) == 18
    verdict = page.locator("#verdict").inner_text()
    assert verdict.startswith("1 of 18 scored pairs of ticker and model (6%) beats")
    assert "6 lose" in verdict
    row = page.locator("#table tbody tr", has_text="442.42").first.inner_text()
    assert "✓ beats" in row


def test_the_table_sorts(visit):
    page = visit()
    assert order_of(page, "Ratio") == "none"
    head(page, "Ratio").click()
    ratios = [float(text) for text in column(page, 7)]
    assert ratios == sorted(ratios)
    assert order_of(page, "Ratio") == "ascending"
    head(page, "Ratio").click()
    assert [float(text) for text in column(page, 7)] == ratios[::-1]
    assert order_of(page, "Ratio") == "descending"
    head(page, "Model").click()
    assert order_of(page, "Ratio") == "none"
    models = column(page, 2)
    assert models == [MODEL] * 12 + [POOR] * 6
    # Equal rows keep the order of the tickers.
    assert column(page, 1)[:12] == sorted(TICKERS)


def test_the_table_filters(visit):
    page = visit()
    page.get_by_role("searchbox", name="Ticker").fill("g")
    assert column(page, 1) == ["GOOG", "GOOG", "^GSPC"]
    assert page.locator("#count").inner_text() == "3 of 18 shown"
    choice(page, "Model").select_option(POOR)
    assert column(page, 1) == ["GOOG"]
    page.get_by_role("searchbox", name="Ticker").fill("none of these")
    assert page.locator("#table tbody").inner_text() == "Nothing to show."
    page.get_by_role("searchbox", name="Ticker").fill("")
    assert len(column(page, 1)) == 6


def test_failures_and_their_reasons_are_shown(visit):
    page = visit()
    choice(page, "Status").select_option("failed")
    assert column(page, 1) == ["T", "XOM"]
    page.get_by_role("link", name="XOM").click()
    page.get_by_text("XOM: yahoo did not answer within 30 s.").wait_for()
    page = visit("/runs")
    choice(page, "Status").select_option("partly")
    rows = page.locator("#table tbody tr")
    rows.nth(5).wait_for(state="detached")
    assert rows.count() == 5
    page.get_by_text("2 tickers", exact=True).click()
    page.get_by_text("T: yahoo did not answer within 30 s.", exact=False).wait_for()
    assert page.locator("details[open] li").count() == 2


def test_a_ticker_opens(visit):
    page = visit()
    page.get_by_role("link", name="GOOG").first.click()
    page.wait_for_selector("#past svg")
    assert page.title() == "GOOG · forecaster"
    assert page.url.endswith(f"/ticker?ticker=GOOG&model={MODEL}")
    assert page.get_by_role("heading", level=1).inner_text() == "GOOG"
    assert choice(page, "Model").input_value() == MODEL
    fan = page.locator("#fan .chart svg").text_content()
    as_of = choice(page, "As of").input_value()
    assert f"as of {as_of}" in fan
    assert "close price, quote currency of GOOG" in fan
    levels = page.locator("#fan .chart .level").all_text_contents()
    assert levels == ["90%", "50%"]
    assert len(page.locator("#table tbody tr").all()) == 2


def test_the_picture_has_words_for_it(visit):
    page = visit(TICKER)
    picture = page.get_by_role("img", name=re.compile("GOOG: forecast by"))
    assert picture.count() == 1
    description = page.locator("#fan-chart-description").text_content()
    assert len(re.findall(r"forecast [\d.,]+ \(90% ", description)) == 5
    page.locator("#fan summary").click()
    rows = page.locator("#fan details tbody tr")
    assert rows.count() == 20 + 5
    assert "to" in rows.first.inner_text()  # the interval of the last session


def test_another_origin_and_another_model_can_be_chosen(visit):
    page = visit(TICKER)
    origins = choice(page, "As of").locator("option").all_inner_texts()
    assert len(origins) == 80
    choice(page, "As of").select_option(origins[30])
    page.get_by_text(f"as of {origins[30]}", exact=True).wait_for()
    # All five prices have come since: the real ones are drawn to the end.
    page.locator("#fan input").fill("24")
    assert "Real price" in page.locator("#fan output").inner_text()
    choice(page, "Sessions ahead").select_option("5")
    page.locator("figcaption", has_text="said 5 sessions before").wait_for()
    choice(page, "Origins").select_option("30")
    page.locator("figcaption", has_text="of 25 real prices").wait_for()
    choice(page, "Model").select_option(POOR)
    page.locator("figcaption", has_text=f"Forecast by {POOR}").wait_for()
    assert page.url.endswith(f"model={POOR}")


def test_skill_and_runs_are_listed(visit):
    page = visit("/skill")
    assert page.locator("#models tbody tr").count() == 2
    assert page.locator("#table tbody svg").count() == 18
    page = visit("/runs")
    assert page.locator("#table tbody tr").count() == 100
    assert column(page, 1)[0] == "160"
    page.get_by_role("button", name="Show older runs").click()
    page.get_by_text("160 of 160 shown").wait_for()
    assert page.locator("#table tbody tr").count() == 160
    assert not page.get_by_role("button", name="Show older runs").is_visible()


def test_an_unknown_ticker_is_told(visit):
    page = visit()
    page.goto("/ticker?ticker=NONE")
    problem = page.get_by_role("alert")
    problem.wait_for()
    assert "the ledger has nothing of that name" in problem.inner_text()
    page.goto("/ticker?ticker=<b>x</b>")
    problem.wait_for()
    assert page.locator("h1 b").count() == 0  # its words are words, not marks
    # The browser itself notes both refusals; nothing else may be wrong.
    one = visit.opened[0]
    assert len(one.complaints) == 2
    assert all("the server responded with a status of 4" in w for w in one.complaints)
    one.complaints.clear()


def test_all_by_keyboard(visit):
    page = visit()
    keys = page.keyboard

    def focused():
        return page.evaluate(
            "document.activeElement.ariaLabel || document.activeElement.innerText"
            " || document.activeElement.id"
        )

    def press_to(words, most=40):
        for _ in range(most):
            keys.press("Tab")
            if words in focused():
                return
        raise AssertionError(f"{words} cannot be reached")

    keys.press("Tab")
    assert focused() == "Skip to the content"
    keys.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    press_to("text")
    keys.type("aapl")
    assert column(page, 1) == ["AAPL", "AAPL"]
    keys.press("Tab")
    keys.type(POOR[:8])
    assert column(page, 2) == [POOR]
    keys.press("Home")
    press_to("Ratio")
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    keys.press("Enter")
    assert order_of(page, "Ratio") == "ascending"
    keys.press("Space")
    assert order_of(page, "Ratio") == "descending"
    assert column(page, 2) == [POOR, MODEL]
    press_to("AAPL")
    keys.press("Enter")
    page.wait_for_selector("#past svg")
    slider = page.locator("#fan input")
    slider.focus()
    before = page.locator("#fan output").inner_text()
    keys.press("ArrowRight")
    after = page.locator("#fan output").inner_text()
    assert before[:10] < after[:10]  # their sessions
    assert slider.get_attribute("aria-valuetext") == after
    keys.press("Home")
    assert page.locator("#fan output").inner_text()[:10] < before[:10]


@pytest.mark.parametrize("path", PAGES)
def test_at_phone_width_the_page_itself_does_not_scroll(visit, path):
    page = visit(path, **PHONE)
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    boxes = page.locator(".scroll:visible")
    assert boxes.count() >= 1
    for box in boxes.all():
        assert box.evaluate("box => box.getBoundingClientRect().right") <= 360
        assert box.get_attribute("tabindex") == "0"
    small = page.evaluate(
        "[...document.querySelectorAll('main p, td, figcaption')]"
        ".filter(one => one.checkVisibility())"
        ".map(one => parseFloat(getComputedStyle(one).fontSize))"
    )
    assert min(small) >= 12


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_words_stand_out_from_their_ground(visit, path, scheme):
    page = visit(path, color_scheme=scheme)
    found = page.evaluate(CONTRAST)
    assert len(found) > 50
    least = found[0]
    assert least[0] >= 4.5, least
    ground = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    brightness = int(re.findall(r"\d+", ground)[0])
    assert brightness > 200 if scheme == "light" else brightness < 60


@pytest.mark.parametrize("path", PAGES)
def test_the_page_is_built_for_screen_readers(visit, path):
    page = visit(path)
    assert page.locator("html").get_attribute("lang") == "en"
    assert page.locator("main").count() == page.locator("h1").count() == 1
    levels = page.evaluate(
        "[...document.querySelectorAll('h1,h2,h3')].map(one => Number(one.tagName[1]))"
    )
    assert levels[0] == 1
    assert all(later - one <= 1 for one, later in pairwise(levels))
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map(one => one.id)")
    assert len(ids) == len(set(ids))
    unnamed = page.evaluate(
        "[...document.querySelectorAll('input, select')]"
        ".filter(one => !one.labels.length || !one.labels[0].innerText.trim()).length"
    )
    assert unnamed == 0
    empty = page.evaluate(
        "[...document.querySelectorAll('a, button, summary, th')]"
        ".filter(one => !one.textContent.trim()).length"
    )
    assert empty == 0
    for table in page.locator("table").all():
        assert table.locator("caption").text_content()
        assert table.locator("thead th:not([scope=col])").count() == 0
    for picture in page.locator("svg").all():
        hidden = picture.get_attribute("aria-hidden") == "true"
        assert hidden or picture.get_attribute("aria-labelledby")


def test_each_ticker_has_a_page(visit):
    """Signs such as those of ^GSPC and EURUSD=X survive the way into a URL and back."""
    page = visit()
    links = page.locator("#table tbody a")
    paths = {one.inner_text(): one.get_attribute("href") for one in links.all()}
    assert sorted(paths) == sorted(TICKERS)
    for name in ("^GSPC", "EURUSD=X", "BRK-B"):
        page.goto(paths[name])
        page.wait_for_selector("#past svg")
        assert page.get_by_role("heading", level=1).inner_text() == name


def test_dates_and_shares_are_not_broken_over_lines(visit):
    page = visit(TICKER, viewport={"width": 1200, "height": 800})
    terms = page.locator("#facts dt").all_inner_texts()
    assert any(re.fullmatch(r"Forecast for \d{4}-\d\d-\d\d", text) for text in terms)
    shares = page.locator("#table td .together")
    assert shares.count() >= 2
    for place in range(shares.count()):
        assert re.fullmatch(r"[\d.]+% of \d+%,?", shares.nth(place).inner_text())
        assert len(shares.nth(place).evaluate("one => [...one.getClientRects()]")) == 1
    frame = page.locator("#table .scroll")
    assert frame.evaluate("one => one.scrollWidth <= one.clientWidth")
