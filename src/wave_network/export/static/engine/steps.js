// The steps of a `tokenizer.json` before its model: a word is normalised and split further.

import { joined, lowered, mapped, nfd, nfkc, placesOf } from "./alignment.js";
import { ModelFolderError } from "./errors.js";
import { isControl, isMark, isPunctuation } from "./unicode.js";

const BLANK = /\p{White_Space}/u;
// A class with what may follow, or a run of another class. Without escapes it means the same to
// every engine, and without repetitions in repetitions it takes linear time.
const OUR_PATTERN = /^\[[^\]\\]+\]\(\?:[^()*+?\\]*\)\*\|\[[^\]\\]+\]\+$/u;
const IDEOGRAPH =
  /[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u{20000}-\u{2a6df}\u{2a700}-\u{2ceaf}\u{2f800}-\u{2fa1f}]/u;

/** @typedef {import("./alignment.js").Place} Place */
/** @typedef {(places: Place[]) => Place[]} Normalizer */
/** @typedef {(words: Place[][]) => Place[][]} Splitter */

/** @type {Record<string, (step: any) => Normalizer | undefined>} */
const NORMALIZERS = {
  NFKC: () => nfkc,
  Lowercase: () => lowered,
  Replace: (step) =>
    step.pattern?.Regex === "\\s+" && step.content === " " ? withSingleBlanks : undefined,
  Strip: (step) => (step.strip_left && step.strip_right ? stripped : undefined),
  BertNormalizer: bertNormalizer,
};

/** @type {Record<string, (step: any) => Splitter | undefined>} */
const SPLITTERS = {
  BertPreTokenizer: () => (words) => words.flatMap(splitAtPunctuation),
  Metaspace: (step) =>
    step.prepend_scheme === "always" && !step.split
      ? (words) => words.map((word) => marked(word, step.replacement))
      : undefined,
  Split: (step) =>
    step.behavior === "Isolated" && !step.invert && OUR_PATTERN.test(step.pattern?.Regex ?? "")
      ? splitter(step.pattern.Regex)
      : undefined,
  ByteLevel: (step) => (step.add_prefix_space && !step.use_regex ? (words) => words : undefined),
};

/**
 * The function that normalises a word and splits it.
 * @param {any} content What `tokenizer.json` holds.
 * @returns {(word: string) => Place[][]}
 */
export function splitterOf(content) {
  const normalizers = stepsOf(content.normalizer, "normalizers", NORMALIZERS);
  const splitters = stepsOf(content.pre_tokenizer, "pretokenizers", SPLITTERS);
  return (word) => {
    const normal = normalizers.reduce((places, step) => step(places), placesOf(word));
    return splitters.reduce((words, step) => step(words), normal.length ? [normal] : []);
  };
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
  const step = Object.hasOwn(known, section.type) ? known[section.type](section) : undefined;
  if (!step) {
    throw new ModelFolderError(
      `its tokenizer has a step ${JSON.stringify(section.type)} that is not read here`,
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
  return (places) => {
    if (step.clean_text) places = mapped(places, cleaned);
    if (step.handle_chinese_chars)
      places = mapped(places, (c) => (IDEOGRAPH.test(c) ? ` ${c} ` : c));
    if (strips) places = nfd(places).filter(({ character }) => !isMark(character));
    return step.lowercase ? lowered(places) : places;
  };
}

/** @param {string} character */
function cleaned(character) {
  if (isControl(character)) return "";
  return BLANK.test(character) ? " " : character;
}

/** @type {Normalizer} */
function withSingleBlanks(places) {
  const isBlank = places.map(({ character }) => BLANK.test(character));
  return places
    .map((place, index) => (isBlank[index] ? { ...place, character: " " } : place))
    .filter((_, index) => !(isBlank[index] && isBlank[index - 1]));
}

/** @type {Normalizer} */
function stripped(places) {
  const inner = places.map(({ character }) => !BLANK.test(character));
  return places.slice(inner.indexOf(true), inner.lastIndexOf(true) + 1);
}

/** @param {Place[]} places */
function splitAtPunctuation(places) {
  const words = [];
  let start = 0;
  places.forEach(({ character }, place) => {
    const blank = BLANK.test(character);
    if (blank || isPunctuation(character)) {
      words.push(places.slice(start, place));
      if (!blank) words.push([places[place]]);
      start = place + 1;
    }
  });
  words.push(places.slice(start));
  return words.filter((word) => word.length);
}

/**
 * Put a mark in place of every space, and at the start.
 * @param {Place[]} places
 * @param {string} mark
 */
function marked(places, mark) {
  const all = mapped(places, (character) => (character === " " ? mark : character));
  return all[0].character === mark ? all : [{ ...all[0], character: mark }, ...all];
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
      const bounds = [0];
      for (const match of joined(word).matchAll(expression)) {
        bounds.push(match.index, match.index + match[0].length);
      }
      const parts = bounds.map(() => /** @type {Place[]} */ ([]));
      let [part, unit] = [0, 0];
      for (const place of word) {
        while (unit >= bounds[part + 1]) part++;
        parts[part].push(place);
        unit += place.character.length;
      }
      return parts.filter((places) => places.length);
    });
}
