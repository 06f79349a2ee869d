/* The compiled form of `PythonWordTable` of text/word_table.py: same methods, same results.
 *
 * Words are looked up by a hash of their characters, computed while the text is scanned: a known
 * word needs no Python string. After `learn`, the table encodes plain words by itself, so `encode`
 * no longer reports them as unknown. Everything runs with the GIL held. */

#include "extension.h"
#include "words.h"

/* Limits on the mean size of words, because long words would fill the memory. */
enum { BLOCKS_A_WORD = 8, IDS_A_WORD = 16 };

/* Two pieces that merge to one. Merges learnt earlier come first. */
typedef struct {
    int32_t left, right, piece;
    uint32_t rank; /* from 1; 0 in an empty slot */
} Merge;

typedef struct {
    PyObject_HEAD Py_ssize_t limit;
    Words words; /* their ids: `count` of them, from `place` on in `ids` */
    Array ids;   /* of int32_t */
    /* From `learn`: the first words, and the merges for all others. */
    size_t learnt, learnt_blocks, learnt_ids;
    int32_t *alphabet; /* the ids of ' ' to '~'; NULL before */
    Merge *merges;
    size_t merge_slots; /* a power of two, at least twice the merges */
} WordTable;

/* The state of one call of `encode`. */
typedef struct {
    size_t most;
    PyObject *known, *unknown;
    int incomplete; /* whether the current text has unknown words */
    Array packed;   /* of int32_t */
    String string;  /* the characters between two spaces */
} Reading;

static inline int
append(Array *ids, const int32_t *more, size_t count)
{
    if (reserve(ids, count, sizeof(int32_t)) < 0) {
        return -1;
    }
    int32_t *target = (int32_t *)ids->items + ids->size;
    for (size_t i = 0; i < count; i++) {
        target[i] = more[i];
    }
    ids->size += count;
    return 0;
}

static inline int
is_space(Py_UCS4 character)
{
    return character == ' ' || character == '\n';
}

static inline const int32_t *
ids_of(const WordTable *self, const Word *word)
{
    return (const int32_t *)self->ids.items + word->place;
}

static Word *
add_ids(WordTable *self, uint64_t hash, const uint64_t *blocks, size_t length, const int32_t *ids,
        size_t count)
{
    size_t place = self->ids.size;
    if (append(&self->ids, ids, count) < 0) {
        return NULL;
    }
    Word *added = words_add(&self->words, hash, blocks, length);
    if (added != NULL) {
        added->place = place;
        added->count = count;
    }
    return added;
}

/* If the table is too large, keep only the words from `learn`. */
static void
forget_if_full(WordTable *self)
{
    const size_t limit = (size_t)self->limit;
    if (self->words.words.size - self->learnt > limit
        || self->words.keys.size - self->learnt_blocks > BLOCKS_A_WORD * limit
        || self->ids.size - self->learnt_ids > IDS_A_WORD * limit) {
        words_cut(&self->words, self->learnt, self->learnt_blocks);
        self->ids.size = self->learnt_ids;
    }
}

/* Return whether a value is bytes of 32-bit ids; sets an error if not. */
static int
validate_ids(PyObject *value)
{
    if (!PyBytes_Check(value)) {
        PyErr_SetString(PyExc_TypeError, "ids are bytes");
        return -1;
    }
    if (PyBytes_GET_SIZE(value) % (Py_ssize_t)sizeof(int32_t) != 0) {
        value_error("ids have 32 bits each");
        return -1;
    }
    return 0;
}

static int
validate_word(PyObject *word, PyObject *value)
{
    if (!PyUnicode_Check(word)) {
        PyErr_SetString(PyExc_TypeError, "words are strings");
        return -1;
    }
    return validate_ids(value);
}

static int
add_word(WordTable *self, PyObject *word, PyObject *value, String *string)
{
    if (validate_word(word, value) < 0) {
        return -1;
    }
    const Text text = text_of(word);
    string_clear(string, self->words.seed);
    if (string_append_all(string, &text) < 0) {
        return -1;
    }
    string_end(string);
    const uint64_t *blocks = string->blocks.items;
    if (words_find(&self->words, string->hash, blocks, string->length) != NULL) {
        return 0;
    }
    const Word *added = add_ids(self, string->hash, blocks, string->length,
                                (const int32_t *)PyBytes_AS_STRING(value),
                                (size_t)PyBytes_GET_SIZE(value) / sizeof(int32_t));
    return added == NULL ? -1 : 0;
}

static PyObject *
WordTable_add(WordTable *self, PyObject *words)
{
    if (!PyDict_Check(words)) {
        PyErr_SetString(PyExc_TypeError, "words come in a dict");
        return NULL;
    }
    forget_if_full(self);
    PyObject *word, *value;
    Py_ssize_t position = 0;
    String string = {.length = 0};
    int status = 0;
    while (status == 0 && PyDict_Next(words, &position, &word, &value)) {
        status = add_word(self, word, value, &string);
    }
    PyMem_Free(string.blocks.items);
    if (status < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static size_t
merge_slot(const WordTable *self, int32_t left, int32_t right)
{
    uint64_t hash = hash_step(self->words.seed, (uint64_t)(uint32_t)left << 32 | (uint32_t)right);
    size_t slot = hash & (self->merge_slots - 1);
    for (; self->merges[slot].rank != 0; slot = (slot + 1) & (self->merge_slots - 1)) {
        if (self->merges[slot].left == left && self->merges[slot].right == right) {
            break;
        }
    }
    return slot;
}

/* The rank of two adjacent pieces is 0 if they do not merge. */
static inline Merge
merge_of(const WordTable *self, const int32_t *pieces)
{
    return self->merges[merge_slot(self, pieces[0], pieces[1])];
}

/* Byte pair encoding: repeatedly merge the adjacent pieces of the lowest rank, the leftmost first.
 * Returns the number of pieces. */
static size_t
spell(const WordTable *self, const PlainWord *word, int32_t *pieces)
{
    Merge merges[LONGEST_PLAIN_WORD + 1]; /* of each piece with the next one */
    size_t count = word->length + 1;
    pieces[0] = self->alphabet[0]; /* a space starts every word */
    for (size_t i = 0; i < word->length; i++) {
        pieces[i + 1] = self->alphabet[plain_character(word->blocks, i) - ' '];
        merges[i] = merge_of(self, pieces + i);
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
            merges[best - 1] = merge_of(self, pieces + best - 1);
        }
        if (best + 1 < count) {
            merges[best] = merge_of(self, pieces + best);
        }
    }
}

/* Append the ids of the plain string that starts at `start`. Returns its end; `start` if it is not
 * plain (then nothing is appended); -1 if out of memory. */
static Py_ssize_t
append_plain(WordTable *self, const Text *text, Py_ssize_t start, Reading *reading)
{
    PlainWord word;
    const size_t before = reading->packed.size;
    Py_ssize_t end = start;
    while (end < text->length && !is_space(character_at(text, end))) {
        read_plain(&word, text, end, self->words.seed);
        if (word.length == 0) {
            reading->packed.size = before;
            return start;
        }
        const Word *found = words_find(&self->words, word.hash, word.blocks, word.length);
        if (found == NULL) {
            int32_t pieces[LONGEST_PLAIN_WORD + 1];
            size_t count = spell(self, &word, pieces);
            found = add_ids(self, word.hash, word.blocks, word.length, pieces, count);
        }
        if (found == NULL || append(&reading->packed, ids_of(self, found), found->count) < 0) {
            return -1;
        }
        end += (Py_ssize_t)word.length;
    }
    return end;
}

/* Append the ids of a word that is not in the table: from `known`, or else note it as unknown. */
static int
append_unkept(Reading *reading, const Text *text, Py_ssize_t start, Py_ssize_t end)
{
    PyObject *word = PyUnicode_Substring(text->string, start, end);
    if (word == NULL) {
        return -1;
    }
    int status = -1;
    PyObject *value = PyDict_GetItemWithError(reading->known, word);
    if (value == NULL) {
        reading->incomplete = 1;
        status = PyErr_Occurred() ? -1 : PySet_Add(reading->unknown, word);
    }
    else if (validate_ids(value) == 0) {
        status = append(&reading->packed, (const int32_t *)PyBytes_AS_STRING(value),
                        (size_t)PyBytes_GET_SIZE(value) / sizeof(int32_t));
    }
    Py_DECREF(word);
    return status;
}

/* Append the ids of the string that starts at `start`, unchanged. Returns its end; -1 on an
 * error. */
static Py_ssize_t
append_string(WordTable *self, const Text *text, Py_ssize_t start, Reading *reading)
{
    Py_ssize_t end = start;
    String *string = &reading->string;
    string_clear(string, self->words.seed);
    for (; end < text->length && !is_space(character_at(text, end)); end++) {
        if (string_append(string, character_at(text, end)) < 0) {
            return -1;
        }
    }
    string_end(string);
    const Word *found = words_find(&self->words, string->hash, string->blocks.items,
                                   string->length);
    int status = found == NULL ? append_unkept(reading, text, start, end)
                               : append(&reading->packed, ids_of(self, found), found->count);
    return status < 0 ? -1 : end;
}

/* Append the ids of a text's words until there are `most` after `begin`. */
static int
append_text(WordTable *self, const Text *text, Reading *reading)
{
    const size_t begin = reading->packed.size - 1; /* the index of the text's first id */
    for (Py_ssize_t start = 0; start < text->length; start++) {
        if (is_space(character_at(text, start))) {
            continue;
        }
        Py_ssize_t end = start;
        if (self->alphabet != NULL) {
            end = append_plain(self, text, start, reading);
        }
        if (end == start) {
            end = append_string(self, text, start, reading);
        }
        if (end < 0) {
            return -1;
        }
        if (reading->packed.size - begin >= reading->most) {
            reading->packed.size = begin + reading->most;
            break;
        }
        start = end;
    }
    return 0;
}

/* Append the ids of a text; none if it has unknown words. */
static int
append_row(WordTable *self, PyObject *item, int32_t first, Reading *reading)
{
    if (!PyUnicode_Check(item)) {
        PyErr_SetString(PyExc_TypeError, "texts are strings");
        return -1;
    }
    const Text text = text_of(item);
    const size_t begin = reading->packed.size;
    reading->incomplete = 0;
    if (self->alphabet != NULL) { /* else it only grows by `add` */
        forget_if_full(self);
    }
    if (append(&reading->packed, &first, 1) < 0 || append_text(self, &text, reading) < 0) {
        return -1;
    }
    if (reading->incomplete) {
        reading->packed.size = begin;
    }
    return 0;
}

/* The rows that an earlier call returned, as buffers. */
typedef struct {
    Py_buffer ids, offsets;
    int given; /* whether there was such a call */
} Rows;

static void
release_rows(Rows *rows)
{
    if (rows->given) {
        PyBuffer_Release(&rows->ids);
        PyBuffer_Release(&rows->offsets);
    }
}

static int
validate_rows(const Rows *rows, Py_ssize_t count)
{
    const int64_t *offsets = rows->offsets.buf;
    int valid = rows->offsets.len == (count + 1) * (Py_ssize_t)sizeof(int64_t)
                && (uintptr_t)offsets % sizeof(int64_t) == 0
                && (uintptr_t)rows->ids.buf % sizeof(int32_t) == 0;
    for (Py_ssize_t i = 0; valid && i < count; i++) {
        valid = offsets[i] >= 0 && offsets[i] <= offsets[i + 1];
    }
    if (!valid || offsets[count] > rows->ids.len / (Py_ssize_t)sizeof(int32_t)) {
        value_error("these rows do not belong to the texts");
        return -1;
    }
    return 0;
}

static int
get_rows(PyObject *before, Py_ssize_t count, Rows *rows)
{
    rows->given = 0;
    if (before == Py_None) {
        return 0;
    }
    if (!PyTuple_Check(before)) {
        PyErr_SetString(PyExc_TypeError, "rows are a pair");
        return -1;
    }
    if (!PyArg_ParseTuple(before, "y*y*", &rows->ids, &rows->offsets)) {
        argument_error();
        return -1;
    }
    rows->given = 1;
    if (validate_rows(rows, count) < 0) {
        release_rows(rows);
        return -1;
    }
    return 0;
}

/* Find the ids that an earlier call returned for a text; returns their number. */
static size_t
earlier_ids(const Rows *rows, Py_ssize_t text, const int32_t **ids)
{
    if (!rows->given) {
        return 0;
    }
    const int64_t *offsets = rows->offsets.buf;
    *ids = (const int32_t *)rows->ids.buf + offsets[text];
    return (size_t)(offsets[text + 1] - offsets[text]);
}

/* Append the ids of the texts, and the end of each. */
static int
append_texts(WordTable *self, PyObject *texts, int32_t first, const Rows *rows, Reading *reading,
             Array *offsets)
{
    Py_ssize_t count = PyTuple_GET_SIZE(texts);
    if (reserve(offsets, (size_t)count + 1, sizeof(int64_t)) < 0) {
        return -1;
    }
    int64_t *ends = offsets->items;
    ends[offsets->size++] = 0;
    for (Py_ssize_t i = 0; i < count; i++) {
        const int32_t *ids = NULL;
        const size_t done = earlier_ids(rows, i, &ids);
        int status = done > 0 ? append(&reading->packed, ids, done)
                              : append_row(self, PyTuple_GET_ITEM(texts, i), first, reading);
        if (status < 0) {
            return -1;
        }
        ends[offsets->size++] = (int64_t)reading->packed.size;
    }
    return 0;
}

static PyObject *
as_bytearray(const Array *array, size_t item_size)
{
    return PyByteArray_FromStringAndSize(array->items, (Py_ssize_t)(array->size * item_size));
}

static PyObject *
encode_texts(WordTable *self, PyObject *texts, int32_t first, const Rows *rows, Reading *reading)
{
    PyObject *result = NULL;
    Array offsets = {NULL, 0, 0};
    if (append_texts(self, texts, first, rows, reading, &offsets) == 0) {
        PyObject *ids = as_bytearray(&reading->packed, sizeof(int32_t));
        PyObject *ends = as_bytearray(&offsets, sizeof(int64_t));
        if (ids != NULL && ends != NULL) {
            result = PyTuple_Pack(3, ids, ends, reading->unknown);
        }
        Py_XDECREF(ids);
        Py_XDECREF(ends);
    }
    PyMem_Free(offsets.items);
    return result;
}

static PyObject *
WordTable_encode(WordTable *self, PyObject *args)
{
    PyObject *list, *known, *before = Py_None;
    int first;
    Py_ssize_t most;
    Rows rows;
    if (!PyArg_ParseTuple(args, "O!inO!|O", &PyList_Type, &list, &first, &most, &PyDict_Type,
                          &known, &before)) {
        return argument_error();
    }
    if (most < 1) {
        return value_error("a text has at least one id");
    }
    PyObject *texts = PyList_AsTuple(list); /* which is immutable */
    if (texts == NULL || get_rows(before, PyTuple_GET_SIZE(texts), &rows) < 0) {
        Py_XDECREF(texts);
        return NULL;
    }
    PyObject *result = NULL;
    Reading reading = {.most = (size_t)most, .known = known, .unknown = PySet_New(NULL)};
    if (reading.unknown != NULL) {
        result = encode_texts(self, texts, first, &rows, &reading);
    }
    PyMem_Free(reading.packed.items);
    PyMem_Free(reading.string.blocks.items);
    Py_XDECREF(reading.unknown);
    Py_DECREF(texts);
    release_rows(&rows);
    return result;
}

static int
set_merges(WordTable *self, const int32_t *triples, size_t count)
{
    size_t slots = 64;
    while (slots < 2 * count) {
        slots *= 2;
    }
    Merge *merges = PyMem_Calloc(slots, sizeof(Merge));
    if (merges == NULL || count >= UINT32_MAX) {
        PyMem_Free(merges);
        PyErr_NoMemory();
        return -1;
    }
    PyMem_Free(self->merges);
    self->merges = merges;
    self->merge_slots = slots;
    for (size_t i = 0; i < count; i++, triples += 3) {
        merges[merge_slot(self, triples[0], triples[1])] = (Merge){triples[0], triples[1],
                                                                   triples[2], (uint32_t)(i + 1)};
    }
    return 0;
}

/* Add a string if it is one plain word in lower case; others are never looked up as plain. */
static int
learn_word(WordTable *self, PyObject *string, PyObject *value)
{
    if (validate_word(string, value) < 0) {
        return -1;
    }
    const Text text = text_of(string);
    PlainWord word = {.length = 0};
    if (text.length > 0) {
        read_plain(&word, &text, 0, self->words.seed);
    }
    for (size_t i = 0; i < word.length; i++) {
        if (plain_character(word.blocks, i) != character_at(&text, (Py_ssize_t)i)) {
            return 0;
        }
    }
    if (word.length == 0 || word.length != (size_t)text.length) {
        return 0;
    }
    const Word *added = add_ids(self, word.hash, word.blocks, word.length,
                                (const int32_t *)PyBytes_AS_STRING(value),
                                (size_t)PyBytes_GET_SIZE(value) / sizeof(int32_t));
    return added == NULL ? -1 : 0;
}

static int
learn_words(WordTable *self, PyObject *words)
{
    words_cut(&self->words, 0, 0);
    self->ids.size = self->learnt = self->learnt_blocks = self->learnt_ids = 0;
    PyObject *word, *value;
    Py_ssize_t position = 0;
    while (PyDict_Next(words, &position, &word, &value)) {
        if (learn_word(self, word, value) < 0) {
            return -1;
        }
    }
    self->learnt = self->words.words.size;
    self->learnt_blocks = self->words.keys.size;
    self->learnt_ids = self->ids.size;
    return 0;
}

static PyObject *
WordTable_learn(WordTable *self, PyObject *args)
{
    enum { LETTERS = '~' - ' ' + 1 };
    PyObject *words, *alphabet, *merges;
    if (!PyArg_ParseTuple(args, "O!SS", &PyDict_Type, &words, &alphabet, &merges)) {
        return argument_error();
    }
    const size_t alphabet_size = (size_t)PyBytes_GET_SIZE(alphabet);
    const size_t merges_size = (size_t)PyBytes_GET_SIZE(merges);
    if (alphabet_size != LETTERS * sizeof(int32_t) || merges_size % (3 * sizeof(int32_t)) != 0) {
        return value_error("the alphabet has 95 ids, and a merge 3");
    }
    int32_t *letters = PyMem_Malloc(alphabet_size);
    if (letters == NULL) {
        return PyErr_NoMemory();
    }
    memcpy(letters, PyBytes_AS_STRING(alphabet), alphabet_size);
    PyMem_Free(self->alphabet);
    self->alphabet = NULL;
    if (set_merges(self, (const int32_t *)PyBytes_AS_STRING(merges),
                   merges_size / (3 * sizeof(int32_t)))
            < 0
        || learn_words(self, words) < 0) {
        PyMem_Free(letters);
        return NULL;
    }
    self->alphabet = letters;
    Py_RETURN_NONE;
}

static PyObject *
WordTable_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"limit", "seed", NULL};
    Py_ssize_t limit;
    unsigned long long seed;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "nK", names, &limit, &seed)) {
        return argument_error();
    }
    if (limit < 0 || limit > PY_SSIZE_T_MAX / IDS_A_WORD) {
        return value_error("limit is out of range");
    }
    WordTable *self = (WordTable *)type->tp_alloc(type, 0);
    if (self == NULL) {
        return NULL;
    }
    self->limit = limit;
    if (words_start(&self->words, seed) < 0) {
        Py_DECREF(self);
        return NULL;
    }
    return (PyObject *)self;
}

static void
WordTable_dealloc(WordTable *self)
{
    PyTypeObject *type = Py_TYPE(self);
    words_free(&self->words);
    PyMem_Free(self->ids.items);
    PyMem_Free(self->alphabet);
    PyMem_Free(self->merges);
    type->tp_free(self);
    Py_DECREF(type);
}

static Py_ssize_t
WordTable_length(WordTable *self)
{
    return (Py_ssize_t)self->words.words.size;
}

static PyMethodDef methods[] = {
    {"encode", (PyCFunction)WordTable_encode, METH_VARARGS, NULL},
    {"add", (PyCFunction)WordTable_add, METH_O, NULL},
    {"learn", (PyCFunction)WordTable_learn, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_new, WordTable_new},
    {Py_tp_dealloc, WordTable_dealloc},
    {Py_tp_methods, methods},
    {Py_sq_length, WordTable_length},
    {0, NULL},
};

PyType_Spec word_table_spec = {
    .name = "wave_network._native._extension.WordTable",
    .basicsize = sizeof(WordTable),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = slots,
};
