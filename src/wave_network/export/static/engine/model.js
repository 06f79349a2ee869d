// A classifier for texts, from the files of a model folder.

import { attribute } from "./attribution.js";
import { ConfigError, DataError, ModelFolderError } from "./errors.js";
import { FastTextTokenizer } from "./fasttext-tokenizer.js";
import { fastTextFeatures, FastTextNetwork } from "./fasttext.js";
import { localWaveFeatures } from "./local-wave-attribution.js";
import { LocalWaveNetwork } from "./local-wave.js";
import { probabilitiesOf, sigmoid } from "./numerics.js";
import { energyOf, OutOfScope } from "./out-of-scope.js";
import { Prediction } from "./prediction.js";
import { readWeights } from "./safetensors.js";
import { Tokenizer } from "./tokenizer.js";
import { characterCount } from "./unicode.js";
import { waveFeatures } from "./wave-attribution.js";
import { WaveNetwork, wavesOf } from "./wave.js";

/**
 * A family of models. Without `variants` it has no waves, and its answers are probabilities.
 * @typedef {object} Family
 * @property {any} Network
 * @property {typeof Tokenizer | typeof FastTextTokenizer} Tokenizer
 * @property {(network: any, ids: Int32Array, empty: Int32Array) =>
 *   import("./attribution.js").TextFeatures} features
 */

/** @type {Map<string, Family>} */
const FAMILIES = new Map();
FAMILIES.set("local-wave", { Network: LocalWaveNetwork, Tokenizer, features: localWaveFeatures });
FAMILIES.set("wave", { Network: WaveNetwork, Tokenizer, features: waveFeatures });
FAMILIES.set("fasttext", {
  Network: FastTextNetwork,
  Tokenizer: FastTextTokenizer,
  features: fastTextFeatures,
});
const STEPS = 1_000; // coverages have steps of a thousandth

/** A trained classifier; the same as `wave_network.load` in Python. */
export class Model {
  /** @param {import("./folder.js").ModelFiles} files */
  constructor({ config, bits, weights, tokenizer, conformalThresholds, outOfScope }) {
    const { model } = config;
    const family = FAMILIES.get(config.architecture ?? "wave");
    if (!family) {
      throw new ModelFolderError(`models of the family ${config.architecture} are not read here`);
    }
    this.family = family;
    const { Network } = family;
    this.labels = model.labels;
    this.multiLabel = model.problem_type === "multi_label_classification";
    this.maxLength = model.max_length;
    this.config = model;
    this.temperature = config.calibration?.temperature ?? 1;
    this.tokenizer = new family.Tokenizer(tokenizer, model.max_length);
    if (!this.tokenizer.fits(model)) {
      throw new ModelFolderError("tokenizer.json and config.json belong to different models");
    }
    this.network = new Network(model, readWeights(weights, Network.specs(model), bits));
    /** Whether tokens are waves; a model that fastText trained has none. */
    this.hasWaves = this.network.variants !== undefined;
    this.conformalThresholds = conformalThresholds;
    this.outOfScope = outOfScope && new OutOfScope(outOfScope);
  }

  /**
   * Classify texts.
   * @param {Iterable<string>} texts
   * @param {{ threshold?: number, outOfScope?: boolean }} [options]
   */
  predict(texts, { threshold = 0, outOfScope = false } = {}) {
    if (!(threshold >= 0 && threshold <= 1)) {
      throw new ConfigError(`threshold must be between 0 and 1; got ${threshold}`);
    }
    if (outOfScope && !this.outOfScope) {
      throw new ConfigError("this model has no out-of-scope score: train it again");
    }
    return checked(texts).map((text) => {
      const { ids, logits, probabilities } = this.#answer(text);
      const places = this.#answers(probabilities, threshold);
      const unusual = outOfScope ? this.#unusual(text, ids, logits) : undefined;
      return new Prediction(this.labels, probabilities, places, unusual);
    });
  }

  /**
   * The probability of each label for each text, in the order of `labels`.
   * @param {Iterable<string>} texts
   */
  predictProba(texts) {
    return checked(texts).map((text) => this.#answer(text).probabilities);
  }

  /**
   * For each text a set of labels that holds the true one with a given frequency.
   * @param {Iterable<string>} texts
   * @param {number} [coverage]
   */
  predictSets(texts, coverage = 0.9) {
    const threshold = this.conformalThreshold(coverage);
    return this.predict(texts).map((prediction) => prediction.reaching(threshold));
  }

  /**
   * The lowest probability of a label in a prediction set of that coverage.
   * @param {number} coverage
   */
  conformalThreshold(coverage) {
    if (this.multiLabel) throw new ConfigError("prediction sets are for single-label models");
    if (!(coverage > 0 && coverage < 1)) {
      throw new ConfigError(`coverage must be between 0 and 1; got ${coverage}`);
    }
    const thresholds = this.conformalThresholds ?? [];
    const step = Math.ceil(Number((STEPS * coverage).toFixed(6)));
    if (step > thresholds.length) {
      throw new ConfigError(
        thresholds.length
          ? `coverage ${coverage} needs more validation texts: at most ${thresholds.length / STEPS}`
          : "this model has no prediction sets: it had no validation texts",
      );
    }
    return thresholds[step - 1];
  }

  /**
   * Explain an answer: how much does each token of the text contribute?
   * @param {string} text
   * @param {{ label?: string | number | boolean }} [options] By default the most probable label.
   */
  explain(text, { label } = {}) {
    const [checkedText] = checked([text]);
    const place = label === undefined ? undefined : this.labels.indexOf(label);
    if (place === -1) throw new DataError(`no label ${JSON.stringify(label)}`);
    const { network, tokenizer, hasWaves } = this;
    const ids = tokenizer.encode(checkedText).slice();
    const features = this.family.features(network, ids, tokenizer.encode("").slice());
    // fastText rounds its probabilities: the highest logit may share the highest of them.
    const rounded = hasWaves ? undefined : this.network.logits(ids);
    const found = attribute(
      features,
      place ?? rounded?.indexOf(Math.max(...rounded)),
      this.temperature,
      network.independent ?? this.multiLabel,
    );
    const energies = hasWaves ? energyShares(network.variants(ids)) : new Float64Array(ids.length);
    const shares = tokenizer.byToken(checkedText, energies);
    const tokens = tokenizer
      .byToken(checkedText, found.tokens)
      .map(({ start, end, sum: attribution }, at) => ({
        token: checkedText.slice(start, end),
        start,
        end,
        attribution,
        energy: shares[at].sum,
      }));
    return {
      text,
      label: this.labels[found.label],
      score: rounded ? rounded[found.label] : sigmoid(found.logOdds),
      logOdds: found.logOdds,
      baseline: found.baseline,
      tokens,
    };
  }

  /**
   * The tokens of a text, and both waves of each in the first layer, not yet combined.
   * @param {string} text
   */
  waves(text) {
    const [checkedText] = checked([text]);
    if (!this.hasWaves) throw new ConfigError("a fastText model has no waves");
    const ids = this.tokenizer.encode(checkedText).slice();
    const { values, columns } = this.network.variants(ids);
    const [first, second] = wavesOf(values, columns / 2);
    return {
      tokens: /** @type {Tokenizer} */ (this.tokenizer).tokens(ids),
      dimensions: columns / 2,
      first,
      second,
    };
  }

  /** @param {string} text */
  #answer(text) {
    const ids = this.tokenizer.encode(text);
    const logits = this.network.logits(ids);
    if (!logits.every(Number.isFinite)) {
      throw new ModelFolderError("the model's answers are not finite: it is damaged");
    }
    if (!this.hasWaves) return { ids, logits, probabilities: logits };
    const { temperature } = this;
    const scaled = logits.map((/** @type {number} */ logit) => logit / temperature);
    const probabilities = probabilitiesOf(scaled, this.multiLabel);
    return { ids, logits, probabilities };
  }

  /**
   * The places of the labels that a text gets, the most probable first.
   * @param {Float32Array} probabilities
   * @param {number} threshold
   */
  #answers(probabilities, threshold) {
    if (!this.multiLabel) {
      let best = 0;
      probabilities.forEach((value, place) => {
        if (value > probabilities[best]) best = place;
      });
      return probabilities[best] >= threshold ? [best] : [];
    }
    const own = this.config.thresholds;
    const places = [];
    for (let place = 0; place < probabilities.length; place++) {
      if (probabilities[place] >= Math.max(own ? own[place] : 0.5, threshold)) places.push(place);
    }
    return places.sort((one, other) => probabilities[other] - probabilities[one]);
  }

  /**
   * @param {string} text
   * @param {Int32Array} ids
   * @param {Float64Array} logits
   */
  #unusual(text, ids, logits) {
    const characters = ids.length < this.maxLength ? characterCount(text) : 0;
    return this.outOfScope?.score(ids, characters, energyOf(logits, this.multiLabel));
  }
}

/**
 * @param {Iterable<string>} texts
 * @returns {string[]}
 */
function checked(texts) {
  if (typeof texts === "string") throw new DataError("give a list of texts, not a single string");
  return Array.from(texts, (text, place) => {
    if (typeof text !== "string") throw new DataError(`text ${place} is not a string`);
    return text;
  });
}

/**
 * Each token's share of its text's energy, averaged over the dimensions.
 * @param {{ values: Float64Array, columns: number }} variants
 */
function energyShares({ values, columns }) {
  const totals = new Float64Array(columns);
  values.forEach((value, place) => (totals[place % columns] += value ** 2));
  const shares = new Float64Array(values.length / columns);
  values.forEach((value, place) => {
    const total = totals[place % columns];
    if (total > 0) shares[Math.floor(place / columns)] += value ** 2 / total / columns;
  });
  return shares;
}
