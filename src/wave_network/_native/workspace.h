/* What a training step works on: its arguments, and the memory between its phases. For `step.h`. */

#ifndef WAVE_NETWORK_WORKSPACE_H
#define WAVE_NETWORK_WORKSPACE_H

#include "adam.h"
#include "gradients.h"
#include "heads_backward.h"
#include "loss.h"

enum {
    MOST_LOGITS = 1 << 19, /* floats per chunk; more memory would come anew from the system */
    FEWEST_BLOCKS = 8,     /* per chunk all the same */
    TILE_ROWS = 16,
    TILE_COLUMNS = 64,
    HEADS_AT_ONCE = 4096, /* parameters per task */
    MATRICES = 3,         /* of a member */
};

/* `decay` multiplies the matrices of the heads, but not their vectors. */
typedef struct {
    Adam tables, heads;
    float decay;
} Optimizer;

/* A trained array and its moments, all of one shape. */
typedef struct {
    float *values, *means, *squares;
} Trained;

typedef struct {
    Network network;
    Sizes sizes;
    Targets targets;
    Optimizer optimizer;
    Trained embedding, bigrams, heads;
    const int32_t *ids;
    const int64_t *offsets, *chosen; /* the chosen texts are neither missing nor empty */
    const float *chances;            /* of each of their tokens; NULL: none is dropped */
    float dropout;
    int threads;
} Step;

/* What a worker uses for one block after the other: (texts, columns). */
typedef struct {
    float *hidden, *gelu_slopes, *normed, *features_gradient;
    float *targets, *probabilities;              /* probabilities are summed over the members */
    float *sums, *text_features, *text_gradient; /* of all members */
    int64_t best[BLOCK];                         /* the most probable class of each text's target */
} Scratch;

/* What a block of texts gives. */
typedef struct {
    double loss;
    int64_t right;
    int is_wrong; /* an id is outside the vocabulary */
} BlockResult;

typedef struct {
    const Step *step;
    int64_t blocks, chunk, first, here; /* blocks in all, per chunk at most, and of this chunk */
    int64_t *starts, *ends;             /* of each text's tokens in `ids` and `buckets` */
    int32_t *ids, *buckets;
    Occurrence *occurrences;
    Occurrences *tokens, *ngrams; /* of each block */
    BlockResult *results;         /* of each block */
    Matrices *matrices;     /* of each member */
    Scratch *scratch;       /* of each worker */
    float *zeroed, *floats; /* all arrays of floats */
    float *head_gradients;
    float *features, *scaled, *hidden_gradient, *logits; /* (members, texts of a chunk, columns) */
    float *vectors;                                      /* (members, blocks, vectors) */
    float *slopes;                                       /* (texts, sums) */
    int32_t *places;                                     /* of the rows of both tables */
    int64_t *rows;
    float *row_gradients;
    RowGradients token_parts[PARTS], ngram_parts[PARTS];
} Workspace;

static int64_t
sum_count(const Step *step)
{
    return feature_count(&step->network);
}

static int64_t
vector_count(const Sizes *sizes)
{
    return 3 * sizes->hidden + sizes->labels;
}

static int64_t
place_scratch(Scratch *scratch, const Step *step, float *start)
{
    const Sizes *sizes = &step->sizes;
    const int64_t columns = sum_count(step);
    const Part parts[] = {
        {&scratch->hidden, BLOCK * sizes->hidden_columns},
        {&scratch->gelu_slopes, BLOCK * sizes->hidden_columns},
        {&scratch->normed, BLOCK * sizes->hidden_columns},
        {&scratch->features_gradient, BLOCK * sizes->feature_columns},
        {&scratch->targets, BLOCK * sizes->labels},
        {&scratch->probabilities, BLOCK * sizes->labels},
        {&scratch->sums, columns},
        {&scratch->text_features, BLOCK * columns},
        {&scratch->text_gradient, BLOCK * columns},
    };
    return place_parts(parts, sizeof(parts) / sizeof(parts[0]), start);
}

static int64_t
place_activations(Workspace *workspace, float *start)
{
    const Sizes *sizes = &workspace->step->sizes;
    const int64_t texts = sizes->members * workspace->chunk * BLOCK;
    const Part parts[] = {
        {&workspace->features, texts * sizes->feature_columns},
        {&workspace->scaled, texts * sizes->hidden_columns},
        {&workspace->hidden_gradient, texts * sizes->hidden_columns},
        {&workspace->logits, texts * sizes->label_columns},
        {&workspace->vectors, sizes->members * workspace->blocks * vector_count(sizes)},
        {&workspace->slopes, workspace->blocks * BLOCK * sum_count(workspace->step)},
    };
    return place_parts(parts, sizeof(parts) / sizeof(parts[0]), start);
}

static int
make_floats(Workspace *workspace, int workers)
{
    const Step *step = workspace->step;
    const int64_t members = step->sizes.members;
    Matrices matrices;
    Scratch scratch;
    const int64_t matrix_count = members * place_matrices(&matrices, &step->sizes, NULL, 1);
    const int64_t scratch_count = workers * place_scratch(&scratch, step, NULL);
    const int64_t activation_count = place_activations(workspace, NULL);
    const int64_t zeros = matrix_count + head_count(&step->sizes);
    workspace->zeroed = calloc((size_t)zeros, sizeof(float));
    workspace->floats = malloc((size_t)(scratch_count + activation_count) * sizeof(float));
    workspace->matrices = malloc((size_t)members * sizeof(Matrices));
    workspace->scratch = malloc((size_t)workers * sizeof(Scratch));
    if (workspace->zeroed == NULL || workspace->floats == NULL || workspace->matrices == NULL
        || workspace->scratch == NULL) {
        return -1;
    }
    float *next = workspace->zeroed;
    for (int64_t member = 0; member < members; member++) {
        next += place_matrices(&workspace->matrices[member], &step->sizes, next, 1);
    }
    workspace->head_gradients = next;
    next = workspace->floats + place_activations(workspace, workspace->floats);
    for (int worker = 0; worker < workers; worker++) {
        next += place_scratch(&workspace->scratch[worker], step, next);
    }
    return 0;
}

static int
make_workspace(Workspace *workspace, int64_t tokens, int workers)
{
    const size_t texts = (size_t)workspace->step->targets.batch + 1, count = (size_t)tokens + 1;
    const size_t blocks = (size_t)workspace->blocks + 1;
    const Network *network = &workspace->step->network;
    const int64_t parts = rows_of_part(&network->embedding) + rows_of_part(&network->bigrams);
    workspace->starts = malloc(texts * sizeof(int64_t));
    workspace->ends = malloc(texts * sizeof(int64_t));
    workspace->ids = malloc(count * sizeof(int32_t));
    workspace->buckets = malloc(count * sizeof(int32_t));
    workspace->occurrences = malloc(2 * count * sizeof(Occurrence));
    workspace->tokens = malloc(blocks * sizeof(Occurrences));
    workspace->ngrams = malloc(blocks * sizeof(Occurrences));
    workspace->results = calloc(blocks, sizeof(BlockResult));
    workspace->places = malloc((size_t)(parts * PARTS) * sizeof(int32_t));
    if (workspace->starts == NULL || workspace->ends == NULL || workspace->ids == NULL
        || workspace->buckets == NULL || workspace->occurrences == NULL
        || workspace->tokens == NULL || workspace->ngrams == NULL || workspace->results == NULL
        || workspace->places == NULL) {
        return -1;
    }
    return make_floats(workspace, workers);
}

static void
free_workspace(Workspace *workspace)
{
    free(workspace->starts);
    free(workspace->ends);
    free(workspace->ids);
    free(workspace->buckets);
    free(workspace->occurrences);
    free(workspace->tokens);
    free(workspace->ngrams);
    free(workspace->results);
    free(workspace->places);
    free(workspace->zeroed);
    free(workspace->floats);
    free(workspace->matrices);
    free(workspace->scratch);
    free(workspace->rows);
    free(workspace->row_gradients);
}

#endif
