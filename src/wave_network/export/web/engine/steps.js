// The steps of a `tokenizer.json` before its model: a text is normalised and split into words.

import { ModelFolderError } from "./errors.js";
import { isControl, isMark, isPunctuation, lowered, normalized } from "./unicode.js";

const BLANK = /\p{White_Space}/u;
const BLANKS = /\p{White_Space}+/gu;
const AROUND = /^\p{White_Space}+|\p{White_Space}+$/gu;
const IDEOGRAPH =
  /[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u{20000}-\u{2a6df}\u{2a700}-\u{2ceaf}\u{2f800}-\u{2fa1f}]/gu;

/** @typedef {(text: string) => string} Normalizer */
/** @typedef {(words: string[]) => string[]} Splitter */

/** @type {Record<string, (step: any) => Normalizer | undefined>} */
const NORMALIZERS = {
  NFKC: () => (text) => normalized(text, "NFKC"),
  Lowercase: () => lowered,
  Replace: (step) =>
    step.pattern?.Regex === "\\s+" && step.content === " "
      ? (text) => text.replace(BLANKS, " ")
      : undefined,
  Strip: (step) =>
    step.strip_left && step.strip_right ? (text) => text.replace(AROUND, "") : undefined,
  BertNormalizer: bertNormalizer,
};

/** @type {Record<string, (step: any) => Splitter | undefined>} */
const SPLITTERS = {
  BertPreTokenizer: () => (words) => words.flatMap(splitAtPunctuation),
  Metaspace: (step) =>
    step.prepend_scheme === "always" && !step.split ? marker(step.replacement) : undefined,
  Split: (step) =>
    // Without escapes, a pattern means the same to every engine.
    step.behavior === "Isolated" && !step.invert && !/[\\.^$]/.test(step.pattern?.Regex ?? ".")
      ? splitter(step.pattern.Regex)
      : undefined,
  ByteLevel: (step) => (step.add_prefix_space && !step.use_regex ? (words) => words : undefined),
};

/**
 * The function that normalises a word.
 * @param {any} section The section `normalizer`.
 * @returns {Normalizer}
 */
export function normalizerOf(section) {
  const steps = stepsOf(section, "normalizers", NORMALIZERS);
  return (text) => steps.reduce((before, step) => step(before), text);
}

/**
 * The function that splits a normalised text into words.
 * @param {any} section The section `pre_tokenizer`.
 * @returns {(text: string) => string[]}
 */
export function splitterOf(section) {
  const steps = stepsOf(section, "pretokenizers", SPLITTERS);
  return (text) => steps.reduce((words, step) => step(words), text ? [text] : []);
}

/**
 * @template Step
 * @param {any} section
 * @param {string} key What a sequence calls its steps.
 * @param {Record<string, (step: any) => Step | undefined>} known
 * @returns {Step[]}
 */
function stepsOf(section, key, known) {
  if (!section) return [];
  if (section.type === "Sequence") {
    return section[key].flatMap((/** @type {any} */ step) => stepsOf(step, key, known));
  }
  const step = Object.hasOwn(known, section.type) && known[section.type](section);
  if (!step) {
    throw new ModelFolderError(
      `its tokenizer has a step ${JSON.stringify(section.type)} that this engine does not read`,
    );
  }
  return [step];
}

/**
 * @param {any} step
 * @returns {Normalizer}
 */
function bertNormalizer(step) {
  const strips = step.strip_accents ?? step.lowercase;
  return (text) => {
    if (step.clean_text) text = mapped(text, cleaned);
    if (step.handle_chinese_chars) text = text.replace(IDEOGRAPH, " $& ");
    if (strips) text = mapped(normalized(text, "NFD"), (c) => (isMark(pointOf(c)) ? "" : c));
    return step.lowercase ? lowered(text) : text;
  };
}

/** @param {string} character */
function cleaned(character) {
  if (isControl(pointOf(character))) return "";
  return BLANK.test(character) ? " " : character;
}

/**
 * @param {string} text
 * @param {(character: string) => string} change
 */
function mapped(text, change) {
  return Array.from(text, change).join("");
}

/** @param {string} character */
function pointOf(character) {
  return /** @type {number} */ (character.codePointAt(0));
}

/** @param {string} text */
function splitAtPunctuation(text) {
  const words = [];
  let start = 0;
  let place = 0;
  for (const character of text) {
    const point = pointOf(character);
    const end = place + character.length;
    const blank = BLANK.test(character);
    if (blank || isPunctuation(point)) {
      if (start < place) words.push(text.slice(start, place));
      if (!blank) words.push(character);
      start = end;
    }
    place = end;
  }
  if (start < place) words.push(text.slice(start));
  return words;
}

/**
 * Put a mark in place of every space, and at the start.
 * @param {string} mark
 * @returns {Splitter}
 */
function marker(mark) {
  return (words) =>
    words.map((word) => {
      const marked = word.replaceAll(" ", mark);
      return marked.startsWith(mark) ? marked : mark + marked;
    });
}

/**
 * Split out what matches a pattern; what lies between the matches stays whole.
 * @param {string} pattern
 * @returns {Splitter}
 */
function splitter(pattern) {
  const expression = new RegExp(pattern, "gu");
  return (words) =>
    words.flatMap((word) => {
      const parts = [];
      let start = 0;
      for (const match of word.matchAll(expression)) {
        if (start < match.index) parts.push(word.slice(start, match.index));
        parts.push(match[0]);
        start = match.index + match[0].length;
      }
      if (start < word.length) parts.push(word.slice(start));
      return parts;
    });
}
