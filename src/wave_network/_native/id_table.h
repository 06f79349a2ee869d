/* A table of words with their ids. */

#ifndef WAVE_NETWORK_ID_TABLE_H
#define WAVE_NETWORK_ID_TABLE_H

#include "words.h"

/* A word's value is twice its id and one more; or, if it has several ids or none, twice a place in
 * `ids`: first their number, then they. */
typedef struct {
    Words words;
    Array ids; /* of int32_t */
} IdTable;

static inline int
append(Array *ids, const void *more, size_t count)
{
    if (reserve(ids, count, sizeof(int32_t)) < 0) {
        return -1;
    }
    memcpy((int32_t *)ids->items + ids->size, more, count * sizeof(int32_t));
    ids->size += count;
    return 0;
}

/* The ids of a word, and their number; `one` is memory for a single id. */
static inline const int32_t *
ids_of(const IdTable *table, const Word *word, int32_t *one, size_t *count)
{
    if (word->value & 1) {
        *one = (int32_t)(word->value >> 1);
        *count = 1;
        return one;
    }
    const int32_t *found = (const int32_t *)table->ids.items + (word->value >> 1);
    *count = (size_t)*found;
    return found + 1;
}

static inline int
append_ids_of(Array *ids, const IdTable *table, const Word *word)
{
    int32_t one;
    size_t count;
    const int32_t *found = ids_of(table, word, &one, &count);
    return append(ids, found, count);
}

/* Add a word that the table lacks; NULL if out of memory. */
static inline const Word *
add_word(IdTable *self, uint64_t hash, const uint64_t *blocks, size_t length, const void *ids,
         size_t count)
{
    int32_t number = -1;
    if (count == 1) {
        memcpy(&number, ids, sizeof(number));
    }
    const size_t value = number >= 0 ? (size_t)number << 1 | 1 : self->ids.size << 1;
    if (number < 0) {
        number = (int32_t)count;
        if (append(&self->ids, &number, 1) < 0 || append(&self->ids, ids, count) < 0) {
            return NULL;
        }
    }
    Word *added = words_add(&self->words, hash, blocks, length);
    if (added != NULL) {
        added->value = value;
    }
    return added;
}

static inline void
id_table_free(IdTable *self)
{
    words_free(&self->words);
    free(self->ids.items);
}

static inline const Word *
find_string(const IdTable *table, const String *string)
{
    return words_find(&table->words, string->hash, string->blocks.items, string->length);
}

#endif
