/* Byte pair encoding of plain words: pieces merge in the order in which the merges were learnt. */

#ifndef WAVE_NETWORK_MERGES_H
#define WAVE_NETWORK_MERGES_H

#include "words.h"

/* Two pieces that merge to one. */
typedef struct {
    int32_t left, right, piece;
    uint32_t rank; /* from 1; 0 in an empty slot */
} Merge;

enum { LETTERS = '~' - ' ' + 1 };

typedef struct {
    int32_t letters[LETTERS]; /* the ids of ' ' to '~' */
    Merge *slots;
    size_t slot_count; /* a power of two, at least twice the merges */
    uint64_t seed;
} Merges;

/* The merge of two pieces; its rank is 0 if they do not merge. */
static inline Merge *
merge_of(const Merges *self, int32_t left, int32_t right)
{
    const uint64_t pair = (uint64_t)(uint32_t)left << 32 | (uint32_t)right;
    size_t slot = hash_step(self->seed, pair) & (self->slot_count - 1);
    for (; self->slots[slot].rank != 0; slot = (slot + 1) & (self->slot_count - 1)) {
        if (self->slots[slot].left == left && self->slots[slot].right == right) {
            break;
        }
    }
    return &self->slots[slot];
}

/* Store merges, three ids each: both pieces and the result. -1 if out of memory. */
static inline int
merges_start(Merges *self, const int32_t *triples, size_t count, uint64_t seed)
{
    size_t slots = 64;
    while (slots < 2 * count) {
        slots *= 2;
    }
    self->slots = count < UINT32_MAX ? calloc(slots, sizeof(Merge)) : NULL;
    if (self->slots == NULL) {
        return -1;
    }
    self->slot_count = slots;
    self->seed = seed;
    for (size_t i = 0; i < count; i++, triples += 3) {
        *merge_of(self, triples[0], triples[1]) = (Merge){triples[0], triples[1], triples[2],
                                                          (uint32_t)(i + 1)};
    }
    return 0;
}

/* Split a plain word into pieces: merge the adjacent pieces of the lowest rank, the leftmost first,
 * again and again. Returns the number of pieces, at most `LONGEST_PLAIN_WORD + 1`. */
static inline size_t
spell(const Merges *self, const PlainWord *word, int32_t *pieces)
{
    Merge merges[LONGEST_PLAIN_WORD + 1]; /* of each piece with the next one */
    size_t count = word->length + 1;
    pieces[0] = self->letters[0]; /* a space starts every word */
    for (size_t i = 0; i < word->length; i++) {
        pieces[i + 1] = self->letters[(word->blocks[i / 8] >> (8 * (i % 8)) & 0xff) - ' '];
        merges[i] = *merge_of(self, pieces[i], pieces[i + 1]);
    }
    for (;;) {
        size_t best = count;
        for (size_t i = 0; i + 1 < count; i++) {
            if (merges[i].rank != 0 && (best == count || merges[i].rank < merges[best].rank)) {
                best = i;
            }
        }
        if (best == count) {
            return count;
        }
        pieces[best] = merges[best].piece;
        count--;
        for (size_t i = best + 1; i < count; i++) {
            pieces[i] = pieces[i + 1];
            merges[i - 1] = merges[i];
        }
        if (best > 0) {
            merges[best - 1] = *merge_of(self, pieces[best - 1], pieces[best]);
        }
        if (best + 1 < count) {
            merges[best] = *merge_of(self, pieces[best], pieces[best + 1]);
        }
    }
}

#endif
