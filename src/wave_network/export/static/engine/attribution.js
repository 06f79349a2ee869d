// Attribute an answer to its tokens by integrated gradients; models/attribution.py says the same.

import { logSumExp } from "./numerics.js";

const STEPS = 8;
const MOST_STEPS = 256;
const TOLERANCE = 1e-3;

/**
 * The features of a text, which are sums over its tokens or roots of such sums.
 * @typedef {object} TextFeatures
 * @property {Float64Array} features
 * @property {Float64Array} empty Those of an empty text.
 * @property {(features: Float64Array) => Float64Array} logits
 * @property {(features: Float64Array, atLogits: (logits: Float64Array) => Float64Array) =>
 *   Float64Array} gradient
 * @property {(gradients: Float64Array) => Float64Array} toTokens
 */

/**
 * The log-odds of a label, those of an empty text, and what each token adds.
 * @param {TextFeatures} text
 * @param {number | undefined} label By default the most probable one.
 * @param {number} temperature
 * @param {boolean} multiLabel
 */
export function attribute(text, label, temperature, multiLabel) {
  const logits = (/** @type {Float64Array} */ features) =>
    text.logits(features).map((logit) => logit / temperature);
  const reached = logits(text.features);
  const explained = label ?? reached.indexOf(Math.max(...reached));
  const logOdds = logOddsOf(reached, explained, multiLabel);
  const baseline = logOddsOf(logits(text.empty), explained, multiLabel);
  const atLogits = (/** @type {Float64Array} */ values) =>
    logOddsGradient(
      values.map((logit) => logit / temperature),
      explained,
      multiLabel,
    ).map((slope) => slope / temperature);
  const gradients = meanGradient(text, atLogits, logOdds - baseline);
  return {
    label: explained,
    logOdds,
    baseline,
    tokens: text.toTokens(gradients),
  };
}

/**
 * The mean of the gradients along the path from an empty text. The steps double until the
 * attributions add up to the change.
 * @param {TextFeatures} text
 * @param {(logits: Float64Array) => Float64Array} atLogits
 * @param {number} change
 */
function meanGradient(text, atLogits, change) {
  const path = text.features.map((value, place) => value - text.empty[place]);
  for (let steps = STEPS; ; steps *= 2) {
    const mean = new Float64Array(path.length);
    for (const [node, weight] of gaussLegendre(steps)) {
      const point = text.empty.map((value, place) => value + node * path[place]);
      const gradient = text.gradient(point, atLogits);
      for (let place = 0; place < mean.length; place++) mean[place] += weight * gradient[place];
    }
    const sum = mean.reduce((before, value, place) => before + value * path[place], 0);
    const enough = Math.abs(sum - change) <= TOLERANCE * Math.max(1, Math.abs(change));
    if (enough || steps >= MOST_STEPS) return mean;
  }
}

/**
 * @param {Float64Array} logits
 * @param {number} label
 * @param {boolean} multiLabel
 */
function logOddsOf(logits, label, multiLabel) {
  return logits[label] - (multiLabel ? 0 : logSumExp(logits.filter((_, other) => other !== label)));
}

/**
 * @param {Float64Array} logits
 * @param {number} label
 * @param {boolean} multiLabel
 */
function logOddsGradient(logits, label, multiLabel) {
  const total = multiLabel ? Infinity : logSumExp(logits.filter((_, other) => other !== label));
  return logits.map((logit, other) => (other === label ? 1 : -Math.exp(logit - total)));
}

/**
 * The nodes and weights of Gauss-Legendre quadrature on [0, 1].
 * @param {number} count
 */
function gaussLegendre(count) {
  return Array.from({ length: count }, (_, index) => {
    let node = Math.cos((Math.PI * (index + 0.75)) / (count + 0.5));
    let slope = 0;
    for (let step = 0; step < 20; step++) {
      const [value, before] = legendre(count, node);
      slope = (count * (before - node * value)) / (1 - node * node);
      node -= value / slope;
    }
    return [(node + 1) / 2, 1 / ((1 - node * node) * slope * slope)];
  });
}

/**
 * The Legendre polynomial of a degree at a place, and the one of the degree before.
 * @param {number} degree
 * @param {number} x
 */
function legendre(degree, x) {
  let [before, value] = [1, x];
  for (let next = 2; next <= degree; next++) {
    [before, value] = [value, ((2 * next - 1) * x * value - (next - 1) * before) / next];
  }
  return [value, before];
}
