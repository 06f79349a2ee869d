/* What the compiled modules share: how they are built, and arrays as arguments. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>

#ifdef _MSC_VER
#define restrict __restrict
#endif

/* Compiled for wider registers, too, which the loader takes where the processor has them. */
#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && defined(__linux__)
#define WIDE __attribute__((target_clones("avx2", "default")))
#else
#define WIDE
#endif

/* Part of the `WIDE` function that calls it: a function of its own has narrow registers. */
#ifdef __GNUC__
#define INLINE static inline __attribute__((always_inline))
#else
#define INLINE static inline
#endif

typedef struct {
    int axes;
    const char *letters; /* the types of items, as in Python's `struct` */
    Py_ssize_t item_size;
    int flags;
} Expected;

static int
get_array(PyObject *object, Py_buffer *view, const Expected *expected)
{
    if (PyObject_GetBuffer(object, view, PyBUF_ND | PyBUF_FORMAT | expected->flags) < 0) {
        return -1;
    }
    if (view->ndim == expected->axes && view->itemsize == expected->item_size
        && view->format != NULL && strlen(view->format) == 1
        && strchr(expected->letters, view->format[0]) != NULL) {
        return 0;
    }
    PyBuffer_Release(view);
    PyErr_Format(PyExc_TypeError, "expected an array of %d axes with items \"%s\" of %zd bytes",
                 expected->axes, expected->letters, expected->item_size);
    return -1;
}

static void
release_arrays(Py_buffer *views, int count)
{
    while (count-- > 0) {
        PyBuffer_Release(&views[count]);
    }
}

/* All of them, or none. */
static int
get_arrays(PyObject *const *objects, Py_buffer *views, const Expected *expected, int count)
{
    for (int i = 0; i < count; i++) {
        if (get_array(objects[i], &views[i], &expected[i]) < 0) {
            release_arrays(views, i);
            return -1;
        }
    }
    return 0;
}
