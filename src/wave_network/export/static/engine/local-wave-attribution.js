// The features of a local wave network, for attributions: models/local_wave/attribution.py.

import {
  addTransposed,
  geluSlope,
  meanOfMembers,
  meanOfMembersGradient,
  normalizeGradient,
} from "./numerics.js";
import { NGRAMS } from "./ngrams.js";

const TINY = 2 ** -126;

/**
 * @param {import("./local-wave.js").LocalWaveNetwork} network
 * @param {Int32Array} ids
 * @param {Int32Array} emptyIds Those of an empty text.
 * @returns {import("./attribution.js").TextFeatures}
 */
export function localWaveFeatures(network, ids, emptyIds) {
  const size = network.config.members * network.featureSize;
  const features = featuresOf(network, ids);
  const empty = featuresOf(network, emptyIds);

  /** @param {Float64Array} values */
  const logits = (values) => withLinear(network.headLogits(values.subarray(0, size)), values);

  /** @param {Float64Array} heads @param {Float64Array} values */
  function withLinear(heads, values) {
    if (!network.linear) return heads;
    return heads.map((logit, label) => logit + values[size + label]);
  }

  /** @type {import("./attribution.js").TextFeatures["gradient"]} */
  function gradient(values, atLogits) {
    /** @type {any[]} */
    const trace = [];
    const members = network.memberLogits(values.subarray(0, size), trace);
    const mean = meanOfMembers(members, network.multiLabel);
    const atMean = atLogits(withLinear(mean, values));
    const result = new Float64Array(values.length);
    if (network.linear) result.set(atMean, size);
    meanOfMembersGradient(members, atMean, network.multiLabel).forEach((atMember, member) => {
      const start = member * network.featureSize;
      memberGradient(
        network,
        member,
        trace[member],
        atMember,
        result.subarray(start, start + network.featureSize),
      );
    });
    return result;
  }

  /** @param {Float64Array} gradients */
  const toTokens = (gradients) => distributed(network, ids, gradients, features, empty);
  return { features, empty, logits, gradient, toTokens };
}

/**
 * @param {import("./local-wave.js").LocalWaveNetwork} network
 * @param {Int32Array} ids
 */
function featuresOf(network, ids) {
  const waves = network.features(ids);
  return network.linear ? Float64Array.from([...waves, ...network.linear.logits(ids)]) : waves;
}

/**
 * Add the gradient of a member's logits at its features.
 * @param {import("./local-wave.js").LocalWaveNetwork} network
 * @param {number} member
 * @param {{ before: Float64Array, normed: Float64Array, scale: number }} trace
 * @param {Float64Array} atLogits
 * @param {Float64Array} result
 */
function memberGradient(network, member, { before, normed, scale }, atLogits, result) {
  const { weights, labels, featureSize } = network;
  const wide = before.length;
  const atNormed = new Float64Array(wide);
  addTransposed(atNormed, atLogits, weights["classifier.weight"], member * wide * labels);
  const weight = weights["norm.weight"].subarray(member * wide, (member + 1) * wide);
  const atBefore = normalizeGradient(normed, scale, weight, atNormed).map(
    (value, place) => value * geluSlope(before[place]),
  );
  addTransposed(result, atBefore, weights["feed_forward.weight"], member * featureSize * wide);
  addTransposed(result, atLogits, weights["shortcut.weight"], member * featureSize * labels);
}

/**
 * Distribute the gradients of the features among the tokens, by their terms in each feature's sum.
 * @param {import("./local-wave.js").LocalWaveNetwork} network
 * @param {Int32Array} ids
 * @param {Float64Array} gradients
 * @param {Float64Array} features
 * @param {Float64Array} empty
 */
function distributed(network, ids, gradients, features, empty) {
  const { config, featureSize } = network;
  const size = config.hidden_size;
  const byToken = new Float64Array(ids.length);
  const byBigram = new Float64Array(ids.length);
  const tokenScale = 1 / Math.sqrt(ids.length);
  const changes = features.map((value, place) => value - empty[place]);
  let byLength = 0; // what the other scale of `[CLS]` changes
  for (let member = 0; member < config.members; member++) {
    const start = member * featureSize;
    const { own, local } = energiesOf(network, ids, member);
    for (let place = 0; place < size; place++) {
      const coherent = gradients[start + place];
      const terms = own.map((row) => row[place]);
      byLength += coherent * (tokenScale - 1) * terms[0];
      terms.forEach((u, token) => (byToken[token] += coherent * tokenScale * u));
      const ofOwn = start + size + place;
      spread(
        byToken,
        terms.map((u) => u * u),
        gradients[ofOwn] * changes[ofOwn],
      );
      const ofLocal = ofOwn + size;
      spread(
        byBigram,
        local.map((row) => row[place] ** 2),
        gradients[ofLocal] * changes[ofLocal],
      );
    }
    addBigramRows(network, ids, member, gradients.subarray(start + 3 * size), byBigram);
  }
  addAmongTokens(byToken, byBigram, "pair");
  if (network.linear) {
    const slopes = gradients.subarray(config.members * featureSize);
    byLength += byLinearPart(network.linear, ids, slopes, byToken);
  }
  const others = Math.max(ids.length - 1, 1);
  for (let token = 1; token < ids.length; token++) byToken[token] += byLength / others;
  byToken[0] = 0;
  return byToken;
}

/**
 * The variant u of each token, and the local wave of each token with the one before, of a member.
 * @param {import("./local-wave.js").LocalWaveNetwork} network
 * @param {Int32Array} ids
 * @param {number} member
 */
function energiesOf(network, ids, member) {
  const { config, width } = network;
  const size = config.hidden_size;
  const table = network.weights["embedding.weight"];
  const rowOf = (/** @type {number} */ id, /** @type {number} */ half) => {
    const start = id * 2 * width + half * width + member * size;
    return table.subarray(start, start + size);
  };
  const own = Array.from(ids, (id) => rowOf(id, 0));
  const local = Array.from(ids, (id, token) => {
    if (!token) return new Float64Array(size);
    const before = own[token - 1];
    return Float64Array.from(rowOf(id, 1), (v, place) =>
      config.operation === "modulation" ? v * before[place] : v + before[place],
    );
  });
  return { own, local };
}

/**
 * Share out the change of a root among the energies that were added to that of `[CLS]`.
 * @param {Float64Array} result
 * @param {number[]} energies
 * @param {number} change
 */
function spread(result, energies, change) {
  let sum = 0;
  for (let token = 1; token < energies.length; token++) sum += energies[token];
  if (sum <= TINY) return;
  for (let token = 1; token < energies.length; token++) {
    result[token] += (change * energies[token]) / sum;
  }
}

/**
 * @param {import("./local-wave.js").LocalWaveNetwork} network
 * @param {Int32Array} ids
 * @param {number} member
 * @param {Float64Array} gradients Those of the member's bigram features come first.
 * @param {Float64Array} byBigram
 */
function addBigramRows(network, ids, member, gradients, byBigram) {
  const { config, bigrams } = network;
  const columns = config.bigram_size;
  const scale = 1 / Math.sqrt(Math.max(ids.length - 1, 1));
  const table = network.weights["bigrams.weight"];
  const buckets = bigrams.of(ids);
  for (let last = 1; last < ids.length; last++) {
    const start = (buckets[last] * config.members + member) * columns;
    for (let place = 0; place < columns; place++) {
      byBigram[last] += gradients[place] * scale * table[start + place];
    }
  }
}

/**
 * Add the terms of the linear part.
 * @param {import("./linear-part.js").LinearPart} linear
 * @param {Int32Array} ids
 * @param {Float64Array} slopes
 * @param {Float64Array} byToken
 * @returns {number} What the other scale of `[CLS]` changes.
 */
function byLinearPart(linear, ids, slopes, byToken) {
  let ofCls = 0;
  for (const rows of linear.rowsOf(ids)) {
    const parts = new Float64Array(ids.length);
    for (let last = rows.reach; last < ids.length; last++) {
      const logits = new Float64Array(slopes.length);
      linear.add(logits, rows, last, last + 1, 1);
      parts[last] = logits.reduce((sum, logit, label) => sum + logit * slopes[label], 0);
    }
    if (!rows.kind) ofCls = parts[0] * (rows.scale - 1);
    addAmongTokens(
      byToken,
      parts.map((part) => part * rows.scale),
      rows.kind,
    );
  }
  return ofCls;
}

/**
 * Split each n-gram's part equally among its tokens, `[CLS]` left out.
 * @param {Float64Array} byToken
 * @param {Float64Array} parts Those of the n-grams that end at each token.
 * @param {string} [kind] Without one they are those of the tokens.
 */
function addAmongTokens(byToken, parts, kind) {
  const places = kind ? NGRAMS[kind].places : [0];
  for (let last = places[0]; last < parts.length; last++) {
    const share = parts[last] / (places.length - (last && last === places[0] ? 1 : 0));
    for (const place of places) byToken[last - place] += share;
  }
}
