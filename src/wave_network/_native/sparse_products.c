/* The compiled products of numerics/: sparse matrices in compressed rows, and tall dense ones.
 *
 * Work is cut into tasks by the data alone, and sums are added in a fixed order, so results do not
 * depend on the number of threads. */

#include "extension.h"
#include "parallel.h"

#include <math.h>
#include <stdlib.h>

enum { ROWS_A_TASK = 256, MOST_PARTS = 32, ROWS_A_PART = 512 };

/* Return why a matrix in compressed rows is invalid, or NULL. */
static const char *
validate_rows(const Py_buffer *starts, const Py_buffer *columns, const Py_buffer *values,
              int64_t width)
{
    const int64_t *bounds = starts->buf, rows = starts->shape[0] - 1;
    const int32_t *places = columns->buf;
    if (rows < 0 || bounds[0] != 0 || bounds[rows] != columns->shape[0]
        || (values != NULL && values->shape[0] != columns->shape[0])) {
        return "rows, columns and values do not belong together";
    }
    for (int64_t row = 0; row < rows; row++) {
        if (bounds[row + 1] < bounds[row]) {
            return "the offsets fall";
        }
    }
    for (Py_ssize_t i = 0; i < columns->shape[0]; i++) {
        if (places[i] < 0 || places[i] >= width) {
            return "a column is outside the matrix";
        }
    }
    return NULL;
}

/* Sparse times dense */

typedef struct {
    const int64_t *starts;
    const int32_t *columns;
    const float *values, *dense;
    float *result;
    int64_t rows, width;
} Product;

WIDE static void
multiply_rows(const Product *product, int64_t first, int64_t end)
{
    const int64_t width = product->width;
    for (int64_t row = first; row < end; row++) {
        float *restrict sum = product->result + row * width;
        memset(sum, 0, (size_t)width * sizeof(float));
        for (int64_t i = product->starts[row]; i < product->starts[row + 1]; i++) {
            const float *restrict other = product->dense + product->columns[i] * width;
            const float value = product->values[i];
            for (int64_t k = 0; k < width; k++) {
                sum[k] += value * other[k];
            }
        }
    }
}

static void
multiply_task(void *context, int64_t task)
{
    const Product *product = context;
    const int64_t first = task * ROWS_A_TASK, end = first + ROWS_A_TASK;
    multiply_rows(product, first, end < product->rows ? end : product->rows);
}

enum { P_STARTS, P_COLUMNS, P_VALUES, P_DENSE, P_RESULT, PRODUCT_ARRAYS };

static const ArraySpec product_arrays[PRODUCT_ARRAYS] = {
    [P_STARTS] = INT64("starts", 1),   [P_COLUMNS] = INT32("columns", 1),
    [P_VALUES] = FLOAT32("values", 1), [P_DENSE] = FLOAT32("dense", 2),
    [P_RESULT] = FLOAT32_OUT("result", 2),
};

PyObject *
sparse_times_dense(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *objects[PRODUCT_ARRAYS];
    Py_buffer views[PRODUCT_ARRAYS];
    int threads;
    if (!PyArg_ParseTuple(args, "OOOOOi", &objects[P_STARTS], &objects[P_COLUMNS],
                          &objects[P_VALUES], &objects[P_DENSE], &objects[P_RESULT], &threads)) {
        return argument_error();
    }
    if (acquire_arrays(objects, views, product_arrays, PRODUCT_ARRAYS) < 0) {
        return NULL;
    }
    const Py_buffer *dense = &views[P_DENSE], *result = &views[P_RESULT];
    const char *error = validate_rows(&views[P_STARTS], &views[P_COLUMNS], &views[P_VALUES],
                                      dense->shape[0]);
    if (error == NULL
        && (result->shape[0] != views[P_STARTS].shape[0] - 1
            || result->shape[1] != dense->shape[1])) {
        error = "the result has another shape";
    }
    if (error == NULL) {
        Product product = {
            .starts = views[P_STARTS].buf,
            .columns = views[P_COLUMNS].buf,
            .values = views[P_VALUES].buf,
            .dense = dense->buf,
            .result = result->buf,
            .rows = result->shape[0],
            .width = result->shape[1],
        };
        const int64_t tasks = (product.rows + ROWS_A_TASK - 1) / ROWS_A_TASK;
        Py_BEGIN_ALLOW_THREADS
        parallel_run(threads, tasks, multiply_task, &product);
        Py_END_ALLOW_THREADS
    }
    release_arrays(views, PRODUCT_ARRAYS);
    return error == NULL ? Py_NewRef(Py_None) : value_error(error);
}

/* Transposing */

enum { T_STARTS, T_COLUMNS, T_VALUES, T_ENDS, T_ROWS, T_MOVED, TRANSPOSE_ARRAYS };

static const ArraySpec transpose_arrays[TRANSPOSE_ARRAYS] = {
    [T_STARTS] = INT64("starts", 1),       [T_COLUMNS] = INT32("columns", 1),
    [T_VALUES] = FLOAT32("values", 1),     [T_ENDS] = INT64_OUT("new_starts", 1),
    [T_ROWS] = INT32_OUT("new_columns", 1), [T_MOVED] = FLOAT32_OUT("new_values", 1),
};

/* Sort the entries by column, those of a column in the order of the rows. */
static void
transpose_entries(const Py_buffer *views)
{
    const int64_t *starts = views[T_STARTS].buf, rows = views[T_STARTS].shape[0] - 1;
    const int32_t *columns = views[T_COLUMNS].buf;
    const float *values = views[T_VALUES].buf;
    int64_t *places = views[T_ENDS].buf;
    int32_t *moved_rows = views[T_ROWS].buf;
    float *moved = views[T_MOVED].buf;
    const int64_t width = views[T_ENDS].shape[0] - 1;
    memset(places, 0, (size_t)views[T_ENDS].len);
    for (int64_t i = 0; i < starts[rows]; i++) {
        places[columns[i] + 1]++;
    }
    for (int64_t column = 0; column < width; column++) {
        places[column + 1] += places[column];
    }
    for (int64_t row = 0; row < rows; row++) {
        for (int64_t i = starts[row]; i < starts[row + 1]; i++) {
            const int64_t place = places[columns[i]]++;
            moved_rows[place] = (int32_t)row;
            moved[place] = values[i];
        }
    }
    memmove(places + 1, places, (size_t)width * sizeof(int64_t)); /* ends became starts */
    places[0] = 0;
}

PyObject *
transpose_rows(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *objects[TRANSPOSE_ARRAYS];
    Py_buffer views[TRANSPOSE_ARRAYS];
    if (!PyArg_ParseTuple(args, "OOOOOO", &objects[T_STARTS], &objects[T_COLUMNS],
                          &objects[T_VALUES], &objects[T_ENDS], &objects[T_ROWS],
                          &objects[T_MOVED])
        || acquire_arrays(objects, views, transpose_arrays, TRANSPOSE_ARRAYS) < 0) {
        return NULL;
    }
    const Py_ssize_t entries = views[T_COLUMNS].shape[0];
    const char *error = NULL;
    if (views[T_ENDS].shape[0] < 1 || views[T_STARTS].shape[0] > INT32_MAX
        || views[T_ROWS].shape[0] != entries || views[T_MOVED].shape[0] != entries) {
        error = "the result has another shape";
    }
    else {
        error = validate_rows(&views[T_STARTS], &views[T_COLUMNS], &views[T_VALUES],
                              views[T_ENDS].shape[0] - 1);
    }
    if (error == NULL) {
        Py_BEGIN_ALLOW_THREADS
        transpose_entries(views);
        Py_END_ALLOW_THREADS
    }
    release_arrays(views, TRANSPOSE_ARRAYS);
    return error == NULL ? Py_NewRef(Py_None) : value_error(error);
}

/* Sparse times sparse (Gustavson, 1978) */

enum {
    S_STARTS,
    S_COLUMNS,
    S_VALUES,
    S_OTHER_STARTS,
    S_OTHER_COLUMNS,
    S_OTHER_VALUES,
    S_ENDS,
    S_RESULT_COLUMNS,
    S_RESULT_VALUES,
    SPARSE_ARRAYS
};

static const ArraySpec sparse_arrays[SPARSE_ARRAYS] = {
    [S_STARTS] = INT64("starts", 1),
    [S_COLUMNS] = INT32("columns", 1),
    [S_VALUES] = FLOAT32("values", 1),
    [S_OTHER_STARTS] = INT64("other_starts", 1),
    [S_OTHER_COLUMNS] = INT32("other_columns", 1),
    [S_OTHER_VALUES] = FLOAT32("other_values", 1),
    [S_ENDS] = INT64_OUT("row_ends", 1),
    [S_RESULT_COLUMNS] = INT32_OUT("result_columns", 1),
    [S_RESULT_VALUES] = FLOAT32_OUT("result_values", 1),
};

/* Write the product as far as `most` entries; returns how many it has. A column's entry in the
 * current row is at `places[column] - 1`, if that is not before the row. `places` are zeros. */
static int64_t
multiply_sparse(const Py_buffer *views, int64_t *places, int64_t most)
{
    const int64_t *starts = views[S_STARTS].buf, *other_starts = views[S_OTHER_STARTS].buf;
    const int32_t *columns = views[S_COLUMNS].buf, *other_columns = views[S_OTHER_COLUMNS].buf;
    const float *values = views[S_VALUES].buf, *other_values = views[S_OTHER_VALUES].buf;
    int64_t *row_ends = views[S_ENDS].buf;
    int32_t *result_columns = views[S_RESULT_COLUMNS].buf;
    float *result_values = views[S_RESULT_VALUES].buf;
    int64_t next = 0;
    for (int64_t row = 0; row < views[S_ENDS].shape[0]; row++) {
        const int64_t begin = next;
        for (int64_t i = starts[row]; i < starts[row + 1]; i++) {
            const int64_t end = other_starts[columns[i] + 1];
            for (int64_t j = other_starts[columns[i]]; j < end; j++) {
                const int32_t column = other_columns[j];
                if (places[column] <= begin) {
                    places[column] = ++next;
                    if (next <= most) {
                        result_columns[next - 1] = column;
                        result_values[next - 1] = 0;
                    }
                }
                if (places[column] <= most) {
                    result_values[places[column] - 1] += values[i] * other_values[j];
                }
            }
        }
        row_ends[row] = next;
    }
    return next;
}

PyObject *
sparse_times_sparse(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *objects[SPARSE_ARRAYS];
    Py_buffer views[SPARSE_ARRAYS];
    long long width;
    if (!PyArg_ParseTuple(args, "OOOOOOLOOO", &objects[S_STARTS], &objects[S_COLUMNS],
                          &objects[S_VALUES], &objects[S_OTHER_STARTS], &objects[S_OTHER_COLUMNS],
                          &objects[S_OTHER_VALUES], &width, &objects[S_ENDS],
                          &objects[S_RESULT_COLUMNS], &objects[S_RESULT_VALUES])) {
        return argument_error();
    }
    if (acquire_arrays(objects, views, sparse_arrays, SPARSE_ARRAYS) < 0) {
        return NULL;
    }
    const Py_ssize_t most = views[S_RESULT_COLUMNS].shape[0];
    int64_t *places = NULL, count = 0;
    const char *error = NULL;
    if (width < 0 || width > INT32_MAX || views[S_RESULT_VALUES].shape[0] != most
        || views[S_ENDS].shape[0] != views[S_STARTS].shape[0] - 1) {
        error = "the result has another shape";
    }
    if (error == NULL) {
        error = validate_rows(&views[S_STARTS], &views[S_COLUMNS], &views[S_VALUES],
                              views[S_OTHER_STARTS].shape[0] - 1);
    }
    if (error == NULL) {
        error = validate_rows(&views[S_OTHER_STARTS], &views[S_OTHER_COLUMNS],
                              &views[S_OTHER_VALUES], width);
    }
    if (error == NULL) {
        places = calloc((size_t)width + 1, sizeof(int64_t));
        if (places != NULL) {
            Py_BEGIN_ALLOW_THREADS
            count = multiply_sparse(views, places, most);
            Py_END_ALLOW_THREADS
        }
    }
    const int has_memory = error != NULL || places != NULL;
    free(places);
    release_arrays(views, SPARSE_ARRAYS);
    if (error != NULL) {
        return value_error(error);
    }
    return has_memory ? PyLong_FromLongLong(count) : PyErr_NoMemory();
}

/* Tall dense matrices */

typedef struct {
    const float *left, *right;
    float *result;   /* of `dense_product` */
    double *parts;   /* of `dense_inner`: a sum for each part of the rows */
    int64_t rows, inner, width, part;
} Dense;

WIDE static void
multiply_dense(const Dense *dense, int64_t first, int64_t end)
{
    const int64_t inner = dense->inner, width = dense->width;
    for (int64_t row = first; row < end; row++) {
        float *restrict sum = dense->result + row * width;
        const float *restrict left = dense->left + row * inner;
        memset(sum, 0, (size_t)width * sizeof(float));
        int64_t i = 0;
        for (; i + 4 <= inner; i += 4) {
            const float *restrict right = dense->right + i * width;
            for (int64_t k = 0; k < width; k++) {
                sum[k] += left[i] * right[k] + left[i + 1] * right[width + k]
                          + left[i + 2] * right[2 * width + k]
                          + left[i + 3] * right[3 * width + k];
            }
        }
        for (; i < inner; i++) {
            for (int64_t k = 0; k < width; k++) {
                sum[k] += left[i] * dense->right[i * width + k];
            }
        }
    }
}

static void
dense_task(void *context, int64_t task)
{
    const Dense *dense = context;
    const int64_t first = task * ROWS_A_TASK, end = first + ROWS_A_TASK;
    multiply_dense(dense, first, end < dense->rows ? end : dense->rows);
}

WIDE static void
add_inner(const Dense *dense, int64_t first, int64_t end, double *restrict sums)
{
    const int64_t inner = dense->inner, width = dense->width;
    int64_t row = first;
    for (; row + 4 <= end; row += 4) {
        const float *restrict left = dense->left + row * inner;
        const float *restrict right = dense->right + row * width;
        for (int64_t i = 0; i < inner; i++) {
            const double one = left[i], two = left[inner + i], three = left[2 * inner + i],
                         four = left[3 * inner + i];
            double *restrict sum = sums + i * width;
            for (int64_t k = 0; k < width; k++) {
                sum[k] += one * right[k] + two * right[width + k] + three * right[2 * width + k]
                          + four * right[3 * width + k];
            }
        }
    }
    for (; row < end; row++) {
        for (int64_t i = 0; i < inner; i++) {
            const double one = dense->left[row * inner + i];
            for (int64_t k = 0; k < width; k++) {
                sums[i * width + k] += one * dense->right[row * width + k];
            }
        }
    }
}

static void
inner_task(void *context, int64_t task)
{
    const Dense *dense = context;
    const int64_t first = task * dense->part, end = first + dense->part;
    add_inner(dense, first, end < dense->rows ? end : dense->rows,
              dense->parts + task * dense->inner * dense->width);
}

/* Compute left^T right; returns -1 without memory. */
static int
inner_products(Dense *dense, int threads, double *result)
{
    int64_t parts = (dense->rows + ROWS_A_PART - 1) / ROWS_A_PART;
    parts = parts > MOST_PARTS ? MOST_PARTS : parts;
    const int64_t size = dense->inner * dense->width;
    dense->part = parts > 0 ? (dense->rows + parts - 1) / parts : 0;
    dense->parts = calloc((size_t)(parts * size + 1), sizeof(double));
    if (dense->parts == NULL) {
        return -1;
    }
    parallel_run(threads, parts, inner_task, dense);
    memset(result, 0, (size_t)size * sizeof(double));
    for (int64_t part = 0; part < parts; part++) {
        for (int64_t i = 0; i < size; i++) {
            result[i] += dense->parts[part * size + i];
        }
    }
    free(dense->parts);
    return 0;
}

enum { D_LEFT, D_RIGHT, D_RESULT, DENSE_ARRAYS };

static const ArraySpec dense_product_arrays[DENSE_ARRAYS] = {
    [D_LEFT] = FLOAT32("left", 2),
    [D_RIGHT] = FLOAT32("right", 2),
    [D_RESULT] = FLOAT32_OUT("result", 2),
};

static const ArraySpec dense_inner_arrays[DENSE_ARRAYS] = {
    [D_LEFT] = FLOAT32("left", 2),
    [D_RIGHT] = FLOAT32("right", 2),
    [D_RESULT] = FLOAT64_OUT("result", 2),
};

PyObject *
dense_product(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *objects[DENSE_ARRAYS];
    Py_buffer views[DENSE_ARRAYS];
    int threads;
    if (!PyArg_ParseTuple(args, "OOOi", &objects[D_LEFT], &objects[D_RIGHT], &objects[D_RESULT],
                          &threads)) {
        return argument_error();
    }
    if (acquire_arrays(objects, views, dense_product_arrays, DENSE_ARRAYS) < 0) {
        return NULL;
    }
    const Py_ssize_t *left = views[D_LEFT].shape, *right = views[D_RIGHT].shape;
    const Py_ssize_t *result = views[D_RESULT].shape;
    const int fits = left[1] == right[0] && result[0] == left[0] && result[1] == right[1];
    if (fits) {
        Dense dense = {.left = views[D_LEFT].buf,
                       .right = views[D_RIGHT].buf,
                       .result = views[D_RESULT].buf,
                       .rows = left[0],
                       .inner = left[1],
                       .width = right[1]};
        const int64_t tasks = (dense.rows + ROWS_A_TASK - 1) / ROWS_A_TASK;
        Py_BEGIN_ALLOW_THREADS
        parallel_run(threads, tasks, dense_task, &dense);
        Py_END_ALLOW_THREADS
    }
    release_arrays(views, DENSE_ARRAYS);
    return fits ? Py_NewRef(Py_None) : value_error("the shapes do not belong together");
}

PyObject *
dense_inner(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *objects[DENSE_ARRAYS];
    Py_buffer views[DENSE_ARRAYS];
    int threads, status = 0;
    if (!PyArg_ParseTuple(args, "OOOi", &objects[D_LEFT], &objects[D_RIGHT], &objects[D_RESULT],
                          &threads)) {
        return argument_error();
    }
    if (acquire_arrays(objects, views, dense_inner_arrays, DENSE_ARRAYS) < 0) {
        return NULL;
    }
    const Py_ssize_t *left = views[D_LEFT].shape, *right = views[D_RIGHT].shape;
    const Py_ssize_t *result = views[D_RESULT].shape;
    const int fits = left[0] == right[0] && result[0] == left[1] && result[1] == right[1];
    if (fits) {
        Dense dense = {.left = views[D_LEFT].buf,
                       .right = views[D_RIGHT].buf,
                       .rows = left[0],
                       .inner = left[1],
                       .width = right[1]};
        Py_BEGIN_ALLOW_THREADS
        status = inner_products(&dense, threads, views[D_RESULT].buf);
        Py_END_ALLOW_THREADS
    }
    release_arrays(views, DENSE_ARRAYS);
    if (!fits) {
        return value_error("the shapes do not belong together");
    }
    return status == 0 ? Py_NewRef(Py_None) : PyErr_NoMemory();
}

/* Small symmetric matrices without negative eigenvalues: rotations from one side make their rows
 * orthogonal, which are then eigenvectors times eigenvalues (Hestenes, 1958). */

enum { MOST_SWEEPS = 60 };

/* Turn two rows so that they are orthogonal; returns whether they were not. */
INLINE int
turn_rows(double *restrict first, double *restrict second, int64_t size)
{
    double own = 0, other = 0, both = 0;
    for (int64_t i = 0; i < size; i++) {
        own += first[i] * first[i];
        other += second[i] * second[i];
        both += first[i] * second[i];
    }
    if (!(fabs(both) > 1e-14 * sqrt(own * other))) {
        return 0;
    }
    const double half = (other - own) / (2 * both);
    const double tangent = (half < 0 ? -1 : 1) / (fabs(half) + sqrt(1 + half * half));
    const double cosine = 1 / sqrt(1 + tangent * tangent), sine = cosine * tangent;
    for (int64_t i = 0; i < size; i++) {
        const double value = first[i];
        first[i] = cosine * value - sine * second[i];
        second[i] = sine * value + cosine * second[i];
    }
    return 1;
}

WIDE static void
turn_all(double *matrix, int64_t size)
{
    int turned = 1;
    for (int sweep = 0; turned && sweep < MOST_SWEEPS; sweep++) {
        turned = 0;
        for (int64_t row = 0; row + 1 < size; row++) {
            for (int64_t other = row + 1; other < size; other++) {
                turned |= turn_rows(matrix + row * size, matrix + other * size, size);
            }
        }
    }
}

static const ArraySpec symmetric_array = FLOAT64_OUT("matrix", 2);

PyObject *
principal_axes(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *object;
    Py_buffer view;
    if (!PyArg_ParseTuple(args, "O", &object)
        || acquire_arrays(&object, &view, &symmetric_array, 1) < 0) {
        return NULL;
    }
    const int fits = view.shape[0] == view.shape[1];
    if (fits) {
        Py_BEGIN_ALLOW_THREADS
        turn_all(view.buf, view.shape[0]);
        Py_END_ALLOW_THREADS
    }
    release_arrays(&view, 1);
    return fits ? Py_NewRef(Py_None) : value_error("the matrix is not square");
}
