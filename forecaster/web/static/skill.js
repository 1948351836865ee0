// Live skill: what each model is worth, as a whole and for each ticker.

import { ask, askAll, DASH, fill, find, guarded, number, state, tellVerdict } from "./common.js";
import { SKILL } from "./scores.js";
import { Table } from "./table.js";

const MODELS = [
  { head: "Model", key: (row) => row.model, cell: (row) => row.model },
  { head: "Tickers", number: true, key: (row) => row.n_tickers, cell: (row) => String(row.n_tickers) },
  { head: "Newest origin", key: (row) => row.origin, cell: (row) => row.origin ?? DASH },
  { head: "Median ratio", number: true, key: (row) => row.median_rmse_ratio, cell: (row) => number(row.median_rmse_ratio) },
  ...["beats", "ties", "loses", "too_few", "unscored"].map((name) => ({
    head: { too_few: "Too few", unscored: "Not scored" }[name] ?? `${name[0].toUpperCase()}${name.slice(1)}`,
    number: true,
    key: (row) => row.outcomes[name],
    cell: (row) => String(row.outcomes[name]),
  })),
  { head: "Runs", number: true, key: (row) => row.n_runs, cell: (row) => String(row.n_runs) },
  { head: "Last run", key: (row) => row.run_status, cell: (row) => state(row.run_status) },
];

let rows = [];
const models = new Table(find("models"), "Models", MODELS);
const table = new Table(find("table"), "Live skill of each ticker and model", SKILL);
const show = () => {
  const text = find("text").value.trim().toUpperCase();
  const model = find("model").value;
  const shown = rows.filter(
    (row) => row.ticker.includes(text) && (!model || row.model === model),
  );
  table.show(shown);
  find("count").textContent = `${shown.length} of ${rows.length} shown`;
};
for (const id of ["text", "model"]) find(id).addEventListener("input", show);
guarded(async () => {
  const summary = await ask("summary");
  tellVerdict(summary);
  models.show(summary.models);
  fill(find("model"), summary.models.map((row) => row.model));
  rows = await askAll("universe");
  show();
});
