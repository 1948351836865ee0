"""Reports in a browser: they open from the disk, zoom, tell values, and can be read."""

import re

import pytest

PHONE_WIDTH = 375
PHONE = {"viewport": {"width": PHONE_WIDTH, "height": 800}}
REFERENCES = ("tiny", "walk.backtest", "nightly")
KINDS = [
    *((name, False) for name in REFERENCES),
    ("tiny", True),
    ("walk.backtest", True),
]
CONTRASTS = """
() => {
  const light = (rgb) => {
    const [r, g, b] = rgb.map((v) => {
      v /= 255;
      return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const canvas = document.createElement("canvas")
    .getContext("2d", { willReadFrequently: true });
  const parts = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const ratio = (one, other) => {
    const [high, low] = [light(one), light(other)].sort((a, b) => b - a);
    return (high + 0.05) / (low + 0.05);
  };
  const ground = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const found = parts(getComputedStyle(e).backgroundColor);
      if (found[3] === 255) return found.slice(0, 3);
    }
    return [255, 255, 255];
  };
  const worst = { text: [99, ""], letters: [99, ""], lines: [99, ""] };
  const note = (kind, value, what) => {
    if (value < worst[kind][0]) worst[kind] = [value, what];
  };
  document.querySelectorAll("h1,h2,p,th,td,caption,figcaption,a,button,summary,pre")
    .forEach((e) => {
      if (!e.textContent.trim() || !e.getClientRects().length) return;
      const colour = parts(getComputedStyle(e).color).slice(0, 3);
      note("text", ratio(colour, ground(e)), e.textContent.slice(0, 30));
    });
  document.querySelectorAll("svg [id*='text_'] g").forEach((e) => {
    const colour = parts(getComputedStyle(e).fill).slice(0, 3);
    note("letters", ratio(colour, ground(e.closest("div"))), e.parentElement.id);
  });
  document.querySelectorAll("svg [id*='line2d'] > path").forEach((e) => {
    const style = getComputedStyle(e);
    if (style.stroke === "none" || Number(style.strokeOpacity) < 1) return;
    const colour = parts(style.stroke).slice(0, 3);
    note("lines", ratio(colour, ground(e.closest("div"))), e.parentElement.id);
  });
  return worst;
}
"""


def box_of(page):
    return page.locator("[data-zoom]").first


def view_of(page):
    text = box_of(page).locator("svg").get_attribute("viewBox")
    return [float(number) for number in text.split()]


@pytest.mark.parametrize("reference", REFERENCES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_report_opens_from_the_disk_and_can_be_read(visit, reference, scheme):
    page = visit(reference, color_scheme=scheme)
    assert page.get_by_role("heading", level=1).is_visible()
    worst = page.evaluate(CONTRASTS)
    assert worst["text"][0] >= 4.5, worst
    assert worst["letters"][0] >= 4.5, worst
    assert worst["lines"][0] >= 3, worst
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    bright = sum(int(part) for part in re.findall(r"\d+", ground)[:3])
    assert (bright < 200) == (scheme == "dark")


@pytest.mark.parametrize(("reference", "interactive"), KINDS)
def test_a_phone_scrolls_tables_and_pictures_and_not_the_page(
    visit, reference, interactive
):
    page = visit(reference, interactive=interactive, **PHONE)
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 375
    boxes = page.evaluate(
        "[...document.querySelectorAll('.table')]"
        ".map((e) => e.scrollWidth > e.clientWidth)"
    )
    assert any(boxes)


def test_a_picture_zooms_by_click(visit):
    page = visit("tiny")
    home = view_of(page)
    box = box_of(page)
    box.get_by_role("button", name="Zoom in").click()
    closer = view_of(page)
    assert closer[2] == pytest.approx(home[2] / 1.5)
    assert closer[3] == pytest.approx(home[3] / 1.5)
    assert box.get_by_role("status").text_content() == "1.5 times as large"
    box.get_by_role("button", name="Move right").click()
    assert view_of(page)[0] == pytest.approx(closer[0] + closer[2] / 4, abs=1e-6)
    for _ in range(9):
        box.get_by_role("button", name="Move right").click()
    moved = view_of(page)
    assert moved[0] + moved[2] == pytest.approx(home[2])
    box.get_by_role("button", name="Zoom out").click()
    assert view_of(page) == pytest.approx(home)
    box.locator("svg").dblclick(position={"x": 5, "y": 5})
    corner = view_of(page)
    assert corner[2] < home[2]
    assert corner[0] < 0.02 * home[2]
    box.get_by_role("button", name="Show all").click()
    assert view_of(page) == pytest.approx(home)


def test_a_picture_zooms_by_keyboard_alone(visit):
    page = visit("tiny")
    home = view_of(page)
    box_of(page).get_by_role("button", name="Show all").focus()
    page.keyboard.press("Tab")
    focused = page.evaluate("document.activeElement.className")
    assert focused == "picture"
    page.keyboard.press("+")
    page.keyboard.press("+")
    assert view_of(page)[2] == pytest.approx(home[2] / 2.25)
    before = view_of(page)
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowDown")
    after = view_of(page)
    assert after[0] < before[0]
    assert after[1] > before[1]
    page.keyboard.press("-")
    assert view_of(page)[2] == pytest.approx(home[2] / 1.5)
    page.keyboard.press("0")
    assert view_of(page) == pytest.approx(home)
    for _ in range(20):
        page.keyboard.press("+")
    assert view_of(page)[2] == pytest.approx(home[2] / 16)


def test_a_zoomed_picture_is_dragged(visit):
    page = visit("tiny")
    box = box_of(page)
    box.get_by_role("button", name="Zoom in").click()
    box.locator("svg").scroll_into_view_if_needed()
    before, edge = view_of(page), box.locator("svg").bounding_box()
    x, y = edge["x"] + edge["width"] / 2, edge["y"] + edge["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + edge["width"] / 10, y, steps=4)
    page.mouse.up()
    page.mouse.move(x, y)
    assert view_of(page)[0] == pytest.approx(before[0] - before[2] / 10, rel=0.01)


def told_under_the_pointer(page, place):
    """Point at the middle of a picture, and return what it tells."""
    place.locator(".nsewdrag").first.wait_for()
    place.scroll_into_view_if_needed()
    edge = place.locator(".nsewdrag").first.bounding_box()
    page.mouse.move(edge["x"] + edge["width"] / 2, edge["y"] + edge["height"] / 2)
    place.locator(".hoverlayer .legend").first.wait_for()
    return place.locator(".hoverlayer").first.text_content()


@pytest.mark.parametrize("reference", ["tiny", "walk.backtest"])
def test_an_interactive_picture_tells_values_under_the_pointer(visit, reference):
    page = visit(reference, interactive=True)
    place = page.locator("#predictions .live").first
    told = told_under_the_pointer(page, place)
    assert re.search(r"real : \d+\.\d+", told)
    assert re.search(r"predicted : \d+\.\d+", told)
    assert "90% interval" in told
    assert not page.locator("#predictions .static").first.is_visible()
    span = (
        "document.querySelector('.live')._fullLayout.xaxis.range"
        ".map((day) => +new Date(day))"
    )
    first = page.evaluate(span)
    place.locator("[data-title='Zoom in']").click()
    page.wait_for_timeout(300)
    second = page.evaluate(span)
    assert second[1] - second[0] < first[1] - first[0]


def test_an_interactive_picture_follows_the_page_into_the_dark(visit):
    page = visit("tiny", interactive=True, color_scheme="light")
    page.locator(".live .bg").first.wait_for(state="attached")
    read = "getComputedStyle(document.querySelector('.live .main-svg')).background"
    light = page.evaluate(read)
    page.emulate_media(color_scheme="dark")
    page.wait_for_timeout(300)
    dark = page.evaluate(read)
    assert "rgb(255, 255, 255)" in light
    assert "rgb(22, 22, 22)" in dark


@pytest.mark.parametrize("interactive", [False, True])
def test_print_is_light_still_and_whole(visit, interactive):
    page = visit("tiny", interactive=interactive, color_scheme="dark")
    page.emulate_media(media="print")
    assert not page.locator("nav").is_visible()
    assert not page.locator("button").first.is_visible()
    pictures = page.locator("figure .picture svg")
    assert pictures.count() > 5
    assert all(one.is_visible() for one in pictures.all())
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == "rgb(255, 255, 255)"
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert page.locator("pre").is_visible()
    assert page.pdf(format="A4").startswith(b"%PDF")


def test_an_evening_can_be_read_and_prints_its_settings(visit, written):
    (place,) = [
        n for n, file in enumerate(written("nightly").files) if "05-31" in str(file)
    ]
    page = visit("nightly", evening=place, color_scheme="dark", **PHONE)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE_WIDTH
    worst = page.evaluate(CONTRASTS)
    assert worst["text"][0] >= 4.5, worst
    settings = page.locator("pre")
    assert settings.count() == 2
    assert not settings.first.is_visible()
    page.emulate_media(media="print")
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert all(one.is_visible() for one in settings.all())


def test_dates_stay_on_one_line(visit):
    page = visit("walk.backtest", **PHONE)
    heights = page.evaluate(
        "[...document.querySelectorAll('.whole')].filter((e) => "
        "e.getClientRects().length).map((e) => e.getClientRects().length)"
    )
    assert len(heights) > 10
    assert {*heights} == {1}


def test_an_interactive_training_tells_its_losses(visit):
    page = visit("walk.backtest", interactive=True)
    place = page.locator("#training .live")
    told = told_under_the_pointer(page, place)
    assert re.search(r"training, fold-2 : \d", told)
    assert re.search(r"validation, fold-2 : \d", told)


def test_the_index_opens_an_evening_and_the_evening_the_index(visit, written):
    page = visit("nightly", evening=1)
    assert page.get_by_role("link", name="All evenings").get_attribute("href") == (
        "../index.html"
    )
    index = visit("nightly")
    links = index.get_by_role("rowheader").get_by_role("link")
    assert links.all_text_contents() == ["2024-05-31", "2024-05-30"]
