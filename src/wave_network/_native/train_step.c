/* One training step of a local wave network: forward, loss and backward text by text, then the
 * optimiser step, on the rows that occurred and on the heads. Called by
 * training/local_wave/compiled_steps.py; torch needs some hundred operations for the same. */

#include "adam.h"
#include "extension.h"
#include "gradients.h"
#include "loss.h"

typedef struct {
    int32_t *ids, *buckets;
    int64_t *offsets;
    float *floats, *head_gradients;
    Matrices *matrices; /* of each member */
    Block block;
    RowGradients tokens, bigrams;
} Workspace;

/* Allocate all matrices, activations and gradients, set to zero. */
static int
make_floats(Workspace *workspace, const Sizes *sizes, int64_t gradients)
{
    Matrices matrices;
    const int64_t matrix_count = place_matrices(&matrices, sizes, NULL) * sizes->members;
    const int64_t block_count = place_block(&workspace->block, sizes, NULL);
    workspace->floats = calloc((size_t)(matrix_count + block_count + gradients), sizeof(float));
    workspace->matrices = malloc((size_t)sizes->members * sizeof(Matrices));
    if (workspace->floats == NULL || workspace->matrices == NULL) {
        return -1;
    }
    float *next = workspace->floats;
    for (int64_t member = 0; member < sizes->members; member++) {
        next += place_matrices(&workspace->matrices[member], sizes, next);
    }
    workspace->head_gradients = next + place_block(&workspace->block, sizes, next);
    return 0;
}

static int
make_workspace(Workspace *workspace, int64_t texts, int64_t tokens, const Sizes *sizes,
               int64_t gradients)
{
    workspace->ids = malloc((size_t)(tokens + 1) * sizeof(int32_t));
    workspace->buckets = malloc((size_t)(tokens + 1) * sizeof(int32_t));
    workspace->offsets = malloc((size_t)(texts + 1) * sizeof(int64_t));
    if (workspace->ids == NULL || workspace->buckets == NULL || workspace->offsets == NULL) {
        return -1;
    }
    return make_floats(workspace, sizes, gradients);
}

static void
free_workspace(Workspace *workspace)
{
    free(workspace->ids);
    free(workspace->buckets);
    free(workspace->offsets);
    free(workspace->floats);
    free(workspace->matrices);
    free_gradients(&workspace->tokens);
    free_gradients(&workspace->bigrams);
}

/* Token dropout: copy the tokens of the chosen texts whose chance is at least the dropout, and
 * always a text's first token. */
static void
draw_tokens(Workspace *workspace, const int32_t *ids, const int64_t *offsets, const int64_t *chosen,
            int64_t texts, const float *chances, float dropout)
{
    int64_t count = 0;
    for (int64_t i = 0; i < texts; i++) {
        const int64_t start = offsets[chosen[i]], end = offsets[chosen[i] + 1];
        workspace->offsets[i] = count;
        for (int64_t t = start; t < end; t++) {
            workspace->ids[count] = ids[t];
            count += chances == NULL || t == start || chances[t - start] >= dropout;
        }
        chances = chances == NULL ? NULL : chances + (end - start);
    }
    workspace->offsets[texts] = count;
}

/* Compute the features of one text; written to its place in the block. */
static void
forward_text(const Network *network, Workspace *workspace, const Sizes *sizes, int64_t place,
             int64_t text)
{
    Block *block = &workspace->block;
    const int64_t start = workspace->offsets[text], length = workspace->offsets[text + 1] - start;
    double none;
    forward_sums(network, workspace->ids + start, workspace->buckets + start, length, block->sums,
                 &none);
    forward_features(network, length, block->sums, &none, block->text_features, NULL);
    for (int64_t member = 0; member < sizes->members; member++) {
        memcpy(block->features + (member * BLOCK + place) * sizes->feature_columns,
               block->text_features + member * sizes->features,
               (size_t)sizes->features * sizeof(float));
    }
}

/* Backward from one text's features to the rows of its tokens and n-grams. */
static void
backward_features(const Network *network, Workspace *workspace, const Sizes *sizes, int64_t place,
                  int64_t text)
{
    Block *block = &workspace->block;
    const int64_t start = workspace->offsets[text], length = workspace->offsets[text + 1] - start;
    for (int64_t member = 0; member < sizes->members; member++) {
        const int64_t row = (member * BLOCK + place) * sizes->feature_columns;
        const int64_t first = member * sizes->features;
        const size_t size = (size_t)sizes->features * sizeof(float);
        memcpy(block->text_features + first, block->features + row, size);
        memcpy(block->text_gradient + first, block->features_gradient + row, size);
    }
    backward_text(network, workspace->ids + start, workspace->buckets + start, length,
                  block->text_features, block->text_gradient, block->slopes, &workspace->tokens,
                  &workspace->bigrams);
}

/* Forward and backward of a block; `first` is its first text in the batch. Returns the number of
 * correct predictions. */
static int64_t
train_block(Workspace *workspace, const Network *network, float *heads, const Sizes *sizes,
            const Targets *targets, const int64_t *chosen, int64_t first, double *loss)
{
    Block *block = &workspace->block;
    const int64_t texts = targets->batch - first < BLOCK ? targets->batch - first : BLOCK;
    int64_t right = 0;
    memset(block->probabilities, 0, (size_t)(BLOCK * sizes->labels) * sizeof(float));
    for (int64_t i = 0; i < texts; i++) {
        forward_text(network, workspace, sizes, i, first + i);
        block->best[i] = write_targets(block->targets + i * sizes->labels, targets,
                                       chosen[first + i]);
    }
    for (int64_t member = 0; member < sizes->members; member++) {
        const Heads of_member = heads_at(heads, sizes, member);
        const Heads gradients = heads_at(workspace->head_gradients, sizes, member);
        const int64_t start = member * BLOCK * sizes->feature_columns;
        const Matrices *matrices = &workspace->matrices[member];
        forward_heads(block, block->features + start, matrices, &of_member, sizes);
        *loss += block_loss(block, targets, chosen + first, texts, sizes) / (double)sizes->members;
        backward_heads(block, block->features + start, block->features_gradient + start, matrices,
                       &of_member, &gradients, sizes);
    }
    for (int64_t i = 0; i < texts; i++) {
        backward_features(network, workspace, sizes, i, first + i);
        right += is_right(block->probabilities + i * sizes->labels, targets, chosen[first + i],
                          block->best[i], sizes->members);
    }
    return right;
}

/* Compute all gradients of the batch; returns the number of correct predictions. */
static int64_t
accumulate_gradients(Workspace *workspace, const Network *network, float *heads, const Sizes *sizes,
                     const Targets *targets, const int64_t *chosen, double *loss)
{
    int64_t right = 0;
    for (int64_t member = 0; member < sizes->members; member++) {
        const Heads of_member = heads_at(heads, sizes, member);
        pad_heads(&workspace->matrices[member], &of_member, sizes);
    }
    for (int64_t first = 0; first < targets->batch; first += BLOCK) {
        right += train_block(workspace, network, heads, sizes, targets, chosen, first, loss);
    }
    for (int64_t member = 0; member < sizes->members; member++) {
        const Heads gradients = heads_at(workspace->head_gradients, sizes, member);
        unpad_gradients(&gradients, &workspace->matrices[member], sizes);
    }
    return right;
}

/* `decay` multiplies the matrices of the heads, but not their vectors. */
typedef struct {
    Adam tables, heads;
    float decay;
} Optimizer;

WIDE static void
update_values(float *restrict values, const float *restrict gradient, float *restrict mean,
              float *restrict square, int64_t count, Adam adam)
{
    adam_update(values, gradient, mean, square, count, adam.beta1, adam.beta2, adam.epsilon,
                adam.rate, adam.root_factor);
}

/* AdamW, as in torch. */
static void
update_heads(const Heads *heads, const float *gradient, float *mean, float *square,
             const Sizes *sizes, const Optimizer *optimizer)
{
    float *const matrices[] = {heads->feed_forward, heads->classifier, heads->shortcut};
    float *const ends[] = {heads->feed_forward_bias, heads->classifier_bias, heads->shortcut_bias};
    const int64_t rows[] = {sizes->features, sizes->hidden, sizes->features};
    for (int i = 0; i < 3; i++) {
        for (float *value = matrices[i]; rows[i] > 1 && value < ends[i]; value++) {
            *value *= optimizer->decay;
        }
    }
    /* The feed-forward matrix is the first parameter. */
    update_values(heads->feed_forward, gradient, mean, square, heads->count, optimizer->heads);
}

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

/* Prefetch the ids of a text that is validated soon; ignores what is out of range. */
static void
prefetch_text(const Py_buffer *views, int64_t place)
{
    const int64_t *offsets = views[OFFSETS].buf, *chosen = views[CHOSEN].buf;
    if (place < views[CHOSEN].shape[0] && chosen[place] >= 0
        && chosen[place] < views[OFFSETS].shape[0] - 1 && offsets[chosen[place]] >= 0
        && offsets[chosen[place]] < views[IDS].shape[0]) {
        PREFETCH((const int32_t *)views[IDS].buf + offsets[chosen[place]]);
    }
}

/* Return why the chosen texts are invalid, or NULL; writes their number of tokens. */
static const char *
validate_chosen(const Py_buffer *views, int64_t labels, int64_t *tokens)
{
    const int32_t *ids = views[IDS].buf;
    const int64_t *offsets = views[OFFSETS].buf, *chosen = views[CHOSEN].buf;
    const int64_t *classes = views[CLASSES].buf, texts = views[OFFSETS].shape[0] - 1;
    *tokens = 0;
    for (Py_ssize_t i = 0; i < views[CHOSEN].shape[0]; i++) {
        const int64_t text = chosen[i];
        prefetch_text(views, i + AHEAD);
        if (text < 0 || text >= texts || offsets[text] < 0 || offsets[text + 1] <= offsets[text]
            || offsets[text + 1] > views[IDS].shape[0]) {
            return "a chosen text does not exist or is empty";
        }
        if (classes != NULL && (classes[text] < 0 || classes[text] >= labels)) {
            return "a label is outside the classes";
        }
        for (int64_t t = offsets[text]; t < offsets[text + 1]; t++) {
            if (ids[t] < 0 || ids[t] >= views[EMBEDDING].shape[0]) {
                return "an id is outside the vocabulary";
            }
        }
        *tokens += offsets[text + 1] - offsets[text];
    }
    if (views[CHANCES].obj != NULL && views[CHANCES].shape[0] != *tokens) {
        return "the number of chances is not that of tokens";
    }
    return NULL;
}

static void
update_rows_of(const Table *table, const RowGradients *gradients, const Py_buffer *moments,
               Adam adam)
{
    update_table((float *)table->rows, gradients->rows, gradients->gradients, gradients->count,
                 table->width, gradients->rows, moments[0].buf, moments[1].buf, adam);
}

/* Returns the number of correct predictions; -1 if out of memory. */
static int64_t
step(const Network *network, const Py_buffer *views, const Targets *targets, const Sizes *sizes,
     const Optimizer *optimizer, float dropout, int64_t tokens, double *loss)
{
    Workspace workspace = {0};
    int64_t right = -1;
    const int64_t *chosen = views[CHOSEN].buf;
    float *all_heads = views[HEADS].buf;
    const Heads heads = heads_at(all_heads, sizes, 0);
    if (make_workspace(&workspace, targets->batch, tokens, sizes, head_count(sizes)) == 0) {
        draw_tokens(&workspace, views[IDS].buf, views[OFFSETS].buf, chosen, targets->batch,
                    views[CHANCES].buf, dropout);
        const int64_t count = workspace.offsets[targets->batch];
        write_buckets(network, workspace.ids, workspace.offsets, targets->batch, workspace.buckets);
        if (zero_gradients(&workspace.tokens, &network->embedding, workspace.ids, count) == 0
            && zero_gradients(&workspace.bigrams, &network->bigrams, workspace.buckets, count)
                   == 0) {
            right = accumulate_gradients(&workspace, network, all_heads, sizes, targets, chosen,
                                         loss);
            update_rows_of(&network->embedding, &workspace.tokens, &views[EMBEDDING_MEAN],
                           optimizer->tables);
            update_rows_of(&network->bigrams, &workspace.bigrams, &views[BIGRAMS_MEAN],
                           optimizer->tables);
            update_heads(&heads, workspace.head_gradients, views[HEADS_MEAN].buf,
                         views[HEADS_SQUARE].buf, sizes, optimizer);
        }
    }
    free_workspace(&workspace);
    return right;
}

static PyObject *
step_with_arrays(const Shape *shape, const Py_buffer *views, Targets *targets,
                 const Optimizer *optimizer, int64_t hidden, float dropout)
{
    const Network network = {
        .shape = *shape,
        .embedding = table_of(&views[EMBEDDING]),
        .bigrams = table_of(&views[BIGRAMS]),
    };
    Sizes sizes;
    int64_t tokens, right;
    const char *error = validate_trained(&network, views, hidden, targets->labels, &sizes);
    error = error != NULL ? error : validate_targets(views, targets);
    error = error != NULL ? error : validate_chosen(views, targets->labels, &tokens);
    if (error != NULL) {
        return value_error(error);
    }
    targets->classes = views[CLASSES].buf;
    targets->given = views[TARGETS].buf;
    targets->weights = views[WEIGHTS].buf;
    targets->batch = views[CHOSEN].shape[0];
    double loss = 0;
    Py_BEGIN_ALLOW_THREADS right = step(&network, views, targets, &sizes, optimizer, dropout,
                                        tokens, &loss);
    Py_END_ALLOW_THREADS return right < 0 ? PyErr_NoMemory()
                                          : Py_BuildValue("(dL)", loss, (long long)right);
}

typedef struct {
    PyObject *shape, *arrays[ARRAYS];
    Targets targets;
    Optimizer optimizer;
    long long hidden, labels;
    float dropout;
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
                            NULL};
    PyObject **arrays = parsed->arrays;
    Targets *targets = &parsed->targets;
    Adam *tables = &parsed->optimizer.tables, *heads = &parsed->optimizer.heads;
    if (!PyArg_ParseTupleAndKeywords(
            args, kwargs, "O$OOOOOOOOOOOOOOOOLLpfffffffffff", names, &parsed->shape, &arrays[IDS],
            &arrays[OFFSETS], &arrays[CHOSEN], &arrays[CHANCES], &arrays[CLASSES], &arrays[TARGETS],
            &arrays[WEIGHTS], &arrays[EMBEDDING], &arrays[EMBEDDING_MEAN],
            &arrays[EMBEDDING_SQUARE], &arrays[BIGRAMS], &arrays[BIGRAMS_MEAN],
            &arrays[BIGRAMS_SQUARE], &arrays[HEADS], &arrays[HEADS_MEAN], &arrays[HEADS_SQUARE],
            &parsed->hidden, &parsed->labels, &targets->multi_label, &targets->smoothing,
            &targets->temperature, &parsed->dropout, &heads->beta1, &heads->beta2, &tables->rate,
            &tables->epsilon, &heads->rate, &heads->epsilon, &parsed->optimizer.decay,
            &heads->root_factor)) {
        argument_error();
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
    PyObject *result = step_with_arrays(shape, views, &parsed.targets, &parsed.optimizer,
                                        parsed.hidden, parsed.dropout);
    release_arrays(views, ARRAYS);
    return result;
}
