/* The compiled form of word_table.PythonWordTable: same methods, same answers.
 *
 * Words are found by a hash of their characters, read off the text as it is scanned: no string is
 * made for a word that is known. All runs under the interpreter's lock. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>

typedef struct {
    uint64_t hash;
    size_t key;        /* where its characters start in `keys` */
    size_t ids;        /* where its ids start in `ids` */
    Py_ssize_t length; /* characters */
    Py_ssize_t count;  /* ids */
} Entry;

/* More on average, and as many ids, are not kept: long words would fill the memory. */
enum { CHARACTERS_A_WORD = 16 };

/* A growing array; `size` and `room` count items. */
typedef struct {
    void *items;
    size_t size, room;
} Array;

typedef struct {
    PyObject_HEAD
    Py_ssize_t limit;
    uint64_t seed;
    Array entries, keys, ids; /* of Entry, Py_UCS4, int32_t */
    uint32_t *slots;          /* 0, or an entry's number and one */
    size_t slot_count;        /* a power of two, at least twice the entries */
} WordTable;

static int
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

static inline uint64_t
hash_step(uint64_t hash, Py_UCS4 character)
{
    hash = (hash ^ character) * UINT64_C(0x9E3779B97F4A7C15);
    return hash ^ (hash >> 32);
}

static inline int
is_space(Py_UCS4 character)
{
    return character == ' ' || character == '\n';
}

/* Where the entry of a word is noted in `slots`, or would be. */
static size_t
find_slot(const WordTable *self, uint64_t hash, int kind, const void *data, Py_ssize_t start,
          Py_ssize_t length)
{
    const Entry *entries = self->entries.items;
    const Py_UCS4 *keys = self->keys.items;
    size_t slot = hash & (self->slot_count - 1);
    for (;; slot = (slot + 1) & (self->slot_count - 1)) {
        if (self->slots[slot] == 0) {
            return slot;
        }
        const Entry *entry = &entries[self->slots[slot] - 1];
        if (entry->hash != hash || entry->length != length) {
            continue;
        }
        const Py_UCS4 *key = keys + entry->key;
        Py_ssize_t i = 0;
        while (i < length && key[i] == PyUnicode_READ(kind, data, start + i)) {
            i++;
        }
        if (i == length) {
            return slot;
        }
    }
}

static void
forget(WordTable *self)
{
    self->entries.size = self->keys.size = self->ids.size = 0;
    memset(self->slots, 0, self->slot_count * sizeof(uint32_t));
}

static int
grow_slots(WordTable *self)
{
    if (2 * (self->entries.size + 1) <= self->slot_count) {
        return 0;
    }
    size_t count = self->slot_count * 2;
    uint32_t *slots = PyMem_Calloc(count, sizeof(uint32_t));
    if (slots == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    const Entry *entries = self->entries.items;
    for (size_t i = 0; i < self->entries.size; i++) {
        size_t slot = entries[i].hash & (count - 1);
        while (slots[slot] != 0) {
            slot = (slot + 1) & (count - 1);
        }
        slots[slot] = (uint32_t)(i + 1);
    }
    PyMem_Free(self->slots);
    self->slots = slots;
    self->slot_count = count;
    return 0;
}

static int
add_word(WordTable *self, PyObject *word, PyObject *value)
{
    if (!PyUnicode_Check(word) || !PyBytes_Check(value)) {
        PyErr_SetString(PyExc_TypeError, "words are strings, and their ids bytes");
        return -1;
    }
    int kind = PyUnicode_KIND(word);
    const void *data = PyUnicode_DATA(word);
    Py_ssize_t length = PyUnicode_GET_LENGTH(word);
    size_t count = (size_t)PyBytes_GET_SIZE(value) / sizeof(int32_t);
    uint64_t hash = self->seed;
    for (Py_ssize_t i = 0; i < length; i++) {
        hash = hash_step(hash, PyUnicode_READ(kind, data, i));
    }
    if (grow_slots(self) < 0 || reserve(&self->entries, 1, sizeof(Entry)) < 0
        || reserve(&self->keys, (size_t)length, sizeof(Py_UCS4)) < 0
        || reserve(&self->ids, count, sizeof(int32_t)) < 0) {
        return -1;
    }
    size_t slot = find_slot(self, hash, kind, data, 0, length);
    if (self->slots[slot] != 0) {
        return 0;
    }
    Entry entry = {hash, self->keys.size, self->ids.size, length, (Py_ssize_t)count};
    Py_UCS4 *key = (Py_UCS4 *)self->keys.items + self->keys.size;
    for (Py_ssize_t i = 0; i < length; i++) {
        key[i] = PyUnicode_READ(kind, data, i);
    }
    if (count > 0) {
        memcpy((int32_t *)self->ids.items + self->ids.size, PyBytes_AS_STRING(value),
               count * sizeof(int32_t));
    }
    ((Entry *)self->entries.items)[self->entries.size] = entry;
    self->entries.size++;
    self->keys.size += (size_t)length;
    self->ids.size += count;
    self->slots[slot] = (uint32_t)self->entries.size;
    return 0;
}

static PyObject *
WordTable_add(WordTable *self, PyObject *words)
{
    if (!PyDict_Check(words)) {
        PyErr_SetString(PyExc_TypeError, "words come in a dict");
        return NULL;
    }
    const size_t limit = (size_t)self->limit, most = CHARACTERS_A_WORD * limit;
    if (self->entries.size > limit || self->keys.size > most || self->ids.size > most) {
        forget(self);
    }
    PyObject *word, *value;
    Py_ssize_t position = 0;
    while (PyDict_Next(words, &position, &word, &value)) {
        if (add_word(self, word, value) < 0) {
            return NULL;
        }
    }
    Py_RETURN_NONE;
}

/* Append the ids of a word that the table lacks, if `known` has it, else note it. */
static int
append_unkept(PyObject *text, Py_ssize_t start, Py_ssize_t end, PyObject *known,
              PyObject *unknown, Array *packed)
{
    PyObject *word = PyUnicode_Substring(text, start, end);
    if (word == NULL) {
        return -1;
    }
    int status = -1;
    PyObject *value = PyDict_GetItemWithError(known, word);
    if (value == NULL) {
        status = PyErr_Occurred() ? -1 : PySet_Add(unknown, word);
    }
    else if (!PyBytes_Check(value)) {
        PyErr_SetString(PyExc_TypeError, "ids are bytes");
    }
    else {
        size_t count = (size_t)PyBytes_GET_SIZE(value) / sizeof(int32_t);
        if (reserve(packed, count, sizeof(int32_t)) == 0) {
            if (count > 0) {
                memcpy((int32_t *)packed->items + packed->size, PyBytes_AS_STRING(value),
                       count * sizeof(int32_t));
            }
            packed->size += count;
            status = 0;
        }
    }
    Py_DECREF(word);
    return status;
}

/* Append the ids of a text's words until there are `most` after `begin`. */
static int
append_text(const WordTable *self, PyObject *text, size_t most, PyObject *known,
            PyObject *unknown, Array *packed)
{
    int kind = PyUnicode_KIND(text);
    const void *data = PyUnicode_DATA(text);
    Py_ssize_t length = PyUnicode_GET_LENGTH(text);
    size_t begin = packed->size - 1; /* of the text's first id, which is there */
    Py_ssize_t end = 0;
    for (Py_ssize_t start = 0; start < length; start = end + 1) {
        uint64_t hash = self->seed;
        for (end = start; end < length; end++) {
            Py_UCS4 character = PyUnicode_READ(kind, data, end);
            if (is_space(character)) {
                break;
            }
            hash = hash_step(hash, character);
        }
        if (end == start) {
            continue;
        }
        uint32_t found = self->slots[find_slot(self, hash, kind, data, start, end - start)];
        if (found == 0) {
            if (append_unkept(text, start, end, known, unknown, packed) < 0) {
                return -1;
            }
        }
        else {
            const Entry *entry = (const Entry *)self->entries.items + found - 1;
            if (reserve(packed, (size_t)entry->count, sizeof(int32_t)) < 0) {
                return -1;
            }
            const int32_t *ids = (const int32_t *)self->ids.items + entry->ids;
            int32_t *target = (int32_t *)packed->items + packed->size;
            for (Py_ssize_t i = 0; i < entry->count; i++) {
                target[i] = ids[i];
            }
            packed->size += (size_t)entry->count;
        }
        if (packed->size - begin >= most) {
            packed->size = begin + most;
            break;
        }
    }
    return 0;
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
    Array packed = {NULL, 0, 0}, offsets = {NULL, 0, 0};
    if (unknown == NULL || reserve(&offsets, 1, sizeof(int64_t)) < 0) {
        goto done;
    }
    ((int64_t *)offsets.items)[offsets.size++] = 0;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(texts); i++) {
        PyObject *text = PyList_GET_ITEM(texts, i);
        if (!PyUnicode_Check(text)) {
            PyErr_SetString(PyExc_TypeError, "texts are strings");
            goto done;
        }
        if (reserve(&packed, 1, sizeof(int32_t)) < 0
            || reserve(&offsets, 1, sizeof(int64_t)) < 0) {
            goto done;
        }
        ((int32_t *)packed.items)[packed.size++] = first;
        if (append_text(self, text, (size_t)most, known, unknown, &packed) < 0) {
            goto done;
        }
        ((int64_t *)offsets.items)[offsets.size++] = (int64_t)packed.size;
    }
    PyObject *ids =
        PyByteArray_FromStringAndSize(packed.items, (Py_ssize_t)(packed.size * sizeof(int32_t)));
    PyObject *ends =
        PyByteArray_FromStringAndSize(offsets.items, (Py_ssize_t)(offsets.size * sizeof(int64_t)));
    if (ids != NULL && ends != NULL) {
        result = PyTuple_Pack(3, ids, ends, unknown);
    }
    Py_XDECREF(ids);
    Py_XDECREF(ends);
done:
    PyMem_Free(packed.items);
    PyMem_Free(offsets.items);
    Py_XDECREF(unknown);
    return result;
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
    self->seed = seed;
    self->slot_count = 1024;
    self->slots = PyMem_Calloc(self->slot_count, sizeof(uint32_t));
    if (self->slots == NULL) {
        Py_DECREF(self);
        return PyErr_NoMemory();
    }
    return (PyObject *)self;
}

static void
WordTable_dealloc(WordTable *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyMem_Free(self->entries.items);
    PyMem_Free(self->keys.items);
    PyMem_Free(self->ids.items);
    PyMem_Free(self->slots);
    type->tp_free(self);
    Py_DECREF(type);
}

static Py_ssize_t
WordTable_length(WordTable *self)
{
    return (Py_ssize_t)self->entries.size;
}

static PyMethodDef methods[] = {
    {"encode", (PyCFunction)WordTable_encode, METH_VARARGS, NULL},
    {"add", (PyCFunction)WordTable_add, METH_O, NULL},
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
