// How unusual a text is beside those that a model was trained on: evaluation/out_of_scope.py.

import { logSumExp, softplus } from "./numerics.js";
import { readTensors } from "./safetensors.js";

const BUCKETS = 2 ** 16;
const KNOTS = 6; // lengths of 1, 4, 16, ... tokens
const LEAST_VARIANCE = 1e-9;
const WEIGHTS = [1, 1, 0.5, 1];

/** What is known of the training texts. */
export class OutOfScope {
  /** @param {Uint8Array} bytes `out_of_scope.safetensors`. */
  constructor(bytes) {
    const tensors = readTensors(bytes);
    const values = (/** @type {string} */ name) => tensors.get(name)?.values ?? [];
    this.pairs = values("pairs"); // two levels a byte
    this.background = tensors.has("background") ? values("background") : undefined;
    this.longest = values("longest")[0];
    this.normal = values("normal"); // (statistics, mean and variance, knots)
    this.ranks = values("ranks");
  }

  /**
   * The share of known texts that are less unusual, to 3 digits.
   * @param {Int32Array} ids
   * @param {number} characters Of the text; 0 if it was cut.
   * @param {number} energy
   */
  score(ids, characters, energy) {
    const sum = this.#sum(ids, characters, energy);
    let below = 0;
    while (below < this.ranks.length && this.ranks[below] < sum) below++;
    return Math.round((1000 * below) / (this.ranks.length + 1)) / 1000;
  }

  /**
   * @param {Int32Array} ids
   * @param {number} characters
   * @param {number} energy
   */
  #sum(ids, characters, energy) {
    const tokens = ids.length - 1;
    const inside = Math.min(Math.max(tokens, 1), this.longest);
    let sum = 0;
    this.#statistics(ids, characters, energy).forEach((value, statistic) => {
      if (Number.isNaN(value)) return;
      const start = statistic * 2 * KNOTS;
      const mean = this.#at(start, inside);
      const variance = (this.#at(start + KNOTS, inside) * inside) / Math.max(tokens, 1);
      const above = Math.max(value - mean, 0);
      sum += (WEIGHTS[statistic] * above ** 2) / Math.max(variance, LEAST_VARIANCE);
    });
    return sum;
  }

  /**
   * The statistics of a text; NaN where it has none.
   * @param {Int32Array} ids
   * @param {number} characters
   * @param {number} energy
   */
  #statistics(ids, characters, energy) {
    const tokens = ids.length - 1;
    const known = meanLevel(ids, this.pairs);
    const size = characters > 0 && tokens > 0 ? characters / tokens : NaN;
    const found = [energy, -known, -size];
    if (this.background) found.push(meanLevel(ids, this.background) - known);
    return found;
  }

  /**
   * Interpolate between the knots.
   * @param {number} start
   * @param {number} tokens
   */
  #at(start, tokens) {
    const place = Math.log2(Math.min(Math.max(tokens, 1), 4 ** (KNOTS - 1))) / 2;
    const below = Math.min(Math.floor(place), KNOTS - 2);
    const share = place - below;
    return this.normal[start + below] * (1 - share) + this.normal[start + below + 1] * share;
  }
}

/**
 * The energy of logits: high if no class fits.
 * @param {Float64Array} logits
 * @param {boolean} multiLabel
 */
export function energyOf(logits, multiLabel) {
  if (multiLabel) return -logits.reduce((sum, logit) => sum + softplus(logit), 0);
  return -logSumExp(logits);
}

/**
 * The mean level of the pairs of adjacent tokens, `[CLS]` left out.
 * @param {Int32Array} ids
 * @param {ArrayLike<number>} packed
 */
function meanLevel(ids, packed) {
  let sum = 0;
  for (let last = 2; last < ids.length; last++) {
    let mixed = Math.imul(ids[last], 0x9e3779b1) + Math.imul(ids[last - 1], 0x85ebca77);
    mixed ^= mixed >>> 15;
    mixed = Math.imul(mixed, 0xc2b2ae3d);
    const place = (mixed >>> 10) % BUCKETS;
    sum += (packed[place >> 1] >> (place & 1 ? 4 : 0)) & 15;
  }
  return ids.length > 2 ? sum / (ids.length - 2) : NaN;
}
