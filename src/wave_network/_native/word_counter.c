/* Count the words of packed texts, with many threads and without the GIL (text/word_counter.py).
 *
 * Each shard of texts is counted alone; then each part of the hashes adds up what the shards found,
 * so that both steps run in parallel, and nothing depends on the number of threads. */

#include "extension.h"
#include "packed_texts.h"
#include "parallel.h"

enum { SHARD_BYTES = 1 << 19, PART_BITS = 4, PARTS = 1 << PART_BITS };

/* The value of a word is its count. */
typedef struct {
    Words plain; /* words of plain strings, in lower case */
    Words other; /* other strings, as they are */
    size_t spaces; /* in texts that are not ASCII */
} Counts;

typedef struct {
    PyObject_HEAD uint64_t seed;
    int busy;      /* whether a call is counting */
    size_t spaces; /* in texts that are not ASCII */
    Counts parts[PARTS]; /* by the highest bits of the hash */
} WordCounter;

/* One call of `add`. */
typedef struct {
    WordCounter *counter;
    const PackedTexts *texts;
    const size_t *bounds;
    size_t shards;
    Counts *found; /* of each shard */
    int *failed;   /* for each shard, then for each part */
} Counting;

/* The bytes of the white space that starts at `at`, as `str.split` knows it; 0 if there is none. */
static size_t
space_at(const uint8_t *at, const uint8_t *end)
{
    if (*at < 0x80) {
        return *at == ' ' || (*at >= '\t' && *at <= '\r') || (*at >= 0x1c && *at <= 0x1f);
    }
    if (*at == 0xc2) {
        return end - at >= 2 && (at[1] == 0x85 || at[1] == 0xa0) ? 2 : 0;
    }
    if (*at < 0xe1 || *at > 0xe3 || end - at < 3) {
        return 0;
    }
    const uint32_t character = (uint32_t)(*at & 0xf) << 12 | (uint32_t)(at[1] & 0x3f) << 6
                               | (uint32_t)(at[2] & 0x3f);
    return character == 0x1680 || (character >= 0x2000 && character <= 0x200a)
                   || character == 0x2028 || character == 0x2029 || character == 0x202f
                   || character == 0x205f || character == 0x3000
               ? 3
               : 0;
}

static int
count_plain(Words *words, uint64_t seed, const uint8_t *at, const uint8_t *end)
{
    PlainWord word;
    for (; at < end; at += word.length) {
        read_plain(&word, at, end, seed);
        Word *found = words_get(words, word.hash, word.blocks, word.length);
        if (found == NULL) {
            return -1;
        }
        found->value++;
    }
    return 0;
}

static int
count_text(Counts *counts, uint64_t seed, Span text, String *string)
{
    size_t spaces = 0;
    int is_ascii = 1;
    while (text.at < text.end) {
        const size_t space = space_at(text.at, text.end);
        if (space > 0) {
            spaces += *text.at == ' ';
            is_ascii = is_ascii && space == 1;
            text.at += space;
            continue;
        }
        const uint8_t *stop = plain_end(text.at, text.end);
        if (stop != NULL && (stop == text.end || space_at(stop, text.end))) {
            if (count_plain(&counts->plain, seed, text.at, stop) < 0) {
                return -1;
            }
        }
        else {
            for (stop = text.at; stop < text.end && !space_at(stop, text.end); stop++) {
                is_ascii = is_ascii && *stop < 0x80;
            }
            Word *found = NULL;
            if (string_read(string, text.at, (size_t)(stop - text.at), seed) == 0) {
                found = words_get(&counts->other, string->hash, string->blocks.items,
                                  string->length);
            }
            if (found == NULL) {
                return -1;
            }
            found->value++;
        }
        text.at = stop;
    }
    counts->spaces += is_ascii ? 0 : spaces;
    return 0;
}

static void
count_shard(void *context, int64_t index)
{
    const Counting *self = context;
    String string = {.length = 0};
    int failed = 0;
    for (size_t i = self->bounds[index]; !failed && i < self->bounds[index + 1]; i++) {
        failed = count_text(&self->found[index], self->counter->seed, span_of(self->texts, i),
                            &string);
    }
    free(string.blocks.items);
    self->failed[index] = failed;
}

/* Add the words of one part of the hashes. */
static int
add_words(Words *words, const Words *more, uint64_t part)
{
    const Word *items = more->words.items;
    for (size_t i = 0; i < more->words.size; i++) {
        if (items[i].hash >> (64 - PART_BITS) == part) {
            Word *found = words_get(words, items[i].hash, key_of(more, &items[i]), items[i].length);
            if (found == NULL) {
                return -1;
            }
            found->value += items[i].value;
        }
    }
    return 0;
}

static void
add_part(void *context, int64_t index)
{
    const Counting *self = context;
    Counts *part = &self->counter->parts[index];
    int failed = 0;
    for (size_t i = 0; !failed && i < self->shards; i++) {
        failed = add_words(&part->plain, &self->found[i].plain, (uint64_t)index)
                 || add_words(&part->other, &self->found[i].other, (uint64_t)index);
    }
    self->failed[self->shards + (size_t)index] = failed;
}

/* Count texts without the GIL; -1 if out of memory. */
static int
count_texts(WordCounter *counter, const PackedTexts *texts, int threads)
{
    Array bounds = {NULL, 0, 0};
    Counting self = {.counter = counter, .texts = texts};
    int status = cut_texts(texts, SHARD_BYTES, &bounds);
    if (status == 0 && bounds.size > 0) {
        self.bounds = bounds.items;
        self.shards = bounds.size;
        self.found = calloc(self.shards, sizeof(Counts));
        self.failed = calloc(self.shards + PARTS, sizeof(int));
        status = self.found == NULL || self.failed == NULL ? -1 : 0;
    }
    if (status == 0 && self.shards > 0) {
        parallel_run(threads, (int64_t)self.shards, count_shard, &self);
        parallel_run(threads, PARTS, add_part, &self);
        for (size_t i = 0; i < self.shards + PARTS; i++) {
            status = self.failed[i] ? -1 : status;
        }
    }
    for (size_t i = 0; self.found != NULL && i < self.shards; i++) {
        counter->spaces += self.found[i].spaces;
        words_free(&self.found[i].plain);
        words_free(&self.found[i].other);
    }
    free(self.found);
    free(self.failed);
    free(bounds.items);
    return status;
}

static PyObject *
WordCounter_add(WordCounter *self, PyObject *args)
{
    PyObject *objects[PACKED_ARRAYS];
    Py_buffer views[PACKED_ARRAYS];
    PackedTexts texts;
    long long characters;
    int threads, status = -1;
    if (!PyArg_ParseTuple(args, "OOOLi", &objects[0], &objects[1], &objects[2], &characters,
                          &threads)) {
        return argument_error();
    }
    if (acquire_texts(&texts, objects, views, characters) < 0) {
        return NULL;
    }
    if (self->busy) {
        PyErr_SetString(PyExc_RuntimeError, "another thread is counting with it");
    }
    else {
        self->busy = 1;
        Py_BEGIN_ALLOW_THREADS
        status = count_texts(self, &texts, threads);
        Py_END_ALLOW_THREADS
        self->busy = 0;
        if (status < 0) {
            PyErr_NoMemory();
        }
    }
    release_arrays(views, PACKED_ARRAYS);
    if (status < 0) {
        return NULL;
    }
    size_t waiting = 0;
    for (int i = 0; i < PARTS; i++) {
        waiting += self->parts[i].other.words.size;
    }
    return PyLong_FromSize_t(waiting);
}

/* Write words and their counts into a dict. */
static int
set_counts(PyObject *counts, const Words *words, const char *start)
{
    const size_t before = strlen(start);
    Array bytes = {NULL, 0, 0};
    int status = 0;
    for (size_t i = 0; status == 0 && i < words->words.size; i++) {
        const Word *word = (const Word *)words->words.items + i;
        PyObject *string = NULL, *count = PyLong_FromSize_t(word->value);
        if (reserve(&bytes, before + word->length, 1) < 0) {
            PyErr_NoMemory();
        }
        else {
            memcpy(bytes.items, start, before);
            words_copy(words, word, (uint8_t *)bytes.items + before);
            string = PyUnicode_DecodeUTF8(bytes.items, (Py_ssize_t)(before + word->length), NULL);
        }
        status = string && count ? PyDict_SetItem(counts, string, count) : -1;
        Py_XDECREF(string);
        Py_XDECREF(count);
    }
    free(bytes.items);
    return status;
}

/* The counts of plain words, or of other strings, which are then forgotten. */
static PyObject *
counts_of(WordCounter *self, int plain)
{
    if (self->busy) {
        PyErr_SetString(PyExc_RuntimeError, "another thread is counting with it");
        return NULL;
    }
    PyObject *counts = PyDict_New();
    for (int i = 0; counts != NULL && i < PARTS; i++) {
        Words *words = plain ? &self->parts[i].plain : &self->parts[i].other;
        /* byte-level vocabularies write the space before a word as U+0120 */
        if (set_counts(counts, words, plain ? "\xc4\xa0" : "") < 0) {
            Py_CLEAR(counts);
        }
        else if (!plain) {
            words_cut(words, 0, 0);
        }
    }
    return counts;
}

static PyObject *
WordCounter_counts(WordCounter *self, PyObject *Py_UNUSED(ignored))
{
    return counts_of(self, 1);
}

static PyObject *
WordCounter_take_others(WordCounter *self, PyObject *Py_UNUSED(ignored))
{
    return counts_of(self, 0);
}

static PyObject *
WordCounter_spaces(WordCounter *self, PyObject *Py_UNUSED(ignored))
{
    return PyLong_FromSize_t(self->spaces);
}

static PyObject *
WordCounter_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"seed", NULL};
    unsigned long long seed;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "K", names, &seed)) {
        return argument_error();
    }
    allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    WordCounter *self = (WordCounter *)allocate(type, 0);
    if (self != NULL) {
        self->seed = seed;
    }
    return (PyObject *)self;
}

static void
WordCounter_dealloc(WordCounter *self)
{
    PyTypeObject *type = Py_TYPE((PyObject *)self);
    for (int i = 0; i < PARTS; i++) {
        words_free(&self->parts[i].plain);
        words_free(&self->parts[i].other);
    }
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(self);
    Py_DECREF(type);
}

static PyMethodDef methods[] = {
    {"add", (PyCFunction)(void (*)(void))WordCounter_add, METH_VARARGS, NULL},
    {"counts", (PyCFunction)(void (*)(void))WordCounter_counts, METH_NOARGS, NULL},
    {"take_others", (PyCFunction)(void (*)(void))WordCounter_take_others, METH_NOARGS, NULL},
    {"spaces", (PyCFunction)(void (*)(void))WordCounter_spaces, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_new, (void *)WordCounter_new},
    {Py_tp_dealloc, (void *)WordCounter_dealloc},
    {Py_tp_methods, methods},
    {0, NULL},
};

PyType_Spec word_counter_spec = {
    .name = "wave_network._native._extension.WordCounter",
    .basicsize = sizeof(WordCounter),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = slots,
};
