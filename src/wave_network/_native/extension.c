/* The module `wave_network._native._extension`; its functions are typed in `_extension.pyi`. */

#include "extension.h"

#define WITH_KEYWORDS(function) \
    {#function, (PyCFunction)(void (*)(void))function, METH_VARARGS | METH_KEYWORDS, NULL}
#define FAST(function) {#function, (PyCFunction)(void (*)(void))function, METH_FASTCALL, NULL}
#define POSITIONAL(function) {#function, function, METH_VARARGS, NULL}

static PyMethodDef methods[] = {
    POSITIONAL(learn_byte_pairs), WITH_KEYWORDS(dual_coordinate_descent),
    FAST(features_forward),       FAST(features_backward),
    FAST(heads_forward),          WITH_KEYWORDS(document_frequencies),
    WITH_KEYWORDS(ngram_rows),    POSITIONAL(column_sums),
    WITH_KEYWORDS(update_rows),   WITH_KEYWORDS(train_step),
    POSITIONAL(sparse_times_dense),
    POSITIONAL(sparse_times_sparse),
    POSITIONAL(transpose_rows),
    POSITIONAL(dense_product),
    POSITIONAL(dense_inner),
    POSITIONAL(principal_axes),
    POSITIONAL(count_pairs),
    POSITIONAL(neighbour_counts),
    POSITIONAL(best_labels),
    POSITIONAL(row_means),
    POSITIONAL(coded_row_means),
    POSITIONAL(ordered_product),
    {NULL, NULL, 0, NULL},
};

static int
add_types(PyObject *module)
{
    PyType_Spec *specs[] = {&line_reader_spec, &shape_spec, &word_counter_spec, &word_table_spec};
    for (size_t i = 0; i < sizeof(specs) / sizeof(specs[0]); i++) {
        PyObject *type = PyType_FromSpec(specs[i]);
        const int status = type == NULL ? -1 : PyModule_AddType(module, (PyTypeObject *)type);
        Py_XDECREF(type);
        if (status < 0) {
            return -1;
        }
    }
    return 0;
}

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, add_types},
    {0, NULL},
};

static struct PyModuleDef extension = {
    PyModuleDef_HEAD_INIT, "_extension", NULL, 0, methods, slots, NULL, NULL, NULL,
};

PyMODINIT_FUNC
PyInit__extension(void)
{
    return PyModuleDef_Init(&extension);
}
