// Where the tokens of a text are, in whole visible characters; text/spans.py says the same.

import { wellFormed } from "./unicode.js";

const JOINER = "\u200d";
const FLAG = /[\u{1f1e6}-\u{1f1ff}]{2}/gu;
const FLAG_LETTER = /^[\u{1f1e6}-\u{1f1ff}]/u;
// Marks, joiner, skin tones, conjoining Hangul vowels and endings, and AM of Thai and Lao.
const EXTENDS = /^[\p{M}\u200d\u{1f3fb}-\u{1f3ff}\u1160-\u11ff\u0e33\u0eb3]/u;

/**
 * A part of a text, from `start` to `end`, and its tokens, from `first` up to but without `last`.
 * @typedef {{ start: number, end: number, first: number, last: number }} Span
 */

/**
 * The spans of the tokens of a text that are read, `[CLS]` not counted.
 * @param {import("./tokenizer.js").Tokenizer} tokenizer
 * @param {string} text
 * @returns {Span[]}
 */
export function spansOf(tokenizer, text) {
  const most = tokenizer.maxLength - 1;
  const spans = [];
  let place = 0;
  let count = 0;
  for (const word of tokenizer.wordsOf(text)) {
    const ofWord = wholeSpans(word, tokenizer.piecesOf(wellFormed(word)));
    for (const { start, end, first, last } of ofWord) {
      spans.push({
        start: place + start,
        end: place + end,
        first: count + first,
        last: count + last,
      });
    }
    place += word.length + 1;
    count += ofWord.at(-1)?.last ?? 0;
    if (count >= most) break;
  }
  return spans
    .filter(({ first }) => first < most)
    .map((span) => ({ ...span, last: Math.min(span.last, most) }));
}

/**
 * Merge pieces, so that no span overlaps another or starts within a visible character.
 * @param {string} text
 * @param {{ start: number, end: number }[]} pieces
 */
function wholeSpans(text, pieces) {
  /** @type {Span[]} */
  const spans = [];
  const secondLetters = new Set(Array.from(text.matchAll(FLAG), (flag) => flag.index + 2));
  pieces.forEach(({ start, end }, index) => {
    let span = {
      start,
      end: Math.max(start, end),
      first: index,
      last: index + 1,
    };
    while (spans.length && belongTogether(text, secondLetters, spans[spans.length - 1], span)) {
      span = union(/** @type {Span} */ (spans.pop()), span);
    }
    spans.push(span);
  });
  return spans.map((span, index) => withRest(text, span, spans[index + 1]?.start ?? text.length));
}

/**
 * @param {string} text
 * @param {Set<number>} secondLetters
 * @param {Span} before
 * @param {Span} span
 */
function belongTogether(text, secondLetters, before, span) {
  return (
    before.start === before.end ||
    span.start === span.end ||
    span.start < before.end ||
    (span.start === before.end && continues(text, secondLetters, span.start))
  );
}

/**
 * @param {Span} before
 * @param {Span} span
 */
function union(before, span) {
  const shown = [before, span].filter(({ start, end }) => start < end);
  const parts = shown.length ? shown : [before];
  return {
    start: Math.min(...parts.map(({ start }) => start)),
    end: Math.max(...parts.map(({ end }) => end)),
    first: before.first,
    last: span.last,
  };
}

/**
 * Whether a character belongs to the visible character before it.
 * @param {string} text
 * @param {Set<number>} secondLetters Where the second letters of flags are.
 * @param {number} place
 */
function continues(text, secondLetters, place) {
  const rest = text.slice(place, place + 2);
  if (FLAG_LETTER.test(rest)) return secondLetters.has(place);
  return text[place - 1] === JOINER || EXTENDS.test(rest);
}

/**
 * Extend a span over what normalisation merged into its last character, such as an accent.
 * @param {string} text
 * @param {Span} span
 * @param {number} limit
 */
function withRest(text, span, limit) {
  let { end } = span;
  while (span.start < end && end < limit && EXTENDS.test(text.slice(end, end + 2))) {
    end += /** @type {number} */ (text.codePointAt(end)) > 0xffff ? 2 : 1;
  }
  return { ...span, end };
}
