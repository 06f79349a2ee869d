/* Read lines as fastText reads them: words, subwords and word n-grams as rows of its table
 * (text/fasttext_dictionary.py). */

#include "extension.h"
#include "packed_texts.h"
#include "parallel.h"

enum { SHARD_BYTES = 1 << 16 };

/* From ids that a file kept to their new ones; slots hold -1 where they are free. */
typedef struct {
    int32_t *keys, *values;
    uint32_t mask;
} Kept;

typedef struct {
    PyObject_HEAD
    uint8_t *bytes;  /* the entries, words first, one after the other */
    int64_t *starts; /* (entries + 1,) */
    int32_t entries, words;
    int32_t *slots; /* entries by their hash; -1: free */
    uint32_t mask;
    int64_t shortest, longest, ngram; /* characters of subwords, words of n-grams */
    uint32_t buckets;
    int is_pruned;
    Kept kept;
} LineReader;

/* What a shard's lines hold, of int32_t; `ids_of` and `labels_of` count those of each line. */
typedef struct {
    Array ids, labels, hashes, word;
    int failed;
} Shard;

typedef struct {
    const LineReader *reader;
    const PackedTexts *texts;
    const size_t *bounds;
    Shard *shards;
    int64_t *id_counts, *label_counts; /* of each line */
} Reading;

static const char end_of_line[] = "</s>", label_start[] = "__label__";

static inline uint32_t
hash_on(uint32_t hash, uint8_t byte)
{
    return (hash ^ (uint32_t)(int8_t)byte) * UINT32_C(16777619);
}

static inline uint32_t
hash_of(const uint8_t *at, size_t length)
{
    uint32_t hash = UINT32_C(2166136261);
    for (size_t i = 0; i < length; i++) {
        hash = hash_on(hash, at[i]);
    }
    return hash;
}

static inline int
is_blank(uint8_t byte)
{
    return byte == ' ' || byte == 0 || (byte >= '\t' && byte <= '\r');
}

static inline int
starts_with(const uint8_t *at, size_t length, const char *start)
{
    const size_t size = strlen(start);
    return length >= size && memcmp(at, start, size) == 0;
}

static inline int
push(Array *array, int32_t value)
{
    if (reserve(array, 1, sizeof(int32_t)) < 0) {
        return -1;
    }
    ((int32_t *)array->items)[array->size++] = value;
    return 0;
}

/* The slot of an entry, or the free one where it belongs. */
static inline uint32_t
slot_of(const LineReader *self, const uint8_t *at, size_t length, uint32_t hash)
{
    uint32_t slot = (hash * UINT32_C(0x9E3779B1)) & self->mask;
    for (;; slot = (slot + 1) & self->mask) {
        const int32_t entry = self->slots[slot];
        if (entry < 0) {
            return slot;
        }
        const int64_t start = self->starts[entry];
        if ((size_t)(self->starts[entry + 1] - start) == length
            && memcmp(self->bytes + start, at, length) == 0) {
            return slot;
        }
    }
}

static inline uint32_t
kept_slot(const Kept *kept, int32_t key)
{
    uint32_t slot = ((uint32_t)key * UINT32_C(0x9E3779B1)) & kept->mask;
    while (kept->keys[slot] >= 0 && kept->keys[slot] != key) {
        slot = (slot + 1) & kept->mask;
    }
    return slot;
}

/* Add the row of a bucket, if the file kept it. */
static inline int
push_bucket(const LineReader *self, Array *ids, uint32_t bucket)
{
    int32_t row = (int32_t)bucket;
    if (self->is_pruned) {
        const uint32_t slot = kept_slot(&self->kept, row);
        if (self->kept.keys[slot] < 0) {
            return 0;
        }
        row = self->kept.values[slot];
    }
    return push(ids, self->words + row);
}

/* Add the subwords of a word between `<` and `>`; no character of UTF-8 is cut. */
static int
push_subwords(const LineReader *self, Shard *shard, const uint8_t *at, size_t length)
{
    Array *word = &shard->word;
    word->size = 0;
    if (reserve(word, length + 2, 1) < 0) {
        return -1;
    }
    uint8_t *bytes = word->items;
    const size_t size = length + 2;
    bytes[0] = '<';
    memcpy(bytes + 1, at, length);
    bytes[size - 1] = '>';
    for (size_t i = 0; i < size; i++) {
        if ((bytes[i] & 0xc0) == 0x80) {
            continue;
        }
        uint32_t hash = UINT32_C(2166136261);
        size_t j = i;
        for (int64_t n = 1; j < size && n <= self->longest; n++) {
            do {
                hash = hash_on(hash, bytes[j++]);
            } while (j < size && (bytes[j] & 0xc0) == 0x80);
            if (n >= self->shortest && !(n == 1 && (i == 0 || j == size))
                && push_bucket(self, &shard->ids, hash % self->buckets) < 0) {
                return -1;
            }
        }
    }
    return 0;
}

/* Add the n-grams of the words of a line by their hashes. */
static int
push_ngrams(const LineReader *self, Shard *shard)
{
    const int32_t *hashes = shard->hashes.items;
    const size_t count = shard->hashes.size;
    for (size_t i = 0; i < count; i++) {
        uint64_t hash = (uint64_t)(int64_t)hashes[i];
        for (size_t j = i + 1; j < count && j < i + (size_t)self->ngram; j++) {
            hash = hash * UINT64_C(116049371) + (uint64_t)(int64_t)hashes[j];
            if (push_bucket(self, &shard->ids, (uint32_t)(hash % self->buckets)) < 0) {
                return -1;
            }
        }
    }
    return 0;
}

static int
push_word(const LineReader *self, Shard *shard, const uint8_t *at, size_t length)
{
    const uint32_t hash = hash_of(at, length);
    const int32_t entry = self->slots[slot_of(self, at, length, hash)];
    if (entry >= self->words) {
        return push(&shard->labels, entry - self->words);
    }
    if (entry < 0 && starts_with(at, length, label_start)) {
        return 0;
    }
    const int is_end = length == strlen(end_of_line) && starts_with(at, length, end_of_line);
    if ((entry >= 0 && push(&shard->ids, entry) < 0)
        || (!is_end && self->longest > 0 && push_subwords(self, shard, at, length) < 0)) {
        return -1;
    }
    int32_t signed_hash;
    memcpy(&signed_hash, &hash, sizeof(signed_hash));
    return self->ngram > 1 ? push(&shard->hashes, signed_hash) : 0;
}

/* Read a line up to its end, or to the word that stands for it. */
static int
read_line(const LineReader *self, Shard *shard, Span line)
{
    shard->hashes.size = 0;
    while (line.at < line.end) {
        const uint8_t *at = line.at;
        while (line.at < line.end && !is_blank(*line.at)) {
            line.at++;
        }
        const size_t length = (size_t)(line.at - at);
        if (length > 0) {
            if (push_word(self, shard, at, length) < 0) {
                return -1;
            }
            if (length == strlen(end_of_line) && starts_with(at, length, end_of_line)) {
                break;
            }
        }
        else if (*line.at++ == '\n') {
            if (push_word(self, shard, (const uint8_t *)end_of_line, strlen(end_of_line)) < 0) {
                return -1;
            }
            break;
        }
    }
    return push_ngrams(self, shard);
}

static void
read_shard(void *context, int64_t index)
{
    const Reading *self = context;
    Shard *shard = &self->shards[index];
    for (size_t i = self->bounds[index]; !shard->failed && i < self->bounds[index + 1]; i++) {
        const size_t ids = shard->ids.size, labels = shard->labels.size;
        shard->failed = read_line(self->reader, shard, span_of(self->texts, i)) < 0;
        self->id_counts[i] = (int64_t)(shard->ids.size - ids);
        self->label_counts[i] = (int64_t)(shard->labels.size - labels);
    }
}

/* Read lines without the GIL; -1 if out of memory. */
static int
read_lines(Reading *self, Array *bounds, int threads)
{
    if (cut_texts(self->texts, SHARD_BYTES, bounds) < 0) {
        return -1;
    }
    self->bounds = bounds->items;
    self->shards = calloc(bounds->size + 1, sizeof(Shard));
    self->id_counts = calloc(self->texts->count + 1, sizeof(int64_t));
    self->label_counts = calloc(self->texts->count + 1, sizeof(int64_t));
    if (self->shards == NULL || self->id_counts == NULL || self->label_counts == NULL) {
        return -1;
    }
    parallel_run(threads, (int64_t)bounds->size, read_shard, self);
    int status = 0;
    for (size_t i = 0; i < bounds->size; i++) {
        status = self->shards[i].failed ? -1 : status;
    }
    return status;
}

static Array *
part_of(Shard *shard, int is_label)
{
    return is_label ? &shard->labels : &shard->ids;
}

/* The ids, or the labels, of all shards as one bytearray. */
static PyObject *
joined(const Reading *self, size_t shards, int is_label)
{
    size_t size = 0;
    for (size_t i = 0; i < shards; i++) {
        size += part_of(&self->shards[i], is_label)->size * sizeof(int32_t);
    }
    PyObject *bytes = PyByteArray_FromStringAndSize(NULL, (Py_ssize_t)size);
    char *target = bytes == NULL ? NULL : PyByteArray_AsString(bytes);
    for (size_t i = 0; bytes != NULL && i < shards; i++) {
        const Array *part = part_of(&self->shards[i], is_label);
        if (part->size > 0) {
            memcpy(target, part->items, part->size * sizeof(int32_t));
            target += part->size * sizeof(int32_t);
        }
    }
    return bytes;
}

/* Counts as offsets from 0, in a bytearray of int64_t. */
static PyObject *
offsets_of(const int64_t *counts, size_t count)
{
    PyObject *bytes
        = PyByteArray_FromStringAndSize(NULL, (Py_ssize_t)((count + 1) * sizeof(int64_t)));
    char *target = bytes == NULL ? NULL : PyByteArray_AsString(bytes);
    int64_t offset = 0;
    for (size_t i = 0; bytes != NULL && i <= count; i++) {
        memcpy(target + i * sizeof(offset), &offset, sizeof(offset));
        offset += i < count ? counts[i] : 0;
    }
    return bytes;
}

static PyObject *
lines_read(const Reading *self, size_t shards)
{
    PyObject *parts[] = {
        joined(self, shards, 0),
        offsets_of(self->id_counts, self->texts->count),
        joined(self, shards, 1),
        offsets_of(self->label_counts, self->texts->count),
    };
    PyObject *result = NULL;
    if (parts[0] != NULL && parts[1] != NULL && parts[2] != NULL && parts[3] != NULL) {
        result = PyTuple_Pack(4, parts[0], parts[1], parts[2], parts[3]);
    }
    for (size_t i = 0; i < 4; i++) {
        Py_XDECREF(parts[i]);
    }
    return result;
}

static PyObject *
LineReader_read(LineReader *self, PyObject *args)
{
    PyObject *objects[PACKED_ARRAYS] = {NULL, NULL, Py_None}, *threads_object;
    Py_buffer views[PACKED_ARRAYS];
    PackedTexts texts;
    if (!PyArg_ParseTuple(args, "OOO", &objects[0], &objects[1], &threads_object)) {
        return NULL;
    }
    const int threads = threads_of(threads_object);
    if (threads < 0 || acquire_texts(&texts, objects, views, INT64_MAX) < 0) {
        return NULL;
    }
    Reading reading = {.reader = self, .texts = &texts};
    Array bounds = {NULL, 0, 0};
    int status;
    Py_BEGIN_ALLOW_THREADS
    status = read_lines(&reading, &bounds, threads);
    Py_END_ALLOW_THREADS
    PyObject *result = status < 0 ? PyErr_NoMemory() : lines_read(&reading, bounds.size);
    for (size_t i = 0; reading.shards != NULL && i < bounds.size; i++) {
        free(reading.shards[i].ids.items);
        free(reading.shards[i].labels.items);
        free(reading.shards[i].hashes.items);
        free(reading.shards[i].word.items);
    }
    free(reading.shards);
    free(reading.id_counts);
    free(reading.label_counts);
    free(bounds.items);
    release_arrays(views, PACKED_ARRAYS);
    return result;
}

/* A mask for a table of slots that stays at least half empty, and its slots, all -1. */
static int32_t *
free_slots(size_t count, uint32_t *mask)
{
    size_t size = 2;
    while (size < 2 * count) {
        size *= 2;
    }
    int32_t *slots = malloc(size * sizeof(int32_t));
    if (slots != NULL) {
        memset(slots, 0xff, size * sizeof(int32_t));
    }
    *mask = (uint32_t)(size - 1);
    return slots;
}

enum { BYTES, STARTS, KEYS, VALUES, ARRAYS };

static const ArraySpec specs[ARRAYS] = {
    [BYTES] = {"entries", 1, "B", 1, 0, 0},
    [STARTS] = INT64("starts", 1),
    [KEYS] = INT32("kept", 1),
    [VALUES] = INT32("rows", 1),
};

/* Return why the arguments are invalid, or NULL. */
static const char *
validate(const LineReader *self, const Py_buffer *views, int64_t buckets)
{
    const int64_t *starts = views[STARTS].buf, entries = views[STARTS].shape[0] - 1;
    const int32_t *keys = views[KEYS].buf, *values = views[VALUES].buf;
    if (entries < 0 || entries >= INT32_MAX || starts[0] != 0
        || starts[entries] != views[BYTES].shape[0]) {
        return "the starts do not go from 0 to the number of bytes";
    }
    for (int64_t i = 0; i < entries; i++) {
        if (starts[i] > starts[i + 1]) {
            return "the starts fall";
        }
    }
    if (self->words < 0 || self->words > entries || self->ngram < 0 || buckets < 0
        || buckets > INT32_MAX - self->words) {
        return "a number is out of range";
    }
    if (buckets == 0 && (self->longest > 0 || self->ngram > 1)) {
        return "there are no buckets";
    }
    if (views[KEYS].shape[0] != views[VALUES].shape[0] || views[KEYS].shape[0] > INT32_MAX / 4) {
        return "the kept buckets and their rows differ in number";
    }
    for (Py_ssize_t i = 0; i < views[KEYS].shape[0]; i++) {
        if (keys[i] < 0 || values[i] < 0 || values[i] > INT32_MAX - self->words) {
            return "a kept bucket is out of range";
        }
    }
    return NULL;
}

/* Copy the entries and index them; where two are equal, the later one counts. -1 if out of memory. */
static int
learn_entries(LineReader *self, const Py_buffer *views)
{
    self->entries = (int32_t)(views[STARTS].shape[0] - 1);
    self->bytes = malloc((size_t)views[BYTES].len + 1);
    self->starts = malloc((size_t)views[STARTS].len);
    self->slots = free_slots((size_t)self->entries, &self->mask);
    if (self->bytes == NULL || self->starts == NULL || self->slots == NULL) {
        return -1;
    }
    memcpy(self->bytes, views[BYTES].buf, (size_t)views[BYTES].len);
    memcpy(self->starts, views[STARTS].buf, (size_t)views[STARTS].len);
    for (int32_t i = 0; i < self->entries; i++) {
        const uint8_t *at = self->bytes + self->starts[i];
        const size_t length = (size_t)(self->starts[i + 1] - self->starts[i]);
        self->slots[slot_of(self, at, length, hash_of(at, length))] = i;
    }
    return 0;
}

static int
learn_kept(LineReader *self, const Py_buffer *views)
{
    const size_t count = (size_t)views[KEYS].shape[0];
    const int32_t *keys = views[KEYS].buf, *values = views[VALUES].buf;
    self->kept.keys = free_slots(count, &self->kept.mask);
    self->kept.values = free_slots(count, &self->kept.mask);
    if (self->kept.keys == NULL || self->kept.values == NULL) {
        return -1;
    }
    for (size_t i = 0; i < count; i++) {
        const uint32_t slot = kept_slot(&self->kept, keys[i]);
        self->kept.keys[slot] = keys[i];
        self->kept.values[slot] = values[i];
    }
    return 0;
}

static PyObject *
LineReader_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"entries",  "starts",  "words",     "shortest", "longest", "ngram",
                            "buckets", "is_pruned", "kept", "rows", NULL};
    PyObject *objects[ARRAYS];
    Py_buffer views[ARRAYS];
    int words, is_pruned;
    long long shortest, longest, ngram, buckets;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OOiLLLLpOO", names, &objects[BYTES],
                                     &objects[STARTS], &words, &shortest, &longest, &ngram,
                                     &buckets, &is_pruned, &objects[KEYS], &objects[VALUES])) {
        return argument_error();
    }
    if (acquire_arrays(objects, views, specs, ARRAYS) < 0) {
        return NULL;
    }
    allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    LineReader *self = (LineReader *)allocate(type, 0);
    if (self != NULL) {
        self->words = words;
        self->shortest = shortest;
        self->longest = longest;
        self->ngram = ngram;
        self->is_pruned = is_pruned;
        const char *wrong = validate(self, views, buckets);
        self->buckets = wrong == NULL ? (uint32_t)buckets : 0;
        if (wrong != NULL) {
            value_error(wrong);
            Py_CLEAR(self);
        }
        else if (learn_entries(self, views) < 0 || learn_kept(self, views) < 0) {
            PyErr_NoMemory();
            Py_CLEAR(self);
        }
    }
    release_arrays(views, ARRAYS);
    return (PyObject *)self;
}

static void
LineReader_dealloc(LineReader *self)
{
    PyTypeObject *type = Py_TYPE((PyObject *)self);
    free(self->bytes);
    free(self->starts);
    free(self->slots);
    free(self->kept.keys);
    free(self->kept.values);
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(self);
    Py_DECREF(type);
}

static PyMethodDef methods[] = {
    {"read", (PyCFunction)(void (*)(void))LineReader_read, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_new, (void *)LineReader_new},
    {Py_tp_dealloc, (void *)LineReader_dealloc},
    {Py_tp_methods, methods},
    {0, NULL},
};

PyType_Spec line_reader_spec = {
    .name = "wave_network._native._extension.LineReader",
    .basicsize = sizeof(LineReader),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = slots,
};
