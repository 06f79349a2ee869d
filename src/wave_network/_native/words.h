/* Shared by word tables, word counters and byte pairs: growing arrays, a hash table of byte strings,
 * and plain words (see text/plain_words.py). Nothing here needs the GIL; what fails is out of
 * memory. */

#ifndef WAVE_NETWORK_WORDS_H
#define WAVE_NETWORK_WORDS_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* `size` and `capacity` count items. */
typedef struct {
    void *items;
    size_t size, capacity;
} Array;

/* Make room for more items; -1 if out of memory. */
static inline int
reserve(Array *array, size_t more, size_t item_size)
{
    if (array->size + more <= array->capacity) {
        return 0;
    }
    size_t capacity = array->capacity ? array->capacity : 64;
    while (capacity < array->size + more) {
        capacity *= 2;
    }
    void *items = capacity > SIZE_MAX / item_size ? NULL : realloc(array->items, capacity * item_size);
    if (items == NULL) {
        return -1;
    }
    array->items = items;
    array->capacity = capacity;
    return 0;
}

/* The bytes of a word are stored in blocks of eight, the first byte in the lowest bits. The rest of
 * the last block is 0. */
typedef struct {
    uint64_t hash;
    size_t key;    /* index of its first block in `keys` */
    size_t length; /* bytes */
    size_t value;  /* for the caller's use; 0 at first */
} Word;

/* Holds all of a word of one block, so that most lookups read one line of memory. */
typedef struct {
    uint64_t first;  /* the word's first block; 0 if it is empty */
    uint32_t check;  /* of its hash and length */
    uint32_t number; /* the word's index + 1; 0 in an empty slot */
} Slot;

/* All zero is an empty table. */
typedef struct {
    Array words, keys; /* of Word, uint64_t */
    Slot *slots;
    size_t slot_count; /* 0, or a power of two, at least twice the words */
} Words;

static inline void
words_free(Words *self)
{
    free(self->words.items);
    free(self->keys.items);
    free(self->slots);
}

static inline uint64_t
hash_step(uint64_t hash, uint64_t block)
{
    const uint64_t odd = UINT64_C(0x9E3779B97F4A7C15);
    hash = (hash ^ block) * odd;
    hash = (hash ^ (hash >> 32)) * odd;
    return hash ^ (hash >> 32);
}

static inline size_t
block_count(size_t length)
{
    return (length + 7) / 8;
}

static inline uint32_t
check_of(uint64_t hash, size_t length)
{
    return (uint32_t)(hash >> 32 & 0xffffff00) | (uint32_t)(length < 0xff ? length : 0xff);
}

static inline const uint64_t *
key_of(const Words *self, const Word *word)
{
    return (const uint64_t *)self->keys.items + word->key;
}

/* Returns NULL if the table lacks it. */
static inline Word *
words_find(const Words *self, uint64_t hash, const uint64_t *blocks, size_t length)
{
    const Slot *slots = self->slots;
    const size_t mask = self->slot_count - 1, count = block_count(length);
    const uint64_t first = length > 0 ? blocks[0] : 0;
    const uint32_t check = check_of(hash, length);
    if (slots == NULL) {
        return NULL;
    }
    for (size_t slot = hash & mask; slots[slot].number != 0; slot = (slot + 1) & mask) {
        if (slots[slot].first != first || slots[slot].check != check) {
            continue;
        }
        Word *found = (Word *)self->words.items + slots[slot].number - 1;
        if (count <= 1) {
            return found;
        }
        const uint64_t *key = key_of(self, found);
        size_t same = found->length == length ? 1 : count + 1;
        while (same < count && key[same] == blocks[same]) {
            same++;
        }
        if (same == count) {
            return found;
        }
    }
    return NULL;
}

static inline void
words_note(Words *self, size_t number)
{
    const Word *word = (const Word *)self->words.items + number;
    size_t slot = word->hash & (self->slot_count - 1);
    while (self->slots[slot].number != 0) {
        slot = (slot + 1) & (self->slot_count - 1);
    }
    self->slots[slot] = (Slot){word->length > 0 ? *key_of(self, word) : 0,
                               check_of(word->hash, word->length), (uint32_t)(number + 1)};
}

static inline int
words_grow(Words *self)
{
    if (2 * (self->words.size + 1) <= self->slot_count) {
        return 0;
    }
    const size_t count = self->slot_count ? 4 * self->slot_count : 256;
    Slot *slots = self->words.size < UINT32_MAX ? calloc(count, sizeof(Slot)) : NULL;
    if (slots == NULL) {
        return -1;
    }
    free(self->slots);
    self->slots = slots;
    self->slot_count = count;
    for (size_t i = 0; i < self->words.size; i++) {
        words_note(self, i);
    }
    return 0;
}

/* Add a word that the table lacks; NULL if out of memory. */
static inline Word *
words_add(Words *self, uint64_t hash, const uint64_t *blocks, size_t length)
{
    const size_t count = block_count(length);
    if (words_grow(self) < 0 || reserve(&self->words, 1, sizeof(Word)) < 0
        || reserve(&self->keys, count, sizeof(uint64_t)) < 0) {
        return NULL;
    }
    Word *added = (Word *)self->words.items + self->words.size;
    *added = (Word){hash, self->keys.size, length, 0};
    for (size_t i = 0; i < count; i++) {
        ((uint64_t *)self->keys.items)[self->keys.size++] = blocks[i];
    }
    words_note(self, self->words.size++);
    return added;
}

/* Find a word, or add it; NULL if out of memory. */
static inline Word *
words_get(Words *self, uint64_t hash, const uint64_t *blocks, size_t length)
{
    Word *found = words_find(self, hash, blocks, length);
    return found != NULL ? found : words_add(self, hash, blocks, length);
}

/* Remove all words but the first ones. */
static inline void
words_cut(Words *self, size_t words, size_t blocks)
{
    self->words.size = words;
    self->keys.size = blocks;
    if (self->slots != NULL) {
        memset(self->slots, 0, self->slot_count * sizeof(Slot));
    }
    for (size_t i = 0; i < words; i++) {
        words_note(self, i);
    }
}

/* Write the bytes of a word. */
static inline void
words_copy(const Words *self, const Word *word, uint8_t *bytes)
{
    const uint64_t *key = key_of(self, word);
    for (size_t i = 0; i < word->length; i++) {
        bytes[i] = (uint8_t)(key[i / 8] >> (8 * (i % 8)));
    }
}

/* Read up to eight bytes as a block. */
static inline uint64_t
block_at(const uint8_t *at, const uint8_t *end)
{
    uint64_t block = 0;
    if (end - at >= 8) { /* compilers make one load of this */
        for (int i = 0; i < 8; i++) {
            block |= (uint64_t)at[i] << (8 * i);
        }
        return block;
    }
    for (int i = 0; i < end - at; i++) {
        block |= (uint64_t)at[i] << (8 * i);
    }
    return block;
}

/* The blocks of a byte string. */
typedef struct {
    uint64_t hash;
    size_t length;
    Array blocks; /* of uint64_t */
} String;

/* Read a byte string; -1 if out of memory. */
static inline int
string_read(String *self, const uint8_t *at, size_t length, uint64_t seed)
{
    const uint8_t *end = at + length;
    self->blocks.size = 0;
    if (reserve(&self->blocks, block_count(length), sizeof(uint64_t)) < 0) {
        return -1;
    }
    self->hash = seed;
    self->length = length;
    for (; at < end; at += end - at < 8 ? end - at : 8) {
        const uint64_t block = block_at(at, end);
        ((uint64_t *)self->blocks.items)[self->blocks.size++] = block;
        self->hash = hash_step(self->hash, block);
    }
    return 0;
}

/* Eight bytes at once: the highest bit of each byte tells whether it is within a range of ASCII. */
#define EACH_BYTE(byte) (UINT64_C(0x0101010101010101) * (byte))

static inline uint64_t
bytes_within(uint64_t block, uint64_t first, uint64_t last)
{
    const uint64_t low = block & EACH_BYTE(0x7f);
    return (low + EACH_BYTE(0x80 - first)) & ~(low + EACH_BYTE(0x7f - last)) & ~block
           & EACH_BYTE(0x80);
}

/* Given such bits, the number of bytes before the first one without; 8 if all have it. */
static inline size_t
bytes_before(uint64_t within)
{
    const uint64_t without = ~within & EACH_BYTE(0x80);
    if (without == 0) {
        return 8;
    }
#ifdef __GNUC__
    return (size_t)__builtin_ctzll(without) / 8;
#else
    size_t count = 0;
    while (!(without >> (8 * count) & 0x80)) {
        count++;
    }
    return count;
#endif
}

/* A string with a longer word is not plain, because spelling takes quadratic time. */
enum { LONGEST_PLAIN_WORD = 128 };

typedef struct {
    uint64_t hash;
    size_t length;
    uint64_t blocks[LONGEST_PLAIN_WORD / 8];
} PlainWord;

/* The length of the letters and digits at the start; at most one block more than a plain word. */
static inline size_t
word_length(const uint8_t *at, const uint8_t *end)
{
    size_t length = 0, part;
    do {
        const uint64_t block = block_at(at + length, end);
        part = bytes_before(bytes_within(block, '0', '9')
                            | bytes_within(block | EACH_BYTE(0x20), 'a', 'z'));
        length += part;
    } while (part == 8 && length <= LONGEST_PLAIN_WORD);
    return length;
}

/* The end of the printable ASCII at the start, if its words are short enough; else NULL. */
static inline const uint8_t *
plain_end(const uint8_t *at, const uint8_t *end)
{
    const uint8_t *stop = at;
    size_t part;
    do {
        part = bytes_before(bytes_within(block_at(stop, end), '!', '~'));
        stop += part;
    } while (part == 8);
    if (stop - at > LONGEST_PLAIN_WORD) {
        while (at < stop) {
            const size_t length = word_length(at, stop);
            if (length > LONGEST_PLAIN_WORD) {
                return NULL;
            }
            at += length ? length : 1;
        }
    }
    return stop;
}

/* Read the word at the start of a plain string, in lower case: letters and digits, or one
 * punctuation mark. */
static inline void
read_plain(PlainWord *word, const uint8_t *at, const uint8_t *end, uint64_t seed)
{
    uint64_t hash = seed;
    size_t length = 0, part;
    do {
        const uint64_t block = block_at(at + length, end) | EACH_BYTE(0x20); /* digits have it */
        part = bytes_before(bytes_within(block, '0', '9') | bytes_within(block, 'a', 'z'));
        if (part > 0) {
            const uint64_t kept = block & (~UINT64_C(0) >> (64 - 8 * part));
            word->blocks[length / 8] = kept;
            hash = hash_step(hash, kept);
            length += part;
        }
    } while (part == 8);
    if (length == 0) {
        word->blocks[0] = *at;
        hash = hash_step(hash, *at);
        length = 1;
    }
    word->hash = hash;
    word->length = length;
}

#endif
