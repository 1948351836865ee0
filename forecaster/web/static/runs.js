// The history of runs, with what each could not forecast.

import { ask, askAll, DASH, fill, find, guarded, make, state } from "./common.js";
import { Table } from "./table.js";

const COLUMNS = [
  { head: "Run", number: true, key: (row) => row.id, cell: (row) => String(row.id) },
  { head: "Started", key: (row) => row.started, cell: (row) => moment(row.started) },
  { head: "Seconds", number: true, key: (row) => row.seconds, cell: (row) => seconds(row.seconds) },
  { head: "Model", key: (row) => row.model, cell: (row) => row.model },
  { head: "Settings", key: (row) => row.config, cell: (row) => row.config },
  { head: "Origin", key: (row) => row.origin, cell: (row) => row.origin ?? DASH },
  { head: "Status", key: (row) => row.status, cell: (row) => state(row.status) },
  { head: "Counts", cell: counts },
  { head: "Failures", key: (row) => row.n_failures, cell: failures, wrap: true },
];

function moment(text) {
  const found = new Date(text).toISOString();
  return `${found.slice(0, 10)} ${found.slice(11, 16)} UTC`;
}

function seconds(value) {
  return value === null ? DASH : value.toLocaleString("en", { maximumFractionDigits: 1 });
}

function counts(row) {
  const words = Object.entries(row.counts).map(([name, value]) => `${name} ${value}`);
  return words.join(", ") || DASH;
}

// Asked for when it is opened.
function failures(row) {
  if (!row.n_failures) return "none";
  const words = `${row.n_failures} ${row.n_failures === 1 ? "ticker" : "tickers"}`;
  const list = make("ul", {}, make("li", {}, "Reading …"));
  const details = make("details", {}, make("summary", {}, words), list);
  details.addEventListener("toggle", () => {
    if (!details.open || details.dataset.read) return;
    details.dataset.read = "yes";
    guarded(async () => {
      const found = await askAll("failures", { run: row.id });
      list.replaceChildren(...found.map(failure));
    });
  });
  return details;
}

function failure(one) {
  const tries = one.n_attempts === 1 ? "1 try" : `${one.n_attempts} tries`;
  const facts = ` ${one.kind}, as of ${one.origin}, ${tries}: `;
  return make(
    "li",
    {},
    make("strong", {}, one.ticker),
    make("span", { class: "small" }, facts),
    one.reason,
  );
}

let rows = [];
const table = new Table(find("table"), "Runs, newest first", COLUMNS);

async function load(more) {
  const part = await ask("runs", {
    model: find("model").value,
    status: find("status").value,
    offset: more ? rows.length : 0,
    limit: 100,
  });
  rows = more ? [...rows, ...part.rows] : part.rows;
  table.show(rows);
  find("more").hidden = rows.length >= part.n_rows;
  find("count").textContent = `${rows.length} of ${part.n_rows} shown`;
}

for (const id of ["model", "status"]) {
  find(id).addEventListener("input", () => guarded(() => load(false)));
}
find("more").addEventListener("click", () => guarded(() => load(true)));
guarded(async () => {
  const summary = await ask("summary");
  fill(find("model"), summary.models.map((row) => row.model));
  await load(false);
});
