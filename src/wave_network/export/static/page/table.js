// Predict a column of texts, and offer the answers as a CSV file.

import { byId, element, field } from "./dom.js";

const SHOWN = 200; // rows; the file has all of them
const AT_ONCE = 64; // texts between two looks at the clock
const PAUSE_AFTER = 40; // milliseconds, so that the page stays usable

/** @typedef {import("./model.js").Model} Model */

/**
 * Make the part for many texts work.
 * @param {Model} model
 */
export function startTable(model) {
  const run = /** @type {HTMLButtonElement} */ (byId("run"));
  const download = /** @type {HTMLButtonElement} */ (byId("download"));
  const head = ["text", "label", "score", ...(model.outOfScope ? ["out_of_scope"] : [])];
  byId("results-head").replaceChildren(...head.map(heading));
  /** @type {string[][]} */
  let rows = [];
  run.disabled = false;
  run.addEventListener("click", async () => {
    const texts = field("texts")
      .value.split(/\r?\n/)
      .filter((text) => text.trim());
    run.disabled = download.disabled = true;
    try {
      rows = await predicted(model, texts);
      show(rows);
      download.disabled = !rows.length;
    } finally {
      run.disabled = false;
    }
  });
  download.addEventListener("click", () => save([head, ...rows]));
}

/** @param {string} name */
function heading(name) {
  const cell = element("th", "", name.replaceAll("_", " "));
  cell.setAttribute("scope", "col");
  return cell;
}

/**
 * A row for each text. The page is drawn in between.
 * @param {Model} model
 * @param {string[]} texts
 */
async function predicted(model, texts) {
  /** @type {string[][]} */
  const rows = [];
  let since = performance.now();
  for (let start = 0; start < texts.length; start += AT_ONCE) {
    const some = texts.slice(start, start + AT_ONCE);
    const outOfScope = Boolean(model.outOfScope);
    model.predict(some, { outOfScope }).forEach((prediction, place) => {
      const row = [some[place], prediction.labels.join("; "), prediction.score.toFixed(4)];
      if (outOfScope) row.push(String(prediction.outOfScope));
      rows.push(row);
    });
    if (performance.now() - since > PAUSE_AFTER) {
      byId("progress").textContent = `${rows.length} of ${texts.length}`;
      await new Promise((resolve) => setTimeout(resolve));
      since = performance.now();
    }
  }
  return rows;
}

/** @param {string[][]} rows */
function show(rows) {
  byId("results-region").hidden = !rows.length;
  byId("results").replaceChildren(
    ...rows.slice(0, SHOWN).map((row) => {
      const cells = row.map((value, place) => element("td", place > 1 ? "number" : "", value));
      return element("tr", "", ...cells);
    }),
  );
  const more =
    rows.length > SHOWN ? `, of which the first ${SHOWN} are shown; the file has all` : "";
  byId("progress").textContent = rows.length
    ? `${rows.length} ${rows.length === 1 ? "text" : "texts"}${more}`
    : "There is no text yet.";
}

/** @param {string[][]} rows */
function save(rows) {
  const lines = rows.map((row) => row.map((value) => `"${value.replaceAll('"', '""')}"`).join(","));
  const file = new Blob([`\ufeff${lines.join("\r\n")}\r\n`], {
    type: "text/csv",
  });
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = "answers.csv";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
