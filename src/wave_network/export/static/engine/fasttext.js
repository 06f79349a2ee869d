// The network of a model that fastText trained; models/fasttext/ says the same. Sums have 32 bits and
// fastText's order, because its sigmoid is a table, in which the last bit can decide.

import { ConfigError, ModelFolderError } from "./errors.js";
import { sigmoid, softplus } from "./numerics.js";

const CENTROIDS = 256;
const REACH = 8; // of the sigmoid's table
const STEPS = 512;
const SIGMOID = Float32Array.from(
  { length: STEPS + 1 },
  (_, step) => 1 / (1 + Math.exp(REACH - (step * 2 * REACH) / STEPS)),
);
const { fround } = Math;

/** @typedef {import("./safetensors.js").Spec} Spec */

/** A fastText classifier, for one text at a time. Its logits are probabilities. */
export class FastTextNetwork {
  /**
   * @param {any} config The section `model` of `config.json`.
   * @param {Record<string, any>} weights
   */
  constructor(config, weights) {
    this.config = config;
    this.labels = config.labels.length;
    /** Whether each label has a sigmoid of its own. */
    this.independent = config.loss === "ns" || config.loss === "ova";
    this.input = new Matrix(weights, "input", config.input_block, config.dimensions);
    const output = new Matrix(weights, "output", config.output_block, config.dimensions);
    this.output = Array.from({ length: this.labels }, (_, label) => output.columnsOf(label));
    this.norms = Float32Array.from(this.output, (_, label) => output.normOf(label));
    /** @type {Int32Array | undefined} The children of each inner node, the root last. */
    this.tree = config.loss === "hs" ? weights.tree : undefined;
    if (this.tree) checkTree(this.tree, this.labels);
  }

  /**
   * The tensors of a model.
   * @param {any} config
   * @returns {Spec[]}
   */
  static specs(config) {
    const labels = config.labels.length;
    const tree = config.loss === "hs" ? [{ name: "tree", shape: [labels - 1, 2] }] : [];
    return [
      ...matrixSpecs("input", config.vocab_size, config),
      ...matrixSpecs("output", labels, config),
      ...tree,
    ];
  }

  /**
   * The probabilities of a text; 0 for one without rows.
   * @param {Int32Array} ids
   */
  logits(ids) {
    if (!ids.length) return new Float32Array(this.labels);
    const outputs = this.outputs(this.means(ids));
    if (this.tree) return this.#ofTree(this.tree, outputs);
    return this.independent ? outputs.map(tabled) : softmax(outputs);
  }

  /**
   * The mean of rows of the table.
   * @param {Int32Array} ids
   */
  means(ids) {
    const means = new Float32Array(this.config.dimensions);
    for (const id of ids) {
      const row = this.input.columnsOf(id);
      const norm = this.input.normOf(id);
      for (let column = 0; column < means.length; column++) {
        means[column] += fround(row[column] * norm);
      }
    }
    const share = ids.length ? fround(1 / ids.length) : 0;
    return means.map((sum) => sum * share);
  }

  /**
   * The products of the mean of a text's rows with the labels' rows.
   * @param {Float32Array | Float64Array} hidden
   */
  outputs(hidden) {
    return Float32Array.from(this.output, (row, label) => {
      let sum = 0;
      for (let column = 0; column < row.length; column++) {
        sum = fround(sum + fround(hidden[column] * row[column]));
      }
      return sum * this.norms[label];
    });
  }

  /**
   * @param {Int32Array} tree
   * @param {Float32Array} outputs
   */
  #ofTree(tree, outputs) {
    const { labels } = this;
    const scores = new Float32Array(2 * labels - 1);
    for (let node = labels - 2; node >= 0; node--) {
      const right = fround(1 / fround(1 + fround(Math.exp(-outputs[node]))));
      const score = scores[labels + node];
      scores[tree[2 * node]] = score + logarithm(fround(1 - right));
      scores[tree[2 * node + 1]] = score + logarithm(right);
    }
    return scores.subarray(0, labels).map((score) => Math.min(fround(Math.exp(score)), 1));
  }
}

/** A matrix of numbers, or of codes that name centroids of blocks of columns. */
class Matrix {
  /**
   * @param {Record<string, any>} weights
   * @param {string} name
   * @param {number} block
   * @param {number} columns
   */
  constructor(weights, name, block, columns) {
    this.block = block;
    this.columns = columns;
    /** @type {Float32Array} */
    this.weight = weights[`${name}.weight`];
    /** @type {Uint8Array} */
    this.codes = weights[`${name}.codes`];
    /** @type {Float32Array} */
    this.centroids = weights[`${name}.centroids`];
    /** @type {Uint8Array | undefined} */
    this.normCodes = weights[`${name}.norm_codes`];
    /** @type {Float32Array} */
    this.norms = weights[`${name}.norm_centroids`];
  }

  /**
   * The columns of a row, without its norm.
   * @param {number} row
   */
  columnsOf(row) {
    const { block, columns, codes, centroids } = this;
    if (!block) return this.weight.subarray(row * columns, (row + 1) * columns);
    const result = new Float32Array(columns);
    const blocks = Math.ceil(columns / block);
    for (let place = 0; place < blocks; place++) {
      const start = place * block;
      const width = Math.min(block, columns - start);
      const from = CENTROIDS * start + codes[row * blocks + place] * width;
      result.set(centroids.subarray(from, from + width), start);
    }
    return result;
  }

  /** @param {number} row */
  normOf(row) {
    return this.normCodes ? this.norms[this.normCodes[row]] : 1;
  }
}

/**
 * The features of a text, for attributions: the mean of its rows.
 * @param {FastTextNetwork} network
 * @param {Int32Array} ids
 * @param {Int32Array} emptyIds Those of an empty text.
 * @returns {import("./attribution.js").TextFeatures}
 */
export function fastTextFeatures(network, ids, emptyIds) {
  const { labels, tree, output, norms, input } = network;
  const features = Float64Array.from(network.means(ids));
  const empty = Float64Array.from(network.means(emptyIds));
  if (labels === 1 && !network.independent) {
    throw new ConfigError("a model with a single label gives no answers to explain");
  }

  /** @param {Float64Array} hidden */
  function logits(hidden) {
    const outputs = Float64Array.from(network.outputs(hidden));
    if (!tree) return outputs;
    const scores = new Float64Array(2 * labels - 1);
    for (let node = labels - 2; node >= 0; node--) {
      const score = scores[labels + node];
      scores[tree[2 * node]] = score - softplus(outputs[node]);
      scores[tree[2 * node + 1]] = score - softplus(-outputs[node]);
    }
    return scores.subarray(0, labels);
  }

  /** @type {import("./attribution.js").TextFeatures["gradient"]} */
  function gradient(hidden, atLogits) {
    const outputs = network.outputs(hidden);
    let atOutputs = atLogits(logits(hidden));
    if (tree) {
      const sums = new Float64Array(2 * labels - 1); // of all labels below
      sums.set(atOutputs);
      atOutputs = new Float64Array(labels);
      for (let node = 0; node < labels - 1; node++) {
        const [left, right] = [sums[tree[2 * node]], sums[tree[2 * node + 1]]];
        sums[labels + node] = left + right;
        const goesRight = sigmoid(outputs[node]);
        atOutputs[node] = right * (1 - goesRight) - left * goesRight;
      }
    }
    const result = new Float64Array(hidden.length);
    output.forEach((row, label) => {
      const factor = atOutputs[label] * norms[label];
      for (let column = 0; column < row.length; column++) result[column] += factor * row[column];
    });
    return result;
  }

  /** @param {Float64Array} gradients */
  const toTokens = (gradients) =>
    Float64Array.from(ids, (id) => {
      const row = input.columnsOf(id);
      const norm = input.normOf(id);
      let sum = 0;
      for (let column = 0; column < row.length; column++) {
        sum += (row[column] * norm - empty[column]) * gradients[column];
      }
      return sum / ids.length;
    });
  return { features, empty, logits, gradient, toTokens };
}

/**
 * @param {string} name
 * @param {number} rows
 * @param {any} config
 * @returns {Spec[]}
 */
function matrixSpecs(name, rows, { dimensions: columns, ...config }) {
  const block = config[`${name}_block`];
  if (!block) {
    const scales = name === "input" ? "row" : undefined;
    return [{ name: `${name}.weight`, shape: [rows, columns], scales }];
  }
  const norms = [
    { name: `${name}.norm_codes`, shape: [rows] },
    { name: `${name}.norm_centroids`, shape: [CENTROIDS] },
  ];
  return [
    { name: `${name}.codes`, shape: [rows, Math.ceil(columns / block)] },
    { name: `${name}.centroids`, shape: [CENTROIDS * columns] },
    ...(config[`${name}_norms`] ? norms : []),
  ];
}

/**
 * Each node but the root must be the child of one later node.
 * @param {Int32Array} tree
 * @param {number} labels
 */
function checkTree(tree, labels) {
  const children = tree.slice().sort();
  const isTree = children.every((child, place) => child === place);
  if (!isTree || !tree.every((child, place) => child < labels + (place >> 1))) {
    throw new ModelFolderError("the tree of its labels is none");
  }
}

/** @param {Float32Array} outputs */
function softmax(outputs) {
  const highest = outputs.reduce((one, other) => Math.max(one, other));
  const powers = outputs.map((output) => Math.exp(fround(output - highest)));
  const total = powers.reduce((sum, power) => fround(sum + power), 0);
  return powers.map((power) => power / total);
}

/**
 * fastText's sigmoid, from its table.
 * @param {number} output
 */
function tabled(output) {
  if (output < -REACH) return 0;
  if (output > REACH) return 1;
  return SIGMOID[Math.trunc(fround(fround(fround(output + REACH) * STEPS) / (2 * REACH)))];
}

/**
 * fastText's logarithm, which adds 1e-5 first.
 * @param {number} value
 */
function logarithm(value) {
  return fround(Math.log(value + 1e-5));
}
