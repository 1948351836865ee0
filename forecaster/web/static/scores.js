// The columns of live skill, on two pages.

import { DASH, level, make, number, probability, ratioBar, share, tickerLink, verdict } from "./common.js";

export const SKILL = [
  { head: "Ticker", key: (row) => row.ticker, cell: tickerLink },
  { head: "Model", aside: true, key: (row) => row.model, cell: (row) => row.model },
  { head: "Origins", number: true, key: (row) => row.skill?.n_origins ?? null, cell: (row) => number(row.skill?.n_origins, 0) },
  { head: "Through", key: (row) => row.skill?.through ?? null, cell: (row) => row.skill?.through ?? DASH },
  { head: "Ratio", number: true, key: (row) => row.skill?.rmse_ratio ?? null, cell: ratio },
  { head: "p", number: true, key: (row) => row.skill?.p_value ?? null, cell: (row) => probability(row.skill?.p_value) },
  { head: "Verdict", key: (row) => row.skill?.outcome ?? null, cell: (row) => verdict(row.skill) },
  { head: "MAE ratio", number: true, key: (row) => row.skill?.mae_ratio ?? null, cell: (row) => number(row.skill?.mae_ratio) },
  { head: "Inside", number: true, key: (row) => row.skill?.coverage.at(-1)?.share ?? null, cell: coverage, wrap: true, title: "Sorted by the widest interval" },
  { head: "Drift p", number: true, key: (row) => row.skill?.drift_p_value ?? null, cell: (row) => probability(row.skill?.drift_p_value) },
];

function ratio(row) {
  const skill = row.skill;
  if (!skill || skill.rmse_ratio === null) return DASH;
  const ends = `${number(skill.rmse_ratio_low, 2)} to ${number(skill.rmse_ratio_high, 2)}`;
  return [
    ratioBar(skill),
    ` ${number(skill.rmse_ratio)} `,
    make("span", { class: "small" }, ends),
  ];
}

function coverage(row) {
  const found = row.skill?.coverage ?? [];
  if (!found.length) return DASH;
  const told = found.toReversed().map((one) => `${share(one.share, 1)} of ${level(one.level)}`);
  const ends = told.map((_, place) => (place < told.length - 1 ? "," : ""));
  // Breaks between the shares, never within one.
  return told.flatMap((one, place) => [make("span", { class: "together" }, one + ends[place]), " "]);
}
