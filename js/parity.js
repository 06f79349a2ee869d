// Compare this engine's answers with those of the Python package: node parity.js CASES...
//
// Each file holds a model's folder, and then texts with their answers; tests/helpers/js_cases.py
// writes it. Prints a JSON object for each file, and exits with 1 if something differs.

import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";

import { fromFolder } from "../src/wave_network/export/static/engine/node.js";

const COVERAGE = 0.9;
const THRESHOLD = 0.4;
const LARGEST = 1e-5; // difference of a probability
const LARGEST_LOG_ODDS = 1e-3; // relative to 1 and more: Python's sums have 32 bits
const SHOWN = 3;

/** @param {string} path */
async function compare(path) {
  const lines = createInterface({ input: createReadStream(path) });
  const found = {
    file: path,
    texts: 0,
    ids: 0,
    labels: 0,
    sets: 0,
    ranks: 0,
    explanations: 0,
    probability: 0,
    logOdds: 0,
  };
  const shown = [];
  let wrong = 0;
  let model;
  for await (const line of lines) {
    const expected = JSON.parse(line);
    if (!model) {
      model = await fromFolder(expected.model);
      continue;
    }
    const before = wrong;
    if (expected.explanation) wrong += compareExplanation(model, expected, found);
    else wrong += comparePrediction(model, expected, found);
    if (wrong > before && shown.length < SHOWN) shown.push(expected.text.slice(0, 200));
  }
  console.log(JSON.stringify({ ...found, wrong, shown }));
  return wrong;
}

function comparePrediction(model, expected, found) {
  const { text, ids, probabilities, labels } = expected;
  const hasScore = expected.outOfScope !== null;
  const [prediction] = model.predict([text], { threshold: THRESHOLD, outOfScope: hasScore });
  const [own] = model.predictProba([text]);
  const difference = Math.max(...own.map((value, place) => Math.abs(value - probabilities[place])));
  const wrong = {
    ids: !equal([...model.tokenizer.encode(text)], ids),
    labels: !equal(prediction.labels, labels) && !nearly(own, THRESHOLD, model.config.thresholds),
    sets: expected.set !== null && !sameSet(model, text, own, expected.set),
    // Rounding may move a text past one that was held out.
    ranks:
      hasScore &&
      Math.abs(prediction.outOfScope - expected.outOfScope) >
        1.5 / (model.outOfScope.ranks.length + 1),
  };
  found.texts++;
  found.probability = Math.max(found.probability, difference);
  for (const [name, is] of Object.entries(wrong)) found[name] += is ? 1 : 0;
  return Object.values(wrong).some(Boolean) || !(difference <= LARGEST) ? 1 : 0;
}

// Where a probability lies at a threshold, or two are equal, rounding decides.
function nearly(probabilities, threshold, own) {
  const sorted = [...probabilities].sort((one, other) => other - one);
  const ties = sorted.some((value, place) => place && sorted[place - 1] - value < LARGEST);
  const least = (place) => Math.max(own?.[place] ?? 0, threshold);
  return ties || probabilities.some((value, place) => Math.abs(value - least(place)) < LARGEST);
}

function sameSet(model, text, probabilities, expected) {
  const [set] = model.predictSets([text], COVERAGE);
  return equal(set, expected) || nearly(probabilities, model.conformalThreshold(COVERAGE));
}

function compareExplanation(model, expected, found) {
  const own = model.explain(expected.text, { label: expected.label });
  const differences = [
    own.logOdds - expected.log_odds,
    own.baseline - expected.baseline,
    ...own.tokens.map(
      (token, place) => token.attribution - expected.explanation[place]?.attribution,
    ),
    ...own.tokens.map((token, place) => token.energy - expected.explanation[place]?.energy),
  ];
  const scale = Math.max(1, Math.abs(expected.log_odds), Math.abs(expected.baseline));
  const largest = Math.max(...differences.map(Math.abs)) / scale;
  const places = (tokens) => tokens.flatMap(({ token, start, end }) => [token, start, end]);
  found.explanations++;
  found.logOdds = Math.max(found.logOdds, largest);
  return equal(places(own.tokens), places(expected.explanation)) && largest <= LARGEST_LOG_ODDS
    ? 0
    : 1;
}

function equal(one, other) {
  return one.length === other.length && one.every((value, place) => value === other[place]);
}

let wrong = 0;
for (const path of process.argv.slice(2)) wrong += await compare(path);
process.exitCode = wrong ? 1 : 0;
