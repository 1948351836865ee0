// A table that is sorted by its column heads, with the mouse or the keyboard.

import { make } from "./common.js";

const FIRST = 250; // rows drawn at once; a button draws the others

const classes = (column) =>
  ["number", "wrap", "aside"].filter((word) => column[word]).join(" ") || null;

// A column has `head`, `cell(row)`, and may have `key(row)` to sort by, a `title`,
// and be a `number`, long enough to `wrap`, or left out on a phone: `aside`.
export class Table {
  constructor(place, caption, columns) {
    this.columns = columns;
    this.sorted = null;
    this.rows = [];
    this.body = make("tbody");
    this.heads = columns.map((column, index) => this.#head(column, index));
    const head = make("thead", {}, make("tr", {}, ...this.heads));
    const table = make("table", {}, make("caption", {}, caption), head, this.body);
    // Focus lets the keyboard scroll what does not fit.
    const facts = { class: "scroll", tabindex: "0", role: "region", "aria-label": caption };
    this.more = make("button", { type: "button", hidden: true }, "Show all rows");
    this.more.addEventListener("click", () => {
      this.all = true;
      this.#draw();
    });
    place.replaceChildren(make("div", facts, table), this.more);
  }

  show(rows) {
    this.rows = rows;
    this.#draw();
  }

  #head(column, index) {
    const kind = { scope: "col", class: classes(column), title: column.title };
    if (!column.key) return make("th", kind, make("span", {}, column.head));
    const arrow = make("span", { class: "arrow", "aria-hidden": "true" }, "↕");
    const words = column.head.split(" ");
    // The sign stays on the line of the last word.
    const end = make("span", { class: "together" }, words.pop(), arrow);
    const start = words.length ? `${words.join(" ")} ` : "";
    const button = make("button", { type: "button" }, start, end);
    button.addEventListener("click", () => this.#sort(index));
    return make("th", { ...kind, "aria-sort": "none" }, button);
  }

  #sort(index) {
    const before = this.sorted;
    const down = before !== null && before.index === index && !before.down;
    this.sorted = { index, down };
    this.heads.forEach((head, other) => {
      if (!head.hasAttribute("aria-sort")) return;
      const order = down ? "descending" : "ascending";
      head.setAttribute("aria-sort", other === index ? order : "none");
      const sign = other === index ? (down ? "↓" : "↑") : "↕";
      head.querySelector(".arrow").textContent = sign;
    });
    this.#draw();
  }

  #ordered() {
    if (this.sorted === null) return this.rows;
    const { index, down } = this.sorted;
    const key = this.columns[index].key;
    return [...this.rows].sort((one, other) => {
      const [left, right] = [key(one), key(other)];
      // What is not known comes last, whichever way.
      if (left === null || right === null) return (left === null) - (right === null);
      const order =
        typeof left === "number" ? left - right : String(left).localeCompare(right, "en");
      return down ? -order : order;
    });
  }

  #draw() {
    const rows = this.#ordered();
    const shown = this.all ? rows : rows.slice(0, FIRST);
    this.more.hidden = shown.length === rows.length;
    this.more.textContent = `Show all ${rows.length} rows`;
    const drawn = shown.map((row) => make("tr", {}, ...this.#cells(row)));
    const span = { class: "empty", colspan: this.columns.length };
    const none = make("tr", {}, make("td", span, "Nothing to show."));
    this.body.replaceChildren(...(drawn.length ? drawn : [none]));
  }

  #cells(row) {
    return this.columns.map((column, index) => {
      const content = column.cell(row);
      const facts = { class: classes(column) };
      return index ? make("td", facts, content) : make("th", { ...facts, scope: "row" }, content);
    });
  }
}
