// The page: a model's answer for a text while it is typed.

import { byId, element, field, offer, percent } from "./dom.js";
import { ConfigError, fromUrl } from "./index.js";
import { startTable } from "./table.js";
import { WavesView } from "./waves.js";

const SHOWN = 5; // labels
const MOST_CHOICES = 100; // labels that can be explained
const UNUSUAL = 0.95; // 5 % of texts like the training data are above
const COVERAGE = 0.9;
const LONGEST = 4_000; // characters that are coloured
const LEAST = 0.03; // of the largest share: less has no colour

/** @typedef {import("./model.js").Model} Model */
/** @typedef {import("./prediction.js").Prediction} Prediction */

try {
  start(/** @type {any} */ (await fromUrl("./")));
} catch (error) {
  byId("about").textContent = `The model cannot be loaded: ${/** @type {Error} */ (error).message}`;
}

/** @param {Model} model */
function start(model) {
  const waves = model.hasWaves ? new WavesView(model.config.operation) : undefined;
  const explained = /** @type {HTMLSelectElement} */ (field("explained"));
  const count = model.labels.length;
  byId("about").textContent =
    `${count} ${count === 1 ? "label" : "labels"}` +
    (model.multiLabel ? ", of which a text may have any number" : "");
  startTable(model);
  const update = () => {
    const text = field("text").value;
    const isEmpty = !text.trim();
    byId("waves-section").hidden = isEmpty || !waves;
    if (isEmpty) {
      showNothing();
      return;
    }
    const [prediction] = model.predict([text], {
      outOfScope: Boolean(model.outOfScope),
    });
    showAnswer(model, prediction);
    const ranked = [...prediction.scores.keys()].slice(0, MOST_CHOICES);
    offer(
      explained,
      ranked.map((label, place) => (place ? String(label) : `${label} (most probable)`)),
    );
    byId("why").hidden = !showTokens(model, text, ranked[explained.selectedIndex]);
    waves?.show(model.waves(text));
  };
  field("text").addEventListener("input", () => {
    explained.selectedIndex = 0;
    update();
  });
  explained.addEventListener("change", update);
  // A link may bring a text: index.html#text=...; what stands after # is sent nowhere.
  field("text").value ||= new URLSearchParams(location.hash.slice(1)).get("text") ?? "";
  update();
}

function showNothing() {
  byId("why").hidden = true;
  byId("answer").textContent = "Type a text to see its label.";
  byId("labels").replaceChildren();
  byId("trust").replaceChildren();
}

/**
 * @param {Model} model
 * @param {Prediction} prediction
 */
function showAnswer(model, prediction) {
  byId("answer").textContent = prediction.labels.map(String).join(", ") || "No label";
  const best = [...prediction.scores].slice(0, SHOWN);
  byId("labels").replaceChildren(
    ...best.map(([label, score]) => {
      const bar = element("div", "bar");
      bar.style.transform = `scaleX(${score})`;
      const chosen = prediction.labels.includes(label) ? "name chosen" : "name";
      return element(
        "li",
        "",
        element("span", chosen, String(label)),
        element("span", "value", percent(score)),
        element("div", "track", bar),
      );
    }),
  );
  byId("trust").replaceChildren(...trustOf(model, prediction));
}

/**
 * What is known of how far the answer can be trusted.
 * @param {Model} model
 * @param {Prediction} prediction
 */
function trustOf(model, prediction) {
  const lines = [];
  const { outOfScope } = prediction;
  if (outOfScope !== undefined) {
    const unusual = outOfScope > UNUSUAL;
    const said = `${unusual ? "Unlike the training texts" : "Like the training texts"}`;
    lines.push(element("dt", "", "Out of scope"));
    lines.push(element("dd", unusual ? "unusual" : "", `${said} (${outOfScope.toFixed(3)})`));
  }
  if (!model.multiLabel && model.conformalThresholds) {
    const set = prediction.reaching(model.conformalThreshold(COVERAGE)).map(String);
    lines.push(element("dt", "", "Prediction set, 90 %"));
    lines.push(element("dd", "", set.join(", ") || "no label is sure enough"));
  }
  return lines;
}

/**
 * Colour the tokens of a text by what they add for a label; false if the model cannot be explained.
 * @param {Model} model
 * @param {string} text
 * @param {string | number | boolean} label
 */
function showTokens(model, text, label) {
  let tokens;
  try {
    ({ tokens } = model.explain(text, { label }));
  } catch (error) {
    if (error instanceof ConfigError) return false;
    throw error;
  }
  const largest = Math.max(...tokens.map(({ attribution }) => Math.abs(attribution)), 1e-9);
  const parts = [];
  let end = 0;
  for (const token of tokens) {
    if (token.start > LONGEST) break;
    const share = Math.abs(token.attribution) / largest;
    const side = token.attribution < 0 ? "against" : "for";
    const mark = element("mark", share < LEAST ? "" : side, token.token);
    mark.style.setProperty("--share", share.toFixed(3));
    mark.title = signed(token.attribution);
    parts.push(text.slice(end, token.start), mark);
    end = token.end;
  }
  parts.push(text.length > LONGEST ? " …" : text.slice(end));
  byId("tokens").replaceChildren(...parts);
  byId("shares").replaceChildren(
    ...tokens.map(({ token, attribution }) =>
      element("tr", "", element("td", "", token), element("td", "number", signed(attribution))),
    ),
  );
  return true;
}

/** @param {number} value */
function signed(value) {
  return (value < 0 ? "−" : "+") + Math.abs(value).toFixed(3);
}
