// The kinds of n-grams and their hash, as models/local_wave/ngrams.py declares them.

/** @typedef {{ places: number[], factors: [number, number][] }} Kind */

/** @type {[number, number]} */
const BIGRAM = [2_654_435_761, 805_459_861];

/** @type {Record<string, Kind>} */
export const NGRAMS = {
  pair: { places: [1, 0], factors: [BIGRAM] },
  "skip-pair": { places: [2, 0], factors: [[2_246_822_519, 374_761_393]] },
  triple: {
    places: [2, 1, 0],
    factors: [BIGRAM, [3_266_489_917, 668_265_263]],
  },
};

const FIRST_ROOM = 1_024; // tokens

/** Hashes the n-grams of a kind to buckets. */
export class NgramBuckets {
  /**
   * @param {string} kind
   * @param {number} buckets
   * @param {number} tokens The size of the vocabulary.
   */
  constructor(kind, buckets, tokens) {
    const { places, factors } = NGRAMS[kind];
    this.kind = kind;
    this.buckets = buckets;
    this.places = places;
    this.reach = places[0];
    this.factors = factors;
    // The products of every token are made once: a remainder takes longer than two look-ups.
    this.first = products(tokens, factors[0][0], buckets);
    this.room = new Int32Array(FIRST_ROOM);
    this.others = factors.map(([, factor]) => products(tokens, factor, buckets));
  }

  /**
   * The bucket of the n-gram that ends at each token, from the one at `reach` on. The next call
   * overwrites them.
   * @param {Int32Array} ids
   */
  of(ids) {
    const { buckets, factors, first, others, places } = this;
    if (ids.length > this.room.length) this.room = new Int32Array(2 * ids.length);
    const result = this.room;
    const [back, next] = places;
    for (let last = back; last < ids.length; last++) {
      const hash = first[ids[last - back]] + others[0][ids[last - next]];
      result[last] = hash < buckets ? hash : hash - buckets;
    }
    for (let which = 1; which < others.length; which++) {
      for (let last = back; last < ids.length; last++) {
        const before = product(result[last], factors[which][0], buckets);
        result[last] = (before + others[which][ids[last - places[which + 1]]]) % buckets;
      }
    }
    return result;
  }
}

/**
 * @param {number} tokens
 * @param {number} factor
 * @param {number} buckets
 */
function products(tokens, factor, buckets) {
  return Uint32Array.from({ length: tokens }, (_, id) => product(id, factor, buckets));
}

/**
 * `number * factor % buckets`, in steps that stay below 2^53.
 * @param {number} number Below 2^31.
 * @param {number} factor Below 2^32.
 * @param {number} buckets Below 2^31.
 */
function product(number, factor, buckets) {
  const low = factor % 65_536;
  const high = (factor - low) / 65_536;
  return (((number * high) % buckets) * 65_536 + number * low) % buckets;
}
