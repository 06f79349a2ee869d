/* The compiled form of `learn_with_library` of text/byte_pairs.py: learns the same pieces in the
 * same order as the trainer of `tokenizers`.
 *
 * It follows the trainer step by step, because its quirks affect the result: a pair keeps its count
 * after it was merged, and a pair that occurs again in further words is queued again with these
 * words only. Everything runs with the GIL held. */

#include "extension.h"
#include "words.h"

typedef struct {
    int32_t left, right;
    int64_t count;   /* how often the two are adjacent */
    uint32_t places; /* words in which they occurred since the pair was last queued */
} Pair;

/* A linked list of words: a word's index, and the index in `places` of the next; 0 ends it. */
typedef struct {
    uint32_t word, next;
} Place;

/* A queued pair, with its count when it was queued. */
typedef struct {
    int64_t count;
    uint32_t pair, places;
} Queued;

typedef struct {
    size_t start, length; /* in `symbols` */
} Span;

typedef struct {
    int32_t left, right;
} Merge;

typedef struct {
    Words pieces;   /* a piece's id is its index */
    Array words;    /* of Span */
    Array symbols;  /* of int32_t: the pieces of the words */
    Array pairs;    /* of Pair */
    Array slots;    /* of uint32_t: 0, or a pair's index + 1; size at least twice the pairs */
    Array places;   /* of Place; the first one is not used */
    uint32_t spare; /* free list of places */
    Array queue;    /* of Queued: a heap */
    Array touched;  /* of uint32_t: pairs with new places, not queued yet */
    Array merges;   /* of Merge */
    String string;  /* buffer for one piece */
} Learner;

static size_t
pair_slot(const Learner *self, int32_t left, int32_t right)
{
    const uint32_t *slots = self->slots.items;
    const Pair *pairs = self->pairs.items;
    uint64_t hash = hash_step(0, (uint64_t)(uint32_t)left << 32 | (uint32_t)right);
    size_t slot = hash & (self->slots.size - 1);
    for (; slots[slot] != 0; slot = (slot + 1) & (self->slots.size - 1)) {
        const Pair *pair = &pairs[slots[slot] - 1];
        if (pair->left == left && pair->right == right) {
            break;
        }
    }
    return slot;
}

static int
grow_pair_slots(Learner *self)
{
    const size_t size = self->slots.size ? 2 * self->slots.size : 1024;
    self->slots.size = 0;
    if (self->pairs.size >= UINT32_MAX || reserve(&self->slots, size, sizeof(uint32_t)) < 0) {
        if (!PyErr_Occurred()) {
            PyErr_NoMemory();
        }
        return -1;
    }
    self->slots.size = size;
    memset(self->slots.items, 0, size * sizeof(uint32_t));
    const Pair *pairs = self->pairs.items;
    for (size_t i = 0; i < self->pairs.size; i++) {
        ((uint32_t *)self->slots.items)[pair_slot(self, pairs[i].left, pairs[i].right)] =
            (uint32_t)(i + 1);
    }
    return 0;
}

/* Returns NULL if out of memory. */
static Pair *
find_pair(Learner *self, int32_t left, int32_t right)
{
    if (2 * (self->pairs.size + 1) > self->slots.size && grow_pair_slots(self) < 0) {
        return NULL;
    }
    uint32_t *found = (uint32_t *)self->slots.items + pair_slot(self, left, right);
    if (*found == 0) {
        if (reserve(&self->pairs, 1, sizeof(Pair)) < 0) {
            return NULL;
        }
        ((Pair *)self->pairs.items)[self->pairs.size++] = (Pair){left, right, 0, 0};
        *found = (uint32_t)self->pairs.size;
    }
    return (Pair *)self->pairs.items + *found - 1;
}

/* Returns 0 if out of memory. */
static uint32_t
new_place(Learner *self)
{
    uint32_t place = self->spare;
    if (place != 0) {
        self->spare = ((Place *)self->places.items)[place].next;
        return place;
    }
    if (self->places.size >= UINT32_MAX) {
        PyErr_NoMemory();
        return 0;
    }
    if (reserve(&self->places, 1, sizeof(Place)) < 0) {
        return 0;
    }
    return (uint32_t)self->places.size++;
}

/* Count a pair that occurs in a word. Words must come one after the other. */
static int
count_up(Learner *self, int32_t left, int32_t right, uint32_t word)
{
    Pair *pair = find_pair(self, left, right);
    if (pair == NULL) {
        return -1;
    }
    pair->count++;
    if (pair->places != 0 && ((Place *)self->places.items)[pair->places].word == word) {
        return 0;
    }
    if (pair->places == 0) {
        if (reserve(&self->touched, 1, sizeof(uint32_t)) < 0) {
            return -1;
        }
        ((uint32_t *)self->touched.items)[self->touched.size++] =
            (uint32_t)(pair - (Pair *)self->pairs.items);
    }
    uint32_t place = new_place(self);
    if (place == 0) {
        return -1;
    }
    ((Place *)self->places.items)[place] = (Place){word, pair->places};
    pair->places = place;
    return 0;
}

static int
count_down(Learner *self, int32_t left, int32_t right)
{
    Pair *pair = find_pair(self, left, right);
    if (pair == NULL) {
        return -1;
    }
    pair->count--;
    return 0;
}

/* Order the heap: more frequent pairs first; ties by the older pieces. */
static int
comes_first(const Learner *self, const Queued *one, const Queued *other)
{
    if (one->count != other->count) {
        return one->count > other->count;
    }
    const Pair *pairs = self->pairs.items;
    const Pair *first = &pairs[one->pair], *second = &pairs[other->pair];
    return first->left != second->left ? first->left < second->left : first->right < second->right;
}

static int
push(Learner *self, Queued added)
{
    if (reserve(&self->queue, 1, sizeof(Queued)) < 0) {
        return -1;
    }
    Queued *queue = self->queue.items;
    size_t at = self->queue.size++;
    for (; at > 0 && comes_first(self, &added, &queue[(at - 1) / 2]); at = (at - 1) / 2) {
        queue[at] = queue[(at - 1) / 2];
    }
    queue[at] = added;
    return 0;
}

/* Remove the first pair from a queue that is not empty. */
static Queued
pop(Learner *self)
{
    Queued *queue = self->queue.items;
    const Queued first = queue[0], last = queue[--self->queue.size];
    size_t at = 0;
    for (size_t child; (child = 2 * at + 1) < self->queue.size; at = child) {
        if (child + 1 < self->queue.size && comes_first(self, &queue[child + 1], &queue[child])) {
            child++;
        }
        if (!comes_first(self, &queue[child], &last)) {
            break;
        }
        queue[at] = queue[child];
    }
    queue[at] = last;
    return first;
}

static void
free_places(Learner *self, uint32_t first)
{
    Place *places = self->places.items;
    while (first != 0) {
        uint32_t next = places[first].next;
        places[first].next = self->spare;
        self->spare = first;
        first = next;
    }
}

/* Queue the pairs with new places. */
static int
push_touched(Learner *self)
{
    for (size_t i = 0; i < self->touched.size; i++) {
        uint32_t number = ((uint32_t *)self->touched.items)[i];
        Pair *pair = (Pair *)self->pairs.items + number;
        uint32_t places = pair->places;
        pair->places = 0;
        if (pair->count <= 0) {
            free_places(self, places);
        }
        else if (push(self, (Queued){pair->count, number, places}) < 0) {
            return -1;
        }
    }
    self->touched.size = 0;
    return 0;
}

/* Return the id of the piece `string`, added if new; -1 if out of memory. */
static int32_t
piece_of_string(Learner *self)
{
    String *string = &self->string;
    string_end(string);
    Word *found = words_find(&self->pieces, string->hash, string->blocks.items, string->length);
    if (found == NULL) {
        found = words_add(&self->pieces, string->hash, string->blocks.items, string->length);
    }
    return found == NULL ? -1 : (int32_t)(found - (Word *)self->pieces.words.items);
}

static int
append_piece(Learner *self, int32_t piece)
{
    const Word *word = (const Word *)self->pieces.words.items + piece;
    const uint64_t *key = (const uint64_t *)self->pieces.keys.items + word->key;
    for (size_t i = 0; i < word->length / sizeof(Py_UCS4); i++) {
        if (string_append(&self->string, string_character(key, i)) < 0) {
            return -1;
        }
    }
    return 0;
}

/* Return the id of two pieces joined; -1 if out of memory. */
static int32_t
joined(Learner *self, int32_t left, int32_t right)
{
    string_clear(&self->string, self->pieces.seed);
    if (append_piece(self, left) < 0 || append_piece(self, right) < 0) {
        return -1;
    }
    return piece_of_string(self);
}

/* Merge two pieces wherever they are adjacent in a word. */
static int
merge_in_word(Learner *self, Merge pair, int32_t piece, uint32_t word)
{
    Span *span = (Span *)self->words.items + word;
    int32_t *symbols = (int32_t *)self->symbols.items + span->start;
    const size_t length = span->length;
    size_t kept = 0;
    for (size_t i = 0; i < length; i++) {
        if (symbols[i] != pair.left || i + 1 == length || symbols[i + 1] != pair.right) {
            symbols[kept++] = symbols[i];
            continue;
        }
        if (kept > 0
            && (count_down(self, symbols[kept - 1], pair.left) < 0
                || count_up(self, symbols[kept - 1], piece, word) < 0)) {
            return -1;
        }
        i++;
        if (i + 1 < length
            && (count_down(self, pair.right, symbols[i + 1]) < 0
                || count_up(self, piece, symbols[i + 1], word) < 0)) {
            return -1;
        }
        symbols[kept++] = piece;
    }
    span->length = kept;
    return 0;
}

/* Merge a pair that was queued. */
static int
merge(Learner *self, const Queued *first)
{
    const Pair *found = (const Pair *)self->pairs.items + first->pair;
    const Merge pair = {found->left, found->right};
    const int32_t piece = joined(self, pair.left, pair.right);
    if (piece < 0 || reserve(&self->merges, 1, sizeof(Merge)) < 0) {
        return -1;
    }
    ((Merge *)self->merges.items)[self->merges.size++] = pair;
    for (uint32_t place = first->places; place != 0;) {
        const Place here = ((Place *)self->places.items)[place];
        if (merge_in_word(self, pair, piece, here.word) < 0) {
            return -1;
        }
        place = here.next;
    }
    free_places(self, first->places);
    return push_touched(self);
}

/* Merge the most frequent pair until there are `size` pieces or no pair occurs twice. */
static int
learn(Learner *self, size_t size)
{
    if (push_touched(self) < 0) {
        return -1;
    }
    while (self->pieces.words.size < size && self->queue.size > 0) {
        Queued first = pop(self);
        const int64_t count = ((const Pair *)self->pairs.items)[first.pair].count;
        if (first.count != count) {
            first.count = count;
            if (push(self, first) < 0) {
                return -1;
            }
            continue;
        }
        if (count < 2) {
            break;
        }
        if (merge(self, &first) < 0) {
            return -1;
        }
    }
    return 0;
}

/* Add a word and count its pairs; all its characters must be pieces. */
static int
add_word(Learner *self, PyObject *string)
{
    if (!PyUnicode_Check(string)) {
        PyErr_SetString(PyExc_TypeError, "words are strings");
        return -1;
    }
    const Text text = text_of(string);
    const size_t start = self->symbols.size, number = self->words.size;
    if (number >= UINT32_MAX) {
        PyErr_NoMemory();
        return -1;
    }
    if (reserve(&self->symbols, (size_t)text.length, sizeof(int32_t)) < 0
        || reserve(&self->words, 1, sizeof(Span)) < 0) {
        return -1;
    }
    int32_t *symbols = (int32_t *)self->symbols.items + start;
    for (Py_ssize_t i = 0; i < text.length; i++) {
        const uint64_t character = character_at(&text, i);
        const uint64_t hash = hash_step(self->pieces.seed, character);
        const Word *found = words_find(&self->pieces, hash, &character, sizeof(Py_UCS4));
        if (found == NULL) {
            PyErr_SetString(PyExc_ValueError, "a word has a character that is no piece");
            return -1;
        }
        symbols[i] = (int32_t)(found - (const Word *)self->pieces.words.items);
        if (i > 0 && count_up(self, symbols[i - 1], symbols[i], (uint32_t)number) < 0) {
            return -1;
        }
    }
    self->symbols.size += (size_t)text.length;
    ((Span *)self->words.items)[self->words.size++] = (Span){start, (size_t)text.length};
    return 0;
}

static int
add_piece(Learner *self, PyObject *string)
{
    if (!PyUnicode_Check(string)) {
        PyErr_SetString(PyExc_TypeError, "pieces are strings");
        return -1;
    }
    const Text text = text_of(string);
    string_clear(&self->string, self->pieces.seed);
    if (string_append_all(&self->string, &text) < 0) {
        return -1;
    }
    return piece_of_string(self) < 0 ? -1 : 0;
}

/* Convert a piece to a Python string. */
static PyObject *
as_string(const Learner *self, const Word *piece)
{
    const uint64_t *key = (const uint64_t *)self->pieces.keys.items + piece->key;
    const Py_ssize_t length = (Py_ssize_t)(piece->length / sizeof(Py_UCS4));
    Py_UCS4 *characters = PyMem_Malloc(piece->length + 1);
    if (characters == NULL) {
        return PyErr_NoMemory();
    }
    for (Py_ssize_t i = 0; i < length; i++) {
        characters[i] = string_character(key, (size_t)i);
    }
    PyObject *string = PyUnicode_FromKindAndData(PyUnicode_4BYTE_KIND, characters, length);
    PyMem_Free(characters);
    return string;
}

static PyObject *
piece_list(const Learner *self)
{
    PyObject *list = PyList_New((Py_ssize_t)self->pieces.words.size);
    for (size_t i = 0; list != NULL && i < self->pieces.words.size; i++) {
        PyObject *string = as_string(self, (const Word *)self->pieces.words.items + i);
        if (string == NULL) {
            Py_CLEAR(list);
        }
        else {
            PyList_SET_ITEM(list, (Py_ssize_t)i, string);
        }
    }
    return list;
}

static PyObject *
merge_list(const Learner *self, PyObject *pieces)
{
    PyObject *list = PyList_New((Py_ssize_t)self->merges.size);
    for (size_t i = 0; list != NULL && i < self->merges.size; i++) {
        const Merge merge = ((const Merge *)self->merges.items)[i];
        PyObject *pair = PyTuple_Pack(2, PyList_GET_ITEM(pieces, merge.left),
                                      PyList_GET_ITEM(pieces, merge.right));
        if (pair == NULL) {
            Py_CLEAR(list);
        }
        else {
            PyList_SET_ITEM(list, (Py_ssize_t)i, pair);
        }
    }
    return list;
}

static PyObject *
learnt(Learner *self, PyObject *words, PyObject *first, size_t size)
{
    if (words_start(&self->pieces, 0) < 0 || reserve(&self->places, 1, sizeof(Place)) < 0) {
        return NULL;
    }
    self->places.size = 1;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(first); i++) {
        if (add_piece(self, PyList_GET_ITEM(first, i)) < 0) {
            return NULL;
        }
    }
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(words); i++) {
        if (add_word(self, PyList_GET_ITEM(words, i)) < 0) {
            return NULL;
        }
    }
    if (learn(self, size) < 0) {
        return NULL;
    }
    PyObject *pieces = piece_list(self), *result = NULL;
    PyObject *merges = pieces == NULL ? NULL : merge_list(self, pieces);
    if (merges != NULL) {
        result = PyTuple_Pack(2, pieces, merges);
    }
    Py_XDECREF(pieces);
    Py_XDECREF(merges);
    return result;
}

PyObject *
learn_byte_pairs(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *words, *first;
    Py_ssize_t size;
    if (!PyArg_ParseTuple(args, "O!O!n", &PyList_Type, &words, &PyList_Type, &first, &size)) {
        return argument_error();
    }
    if (size < 0 || size > INT32_MAX) {
        return value_error("the number of pieces is from 0 to 2^31 - 1");
    }
    Learner self = {.spare = 0};
    PyObject *result = learnt(&self, words, first, (size_t)size);
    words_free(&self.pieces);
    Array *arrays[] = {&self.words, &self.symbols, &self.pairs,  &self.slots,        &self.places,
                       &self.queue, &self.touched, &self.merges, &self.string.blocks};
    for (size_t i = 0; i < sizeof(arrays) / sizeof(arrays[0]); i++) {
        PyMem_Free(arrays[i]->items);
    }
    return result;
}
