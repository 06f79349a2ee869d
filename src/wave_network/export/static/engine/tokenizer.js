// Texts to token ids, equal to those of the Python package for every text.

import { joined } from "./alignment.js";
import { BytePairs, bytesOf } from "./byte-pairs.js";
import { ModelFolderError } from "./errors.js";
import { spansOf } from "./spans.js";
import { splitterOf } from "./steps.js";
import { clipped, wellFormed } from "./unicode.js";
import { WordPieces } from "./word-pieces.js";
import { WordTable } from "./word-table.js";

const CHARACTERS_PER_TOKEN = 64; // as in Python: bounds time and memory for any text
const FIRST_ROOM = 1_024; // tokens; more where a text needs it
const PLAIN = /^[!-~]+$/;
const PARTS = /[0-9a-z]+|[!-/:-@[-`{-~]/g; // each punctuation mark is a word
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** The tokenizer of a model folder. */
export class Tokenizer {
  /** @type {Map<number, string> | undefined} */
  #entries;

  /**
   * @param {any} content What `tokenizer.json` holds.
   * @param {number} maxLength The most tokens of a text, `[CLS]` among them.
   */
  constructor(content, maxLength) {
    this.maxLength = maxLength;
    this.vocabulary = vocabularyOf(content);
    this.clsToken = this.vocabulary.has("[CLS]") ? "[CLS]" : "<s>";
    this.clsTokenId = this.vocabulary.get(this.clsToken);
    let most = -1;
    for (const id of this.vocabulary.values()) most = Math.max(most, id);
    this.size = most + 1;
    this.split = splitterOf(content);
    this.splitsPlain = splitsPlain(content);
    this.model = modelOf(content, this.vocabulary, this.size);
    this.words = new WordTable();
    this.ids = new Int32Array(Math.min(maxLength, FIRST_ROOM));
  }

  /**
   * Whether it belongs to the model.
   * @param {any} config The section `model` of `config.json`.
   */
  fits(config) {
    return this.size === config.vocab_size && this.clsTokenId === config.cls_token_id;
  }

  /**
   * Sum values of the ids of a text, `[CLS]` first, by its tokens.
   * @param {string} text
   * @param {Float64Array} values
   */
  byToken(text, values) {
    return spansOf(this, text).map(({ start, end, first, last }) => ({
      start,
      end,
      sum: values.subarray(first + 1, last + 1).reduce((before, value) => before + value, 0),
    }));
  }

  /** The most characters that are read of a text. */
  get characters() {
    return CHARACTERS_PER_TOKEN * this.maxLength;
  }

  /**
   * Encode a text: `[CLS]` and its tokens. The next call overwrites the result.
   * @param {string} text
   */
  encode(text) {
    const { maxLength } = this;
    let { ids } = this;
    ids[0] = /** @type {number} */ (this.clsTokenId);
    let count = 1;
    const add = (/** @type {number | number[]} */ found) => {
      const pieces = typeof found === "number" ? 1 : found.length;
      if (count + pieces > ids.length) ids = this.#withRoom(count + pieces);
      if (typeof found === "number") {
        ids[count++] = found;
      } else {
        for (const id of found) ids[count++] = id;
      }
      return count >= maxLength;
    };
    this.words.eachWord(clipped(text, this.characters), this.#encodeNew, add);
    return ids.subarray(0, Math.min(count, maxLength));
  }

  #encodeNew = (/** @type {string} */ word) => this.encodeWord(wellFormed(word));

  /** @param {number} most */
  #withRoom(most) {
    const ids = new Int32Array(2 * most);
    ids.set(this.ids);
    return (this.ids = ids);
  }

  /**
   * The words of a text between spaces and line feeds, as far as it is read.
   * @param {string} text
   */
  wordsOf(text) {
    const read = clipped(text, this.characters);
    return (read.includes("\n") ? read.replaceAll("\n", " ") : read).split(" ");
  }

  /**
   * The ids of a string without spaces.
   * @param {string} word
   */
  encodeWord(word) {
    const parts =
      this.splitsPlain && PLAIN.test(word)
        ? /** @type {string[]} */ (word.toLowerCase().match(PARTS))
        : this.split(word).map(joined);
    const ids = [];
    for (const part of parts) {
      for (const id of this.model.encode(part)) if (id !== this.clsTokenId) ids.push(id);
    }
    return ids;
  }

  /**
   * Where each token of a string without spaces starts and ends in it.
   * @param {string} word
   */
  piecesOf(word) {
    const pieces = [];
    for (const part of this.split(word)) {
      const units = this.model.units(part);
      let unit = 0;
      for (const id of this.model.encode(joined(part))) {
        const last =
          Math.min(unit + this.model.lengthOf(this.entryOf(id), unit > 0), units.length) - 1;
        if (id !== this.clsTokenId) pieces.push({ start: units[unit].start, end: units[last].end });
        unit = last + 1;
      }
    }
    return pieces;
  }

  /**
   * The text of each id, for people to read.
   * @param {Iterable<number>} ids
   */
  tokens(ids) {
    const isByteLevel = this.model instanceof BytePairs;
    return Array.from(ids, (id) => {
      const entry = this.entryOf(id);
      return isByteLevel && id !== this.clsTokenId ? decoder.decode(bytesOf(entry)) : entry;
    });
  }

  /** @param {number} id */
  entryOf(id) {
    this.#entries ??= new Map([...this.vocabulary].map(([entry, of]) => [of, entry]));
    return this.#entries.get(id) ?? "";
  }
}

/** @param {any} content */
function vocabularyOf(content) {
  /** @type {Map<string, number>} */
  const vocabulary = new Map(Object.entries(content.model.vocab));
  for (const token of content.added_tokens ?? []) {
    if (!token.special) {
      throw new ModelFolderError("its tokenizer finds added tokens in texts: not read here");
    }
    vocabulary.set(token.content, token.id);
  }
  return vocabulary;
}

/**
 * @param {any} content
 * @param {Map<string, number>} vocabulary
 * @param {number} size
 */
function modelOf(content, vocabulary, size) {
  const { model, normalizer, pre_tokenizer: splitter } = content;
  if (model.type === "BPE" && splitter?.pretokenizers?.at(-1).type === "ByteLevel") {
    return new BytePairs(model, vocabulary, size);
  }
  const isBert = normalizer?.type === "BertNormalizer" && splitter?.type === "BertPreTokenizer";
  if (model.type === "WordPiece" && isBert) return new WordPieces(model, vocabulary);
  throw new ModelFolderError("its tokenizer is neither one that Wave Network trained nor BERT's");
}

/**
 * Whether strings of printable ASCII are split at punctuation alone, in lower case.
 * @param {any} content
 */
function splitsPlain(content) {
  const steps = JSON.stringify([content.normalizer, content.pre_tokenizer]);
  return /"Lowercase"|"lowercase":true/.test(steps) && !steps.includes('"Metaspace"');
}
