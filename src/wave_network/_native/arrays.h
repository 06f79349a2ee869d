/* Shared by all files of the extension: function attributes, array arguments, and errors. */

#ifndef WAVE_NETWORK_ARRAYS_H
#define WAVE_NETWORK_ARRAYS_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>

/* Compiled for wider registers, too; the loader picks the version that the processor supports.
 * musl's loader cannot, and Clang does not inline into such functions. */
#if defined(__GLIBC__) && defined(__x86_64__) && !defined(__clang__) && __GNUC__ >= 12
#define WIDE __attribute__((target_clones("arch=x86-64-v3", "default")))
#elif defined(__GLIBC__) && defined(__x86_64__) && !defined(__clang__)
#define WIDE __attribute__((target_clones("avx2", "default")))
#else
#define WIDE
#endif

/* Always inlined into a `WIDE` function; alone it would be compiled for narrow registers. */
#ifdef __GNUC__
#define INLINE static inline __attribute__((always_inline))
#else
#define INLINE static inline
#endif

/* Fetch memory that is written soon. */
#ifdef __GNUC__
#define PREFETCH(address) __builtin_prefetch(address, 1)
#else
#define PREFETCH(address) ((void)0)
#endif

/* An array argument: C-contiguous, native byte order, aligned unless it is empty. None for an
 * optional array gives no memory. */
typedef struct {
    const char *name;
    int axes;
    const char *formats; /* type codes of Python's `struct` */
    Py_ssize_t item_size;
    int flags, optional;
} ArraySpec;

#define FLOAT32(name, axes) {name, axes, "f", 4, 0, 0}
#define INT32(name, axes) {name, axes, "il", 4, 0, 0}
#define INT64(name, axes) {name, axes, "lq", 8, 0, 0}
#define BOOL(name, axes) {name, axes, "?", 1, 0, 0}
#define OPTIONAL_FLOAT32(name, axes) {name, axes, "f", 4, 0, 1}
#define OPTIONAL_INT64(name, axes) {name, axes, "lq", 8, 0, 1}
#define FLOAT32_OUT(name, axes) {name, axes, "f", 4, PyBUF_WRITABLE, 0}
#define FLOAT64_OUT(name, axes) {name, axes, "d", 8, PyBUF_WRITABLE, 0}
#define UINT16_OUT(name, axes) {name, axes, "H", 2, PyBUF_WRITABLE, 0}
#define INT32_OUT(name, axes) {name, axes, "il", 4, PyBUF_WRITABLE, 0}
#define INT64_OUT(name, axes) {name, axes, "lq", 8, PyBUF_WRITABLE, 0}

/* Raise a ValueError; returns NULL. */
static inline PyObject *
value_error(const char *message)
{
    PyErr_SetString(PyExc_ValueError, message);
    return NULL;
}

/* Turn an OverflowError or BufferError about an argument into a ValueError; returns NULL. */
static inline PyObject *
argument_error(void)
{
    if (PyErr_ExceptionMatches(PyExc_OverflowError)) {
        value_error("a number is out of range");
    }
    else if (PyErr_ExceptionMatches(PyExc_BufferError)) {
        value_error("an array is not C-contiguous, or read-only where results are written");
    }
    return NULL;
}

/* Parse a number of threads; -1 with an error set for anything but a whole number above 0. */
static inline int
threads_of(PyObject *object)
{
    const long threads = PyLong_AsLong(object);
    if (threads == -1 && PyErr_Occurred()) {
        argument_error();
        return -1;
    }
    if (threads < 1) {
        value_error("threads must be at least 1");
        return -1;
    }
    return threads < INT32_MAX ? (int)threads : INT32_MAX;
}

static inline int
acquire_array(PyObject *object, Py_buffer *view, const ArraySpec *spec)
{
    if (object == Py_None && spec->optional) {
        memset(view, 0, sizeof(*view));
        return 0;
    }
    if (PyObject_GetBuffer(object, view, PyBUF_ND | PyBUF_FORMAT | spec->flags) < 0) {
        argument_error();
        return -1;
    }
    if (view->ndim != spec->axes || view->itemsize != spec->item_size || view->format == NULL
        || strlen(view->format) != 1 || strchr(spec->formats, view->format[0]) == NULL) {
        PyErr_Format(PyExc_TypeError,
                     "%s: expected an array with %d axes and items \"%s\" of %zd bytes", spec->name,
                     spec->axes, spec->formats, spec->item_size);
    }
    else if (view->len > 0 && (uintptr_t)view->buf % (size_t)spec->item_size != 0) {
        PyErr_Format(PyExc_ValueError, "%s: the array is not aligned", spec->name);
    }
    else {
        return 0;
    }
    PyBuffer_Release(view);
    return -1;
}

static inline void
release_arrays(Py_buffer *views, int count)
{
    while (count-- > 0) {
        PyBuffer_Release(&views[count]);
    }
}

static inline int
overlap(const Py_buffer *one, const Py_buffer *other)
{
    const char *first = one->buf, *second = other->buf;
    return one->len > 0 && other->len > 0 && first < second + other->len
           && second < first + one->len;
}

/* Get all arrays or none. Results must not share memory with other arrays, which would let them
 * overwrite validated indices. */
static inline int
acquire_arrays(PyObject *const *objects, Py_buffer *views, const ArraySpec *specs, int count)
{
    for (int i = 0; i < count; i++) {
        if (acquire_array(objects[i], &views[i], &specs[i]) < 0) {
            release_arrays(views, i);
            return -1;
        }
    }
    for (int i = 0; i < count; i++) {
        for (int j = 0; specs[i].flags & PyBUF_WRITABLE && j < count; j++) {
            if (i != j && overlap(&views[i], &views[j])) {
                PyErr_Format(PyExc_ValueError, "%s and %s share memory", specs[i].name,
                             specs[j].name);
                release_arrays(views, count);
                return -1;
            }
        }
    }
    return 0;
}

static inline int
same_shape(const Py_buffer *one, const Py_buffer *other)
{
    for (int axis = 0; axis < one->ndim; axis++) {
        if (one->shape[axis] != other->shape[axis]) {
            return 0;
        }
    }
    return 1;
}

/* Return why packed texts are invalid, or NULL. Offsets go from 0 to the number of ids; no text is
 * empty; ids are below `vocabulary`. */
static inline const char *
validate_texts(const Py_buffer *ids, const Py_buffer *offsets, int64_t vocabulary)
{
    const int64_t *bounds = offsets->buf, texts = offsets->shape[0] - 1;
    const int32_t *tokens = ids->buf;
    if (texts < 0 || bounds[0] != 0 || bounds[texts] != ids->shape[0]) {
        return "the offsets do not go from 0 to the number of ids";
    }
    for (int64_t i = 0; i < texts; i++) {
        if (bounds[i + 1] <= bounds[i]) {
            return "a text is empty";
        }
    }
    for (Py_ssize_t i = 0; i < ids->shape[0]; i++) {
        if (tokens[i] < 0 || tokens[i] >= vocabulary) {
            return "an id is outside the vocabulary";
        }
    }
    return NULL;
}

#endif
