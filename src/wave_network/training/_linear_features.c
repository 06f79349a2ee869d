/* The compiled forms of what `linear_features.py` counts: the tokens and n-grams of texts as columns
 * of a sparse matrix. */

#include "../_local_model.h"

/* The columns of a text: its tokens, and then its n-grams, each as often as it occurs. */
static int64_t
list_columns(const Model *model, const int32_t *ids, int64_t length, int32_t *columns)
{
    const Table *table = &model->linear_bigrams;
    const int64_t vocabulary = model->linear_tokens.count;
    int64_t count = length, before = 0;
    memcpy(columns, ids, (size_t)length * sizeof(int32_t));
    for (int64_t t = 1; t < length; t++) {
        if (t > 1 && model->reads_skip_pairs) {
            uint64_t hash = hash_of(model->skip_pair_factors, ids[t - 2], ids[t]);
            columns[count++] = (int32_t)(vocabulary + bucket_of(table, hash));
        }
        if (t > 1 && model->reads_triples) {
            uint64_t hash = hash_of(model->triple_factors, before, ids[t]);
            columns[count++] = (int32_t)(vocabulary + bucket_of(table, hash));
        }
        before = pair_bucket(model, table, ids[t - 1], ids[t]);
        columns[count++] = (int32_t)(vocabulary + before);
    }
    return count;
}

enum { KINDS = 4 }; /* of columns at most: tokens, pairs, skip pairs, triples */

typedef struct {
    const int32_t *ids;
    const int64_t *offsets;
    int64_t texts;
    int32_t *columns; /* room for those of the longest text */
} Texts;

/* In how many texts each column occurs. */
static void
count_texts(const Model *model, const Texts *texts, int32_t *last, int32_t *frequency)
{
    for (int64_t text = 0; text < texts->texts; text++) {
        const int64_t start = texts->offsets[text];
        const int64_t count = list_columns(model, texts->ids + start,
                                           texts->offsets[text + 1] - start, texts->columns);
        for (int64_t i = 0; i < count; i++) {
            const int32_t column = texts->columns[i];
            frequency[column] += last[column] != text + 1;
            last[column] = (int32_t)(text + 1);
        }
    }
}

/* The matrix's rows; returns how many entries they have, or -1 if there are more than `most`. */
static int64_t
write_rows(const Model *model, const Texts *texts, const float *scales, int64_t most,
           int64_t *places, int64_t *row_ends, int32_t *columns, float *values)
{
    int64_t next = 0;
    for (int64_t text = 0; text < texts->texts; text++) {
        const int64_t start = texts->offsets[text], row = next;
        const int64_t length = texts->offsets[text + 1] - start;
        const float of_token = 1 / sqrtf((float)length);
        const float of_ngram = 1 / sqrtf(length > 2 ? (float)(length - 1) : 1.0f);
        const int64_t count = list_columns(model, texts->ids + start, length, texts->columns);
        for (int64_t i = 0; i < count; i++) {
            const int32_t column = texts->columns[i];
            const float value = (i < length ? of_token : of_ngram) * scales[column];
            if (scales[column] == 0) {
                continue;
            }
            if (places[column] <= row) { /* one more than its place in a row, so that 0 is none */
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

static const char *
wrong_texts(const Model *model, const Py_buffer *ids, const Py_buffer *offsets, int64_t columns,
            int64_t *longest)
{
    const int64_t *bounds = offsets->buf, texts = offsets->shape[0] - 1;
    const int32_t *tokens = ids->buf;
    if (model->linear_tokens.count < 1 || model->linear_bigrams.count < 1
        || columns != model->linear_tokens.count + model->linear_bigrams.count
        || columns > INT32_MAX || texts >= INT32_MAX) {
        return "columns, vocabulary and buckets do not belong together";
    }
    if (texts < 0 || bounds[0] != 0 || bounds[texts] != ids->shape[0]) {
        return "the offsets do not go from 0 to the number of ids";
    }
    *longest = 0;
    for (int64_t text = 0; text < texts; text++) {
        const int64_t length = bounds[text + 1] - bounds[text];
        if (length <= 0) {
            return "a text is empty";
        }
        *longest = length > *longest ? length : *longest;
    }
    for (Py_ssize_t i = 0; i < ids->shape[0]; i++) {
        if (tokens[i] < 0 || tokens[i] >= model->linear_tokens.count) {
            return "an id is outside the vocabulary";
        }
    }
    return NULL;
}

static int
set_sizes(PyObject *sizes, void *model_address)
{
    Model *model = model_address;
    long long vocabulary, buckets;
    if (!PyArg_ParseTuple(sizes, "LL", &vocabulary, &buckets)) {
        return 0;
    }
    model->linear_tokens = (Table){NULL, vocabulary, 0};
    model->linear_bigrams = (Table){NULL, buckets, 0};
    return 1;
}

static PyObject *
frequencies(PyObject *module, PyObject *args)
{
    static const Expected expected[] = {
        {1, "il", 4, 0}, {1, "lq", 8, 0}, {1, "il", 4, PyBUF_WRITABLE}};
    PyObject *objects[3], *sizes, *result = NULL;
    Model model;
    Py_buffer views[3];
    int64_t longest;
    (void)module;
    if (!PyArg_ParseTuple(args, "OOOO!O&", &objects[0], &objects[1], &objects[2], &PyTuple_Type,
                          &sizes, set_shape, &model)
        || !set_sizes(sizes, &model) || get_arrays(objects, views, expected, 3) < 0) {
        return NULL;
    }
    const char *wrong = wrong_texts(&model, &views[0], &views[1], views[2].shape[0], &longest);
    if (wrong != NULL) {
        PyErr_SetString(PyExc_ValueError, wrong);
    }
    else {
        Texts texts = {views[0].buf, views[1].buf, views[1].shape[0] - 1, NULL};
        int32_t *last = calloc((size_t)views[2].shape[0], sizeof(int32_t));
        texts.columns = malloc((size_t)(KINDS * longest + 1) * sizeof(int32_t));
        const int has_room = last != NULL && texts.columns != NULL;
        if (has_room) {
            Py_BEGIN_ALLOW_THREADS
            count_texts(&model, &texts, last, views[2].buf);
            Py_END_ALLOW_THREADS
        }
        free(last);
        free(texts.columns);
        result = has_room ? Py_NewRef(Py_None) : PyErr_NoMemory();
    }
    release_arrays(views, 3);
    return result;
}

enum { R_IDS, R_OFFSETS, R_SCALES, R_ROW_ENDS, R_COLUMNS, R_VALUES, R_ARRAYS };

static PyObject *
rows(PyObject *module, PyObject *args)
{
    static const Expected expected[] = {
        [R_IDS] = {1, "il", 4, 0},
        [R_OFFSETS] = {1, "lq", 8, 0},
        [R_SCALES] = {1, "f", 4, 0},
        [R_ROW_ENDS] = {1, "lq", 8, PyBUF_WRITABLE},
        [R_COLUMNS] = {1, "il", 4, PyBUF_WRITABLE},
        [R_VALUES] = {1, "f", 4, PyBUF_WRITABLE},
    };
    PyObject *objects[R_ARRAYS], *sizes, *result = NULL;
    Model model;
    Py_buffer views[R_ARRAYS];
    int64_t longest;
    (void)module;
    if (!PyArg_ParseTuple(args, "OOOOOOO!O&", &objects[R_IDS], &objects[R_OFFSETS],
                          &objects[R_SCALES], &objects[R_ROW_ENDS], &objects[R_COLUMNS],
                          &objects[R_VALUES], &PyTuple_Type, &sizes, set_shape, &model)
        || !set_sizes(sizes, &model) || get_arrays(objects, views, expected, R_ARRAYS) < 0) {
        return NULL;
    }
    Texts texts = {views[R_IDS].buf, views[R_OFFSETS].buf, views[R_OFFSETS].shape[0] - 1, NULL};
    const int64_t most = views[R_VALUES].shape[0];
    const char *wrong = wrong_texts(&model, &views[R_IDS], &views[R_OFFSETS],
                                    views[R_SCALES].shape[0], &longest);
    if (wrong == NULL
        && (views[R_ROW_ENDS].shape[0] != texts.texts || views[R_COLUMNS].shape[0] != most)) {
        wrong = "the results have no such shapes";
    }
    if (wrong != NULL) {
        PyErr_SetString(PyExc_ValueError, wrong);
    }
    else {
        int64_t *places = calloc((size_t)views[R_SCALES].shape[0], sizeof(int64_t));
        texts.columns = malloc((size_t)(KINDS * longest + 1) * sizeof(int32_t));
        const int has_room = places != NULL && texts.columns != NULL;
        int64_t count = 0;
        if (has_room) {
            Py_BEGIN_ALLOW_THREADS
            count = write_rows(&model, &texts, views[R_SCALES].buf, most, places,
                               views[R_ROW_ENDS].buf, views[R_COLUMNS].buf, views[R_VALUES].buf);
            Py_END_ALLOW_THREADS
        }
        free(places);
        free(texts.columns);
        if (!has_room) {
            PyErr_NoMemory();
        }
        else if (count != most) {
            PyErr_SetString(PyExc_ValueError, "there is not the right room for the entries");
        }
        else {
            result = Py_NewRef(Py_None);
        }
    }
    release_arrays(views, R_ARRAYS);
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

static const char *
wrong_matrix(const Py_buffer *offsets, const Py_buffer *columns, const Py_buffer *weights,
             const Py_buffer *sums)
{
    const int64_t *bounds = offsets->buf, texts = offsets->shape[0] - 1;
    const int32_t *indices = columns->buf;
    if (texts < 0 || weights->shape[0] != texts || weights->shape[1] != sums->shape[1]
        || bounds[0] != 0 || bounds[texts] != columns->shape[0]) {
        return "rows, columns and weights do not belong together";
    }
    for (int64_t text = 0; text < texts; text++) {
        if (bounds[text + 1] < bounds[text]) {
            return "the offsets fall";
        }
    }
    for (Py_ssize_t i = 0; i < columns->shape[0]; i++) {
        if (indices[i] < 0 || indices[i] >= sums->shape[0]) {
            return "a column has no sum";
        }
    }
    return NULL;
}

static PyObject *
column_sums(PyObject *module, PyObject *args)
{
    static const Expected expected[] = {
        {1, "lq", 8, 0}, {1, "il", 4, 0}, {2, "f", 4, 0}, {2, "f", 4, PyBUF_WRITABLE}};
    PyObject *objects[4];
    Py_buffer views[4];
    (void)module;
    if (!PyArg_ParseTuple(args, "OOOO", &objects[0], &objects[1], &objects[2], &objects[3])
        || get_arrays(objects, views, expected, 4) < 0) {
        return NULL;
    }
    const char *wrong = wrong_matrix(&views[0], &views[1], &views[2], &views[3]);
    if (wrong == NULL) {
        Py_BEGIN_ALLOW_THREADS
        add_weights(views[0].buf, views[1].buf, views[0].shape[0] - 1, views[2].buf,
                    views[2].shape[1], views[3].buf);
        Py_END_ALLOW_THREADS
    }
    else {
        PyErr_SetString(PyExc_ValueError, wrong);
    }
    release_arrays(views, 4);
    return wrong == NULL ? Py_NewRef(Py_None) : NULL;
}

static PyMethodDef methods[] = {
    {"frequencies", frequencies, METH_VARARGS, NULL},
    {"rows", rows, METH_VARARGS, NULL},
    {"column_sums", column_sums, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot module_slots[] = {
    {0, NULL},
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "_linear_features", NULL, 0, methods, module_slots, NULL, NULL, NULL,
};

PyMODINIT_FUNC
PyInit__linear_features(void)
{
    return PyModuleDef_Init(&module);
}
