/* The compiled parts of the local wave network: the sums over texts' tokens in one pass, without
 * arrays of tokens; their gradients; and what the readers say of one text, without an array for each
 * step. `runtime/local_network.py` and `local_model.py` have the same in NumPy and in torch. */

#include "_local_waves.h"

static int
sum_texts(const Model *model, const int32_t *ids, const int64_t *offsets, int64_t texts,
          float *features, float *margins)
{
    const int64_t labels = model->linear_tokens.width;
    const int64_t feature_count = 3 * (model->embedding.width / 2) + model->bigrams.width;
    float *sums = malloc((size_t)feature_count * sizeof(float));
    double *linear_sums = malloc((size_t)(2 * labels + 1) * sizeof(double));
    if (sums == NULL || linear_sums == NULL) {
        free(sums);
        free(linear_sums);
        return -1;
    }
    for (int64_t text = 0; text < texts; text++) {
        int64_t length = offsets[text + 1] - offsets[text];
        sum_text(model, ids + offsets[text], NULL, length, sums, linear_sums);
        write_text(model, length, sums, linear_sums, features + text * feature_count,
                   margins + text * labels);
    }
    free(sums);
    free(linear_sums);
    return 0;
}

static int
sum_gradients(const Model *model, const int32_t *ids, const int64_t *offsets, int64_t texts,
              const float *features, const float *gradient, Held *tokens, Held *pairs)
{
    const int64_t feature_count = 3 * (model->embedding.width / 2) + model->bigrams.width;
    const int64_t count = offsets[texts];
    float *slopes = malloc((size_t)feature_count * sizeof(float));
    int32_t *buckets = malloc((size_t)(count + 1) * sizeof(int32_t));
    *tokens = *pairs = (Held){NULL, 0, NULL, NULL};
    int status = -1;
    if (slopes != NULL && buckets != NULL) {
        write_buckets(model, ids, offsets, texts, buckets);
        if (hold(tokens, &model->embedding, ids, count) == 0
            && hold(pairs, &model->bigrams, buckets, count) == 0) {
            status = 0;
        }
    }
    for (int64_t text = 0; status == 0 && text < texts; text++) {
        add_gradients(model, ids + offsets[text], buckets + offsets[text],
                      offsets[text + 1] - offsets[text], features + text * feature_count,
                      gradient + text * feature_count, slopes, tokens, pairs);
    }
    free(slopes);
    free(buckets);
    return status;
}

/* What would have the sums read or write where nothing is. */
static const char *
problem(const Model *model, const int32_t *ids, Py_ssize_t id_count, const int64_t *offsets,
        int64_t texts, Py_ssize_t feature_count, Py_ssize_t margin_count)
{
    const int64_t labels = model->linear_tokens.width;
    if (model->members < 1 || model->embedding.width % (2 * model->members) != 0
        || model->bigrams.width % model->members != 0 || model->bigrams.count < 1
        || labels != model->linear_bigrams.width
        || (labels > 0 && model->linear_bigrams.count < 1)) {
        return "the tables do not belong together";
    }
    if (texts < 0 || offsets[0] != 0 || offsets[texts] != id_count) {
        return "the offsets do not go from 0 to the number of ids";
    }
    for (int64_t i = 0; i < texts; i++) {
        if (offsets[i + 1] <= offsets[i]) {
            return "a text is empty";
        }
    }
    for (Py_ssize_t i = 0; i < id_count; i++) {
        if (ids[i] < 0 || ids[i] >= model->embedding.count
            || (labels > 0 && ids[i] >= model->linear_tokens.count)) {
            return "an id is outside the vocabulary";
        }
    }
    if (feature_count != texts * (3 * (model->embedding.width / 2) + model->bigrams.width)
        || margin_count != texts * labels) {
        return "the results have no such shapes";
    }
    return NULL;
}

/* One member's logits of its features: a feed-forward layer with GELU and LayerNorm, and beside it
 * the shortcut. `hidden` is room for the layer. */
typedef struct {
    const float *feed_forward, *feed_forward_bias, *norm, *norm_bias;
    const float *classifier, *classifier_bias, *shortcut, *shortcut_bias;
    int64_t features, hidden, labels;
} Reader;

WIDE static void
add_product(float *restrict result, const float *values, const float *restrict weights,
            int64_t inputs, int64_t outputs)
{
    for (int64_t i = 0; i < inputs; i++) {
        const float value = values[i], *restrict row = weights + i * outputs;
        for (int64_t j = 0; j < outputs; j++) {
            result[j] += value * row[j];
        }
    }
}

static void
read_member(const Reader *reader, const float *features, float *restrict hidden,
            float *restrict logits)
{
    const int64_t size = reader->hidden;
    memcpy(hidden, reader->feed_forward_bias, (size_t)size * sizeof(float));
    add_product(hidden, features, reader->feed_forward, reader->features, size);
    float mean = 0, variance = 0;
    for (int64_t i = 0; i < size; i++) { /* GELU in its tanh form */
        const float x = hidden[i];
        hidden[i] = 0.5f * x * (1 + tanhf(0.7978845608f * x * (1 + 0.044715f * x * x)));
        mean += hidden[i];
    }
    mean /= (float)size;
    for (int64_t i = 0; i < size; i++) {
        hidden[i] -= mean;
        variance += hidden[i] * hidden[i];
    }
    const float deviation = sqrtf(variance / (float)size + 1e-5f);
    for (int64_t i = 0; i < size; i++) {
        hidden[i] = hidden[i] / deviation * reader->norm[i] + reader->norm_bias[i];
    }
    for (int64_t i = 0; i < reader->labels; i++) {
        logits[i] = reader->classifier_bias[i] + reader->shortcut_bias[i];
    }
    add_product(logits, hidden, reader->classifier, size, reader->labels);
    add_product(logits, features, reader->shortcut, reader->features, reader->labels);
}

enum { IDS, OFFSETS, EMBEDDING, BIGRAMS, LINEAR_TOKENS, LINEAR_BIGRAMS, FEATURES, MARGINS, SUMMED };

static const Expected summed[SUMMED] = {
    [IDS] = {1, "il", 4, 0},
    [OFFSETS] = {1, "lq", 8, 0},
    [EMBEDDING] = {2, "f", 4, 0},
    [BIGRAMS] = {2, "f", 4, 0},
    [LINEAR_TOKENS] = {2, "f", 4, 0},
    [LINEAR_BIGRAMS] = {2, "f", 4, 0},
    [FEATURES] = {3, "f", 4, PyBUF_WRITABLE},
    [MARGINS] = {2, "f", 4, PyBUF_WRITABLE},
};

static Table
table_of(const Py_buffer *view)
{
    return (Table){view->buf, view->shape[0], view->shape[1]};
}

static PyObject *
sum_checked(Model *model, const Py_buffer *views)
{
    model->embedding = table_of(&views[EMBEDDING]);
    model->bigrams = table_of(&views[BIGRAMS]);
    model->linear_tokens = table_of(&views[LINEAR_TOKENS]);
    model->linear_bigrams = table_of(&views[LINEAR_BIGRAMS]);
    const int32_t *ids = views[IDS].buf;
    const int64_t *offsets = views[OFFSETS].buf;
    const int64_t texts = views[OFFSETS].shape[0] - 1;
    const char *wrong = problem(model, ids, views[IDS].shape[0], offsets, texts,
                                views[FEATURES].len / (Py_ssize_t)sizeof(float),
                                views[MARGINS].len / (Py_ssize_t)sizeof(float));
    if (wrong != NULL) {
        PyErr_SetString(PyExc_ValueError, wrong);
        return NULL;
    }
    int status;
    Py_BEGIN_ALLOW_THREADS
    status = sum_texts(model, ids, offsets, texts, views[FEATURES].buf, views[MARGINS].buf);
    Py_END_ALLOW_THREADS
    if (status < 0) {
        return PyErr_NoMemory();
    }
    Py_RETURN_NONE;
}

static PyObject *
text_sums(PyObject *module, PyObject *args)
{
    PyObject *objects[SUMMED];
    Model model;
    (void)module;
    if (!PyArg_ParseTuple(args, "OOOOOOOOO&", &objects[IDS], &objects[OFFSETS],
                          &objects[EMBEDDING], &objects[BIGRAMS], &objects[LINEAR_TOKENS],
                          &objects[LINEAR_BIGRAMS], &objects[FEATURES], &objects[MARGINS],
                          set_shape, &model)) {
        return NULL;
    }
    Py_buffer views[SUMMED];
    if (get_arrays(objects, views, summed, SUMMED) < 0) {
        return NULL;
    }
    PyObject *result = sum_checked(&model, views);
    release_arrays(views, SUMMED);
    return result;
}

enum { G_IDS, G_OFFSETS, G_EMBEDDING, G_BIGRAMS, G_FEATURES, G_GRADIENT, DERIVED };

static const Expected derived[DERIVED] = {
    [G_IDS] = {1, "il", 4, 0},
    [G_OFFSETS] = {1, "lq", 8, 0},
    [G_EMBEDDING] = {2, "f", 4, 0},
    [G_BIGRAMS] = {2, "f", 4, 0},
    [G_FEATURES] = {3, "f", 4, 0},
    [G_GRADIENT] = {3, "f", 4, 0},
};

static PyObject *
bytes_of(const void *items, int64_t count, size_t item_size)
{
    return PyByteArray_FromStringAndSize(items, (Py_ssize_t)((size_t)count * item_size));
}

static PyObject *
derive_checked(Model *model, const Py_buffer *views)
{
    model->embedding = table_of(&views[G_EMBEDDING]);
    model->bigrams = table_of(&views[G_BIGRAMS]);
    model->linear_tokens = model->linear_bigrams = (Table){NULL, 0, 0};
    const int32_t *ids = views[G_IDS].buf;
    const int64_t *offsets = views[G_OFFSETS].buf;
    const int64_t texts = views[G_OFFSETS].shape[0] - 1;
    const char *wrong = problem(model, ids, views[G_IDS].shape[0], offsets, texts,
                                views[G_FEATURES].len / (Py_ssize_t)sizeof(float), 0);
    if (wrong == NULL && views[G_GRADIENT].len != views[G_FEATURES].len) {
        wrong = "the gradient is not of the features' shape";
    }
    if (wrong != NULL) {
        PyErr_SetString(PyExc_ValueError, wrong);
        return NULL;
    }
    int status;
    Held tokens, pairs;
    Py_BEGIN_ALLOW_THREADS
    status = sum_gradients(model, ids, offsets, texts, views[G_FEATURES].buf,
                           views[G_GRADIENT].buf, &tokens, &pairs);
    Py_END_ALLOW_THREADS
    if (status < 0) {
        release_held(&tokens);
        release_held(&pairs);
        return PyErr_NoMemory();
    }
    PyObject *result = Py_BuildValue(
        "(NNNN)", bytes_of(tokens.rows, tokens.count, sizeof(int64_t)),
        bytes_of(tokens.gradients, tokens.count * model->embedding.width, sizeof(float)),
        bytes_of(pairs.rows, pairs.count, sizeof(int64_t)),
        bytes_of(pairs.gradients, pairs.count * model->bigrams.width, sizeof(float)));
    release_held(&tokens);
    release_held(&pairs);
    return result;
}

static PyObject *
text_gradients(PyObject *module, PyObject *args)
{
    PyObject *objects[DERIVED];
    Model model;
    (void)module;
    if (!PyArg_ParseTuple(args, "OOOOOOO&", &objects[G_IDS], &objects[G_OFFSETS],
                          &objects[G_EMBEDDING], &objects[G_BIGRAMS], &objects[G_FEATURES],
                          &objects[G_GRADIENT], set_shape, &model)) {
        return NULL;
    }
    Py_buffer views[DERIVED];
    if (get_arrays(objects, views, derived, DERIVED) < 0) {
        return NULL;
    }
    PyObject *result = derive_checked(&model, views);
    release_arrays(views, DERIVED);
    return result;
}

enum {
    READ_FEATURES,
    LOGITS,
    FEED_FORWARD,
    FEED_FORWARD_BIAS,
    NORM,
    NORM_BIAS,
    CLASSIFIER,
    CLASSIFIER_BIAS,
    SHORTCUT,
    SHORTCUT_BIAS,
    READ
};

static const Expected read_arrays[READ] = {
    {3, "f", 4, 0}, {3, "f", 4, PyBUF_WRITABLE},
    {3, "f", 4, 0}, {3, "f", 4, 0}, {3, "f", 4, 0}, {3, "f", 4, 0},
    {3, "f", 4, 0}, {3, "f", 4, 0}, {3, "f", 4, 0}, {3, "f", 4, 0},
};

static int
has_shape(const Py_buffer *view, Py_ssize_t members, Py_ssize_t rows, Py_ssize_t columns)
{
    return view->shape[0] == members && view->shape[1] == rows && view->shape[2] == columns;
}

static PyObject *
read_checked(const Py_buffer *views)
{
    const Py_ssize_t members = views[FEED_FORWARD].shape[0], features = views[FEED_FORWARD].shape[1];
    const Py_ssize_t hidden = views[FEED_FORWARD].shape[2], labels = views[SHORTCUT].shape[2];
    if (!has_shape(&views[READ_FEATURES], members, 1, features)
        || !has_shape(&views[FEED_FORWARD_BIAS], members, 1, hidden)
        || !has_shape(&views[NORM], members, 1, hidden)
        || !has_shape(&views[NORM_BIAS], members, 1, hidden)
        || !has_shape(&views[CLASSIFIER], members, hidden, labels)
        || !has_shape(&views[CLASSIFIER_BIAS], members, 1, labels)
        || !has_shape(&views[SHORTCUT], members, features, labels)
        || !has_shape(&views[SHORTCUT_BIAS], members, 1, labels)
        || !has_shape(&views[LOGITS], members, 1, labels)) {
        PyErr_SetString(PyExc_ValueError, "the weights do not belong together");
        return NULL;
    }
    float *room = malloc((size_t)(hidden + 1) * sizeof(float));
    if (room == NULL) {
        return PyErr_NoMemory();
    }
    for (Py_ssize_t member = 0; member < members; member++) {
        const Reader reader = {
            .feed_forward = (const float *)views[FEED_FORWARD].buf + member * features * hidden,
            .feed_forward_bias = (const float *)views[FEED_FORWARD_BIAS].buf + member * hidden,
            .norm = (const float *)views[NORM].buf + member * hidden,
            .norm_bias = (const float *)views[NORM_BIAS].buf + member * hidden,
            .classifier = (const float *)views[CLASSIFIER].buf + member * hidden * labels,
            .classifier_bias = (const float *)views[CLASSIFIER_BIAS].buf + member * labels,
            .shortcut = (const float *)views[SHORTCUT].buf + member * features * labels,
            .shortcut_bias = (const float *)views[SHORTCUT_BIAS].buf + member * labels,
            .features = features,
            .hidden = hidden,
            .labels = labels,
        };
        read_member(&reader, (const float *)views[READ_FEATURES].buf + member * features, room,
                    (float *)views[LOGITS].buf + member * labels);
    }
    free(room);
    Py_RETURN_NONE;
}

static PyObject *
read_text(PyObject *module, PyObject *const *objects, Py_ssize_t count)
{
    (void)module;
    if (count != READ) {
        return PyErr_Format(PyExc_TypeError, "expected %d arrays", READ);
    }
    Py_buffer views[READ];
    if (get_arrays(objects, views, read_arrays, READ) < 0) {
        return NULL;
    }
    PyObject *result = read_checked(views);
    release_arrays(views, READ);
    return result;
}

static PyMethodDef methods[] = {
    {"text_sums", text_sums, METH_VARARGS, NULL},
    {"text_gradients", text_gradients, METH_VARARGS, NULL},
    {"read_text", (PyCFunction)(void (*)(void))read_text, METH_FASTCALL, NULL},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot module_slots[] = {
    {0, NULL},
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "_local_waves", NULL, 0, methods, module_slots, NULL, NULL, NULL,
};

PyMODINIT_FUNC
PyInit__local_waves(void)
{
    return PyModuleDef_Init(&module);
}
