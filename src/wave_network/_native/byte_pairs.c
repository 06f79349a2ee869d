/* The compiled form of `learn_with_library` of text/byte_pairs.py: learns the same pieces in the
 * same order as the trainer of `tokenizers`.
 *
 * It follows the trainer step by step, because its quirks affect the result: a pair keeps its count
 * after it was merged, and a pair that occurs again in further words is queued again with these
 * words only. Words consist of letters, which are bytes; pieces are numbered from 0: one that occurs
 * in no word, the letters, and what merges gave. It runs without the GIL. */

#include "extension.h"
#include "packed_texts.h"

enum { LETTERS = 256 };

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
} Symbols;

typedef struct {
    int32_t left, right, piece;
} Merge;

typedef struct {
    Words pieces;   /* of letters; a piece's id is its index */
    Array words;    /* of Symbols */
    Array symbols;  /* of int32_t: the pieces of the words */
    Array pairs;    /* of Pair */
    Array slots;    /* of uint32_t: 0, or a pair's index + 1; size at least twice the pairs */
    Array places;   /* of Place; the first one is not used */
    uint32_t spare; /* free list of places */
    Array queue;    /* of Queued: a heap */
    Array touched;  /* of uint32_t: pairs with new places, not queued yet */
    Array merges;   /* of Merge */
    Array letters;  /* of uint8_t: buffer for one piece */
    String string;  /* likewise */
} Learner;

/* Return the id of the piece that `letters` holds, added if new; -1 if out of memory. */
static int32_t
add_piece(Learner *self, size_t length)
{
    String *string = &self->string;
    if (string_read(string, self->letters.items, length, 0) < 0) {
        return -1;
    }
    const Word *piece = words_get(&self->pieces, string->hash, string->blocks.items, length);
    return piece == NULL ? -1 : (int32_t)(piece - (const Word *)self->pieces.words.items);
}

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
    if (self->places.size >= UINT32_MAX || reserve(&self->places, 1, sizeof(Place)) < 0) {
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

/* Return the id of two pieces joined; -1 if out of memory. Two merges may give the same piece. */
static int32_t
joined(Learner *self, int32_t left, int32_t right)
{
    const Word *pieces = self->pieces.words.items;
    const size_t before = pieces[left].length, length = before + pieces[right].length;
    if (reserve(&self->letters, length, 1) < 0) {
        return -1;
    }
    uint8_t *letters = self->letters.items;
    words_copy(&self->pieces, &pieces[left], letters);
    words_copy(&self->pieces, &pieces[right], letters + before);
    return add_piece(self, length);
}

/* Merge two pieces wherever they are adjacent in a word. */
static int
merge_in_word(Learner *self, Merge pair, uint32_t word)
{
    const int32_t piece = pair.piece;
    Symbols *span = (Symbols *)self->words.items + word;
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
    const Merge pair = {found->left, found->right, joined(self, found->left, found->right)};
    if (pair.piece < 0 || reserve(&self->merges, 1, sizeof(Merge)) < 0) {
        return -1;
    }
    ((Merge *)self->merges.items)[self->merges.size++] = pair;
    for (uint32_t place = first->places; place != 0;) {
        const Place here = ((Place *)self->places.items)[place];
        if (merge_in_word(self, pair, here.word) < 0) {
            return -1;
        }
        place = here.next;
    }
    free_places(self, first->places);
    return push_touched(self);
}

/* Merge the most frequent pair until there are `size` pieces or no pair occurs `least` times. */
static int
learn(Learner *self, size_t size, int64_t least)
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
        if (count < least) {
            break;
        }
        if (merge(self, &first) < 0) {
            return -1;
        }
    }
    return 0;
}

/* Add a word and count its pairs. */
static int
add_word(Learner *self, const uint8_t *letters, size_t length)
{
    const size_t start = self->symbols.size, number = self->words.size;
    if (number >= UINT32_MAX || reserve(&self->symbols, length, sizeof(int32_t)) < 0
        || reserve(&self->words, 1, sizeof(Symbols)) < 0) {
        return -1;
    }
    int32_t *symbols = (int32_t *)self->symbols.items + start;
    for (size_t i = 0; i < length; i++) {
        symbols[i] = letters[i] + 1;
        if (i > 0 && count_up(self, symbols[i - 1], symbols[i], (uint32_t)number) < 0) {
            return -1;
        }
    }
    self->symbols.size += length;
    ((Symbols *)self->words.items)[self->words.size++] = (Symbols){start, length};
    return 0;
}

/* Learn from packed words; -1 if out of memory. */
static int
learn_from(Learner *self, const PackedTexts *words, size_t size, int64_t least)
{
    if (reserve(&self->places, 1, sizeof(Place)) < 0 || reserve(&self->letters, 1, 1) < 0
        || add_piece(self, 0) < 0) { /* a piece of no letters: the one that occurs in no word */
        return -1;
    }
    self->places.size = 1;
    for (int letter = 0; letter < LETTERS; letter++) {
        *(uint8_t *)self->letters.items = (uint8_t)letter;
        if (add_piece(self, 1) < 0) {
            return -1;
        }
    }
    for (size_t i = 0; i < words->count; i++) {
        const Span word = span_of(words, i);
        if (add_word(self, word.at, (size_t)(word.end - word.at)) < 0) {
            return -1;
        }
    }
    return learn(self, size, least);
}

PyObject *
learn_byte_pairs(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *objects[PACKED_ARRAYS] = {NULL, NULL, Py_None}, *result = NULL;
    Py_buffer views[PACKED_ARRAYS];
    PackedTexts words;
    Py_ssize_t size, least;
    int status;
    if (!PyArg_ParseTuple(args, "OOnn", &objects[0], &objects[1], &size, &least)) {
        return argument_error();
    }
    if (size < 0 || size > INT32_MAX || least < 1) {
        return value_error("the number of pieces is from 0 to 2^31 - 1, and pairs occur");
    }
    if (acquire_texts(&words, objects, views, INT64_MAX) < 0) {
        return NULL;
    }
    Learner self = {.spare = 0};
    Py_BEGIN_ALLOW_THREADS
    status = learn_from(&self, &words, (size_t)size, least);
    Py_END_ALLOW_THREADS
    release_arrays(views, PACKED_ARRAYS);
    if (status < 0) {
        PyErr_NoMemory();
    }
    else {
        result = PyByteArray_FromStringAndSize(self.merges.items,
                                               (Py_ssize_t)(self.merges.size * sizeof(Merge)));
    }
    words_free(&self.pieces);
    Array *arrays[] = {&self.words, &self.symbols, &self.pairs,  &self.slots,   &self.places,
                       &self.queue, &self.touched, &self.merges, &self.letters, &self.string.blocks};
    for (size_t i = 0; i < sizeof(arrays) / sizeof(arrays[0]); i++) {
        free(arrays[i]->items);
    }
    return result;
}
