// Byte pair encoding on the bytes of UTF-8, as the `tokenizers` library merges them.

import { ModelFolderError } from "./errors.js";

/** @typedef {import("./alignment.js").Place} Place */

const WORD_START = "\u0120"; // the letter for the space before a word
const LETTERS = byteLetters();
const BYTES = new Map([...LETTERS].map((letter, byte) => [letter, byte]));
const encoder = new TextEncoder();

/** The letter of each byte: itself if it is visible (as in GPT-2). */
function byteLetters() {
  let invisible = 256;
  let letters = "";
  for (let byte = 0; byte < 256; byte++) {
    const visible = (byte > 32 && byte < 127) || (byte > 160 && byte !== 173);
    letters += String.fromCharCode(visible ? byte : invisible++);
  }
  return letters;
}

/**
 * Spell a text in the letters of its bytes.
 * @param {string} text
 */
function spelled(text) {
  if (/^[!-~]*$/.test(text)) return text;
  let letters = "";
  for (const byte of encoder.encode(text)) letters += LETTERS[byte];
  return letters;
}

/**
 * The bytes of a vocabulary's entry.
 * @param {string} entry
 */
export function bytesOf(entry) {
  return Uint8Array.from(entry, (letter) => BYTES.get(letter) ?? 63);
}

/** Whole words first, then the pieces that merges give. */
export class BytePairs {
  /**
   * @param {any} model The section `model` of `tokenizer.json`.
   * @param {Map<string, number>} vocabulary
   * @param {number} size Above every id.
   */
  constructor(model, vocabulary, size) {
    if (!model.ignore_merges || model.dropout || model.unk_token || model.byte_fallback) {
      throw new ModelFolderError("its byte pair encoding is not one that Wave Network trained");
    }
    this.vocabulary = vocabulary;
    this.size = size;
    this.written = model.merges;
    /** @type {Map<number, { rank: number, id: number }> | undefined} */
    this.merges = undefined;
  }

  /**
   * The ids of a word's pieces.
   * @param {string} word Not empty; the space before it is added.
   */
  encode(word) {
    const letters = WORD_START + spelled(word);
    const id = this.vocabulary.get(letters);
    return id === undefined ? this.#merged(letters) : [id];
  }

  /**
   * The character of each letter that `encode` reads: as many as its UTF-8 has bytes, and the first
   * one again for the space before the word.
   * @param {Place[]} places
   */
  units(places) {
    const units = places.flatMap((place) => {
      return Array(encoder.encode(place.character).length).fill(place);
    });
    return [units[0], ...units];
  }

  /**
   * How many letters an entry of the vocabulary stands for.
   * @param {string} entry
   */
  lengthOf(entry) {
    return entry.length;
  }

  /** @param {string} letters */
  #merged(letters) {
    const merges = (this.merges ??= this.#readMerges());
    const ids = [];
    for (const letter of letters) {
      const id = this.vocabulary.get(letter);
      if (id !== undefined) ids.push(id);
    }
    return mergedPairs(ids, merges, this.size);
  }

  #readMerges() {
    const merges = new Map();
    this.written.forEach((/** @type {string | string[]} */ pair, /** @type {number} */ rank) => {
      const [left, right] = typeof pair === "string" ? pair.split(" ") : pair;
      const ids = [left, right, left + right].map((entry) => this.vocabulary.get(entry));
      const [first, second, id] = /** @type {number[]} */ (ids);
      merges.set(first * this.size + second, { rank, id });
    });
    return merges;
  }
}

/**
 * Merge neighbours, the pair of the lowest rank first and of equal ones the leftmost.
 * @param {number[]} ids
 * @param {Map<number, { rank: number, id: number }>} merges
 * @param {number} size
 */
function mergedPairs(ids, merges, size) {
  const count = ids.length;
  const next = Int32Array.from(ids, (_, place) => place + 1);
  const before = Int32Array.from(ids, (_, place) => place - 1);
  const waiting = new Heap();
  const pairAt = (/** @type {number} */ place) =>
    next[place] < count ? merges.get(ids[place] * size + ids[next[place]]) : undefined;
  const offer = (/** @type {number} */ place) => {
    const merge = pairAt(place);
    if (merge) waiting.push(merge.rank * (count + 1) + place, merge.id);
  };
  for (let place = 0; place < count; place++) offer(place);
  while (waiting.size) {
    const { key, id } = waiting.pop();
    const place = key % (count + 1);
    // It may be merged already, or have another neighbour by now.
    if (ids[place] < 0 || pairAt(place)?.id !== id) continue;
    const gone = next[place];
    ids[place] = id;
    ids[gone] = -1;
    next[place] = next[gone];
    if (next[place] < count) before[next[place]] = place;
    if (before[place] >= 0) offer(before[place]);
    offer(place);
  }
  return ids.filter((id) => id >= 0);
}

/** A binary heap: the lowest key comes first. */
class Heap {
  /** @type {{ key: number, id: number }[]} */
  #items = [];

  get size() {
    return this.#items.length;
  }

  /**
   * @param {number} key
   * @param {number} id
   */
  push(key, id) {
    const items = this.#items;
    let place = items.length;
    items.push({ key, id });
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (items[parent].key <= key) break;
      items[place] = items[parent];
      place = parent;
    }
    items[place] = { key, id };
  }

  pop() {
    const items = this.#items;
    const top = items[0];
    const last = /** @type {{ key: number, id: number }} */ (items.pop());
    let place = 0;
    for (let child = 1; child < items.length; child = 2 * place + 1) {
      if (child + 1 < items.length && items[child + 1].key < items[child].key) child++;
      if (items[child].key >= last.key) break;
      items[place] = items[child];
      place = child;
    }
    if (items.length) items[place] = last;
    return top;
  }
}
