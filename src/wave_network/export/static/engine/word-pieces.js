// WordPiece, as BERT's vocabularies need it.

/** The longest entry first, again and again; a word that has no pieces is unknown as a whole. */
export class WordPieces {
  /**
   * @param {any} model The section `model` of `tokenizer.json`.
   * @param {Map<string, number>} vocabulary
   */
  constructor(model, vocabulary) {
    this.vocabulary = vocabulary;
    this.unknownEntry = model.unk_token;
    this.unknown = /** @type {number} */ (vocabulary.get(model.unk_token));
    this.prefix = model.continuing_subword_prefix;
    this.longest = model.max_input_chars_per_word;
  }

  /**
   * The ids of a word's pieces.
   * @param {string} word
   */
  encode(word) {
    const characters = Array.from(word);
    if (characters.length > this.longest) return [this.unknown];
    const ids = [];
    for (let start = 0, end; start < characters.length; start = end) {
      let id;
      for (end = characters.length; end > start; end--) {
        const piece = characters.slice(start, end).join("");
        id = this.vocabulary.get(start ? this.prefix + piece : piece);
        if (id !== undefined) break;
      }
      if (id === undefined) return [this.unknown];
      ids.push(id);
    }
    return ids;
  }

  /**
   * The characters that `encode` reads.
   * @param {import("./alignment.js").Place[]} places
   */
  units(places) {
    return places;
  }

  /**
   * How many characters an entry of the vocabulary stands for.
   * @param {string} entry
   * @param {boolean} continues Whether it continues a word.
   */
  lengthOf(entry, continues) {
    if (entry === this.unknownEntry) return Infinity;
    return Array.from(entry).length - (continues ? this.prefix.length : 0);
  }
}
