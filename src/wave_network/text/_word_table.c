/* The compiled form of word_table.PythonWordTable: same methods, same answers.
 *
 * Words are found by a hash of their characters, read off the text as it is scanned: no string is
 * made for a word that is known. Once it has learnt how plain words are spelt, it asks for these no
 * more. All runs under the interpreter's lock. */

#include "../_words.h"

/* More on average, and as many ids, are not kept: long words would fill the memory. */
enum { CHARACTERS_A_WORD = 16 };

/* Two pieces that make one. Of several the one that was learnt first goes first. */
typedef struct {
    int32_t left, right, piece;
    uint32_t rank; /* from 1; 0 in an empty slot */
} Merge;

typedef struct {
    PyObject_HEAD
    Py_ssize_t limit;
    Words words; /* their ids: `count` of them, from `place` on in `ids` */
    Array ids;   /* of int32_t */
    /* What `learn` was given: the first words, and what spells others. */
    size_t learnt, learnt_characters, learnt_ids;
    int32_t *alphabet; /* the ids of ' ' to '~'; NULL before */
    Merge *merges;
    size_t merge_slots; /* a power of two, at least twice the merges */
} WordTable;

/* What `encode` is given, and makes. */
typedef struct {
    size_t most;
    PyObject *known, *unknown;
    Array packed; /* of int32_t */
    Array string; /* of Py_UCS4: what spaces enclose */
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
add_ids(WordTable *self, uint64_t hash, const Py_UCS4 *word, size_t length, const int32_t *ids,
        size_t count)
{
    size_t place = self->ids.size;
    if (append(&self->ids, ids, count) < 0) {
        return NULL;
    }
    Word *added = words_add(&self->words, hash, word, length);
    if (added != NULL) {
        added->place = place;
        added->count = count;
    }
    return added;
}

/* Keep what was learnt alone, if the rest has become too much. */
static void
forget_if_full(WordTable *self)
{
    const size_t limit = (size_t)self->limit, most = CHARACTERS_A_WORD * limit;
    if (self->words.words.size - self->learnt > limit
        || self->words.keys.size - self->learnt_characters > most
        || self->ids.size - self->learnt_ids > most) {
        words_cut(&self->words, self->learnt, self->learnt_characters);
        self->ids.size = self->learnt_ids;
    }
}

static int
add_word(WordTable *self, PyObject *word, PyObject *value)
{
    if (!PyUnicode_Check(word) || !PyBytes_Check(value)) {
        PyErr_SetString(PyExc_TypeError, "words are strings, and their ids bytes");
        return -1;
    }
    Py_UCS4 *characters = PyUnicode_AsUCS4Copy(word);
    if (characters == NULL) {
        return -1;
    }
    int status = 0;
    size_t length = (size_t)PyUnicode_GET_LENGTH(word);
    uint64_t hash = hash_word(self->words.seed, characters, length);
    if (words_find(&self->words, hash, characters, length) == NULL
        && add_ids(self, hash, characters, length, (const int32_t *)PyBytes_AS_STRING(value),
                   (size_t)PyBytes_GET_SIZE(value) / sizeof(int32_t)) == NULL) {
        status = -1;
    }
    PyMem_Free(characters);
    return status;
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
    while (PyDict_Next(words, &position, &word, &value)) {
        if (add_word(self, word, value) < 0) {
            return NULL;
        }
    }
    Py_RETURN_NONE;
}

static size_t
merge_slot(const WordTable *self, int32_t left, int32_t right)
{
    uint64_t hash = hash_step(hash_step(self->words.seed, (Py_UCS4)left), (Py_UCS4)right);
    size_t slot = hash & (self->merge_slots - 1);
    for (; self->merges[slot].rank != 0; slot = (slot + 1) & (self->merge_slots - 1)) {
        if (self->merges[slot].left == left && self->merges[slot].right == right) {
            break;
        }
    }
    return slot;
}

/* The rank of two neighbours is 0 if they do not merge. */
static inline Merge
merge_of(const WordTable *self, const int32_t *pieces)
{
    return self->merges[merge_slot(self, pieces[0], pieces[1])];
}

/* Byte pair encoding: of the neighbours that merge those that were learnt first, the leftmost of
 * them, until none do. Gives the number of pieces. */
static size_t
spell(const WordTable *self, const Py_UCS4 *word, size_t length, int32_t *pieces)
{
    Merge merges[LONGEST_PLAIN_WORD + 1]; /* of each piece with the next one */
    size_t count = length + 1;
    pieces[0] = self->alphabet[0]; /* a space starts every word */
    for (size_t i = 0; i < length; i++) {
        pieces[i + 1] = self->alphabet[word[i] - ' '];
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

/* Append the ids of the plain string that starts at `start`. Gives its end; `start` if it is not
 * plain, and then nothing is appended; -1 if there is no memory. */
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
        const Word *found = words_find(&self->words, word.hash, word.characters, word.length);
        if (found == NULL) {
            int32_t pieces[LONGEST_PLAIN_WORD + 1];
            size_t count = spell(self, word.characters, word.length, pieces);
            found = add_ids(self, word.hash, word.characters, word.length, pieces, count);
        }
        if (found == NULL || append(&reading->packed, ids_of(self, found), found->count) < 0) {
            return -1;
        }
        end += (Py_ssize_t)word.length;
    }
    return end;
}

/* Append the ids of a word that the table lacks, if `known` has it, else note it. */
static int
append_unkept(Reading *reading)
{
    PyObject *word = PyUnicode_FromKindAndData(PyUnicode_4BYTE_KIND, reading->string.items,
                                               (Py_ssize_t)reading->string.size);
    if (word == NULL) {
        return -1;
    }
    int status = -1;
    PyObject *value = PyDict_GetItemWithError(reading->known, word);
    if (value == NULL) {
        status = PyErr_Occurred() ? -1 : PySet_Add(reading->unknown, word);
    }
    else if (!PyBytes_Check(value)) {
        PyErr_SetString(PyExc_TypeError, "ids are bytes");
    }
    else {
        status = append(&reading->packed, (const int32_t *)PyBytes_AS_STRING(value),
                        (size_t)PyBytes_GET_SIZE(value) / sizeof(int32_t));
    }
    Py_DECREF(word);
    return status;
}

/* Append the ids of the string that starts at `start`, as it stands. Gives its end; -1 if there is
 * an error. */
static Py_ssize_t
append_string(WordTable *self, const Text *text, Py_ssize_t start, Reading *reading)
{
    Py_ssize_t end = start;
    Array *string = &reading->string;
    uint64_t hash = self->words.seed;
    string->size = 0;
    for (; end < text->length; end++) {
        Py_UCS4 character = character_at(text, end);
        if (is_space(character)) {
            break;
        }
        if (reserve(string, 1, sizeof(Py_UCS4)) < 0) {
            return -1;
        }
        ((Py_UCS4 *)string->items)[string->size++] = character;
        hash = hash_step(hash, character);
    }
    const Word *found = words_find(&self->words, hash, string->items, string->size);
    int status = found == NULL
                     ? append_unkept(reading)
                     : append(&reading->packed, ids_of(self, found), found->count);
    return status < 0 ? -1 : end;
}

/* Append the ids of a text's words until there are `most` after `begin`. */
static int
append_text(WordTable *self, const Text *text, Reading *reading)
{
    const size_t begin = reading->packed.size - 1; /* of the text's first id, which is there */
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

/* Append the texts' ids, and where each text's end. */
static int
append_texts(WordTable *self, PyObject *texts, int32_t first, Reading *reading, Array *offsets)
{
    Py_ssize_t count = PyList_GET_SIZE(texts);
    if (reserve(offsets, (size_t)count + 1, sizeof(int64_t)) < 0) {
        return -1;
    }
    int64_t *ends = offsets->items;
    ends[offsets->size++] = 0;
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *item = PyList_GET_ITEM(texts, i);
        if (!PyUnicode_Check(item)) {
            PyErr_SetString(PyExc_TypeError, "texts are strings");
            return -1;
        }
        const Text text = text_of(item);
        if (self->alphabet != NULL) { /* else it grows by `add` alone */
            forget_if_full(self);
        }
        if (append(&reading->packed, &first, 1) < 0 || append_text(self, &text, reading) < 0) {
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
WordTable_encode(WordTable *self, PyObject *args)
{
    PyObject *texts, *known;
    int first;
    Py_ssize_t most;
    if (!PyArg_ParseTuple(args, "O!inO!", &PyList_Type, &texts, &first, &most, &PyDict_Type,
                          &known)) {
        return NULL;
    }
    if (most < 1) {
        PyErr_SetString(PyExc_ValueError, "a text has one id at least");
        return NULL;
    }
    PyObject *unknown = PySet_New(NULL), *result = NULL;
    Reading reading = {.most = (size_t)most, .known = known, .unknown = unknown};
    Array offsets = {NULL, 0, 0};
    if (unknown != NULL && append_texts(self, texts, first, &reading, &offsets) == 0) {
        PyObject *ids = as_bytearray(&reading.packed, sizeof(int32_t));
        PyObject *ends = as_bytearray(&offsets, sizeof(int64_t));
        if (ids != NULL && ends != NULL) {
            result = PyTuple_Pack(3, ids, ends, unknown);
        }
        Py_XDECREF(ids);
        Py_XDECREF(ends);
    }
    PyMem_Free(reading.packed.items);
    PyMem_Free(reading.string.items);
    PyMem_Free(offsets.items);
    Py_XDECREF(unknown);
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
        merges[merge_slot(self, triples[0], triples[1])] =
            (Merge){triples[0], triples[1], triples[2], (uint32_t)(i + 1)};
    }
    return 0;
}

/* Whether it is one plain word in lower case: others are never looked up as such. */
static int
is_plain_word(PyObject *string)
{
    if (!PyUnicode_Check(string) || PyUnicode_GET_LENGTH(string) == 0) {
        return 0;
    }
    PlainWord word;
    const Text text = text_of(string);
    read_plain(&word, &text, 0, 0);
    size_t same = 0;
    while (same < word.length && word.characters[same] == character_at(&text, (Py_ssize_t)same)) {
        same++;
    }
    return same == (size_t)text.length;
}

static int
learn_words(WordTable *self, PyObject *words)
{
    words_cut(&self->words, 0, 0);
    self->ids.size = self->learnt = self->learnt_characters = self->learnt_ids = 0;
    PyObject *word, *value;
    Py_ssize_t position = 0;
    while (PyDict_Next(words, &position, &word, &value)) {
        if (is_plain_word(word) && add_word(self, word, value) < 0) {
            return -1;
        }
    }
    self->learnt = self->words.words.size;
    self->learnt_characters = self->words.keys.size;
    self->learnt_ids = self->ids.size;
    return 0;
}

static PyObject *
WordTable_learn(WordTable *self, PyObject *args)
{
    enum { LETTERS = '~' - ' ' + 1 };
    PyObject *words, *alphabet, *merges;
    if (!PyArg_ParseTuple(args, "O!SS", &PyDict_Type, &words, &alphabet, &merges)) {
        return NULL;
    }
    const size_t alphabet_size = (size_t)PyBytes_GET_SIZE(alphabet);
    const size_t merges_size = (size_t)PyBytes_GET_SIZE(merges);
    if (alphabet_size != LETTERS * sizeof(int32_t) || merges_size % (3 * sizeof(int32_t)) != 0) {
        PyErr_SetString(PyExc_ValueError, "the alphabet has 95 ids, and a merge 3");
        return NULL;
    }
    int32_t *letters = PyMem_Malloc(alphabet_size);
    if (letters == NULL) {
        return PyErr_NoMemory();
    }
    memcpy(letters, PyBytes_AS_STRING(alphabet), alphabet_size);
    PyMem_Free(self->alphabet);
    self->alphabet = NULL;
    if (set_merges(self, (const int32_t *)PyBytes_AS_STRING(merges),
                   merges_size / (3 * sizeof(int32_t))) < 0
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
        return NULL;
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

static PyType_Spec spec = {
    .name = "wave_network.text._word_table.WordTable",
    .basicsize = sizeof(WordTable),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = slots,
};

static int
module_exec(PyObject *module)
{
    PyObject *type = PyType_FromSpec(&spec);
    if (type == NULL || PyModule_AddObject(module, "WordTable", type) < 0) {
        Py_XDECREF(type);
        return -1;
    }
    return 0;
}

static PyModuleDef_Slot module_slots[] = {
    {Py_mod_exec, module_exec},
    {0, NULL},
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "_word_table", NULL, 0, NULL, module_slots, NULL, NULL, NULL,
};

PyMODINIT_FUNC
PyInit__word_table(void)
{
    return PyModuleDef_Init(&module);
}
