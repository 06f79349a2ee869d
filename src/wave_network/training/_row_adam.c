/* The compiled form of row_adam.update_rows. */

#include "../_arrays.h"
#include "_adam.h"

enum { TABLE, ROWS, GRADIENT, PLACES, MEAN, SQUARE, ARRAYS };

static const Expected expected[ARRAYS] = {
    [TABLE] = {2, "f", 4, PyBUF_WRITABLE},
    [ROWS] = {1, "lq", 8, 0},
    [GRADIENT] = {2, "f", 4, 0},
    [PLACES] = {1, "lq", 8, 0},
    [MEAN] = {2, "f", 4, PyBUF_WRITABLE},
    [SQUARE] = {2, "f", 4, PyBUF_WRITABLE},
};

static int
are_indices(const Py_buffer *view, int64_t count, int64_t below)
{
    const int64_t *indices = view->buf;
    if (view->shape[0] != count) {
        return 0;
    }
    for (int64_t i = 0; i < count; i++) {
        if (indices[i] < 0 || indices[i] >= below) {
            return 0;
        }
    }
    return 1;
}

static PyObject *
update_checked(const Py_buffer *views, RowStep step)
{
    const int64_t width = views[TABLE].shape[1], count = views[GRADIENT].shape[0];
    if (views[GRADIENT].shape[1] != width || views[MEAN].shape[1] != width
        || views[SQUARE].shape[1] != width || views[MEAN].shape[0] != views[SQUARE].shape[0]
        || !are_indices(&views[ROWS], count, views[TABLE].shape[0])
        || !are_indices(&views[PLACES], count, views[MEAN].shape[0])) {
        PyErr_SetString(PyExc_ValueError, "rows, gradients and moments do not belong together");
        return NULL;
    }
    const int64_t *rows = views[ROWS].buf, *places = views[PLACES].buf;
    float *table = views[TABLE].buf, *mean = views[MEAN].buf, *square = views[SQUARE].buf;
    const float *gradient = views[GRADIENT].buf;
    Py_BEGIN_ALLOW_THREADS
    move_rows(table, rows, gradient, count, width, places, mean, square, step);
    Py_END_ALLOW_THREADS
    Py_RETURN_NONE;
}

static PyObject *
update_rows(PyObject *module, PyObject *args)
{
    PyObject *objects[ARRAYS];
    RowStep step;
    (void)module;
    if (!PyArg_ParseTuple(args, "OOOOOOffff", &objects[TABLE], &objects[ROWS], &objects[GRADIENT],
                          &objects[PLACES], &objects[MEAN], &objects[SQUARE], &step.beta1,
                          &step.beta2, &step.epsilon, &step.rate)) {
        return NULL;
    }
    Py_buffer views[ARRAYS];
    if (get_arrays(objects, views, expected, ARRAYS) < 0) {
        return NULL;
    }
    PyObject *result = update_checked(views, step);
    release_arrays(views, ARRAYS);
    return result;
}

static PyMethodDef methods[] = {
    {"update_rows", update_rows, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot module_slots[] = {
    {0, NULL},
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "_row_adam", NULL, 0, methods, module_slots, NULL, NULL, NULL,
};

PyMODINIT_FUNC
PyInit__row_adam(void)
{
    return PyModuleDef_Init(&module);
}
