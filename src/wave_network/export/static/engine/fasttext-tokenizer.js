// Texts to rows of a fastText model's table; text/fasttext_dictionary.py says the same.

import { ModelFolderError } from "./errors.js";
import { wellFormed } from "./unicode.js";

const WORD = /[^ \n\r\t\v\f\0]+/g;
const END = "</s>";
const LABEL = "__label__";
const START_OF_HASH = 2166136261;
const FACTOR = 116049371n;
const encoder = new TextEncoder();

/** The tokenizer of a model that fastText trained. Nothing of a text is cut. */
export class FastTextTokenizer {
  /** @param {any} content What `tokenizer.json` holds. */
  constructor(content) {
    if (content.type !== "fasttext") {
      throw new ModelFolderError("tokenizer.json is not that of a fastText model");
    }
    this.settings = content;
    // An entry that is not UTF-8 has half surrogate pairs, which no text has: it is never found.
    /** @type {Map<string, number>} */
    this.places = new Map();
    content.entries.forEach((/** @type {string} */ entry, /** @type {number} */ place) => {
      this.places.set(entry, place);
    });
    /** @type {Map<number, number> | undefined} */
    this.kept =
      content.kept &&
      new Map(
        content.kept[0].map((/** @type {number} */ bucket, /** @type {number} */ place) => {
          return [bucket, content.kept[1][place]];
        }),
      );
  }

  /** The word that ends each text; none if it is a label, as a strange file may have it. */
  get end() {
    return this.#isWord(END) ? [END] : [];
  }

  /**
   * Whether it belongs to the model.
   * @param {any} config The section `model` of `config.json`.
   */
  fits(config) {
    const { words, entries, longest, ngram, buckets, kept } = this.settings;
    const most = (/** @type {number} */ before, /** @type {number} */ row) =>
      Math.max(before, row + 1);
    const ofBuckets = longest > 0 || ngram > 1 ? (kept?.[1].reduce(most, 0) ?? buckets) : 0;
    return (
      words + ofBuckets <= config.vocab_size && entries.length - words === config.labels.length
    );
  }

  /**
   * The rows of a text: those of its words and of `</s>`, then those of its word n-grams.
   * @param {string} text
   */
  encode(text) {
    /** @type {number[]} */
    const rows = [];
    const words = [...this.#wordsOf(text).map(({ word }) => word), ...this.end];
    for (const word of words) this.#addRows(rows, word);
    for (const [, , row] of this.#ngrams(words)) rows.push(row);
    return Int32Array.from(rows);
  }

  /**
   * Sum values of the rows of a text by its words. That of a word n-gram is split equally among its
   * words; `</s>` gets none of it.
   * @param {string} text
   * @param {Float64Array} values
   */
  byToken(text, values) {
    const found = this.#wordsOf(text);
    const words = [...found.map(({ word }) => word), ...this.end];
    let place = 0;
    const sums = words.map((word) => {
      const rows = this.#addRows([], word).length;
      return values.subarray(place, (place += rows)).reduce((sum, value) => sum + value, 0);
    });
    for (const [first, stop] of this.#ngrams(words)) {
      const last = Math.min(stop, found.length);
      for (let word = first; word < last; word++) sums[word] += values[place] / (last - first);
      place++;
    }
    return found.map(({ start, end }, at) => ({ start, end, sum: sums[at] }));
  }

  /**
   * The words of a text up to `</s>`, labels left out.
   * @param {string} text
   */
  #wordsOf(text) {
    const words = [];
    for (const { 0: word, index } of wellFormed(text).matchAll(WORD)) {
      if (word === END) break;
      if (this.#isWord(word)) words.push({ word, start: index, end: index + word.length });
    }
    return words;
  }

  /** @param {string} word */
  #isWord(word) {
    const place = this.places.get(word);
    return place === undefined ? !word.startsWith(LABEL) : place < this.settings.words;
  }

  /**
   * Add the row of a word, if it is known, and those of its subwords.
   * @param {number[]} rows
   * @param {string} word
   */
  #addRows(rows, word) {
    const { words, shortest, longest } = this.settings;
    const place = this.places.get(word);
    if (place !== undefined && place < words) rows.push(place);
    if (word === END || longest <= 0) return rows;
    const bytes = encoder.encode(`<${word}>`);
    const starts = [];
    bytes.forEach((byte, at) => (byte & 0xc0) !== 0x80 && starts.push(at));
    starts.push(bytes.length);
    const count = starts.length - 1;
    for (let first = 0; first < count; first++) {
      const most = Math.min(longest, count - first);
      let hash = START_OF_HASH;
      for (let length = 1; length <= most; length++) {
        hash = hashed(bytes.subarray(starts[first + length - 1], starts[first + length]), hash);
        const isMark = length === 1 && (first === 0 || first === count - 1);
        const row = this.#rowOf(hash % this.settings.buckets);
        if (length >= shortest && !isMark && row !== undefined) rows.push(row);
      }
    }
    return rows;
  }

  /**
   * The word n-grams that have a row: the first word, the place after the last, and the row.
   * @param {string[]} words
   */
  *#ngrams(words) {
    const { ngram, buckets } = this.settings;
    if (ngram <= 1) return;
    // With a sign, in 64 bits.
    const hashes = words.map((word) => BigInt(hashed(encoder.encode(word)) | 0));
    for (let first = 0; first < words.length; first++) {
      let value = hashes[first];
      for (let stop = first + 2; stop <= Math.min(first + ngram, words.length); stop++) {
        value = BigInt.asUintN(64, value * FACTOR + hashes[stop - 1]);
        const row = this.#rowOf(Number(value % BigInt(buckets)));
        if (row !== undefined) yield [first, stop, row];
      }
    }
  }

  /**
   * The row of a bucket; undefined if the model was pruned and lost it.
   * @param {number} bucket
   */
  #rowOf(bucket) {
    const row = this.kept ? this.kept.get(bucket) : bucket;
    return row === undefined ? undefined : this.settings.words + row;
  }
}

/**
 * fastText's hash of 32 bits: FNV-1a, but with bytes that have signs.
 * @param {Uint8Array} bytes
 * @param {number} [hash] That of the bytes before.
 */
function hashed(bytes, hash = START_OF_HASH) {
  for (const byte of bytes) hash = Math.imul(hash ^ (byte < 128 ? byte : byte - 256), 16777619);
  return hash >>> 0;
}
