/* The compiled form of `update_rows` of training/row_adam.py. */

#include "adam.h"
#include "extension.h"

enum { TABLE, ROWS, GRADIENT, PLACES, MEAN, SQUARE, ARRAYS };

static const ArraySpec specs[ARRAYS] = {
    [TABLE] = FLOAT32_OUT("table", 2),   [ROWS] = INT64("rows", 1),
    [GRADIENT] = FLOAT32("gradient", 2), [PLACES] = INT64("places", 1),
    [MEAN] = FLOAT32_OUT("means", 2),    [SQUARE] = FLOAT32_OUT("squares", 2),
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
update_arrays(const Py_buffer *views, Adam adam)
{
    const int64_t width = views[TABLE].shape[1], count = views[GRADIENT].shape[0];
    if (views[GRADIENT].shape[1] != width || views[MEAN].shape[1] != width
        || !same_shape(&views[MEAN], &views[SQUARE])
        || !are_indices(&views[ROWS], count, views[TABLE].shape[0])
        || !are_indices(&views[PLACES], count, views[MEAN].shape[0])) {
        return value_error("rows, gradients and moments do not belong together");
    }
    Py_BEGIN_ALLOW_THREADS update_table(views[TABLE].buf, views[ROWS].buf, views[GRADIENT].buf,
                                        count, width, views[PLACES].buf, views[MEAN].buf,
                                        views[SQUARE].buf, adam);
    Py_END_ALLOW_THREADS Py_RETURN_NONE;
}

PyObject *
update_rows(PyObject *Py_UNUSED(module), PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"table", "rows",  "gradient", "places", "means", "squares",
                            "beta1", "beta2", "epsilon",  "rate",   NULL};
    PyObject *objects[ARRAYS];
    Adam adam = {.root_factor = 1};
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OOOOOO$ffff", names, &objects[TABLE],
                                     &objects[ROWS], &objects[GRADIENT], &objects[PLACES],
                                     &objects[MEAN], &objects[SQUARE], &adam.beta1, &adam.beta2,
                                     &adam.epsilon, &adam.rate)) {
        return argument_error();
    }
    Py_buffer views[ARRAYS];
    if (acquire_arrays(objects, views, specs, ARRAYS) < 0) {
        return NULL;
    }
    PyObject *result = update_arrays(views, adam);
    release_arrays(views, ARRAYS);
    return result;
}
