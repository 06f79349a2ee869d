/* Shared by word tables, word counters and byte pairs: growing arrays, a hash table of words, and
 * plain words (see text/plain_words.py). */

#ifndef WAVE_NETWORK_WORDS_H
#define WAVE_NETWORK_WORDS_H

#include "arrays.h"

/* `size` and `capacity` count items. */
typedef struct {
    void *items;
    size_t size, capacity;
} Array;

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
    void *items = PyMem_Realloc(array->items, capacity * item_size);
    if (items == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    array->items = items;
    array->capacity = capacity;
    return 0;
}

/* The characters of a word are stored in blocks of 64 bits: eight characters of a plain word, or
 * two of any other string. The rest of the last block is 0. A plain word never has the same blocks
 * as another string. */
typedef struct {
    uint64_t hash;
    size_t key;    /* index of its first block in `keys` */
    size_t length; /* bytes */
    size_t count;  /* for the caller's use */
    size_t place;  /* for the caller's use */
} Word;

typedef struct {
    uint32_t number; /* the word's index + 1; 0 in an empty slot */
    uint32_t check;  /* half of its hash, to skip most other words without reading them */
} Slot;

typedef struct {
    uint64_t seed;     /* of the hashes */
    Array words, keys; /* of Word, uint64_t */
    Slot *slots;
    size_t slot_count; /* a power of two, at least twice the words */
} Words;

static inline int
words_start(Words *self, uint64_t seed)
{
    self->seed = seed;
    self->slot_count = 1024;
    self->slots = PyMem_Calloc(self->slot_count, sizeof(Slot));
    if (self->slots == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    return 0;
}

static inline void
words_free(Words *self)
{
    PyMem_Free(self->words.items);
    PyMem_Free(self->keys.items);
    PyMem_Free(self->slots);
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

/* Returns NULL if the table lacks it. */
static inline Word *
words_find(const Words *self, uint64_t hash, const uint64_t *blocks, size_t length)
{
    const Slot *slots = self->slots;
    const size_t mask = self->slot_count - 1, count = block_count(length);
    for (size_t slot = hash & mask; slots[slot].number != 0; slot = (slot + 1) & mask) {
        if (slots[slot].check != hash >> 32) {
            continue;
        }
        Word *found = (Word *)self->words.items + slots[slot].number - 1;
        const uint64_t *key = (const uint64_t *)self->keys.items + found->key;
        size_t same = found->length == length ? 0 : count + 1;
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
    const uint64_t hash = ((const Word *)self->words.items)[number].hash;
    size_t slot = hash & (self->slot_count - 1);
    while (self->slots[slot].number != 0) {
        slot = (slot + 1) & (self->slot_count - 1);
    }
    self->slots[slot] = (Slot){(uint32_t)(number + 1), (uint32_t)(hash >> 32)};
}

static inline int
words_grow(Words *self)
{
    if (2 * (self->words.size + 1) <= self->slot_count) {
        return 0;
    }
    size_t count = self->slot_count * 2;
    Slot *slots = self->words.size < UINT32_MAX ? PyMem_Calloc(count, sizeof(Slot)) : NULL;
    if (slots == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    PyMem_Free(self->slots);
    self->slots = slots;
    self->slot_count = count;
    for (size_t i = 0; i < self->words.size; i++) {
        words_note(self, i);
    }
    return 0;
}

/* Add a word that the table lacks, with a count of 0; NULL if out of memory. */
static inline Word *
words_add(Words *self, uint64_t hash, const uint64_t *blocks, size_t length)
{
    const size_t count = block_count(length);
    if (words_grow(self) < 0 || reserve(&self->words, 1, sizeof(Word)) < 0
        || reserve(&self->keys, count, sizeof(uint64_t)) < 0) {
        return NULL;
    }
    Word *added = (Word *)self->words.items + self->words.size;
    *added = (Word){hash, self->keys.size, length, 0, 0};
    for (size_t i = 0; i < count; i++) {
        ((uint64_t *)self->keys.items)[self->keys.size++] = blocks[i];
    }
    words_note(self, self->words.size++);
    return added;
}

/* Remove all words but the first ones. */
static inline void
words_cut(Words *self, size_t words, size_t blocks)
{
    self->words.size = words;
    self->keys.size = blocks;
    memset(self->slots, 0, self->slot_count * sizeof(Slot));
    for (size_t i = 0; i < words; i++) {
        words_note(self, i);
    }
}

/* A string with a longer word is not plain, because spelling takes quadratic time. */
enum { LONGEST_PLAIN_WORD = 128 };

/* The characters of a Python string. */
typedef struct {
    PyObject *string;
    int kind;
    const void *data;
    Py_ssize_t length;
} Text;

static inline Text
text_of(PyObject *string)
{
    return (Text){string, PyUnicode_KIND(string), PyUnicode_DATA(string),
                  PyUnicode_GET_LENGTH(string)};
}

static inline Py_UCS4
character_at(const Text *text, Py_ssize_t place)
{
    return PyUnicode_READ(text->kind, text->data, place);
}

typedef struct {
    uint64_t hash;
    size_t length; /* 0: there is no plain word */
    uint64_t blocks[LONGEST_PLAIN_WORD / 8];
} PlainWord;

/* A character of a plain word. */
static inline Py_UCS4
plain_character(const uint64_t *blocks, size_t place)
{
    return (blocks[place / 8] >> (8 * (place % 8))) & 0xff;
}

/* The lower case of ASCII letters and digits; 0 for everything else. */
static inline Py_UCS4
folded(Py_UCS4 character)
{
    if ((character | 0x20) - 'a' <= 'z' - 'a') {
        return character | 0x20;
    }
    return character - '0' <= '9' - '0' ? character : 0;
}

/* Read the plain word that starts at `place`. */
static inline void
read_plain(PlainWord *word, const Text *text, Py_ssize_t place, uint64_t seed)
{
    Py_UCS4 character = character_at(text, place), letter;
    uint64_t hash = seed, block = 0;
    size_t length = 0;
    while ((letter = folded(character)) != 0) {
        if (length == LONGEST_PLAIN_WORD) {
            word->length = 0;
            return;
        }
        block |= (uint64_t)letter << (8 * (length % 8));
        if (++length % 8 == 0) {
            word->blocks[length / 8 - 1] = block;
            hash = hash_step(hash, block);
            block = 0;
        }
        if (++place == text->length) {
            break;
        }
        character = character_at(text, place);
    }
    if (length == 0 && character - '!' <= '~' - '!') { /* a punctuation mark is a word */
        block = character;
        length = 1;
    }
    if (length % 8 != 0) {
        word->blocks[length / 8] = block;
        hash = hash_step(hash, block);
    }
    word->length = length;
    word->hash = hash;
}

/* An unchanged string. */
typedef struct {
    uint64_t hash;
    size_t length; /* bytes */
    Array blocks;  /* of uint64_t */
} String;

static inline void
string_clear(String *self, uint64_t seed)
{
    self->hash = seed;
    self->length = self->blocks.size = 0;
}

/* Append a character; -1 if out of memory. Call `string_end` after the last one. */
static inline int
string_append(String *self, Py_UCS4 character)
{
    if (self->length % 8 != 0) {
        uint64_t *block = (uint64_t *)self->blocks.items + self->blocks.size - 1;
        *block |= (uint64_t)character << 32;
        self->hash = hash_step(self->hash, *block);
    }
    else {
        if (reserve(&self->blocks, 1, sizeof(uint64_t)) < 0) {
            return -1;
        }
        ((uint64_t *)self->blocks.items)[self->blocks.size++] = character;
    }
    self->length += sizeof(Py_UCS4);
    return 0;
}

static inline void
string_end(String *self)
{
    if (self->length % 8 != 0) {
        self->hash = hash_step(self->hash,
                               ((const uint64_t *)self->blocks.items)[self->blocks.size - 1]);
    }
}

static inline int
string_append_all(String *self, const Text *text)
{
    for (Py_ssize_t i = 0; i < text->length; i++) {
        if (string_append(self, character_at(text, i)) < 0) {
            return -1;
        }
    }
    return 0;
}

/* A character of a string. */
static inline Py_UCS4
string_character(const uint64_t *blocks, size_t place)
{
    return (Py_UCS4)(blocks[place / 2] >> (32 * (place % 2)));
}

#endif
