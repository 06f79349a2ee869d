/* The arguments of a training step; `step.h` takes it. Called by
 * training/local_wave/compiled_steps.py; torch needs some hundred operations for the same. */

#include "extension.h"
#include "step.h"

enum {
    IDS,
    OFFSETS,
    CHOSEN,
    CHANCES,
    CLASSES,
    TARGETS,
    WEIGHTS,
    EMBEDDING,
    EMBEDDING_MEAN,
    EMBEDDING_SQUARE,
    BIGRAMS,
    BIGRAMS_MEAN,
    BIGRAMS_SQUARE,
    HEADS,
    HEADS_MEAN,
    HEADS_SQUARE,
    ARRAYS
};

static const ArraySpec specs[ARRAYS] = {
    [IDS] = INT32("ids", 1),
    [OFFSETS] = INT64("offsets", 1),
    [CHOSEN] = INT64("chosen", 1),
    [CHANCES] = OPTIONAL_FLOAT32("chances", 1),
    [CLASSES] = OPTIONAL_INT64("classes", 1),
    [TARGETS] = OPTIONAL_FLOAT32("targets", 2),
    [WEIGHTS] = OPTIONAL_FLOAT32("weights", 1),
    [EMBEDDING] = FLOAT32_OUT("embedding", 2),
    [EMBEDDING_MEAN] = FLOAT32_OUT("embedding_mean", 2),
    [EMBEDDING_SQUARE] = FLOAT32_OUT("embedding_square", 2),
    [BIGRAMS] = FLOAT32_OUT("bigrams", 2),
    [BIGRAMS_MEAN] = FLOAT32_OUT("bigrams_mean", 2),
    [BIGRAMS_SQUARE] = FLOAT32_OUT("bigrams_square", 2),
    [HEADS] = FLOAT32_OUT("heads", 1),
    [HEADS_MEAN] = FLOAT32_OUT("heads_mean", 1),
    [HEADS_SQUARE] = FLOAT32_OUT("heads_square", 1),
};

/* Return why the trained arrays are invalid, or NULL; writes the sizes of the heads. */
static const char *
validate_trained(const Network *network, const Py_buffer *views, int64_t hidden, int64_t labels,
                 Sizes *sizes)
{
    const int64_t width = network->embedding.width, bigram_width = network->bigrams.width;
    const int64_t members = network->shape.members;
    const char *error = validate_tables(network);
    if (error != NULL) {
        return error;
    }
    if (hidden < 1 || hidden > MOST_COLUMNS || labels < 1 || labels > MOST_COLUMNS || width < 1
        || width > MOST_COLUMNS || bigram_width < 1 || bigram_width > MOST_COLUMNS
        || network->embedding.count > INT32_MAX) {
        return "a size is out of range";
    }
    *sizes = sizes_of(members, feature_count(network) / members, hidden, labels);
    if (!same_shape(&views[EMBEDDING], &views[EMBEDDING_MEAN])
        || !same_shape(&views[EMBEDDING], &views[EMBEDDING_SQUARE])
        || !same_shape(&views[BIGRAMS], &views[BIGRAMS_MEAN])
        || !same_shape(&views[BIGRAMS], &views[BIGRAMS_SQUARE])
        || !same_shape(&views[HEADS], &views[HEADS_MEAN])
        || !same_shape(&views[HEADS], &views[HEADS_SQUARE])
        || views[HEADS].shape[0] != head_count(sizes)) {
        return "tables, heads and moments do not belong together";
    }
    return NULL;
}

/* Return why the targets are invalid, or NULL. */
static const char *
validate_targets(const Py_buffer *views, const Targets *targets)
{
    const int64_t texts = views[OFFSETS].shape[0] - 1;
    const int has_classes = views[CLASSES].obj != NULL, has_targets = views[TARGETS].obj != NULL;
    if (texts < 0 || has_classes == has_targets || (has_classes && targets->multi_label)
        || (has_classes && views[CLASSES].shape[0] != texts)
        || (has_targets
            && (views[TARGETS].shape[0] != texts || views[TARGETS].shape[1] != targets->labels))
        || (views[WEIGHTS].obj != NULL && views[WEIGHTS].shape[0] != texts)) {
        return "texts, targets and weights do not belong together";
    }
    return NULL;
}

/* Return why the chosen texts are invalid, or NULL; the step validates their ids. */
static const char *
validate_chosen(const Py_buffer *views, int64_t labels)
{
    const int64_t *offsets = views[OFFSETS].buf, *chosen = views[CHOSEN].buf;
    const int64_t *classes = views[CLASSES].buf, texts = views[OFFSETS].shape[0] - 1;
    int64_t tokens = 0;
    if (views[CHOSEN].shape[0] > INT32_MAX) {
        return "more texts are chosen than a step can take";
    }
    for (Py_ssize_t i = 0; i < views[CHOSEN].shape[0]; i++) {
        const int64_t text = chosen[i];
        if (text < 0 || text >= texts || offsets[text] < 0 || offsets[text + 1] <= offsets[text]
            || offsets[text + 1] > views[IDS].shape[0]) {
            return "a chosen text does not exist or is empty";
        }
        if (classes != NULL && (classes[text] < 0 || classes[text] >= labels)) {
            return "a label is outside the classes";
        }
        PREFETCH((const int32_t *)views[IDS].buf + offsets[text]); /* the step needs them soon */
        tokens += offsets[text + 1] - offsets[text];
    }
    if (views[CHANCES].obj != NULL && views[CHANCES].shape[0] != tokens) {
        return "the number of chances is not that of tokens";
    }
    return NULL;
}

static Trained
trained(const Py_buffer *views)
{
    return (Trained){views[0].buf, views[1].buf, views[2].buf};
}

static PyObject *
step_with_arrays(const Shape *shape, const Py_buffer *views, Step *step, int64_t hidden)
{
    step->network = (Network){
        .shape = *shape,
        .embedding = table_of(&views[EMBEDDING]),
        .bigrams = table_of(&views[BIGRAMS]),
    };
    Targets *targets = &step->targets;
    const char *error = validate_trained(&step->network, views, hidden, targets->labels,
                                         &step->sizes);
    error = error != NULL ? error : validate_targets(views, targets);
    error = error != NULL ? error : validate_chosen(views, targets->labels);
    if (error != NULL) {
        return value_error(error);
    }
    targets->classes = views[CLASSES].buf;
    targets->given = views[TARGETS].buf;
    targets->weights = views[WEIGHTS].buf;
    targets->batch = views[CHOSEN].shape[0];
    step->embedding = trained(&views[EMBEDDING]);
    step->bigrams = trained(&views[BIGRAMS]);
    step->heads = trained(&views[HEADS]);
    step->ids = views[IDS].buf;
    step->offsets = views[OFFSETS].buf;
    step->chosen = views[CHOSEN].buf;
    step->chances = views[CHANCES].buf;
    StepStatus status;
    double loss = 0;
    int64_t right = 0;
    Py_BEGIN_ALLOW_THREADS status = take_step(step, &loss, &right);
    Py_END_ALLOW_THREADS if (status == STEP_WITHOUT_MEMORY)
    {
        return PyErr_NoMemory();
    }
    return status == STEP_DONE ? Py_BuildValue("(dL)", loss, (long long)right)
                               : value_error("an id is outside the vocabulary");
}

typedef struct {
    PyObject *shape, *arrays[ARRAYS];
    Step step;
    long long hidden, labels;
} Arguments;

static int
parse_arguments(PyObject *args, PyObject *kwargs, Arguments *parsed)
{
    static char *names[] = {"shape",
                            "ids",
                            "offsets",
                            "chosen",
                            "chances",
                            "classes",
                            "targets",
                            "weights",
                            "embedding",
                            "embedding_mean",
                            "embedding_square",
                            "bigrams",
                            "bigrams_mean",
                            "bigrams_square",
                            "heads",
                            "heads_mean",
                            "heads_square",
                            "hidden",
                            "labels",
                            "multi_label",
                            "label_smoothing",
                            "temperature",
                            "token_dropout",
                            "beta1",
                            "beta2",
                            "table_rate",
                            "table_epsilon",
                            "rate",
                            "epsilon",
                            "decay",
                            "root_factor",
                            "threads",
                            NULL};
    PyObject **arrays = parsed->arrays;
    Step *step = &parsed->step;
    Targets *targets = &step->targets;
    Adam *tables = &step->optimizer.tables, *heads = &step->optimizer.heads;
    if (!PyArg_ParseTupleAndKeywords(
            args, kwargs, "O$OOOOOOOOOOOOOOOOLLpfffffffffffi", names, &parsed->shape, &arrays[IDS],
            &arrays[OFFSETS], &arrays[CHOSEN], &arrays[CHANCES], &arrays[CLASSES], &arrays[TARGETS],
            &arrays[WEIGHTS], &arrays[EMBEDDING], &arrays[EMBEDDING_MEAN],
            &arrays[EMBEDDING_SQUARE], &arrays[BIGRAMS], &arrays[BIGRAMS_MEAN],
            &arrays[BIGRAMS_SQUARE], &arrays[HEADS], &arrays[HEADS_MEAN], &arrays[HEADS_SQUARE],
            &parsed->hidden, &parsed->labels, &targets->multi_label, &targets->smoothing,
            &targets->temperature, &step->dropout, &heads->beta1, &heads->beta2, &tables->rate,
            &tables->epsilon, &heads->rate, &heads->epsilon, &step->optimizer.decay,
            &heads->root_factor, &step->threads)) {
        argument_error();
        return -1;
    }
    if (step->threads < 1) {
        value_error("threads must be at least 1");
        return -1;
    }
    tables->beta1 = heads->beta1;
    tables->beta2 = heads->beta2;
    tables->root_factor = 1;
    targets->labels = parsed->labels;
    return 0;
}

PyObject *
train_step(PyObject *Py_UNUSED(module), PyObject *args, PyObject *kwargs)
{
    Arguments parsed = {0};
    if (parse_arguments(args, kwargs, &parsed) < 0) {
        return NULL;
    }
    const Shape *shape = shape_of(parsed.shape);
    Py_buffer views[ARRAYS];
    if (shape == NULL || acquire_arrays(parsed.arrays, views, specs, ARRAYS) < 0) {
        return NULL;
    }
    PyObject *result = step_with_arrays(shape, views, &parsed.step, parsed.hidden);
    release_arrays(views, ARRAYS);
    return result;
}
