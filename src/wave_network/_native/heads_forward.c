/* Forward of the heads. models/local_wave/numpy_network.py computes the same in NumPy. */

#include "extension.h"
#include "heads.h"
#include "parallel.h"

enum { FEWEST_TEXTS = 4 }; /* in blocks; the padding of fewer would cost more than it saves */

static int
has_shape(const Py_buffer *view, Py_ssize_t members, Py_ssize_t rows, Py_ssize_t columns)
{
    return view->shape[0] == members && view->shape[1] == rows && view->shape[2] == columns;
}

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

/* Compute one member's logits of one text; `hidden` is memory to work on. */
static void
forward_text(const Heads *heads, const Sizes *sizes, const float *features, float *restrict hidden,
             float *restrict logits)
{
    const int64_t size = sizes->hidden;
    memcpy(hidden, heads->feed_forward_bias, (size_t)size * sizeof(float));
    add_product(hidden, features, heads->feed_forward, sizes->features, size);
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
        hidden[i] = hidden[i] / deviation * heads->norm[i] + heads->norm_bias[i];
    }
    for (int64_t i = 0; i < sizes->labels; i++) {
        logits[i] = heads->classifier_bias[i] + heads->shortcut_bias[i];
    }
    add_product(logits, hidden, heads->classifier, size, sizes->labels);
    add_product(logits, features, heads->shortcut, sizes->features, sizes->labels);
}

typedef struct {
    Sizes sizes;
    int64_t texts;
    const Heads *heads; /* of each member */
    const float *features;
    float *logits;
    Matrices *matrices; /* of each member */
    Block *blocks;      /* of each worker */
    float *floats;      /* of both */
} Forward;

static const float *
features_at(const Forward *forward, int64_t text, int64_t member)
{
    return forward->features
           + (text * forward->sizes.members + member) * forward->sizes.features;
}

static float *
logits_at(const Forward *forward, int64_t text, int64_t member)
{
    return forward->logits + (member * forward->texts + text) * forward->sizes.labels;
}

static int
forward_few(const Forward *forward)
{
    float *hidden = malloc((size_t)forward->sizes.hidden * sizeof(float));
    for (int64_t text = 0; hidden != NULL && text < forward->texts; text++) {
        for (int64_t member = 0; member < forward->sizes.members; member++) {
            forward_text(&forward->heads[member], &forward->sizes,
                         features_at(forward, text, member), hidden,
                         logits_at(forward, text, member));
        }
    }
    free(hidden);
    return hidden == NULL ? -1 : 0;
}

static void
forward_block(void *context, int64_t index, int worker)
{
    const Forward *forward = context;
    const Sizes *sizes = &forward->sizes;
    Block *block = &forward->blocks[worker];
    const int64_t first = index * BLOCK, left = forward->texts - first;
    const int64_t texts = left < BLOCK ? left : BLOCK;
    for (int64_t member = 0; member < sizes->members; member++) {
        for (int64_t i = 0; i < texts; i++) { /* those of other rows are of no interest */
            memcpy(block->features + i * sizes->feature_columns,
                   features_at(forward, first + i, member),
                   (size_t)sizes->features * sizeof(float));
        }
        forward_heads(block, &forward->matrices[member], &forward->heads[member], sizes);
        for (int64_t i = 0; i < texts; i++) {
            memcpy(logits_at(forward, first + i, member), block->logits + i * sizes->label_columns,
                   (size_t)sizes->labels * sizeof(float));
        }
    }
}

static int64_t
place_block(Block *block, const Sizes *sizes, float *start)
{
    const Part parts[] = {
        {&block->features, BLOCK * sizes->feature_columns},
        {&block->hidden, BLOCK * sizes->hidden_columns},
        {&block->gelu_slopes, BLOCK * sizes->hidden_columns},
        {&block->normed, BLOCK * sizes->hidden_columns},
        {&block->scaled, BLOCK * sizes->hidden_columns},
        {&block->logits, BLOCK * sizes->label_columns},
    };
    return place_parts(parts, sizeof(parts) / sizeof(parts[0]), start);
}

/* Allocate matrices and blocks, and copy the matrices; -1 if out of memory. */
static int
prepare(Forward *forward, int workers)
{
    const Sizes *sizes = &forward->sizes;
    Matrices matrices;
    Block block;
    const int64_t count = sizes->members * place_matrices(&matrices, sizes, NULL, 0)
                          + workers * place_block(&block, sizes, NULL);
    forward->floats = calloc((size_t)count, sizeof(float));
    forward->matrices = malloc((size_t)sizes->members * sizeof(Matrices));
    forward->blocks = malloc((size_t)workers * sizeof(Block));
    if (forward->floats == NULL || forward->matrices == NULL || forward->blocks == NULL) {
        return -1;
    }
    float *next = forward->floats;
    for (int64_t member = 0; member < sizes->members; member++) {
        next += place_matrices(&forward->matrices[member], sizes, next, 0);
        pad_heads(&forward->matrices[member], &forward->heads[member], sizes);
    }
    for (int worker = 0; worker < workers; worker++) {
        next += place_block(&forward->blocks[worker], sizes, next);
    }
    return 0;
}

static int
forward_blocks(Forward *forward, int threads)
{
    const int64_t tasks = (forward->texts + BLOCK - 1) / BLOCK;
    Team *team = team_start(threads < tasks ? threads : (int)tasks);
    const int status = prepare(forward, team_size(team));
    if (status == 0) {
        team_run(team, tasks, forward_block, forward);
    }
    team_end(team);
    free(forward->floats);
    free(forward->matrices);
    free(forward->blocks);
    return status;
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

/* Return why the arrays are invalid, or NULL; writes the sizes. */
static const char *
validate_heads(const Py_buffer *views, Sizes *sizes)
{
    const Py_ssize_t texts = views[HEAD_FEATURES].shape[0];
    const Py_ssize_t members = views[FEED_FORWARD].shape[0];
    const Py_ssize_t features = views[FEED_FORWARD].shape[1];
    const Py_ssize_t hidden = views[FEED_FORWARD].shape[2], labels = views[SHORTCUT].shape[2];
    if (members < 1 || features < 1 || hidden < 1 || labels < 1
        || !has_shape(&views[HEAD_FEATURES], texts, members, features)
        || !has_shape(&views[FEED_FORWARD_BIAS], members, 1, hidden)
        || !has_shape(&views[NORM], members, 1, hidden)
        || !has_shape(&views[NORM_BIAS], members, 1, hidden)
        || !has_shape(&views[CLASSIFIER], members, hidden, labels)
        || !has_shape(&views[CLASSIFIER_BIAS], members, 1, labels)
        || !has_shape(&views[SHORTCUT], members, features, labels)
        || !has_shape(&views[SHORTCUT_BIAS], members, 1, labels)
        || !has_shape(&views[LOGITS], members, texts, labels)) {
        return "the weights of the heads do not belong together";
    }
    *sizes = sizes_of(members, features, hidden, labels);
    return NULL;
}

static float *
of_member(const Py_buffer *view, int64_t member)
{
    return (float *)view->buf + member * view->shape[1] * view->shape[2];
}

static PyObject *
forward_arrays(const Py_buffer *views, int threads)
{
    Forward forward = {
        .texts = views[HEAD_FEATURES].shape[0],
        .features = views[HEAD_FEATURES].buf,
        .logits = views[LOGITS].buf,
    };
    const char *error = validate_heads(views, &forward.sizes);
    if (error != NULL) {
        return value_error(error);
    }
    Heads *heads = malloc((size_t)forward.sizes.members * sizeof(Heads));
    int status = -1;
    for (int64_t member = 0; heads != NULL && member < forward.sizes.members; member++) {
        heads[member] = (Heads){
            .feed_forward = of_member(&views[FEED_FORWARD], member),
            .feed_forward_bias = of_member(&views[FEED_FORWARD_BIAS], member),
            .norm = of_member(&views[NORM], member),
            .norm_bias = of_member(&views[NORM_BIAS], member),
            .classifier = of_member(&views[CLASSIFIER], member),
            .classifier_bias = of_member(&views[CLASSIFIER_BIAS], member),
            .shortcut = of_member(&views[SHORTCUT], member),
            .shortcut_bias = of_member(&views[SHORTCUT_BIAS], member),
        };
    }
    forward.heads = heads;
    if (heads != NULL) {
        Py_BEGIN_ALLOW_THREADS status = forward.texts < FEWEST_TEXTS
                                            ? forward_few(&forward)
                                            : forward_blocks(&forward, threads);
        Py_END_ALLOW_THREADS
    }
    free(heads);
    return status < 0 ? PyErr_NoMemory() : Py_NewRef(Py_None);
}

PyObject *
heads_forward(PyObject *Py_UNUSED(module), PyObject *const *objects, Py_ssize_t count)
{
    if (count != HEAD_ARRAYS && count != HEAD_ARRAYS + 1) {
        return PyErr_Format(PyExc_TypeError, "expected %d arrays and threads", HEAD_ARRAYS);
    }
    const int threads = count == HEAD_ARRAYS ? 1 : threads_of(objects[HEAD_ARRAYS]);
    Py_buffer views[HEAD_ARRAYS];
    if (threads < 1 || acquire_arrays(objects, views, head_specs, HEAD_ARRAYS) < 0) {
        return NULL;
    }
    PyObject *result = forward_arrays(views, threads);
    release_arrays(views, HEAD_ARRAYS);
    return result;
}
