/* Forward and backward of the features of texts, in one pass over their tokens.
 * models/local_wave/numpy_network.py and network.py compute the same in NumPy and torch. */

#include "extension.h"
#include "gradients.h"
#include "parallel.h"

enum { TEXTS_AT_ONCE = 64 }; /* per task */

typedef struct {
    const Network *network;
    const int32_t *ids;
    const int64_t *offsets;
    int64_t texts;
    float *features, *margins;
    float *sums; /* of each worker */
    double *linear_sums;
} Forward;

static void
forward_some(void *context, int64_t index, int worker)
{
    const Forward *forward = context;
    const Network *network = forward->network;
    const int64_t labels = network->linear_tokens.width, columns = feature_count(network);
    float *sums = forward->sums + worker * columns;
    double *linear_sums = forward->linear_sums + worker * 2 * labels;
    const int64_t first = index * TEXTS_AT_ONCE, end = first + TEXTS_AT_ONCE;
    for (int64_t text = first; text < end && text < forward->texts; text++) {
        const int64_t start = forward->offsets[text], length = forward->offsets[text + 1] - start;
        forward_sums(network, forward->ids + start, NULL, length, sums, linear_sums);
        forward_features(network, length, sums, linear_sums, forward->features + text * columns,
                         forward->margins + text * labels);
    }
}

static int
forward_texts(Forward *forward, int threads)
{
    const int64_t tasks = (forward->texts + TEXTS_AT_ONCE - 1) / TEXTS_AT_ONCE;
    const size_t columns = (size_t)feature_count(forward->network);
    const size_t labels = (size_t)forward->network->linear_tokens.width;
    Team *team = team_start(threads < tasks ? threads : (int)tasks);
    const size_t workers = (size_t)team_size(team);
    forward->sums = malloc((workers * columns + 1) * sizeof(float));
    forward->linear_sums = malloc((workers * 2 * labels + 1) * sizeof(double));
    const int status = forward->sums == NULL || forward->linear_sums == NULL ? -1 : 0;
    if (status == 0) {
        team_run(team, tasks, forward_some, forward);
    }
    team_end(team);
    free(forward->sums);
    free(forward->linear_sums);
    return status;
}

enum { IDS, OFFSETS, FEATURES, MARGINS, EMBEDDING, BIGRAMS, LINEAR_TOKENS, LINEAR_BIGRAMS, ARRAYS };

static const ArraySpec specs[ARRAYS] = {
    [IDS] = INT32("ids", 1),
    [OFFSETS] = INT64("offsets", 1),
    [FEATURES] = FLOAT32_OUT("features", 3),
    [MARGINS] = FLOAT32_OUT("margins", 2),
    [EMBEDDING] = FLOAT32("embedding", 2),
    [BIGRAMS] = FLOAT32("bigrams", 2),
    [LINEAR_TOKENS] = FLOAT32("linear_tokens", 2),
    [LINEAR_BIGRAMS] = FLOAT32("linear_bigrams", 2),
};

static int
has_shape(const Py_buffer *view, Py_ssize_t members, Py_ssize_t rows, Py_ssize_t columns)
{
    return view->shape[0] == members && view->shape[1] == rows && view->shape[2] == columns;
}

static const char *
validate_forward(const Network *network, const Py_buffer *views)
{
    const int64_t labels = network->linear_tokens.width, texts = views[OFFSETS].shape[0] - 1;
    const int64_t members = network->shape.members;
    int64_t vocabulary = network->embedding.count;
    const char *error = validate_tables(network);
    if (error != NULL) {
        return error;
    }
    if (labels > 0 && network->linear_tokens.count < vocabulary) {
        vocabulary = network->linear_tokens.count;
    }
    error = validate_texts(&views[IDS], &views[OFFSETS], vocabulary);
    if (error == NULL
        && (!has_shape(&views[FEATURES], texts, members, feature_count(network) / members)
            || views[MARGINS].shape[0] != texts || views[MARGINS].shape[1] != labels)) {
        error = "features or margins have another shape than the results";
    }
    return error;
}

static PyObject *
forward_arrays(const Shape *shape, const Py_buffer *views, int threads)
{
    const Network network = {
        .shape = *shape,
        .embedding = table_of(&views[EMBEDDING]),
        .bigrams = table_of(&views[BIGRAMS]),
        .linear_tokens = table_of(&views[LINEAR_TOKENS]),
        .linear_bigrams = table_of(&views[LINEAR_BIGRAMS]),
    };
    const char *error = validate_forward(&network, views);
    if (error != NULL) {
        return value_error(error);
    }
    Forward forward = {
        .network = &network,
        .ids = views[IDS].buf,
        .offsets = views[OFFSETS].buf,
        .texts = views[OFFSETS].shape[0] - 1,
        .features = views[FEATURES].buf,
        .margins = views[MARGINS].buf,
    };
    int status;
    Py_BEGIN_ALLOW_THREADS status = forward_texts(&forward, threads);
    Py_END_ALLOW_THREADS return status < 0 ? PyErr_NoMemory() : Py_NewRef(Py_None);
}

PyObject *
features_forward(PyObject *Py_UNUSED(module), PyObject *const *objects, Py_ssize_t count)
{
    if (count != 1 + ARRAYS && count != 2 + ARRAYS) {
        return PyErr_Format(PyExc_TypeError, "expected a Shape, %d arrays and threads", ARRAYS);
    }
    const int threads = count == 1 + ARRAYS ? 1 : threads_of(objects[1 + ARRAYS]);
    const Shape *shape = threads < 1 ? NULL : shape_of(objects[0]);
    Py_buffer views[ARRAYS];
    if (shape == NULL || acquire_arrays(objects + 1, views, specs, ARRAYS) < 0) {
        return NULL;
    }
    PyObject *result = forward_arrays(shape, views, threads);
    release_arrays(views, ARRAYS);
    return result;
}

/* The gradients of all rows of a table that occur, part by part. */
typedef struct {
    RowGradients parts[PARTS];
    Occurrences list;
    int32_t *places;
} TableGradients;

static void
free_gradients(TableGradients *gradients)
{
    for (int part = 0; part < PARTS; part++) {
        free(gradients->parts[part].rows);
        free(gradients->parts[part].gradients);
    }
    free(gradients->list.items);
    free(gradients->places);
}

/* List the rows that occur in texts and make their gradients, 0; -1 if out of memory. */
static int
list_table(TableGradients *gradients, const Table *table, const int32_t *rows,
           const int64_t *offsets, int64_t texts)
{
    const size_t most = (size_t)rows_of_part(table);
    gradients->list.items = malloc((size_t)(offsets[texts] + 1) * sizeof(Occurrence));
    gradients->places = malloc(PARTS * most * sizeof(int32_t));
    if (gradients->list.items == NULL || gradients->places == NULL) {
        return -1;
    }
    list_rows(&gradients->list, rows, offsets, offsets + 1, 0, texts);
    for (int part = 0; part < PARTS; part++) {
        RowGradients *found = &gradients->parts[part];
        const size_t here = (size_t)(gradients->list.starts[part + 1]
                                     - gradients->list.starts[part]);
        const size_t count = here < most ? here : most;
        found->rows = malloc((count + 1) * sizeof(int64_t)); /* `find_rows` may write one more */
        found->gradients = malloc((count * (size_t)table->width + 1) * sizeof(float));
        if (found->rows == NULL || found->gradients == NULL) {
            return -1;
        }
        find_rows(found, table, &gradients->list, 1, part, gradients->places + part * most);
    }
    return 0;
}

static int
backward_texts(const Network *network, const int32_t *ids, const int64_t *offsets, int64_t texts,
               const float *features, const float *gradient, TableGradients *tokens,
               TableGradients *ngrams)
{
    const int64_t columns = feature_count(network);
    float *slopes = malloc((size_t)(texts * columns + 1) * sizeof(float));
    int32_t *buckets = malloc((size_t)(offsets[texts] + 1) * sizeof(int32_t));
    int status = slopes == NULL || buckets == NULL ? -1 : 0;
    for (int64_t text = 0; status == 0 && text < texts; text++) {
        const int64_t start = offsets[text], length = offsets[text + 1] - start;
        write_buckets(network, ids + start, length, buckets + start);
        write_slopes(network, length, features + text * columns, gradient + text * columns,
                     slopes + text * columns);
    }
    if (status == 0
        && (list_table(tokens, &network->embedding, ids, offsets, texts) < 0
            || list_table(ngrams, &network->bigrams, buckets, offsets, texts) < 0)) {
        status = -1;
    }
    for (int part = 0; status == 0 && part < PARTS; part++) {
        sum_token_gradients(&tokens->parts[part], network, &tokens->list, 1, part,
                            tokens->places + part * rows_of_part(&network->embedding), slopes,
                            columns);
        sum_ngram_gradients(&ngrams->parts[part], network, &ngrams->list, 1, part,
                            ngrams->places + part * rows_of_part(&network->bigrams), slopes,
                            columns);
    }
    free(slopes);
    free(buckets);
    return status;
}

enum { B_IDS, B_OFFSETS, B_EMBEDDING, B_BIGRAMS, B_FEATURES, B_GRADIENT, BACKWARD_ARRAYS };

static const ArraySpec backward_specs[BACKWARD_ARRAYS] = {
    [B_IDS] = INT32("ids", 1),
    [B_OFFSETS] = INT64("offsets", 1),
    [B_EMBEDDING] = FLOAT32("embedding", 2),
    [B_BIGRAMS] = FLOAT32("bigrams", 2),
    [B_FEATURES] = FLOAT32("features", 3),
    [B_GRADIENT] = FLOAT32("gradient", 3),
};

/* Why the arrays are invalid, or NULL. */
static const char *
validate_backward(const Network *network, const Py_buffer *views)
{
    const int64_t width = network->embedding.width, bigram_width = network->bigrams.width;
    const Py_ssize_t *shape = views[B_FEATURES].shape;
    const char *error = validate_tables(network);
    if (error == NULL
        && (width < 1 || width > MOST_COLUMNS || bigram_width < 1 || bigram_width > MOST_COLUMNS
            || network->embedding.count > INT32_MAX)) {
        error = "a size is out of range";
    }
    if (error == NULL) {
        error = validate_texts(&views[B_IDS], &views[B_OFFSETS], network->embedding.count);
    }
    if (error == NULL
        && (shape[0] != views[B_OFFSETS].shape[0] - 1 || shape[1] != network->shape.members
            || shape[2] != feature_count(network) / network->shape.members
            || !same_shape(&views[B_FEATURES], &views[B_GRADIENT]))) {
        error = "features or gradient have another shape than the texts' features";
    }
    return error;
}

/* Copy the rows and gradients of all parts, rows in ascending order; returns whether it could. */
static int
join_parts(const TableGradients *gradients, const Table *table, PyObject **rows, PyObject **values)
{
    int64_t count = 0, next[PARTS] = {0};
    for (int part = 0; part < PARTS; part++) {
        count += gradients->parts[part].count;
    }
    const size_t size = (size_t)table->width * sizeof(float);
    *rows = PyByteArray_FromStringAndSize(NULL, (Py_ssize_t)((size_t)count * sizeof(int64_t)));
    *values = PyByteArray_FromStringAndSize(NULL, (Py_ssize_t)((size_t)count * size));
    if (*rows == NULL || *values == NULL) {
        return 0;
    }
    char *row_end = PyByteArray_AsString(*rows), *value_end = PyByteArray_AsString(*values);
    for (int64_t row = 0; row < table->count; row++) {
        const RowGradients *found = &gradients->parts[part_of(row)];
        int64_t *place = &next[part_of(row)];
        if (*place < found->count && found->rows[*place] == row) {
            memcpy(row_end, &row, sizeof(row));
            memcpy(value_end, found->gradients + *place * table->width, size);
            row_end += sizeof(row);
            value_end += size;
            ++*place;
        }
    }
    return 1;
}

static PyObject *
backward_arrays(const Shape *shape, const Py_buffer *views)
{
    const Network network = {
        .shape = *shape,
        .embedding = table_of(&views[B_EMBEDDING]),
        .bigrams = table_of(&views[B_BIGRAMS]),
    };
    const char *error = validate_backward(&network, views);
    if (error != NULL) {
        return value_error(error);
    }
    int status;
    TableGradients tokens = {0}, ngrams = {0};
    Py_BEGIN_ALLOW_THREADS status = backward_texts(
        &network, views[B_IDS].buf, views[B_OFFSETS].buf, views[B_OFFSETS].shape[0] - 1,
        views[B_FEATURES].buf, views[B_GRADIENT].buf, &tokens, &ngrams);
    Py_END_ALLOW_THREADS PyObject *result = NULL, *arrays[4] = {NULL};
    if (status < 0) {
        PyErr_NoMemory();
    }
    else if (join_parts(&tokens, &network.embedding, &arrays[0], &arrays[1])
             && join_parts(&ngrams, &network.bigrams, &arrays[2], &arrays[3])) {
        result = PyTuple_Pack(4, arrays[0], arrays[1], arrays[2], arrays[3]);
    }
    for (int i = 0; i < 4; i++) {
        Py_XDECREF(arrays[i]);
    }
    free_gradients(&tokens);
    free_gradients(&ngrams);
    return result;
}

PyObject *
features_backward(PyObject *Py_UNUSED(module), PyObject *const *objects, Py_ssize_t count)
{
    if (count != 1 + BACKWARD_ARRAYS) {
        return PyErr_Format(PyExc_TypeError, "expected a Shape and %d arrays", BACKWARD_ARRAYS);
    }
    const Shape *shape = shape_of(objects[0]);
    Py_buffer views[BACKWARD_ARRAYS];
    if (shape == NULL || acquire_arrays(objects + 1, views, backward_specs, BACKWARD_ARRAYS) < 0) {
        return NULL;
    }
    PyObject *result = backward_arrays(shape, views);
    release_arrays(views, BACKWARD_ARRAYS);
    return result;
}
