// The linear part of a local wave network: weights of tokens and hashed n-grams beside the waves.

import { ModelFolderError } from "./errors.js";
import { NgramBuckets } from "./ngrams.js";
import { addRows } from "./numerics.js";

const LEAST_BUCKETS = 2.5; // a token, of a dense linear part
const SPARSE_COLUMNS = 8;

/** @typedef {import("./safetensors.js").Spec} Spec */
/**
 * The tokens of a text, or its n-grams of a kind: the row of each where it ends, from `reach` on.
 * @typedef {{ kind: string | undefined, rows: Int32Array, reach: number, scale: number }} Rows
 */

/** A dense table for tokens and one for the buckets of n-grams, or one sparse table for both. */
export class LinearPart {
  /**
   * @param {any} config
   * @param {Record<string, Float32Array>} weights
   */
  constructor(config, weights) {
    const { vocab_size: tokens, linear_ngrams: kinds } = config;
    const buckets = linearBuckets(config);
    this.tokens = tokens;
    this.weights = weights;
    this.isSparse = config.sparse_linear_size > 0;
    if (this.isSparse) checkRows(weights, config.labels.length);
    this.ngrams = kinds.map(
      (/** @type {string} */ kind) => new NgramBuckets(kind, buckets, tokens),
    );
  }

  /**
   * The tensors of a linear part; none without one.
   * @param {any} config
   * @returns {Spec[]}
   */
  static specs(config) {
    const buckets = linearBuckets(config);
    if (!buckets) return [];
    const tokens = config.vocab_size;
    const labels = config.labels.length;
    const size = config.sparse_linear_size;
    /** @type {Spec} */
    const bias = { name: "linear.bias", shape: [labels] };
    if (size) {
      return [
        { name: "linear.starts", shape: [tokens + buckets + 1] },
        { name: "linear.labels", shape: [size] },
        { name: "linear.values.weight", shape: [size, 1], scales: "table" },
        bias,
      ];
    }
    return [
      {
        name: "linear.tokens.weight",
        shape: [tokens, labels],
        scales: "table",
      },
      {
        name: "linear.bigrams.weight",
        shape: [buckets, labels],
        scales: "table",
      },
      bias,
    ];
  }

  /**
   * The logits of a text.
   * @param {Int32Array} ids
   */
  logits(ids) {
    const logits = new Float64Array(this.weights["linear.bias"]);
    for (const rows of this.rowsOf(ids)) this.add(logits, rows, rows.reach, ids.length, rows.scale);
    return logits;
  }

  /**
   * The rows that a text reads.
   * @param {Int32Array} ids
   * @returns {Rows[]}
   */
  rowsOf(ids) {
    const scale = 1 / Math.sqrt(Math.max(ids.length - 1, 1));
    return [
      {
        kind: undefined,
        rows: ids,
        reach: 0,
        scale: 1 / Math.sqrt(ids.length),
      },
      ...this.ngrams.map((/** @type {NgramBuckets} */ ngrams) => {
        return {
          kind: ngrams.kind,
          rows: ngrams.of(ids),
          reach: ngrams.reach,
          scale,
        };
      }),
    ];
  }

  /**
   * Add the weights of the rows from `start` up to `end`, times a scale.
   * @param {Float64Array} logits
   * @param {Rows} rows
   * @param {number} start
   * @param {number} end
   * @param {number} scale
   */
  add(logits, { kind, rows }, start, end, scale) {
    const { weights, tokens } = this;
    if (this.isSparse) {
      const [starts, columns] = [weights["linear.starts"], weights["linear.labels"]];
      const values = weights["linear.values.weight"];
      for (let last = start; last < end; last++) {
        const row = rows[last] + (kind ? tokens : 0);
        for (let place = starts[row]; place < starts[row + 1]; place++) {
          logits[columns[place]] += scale * values[place];
        }
      }
      return;
    }
    const table = weights[kind ? "linear.bigrams.weight" : "linear.tokens.weight"];
    addRows(logits, table, rows, start, end, scale);
  }
}

/**
 * Refuse what is no matrix in compressed rows.
 * @param {Record<string, Float32Array>} weights
 * @param {number} labels
 */
function checkRows(weights, labels) {
  const starts = weights["linear.starts"];
  const columns = weights["linear.labels"];
  const rising = starts.every((start, row) => start >= (row ? starts[row - 1] : 0));
  const within = columns.every((label) => label >= 0 && label < labels);
  if (!rising || !within || starts[starts.length - 1] > columns.length) {
    throw new ModelFolderError("the weights are damaged: rows of the linear part do not exist");
  }
}

/**
 * The buckets of the linear part; 0: there is none.
 * @param {any} config
 */
function linearBuckets(config) {
  const { linear_size: size, vocab_size: tokens } = config;
  if (config.sparse_linear_size)
    return largestPrime(Math.max(Math.floor(size / SPARSE_COLUMNS), 1));
  const buckets = largestPrime(Math.floor(size / config.labels.length));
  return buckets >= LEAST_BUCKETS * tokens ? buckets : 0;
}

/**
 * The largest prime number up to a number; below 2, the number itself.
 * @param {number} number
 */
function largestPrime(number) {
  while (number > 2 && hasDivisor(number)) number--;
  return number;
}

/** @param {number} number */
function hasDivisor(number) {
  for (let divisor = 2; divisor * divisor <= number; divisor++) {
    if (number % divisor === 0) return true;
  }
  return false;
}
