// Texts as characters that know where they come from, through normalisation.

import { isAscii, isUnnormalized, loweredCharacter, normalized } from "./unicode.js";

/**
 * A character, and the place in the original text that it stands for.
 * @typedef {{ character: string, start: number, end: number }} Place
 */

/**
 * A character of a changed text. A change of 0 stands for one character of the text before; each 1
 * less for a further one, which is gone; 1 for a character that is added to the one before.
 * @typedef {{ character: string, change: number }} Change
 */

// A mark of each combining class, in order: how two marks are ordered tells their classes.
const CLASSES = [
  ..."\u0334\u093c\u3099\u094d\u05b0\u05b1\u05b2\u05b3\u05b4\u05b5\u05b6\u05b7\u05b8\u05b9\u05bb",
  ..."\u05bc\u05bd\u05bf\u05c1\u05c2\ufb1e\u064b\u064c\u064d\u0618\u0619\u061a\u0651\u0652\u0670",
  ..."\u0711\u0c55\u0c56\u0e38\u0e48\u0eb8\u0ec8\u0f71\u0f72\u0f74\u0321\u1dce\u031b\u302a\u0316",
  ..."\u059a\u302e\u{1d16d}\u05ae\u0300\u0315\u035c\u035d\u0345",
];
const HIGHEST = CLASSES[CLASSES.length - 1];
/** @type {Map<string, number>} */
const classes = new Map();
const CLASSES_KEPT = 4_096;

/**
 * The characters of a text.
 * @param {string} text
 * @returns {Place[]}
 */
export function placesOf(text) {
  let end = 0;
  return Array.from(text, (character) => ({
    character,
    start: end,
    end: (end += character.length),
  }));
}

/** @param {Place[]} places */
export function joined(places) {
  return places.map(({ character }) => character).join("");
}

/**
 * Apply changes, in the order of the text.
 * @param {Place[]} places
 * @param {Change[]} changes
 * @returns {Place[]}
 */
export function changed(places, changes) {
  let next = 0;
  return changes.map(({ character, change }) => {
    const { start, end } = places[change > 0 ? next - 1 : next] ?? {
      start: 0,
      end: 0,
    };
    if (change <= 0) next += 1 - change;
    return { character, start, end };
  });
}

/**
 * Change each character to a text, which may be empty.
 * @param {Place[]} places
 * @param {(character: string) => string} change
 * @returns {Place[]}
 */
export function mapped(places, change) {
  return places.flatMap(({ character, start, end }) =>
    Array.from(change(character), (changed) => ({
      character: changed,
      start,
      end,
    })),
  );
}

/** @param {Place[]} places */
export function lowered(places) {
  return mapped(places, loweredCharacter);
}

/** @param {Place[]} places */
export function nfd(places) {
  return changed(places, decomposed(places, "NFD"));
}

/** @param {Place[]} places */
export function nfkc(places) {
  return changed(places, composed(decomposed(places, "NFKD")));
}

/**
 * @param {Place[]} places
 * @param {"NFD" | "NFKD"} form
 */
function decomposed(places, form) {
  /** @type {Change[]} */
  const changes = [];
  let start = 0; // of the marks at the end
  const order = () => {
    if (changes.length - start > 1) {
      const marks = changes.splice(start);
      marks.sort((one, other) => classOf(one.character) - classOf(other.character));
      for (const mark of marks) changes.push(mark);
    }
  };
  for (const place of places) {
    let change = 0;
    for (const character of normalized(place.character, form)) {
      if (!classOf(character)) {
        order();
        start = changes.length + 1;
      }
      changes.push({ character, change });
      change = 1;
    }
  }
  order();
  return changes;
}

/**
 * Compose characters with the marks that follow them, unless a mark of their class lies between.
 * @param {Change[]} changes
 */
function composed(changes) {
  /** @type {Change[]} */
  const result = [];
  let first = -1; // the place of the character that marks join
  let last = 0; // the class of the mark before
  for (const { character, change } of changes) {
    const own = classOf(character);
    const isNext = result.length - 1 === first;
    const both =
      first >= 0 && (isNext || (own && last < own)) && pair(result[first].character, character);
    if (both) {
      result[first] = {
        character: both,
        change: result[first].change + change - 1,
      };
      continue;
    }
    if (!own) first = result.length;
    last = own;
    result.push({ character, change });
  }
  return result;
}

/**
 * The character that two compose to; undefined if they do not.
 * @param {string} first
 * @param {string} second
 */
function pair(first, second) {
  if (isUnnormalized(first) || isUnnormalized(second)) return undefined;
  const both = (first + second).normalize("NFC");
  return both.length < first.length + second.length && [...both].length === 1 ? both : undefined;
}

/**
 * The combining class of a character, as a rank; 0 of one that is not a mark.
 * @param {string} character
 */
function classOf(character) {
  if (isAscii(character) || isUnnormalized(character)) return 0;
  let rank = classes.get(character);
  if (rank === undefined) {
    rank = 0;
    const isMark = character === HIGHEST || swaps(HIGHEST, character);
    while (isMark && swaps(character, CLASSES[rank])) rank++;
    if (isMark) rank++;
    if (classes.size >= CLASSES_KEPT) classes.clear();
    classes.set(character, rank);
  }
  return rank;
}

/**
 * Whether two characters change places: then both are marks, the first of a higher class.
 * @param {string} first
 * @param {string} second
 */
function swaps(first, second) {
  return (first + second).normalize("NFD") !== first + second;
}
