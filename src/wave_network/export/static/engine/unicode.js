// Characters as the tokenizer of the Python package sees them, whatever Unicode this engine knows.

import { CONTROLS, MARKS, NEW_LETTERS, PUNCTUATION, UNNORMALIZED } from "./unicode-tables.js";

/** @param {string} character */
export function isAscii(character) {
  return character <= "\x7f";
}

export const isPunctuation = finder(PUNCTUATION);
export const isMark = finder(MARKS);
export const isControl = finder(CONTROLS);
const isNewer = finder(UNNORMALIZED);

/**
 * A function that tells whether a character is in one of the ranges of a table.
 * @param {string} table
 */
function finder(table) {
  /** @type {Uint32Array | undefined} */
  let bounds;
  return (/** @type {string} */ character) => {
    const point = pointOf(character);
    bounds ??= decoded(table);
    let low = 0;
    let high = bounds.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (bounds[middle] <= point) low = middle + 1;
      else high = middle;
    }
    return low % 2 === 1;
  };
}

/** @param {string} table */
function decoded(table) {
  let place = 0;
  return Uint32Array.from(table.split(","), (gap) => (place += parseInt(gap, 36)));
}

/**
 * Normalise a character; one that the library's version of Unicode lacks stays as it is.
 * @param {string} character
 * @param {"NFD" | "NFKD"} form
 */
export function normalized(character, form) {
  return isUnnormalized(character) ? character : character.normalize(form);
}

/** @param {string} character */
export function isUnnormalized(character) {
  return !isAscii(character) && isNewer(character);
}

/**
 * Lower-case a character by itself: a sigma at the end of a word is like any other.
 * @param {string} character
 */
export function loweredCharacter(character) {
  if (isAscii(character)) return character.toLowerCase();
  const point = pointOf(character);
  for (const [first, last, step, offset] of NEW_LETTERS) {
    if (point < first) break;
    if (point <= last && (point - first) % step === 0) return String.fromCodePoint(point + offset);
  }
  return character.toLowerCase();
}

/** @param {string} character */
function pointOf(character) {
  return /** @type {number} */ (character.codePointAt(0));
}

/**
 * Join surrogate pairs, and replace remaining halves by U+FFFD.
 * @param {string} text
 */
export function wellFormed(text) {
  return text.replace(/\p{Surrogate}/gu, "\ufffd");
}

/**
 * The first characters (code points) of a text.
 * @param {string} text
 * @param {number} most
 */
export function clipped(text, most) {
  if (text.length <= most) return text;
  let place = 0;
  for (let count = 0; count < most && place < text.length; count++) {
    place += /** @type {number} */ (text.codePointAt(place)) > 0xffff ? 2 : 1;
  }
  return text.slice(0, place);
}

/**
 * The number of characters (code points) of a text.
 * @param {string} text
 */
export function characterCount(text) {
  let count = 0;
  for (let place = 0; place < text.length; place++, count++) {
    if (/** @type {number} */ (text.codePointAt(place)) > 0xffff) place++;
  }
  return count;
}
