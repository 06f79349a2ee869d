// The features of the papers' network, for attributions: models/wave/attribution.py.

import { ConfigError } from "./errors.js";
import { addProduct, geluSlope, normalizeGradient } from "./numerics.js";
import { combined } from "./wave.js";

/**
 * The contexts C and C' of `[CLS]`: all that the other tokens change.
 * @param {import("./wave.js").WaveNetwork} network
 * @param {Int32Array} ids
 * @returns {import("./attribution.js").TextFeatures}
 */
export function waveFeatures(network, ids) {
  const { config, width, weights } = network;
  if (config.num_layers > 1 || config.pooling !== "cls") {
    throw new ConfigError("only models of one layer with [CLS] pooling can be explained");
  }
  const { values, columns } = network.variants(ids);
  const real = values.slice(0, columns);
  const features = new Float64Array(columns);
  for (let place = columns; place < values.length; place++) {
    features[place % columns] += values[place] ** 2;
  }
  features.forEach((energy, place) => (features[place] = Math.sqrt(energy)));

  /** @param {Float64Array} contexts @returns {import("./wave.js").Wave[]} */
  const wavesAt = (contexts) =>
    [0, width].map((start) => ({
      real: real.subarray(start, start + width),
      imag: contexts.subarray(start, start + width),
    }));

  /** @param {Float64Array} contexts */
  function outputs(contexts) {
    const [first, second] = wavesAt(contexts);
    const wave = combined(first, second, config.operation);
    const found = network.feedForward(0, wave);
    const [weight, bias] = [weights["layers.0.norm.weight"], weights["layers.0.norm.bias"]];
    const logits = network.classify(
      found.normed.map((value, place) => value * weight[place] + bias[place]),
    );
    return { ...found, first, second, wave, weight, logits };
  }

  /** @type {import("./attribution.js").TextFeatures["gradient"]} */
  function gradient(contexts, atLogits) {
    const { before, normed, scale, first, second, wave, weight, logits } = outputs(contexts);
    const atNormed = new Float64Array(width);
    addProduct(atNormed, atLogits(logits), weights["classifier.weight"]);
    const atBefore = normalizeGradient(normed, scale, weight, atNormed).map(
      (value, place) => value * geluSlope(before[place]),
    );
    const matrix = weights["layers.0.feed_forward.weight"];
    const atRead = new Float64Array(matrix.length / width);
    addProduct(atRead, atBefore, matrix);
    return atContexts(
      first,
      second,
      readOutGradient(wave, config.readout, atRead),
      config.operation,
    );
  }

  /** @param {Float64Array} gradients */
  const toTokens = (gradients) =>
    Float64Array.from(ids, (_, token) => {
      let sum = 0;
      for (let column = 0; token && column < columns; column++) {
        if (features[column] > 0) {
          sum += (gradients[column] * values[token * columns + column] ** 2) / features[column];
        }
      }
      return sum;
    });

  const empty = new Float64Array(columns);
  return {
    features,
    empty,
    logits: (contexts) => outputs(contexts).logits,
    gradient,
    toTokens,
  };
}

/**
 * From the gradient at the combined wave to that at both imaginary parts.
 * @param {import("./wave.js").Wave} first
 * @param {import("./wave.js").Wave} second
 * @param {import("./wave.js").Wave} gradient
 * @param {string} operation
 */
function atContexts(first, second, gradient, operation) {
  const size = first.real.length;
  const result = new Float64Array(2 * size);
  for (let place = 0; place < size; place++) {
    const [real, imag] = [gradient.real[place], gradient.imag[place]];
    const added = operation === "interference";
    result[place] = added ? imag : second.real[place] * imag - second.imag[place] * real;
    result[size + place] = added ? imag : first.real[place] * imag - first.imag[place] * real;
  }
  return result;
}

/**
 * From the gradient at a read-out to that at both parts of the wave.
 * @param {import("./wave.js").Wave} wave
 * @param {string} readout
 * @param {Float64Array} gradient
 * @returns {import("./wave.js").Wave}
 */
function readOutGradient({ real, imag }, readout, gradient) {
  const size = real.length;
  const none = new Float64Array(size);
  if (readout === "real") return { real: gradient, imag: none };
  if (readout === "imaginary") return { real: none, imag: gradient };
  if (readout === "concat") {
    return { real: gradient.subarray(0, size), imag: gradient.subarray(size) };
  }
  const slope = gradient.map((value, place) => {
    const length = Math.hypot(real[place], imag[place]);
    return length > 0 ? value / length : 0;
  });
  return {
    real: slope.map((value, place) => value * real[place]),
    imag: slope.map((value, place) => value * imag[place]),
  };
}
