/* The compiled form of `PythonWordTable` of text/word_table.py: same methods, same results.
 *
 * Words are looked up by a hash of their bytes, computed while the text is scanned. After `learn`,
 * the table encodes plain words by itself, so `encode` no longer reports them as unknown.
 *
 * `encode` runs in parallel and without the GIL. The table changes only with the GIL held and while
 * no call reads it; words that are found meanwhile are found again later. */

#include "encoding.h"
#include "extension.h"

/* Limits on the mean size of words, because long words would fill the memory. */
enum { BLOCKS_A_WORD = 8, IDS_A_WORD = 16 };

typedef struct {
    PyObject_HEAD size_t limit;
    uint64_t seed;
    int readers; /* calls of `encode` that read the table without the GIL */
    IdTable table;
    Merges *merges;                           /* NULL before `learn` */
    size_t learnt, learnt_blocks, learnt_ids; /* of the table, from `learn` */
} WordTable;

/* If the table is too large, keep only the words from `learn`. */
static void
forget_if_full(WordTable *self)
{
    if (self->table.words.words.size - self->learnt > self->limit
        || self->table.words.keys.size - self->learnt_blocks > BLOCKS_A_WORD * self->limit
        || self->table.ids.size - self->learnt_ids > IDS_A_WORD * self->limit) {
        words_cut(&self->table.words, self->learnt, self->learnt_blocks);
        self->table.ids.size = self->learnt_ids;
    }
}

/* Keep the plain words that a shard has spelt; -1 if out of memory. */
static int
keep_spelt(WordTable *self, const IdTable *spelt)
{
    const Word *words = spelt->words.words.items;
    for (size_t i = 0; i < spelt->words.words.size; i++) {
        const uint64_t *key = key_of(&spelt->words, &words[i]);
        int32_t one;
        size_t count;
        const int32_t *ids = ids_of(spelt, &words[i], &one, &count);
        if (words_find(&self->table.words, words[i].hash, key, words[i].length) == NULL
            && add_word(&self->table, words[i].hash, key, words[i].length, ids, count)
                   == NULL) {
            return -1;
        }
    }
    return 0;
}

static PyObject *
unknown_strings(const Encoding *self)
{
    PyObject *unknown = PySet_New(NULL);
    Array bytes = {NULL, 0, 0};
    for (size_t i = 0; unknown != NULL && i < self->shard_count; i++) {
        const Words *words = &self->shards[i].unknown;
        for (size_t j = 0; unknown != NULL && j < words->words.size; j++) {
            const Word *word = (const Word *)words->words.items + j;
            PyObject *string = NULL;
            if (reserve(&bytes, word->length, 1) < 0) {
                PyErr_NoMemory();
            }
            else {
                words_copy(words, word, bytes.items);
                string = PyUnicode_DecodeUTF8(bytes.items, (Py_ssize_t)word->length, NULL);
            }
            if (string == NULL || PySet_Add(unknown, string) < 0) {
                Py_CLEAR(unknown);
            }
            Py_XDECREF(string);
        }
    }
    free(bytes.items);
    return unknown;
}

/* The packed ids, as 32-bit integers. */
static PyObject *
packed_ids(const Encoding *self)
{
    size_t size = 0;
    for (size_t i = 0; i < self->shard_count; i++) {
        size += self->shards[i].ids.size;
    }
    PyObject *bytes = PyByteArray_FromStringAndSize(NULL, (Py_ssize_t)(size * sizeof(int32_t)));
    char *target = bytes == NULL ? NULL : PyByteArray_AsString(bytes);
    for (size_t i = 0; bytes != NULL && i < self->shard_count; i++) {
        const Array *ids = &self->shards[i].ids;
        if (ids->size > 0) {
            memcpy(target, ids->items, ids->size * sizeof(int32_t));
            target += ids->size * sizeof(int32_t);
        }
    }
    return bytes;
}

/* The texts' offsets, as 64-bit integers. */
static PyObject *
packed_offsets(const Encoding *self)
{
    const size_t count = self->texts->count;
    PyObject *bytes = PyByteArray_FromStringAndSize(
        NULL, (Py_ssize_t)((count + 1) * sizeof(int64_t)));
    char *target = bytes == NULL ? NULL : PyByteArray_AsString(bytes);
    int64_t offset = 0;
    for (size_t i = 0; bytes != NULL && i <= count; i++) {
        memcpy(target + i * sizeof(offset), &offset, sizeof(offset));
        offset += i < count ? self->lengths[i] : 0;
    }
    return bytes;
}

static PyObject *
encoded(const Encoding *self)
{
    PyObject *ids = packed_ids(self), *offsets = packed_offsets(self);
    PyObject *unknown = unknown_strings(self), *result = NULL;
    if (ids != NULL && offsets != NULL && unknown != NULL) {
        result = PyTuple_Pack(3, ids, offsets, unknown);
    }
    Py_XDECREF(ids);
    Py_XDECREF(offsets);
    Py_XDECREF(unknown);
    return result;
}

/* Add strings with their ids, bytes of 32-bit integers, unless the table has them. */
static int
add_strings(IdTable *self, PyObject *words, uint64_t seed)
{
    PyObject *word, *value;
    Py_ssize_t position = 0;
    String string = {.length = 0};
    int status = 0;
    while (status == 0 && PyDict_Next(words, &position, &word, &value)) {
        Py_ssize_t length, size;
        char *ids;
        const char *bytes = PyUnicode_AsUTF8AndSize(word, &length);
        if (bytes == NULL || PyBytes_AsStringAndSize(value, &ids, &size) < 0) {
            status = -1;
        }
        else if (size % (Py_ssize_t)sizeof(int32_t) != 0) {
            value_error("ids have 32 bits each");
            status = -1;
        }
        else if (string_read(&string, (const uint8_t *)bytes, (size_t)length, seed) < 0
                 || (find_string(self, &string) == NULL
                     && add_word(self, string.hash, string.blocks.items, string.length, ids,
                                 (size_t)size / sizeof(int32_t))
                            == NULL)) {
            PyErr_NoMemory();
            status = -1;
        }
    }
    free(string.blocks.items);
    return status;
}

static PyObject *
encode_texts(WordTable *self, Encoding *encoding, PyObject *known, int threads)
{
    if (add_strings(&encoding->known, known, self->seed) < 0) {
        return NULL;
    }
    self->readers++;
    int status = encode_shards(encoding, threads);
    if (--self->readers == 0 && status == 0) {
        forget_if_full(self);
        for (size_t i = 0; status == 0 && i < encoding->shard_count; i++) {
            status = keep_spelt(self, &encoding->shards[i].spelt);
        }
    }
    return status < 0 ? PyErr_NoMemory() : encoded(encoding);
}

static PyObject *
WordTable_encode(WordTable *self, PyObject *args)
{
    PyObject *objects[PACKED_ARRAYS], *known;
    Py_buffer views[PACKED_ARRAYS];
    PackedTexts texts;
    long long characters;
    int first, threads;
    Py_ssize_t most;
    if (!PyArg_ParseTuple(args, "OOOinLiO!", &objects[0], &objects[1], &objects[2], &first, &most,
                          &characters, &threads, &PyDict_Type, &known)) {
        return argument_error();
    }
    if (most < 1) {
        return value_error("a text has at least one id");
    }
    if (acquire_texts(&texts, objects, views, characters) < 0) {
        return NULL;
    }
    Encoding encoding = {.table = &self->table, .merges = self->merges, .seed = self->seed,
                         .texts = &texts, .first = first, .most = (size_t)most};
    PyObject *result = encode_texts(self, &encoding, known, threads);
    encoding_free(&encoding);
    release_arrays(views, PACKED_ARRAYS);
    return result;
}

static PyObject *
WordTable_add(WordTable *self, PyObject *words)
{
    if (!PyDict_Check(words)) {
        PyErr_SetString(PyExc_TypeError, "words come in a dict");
        return NULL;
    }
    if (self->readers == 0) {
        forget_if_full(self);
        if (add_strings(&self->table, words, self->seed) < 0) {
            return NULL;
        }
    }
    Py_RETURN_NONE;
}

/* Learn one entry of a byte-level vocabulary: a letter, or U+0120 and a plain word in lower case;
 * plain strings have no others. -1 if out of memory. */
static int
learn_entry(WordTable *self, Merges *merges, const uint8_t *bytes, size_t length, int32_t id)
{
    if (length == 1 && *bytes > ' ' && *bytes <= '~') {
        merges->letters[*bytes - ' '] = id;
    }
    if (length < 2 || bytes[0] != 0xc4 || bytes[1] != 0xa0) {
        return 0;
    }
    const uint8_t *at = bytes + 2, *end = bytes + length;
    if (at == end) {
        merges->letters[0] = id;
        return 0;
    }
    for (const uint8_t *letter = at; letter < end; letter++) {
        if (*letter >= 'A' && *letter <= 'Z') {
            return 0;
        }
    }
    PlainWord word;
    if (plain_end(at, end) != end) {
        return 0;
    }
    read_plain(&word, at, end, self->seed);
    if (word.length != length - 2) {
        return 0;
    }
    return add_word(&self->table, word.hash, word.blocks, word.length, &id, 1) == NULL ? -1 : 0;
}

static int
learn_entries(WordTable *self, Merges *merges, PyObject *vocabulary)
{
    PyObject *token, *value;
    Py_ssize_t position = 0, length;
    while (PyDict_Next(vocabulary, &position, &token, &value)) {
        const char *bytes = PyUnicode_AsUTF8AndSize(token, &length);
        const long long id = bytes == NULL ? -1 : PyLong_AsLongLong(value);
        if (PyErr_Occurred()) {
            argument_error();
            return -1;
        }
        if (id < 0 || id > INT32_MAX) {
            value_error("an id is out of range");
            return -1;
        }
        if (learn_entry(self, merges, (const uint8_t *)bytes, (size_t)length, (int32_t)id) < 0) {
            PyErr_NoMemory();
            return -1;
        }
    }
    return 0;
}

static void
merges_free(Merges *merges)
{
    if (merges != NULL) {
        free(merges->slots);
        free(merges);
    }
}

/* Learn a vocabulary and the merges, three ids each; -1 with an error. */
static int
learn(WordTable *self, PyObject *vocabulary, const Py_buffer *triples)
{
    if (self->readers > 0 || self->merges != NULL) {
        PyErr_SetString(PyExc_RuntimeError, "a table learns once, before it is read");
        return -1;
    }
    Merges *merges = calloc(1, sizeof(Merges));
    if (merges == NULL
        || merges_start(merges, triples->buf, (size_t)triples->shape[0], self->seed) < 0) {
        merges_free(merges);
        PyErr_NoMemory();
        return -1;
    }
    words_cut(&self->table.words, 0, 0);
    self->table.ids.size = 0;
    if (learn_entries(self, merges, vocabulary) < 0) {
        merges_free(merges);
        words_cut(&self->table.words, 0, 0);
        self->table.ids.size = 0;
        return -1;
    }
    self->learnt = self->table.words.words.size;
    self->learnt_blocks = self->table.words.keys.size;
    self->learnt_ids = self->table.ids.size;
    self->merges = merges;
    return 0;
}

static PyObject *
WordTable_learn(WordTable *self, PyObject *args)
{
    static const ArraySpec merges_spec = INT32("merges", 2);
    PyObject *vocabulary, *array;
    Py_buffer merges;
    if (!PyArg_ParseTuple(args, "O!O", &PyDict_Type, &vocabulary, &array)
        || acquire_array(array, &merges, &merges_spec) < 0) {
        return argument_error();
    }
    const int fits = merges.shape[1] == 3, status = fits ? learn(self, vocabulary, &merges) : -1;
    PyBuffer_Release(&merges);
    if (!fits) {
        return value_error("a merge has 3 ids");
    }
    if (status < 0) {
        return NULL;
    }
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
    if (limit < 0 || limit > INT32_MAX) {
        return value_error("limit is out of range");
    }
    allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    WordTable *self = (WordTable *)allocate(type, 0);
    if (self != NULL) {
        self->limit = (size_t)limit;
        self->seed = seed;
    }
    return (PyObject *)self;
}

static void
WordTable_dealloc(WordTable *self)
{
    PyTypeObject *type = Py_TYPE((PyObject *)self);
    id_table_free(&self->table);
    merges_free(self->merges);
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(self);
    Py_DECREF(type);
}

static Py_ssize_t
WordTable_length(WordTable *self)
{
    return (Py_ssize_t)self->table.words.words.size;
}

static PyMethodDef methods[] = {
    {"encode", (PyCFunction)(void (*)(void))WordTable_encode, METH_VARARGS, NULL},
    {"add", (PyCFunction)(void (*)(void))WordTable_add, METH_O, NULL},
    {"learn", (PyCFunction)(void (*)(void))WordTable_learn, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_new, (void *)WordTable_new},
    {Py_tp_dealloc, (void *)WordTable_dealloc},
    {Py_tp_methods, methods},
    {Py_sq_length, (void *)WordTable_length},
    {0, NULL},
};

PyType_Spec word_table_spec = {
    .name = "wave_network._native._extension.WordTable",
    .basicsize = sizeof(WordTable),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = slots,
};
