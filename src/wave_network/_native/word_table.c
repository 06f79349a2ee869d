/* The compiled form of `PythonWordTable` of text/word_table.py: same methods, same results.
 *
 * Words are looked up by a hash of their bytes, computed while the text is scanned. After `learn`,
 * the table encodes plain words by itself, so `encode` no longer reports them as unknown.
 *
 * `encode` runs in parallel and without the GIL. The table changes only with the GIL held and while
 * no call reads it; words that are found meanwhile are found again later. */

#include "extension.h"
#include "merges.h"
#include "packed_texts.h"
#include "parallel.h"

/* Limits on the mean size of words, because long words would fill the memory. */
enum { BLOCKS_A_WORD = 8, IDS_A_WORD = 16 };

enum { SHARD_BYTES = 1 << 16 };

/* A word's value is twice its id and one more; or, if it has several ids or none, twice a place in
 * `ids`: first their number, then they. */
typedef struct {
    Words words;
    Array ids; /* of int32_t */
} IdTable;

typedef struct {
    PyObject_HEAD size_t limit;
    uint64_t seed;
    int readers; /* calls of `encode` that read the table without the GIL */
    IdTable table;
    Merges *merges;                            /* NULL before `learn` */
    size_t learnt, learnt_blocks, learnt_ids;  /* of the table, from `learn` */
} WordTable;

/* What one shard of the texts gives. */
typedef struct {
    Array ids;     /* of int32_t, of all its texts */
    IdTable spelt; /* plain words that the table lacks */
    Words unknown; /* strings whose ids are not known */
    String string; /* buffer for one string */
    int failed;
} Shard;

/* One call of `encode`. */
typedef struct {
    const WordTable *table;
    const PackedTexts *texts;
    IdTable known; /* as the table, for this call */
    int32_t first;
    size_t most;
    size_t *bounds;
    Shard *shards;
    size_t shard_count;
    int64_t *lengths; /* of each text, in ids */
} Encoding;

static int
append(Array *ids, const void *more, size_t count)
{
    if (reserve(ids, count, sizeof(int32_t)) < 0) {
        return -1;
    }
    memcpy((int32_t *)ids->items + ids->size, more, count * sizeof(int32_t));
    ids->size += count;
    return 0;
}

/* The ids of a word, and their number; `one` is memory for a single id. */
static const int32_t *
ids_of(const IdTable *table, const Word *word, int32_t *one, size_t *count)
{
    if (word->value & 1) {
        *one = (int32_t)(word->value >> 1);
        *count = 1;
        return one;
    }
    const int32_t *found = (const int32_t *)table->ids.items + (word->value >> 1);
    *count = (size_t)*found;
    return found + 1;
}

static int
append_ids_of(Array *ids, const IdTable *table, const Word *word)
{
    int32_t one;
    size_t count;
    const int32_t *found = ids_of(table, word, &one, &count);
    return append(ids, found, count);
}

/* Add a word that the table lacks; NULL if out of memory. */
static const Word *
add_word(IdTable *self, uint64_t hash, const uint64_t *blocks, size_t length, const void *ids,
         size_t count)
{
    int32_t number = -1;
    if (count == 1) {
        memcpy(&number, ids, sizeof(number));
    }
    const size_t value = number >= 0 ? (size_t)number << 1 | 1 : self->ids.size << 1;
    if (number < 0) {
        number = (int32_t)count;
        if (append(&self->ids, &number, 1) < 0 || append(&self->ids, ids, count) < 0) {
            return NULL;
        }
    }
    Word *added = words_add(&self->words, hash, blocks, length);
    if (added != NULL) {
        added->value = value;
    }
    return added;
}

static void
id_table_free(IdTable *self)
{
    words_free(&self->words);
    free(self->ids.items);
}

static const Word *
find_string(const IdTable *table, const String *string)
{
    return words_find(&table->words, string->hash, string->blocks.items, string->length);
}

static int
is_space(uint8_t byte)
{
    return byte == ' ' || byte == '\n';
}

/* Append the ids of the words of a plain string. */
static int
append_plain(const WordTable *self, Shard *shard, const uint8_t *at, const uint8_t *end)
{
    PlainWord word;
    for (; at < end; at += word.length) {
        read_plain(&word, at, end, self->seed);
        const IdTable *table = &self->table;
        const Word *found = words_find(&table->words, word.hash, word.blocks, word.length);
        if (found == NULL) {
            table = &shard->spelt;
            found = words_find(&table->words, word.hash, word.blocks, word.length);
        }
        if (found == NULL) {
            int32_t pieces[LONGEST_PLAIN_WORD + 1];
            const size_t count = spell(self->merges, &word, pieces);
            found = add_word(&shard->spelt, word.hash, word.blocks, word.length, pieces, count);
        }
        if (found == NULL || append_ids_of(&shard->ids, table, found) < 0) {
            return -1;
        }
    }
    return 0;
}

/* Append the ids of a string as it is, or note it as unknown; -1 if out of memory, 1 if unknown. */
static int
append_string(const Encoding *self, Shard *shard, const uint8_t *at, const uint8_t *end)
{
    String *string = &shard->string;
    if (string_read(string, at, (size_t)(end - at), self->table->seed) < 0) {
        return -1;
    }
    const IdTable *tables[] = {&self->table->table, &self->known};
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
static int
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
        if (self->table->merges != NULL) {
            stop = plain_end(text.at, text.end);
        }
        if (stop != NULL && (stop == text.end || is_space(*stop))) {
            status = append_plain(self->table, shard, text.at, stop);
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
    if (shard->ids.size - begin > self->most) {
        shard->ids.size = begin + self->most;
    }
    if (!complete) {
        shard->ids.size = begin;
    }
    return 0;
}

static void
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

static void
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
static int
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
    Encoding encoding = {.table = self, .texts = &texts, .first = first, .most = (size_t)most};
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

/* Learn a vocabulary and the merges, three ids each; 0, 1 if nothing was learnt, -1 with an error. */
static int
learn(WordTable *self, PyObject *vocabulary, const Py_buffer *triples)
{
    if (self->readers > 0 || self->merges != NULL) { /* another thread reads it, or has learnt it */
        return 1;
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
    return status < 0 ? NULL : PyBool_FromLong(self->merges != NULL);
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
