/* The compiled counts of training/local_wave/ngram_matrix.py: the tokens and n-grams of texts as
 * columns of a sparse matrix. */

#include "extension.h"
#include "shape.h"

#include <math.h>
#include <stdlib.h>

typedef struct {
    const Ngrams *ngrams;
    int64_t vocabulary, buckets;
    const int32_t *ids;
    const int64_t *offsets;
    int64_t texts;
    int32_t *columns; /* space for the longest text */
} Texts;

/* Write the columns of a text: its tokens, then its n-grams, each as often as it occurs. */
static int64_t
list_columns(const Texts *texts, int64_t text)
{
    const int32_t *ids = texts->ids + texts->offsets[text];
    const int64_t length = texts->offsets[text + 1] - texts->offsets[text];
    const Ngrams *ngrams = texts->ngrams;
    int32_t *restrict columns = texts->columns;
    int64_t count = length;
    NgramHistory history;
    memcpy(columns, ids, (size_t)length * sizeof(int32_t));
    for (int64_t t = 1; t < length; t++) {
        for (int kind = 0; kind < ngrams->count; kind++) {
            if (t >= ngrams->kinds[kind].places[0]) {
                const int64_t bucket = next_bucket(ngrams, kind, ids, t, texts->buckets, history);
                columns[count++] = (int32_t)(texts->vocabulary + bucket);
            }
        }
    }
    return count;
}

/* Count the texts in which each column occurs. `last` must be zeros. */
static void
count_texts(const Texts *texts, int32_t *last, int32_t *frequencies)
{
    for (int64_t text = 0; text < texts->texts; text++) {
        const int64_t count = list_columns(texts, text);
        for (int64_t i = 0; i < count; i++) {
            const int32_t column = texts->columns[i];
            frequencies[column] += last[column] != text + 1;
            last[column] = (int32_t)(text + 1);
        }
    }
}

/* Write the rows of the matrix; returns the number of entries, or -1 if there are more than
 * `most`. */
static int64_t
write_rows(const Texts *texts, const float *scales, int64_t most, int64_t *places,
           int64_t *row_ends, int32_t *columns, float *values)
{
    int64_t next = 0;
    for (int64_t text = 0; text < texts->texts; text++) {
        const int64_t row = next, length = texts->offsets[text + 1] - texts->offsets[text];
        const float of_token = 1 / sqrtf((float)length);
        const float of_ngram = 1 / sqrtf(length > 2 ? (float)(length - 1) : 1.0f);
        const int64_t count = list_columns(texts, text);
        for (int64_t i = 0; i < count; i++) {
            const int32_t column = texts->columns[i];
            const float value = (i < length ? of_token : of_ngram) * scales[column];
            if (scales[column] == 0) {
                continue;
            }
            if (places[column] <= row) { /* its place in the row + 1; 0: none */
                if (next == most) {
                    return -1;
                }
                columns[next] = column;
                values[next] = 0;
                places[column] = ++next;
            }
            values[places[column] - 1] += value;
        }
        row_ends[text] = next;
    }
    return next;
}

/* Return why texts and columns are invalid, or NULL. */
static const char *
validate_counted(const Texts *texts, const Py_buffer *ids, const Py_buffer *offsets,
                 const Py_buffer *columns)
{
    if (texts->vocabulary < 1 || texts->vocabulary > INT32_MAX || texts->buckets < 1
        || texts->buckets > INT32_MAX || texts->vocabulary + texts->buckets > INT32_MAX
        || columns->shape[0] != texts->vocabulary + texts->buckets || texts->texts >= INT32_MAX) {
        return "columns, vocabulary and buckets do not belong together";
    }
    return validate_texts(ids, offsets, texts->vocabulary);
}

/* Allocate `columns`. */
static int
make_columns(Texts *texts)
{
    int64_t longest = 0;
    for (int64_t text = 0; text < texts->texts; text++) {
        const int64_t length = texts->offsets[text + 1] - texts->offsets[text];
        longest = length > longest ? length : longest;
    }
    const int64_t kinds = 1 + texts->ngrams->count; /* of columns */
    texts->columns = malloc((size_t)(kinds * longest + 1) * sizeof(int32_t));
    return texts->columns == NULL ? -1 : 0;
}

static Texts
texts_of(const Shape *shape, int64_t vocabulary, int64_t buckets, const Py_buffer *ids,
         const Py_buffer *offsets)
{
    return (Texts){.ngrams = &shape->linear_ngrams,
                   .vocabulary = vocabulary,
                   .buckets = buckets,
                   .ids = ids->buf,
                   .offsets = offsets->buf,
                   .texts = offsets->shape[0] - 1};
}

enum { IDS, OFFSETS, FREQUENCIES, COUNTED };

static const ArraySpec counted[COUNTED] = {
    [IDS] = INT32("ids", 1),
    [OFFSETS] = INT64("offsets", 1),
    [FREQUENCIES] = INT32_OUT("frequencies", 1),
};

static PyObject *
count_arrays(Texts texts, const Py_buffer *views)
{
    const char *error = validate_counted(&texts, &views[IDS], &views[OFFSETS], &views[FREQUENCIES]);
    if (error != NULL) {
        return value_error(error);
    }
    int32_t *last = calloc((size_t)views[FREQUENCIES].shape[0], sizeof(int32_t));
    if (last == NULL || make_columns(&texts) < 0) {
        free(last);
        return PyErr_NoMemory();
    }
    Py_BEGIN_ALLOW_THREADS memset(views[FREQUENCIES].buf, 0, (size_t)views[FREQUENCIES].len);
    count_texts(&texts, last, views[FREQUENCIES].buf);
    Py_END_ALLOW_THREADS free(last);
    free(texts.columns);
    Py_RETURN_NONE;
}

PyObject *
document_frequencies(PyObject *Py_UNUSED(module), PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"shape",   "ids",         "offsets", "vocabulary",
                            "buckets", "frequencies", NULL};
    PyObject *shape_object, *objects[COUNTED];
    long long vocabulary, buckets;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O$OOLLO", names, &shape_object, &objects[IDS],
                                     &objects[OFFSETS], &vocabulary, &buckets,
                                     &objects[FREQUENCIES])) {
        return argument_error();
    }
    const Shape *shape = shape_of(shape_object);
    Py_buffer views[COUNTED];
    if (shape == NULL || acquire_arrays(objects, views, counted, COUNTED) < 0) {
        return NULL;
    }
    PyObject *result =
        count_arrays(texts_of(shape, vocabulary, buckets, &views[IDS], &views[OFFSETS]), views);
    release_arrays(views, COUNTED);
    return result;
}

enum { R_IDS, R_OFFSETS, R_SCALES, R_ROW_ENDS, R_COLUMNS, R_VALUES, WRITTEN };

static const ArraySpec written[WRITTEN] = {
    [R_IDS] = INT32("ids", 1),
    [R_OFFSETS] = INT64("offsets", 1),
    [R_SCALES] = FLOAT32("scales", 1),
    [R_ROW_ENDS] = INT64_OUT("row_ends", 1),
    [R_COLUMNS] = INT32_OUT("columns", 1),
    [R_VALUES] = FLOAT32_OUT("values", 1),
};

static PyObject *
write_arrays(Texts texts, const Py_buffer *views)
{
    const int64_t most = views[R_VALUES].shape[0];
    const char *error = validate_counted(&texts, &views[R_IDS], &views[R_OFFSETS],
                                         &views[R_SCALES]);
    if (error == NULL
        && (views[R_ROW_ENDS].shape[0] != texts.texts || views[R_COLUMNS].shape[0] != most)) {
        error = "row_ends, columns or values have another shape than the results";
    }
    if (error != NULL) {
        return value_error(error);
    }
    int64_t *places = calloc((size_t)views[R_SCALES].shape[0], sizeof(int64_t));
    if (places == NULL || make_columns(&texts) < 0) {
        free(places);
        return PyErr_NoMemory();
    }
    int64_t count;
    Py_BEGIN_ALLOW_THREADS count = write_rows(&texts, views[R_SCALES].buf, most, places,
                                              views[R_ROW_ENDS].buf, views[R_COLUMNS].buf,
                                              views[R_VALUES].buf);
    Py_END_ALLOW_THREADS free(places);
    free(texts.columns);
    if (count != most) {
        return value_error("columns and values are not as many as the entries");
    }
    Py_RETURN_NONE;
}

PyObject *
ngram_rows(PyObject *Py_UNUSED(module), PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"shape",  "ids",      "offsets", "vocabulary", "buckets",
                            "scales", "row_ends", "columns", "values",     NULL};
    PyObject *shape_object, *objects[WRITTEN];
    long long vocabulary, buckets;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O$OOLLOOOO", names, &shape_object,
                                     &objects[R_IDS], &objects[R_OFFSETS], &vocabulary, &buckets,
                                     &objects[R_SCALES], &objects[R_ROW_ENDS], &objects[R_COLUMNS],
                                     &objects[R_VALUES])) {
        return argument_error();
    }
    const Shape *shape = shape_of(shape_object);
    Py_buffer views[WRITTEN];
    if (shape == NULL || acquire_arrays(objects, views, written, WRITTEN) < 0) {
        return NULL;
    }
    PyObject *result =
        write_arrays(texts_of(shape, vocabulary, buckets, &views[R_IDS], &views[R_OFFSETS]), views);
    release_arrays(views, WRITTEN);
    return result;
}

WIDE static void
add_weights(const int64_t *offsets, const int32_t *columns, int64_t texts, const float *weights,
            int64_t width, float *sums)
{
    for (int64_t text = 0; text < texts; text++) {
        for (int64_t i = offsets[text]; i < offsets[text + 1]; i++) {
            float *restrict sum = sums + columns[i] * width;
            for (int64_t k = 0; k < width; k++) {
                sum[k] += weights[text * width + k];
            }
        }
    }
}

enum { S_OFFSETS, S_COLUMNS, S_WEIGHTS, S_SUMS, SUMMED };

static const ArraySpec summed[SUMMED] = {
    [S_OFFSETS] = INT64("offsets", 1),
    [S_COLUMNS] = INT32("columns", 1),
    [S_WEIGHTS] = FLOAT32("weights", 2),
    [S_SUMS] = FLOAT32_OUT("sums", 2),
};

/* Return why a sparse matrix and its sums are invalid, or NULL. */
static const char *
validate_sums(const Py_buffer *views)
{
    const Py_buffer *weights = &views[S_WEIGHTS], *sums = &views[S_SUMS];
    const int64_t *bounds = views[S_OFFSETS].buf, texts = views[S_OFFSETS].shape[0] - 1;
    const int64_t entries = views[S_COLUMNS].shape[0];
    const int32_t *columns = views[S_COLUMNS].buf;
    if (texts < 0 || weights->shape[0] != texts || weights->shape[1] != sums->shape[1]
        || bounds[0] != 0 || bounds[texts] != entries) {
        return "rows, columns and weights do not belong together";
    }
    for (int64_t text = 0; text < texts; text++) {
        if (bounds[text + 1] < bounds[text]) {
            return "the offsets fall";
        }
    }
    for (int64_t i = 0; i < entries; i++) {
        if (columns[i] < 0 || columns[i] >= sums->shape[0]) {
            return "a column has no sum";
        }
    }
    return NULL;
}

PyObject *
column_sums(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *objects[SUMMED];
    Py_buffer views[SUMMED];
    if (!PyArg_ParseTuple(args, "OOOO", &objects[S_OFFSETS], &objects[S_COLUMNS],
                          &objects[S_WEIGHTS], &objects[S_SUMS])
        || acquire_arrays(objects, views, summed, SUMMED) < 0) {
        return NULL;
    }
    const char *error = validate_sums(views);
    if (error == NULL) {
        Py_BEGIN_ALLOW_THREADS add_weights(views[S_OFFSETS].buf, views[S_COLUMNS].buf,
                                           views[S_OFFSETS].shape[0] - 1, views[S_WEIGHTS].buf,
                                           views[S_WEIGHTS].shape[1], views[S_SUMS].buf);
        Py_END_ALLOW_THREADS
    }
    release_arrays(views, SUMMED);
    return error == NULL ? Py_NewRef(Py_None) : value_error(error);
}
