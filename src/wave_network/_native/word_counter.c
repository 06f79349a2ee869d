/* The compiled form of `PythonWordCounter` of text/word_counter.py: same methods, same counts.
 *
 * Plain words are counted while the text is scanned, without a string for each. Everything runs
 * with the GIL held. */

#include "extension.h"
#include "words.h"

static const Py_UCS4 WORD_START = 0x120;

typedef struct {
    PyObject_HEAD Words words;
    Array found; /* of size_t: the indices of the words of the current string */
} WordCounter;

/* Count the words of the string that starts at `start`. Returns its end; `start` if it is not plain
 * (then nothing is counted); -1 if out of memory. */
static Py_ssize_t
count_plain(WordCounter *self, const Text *text, Py_ssize_t start)
{
    PlainWord word;
    Py_ssize_t end = start;
    self->found.size = 0;
    while (end < text->length && !Py_UNICODE_ISSPACE(character_at(text, end))) {
        read_plain(&word, text, end, self->words.seed);
        if (word.length == 0) {
            return start;
        }
        Word *found = words_find(&self->words, word.hash, word.blocks, word.length);
        if (found == NULL) {
            found = words_add(&self->words, word.hash, word.blocks, word.length);
        }
        if (found == NULL || reserve(&self->found, 1, sizeof(size_t)) < 0) {
            return -1;
        }
        ((size_t *)self->found.items)[self->found.size++] =
            (size_t)(found - (Word *)self->words.words.items);
        end += (Py_ssize_t)word.length;
    }
    for (size_t i = 0; i < self->found.size; i++) {
        ((Word *)self->words.words.items)[((size_t *)self->found.items)[i]].count++;
    }
    return end;
}

static int
count_other(PyObject *others, PyObject *text, Py_ssize_t start, Py_ssize_t end)
{
    int status = -1;
    PyObject *string = PyUnicode_Substring(text, start, end), *count = NULL;
    if (string == NULL) {
        return -1;
    }
    PyObject *before = PyDict_GetItemWithError(others, string);
    if (before != NULL || !PyErr_Occurred()) {
        const long long counted = before == NULL ? 0 : PyLong_AsLongLong(before);
        if (counted == LLONG_MAX) {
            value_error("a count is out of range");
        }
        else if (!PyErr_Occurred()) {
            count = PyLong_FromLongLong(counted + 1);
        }
    }
    if (PyErr_Occurred()) {
        argument_error();
    }
    else if (count != NULL) {
        status = PyDict_SetItem(others, string, count);
    }
    Py_XDECREF(count);
    Py_DECREF(string);
    return status;
}

static PyObject *
WordCounter_add(WordCounter *self, PyObject *args)
{
    PyObject *text, *others;
    if (!PyArg_ParseTuple(args, "O!O!", &PyUnicode_Type, &text, &PyDict_Type, &others)) {
        return argument_error();
    }
    const Text read = text_of(text);
    Py_ssize_t end;
    for (Py_ssize_t start = 0; start < read.length; start = end + 1) {
        end = count_plain(self, &read, start);
        if (end == start) {
            while (end < read.length && !Py_UNICODE_ISSPACE(character_at(&read, end))) {
                end++;
            }
            if (end > start && count_other(others, text, start, end) < 0) {
                return NULL;
            }
        }
        else if (end < 0) {
            return NULL;
        }
    }
    Py_RETURN_NONE;
}

/* Convert a word to a Python string, as the tokenizer spells it. */
static PyObject *
spelt(const WordCounter *self, const Word *word)
{
    PyObject *string = PyUnicode_New((Py_ssize_t)word->length + 1, WORD_START);
    if (string == NULL) {
        return NULL;
    }
    const uint64_t *key = (const uint64_t *)self->words.keys.items + word->key;
    Py_UCS2 *characters = PyUnicode_2BYTE_DATA(string);
    *characters++ = (Py_UCS2)WORD_START;
    for (size_t i = 0; i < word->length; i++) {
        characters[i] = (Py_UCS2)plain_character(key, i);
    }
    return string;
}

static PyObject *
WordCounter_counts(WordCounter *self, PyObject *Py_UNUSED(ignored))
{
    PyObject *counts = PyDict_New();
    if (counts == NULL) {
        return NULL;
    }
    const Word *words = self->words.words.items;
    for (size_t i = 0; i < self->words.words.size; i++) {
        if (words[i].count == 0) { /* it occurred only in strings that are not plain */
            continue;
        }
        PyObject *string = spelt(self, &words[i]), *count = PyLong_FromSize_t(words[i].count);
        int status = string && count ? PyDict_SetItem(counts, string, count) : -1;
        Py_XDECREF(string);
        Py_XDECREF(count);
        if (status < 0) {
            Py_DECREF(counts);
            return NULL;
        }
    }
    return counts;
}

static PyObject *
WordCounter_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"seed", NULL};
    unsigned long long seed;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "K", names, &seed)) {
        return argument_error();
    }
    WordCounter *self = (WordCounter *)type->tp_alloc(type, 0);
    if (self != NULL && words_start(&self->words, seed) < 0) {
        Py_DECREF(self);
        return NULL;
    }
    return (PyObject *)self;
}

static void
WordCounter_dealloc(WordCounter *self)
{
    PyTypeObject *type = Py_TYPE(self);
    words_free(&self->words);
    PyMem_Free(self->found.items);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyMethodDef methods[] = {
    {"add", (PyCFunction)WordCounter_add, METH_VARARGS, NULL},
    {"counts", (PyCFunction)WordCounter_counts, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_new, WordCounter_new},
    {Py_tp_dealloc, WordCounter_dealloc},
    {Py_tp_methods, methods},
    {0, NULL},
};

PyType_Spec word_counter_spec = {
    .name = "wave_network._native._extension.WordCounter",
    .basicsize = sizeof(WordCounter),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = slots,
};
