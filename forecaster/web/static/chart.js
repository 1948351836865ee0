// Charts of prices by session: bands, lines and marks, drawn as SVG.

import { draw, level, make, price } from "./common.js";

const HEIGHT = 340;
const MARGIN = { top: 26, right: 52, bottom: 30, left: 62 };

// A chart has `title`, `caption`, `description`, `unit`; `sessions` in order; `bands` of
// `{level, points: [{at, low, high}]}`, widest first; `lines` of `{name, kind, points}`
// and `marks` of `{at, value}` with `markName`; `origin`; and `read(session)`, the words
// for one session. `at` is an index into the sessions.
export function drawChart(figure, chart) {
  const place = make("div", { class: "chart" });
  const words = make("output", { "aria-live": "polite" });
  const slider = make("input", {
    type: "range",
    min: 0,
    max: chart.sessions.length - 1,
    step: 1,
    value: chart.start ?? chart.sessions.length - 1,
  });
  const label = make("label", {}, "Session", slider);
  const caption = make("figcaption", {}, chart.caption);
  figure.replaceChildren(
    caption,
    place,
    legend(chart),
    make("div", { class: "reading" }, label, words),
    numbers(chart),
  );
  let scale = null;
  const point = () => {
    const at = Number(slider.value);
    const said = chart.read(at);
    words.textContent = said;
    slider.setAttribute("aria-valuetext", said);
    scale?.cursor.setAttribute("d", `M${scale.x(at)} ${MARGIN.top}V${HEIGHT - MARGIN.bottom}`);
  };
  const redraw = () => {
    scale = drawInto(place, chart);
    scale.picture.addEventListener("pointermove", (event) => {
      slider.value = scale.nearest(event);
      point();
    });
    point();
  };
  slider.addEventListener("input", point);
  redraw();
  let width = place.clientWidth;
  figure.watcher?.disconnect();
  figure.watcher = new ResizeObserver(() => {
    if (place.clientWidth !== width) {
      width = place.clientWidth;
      redraw();
    }
  });
  figure.watcher.observe(place);
}

function drawInto(place, chart) {
  const width = Math.max(place.clientWidth, 280);
  const narrow = width < 520;
  const margin = narrow ? { ...MARGIN, left: 50, right: 40 } : MARGIN;
  const last = Math.max(chart.sessions.length - 1, 1);
  const [bottom, top] = limits(chart);
  const x = (at) => round(margin.left + (at / last) * (width - margin.left - margin.right));
  const y = (value) => {
    const part = (value - bottom) / (top - bottom);
    return round(HEIGHT - margin.bottom - part * (HEIGHT - margin.top - margin.bottom));
  };
  const name = `${chart.id}-title`;
  const about = `${chart.id}-description`;
  const picture = draw("svg", {
    viewBox: `0 0 ${width} ${HEIGHT}`,
    width,
    height: HEIGHT,
    role: "img",
    "aria-labelledby": `${name} ${about}`,
  });
  picture.append(
    draw("title", { id: name }, chart.title),
    draw("desc", { id: about }, chart.description),
    ...priceAxis(bottom, top, y, width, margin),
    ...dayAxis(chart.sessions, x, narrow ? 2 : 6),
    draw("text", { class: "unit", x: 4, y: 14 }, chart.unit),
    ...originLine(chart, x),
    ...chart.bands.flatMap((band, index) => drawBand(band, index, x, y)),
    ...chart.lines.map((line) => drawLine(line, x, y)),
    ...chart.lines.flatMap((line) => drawDots(line, x, y)),
    ...chart.marks.map((mark) => drawMark(mark, x, y)),
    ...(chart.labelled ? levelLabels(chart, x, y) : []),
  );
  const cursor = draw("path", { class: "cursor", d: "" });
  picture.append(cursor);
  place.replaceChildren(picture);
  const nearest = (event) => {
    const box = picture.getBoundingClientRect();
    const at = ((event.clientX - box.left) / box.width) * width - margin.left;
    return Math.round((at / (width - margin.left - margin.right)) * last);
  };
  return { x, cursor, picture, nearest };
}

function limits(chart) {
  const values = [
    ...chart.bands.flatMap((band) => band.points.flatMap((one) => [one.low, one.high])),
    ...chart.lines.flatMap((line) => line.points.map((one) => one.value)),
  ];
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const room = 0.05 * (high - low) || 0.01 * Math.abs(high) || 1;
  return [low - room, high + room];
}

function priceAxis(bottom, top, y, width, margin) {
  const step = niceStep((top - bottom) / 5);
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const drawn = [];
  for (let tick = Math.ceil(bottom / step); tick * step <= top; tick += 1) {
    const value = tick * step;
    const ends = { x1: margin.left, x2: width - margin.right, y1: y(value), y2: y(value) };
    drawn.push(draw("line", { class: "grid", ...ends }));
    const where = { x: margin.left - 8, y: y(value) + 4, "text-anchor": "end" };
    drawn.push(draw("text", where, value.toLocaleString("en", {
      minimumFractionDigits: digits,
      maximumFractionDigits: digits,
    })));
  }
  return drawn;
}

function niceStep(rough) {
  const power = 10 ** Math.floor(Math.log10(rough));
  return power * [1, 2, 2.5, 5, 10].find((factor) => factor * power >= rough);
}

function dayAxis(sessions, x, n_ticks) {
  const last = sessions.length - 1;
  const places = new Set();
  for (let tick = 0; tick <= n_ticks; tick += 1) places.add(Math.round((tick * last) / n_ticks));
  return [...places].flatMap((at) => {
    const anchor = at === 0 ? "start" : at === last ? "end" : "middle";
    const line = { class: "axis", x1: x(at), x2: x(at), y1: HEIGHT - 30, y2: HEIGHT - 25 };
    const where = { x: x(at), y: HEIGHT - 9, "text-anchor": anchor };
    return [draw("line", line), draw("text", where, sessions[at])];
  });
}

function originLine(chart, x) {
  if (chart.origin === undefined) return [];
  const at = x(chart.origin);
  const ends = { x1: at, x2: at, y1: MARGIN.top, y2: HEIGHT - MARGIN.bottom };
  const where = { x: at - 5, y: MARGIN.top + 12, "text-anchor": "end" };
  return [
    draw("line", { class: "origin-line", ...ends }),
    draw("text", where, `as of ${chart.sessions[chart.origin]}`),
  ];
}

function drawBand(band, index, x, y) {
  const kind = `band band-${Math.min(index, 2)}`;
  const upper = band.points.map((one) => `${x(one.at)} ${y(one.high)}`);
  const lower = band.points.map((one) => `${x(one.at)} ${y(one.low)}`);
  const around = [...upper, ...[...lower].reverse()];
  return [
    draw("path", { class: kind, d: `M${around.join("L")}Z` }),
    draw("path", { class: "band-edge", d: `M${upper.join("L")}M${lower.join("L")}` }),
  ];
}

function drawLine(line, x, y) {
  const path = line.points.map((one) => `${x(one.at)} ${y(one.value)}`).join("L");
  return draw("path", { class: `line line-${line.kind}`, d: path ? `M${path}` : "" });
}

function drawDots(line, x, y) {
  if (!line.dots) return [];
  return line.points.slice(line.firstDot ?? 0).map((one) => {
    const where = { cx: x(one.at), cy: y(one.value), r: 3.5 };
    return draw("circle", { class: `dot-${line.kind}`, ...where });
  });
}

function drawMark(mark, x, y) {
  const [left, up] = [x(mark.at), y(mark.value)];
  return draw("path", {
    class: "miss",
    d: `M${left - 5} ${up - 5}L${left + 5} ${up + 5}M${left - 5} ${up + 5}L${left + 5} ${up - 5}`,
  });
}

// The level of each band, at its upper end.
function levelLabels(chart, x, y) {
  let above = -Infinity;
  return chart.bands.map((band) => {
    const end = band.points.at(-1);
    above = Math.max(y(end.high) + 4, above + 13);
    return draw("text", { class: "level", x: x(end.at) + 6, y: above }, level(band.level));
  });
}

function legend(chart) {
  const box = { viewBox: "0 0 36 16", "aria-hidden": "true" };
  const bands = chart.bands.map((band, index) => {
    const kinds = chart.bands.slice(0, index + 1).map((_, inner) =>
      draw("rect", { class: `band band-${Math.min(inner, 2)}`, width: 36, height: 16 }),
    );
    return make("li", {}, draw("svg", box, ...kinds), `${level(band.level)} interval`);
  });
  const lines = chart.lines.map((line) => {
    const stroke = draw("path", { class: `line line-${line.kind}`, d: "M0 8H36" });
    return make("li", {}, draw("svg", box, stroke), line.name);
  });
  const cross = draw("path", { class: "miss", d: "M12 2 24 14M12 14 24 2" });
  const marks = chart.markName ? [make("li", {}, draw("svg", box, cross), chart.markName)] : [];
  return make("ul", { class: "legend" }, ...lines, ...bands, ...marks);
}

// The same numbers for whoever does not see the picture.
function numbers(chart) {
  const rows = chart.sessions.map((session, at) => {
    const cells = chart.lines.map((line) => line.points.find((one) => one.at === at)?.value);
    const bands = chart.bands.map((band) => band.points.find((one) => one.at === at));
    return make(
      "tr",
      {},
      make("th", { scope: "row" }, session),
      ...cells.map((value) => make("td", { class: "number" }, price(value))),
      ...bands.map((one) => {
        const words = one ? `${price(one.low)} to ${price(one.high)}` : price(null);
        return make("td", { class: "number" }, words);
      }),
    );
  });
  const names = [
    ...chart.lines.map((line) => line.name),
    ...chart.bands.map((band) => `${level(band.level)} interval`),
  ];
  const heads = names.map((name) =>
    make("th", { scope: "col", class: "number" }, make("span", {}, name)),
  );
  const first = make("th", { scope: "col" }, make("span", {}, "Session"));
  const table = make(
    "table",
    {},
    make("caption", {}, chart.title),
    make("thead", {}, make("tr", {}, first, ...heads)),
    make("tbody", {}, ...rows.reverse()),
  );
  const facts = { class: "scroll", tabindex: "0", role: "region", "aria-label": chart.title };
  return make("details", {}, make("summary", {}, "The numbers"), make("div", facts, table));
}

function round(value) {
  return Math.round(value * 10) / 10;
}
