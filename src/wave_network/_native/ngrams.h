/* The kinds of n-grams: their tokens and their hash. */

#ifndef WAVE_NETWORK_NGRAMS_H
#define WAVE_NETWORK_NGRAMS_H

#include "arrays.h"

enum { MOST_KINDS = 8, MOST_TOKENS = 4, HISTORY = 8 /* exceeds the reach of any n-gram */ };

/* As `NgramKind` of models/local_wave/ngrams.py. */
typedef struct {
    int tokens, places[MOST_TOKENS]; /* distance of each token from the last */
    uint64_t factors[MOST_TOKENS - 1][2];
    /* The kind in the same table that hashes all tokens but the last, or -1; its n-gram ends
     * `shift` tokens earlier. */
    int prefix, shift;
    int is_prefix; /* of another kind of the same table, which needs its buckets */
} NgramKind;

typedef struct {
    int count;
    NgramKind kinds[MOST_KINDS];
} Ngrams;

/* The buckets of each kind at the latest tokens. */
typedef int64_t NgramHistory[MOST_KINDS][HISTORY];

INLINE uint64_t
hash_token(uint64_t hash, const uint64_t *factors, int32_t id, int64_t buckets)
{
    return (hash * factors[0] + (uint64_t)id * factors[1]) % (uint64_t)buckets;
}

/* Hash the n-gram that ends at `ids[t]`. */
INLINE int64_t
ngram_bucket(const NgramKind *kind, const int32_t *ids, int64_t t, int64_t buckets)
{
    uint64_t hash = (uint64_t)ids[t - kind->places[0]];
    if (kind->tokens == 2) { /* most kinds: a loop would cost as much as the hash */
        return (int64_t)hash_token(hash, kind->factors[0], ids[t], buckets);
    }
    for (int i = 1; i < kind->tokens; i++) {
        hash = hash_token(hash, kind->factors[i - 1], ids[t - kind->places[i]], buckets);
    }
    return (int64_t)hash;
}

/* The same for one of several kinds, called for each token in turn: a longer kind continues from
 * the bucket of its prefix. */
INLINE int64_t
next_bucket(const Ngrams *ngrams, int number, const int32_t *ids, int64_t t, int64_t buckets,
            NgramHistory history)
{
    const NgramKind *kind = &ngrams->kinds[number];
    int64_t bucket;
    if (kind->prefix >= 0) {
        const uint64_t hash = (uint64_t)history[kind->prefix][(t - kind->shift) & (HISTORY - 1)];
        bucket = (int64_t)hash_token(hash, kind->factors[kind->tokens - 2], ids[t], buckets);
    }
    else {
        bucket = ngram_bucket(kind, ids, t, buckets);
    }
    if (kind->is_prefix) {
        history[number][t & (HISTORY - 1)] = bucket;
    }
    return bucket;
}

#endif
