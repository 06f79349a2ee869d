// The network of `small`, `tiny` and `large`; models/local_wave/numpy_network.py says the same.

import { LinearPart } from "./linear-part.js";
import { NgramBuckets } from "./ngrams.js";
import { addProduct, addRows, gelu, meanOfMembers, normalize } from "./numerics.js";

const ENERGY_FLOOR = 1e-6;

/** @typedef {import("./safetensors.js").Spec} Spec */

/** A local wave network, for one text at a time. */
export class LocalWaveNetwork {
  /**
   * @param {any} config The section `model` of `config.json`.
   * @param {Record<string, Float32Array>} weights
   */
  constructor(config, weights) {
    this.config = config;
    this.weights = weights;
    this.labels = config.labels.length;
    this.multiLabel = config.problem_type === "multi_label_classification";
    this.width = config.members * config.hidden_size;
    this.featureSize = 3 * config.hidden_size + config.bigram_size;
    this.bigrams = new NgramBuckets("pair", config.bigram_buckets, config.vocab_size);
    this.linear = LinearPart.specs(config).length ? new LinearPart(config, weights) : undefined;
  }

  /**
   * The tensors of a model.
   * @param {any} config
   * @returns {Spec[]}
   */
  static specs(config) {
    const { vocab_size: tokens, members, hidden_size: size, feed_forward_size: wide } = config;
    const labels = config.labels.length;
    const features = 3 * size + config.bigram_size;
    return [
      {
        name: "embedding.weight",
        shape: [tokens, 2 * members * size],
        scales: "row",
      },
      {
        name: "bigrams.weight",
        shape: [config.bigram_buckets, members * config.bigram_size],
        scales: "table",
      },
      ...LinearPart.specs(config),
      { name: "feed_forward.weight", shape: [members, features, wide] },
      { name: "feed_forward.bias", shape: [members, 1, wide] },
      { name: "norm.weight", shape: [members, 1, wide] },
      { name: "norm.bias", shape: [members, 1, wide] },
      { name: "classifier.weight", shape: [members, wide, labels] },
      { name: "classifier.bias", shape: [members, 1, labels] },
      { name: "shortcut.weight", shape: [members, features, labels] },
      { name: "shortcut.bias", shape: [members, 1, labels] },
    ];
  }

  /**
   * The logits of a text, not divided by the temperature.
   * @param {Int32Array} ids
   */
  logits(ids) {
    const logits = this.headLogits(this.features(ids));
    const linear = this.linear?.logits(ids);
    return linear ? logits.map((logit, label) => logit + linear[label]) : logits;
  }

  /**
   * Both variants u and v of each token: of token t from `place(t)` on in `table`.
   * @param {Int32Array} ids
   */
  variants(ids) {
    const columns = 2 * this.width;
    const values = new Float64Array(ids.length * columns);
    const table = this.weights["embedding.weight"];
    ids.forEach((id, token) => {
      values.set(table.subarray(id * columns, (id + 1) * columns), token * columns);
    });
    return { values, columns };
  }

  /**
   * The input of the heads, member by member.
   * @param {Int32Array} ids
   */
  features(ids) {
    const { config, width, bigrams } = this;
    const table = this.weights["embedding.weight"];
    const adds = config.operation === "interference";
    const columns = config.members * config.bigram_size;
    const sums = new Float64Array(3 * width + columns);
    for (let place = 0; place < width; place++) {
      let before = table[ids[0] * 2 * width + place];
      let [coherent, own, local] = [before, before * before, 0];
      for (let token = 1; token < ids.length; token++) {
        const start = ids[token] * 2 * width + place;
        const u = table[start];
        const v = table[start + width];
        const both = adds ? v + before : v * before;
        coherent += u;
        own += u * u;
        local += both * both;
        before = u;
      }
      sums[place] = coherent;
      sums[width + place] = own;
      sums[2 * width + place] = local;
    }
    const ofBigrams = this.weights["bigrams.weight"];
    addRows(sums.subarray(3 * width), ofBigrams, bigrams.of(ids), bigrams.reach, ids.length, 1);
    return this.#scaled(sums, ids.length);
  }

  /**
   * @param {Float64Array} sums
   * @param {number} length
   */
  #scaled(sums, length) {
    const { config, width, featureSize } = this;
    const size = config.hidden_size;
    const localScale = config.operation === "modulation" ? config.initializer_range ** -2 : 1;
    const result = new Float64Array(config.members * featureSize);
    for (let member = 0; member < config.members; member++) {
      const start = member * featureSize;
      for (let place = 0; place < size; place++) {
        const from = member * size + place;
        result[start + place] = sums[from] / Math.sqrt(length);
        result[start + size + place] = Math.sqrt(sums[width + from] + ENERGY_FLOOR);
        result[start + 2 * size + place] = Math.sqrt(
          sums[2 * width + from] * localScale + ENERGY_FLOOR,
        );
      }
      for (let place = 0; place < config.bigram_size; place++) {
        result[start + 3 * size + place] =
          sums[3 * width + member * config.bigram_size + place] /
          Math.sqrt(Math.max(length - 1, 1));
      }
    }
    return result;
  }

  /**
   * The logits of the heads.
   * @param {Float64Array} features
   */
  headLogits(features) {
    return meanOfMembers(this.memberLogits(features), this.multiLabel);
  }

  /**
   * The logits of each member.
   * @param {Float64Array} features
   * @param {{ before: Float64Array, normed: Float64Array, scale: number }[]} [trace] Is given what
   *   the gradient needs of each member.
   */
  memberLogits(features, trace) {
    const { config, weights, featureSize, labels } = this;
    const wide = config.feed_forward_size;
    return Array.from({ length: config.members }, (_, member) => {
      const own = features.subarray(member * featureSize, (member + 1) * featureSize);
      const hidden = part(weights["feed_forward.bias"], member, wide);
      addProduct(hidden, own, weights["feed_forward.weight"], member * featureSize * wide);
      const before = trace && hidden.slice();
      for (let place = 0; place < wide; place++) hidden[place] = gelu(hidden[place]);
      const scale = normalize(hidden);
      if (trace && before) trace.push({ before, normed: hidden.slice(), scale });
      const [weight, bias] = [weights["norm.weight"], weights["norm.bias"]];
      for (let place = 0; place < wide; place++) {
        hidden[place] = hidden[place] * weight[member * wide + place] + bias[member * wide + place];
      }
      const logits = part(weights["classifier.bias"], member, labels);
      addProduct(logits, hidden, weights["classifier.weight"], member * wide * labels);
      const shortcut = weights["shortcut.bias"];
      for (let label = 0; label < labels; label++)
        logits[label] += shortcut[member * labels + label];
      addProduct(logits, own, weights["shortcut.weight"], member * featureSize * labels);
      return logits;
    });
  }
}

/**
 * @param {Float32Array} values
 * @param {number} member
 * @param {number} size
 */
function part(values, member, size) {
  return new Float64Array(values.subarray(member * size, (member + 1) * size));
}
