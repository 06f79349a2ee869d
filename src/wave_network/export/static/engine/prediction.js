// The answer for a text.

/** @typedef {string | number | boolean} Label */

/** The answer for one text. */
export class Prediction {
  #labels;
  #probabilities;

  /**
   * @param {Label[]} labels All labels of the model.
   * @param {Float32Array} probabilities
   * @param {number[]} places Of the labels that the text gets, the most probable first.
   * @param {number | undefined} outOfScope
   */
  constructor(labels, probabilities, places, outOfScope) {
    this.#labels = labels;
    this.#probabilities = probabilities;
    /** The most probable label; null if its probability is below the threshold. */
    this.label = places.length ? labels[places[0]] : null;
    /** The probability of `label`; without one, the highest probability. */
    this.score = places.length ? probabilities[places[0]] : Math.max(...probabilities);
    /** All labels of the text, the most probable first. */
    this.labels = places.map((place) => labels[place]);
    /** The share of known texts that are less unusual; undefined unless asked for. */
    this.outOfScope = outOfScope;
  }

  /** The probability of every label, the highest first. */
  get scores() {
    const places = Array.from(this.#labels, (_, place) => place);
    places.sort((one, other) => this.#probabilities[other] - this.#probabilities[one]);
    return new Map(places.map((place) => [this.#labels[place], this.#probabilities[place]]));
  }

  /**
   * The labels whose probability reaches a threshold, the most probable first.
   * @param {number} threshold
   */
  reaching(threshold) {
    return [...this.scores].filter(([, score]) => score >= threshold).map(([label]) => label);
  }
}
