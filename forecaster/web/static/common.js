// What all pages share: asking the API, making elements, writing numbers.

export async function ask(path, parameters = {}) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== null && value !== undefined && value !== "") query.set(name, value);
  }
  const words = query.toString();
  const answer = await fetch(`/api/${path}${words ? `?${words}` : ""}`);
  const document = await answer.json();
  if (!answer.ok) {
    const detail = document.detail;
    throw new Error(typeof detail === "string" ? detail : "this page's address is wrong");
  }
  return document;
}

// All rows of something that comes in pages.
export async function askAll(path, parameters = {}) {
  const rows = [];
  for (;;) {
    const part = await ask(path, { ...parameters, offset: rows.length, limit: 500 });
    rows.push(...part.rows);
    if (!part.rows.length || rows.length >= part.n_rows) return rows;
  }
}

export function find(id) {
  return document.getElementById(id);
}

export function make(name, facts = {}, ...children) {
  return furnish(document.createElement(name), facts, children);
}

export function draw(name, facts = {}, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  return furnish(made, facts, children);
}

function furnish(element, facts, children) {
  for (const [name, value] of Object.entries(facts)) {
    if (value !== null && value !== undefined && value !== false) {
      element.setAttribute(name, value === true ? "" : value);
    }
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

// Show what went wrong where a screen reader says it.
export async function guarded(work) {
  const problem = find("problem");
  problem.hidden = true;
  try {
    await work();
    find("read").textContent = `Read at ${new Date().toISOString().slice(11, 19)} UTC.`;
  } catch (error) {
    problem.textContent = `Nothing to show: ${error.message}.`;
    problem.hidden = false;
  }
}

export function fill(select, values, chosen) {
  const named = values.map((value) => make("option", { value }, String(value)));
  select.append(...named);
  if (chosen !== undefined && chosen !== null) select.value = chosen;
}

export const DASH = "–";

export function price(value) {
  if (value === null || value === undefined) return DASH;
  const digits = Math.abs(value) < 1 ? 4 : 2;
  return value.toLocaleString("en", {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}

export function number(value, digits = 3) {
  return value === null || value === undefined ? DASH : value.toFixed(digits);
}

export function share(value, digits = 0) {
  return value === null || value === undefined ? DASH : `${(100 * value).toFixed(digits)}%`;
}

export function change(value) {
  if (value === null || value === undefined) return DASH;
  const sign = value < 0 ? "−" : "+";
  return `${sign}${Math.abs(100 * value).toFixed(2)}%`;
}

// A probability: a small one is not zero.
export function probability(value) {
  if (value === null || value === undefined) return DASH;
  return value < 0.001 ? "<0.001" : value.toFixed(3);
}

export function level(value) {
  return `${Number((100 * value).toFixed(4))}%`;
}

export function range(interval) {
  return `${price(interval.low)} to ${price(interval.high)}`;
}

const VERDICTS = {
  beats: ["✓ beats", "good"],
  ties: ["= ties", ""],
  loses: ["✕ loses", "bad"],
  "too few": ["too few", "small"],
};

export function verdict(skill) {
  const [words, kind] = skill ? VERDICTS[skill.outcome] : ["not scored", "small"];
  return make("span", { class: kind }, words);
}

const STATES = {
  current: ["● current", ""],
  behind: ["▲ behind", "bad"],
  failed: ["✕ failed", "bad"],
  finished: ["● finished", ""],
  partly: ["▲ partly", "bad"],
  running: ["… running", ""],
  abandoned: ["✕ abandoned", "bad"],
};

export function state(status) {
  const [words, kind] = STATES[status] ?? [status, ""];
  return make("span", { class: kind }, words);
}

// The sentence at the top: how much of all this is worth more than the last price.
export function tellVerdict(summary) {
  const { beats, ties, loses, too_few: few, unscored } = summary.outcomes;
  const scored = beats + ties + loses;
  const place = find("verdict");
  if (!scored) {
    place.textContent =
      "No live score yet: nothing here is shown to be better than the last price. " +
      "Enough forecasts must meet their prices, and forecaster score must store what " +
      "they are worth.";
    return;
  }
  const all = `${scored} scored ${scored === 1 ? "pair" : "pairs"} of ticker and model`;
  const lead = make(
    "strong",
    {},
    `${beats} of ${all} (${share(beats / scored)}) ${beats === 1 ? "beats" : "beat"} ` +
      "the last price live",
  );
  const chance = (scored * 0.025).toFixed(1);
  const rest = few + unscored;
  place.replaceChildren(
    lead,
    `; ${ties} ${ties === 1 ? "ties" : "tie"}, ${loses} ${loses === 1 ? "loses" : "lose"}. ` +
      `By luck alone about ${chance} would beat it (p below 0.05, one side). ` +
      (rest ? `${rest} more ${rest === 1 ? "has" : "have"} too few prices yet. ` : "") +
      `Newest origin: ${summary.origin ?? DASH}.`,
  );
}

export function tickerLink(row) {
  const query = new URLSearchParams({ ticker: row.ticker, model: row.model });
  const link = make("a", { href: `/ticker?${query}` }, row.ticker);
  // On a phone the model has no column of its own.
  return [link, make("span", { class: "under small" }, row.model)];
}

// A ratio and its interval on a scale of logarithms about 1.
export function ratioBar(skill) {
  const { rmse_ratio: ratio, rmse_ratio_low: low, rmse_ratio_high: high } = skill;
  if (ratio === null) return null;
  const place = (value) => {
    const bounded = Math.min(Math.max(value, 0.5), 2);
    return 52 + (48 * Math.log(bounded)) / Math.log(2);
  };
  const bar = draw("svg", { class: "ratio", viewBox: "0 0 104 16", "aria-hidden": "true" });
  bar.append(draw("line", { class: "ratio-one", x1: 52, x2: 52, y1: 0, y2: 16 }));
  if (low !== null && high !== null) {
    const ends = { x1: place(low), x2: place(high), y1: 8, y2: 8 };
    bar.append(draw("line", { class: "ratio-line", ...ends }));
  }
  bar.append(draw("circle", { class: "ratio-dot", cx: place(ratio), cy: 8, r: 3.5 }));
  return bar;
}
