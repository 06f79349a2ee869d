/* The entry points of the extension, by file. */

#ifndef WAVE_NETWORK_EXTENSION_H
#define WAVE_NETWORK_EXTENSION_H

#include "arrays.h"

/* best_labels.c */
PyObject *best_labels(PyObject *module, PyObject *args);

/* byte_pairs.c */
PyObject *learn_byte_pairs(PyObject *module, PyObject *args);

/* dual_coordinate_descent.c */
PyObject *dual_coordinate_descent(PyObject *module, PyObject *args, PyObject *kwargs);

/* features.c */
PyObject *features_forward(PyObject *module, PyObject *const *objects, Py_ssize_t count);
PyObject *features_backward(PyObject *module, PyObject *const *objects, Py_ssize_t count);

/* heads_forward.c */
PyObject *heads_forward(PyObject *module, PyObject *const *objects, Py_ssize_t count);

/* ngram_counts.c */
PyObject *document_frequencies(PyObject *module, PyObject *args, PyObject *kwargs);
PyObject *ngram_rows(PyObject *module, PyObject *args, PyObject *kwargs);
PyObject *column_sums(PyObject *module, PyObject *args);

/* neighbour_counts.c */
PyObject *neighbour_counts(PyObject *module, PyObject *args);

/* pair_counts.c */
PyObject *count_pairs(PyObject *module, PyObject *args);

/* row_adam.c */
PyObject *update_rows(PyObject *module, PyObject *args, PyObject *kwargs);

/* row_means.c */
PyObject *row_means(PyObject *module, PyObject *args);
PyObject *coded_row_means(PyObject *module, PyObject *args);
PyObject *ordered_product(PyObject *module, PyObject *args);

/* sparse_products.c */
PyObject *sparse_times_dense(PyObject *module, PyObject *args);
PyObject *sparse_times_sparse(PyObject *module, PyObject *args);
PyObject *transpose_rows(PyObject *module, PyObject *args);
PyObject *dense_product(PyObject *module, PyObject *args);
PyObject *dense_inner(PyObject *module, PyObject *args);
PyObject *principal_axes(PyObject *module, PyObject *args);

/* train_step.c */
PyObject *train_step(PyObject *module, PyObject *args, PyObject *kwargs);

/* line_reader.c, shape.c, word_counter.c, word_table.c */
extern PyType_Spec line_reader_spec, shape_spec, word_counter_spec, word_table_spec;

#endif
