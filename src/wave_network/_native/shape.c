/* The Python type `Shape`: immutable, validated when it is built. */

#include "shape.h"

#include <math.h>

enum { MOST_MEMBERS = 1 << 16 };

typedef struct {
    PyObject_HEAD Shape shape;
} ShapeObject;

/* Parse a whole number from 0 to `most`; -1 with an error set for anything else. */
static long long
number_up_to(PyObject *object, long long most)
{
    const long long number = PyLong_AsLongLong(object);
    if (number == -1 && PyErr_Occurred()) {
        argument_error();
        return -1;
    }
    if (number < 0 || number > most) {
        PyErr_Format(PyExc_ValueError, "an n-gram has numbers from 0 to %lld; got %lld", most,
                     number);
        return -1;
    }
    return number;
}

/* Parse two factors. Their sum is below 2^32, so that no hash of 31-bit numbers overflows. */
static int
read_factors(PyObject *object, uint64_t *factors)
{
    if (!PyTuple_Check(object) || PyTuple_Size(object) != 2) {
        PyErr_SetString(PyExc_TypeError, "the factors of an n-gram's token are a pair");
        return -1;
    }
    for (int i = 0; i < 2; i++) {
        const long long factor = number_up_to(PyTuple_GetItem(object, i), UINT32_MAX);
        if (factor < 0) {
            return -1;
        }
        factors[i] = (uint64_t)factor;
    }
    if (factors[0] + factors[1] > UINT32_MAX) {
        value_error("the sum of an n-gram's two factors must be below 2^32");
        return -1;
    }
    return 0;
}

static int
read_places(PyObject *places, NgramKind *kind)
{
    kind->tokens = (int)PyTuple_Size(places);
    for (int i = 0; i < kind->tokens; i++) {
        kind->places[i] = (int)number_up_to(PyTuple_GetItem(places, i), HISTORY - 1);
        if (kind->places[i] < 0) {
            return -1;
        }
        if (i > 0 && kind->places[i] >= kind->places[i - 1]) {
            value_error("the places of an n-gram must be decreasing");
            return -1;
        }
    }
    if (kind->places[kind->tokens - 1] != 0) {
        value_error("the last place of an n-gram must be 0");
        return -1;
    }
    return 0;
}

/* Parse a kind of n-gram, `(places, factors)`. */
static int
read_kind(PyObject *object, NgramKind *kind)
{
    PyObject *places, *factors;
    memset(kind, 0, sizeof(*kind));
    kind->prefix = -1;
    if (!PyTuple_Check(object)) {
        PyErr_SetString(PyExc_TypeError, "a kind of n-gram is a pair of places and factors");
        return -1;
    }
    if (!PyArg_ParseTuple(object, "O!O!", &PyTuple_Type, &places, &PyTuple_Type, &factors)) {
        return -1;
    }
    const Py_ssize_t tokens = PyTuple_Size(places);
    if (tokens < 2 || tokens > MOST_TOKENS || PyTuple_Size(factors) != tokens - 1) {
        PyErr_Format(PyExc_ValueError,
                     "an n-gram has 2 to %d places, and factors for all but the first",
                     MOST_TOKENS);
        return -1;
    }
    if (read_places(places, kind) < 0) {
        return -1;
    }
    for (Py_ssize_t i = 0; i < tokens - 1; i++) {
        if (read_factors(PyTuple_GetItem(factors, i), kind->factors[i]) < 0) {
            return -1;
        }
    }
    return 0;
}

/* Return whether one kind is the prefix of another: all its tokens but the last. */
static int
is_prefix(const NgramKind *kind, const NgramKind *longer)
{
    const int shift = longer->places[longer->tokens - 2];
    if (kind->tokens != longer->tokens - 1) {
        return 0;
    }
    for (int i = 0; i < kind->tokens; i++) {
        if (kind->places[i] != longer->places[i] - shift) {
            return 0;
        }
    }
    return memcmp(kind->factors, longer->factors, (size_t)(kind->tokens - 1) * sizeof(uint64_t[2]))
           == 0;
}

static int
read_kinds(PyObject *objects, Ngrams *ngrams)
{
    const Py_ssize_t count = PyTuple_Size(objects);
    if (count > MOST_KINDS) {
        PyErr_Format(PyExc_ValueError, "there are more than %d kinds of n-grams", MOST_KINDS);
        return -1;
    }
    ngrams->count = (int)count;
    for (int i = 0; i < ngrams->count; i++) {
        if (read_kind(PyTuple_GetItem(objects, i), &ngrams->kinds[i]) < 0) {
            return -1;
        }
    }
    for (int i = 0; i < ngrams->count; i++) {
        NgramKind *kind = &ngrams->kinds[i];
        for (int j = 0; j < ngrams->count && kind->prefix < 0; j++) {
            if (is_prefix(&ngrams->kinds[j], kind)) {
                kind->prefix = j;
                ngrams->kinds[j].is_prefix = 1;
                kind->shift = kind->places[kind->tokens - 2];
            }
        }
    }
    return 0;
}

static int
read_shape(PyObject *args, PyObject *kwargs, Shape *shape)
{
    static char *names[] = {"members", "modulation",    "local_scale", "energy_floor",
                            "bigram",  "linear_ngrams", NULL};
    long long members;
    PyObject *bigram, *kinds;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "$LpffOO!", names, &members, &shape->modulation,
                                     &shape->local_scale, &shape->energy_floor, &bigram,
                                     &PyTuple_Type, &kinds)) {
        argument_error();
        return -1;
    }
    if (members < 1 || members > MOST_MEMBERS) {
        PyErr_Format(PyExc_ValueError, "members must be from 1 to %d", MOST_MEMBERS);
        return -1;
    }
    if (!(isfinite(shape->local_scale) && shape->local_scale > 0)
        || !(isfinite(shape->energy_floor) && shape->energy_floor > 0)) {
        value_error("local_scale and energy_floor must be finite and above 0");
        return -1;
    }
    shape->members = members;
    return read_kind(bigram, &shape->bigram) < 0 ? -1 : read_kinds(kinds, &shape->linear_ngrams);
}

static PyObject *
shape_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    ShapeObject *self = (ShapeObject *)PyType_GenericAlloc(type, 0);
    if (self != NULL && read_shape(args, kwargs, &self->shape) < 0) {
        Py_CLEAR(self);
    }
    return (PyObject *)self;
}

static void
shape_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_Free(self);
    Py_DECREF(type);
}

const Shape *
shape_of(PyObject *object)
{
    /* The type cannot be subclassed, and no other has this function. */
    if (PyType_GetSlot(Py_TYPE(object), Py_tp_dealloc) != (void *)shape_dealloc) {
        PyErr_Format(PyExc_TypeError, "expected a Shape, got %R", object);
        return NULL;
    }
    return &((const ShapeObject *)object)->shape;
}

static PyType_Slot slots[] = {
    {Py_tp_new, shape_new},
    {Py_tp_dealloc, shape_dealloc},
    {0, NULL},
};

PyType_Spec shape_spec = {
    .name = "wave_network._native._extension.Shape",
    .basicsize = sizeof(ShapeObject),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = slots,
};
