/* Forward of the heads for one text, without temporary arrays; for more texts NumPy is faster.
 * models/local_wave/numpy_network.py computes the same in NumPy. */

#include "extension.h"

#include <math.h>
#include <stdlib.h>

static int
has_shape(const Py_buffer *view, Py_ssize_t members, Py_ssize_t rows, Py_ssize_t columns)
{
    return view->shape[0] == members && view->shape[1] == rows && view->shape[2] == columns;
}

/* One member's heads: a feed-forward layer with GELU and LayerNorm, and a linear shortcut. */
typedef struct {
    const float *feed_forward, *feed_forward_bias, *norm, *norm_bias;
    const float *classifier, *classifier_bias, *shortcut, *shortcut_bias;
    int64_t features, hidden, labels;
} Head;

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
head_forward(const Head *head, const float *features, float *restrict hidden,
             float *restrict logits)
{
    const int64_t size = head->hidden;
    memcpy(hidden, head->feed_forward_bias, (size_t)size * sizeof(float));
    add_product(hidden, features, head->feed_forward, head->features, size);
    float mean = 0, variance = 0;
    for (int64_t i = 0; i < size; i++) { /* GELU, tanh approximation */
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
        hidden[i] = hidden[i] / deviation * head->norm[i] + head->norm_bias[i];
    }
    for (int64_t i = 0; i < head->labels; i++) {
        logits[i] = head->classifier_bias[i] + head->shortcut_bias[i];
    }
    add_product(logits, hidden, head->classifier, size, head->labels);
    add_product(logits, features, head->shortcut, head->features, head->labels);
}

enum {
    HEAD_FEATURES,
    LOGITS,
    FEED_FORWARD,
    FEED_FORWARD_BIAS,
    NORM,
    NORM_BIAS,
    CLASSIFIER,
    CLASSIFIER_BIAS,
    SHORTCUT,
    SHORTCUT_BIAS,
    HEAD_ARRAYS
};

static const ArraySpec head_specs[HEAD_ARRAYS] = {
    [HEAD_FEATURES] = FLOAT32("features", 3),
    [LOGITS] = FLOAT32_OUT("logits", 3),
    [FEED_FORWARD] = FLOAT32("feed_forward.weight", 3),
    [FEED_FORWARD_BIAS] = FLOAT32("feed_forward.bias", 3),
    [NORM] = FLOAT32("norm.weight", 3),
    [NORM_BIAS] = FLOAT32("norm.bias", 3),
    [CLASSIFIER] = FLOAT32("classifier.weight", 3),
    [CLASSIFIER_BIAS] = FLOAT32("classifier.bias", 3),
    [SHORTCUT] = FLOAT32("shortcut.weight", 3),
    [SHORTCUT_BIAS] = FLOAT32("shortcut.bias", 3),
};

static const char *
validate_heads(const Py_buffer *views)
{
    const Py_ssize_t members = views[FEED_FORWARD].shape[0];
    const Py_ssize_t features = views[FEED_FORWARD].shape[1];
    const Py_ssize_t hidden = views[FEED_FORWARD].shape[2], labels = views[SHORTCUT].shape[2];
    if (members < 1 || features < 1 || hidden < 1 || labels < 1
        || !has_shape(&views[HEAD_FEATURES], members, 1, features)
        || !has_shape(&views[FEED_FORWARD_BIAS], members, 1, hidden)
        || !has_shape(&views[NORM], members, 1, hidden)
        || !has_shape(&views[NORM_BIAS], members, 1, hidden)
        || !has_shape(&views[CLASSIFIER], members, hidden, labels)
        || !has_shape(&views[CLASSIFIER_BIAS], members, 1, labels)
        || !has_shape(&views[SHORTCUT], members, features, labels)
        || !has_shape(&views[SHORTCUT_BIAS], members, 1, labels)
        || !has_shape(&views[LOGITS], members, 1, labels)) {
        return "the weights of the heads do not belong together";
    }
    return NULL;
}

static const float *
of_member(const Py_buffer *view, Py_ssize_t member)
{
    return (const float *)view->buf + member * view->shape[1] * view->shape[2];
}

static PyObject *
forward_heads(const Py_buffer *views)
{
    const char *error = validate_heads(views);
    if (error != NULL) {
        return value_error(error);
    }
    const Py_ssize_t hidden = views[FEED_FORWARD].shape[2], labels = views[SHORTCUT].shape[2];
    float *workspace = malloc((size_t)hidden * sizeof(float));
    if (workspace == NULL) {
        return PyErr_NoMemory();
    }
    for (Py_ssize_t member = 0; member < views[FEED_FORWARD].shape[0]; member++) {
        const Head head = {
            .feed_forward = of_member(&views[FEED_FORWARD], member),
            .feed_forward_bias = of_member(&views[FEED_FORWARD_BIAS], member),
            .norm = of_member(&views[NORM], member),
            .norm_bias = of_member(&views[NORM_BIAS], member),
            .classifier = of_member(&views[CLASSIFIER], member),
            .classifier_bias = of_member(&views[CLASSIFIER_BIAS], member),
            .shortcut = of_member(&views[SHORTCUT], member),
            .shortcut_bias = of_member(&views[SHORTCUT_BIAS], member),
            .features = views[FEED_FORWARD].shape[1],
            .hidden = hidden,
            .labels = labels,
        };
        head_forward(&head, of_member(&views[HEAD_FEATURES], member), workspace,
                     (float *)views[LOGITS].buf + member * labels);
    }
    free(workspace);
    Py_RETURN_NONE;
}

PyObject *
heads_forward(PyObject *Py_UNUSED(module), PyObject *const *objects, Py_ssize_t count)
{
    if (count != HEAD_ARRAYS) {
        return PyErr_Format(PyExc_TypeError, "expected %d arrays", HEAD_ARRAYS);
    }
    Py_buffer views[HEAD_ARRAYS];
    if (acquire_arrays(objects, views, head_specs, HEAD_ARRAYS) < 0) {
        return NULL;
    }
    PyObject *result = forward_heads(views);
    release_arrays(views, HEAD_ARRAYS);
    return result;
}
