/* Encode packed texts by looking up their words, in shards that many threads share. */

#ifndef WAVE_NETWORK_ENCODING_H
#define WAVE_NETWORK_ENCODING_H

#include "id_table.h"
#include "merges.h"
#include "packed_texts.h"
#include "parallel.h"

enum { SHARD_BYTES = 1 << 16 };

/* Plain words that were read and are looked up later, when their memory has come. */
enum { AHEAD = 8 };

typedef struct {
    PlainWord words[AHEAD];
    size_t first, count;
} Ahead;

/* Read a word, and have the memory of its slot fetched; fewer than `AHEAD` words must wait. */
static inline size_t
ahead_read(Ahead *self, const uint8_t *at, const uint8_t *end, uint64_t seed, const Words *table)
{
    PlainWord *word = &self->words[(self->first + self->count++) % AHEAD];
    read_plain(word, at, end, seed);
#ifdef __GNUC__
    if (table->slots != NULL) {
        __builtin_prefetch(&table->slots[word->hash & (table->slot_count - 1)]);
    }
#else
    (void)table;
#endif
    return word->length;
}

/* The word that waits longest; it waits no more. */
static inline const PlainWord *
ahead_take(Ahead *self)
{
    const PlainWord *word = &self->words[self->first];
    self->first = (self->first + 1) % AHEAD;
    self->count--;
    return word;
}

/* What one shard of the texts gives. */
typedef struct {
    Array ids;     /* of int32_t, of all its texts */
    IdTable spelt; /* plain words that the table lacks */
    Words unknown; /* strings whose ids are not known */
    String string; /* buffer for one string */
    Ahead ahead;   /* words of the current text whose ids come next */
    int failed;
} Shard;

/* One call of `encode`. */
typedef struct {
    const IdTable *table;
    const Merges *merges; /* NULL: plain words are looked up as all other strings */
    uint64_t seed;        /* of the hashes */
    const PackedTexts *texts;
    IdTable known; /* as the table, for this call */
    int32_t first;
    size_t most;
    size_t *bounds;
    Shard *shards;
    size_t shard_count;
    int64_t *lengths; /* of each text, in ids */
} Encoding;

static inline int
is_space(uint8_t byte)
{
    return byte == ' ' || byte == '\n';
}

/* Append the ids of the words that wait until so many are left; -1 if out of memory. */
static inline int
append_waiting(const Encoding *self, Shard *shard, size_t left)
{
    while (shard->ahead.count > left) {
        const PlainWord *word = ahead_take(&shard->ahead);
        const IdTable *table = self->table;
        const Word *found = words_find(&table->words, word->hash, word->blocks, word->length);
        if (found == NULL) {
            table = &shard->spelt;
            found = words_find(&table->words, word->hash, word->blocks, word->length);
        }
        if (found == NULL) {
            int32_t pieces[LONGEST_PLAIN_WORD + 1];
            const size_t count = spell(self->merges, word, pieces);
            found = add_word(&shard->spelt, word->hash, word->blocks, word->length, pieces, count);
        }
        if (found == NULL || append_ids_of(&shard->ids, table, found) < 0) {
            return -1;
        }
    }
    return 0;
}

/* Append the ids of the words of a plain string, of the last ones later. */
static inline int
append_plain(const Encoding *self, Shard *shard, const uint8_t *at, const uint8_t *end)
{
    while (at < end) {
        if (append_waiting(self, shard, AHEAD - 1) < 0) {
            return -1;
        }
        at += ahead_read(&shard->ahead, at, end, self->seed, &self->table->words);
    }
    return 0;
}

/* Append the ids of a string as it is, or note it as unknown; -1 if out of memory, 1 if unknown. */
static inline int
append_string(const Encoding *self, Shard *shard, const uint8_t *at, const uint8_t *end)
{
    String *string = &shard->string;
    if (append_waiting(self, shard, 0) < 0
        || string_read(string, at, (size_t)(end - at), self->seed) < 0) {
        return -1;
    }
    const IdTable *tables[] = {self->table, &self->known};
    for (int i = 0; i < 2; i++) {
        const Word *found = find_string(tables[i], string);
        if (found != NULL) {
            return append_ids_of(&shard->ids, tables[i], found);
        }
    }
    const Word *noted = words_get(&shard->unknown, string->hash, string->blocks.items,
                                  string->length);
    return noted == NULL ? -1 : 1;
}

/* Append the ids of a text, at most so many; none if it has unknown words. */
static inline int
append_text(const Encoding *self, Shard *shard, Span text)
{
    const size_t begin = shard->ids.size;
    int complete = 1;
    if (append(&shard->ids, &self->first, 1) < 0) {
        return -1;
    }
    while (text.at < text.end && shard->ids.size - begin < self->most) {
        if (is_space(*text.at)) {
            text.at++;
            continue;
        }
        int status = 0;
        const uint8_t *stop = NULL;
        if (self->merges != NULL) {
            stop = plain_end(text.at, text.end);
        }
        if (stop != NULL && (stop == text.end || is_space(*stop))) {
            status = append_plain(self, shard, text.at, stop);
        }
        else {
            for (stop = text.at; stop < text.end && !is_space(*stop);) {
                stop++;
            }
            status = append_string(self, shard, text.at, stop);
        }
        if (status < 0) {
            return -1;
        }
        complete = complete && status == 0;
        text.at = stop;
    }
    if (append_waiting(self, shard, 0) < 0) {
        return -1;
    }
    if (shard->ids.size - begin > self->most) {
        shard->ids.size = begin + self->most;
    }
    if (!complete) {
        shard->ids.size = begin;
    }
    return 0;
}

static inline void
encode_shard(void *context, int64_t index)
{
    const Encoding *self = context;
    Shard *shard = &self->shards[index];
    for (size_t i = self->bounds[index]; !shard->failed && i < self->bounds[index + 1]; i++) {
        const size_t before = shard->ids.size;
        shard->failed = append_text(self, shard, span_of(self->texts, i)) < 0;
        self->lengths[i] = (int64_t)(shard->ids.size - before);
    }
}

static inline void
encoding_free(Encoding *self)
{
    for (size_t i = 0; self->shards != NULL && i < self->shard_count; i++) {
        free(self->shards[i].ids.items);
        id_table_free(&self->shards[i].spelt);
        words_free(&self->shards[i].unknown);
        free(self->shards[i].string.blocks.items);
    }
    free(self->shards);
    free(self->bounds);
    free(self->lengths);
    id_table_free(&self->known);
}

/* Encode the texts; -1 if out of memory. */
static inline int
encode_shards(Encoding *self, int threads)
{
    Array bounds = {NULL, 0, 0};
    int status = cut_texts(self->texts, SHARD_BYTES, &bounds);
    self->bounds = bounds.items;
    if (status < 0 || bounds.size == 0) {
        return status;
    }
    self->shard_count = bounds.size;
    self->shards = calloc(self->shard_count, sizeof(Shard));
    self->lengths = malloc(self->texts->count * sizeof(int64_t));
    if (self->shards == NULL || self->lengths == NULL) {
        return -1;
    }
    if (self->shard_count == 1) { /* waiting for the GIL might take longer */
        encode_shard(self, 0);
    }
    else {
        Py_BEGIN_ALLOW_THREADS
        parallel_run(threads, (int64_t)self->shard_count, encode_shard, self);
        Py_END_ALLOW_THREADS
    }
    for (size_t i = 0; i < self->shard_count; i++) {
        status = self->shards[i].failed ? -1 : status;
    }
    return status;
}

#endif
