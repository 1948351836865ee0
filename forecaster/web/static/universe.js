// The universe: each ticker and model, to be sorted and filtered.

import {
  ask, askAll, change, DASH, fill, find, guarded, level, make, number, price, range, share,
  state, tellVerdict, tickerLink, verdict,
} from "./common.js";
import { Table } from "./table.js";

// The widest interval that was scored.
const inside = (row) => row.skill?.coverage.at(-1) ?? null;

const COLUMNS = [
  { head: "Ticker", key: (row) => row.ticker, cell: tickerLink },
  { head: "Model", aside: true, key: (row) => row.model, cell: (row) => row.model },
  { head: "Last price", number: true, aside: true, key: (row) => row.last_price, cell: (row) => price(row.last_price) },
  { head: "Forecast", number: true, key: (row) => row.predicted, cell: (row) => price(row.predicted) },
  { head: "Change", number: true, key: (row) => row.change, cell: (row) => change(row.change) },
  {
    head: "Interval",
    number: true,
    key: (row) => row.interval && (row.interval.high - row.interval.low) / row.last_price,
    cell: (row) =>
      row.interval ? [range(row.interval), small(` ${level(row.interval.level)}`)] : DASH,
    title: "Sorted by its width as a share of the last price",
  },
  { head: "Ratio", number: true, key: (row) => row.skill?.rmse_ratio ?? null, cell: (row) => number(row.skill?.rmse_ratio) },
  { head: "Verdict", key: (row) => row.skill?.outcome ?? null, cell: (row) => verdict(row.skill) },
  {
    head: "Inside",
    number: true,
    key: (row) => inside(row)?.share ?? null,
    cell: (row) =>
      inside(row)
        ? [share(inside(row).share, 1), small(` of ${level(inside(row).level)}`)]
        : DASH,
  },
  { head: "Status", key: (row) => row.status, cell: (row) => state(row.status) },
  { head: "As of", key: (row) => row.origin, cell: (row) => row.origin ?? DASH },
];

function small(words) {
  return make("span", { class: "small" }, words);
}

let rows = [];
const table = new Table(find("table"), "Tickers and models", COLUMNS);

function show() {
  const text = find("text").value.trim().toUpperCase();
  const [model, wanted] = [find("model").value, find("status").value];
  const shown = rows.filter(
    (row) =>
      row.ticker.includes(text) &&
      (!model || row.model === model) &&
      (!wanted || row.status === wanted),
  );
  table.show(shown);
  find("count").textContent = `${shown.length} of ${rows.length} shown`;
}

for (const id of ["text", "model", "status"]) find(id).addEventListener("input", show);

guarded(async () => {
  const summary = await ask("summary");
  tellVerdict(summary);
  fill(find("model"), summary.models.map((row) => row.model));
  rows = await askAll("universe");
  show();
});
