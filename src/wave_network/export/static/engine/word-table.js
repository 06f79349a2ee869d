// The ids of words seen before: words recur, and looking one up is faster than encoding it again.

const MOST_WORDS = 131_072;
const LONGEST_WORD = 128;
const FIRST_SLOTS = 4_096;
const FIELDS = 4; // of a slot: hash, where the letters start, how many (0: empty), value
const MOST_PROBES = 32;
const PRIME = 0x01000193;

/**
 * A hash table whose keys are parts of texts, so that looking one up makes no string. It is emptied
 * when it is full.
 */
export class WordTable {
  #seed = (Math.random() * 2 ** 32) | 0; // so that nobody can craft words of the same hash
  #slots = new Int32Array(FIRST_SLOTS * FIELDS);
  #letters = new Uint16Array(FIRST_SLOTS * 8);
  /** @type {number[][]} Those of words of several tokens, or of none. */
  #lists = [];
  #end = 0;
  size = 0;

  /**
   * Call a function with the ids of each word of a text, until it returns true.
   * @param {string} text
   * @param {(word: string) => number[]} encode Gives the ids of a word that is new.
   * @param {(ids: number | number[]) => boolean} visit Is given a number for a word of one token.
   */
  eachWord(text, encode, visit) {
    let hash = this.#seed;
    let start = 0;
    for (let place = 0; place <= text.length; place++) {
      const unit = place < text.length ? text.charCodeAt(place) : 32;
      if (unit !== 32 && unit !== 10) {
        hash = Math.imul(hash ^ unit, PRIME);
        continue;
      }
      if (start < place && visit(this.#find(text, start, place, hash, encode))) return;
      start = place + 1;
      hash = this.#seed;
    }
  }

  /**
   * @param {string} text
   * @param {number} start
   * @param {number} end
   * @param {number} hash
   * @param {(word: string) => number[]} encode
   */
  #find(text, start, end, hash, encode) {
    const slots = this.#slots;
    let slot = this.#home(hash);
    for (let probe = 0; probe < MOST_PROBES && slots[slot + 2]; probe++) {
      if (slots[slot] === hash && this.#isAt(slots[slot + 1], slots[slot + 2], text, start, end)) {
        const value = slots[slot + 3];
        return value < 0 ? this.#lists[~value] : value;
      }
      slot = (slot + FIELDS) % slots.length;
    }
    const ids = encode(text.slice(start, end));
    if (end - start <= LONGEST_WORD) this.#add(text, start, end, hash, ids);
    return ids;
  }

  /** @param {number} hash */
  #home(hash) {
    const mixed = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
    return ((mixed ^ (mixed >>> 13)) & (this.#slots.length / FIELDS - 1)) * FIELDS;
  }

  /**
   * @param {number} first
   * @param {number} length
   * @param {string} text
   * @param {number} start
   * @param {number} end
   */
  #isAt(first, length, text, start, end) {
    if (length !== end - start) return false;
    const letters = this.#letters;
    for (let place = 0; place < length; place++) {
      if (letters[first + place] !== text.charCodeAt(start + place)) return false;
    }
    return true;
  }

  /**
   * @param {string} text
   * @param {number} start
   * @param {number} end
   * @param {number} hash
   * @param {number[]} ids
   */
  #add(text, start, end, hash, ids) {
    if (this.size >= MOST_WORDS) this.#empty();
    if (2 * this.size >= this.#slots.length / FIELDS) this.#grow();
    if (this.#end + LONGEST_WORD > this.#letters.length) {
      const letters = new Uint16Array(2 * this.#letters.length);
      letters.set(this.#letters);
      this.#letters = letters;
    }
    const value = ids.length === 1 ? ids[0] : ~(this.#lists.push(ids) - 1);
    this.#place(hash, this.#end, end - start, value);
    for (let place = start; place < end; place++)
      this.#letters[this.#end++] = text.charCodeAt(place);
    this.size++;
  }

  /**
   * Put a word in the first slot that is free; after many that are not, in place of another.
   * @param {number} hash
   * @param {number} first
   * @param {number} length
   * @param {number} value
   */
  #place(hash, first, length, value) {
    const slots = this.#slots;
    let slot = this.#home(hash);
    for (let probe = 0; probe < MOST_PROBES - 1 && slots[slot + 2]; probe++) {
      slot = (slot + FIELDS) % slots.length;
    }
    slots.set([hash, first, length, value], slot);
  }

  #grow() {
    const old = this.#slots;
    this.#slots = new Int32Array(2 * old.length);
    for (let slot = 0; slot < old.length; slot += FIELDS) {
      const [hash, first, length, value] = old.subarray(slot, slot + FIELDS);
      if (length) this.#place(hash, first, length, value);
    }
  }

  #empty() {
    this.#slots.fill(0);
    this.#lists = [];
    this.#end = this.size = 0;
  }
}
