// Characters as the tokenizer of the Python package sees them, whatever Unicode this engine knows.

import {
  CONTROLS,
  MARKS,
  NEW_LETTERS,
  PUNCTUATION,
  UNNORMALIZED,
} from "./unicode-tables.js";

const isAscii = (/** @type {string} */ text) => /^[\0-\x7f]*$/.test(text);

export const isPunctuation = finder(PUNCTUATION);
export const isMark = finder(MARKS);
export const isControl = finder(CONTROLS);
const isUnnormalized = finder(UNNORMALIZED);

/**
 * A function that tells whether a code point is in one of the ranges of a table.
 * @param {string} table
 */
function finder(table) {
  /** @type {Uint32Array | undefined} */
  let bounds;
  return (/** @type {number} */ point) => {
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
 * Normalise a text. Characters that the library's Unicode version lacks stay, and nothing joins them.
 * @param {string} text
 * @param {"NFKC" | "NFD"} form
 */
export function normalized(text, form) {
  if (isAscii(text)) return text;
  let result = "";
  let start = 0;
  for (let place = 0; place < text.length; ) {
    const point = /** @type {number} */ (text.codePointAt(place));
    const end = place + (point > 0xffff ? 2 : 1);
    if (point > 0x7f && isUnnormalized(point)) {
      result += text.slice(start, place).normalize(form) + text.slice(place, end);
      start = end;
    }
    place = end;
  }
  return result + text.slice(start).normalize(form);
}

/**
 * Lower-case each character by itself: a sigma at the end of a word is like any other.
 * @param {string} text
 */
export function lowered(text) {
  if (isAscii(text)) return text.toLowerCase();
  let result = "";
  for (const character of text) result += loweredCharacter(character);
  return result;
}

/** @param {string} character */
function loweredCharacter(character) {
  const point = /** @type {number} */ (character.codePointAt(0));
  for (const [first, last, step, offset] of NEW_LETTERS) {
    if (point < first) break;
    if (point <= last && (point - first) % step === 0) return String.fromCodePoint(point + offset);
  }
  return character.toLowerCase();
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
