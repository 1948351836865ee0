// One ticker: its newest forecast, past ones beside real prices, and what they are worth.

import {
  ask, change, DASH, fill, find, guarded, level, make, price, range, share, state, verdict,
} from "./common.js";
import { drawChart } from "./chart.js";
import { SKILL } from "./scores.js";
import { Table } from "./table.js";

const asked = new URLSearchParams(location.search);
const ticker = (asked.get("ticker") ?? "").toUpperCase();
let rows = [];

const UNIT = (target) => `${target.replace("_", " ")} price, quote currency of ${ticker}`;

function facts(row) {
  const told = [
    ["Status", state(row.status)],
    ["As of", row.origin ?? DASH],
    ["Last price", price(row.last_price)],
    [["Forecast for ", make("span", { class: "together" }, row.session ?? "the next session")], `${price(row.predicted)} (${change(row.change)})`],
    [row.interval ? `${level(row.interval.level)} interval` : "Interval", row.interval ? range(row.interval) : DASH],
    ["Against last price, live", verdict(row.skill)],
  ];
  if (row.failure) {
    const { kind, reason, origin } = row.failure;
    told.push([`Failed as of ${origin}`, `${kind}: ${reason}`, "wide"]);
  }
  const drawn = told.map(([name, value, kind]) =>
    make("div", { class: kind }, make("dt", {}, name), make("dd", {}, value)),
  );
  find("facts").replaceChildren(...drawn);
}

function bandsOf(forecasts, at) {
  const widest = forecasts.map((row) => row.intervals).reduce(
    (most, own) => (own.length > most.length ? own : most), [],
  );
  return widest.map(({ level: wanted }) => ({
    level: wanted,
    points: forecasts.flatMap((row) => {
      const own = row.intervals.find((one) => one.level === wanted);
      return own ? [{ at: at(row.session), low: own.low, high: own.high }] : [];
    }),
  }));
}

async function showFan(origin) {
  const model = find("model").value;
  const fan = await ask("fan", { ticker, model, origin, before: 60 });
  // Few enough real prices before it that the fan is no sliver.
  const n_before = Math.min(60, Math.max(20, 4 * fan.rows.length));
  const select = find("origin");
  select.replaceChildren();
  fill(select, fan.origins, fan.origin);
  // As many real prices after the origin as there are forecasts.
  const last = fan.rows.at(-1).session;
  const known = fan.prices.filter((one) => one.session <= last);
  const n_after = known.filter((one) => one.session > fan.origin).length;
  const real = known.slice(-(n_before + n_after));
  const sessions = [...new Set([
    ...real.map((one) => one.session), fan.origin, ...fan.rows.map((row) => row.session),
  ])].sort();
  const at = (session) => sessions.indexOf(session);
  const start = { at: at(fan.origin), value: fan.last_price };
  const predicted = fan.rows.filter((row) => row.predicted !== null);
  const bands = bandsOf(fan.rows, at).map((band) => ({
    ...band,
    points: [{ at: start.at, low: start.value, high: start.value }, ...band.points],
  }));
  const footing = fan.adjusted ? " Brought to the footing of today's adjusted prices." : "";
  drawChart(find("fan"), {
    id: "fan-chart",
    title: `${ticker}: forecast by ${model} as of ${fan.origin}`,
    caption: `Forecast by ${model} as of ${fan.origin}, ${fan.rows.length} ${fan.rows.length === 1 ? "session" : "sessions"} ahead; ${UNIT(fan.target)}.${footing}`,
    description:
      `Real prices up to ${fan.origin}, last ${price(fan.last_price)}. ` +
      fan.rows.map(describe).join(" "),
    unit: UNIT(fan.target),
    sessions,
    start: at(fan.rows[0].session),
    origin: start.at,
    bands,
    labelled: true,
    lines: [
      { name: "real price", kind: "actual", points: real.map((one) => ({ at: at(one.session), value: one.price })) },
      { name: "forecast", kind: "model", dots: true, firstDot: 1, points: [start, ...predicted.map((row) => ({ at: at(row.session), value: row.predicted }))] },
    ],
    marks: [],
    read: (index) => {
      const session = sessions[index];
      const row = fan.rows.find((one) => one.session === session);
      const came = real.find((one) => one.session === session);
      const words = came ? ` Real price ${price(came.price)}.` : "";
      return row ? `${describe(row)}${words}` : `${session}:${words || ` ${price(fan.last_price)}.`}`;
    },
  });
}

function describe(row) {
  const bands = row.intervals.map((one) => `${level(one.level)} ${range(one)}`).join(", ");
  return `${row.session}: forecast ${price(row.predicted)}${bands ? ` (${bands})` : ""}.`;
}

async function showPast() {
  const model = find("model").value;
  const step = Number(find("step").value || 1);
  const past = await ask("history", { ticker, model, step, origins: find("origins").value });
  if (!find("step").options.length) fill(find("step"), past.steps, step);
  const forecasts = past.rows;
  const sessions = forecasts.map((row) => row.session);
  const at = (session) => sessions.indexOf(session);
  const scored = forecasts.filter((row) => row.actual !== null && row.intervals.length);
  const missed = scored.filter((row) => {
    const [widest] = row.intervals;
    return row.actual < widest.low || row.actual > widest.high;
  });
  const widest = scored.length ? level(scored[0].intervals[0].level) : "";
  const told = scored.length
    ? `${missed.length} of ${scored.length} real prices (${share(missed.length / scored.length, 1)}) lie outside the ${widest} interval.`
    : "No interval has met its price yet.";
  const value = (name) =>
    forecasts
      .filter((row) => row[name] !== null)
      .map((row) => ({ at: at(row.session), value: row[name] }));
  drawChart(find("past"), {
    id: "past-chart",
    title: `${ticker}: past forecasts by ${model}, ${step} ahead, and real prices`,
    caption: `What ${model} said ${step} ${step === 1 ? "session" : "sessions"} before, and what came; ${UNIT(past.target)}. ${told}`,
    description: `${forecasts.length} forecasts for ${sessions[0]} to ${sessions.at(-1)}. ${told}`,
    unit: UNIT(past.target),
    sessions,
    bands: bandsOf(forecasts, at),
    lines: [
      { name: "real price", kind: "actual", points: value("actual") },
      { name: "forecast", kind: "model", points: value("predicted") },
    ],
    marks: missed.map((row) => ({ at: at(row.session), value: row.actual })),
    markName: widest ? `real price outside the ${widest} interval` : "",
    read: (index) => {
      const row = forecasts[index];
      const came = row.actual === null ? "not known yet" : price(row.actual);
      return `${describe(row)} Made ${row.origin} at ${price(row.last_price)}. Real price ${came}.`;
    },
  });
}

async function showModel() {
  const row = rows.find((one) => one.model === find("model").value);
  facts(row);
  find("step").replaceChildren();
  const known = row.origin !== null;
  for (const id of ["fan", "past"]) find(id).closest("section").hidden = !known;
  if (known) {
    await showFan(null);
    await showPast();
  }
}

find("origin").addEventListener("input", () => guarded(() => showFan(find("origin").value)));
for (const id of ["step", "origins"]) find(id).addEventListener("input", () => guarded(showPast));
find("model").addEventListener("input", () => {
  const query = new URLSearchParams({ ticker, model: find("model").value });
  history.replaceState(null, "", `?${query}`);
  guarded(showModel);
});

guarded(async () => {
  find("name").textContent = ticker || "Ticker";
  document.title = `${ticker || "Ticker"} · forecaster`;
  for (const section of document.querySelectorAll("main section")) section.hidden = true;
  rows = (await ask("ticker", { ticker })).rows;
  const models = rows.map((row) => row.model);
  const wanted = asked.get("model");
  fill(find("model"), models, models.includes(wanted) ? wanted : models[0]);
  find("table").closest("section").hidden = false;
  const columns = SKILL.slice(1).map((column) => ({ ...column, aside: false }));
  const table = new Table(find("table"), `Live skill for ${ticker}`, columns);
  table.show(rows);
  await showModel();
});
