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
    uint32_t number; /* a word's, from 1; 0 in an empty slot */
    uint32_t check;  /* half of its hash: other words are passed by unread */
} Slot;

typedef struct {
    uint64_t seed;     /* of the hashes */
    Array words, keys; /* of Word, Py_UCS4 */
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

/* NULL if the table lacks it. */
static inline Word *
words_find(const Words *self, uint64_t hash, const Py_UCS4 *word, size_t length)
{
    const Slot *slots = self->slots;
    const size_t mask = self->slot_count - 1;
    for (size_t slot = hash & mask; slots[slot].number != 0; slot = (slot + 1) & mask) {
        if (slots[slot].check != hash >> 32) {
            continue;
        }
        Word *found = (Word *)self->words.items + slots[slot].number - 1;
        const Py_UCS4 *key = (const Py_UCS4 *)self->keys.items + found->key;
        size_t same = found->length == length ? 0 : length + 1;
        while (same < length && key[same] == word[same]) {
            same++;
        }
        if (same == length) {
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
    memset(self->slots, 0, self->slot_count * sizeof(Slot));
    for (size_t i = 0; i < words; i++) {
        words_note(self, i);
    }
}

/* A longer word makes a string one of those that are not plain: spelling takes quadratic time. */
enum { LONGEST_PLAIN_WORD = 128 };

/* Characters as Python keeps them. */
typedef struct {
    int kind;
    const void *data;
    Py_ssize_t length;
} Text;

static inline Text
text_of(PyObject *string)
{
    return (Text){PyUnicode_KIND(string), PyUnicode_DATA(string), PyUnicode_GET_LENGTH(string)};
}

static inline Py_UCS4
character_at(const Text *text, Py_ssize_t place)
{
    return PyUnicode_READ(text->kind, text->data, place);
}

typedef struct {
    uint64_t hash;
    size_t length; /* 0: there is no plain word */
    Py_UCS4 characters[LONGEST_PLAIN_WORD];
} PlainWord;

/* The lower case of a letter or digit of ASCII, and 0 of all else. */
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
    word->length = 0;
    word->hash = seed;
    while ((letter = folded(character)) != 0) {
        if (word->length == LONGEST_PLAIN_WORD) {
            word->length = 0;
            return;
        }
        word->characters[word->length++] = letter;
        word->hash = hash_step(word->hash, letter);
        if (++place == text->length) {
            return;
        }
        character = character_at(text, place);
    }
    if (word->length == 0 && character - '!' <= '~' - '!') { /* a mark is a word of its own */
        word->characters[word->length++] = character;
        word->hash = hash_step(word->hash, character);
    }
}
