/* What the compiled parts of `text` share: arrays that grow, a hash table of words, and which
 * characters are plain, as plain_words.py says. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>

/* `size` and `room` count items. */
typedef struct {
    void *items;
    size_t size, room;
} Array;

static inline int
reserve(Array *array, size_t more, size_t item_size)
{
    if (array->size + more <= array->room) {
        return 0;
    }
    size_t room = array->room ? array->room : 64;
    while (room < array->size + more) {
        room *= 2;
    }
    void *items = PyMem_Realloc(array->items, room * item_size);
    if (items == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    array->items = items;
    array->room = room;
    return 0;
}

typedef struct {
    uint64_t hash;
    size_t key;    /* where its characters start in `keys` */
    size_t length; /* characters */
    size_t count;  /* this and */
    size_t place;  /* this are the user's */
} Word;

typedef struct {
    uint64_t seed;     /* of the hashes */
    Array words, keys; /* of Word, Py_UCS4 */
    uint32_t *slots;   /* 0, or a word's number and one */
    size_t slot_count; /* a power of two, at least twice the words */
} Words;

static inline int
words_start(Words *self, uint64_t seed)
{
    self->seed = seed;
    self->slot_count = 1024;
    self->slots = PyMem_Calloc(self->slot_count, sizeof(uint32_t));
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
hash_step(uint64_t hash, Py_UCS4 character)
{
    hash = (hash ^ character) * UINT64_C(0x9E3779B97F4A7C15);
    return hash ^ (hash >> 32);
}

static inline uint64_t
hash_word(uint64_t seed, const Py_UCS4 *word, size_t length)
{
    uint64_t hash = seed;
    for (size_t i = 0; i < length; i++) {
        hash = hash_step(hash, word[i]);
    }
    return hash;
}

/* Where a word is noted in `slots`, or would be. */
static inline size_t
words_slot(const Words *self, uint64_t hash, const Py_UCS4 *word, size_t length)
{
    const Word *words = self->words.items;
    const Py_UCS4 *keys = self->keys.items;
    size_t slot = hash & (self->slot_count - 1);
    for (; self->slots[slot] != 0; slot = (slot + 1) & (self->slot_count - 1)) {
        const Word *found = &words[self->slots[slot] - 1];
        if (found->hash == hash && found->length == length
            && memcmp(keys + found->key, word, length * sizeof(Py_UCS4)) == 0) {
            break;
        }
    }
    return slot;
}

/* NULL if the table lacks it. */
static inline Word *
words_find(const Words *self, uint64_t hash, const Py_UCS4 *word, size_t length)
{
    uint32_t found = self->slots[words_slot(self, hash, word, length)];
    return found == 0 ? NULL : (Word *)self->words.items + found - 1;
}

static inline void
words_note(Words *self, size_t number)
{
    size_t slot = ((const Word *)self->words.items)[number].hash & (self->slot_count - 1);
    while (self->slots[slot] != 0) {
        slot = (slot + 1) & (self->slot_count - 1);
    }
    self->slots[slot] = (uint32_t)(number + 1);
}

static inline int
words_grow(Words *self)
{
    if (2 * (self->words.size + 1) <= self->slot_count) {
        return 0;
    }
    size_t count = self->slot_count * 2;
    uint32_t *slots = self->words.size < UINT32_MAX ? PyMem_Calloc(count, sizeof(uint32_t)) : NULL;
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

/* Add a word that the table lacks, with a count of 0; NULL if there is no memory. */
static inline Word *
words_add(Words *self, uint64_t hash, const Py_UCS4 *word, size_t length)
{
    if (words_grow(self) < 0 || reserve(&self->words, 1, sizeof(Word)) < 0
        || reserve(&self->keys, length, sizeof(Py_UCS4)) < 0) {
        return NULL;
    }
    Word *added = (Word *)self->words.items + self->words.size;
    *added = (Word){hash, self->keys.size, length, 0, 0};
    if (length > 0) {
        memcpy((Py_UCS4 *)self->keys.items + self->keys.size, word, length * sizeof(Py_UCS4));
    }
    self->keys.size += length;
    words_note(self, self->words.size++);
    return added;
}

/* Forget all words but the first ones. */
static inline void
words_cut(Words *self, size_t words, size_t characters)
{
    self->words.size = words;
    self->keys.size = characters;
    memset(self->slots, 0, self->slot_count * sizeof(uint32_t));
    for (size_t i = 0; i < words; i++) {
        words_note(self, i);
    }
}

static inline int
is_plain(Py_UCS4 character)
{
    return character - '!' <= '~' - '!';
}

/* The lower case of a plain character. */
static inline Py_UCS4
folded(Py_UCS4 character)
{
    return character - 'A' <= 'Z' - 'A' ? character + ('a' - 'A') : character;
}

/* How many characters the first word of a folded plain string has: a mark is a word of its own. */
static inline size_t
plain_word(const Py_UCS4 *string, size_t length)
{
    size_t end = 0;
    while (end < length && (string[end] - 'a' <= 'z' - 'a' || string[end] - '0' <= '9' - '0')) {
        end++;
    }
    return end > 0 ? end : 1;
}
