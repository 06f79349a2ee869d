// The papers' network; models/wave/numpy_network.py says the same.

import { ModelFolderError } from "./errors.js";
import { addTransposed, gelu, normalize } from "./numerics.js";

/** @typedef {import("./safetensors.js").Spec} Spec */
/** @typedef {{ real: Float64Array, imag: Float64Array }} Wave */

/** The network of `paper` and its variations, for one text at a time. */
export class WaveNetwork {
  /**
   * @param {any} config The section `model` of `config.json`.
   * @param {Record<string, Float32Array>} weights
   */
  constructor(config, weights) {
    if (config.levels.includes("sentence")) {
      throw new ModelFolderError("models with sentence-level semantics are not read here");
    }
    this.config = config;
    this.weights = weights;
    this.width = config.hidden_size;
    this.labels = config.labels.length;
    this.multiLabel = config.problem_type === "multi_label_classification";
    this.isLinear = config.variants === "linear";
    this.hasPositions = config.positions !== "none";
    this.embeddingSize = this.width * (this.isLinear ? 1 : 2);
    /** @type {Map<number, Float64Array>} Rows of tokens; those of positions have ids below 0. */
    this.rows = new Map();
  }

  /**
   * The tensors of a model.
   * @param {any} config
   * @returns {Spec[]}
   */
  static specs(config) {
    const size = config.hidden_size;
    const width = size * (config.variants === "embedding" ? 2 : 1);
    const labels = config.labels.length;
    const read = size * (config.readout === "concat" ? 2 : 1);
    /** @type {Spec[]} */
    const specs = [
      {
        name: "embedding.weight",
        shape: [config.vocab_size, width],
        scales: "row",
      },
      { name: "classifier.weight", shape: [labels, size] },
      { name: "classifier.bias", shape: [labels] },
    ];
    if (config.positions === "learned") {
      specs.push({
        name: "positions.weight",
        shape: [config.max_length, width],
      });
    }
    for (let layer = 0; layer < config.num_layers; layer++) {
      const prefix = `layers.${layer}`;
      if (config.variants === "linear") {
        specs.push({
          name: `${prefix}.variants.weight`,
          shape: [2 * size, size],
        });
        specs.push({ name: `${prefix}.variants.bias`, shape: [2 * size] });
      }
      specs.push(
        { name: `${prefix}.feed_forward.weight`, shape: [size, read] },
        { name: `${prefix}.feed_forward.bias`, shape: [size] },
        { name: `${prefix}.norm.weight`, shape: [size] },
        { name: `${prefix}.norm.bias`, shape: [size] },
      );
    }
    return specs;
  }

  /**
   * The logits of a text, not divided by the temperature.
   * @param {Int32Array} ids
   */
  logits(ids) {
    const { num_layers: layers, pooling } = this.config;
    /** @type {Float64Array[]} */
    let hidden = layers > 1 ? Array.from(ids, (id, place) => this.#embedded(id, place)) : [];
    let { values } = this.variants(ids);
    for (let layer = 0; layer < layers; layer++) {
      const rows = pooling === "cls" && layer === layers - 1 ? 1 : ids.length;
      if (layer) values = this.#variantsOf(layer, hidden);
      const outputs = this.#layer(layer, values, rows);
      hidden = outputs.map((output, row) =>
        layers > 1 ? output.map((value, place) => value + hidden[row][place]) : output,
      );
    }
    const pooled = hidden[0].map(
      (_, place) => hidden.reduce((sum, row) => sum + row[place], 0) / hidden.length,
    );
    return this.classify(pooled);
  }

  /** @param {Float64Array} hidden */
  classify(hidden) {
    const logits = Float64Array.from(this.weights["classifier.bias"]);
    addTransposed(logits, hidden, this.weights["classifier.weight"]);
    return logits;
  }

  /**
   * Both variants u and v of each token in the first layer, (tokens, columns).
   * @param {Int32Array} ids
   */
  variants(ids) {
    const columns = 2 * this.width;
    const values = new Float64Array(ids.length * columns);
    ids.forEach((id, place) => {
      values.set(this.#row(id), place * columns);
      if (this.hasPositions) {
        const position = this.#row(-1 - place);
        for (let column = 0; column < columns; column++) {
          values[place * columns + column] += position[column];
        }
      }
    });
    return { values, columns };
  }

  /**
   * The variants of a token or, for an id below 0, of a position; computed when first needed.
   * @param {number} id
   */
  #row(id) {
    let row = this.rows.get(id);
    if (!row) {
      const embedded = id < 0 ? this.#position(-1 - id) : this.#token(id);
      row = this.isLinear ? this.#linear(0, embedded, id < 0 || !this.hasPositions) : embedded;
      this.rows.set(id, row);
    }
    return row;
  }

  /**
   * @param {number} layer
   * @param {Float64Array} embedded
   * @param {boolean} withBias
   */
  #linear(layer, embedded, withBias) {
    const row = new Float64Array(2 * this.width);
    if (withBias) row.set(this.weights[`layers.${layer}.variants.bias`]);
    addTransposed(row, embedded, this.weights[`layers.${layer}.variants.weight`]);
    return row;
  }

  /** @param {number} id */
  #token(id) {
    const size = this.embeddingSize;
    return Float64Array.from(this.weights["embedding.weight"].subarray(id * size, (id + 1) * size));
  }

  /** @param {number} place */
  #position(place) {
    const size = this.embeddingSize;
    if (this.config.positions === "learned") {
      const table = this.weights["positions.weight"];
      return Float64Array.from(table.subarray(place * size, (place + 1) * size));
    }
    const scale = this.config.initializer_range * Math.SQRT2;
    return Float64Array.from({ length: size }, (_, column) => {
      const angle = place / 10_000 ** ((2 * Math.floor(column / 2)) / size);
      return Math.fround((column % 2 ? Math.cos(angle) : Math.sin(angle)) * scale);
    });
  }

  /**
   * @param {number} id
   * @param {number} place
   */
  #embedded(id, place) {
    const row = this.#token(id);
    if (!this.hasPositions) return row;
    const position = this.#position(place);
    return row.map((value, column) => value + position[column]);
  }

  /**
   * @param {number} layer
   * @param {Float64Array[]} hidden
   */
  #variantsOf(layer, hidden) {
    const columns = 2 * this.width;
    const values = new Float64Array(hidden.length * columns);
    hidden.forEach((row, place) => values.set(this.#linear(layer, row, true), place * columns));
    return values;
  }

  /**
   * The outputs of a layer for its first rows.
   * @param {number} layer
   * @param {Float64Array} values The variants of all tokens.
   * @param {number} rows
   */
  #layer(layer, values, rows) {
    const [first, second] = wavesOf(values, this.width);
    return Array.from({ length: rows }, (_, row) => {
      const one = {
        real: this.#part(first.real, row),
        imag: this.#part(first.imag, row),
      };
      const other = {
        real: this.#part(second.real, row),
        imag: this.#part(second.imag, row),
      };
      const { normed } = this.feedForward(layer, combined(one, other, this.config.operation));
      const [weight, bias] = [
        this.weights[`layers.${layer}.norm.weight`],
        this.weights[`layers.${layer}.norm.bias`],
      ];
      return normed.map((value, place) => value * weight[place] + bias[place]);
    });
  }

  /**
   * @param {Float64Array} values
   * @param {number} row
   */
  #part(values, row) {
    return values.subarray(row * this.width, (row + 1) * this.width);
  }

  /**
   * What the feed-forward layer makes of a wave, before the norm's weight and bias.
   * @param {number} layer
   * @param {Wave} wave
   */
  feedForward(layer, wave) {
    const before = Float64Array.from(this.weights[`layers.${layer}.feed_forward.bias`]);
    const read = readOut(wave, this.config.readout);
    addTransposed(before, read, this.weights[`layers.${layer}.feed_forward.weight`]);
    const normed = before.map(gelu);
    const scale = normalize(normed);
    return { before, normed, scale };
  }
}

/**
 * Both waves of each token: `Z_j = w_j + i C_j`, (tokens, width).
 * @param {Float64Array} values The variants, (tokens, 2 * width).
 * @param {number} width
 * @returns {[Wave, Wave]}
 */
export function wavesOf(values, width) {
  const columns = 2 * width;
  const tokens = values.length / columns;
  const waves = /** @type {[Wave, Wave]} */ (
    [0, 1].map(() => ({
      real: new Float64Array(tokens * width),
      imag: new Float64Array(tokens * width),
    }))
  );
  for (let column = 0; column < columns; column++) {
    const wave = waves[column < width ? 0 : 1];
    const place = column % width;
    let total = 0;
    let most = 0; // the token that may outweigh all others: its context is summed without it
    for (let token = 0; token < tokens; token++) {
      const energy = values[token * columns + column] ** 2;
      total += energy;
      if (energy > values[most * columns + column] ** 2) most = token;
    }
    let rest = 0;
    for (let token = 0; token < tokens; token++) {
      const value = values[token * columns + column];
      if (token !== most) rest += value ** 2;
      wave.real[token * width + place] = value;
      wave.imag[token * width + place] = Math.sqrt(Math.max(total - value ** 2, 0));
    }
    wave.imag[most * width + place] = Math.sqrt(rest);
  }
  return waves;
}

/**
 * Interference adds two waves, modulation multiplies them.
 * @param {Wave} first
 * @param {Wave} second
 * @param {string} operation
 * @returns {Wave}
 */
export function combined(first, second, operation) {
  const { real, imag } = first;
  if (operation === "interference") {
    return {
      real: real.map((value, place) => value + second.real[place]),
      imag: imag.map((value, place) => value + second.imag[place]),
    };
  }
  return {
    real: real.map((value, place) => value * second.real[place] - imag[place] * second.imag[place]),
    imag: real.map((value, place) => value * second.imag[place] + imag[place] * second.real[place]),
  };
}

/**
 * The real numbers that a read-out makes of a wave.
 * @param {Wave} wave
 * @param {string} readout
 */
function readOut({ real, imag }, readout) {
  if (readout === "real") return real;
  if (readout === "imaginary") return imag;
  if (readout === "magnitude") return real.map((value, place) => Math.hypot(value, imag[place]));
  const both = new Float64Array(2 * real.length);
  both.set(real);
  both.set(imag, real.length);
  return both;
}
