/* Means of rows, and products summed in order (models/fasttext/matrix.py).
 *
 * fastText adds up in 32 bits, row by row and column by column, and looks its sigmoid up in a table,
 * where the last bit can decide. So each sum here has the same order, and no step is fused: these
 * functions are not `WIDE`, except where nothing is multiplied. */

#include "extension.h"
#include "parallel.h"

enum { TEXTS_A_TASK = 32, ROWS_AHEAD = 8 };

/* The rows of a table: of float32, or of codes that name centroids. */
typedef struct {
    const int32_t *ids;
    const int64_t *offsets;
    int64_t texts, columns;
    float *means;
    const float *table;
    const uint8_t *codes;
    const float *centroids, *norms;
    int64_t blocks, width; /* columns of every block but the last */
} Means;

WIDE static void
add_rows(const Means *self, int64_t text, float *sum)
{
    const int64_t columns = self->columns, end = self->offsets[text + 1];
    for (int64_t i = self->offsets[text]; i < end; i++) {
        if (i + ROWS_AHEAD < end) {
            PREFETCH(self->table + (int64_t)self->ids[i + ROWS_AHEAD] * columns);
        }
        const float *row = self->table + (int64_t)self->ids[i] * columns;
        for (int64_t column = 0; column < columns; column++) {
            sum[column] += row[column];
        }
    }
}

/* Add the centroids that a row's codes name, but for the last block's, which may be narrower. */
INLINE void
add_centroids(const Means *self, const uint8_t *codes, float norm, int64_t width, float *sum)
{
    for (int64_t block = 0; block < self->blocks - 1; block++) {
        const float *centroid = self->centroids + (block * 256 + codes[block]) * width;
        for (int64_t column = 0; column < width; column++) {
            sum[block * width + column] += norm * centroid[column];
        }
    }
}

static void
add_coded_rows(const Means *self, int64_t text, float *sum)
{
    const int64_t before = (self->blocks - 1) * self->width, last = self->columns - before;
    const float *last_centroids = self->centroids + before * 256;
    const int64_t end = self->offsets[text + 1];
    for (int64_t i = self->offsets[text]; i < end; i++) {
        if (i + ROWS_AHEAD < end) {
            PREFETCH(self->codes + (int64_t)self->ids[i + ROWS_AHEAD] * self->blocks);
        }
        const uint8_t *codes = self->codes + (int64_t)self->ids[i] * self->blocks;
        const float norm = self->norms == NULL ? 1.0f : self->norms[self->ids[i]];
        if (self->width == 2) { /* the usual one; a constant unrolls the loop */
            add_centroids(self, codes, norm, 2, sum);
        }
        else {
            add_centroids(self, codes, norm, self->width, sum);
        }
        const float *centroid = last_centroids + codes[self->blocks - 1] * last;
        for (int64_t column = 0; column < last; column++) {
            sum[before + column] += norm * centroid[column];
        }
    }
}

static void
means_of_texts(void *context, int64_t task)
{
    const Means *self = context;
    const int64_t first = task * TEXTS_A_TASK;
    const int64_t stop = first + TEXTS_A_TASK < self->texts ? first + TEXTS_A_TASK : self->texts;
    for (int64_t text = first; text < stop; text++) {
        float *sum = self->means + text * self->columns;
        memset(sum, 0, (size_t)self->columns * sizeof(float));
        if (self->table != NULL) {
            add_rows(self, text, sum);
        }
        else {
            add_coded_rows(self, text, sum);
        }
        const int64_t rows = self->offsets[text + 1] - self->offsets[text];
        const float share = rows > 0 ? (float)(1.0 / (double)rows) : 0.0f;
        for (int64_t column = 0; column < self->columns; column++) {
            sum[column] *= share;
        }
    }
}

/* Return why packed ids are invalid, or NULL; a text may be empty. */
static const char *
validate_ids(const Py_buffer *ids, const Py_buffer *offsets, int64_t rows)
{
    const int64_t *bounds = offsets->buf, texts = offsets->shape[0] - 1;
    const int32_t *values = ids->buf;
    if (texts < 0 || bounds[0] != 0 || bounds[texts] != ids->shape[0]) {
        return "the offsets do not go from 0 to the number of ids";
    }
    for (int64_t i = 0; i < texts; i++) {
        if (bounds[i + 1] < bounds[i]) {
            return "the offsets fall";
        }
    }
    for (Py_ssize_t i = 0; i < ids->shape[0]; i++) {
        if (values[i] < 0 || values[i] >= rows) {
            return "an id is outside the table";
        }
    }
    return NULL;
}

static void
run_means(Means *self, int threads)
{
    const int64_t tasks = (self->texts + TEXTS_A_TASK - 1) / TEXTS_A_TASK;
    parallel_run(threads, tasks, means_of_texts, self);
}

enum { IDS, OFFSETS, TABLE, MEANS, ARRAYS };

static const ArraySpec arrays[ARRAYS] = {
    [IDS] = INT32("ids", 1),
    [OFFSETS] = INT64("offsets", 1),
    [TABLE] = FLOAT32("table", 2),
    [MEANS] = FLOAT32_OUT("means", 2),
};

PyObject *
row_means(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *objects[ARRAYS], *threads_object;
    Py_buffer views[ARRAYS];
    if (!PyArg_ParseTuple(args, "OOOOO", &objects[IDS], &objects[OFFSETS], &objects[TABLE],
                          &objects[MEANS], &threads_object)) {
        return NULL;
    }
    const int threads = threads_of(threads_object);
    if (threads < 0 || acquire_arrays(objects, views, arrays, ARRAYS) < 0) {
        return NULL;
    }
    Means means = {
        .ids = views[IDS].buf,
        .offsets = views[OFFSETS].buf,
        .texts = views[OFFSETS].shape[0] - 1,
        .columns = views[TABLE].shape[1],
        .means = views[MEANS].buf,
        .table = views[TABLE].buf,
    };
    const char *wrong = validate_ids(&views[IDS], &views[OFFSETS], views[TABLE].shape[0]);
    if (wrong == NULL
        && (views[MEANS].shape[0] != means.texts || views[MEANS].shape[1] != means.columns)) {
        wrong = "the means do not have the shape of the texts and the table";
    }
    if (wrong == NULL && views[MEANS].len > 0) {
        Py_BEGIN_ALLOW_THREADS
        run_means(&means, threads);
        Py_END_ALLOW_THREADS
    }
    release_arrays(views, ARRAYS);
    return wrong == NULL ? Py_NewRef(Py_None) : value_error(wrong);
}

enum { CODED_IDS, CODED_OFFSETS, CODES, CENTROIDS, NORMS, CODED_MEANS, CODED_ARRAYS };

static const ArraySpec coded_arrays[CODED_ARRAYS] = {
    [CODED_IDS] = INT32("ids", 1),
    [CODED_OFFSETS] = INT64("offsets", 1),
    [CODES] = {"codes", 2, "B", 1, 0, 0},
    [CENTROIDS] = FLOAT32("centroids", 1),
    [NORMS] = OPTIONAL_FLOAT32("norms", 1),
    [CODED_MEANS] = FLOAT32_OUT("means", 2),
};

/* Return why codes and their centroids do not fit together, or NULL. */
static const char *
validate_codes(const Means *self, const Py_buffer *views)
{
    if (self->width < 1 || self->columns < 1 || self->blocks < 1
        || (self->columns - 1) / self->width != self->blocks - 1
        || self->columns > views[CENTROIDS].shape[0] / 256) {
        return "the centroids do not fit the codes";
    }
    if (self->norms != NULL && views[NORMS].shape[0] != views[CODES].shape[0]) {
        return "the norms do not fit the codes";
    }
    return views[CODED_MEANS].shape[0] != self->texts ? "the means do not fit the texts" : NULL;
}

PyObject *
coded_row_means(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *objects[CODED_ARRAYS], *threads_object;
    Py_buffer views[CODED_ARRAYS];
    long long width;
    if (!PyArg_ParseTuple(args, "OOOOLOOO", &objects[CODED_IDS], &objects[CODED_OFFSETS],
                          &objects[CODES], &objects[CENTROIDS], &width, &objects[NORMS],
                          &objects[CODED_MEANS], &threads_object)) {
        return argument_error();
    }
    const int threads = threads_of(threads_object);
    if (threads < 0 || acquire_arrays(objects, views, coded_arrays, CODED_ARRAYS) < 0) {
        return NULL;
    }
    Means means = {
        .ids = views[CODED_IDS].buf,
        .offsets = views[CODED_OFFSETS].buf,
        .texts = views[CODED_OFFSETS].shape[0] - 1,
        .columns = views[CODED_MEANS].shape[1],
        .means = views[CODED_MEANS].buf,
        .codes = views[CODES].buf,
        .centroids = views[CENTROIDS].buf,
        .norms = views[NORMS].buf,
        .blocks = views[CODES].shape[1],
        .width = width,
    };
    const char *wrong
        = validate_ids(&views[CODED_IDS], &views[CODED_OFFSETS], views[CODES].shape[0]);
    if (wrong == NULL) {
        wrong = validate_codes(&means, views);
    }
    if (wrong == NULL) {
        Py_BEGIN_ALLOW_THREADS
        run_means(&means, threads);
        Py_END_ALLOW_THREADS
    }
    release_arrays(views, CODED_ARRAYS);
    return wrong == NULL ? Py_NewRef(Py_None) : value_error(wrong);
}

typedef struct {
    const float *left, *right;
    float *result;
    int64_t rows, inner, columns;
} Product;

static void
products_of_rows(void *context, int64_t task)
{
    const Product *self = context;
    const int64_t first = task * TEXTS_A_TASK;
    const int64_t stop = first + TEXTS_A_TASK < self->rows ? first + TEXTS_A_TASK : self->rows;
    for (int64_t row = first; row < stop; row++) {
        float *result = self->result + row * self->columns;
        memset(result, 0, (size_t)self->columns * sizeof(float));
        for (int64_t i = 0; i < self->inner; i++) {
            const float factor = self->left[row * self->inner + i];
            const float *other = self->right + i * self->columns;
            for (int64_t column = 0; column < self->columns; column++) {
                result[column] += factor * other[column];
            }
        }
    }
}

enum { LEFT, RIGHT, RESULT, FACTORS };

static const ArraySpec factors[FACTORS] = {
    [LEFT] = FLOAT32("left", 2),
    [RIGHT] = FLOAT32("right", 2),
    [RESULT] = FLOAT32_OUT("result", 2),
};

PyObject *
ordered_product(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *objects[FACTORS], *threads_object;
    Py_buffer views[FACTORS];
    if (!PyArg_ParseTuple(args, "OOOO", &objects[LEFT], &objects[RIGHT], &objects[RESULT],
                          &threads_object)) {
        return NULL;
    }
    const int threads = threads_of(threads_object);
    if (threads < 0 || acquire_arrays(objects, views, factors, FACTORS) < 0) {
        return NULL;
    }
    Product product = {
        .left = views[LEFT].buf,
        .right = views[RIGHT].buf,
        .result = views[RESULT].buf,
        .rows = views[LEFT].shape[0],
        .inner = views[LEFT].shape[1],
        .columns = views[RIGHT].shape[1],
    };
    const int fits = views[RIGHT].shape[0] == product.inner
                     && views[RESULT].shape[0] == product.rows
                     && views[RESULT].shape[1] == product.columns;
    if (fits && views[RESULT].len > 0) {
        Py_BEGIN_ALLOW_THREADS
        parallel_run(threads, (product.rows + TEXTS_A_TASK - 1) / TEXTS_A_TASK, products_of_rows,
                     &product);
        Py_END_ALLOW_THREADS
    }
    release_arrays(views, FACTORS);
    return fits ? Py_NewRef(Py_None) : value_error("the shapes do not fit together");
}
