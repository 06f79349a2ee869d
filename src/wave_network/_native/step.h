/* One training step. For `train_step.c`.
 *
 * It runs in phases, each cut into tasks by the data alone, so that its results do not depend on
 * the number of threads:
 *
 * 1. Blocks of texts, forward and backward to the gradients of each text's sums.
 * 2. Gradients: tiles of the heads' matrices, summed over the texts in order, and parts of the
 *    tables' rows, summed over their occurrences in order.
 * 3. The optimiser step: parts of the rows, ranges of the heads.
 *
 * With many labels the first two phases alternate over chunks of the texts, to bound the memory. */

#ifndef WAVE_NETWORK_STEP_H
#define WAVE_NETWORK_STEP_H

#include "blocks.h"
#include "parallel.h"

typedef enum { STEP_DONE, STEP_WITHOUT_MEMORY, STEP_WITH_A_WRONG_ID } StepStatus;

static int64_t
pieces(int64_t count, int64_t size)
{
    return (count + size - 1) / size;
}

static int64_t
smaller(int64_t one, int64_t other)
{
    return one < other ? one : other;
}

/* Find where each text's tokens go; returns their number. */
static int64_t
place_tokens(const Step *step, int64_t *starts)
{
    int64_t count = 0;
    for (int64_t i = 0; i < step->targets.batch; i++) {
        const int64_t *bounds = step->offsets + step->chosen[i];
        if (starts != NULL) {
            starts[i] = count;
        }
        count += bounds[1] - bounds[0];
    }
    return count;
}

/* A matrix of a member's heads: the inputs of its texts, and the gradients at its outputs. */
typedef struct {
    float *gradient;
    int64_t rows, columns; /* inputs, outputs */
    const float *inputs, *outputs;
    int64_t input_columns, output_columns;
} Layer;

static Layer
layer_at(const Workspace *workspace, int64_t member, int number)
{
    const Sizes *sizes = &workspace->step->sizes;
    const Scratch none = {0};
    const Block block = block_at(workspace, &none, member, 0);
    const Heads gradients = heads_at(workspace->head_gradients, sizes, member);
    if (number == 0) {
        return (Layer){gradients.feed_forward, sizes->features,        sizes->hidden,
                       block.features,         block.hidden_gradient,  sizes->feature_columns,
                       sizes->hidden_columns};
    }
    if (number == 1) {
        return (Layer){gradients.classifier, sizes->hidden, sizes->labels,        block.scaled,
                       block.logits,         sizes->hidden_columns, sizes->label_columns};
    }
    return (Layer){gradients.shortcut, sizes->features,        sizes->labels,       block.features,
                   block.logits,       sizes->feature_columns, sizes->label_columns};
}

/* Add to a tile of a matrix's gradient the products of this chunk's texts. */
WIDE static void
add_tile(const Layer *layer, int64_t row, int64_t column, int64_t texts)
{
    const int64_t rows = smaller(TILE_ROWS, layer->rows - row);
    const int64_t columns = smaller(TILE_COLUMNS, layer->columns - column);
    const Factor inputs = {layer->inputs + row, 1, layer->input_columns};
    float tile[TILE_ROWS * TILE_COLUMNS] = {0};
    multiply(tile, TILE_COLUMNS, inputs, layer->outputs + column, layer->output_columns,
             (rows + 3) / 4 * 4, texts, pieces(columns, LANES) * LANES);
    for (int64_t i = 0; i < rows; i++) {
        add_to(layer->gradient + (row + i) * layer->columns + column, tile + i * TILE_COLUMNS,
               columns);
    }
}

static int64_t
tile_count(const Layer *layer)
{
    return pieces(layer->rows, TILE_ROWS) * pieces(layer->columns, TILE_COLUMNS);
}

static int64_t
all_tiles(const Workspace *workspace)
{
    int64_t count = 0;
    for (int number = 0; number < MATRICES; number++) {
        const Layer layer = layer_at(workspace, 0, number);
        count += tile_count(&layer);
    }
    return workspace->step->sizes.members * count;
}

static void
add_tile_at(const Workspace *workspace, int64_t index)
{
    const int64_t of_member = all_tiles(workspace) / workspace->step->sizes.members;
    const int64_t member = index / of_member;
    index %= of_member;
    for (int number = 0; number < MATRICES; number++) {
        const Layer layer = layer_at(workspace, member, number);
        if (index < tile_count(&layer)) {
            const int64_t down = pieces(layer.rows, TILE_ROWS);
            add_tile(&layer, index % down * TILE_ROWS, index / down * TILE_COLUMNS,
                     workspace->here * BLOCK);
            return;
        }
        index -= tile_count(&layer);
    }
}

/* Sum the gradients of a member's vectors over all blocks. */
static void
sum_vectors(const Workspace *workspace, int64_t member)
{
    const Sizes *sizes = &workspace->step->sizes;
    const int64_t count = vector_count(sizes);
    const Heads heads = heads_at(workspace->head_gradients, sizes, member);
    float *vectors = workspace->vectors + member * workspace->blocks * count;
    VectorGradients sums;
    for (int64_t block = 1; block < workspace->blocks; block++) {
        add_to(vectors, vectors + block * count, count);
    }
    place_vectors(&sums, sizes, vectors);
    const size_t hidden = (size_t)sizes->hidden * sizeof(float);
    const size_t labels = (size_t)sizes->labels * sizeof(float);
    memcpy(heads.norm, sums.norm, hidden);
    memcpy(heads.norm_bias, sums.norm_bias, hidden);
    memcpy(heads.feed_forward_bias, sums.feed_forward_bias, hidden);
    memcpy(heads.classifier_bias, sums.logits_bias, labels);
    memcpy(heads.shortcut_bias, sums.logits_bias, labels);
}

/* Divide memory among the parts of a table for the rows that may occur; counts alone if there is
 * none yet. */
static void
place_rows(const Workspace *workspace, RowGradients *parts, const Table *table,
           const Occurrences *lists, int64_t *rows, int64_t *floats)
{
    for (int part = 0; part < PARTS; part++) {
        int64_t count = 0;
        for (int64_t block = 0; block < workspace->blocks; block++) {
            count += lists[block].starts[part + 1] - lists[block].starts[part];
        }
        count = smaller(count, rows_of_part(table));
        if (workspace->rows != NULL) {
            parts[part].rows = workspace->rows + *rows;
            parts[part].gradients = workspace->row_gradients + *floats;
        }
        *rows += count + 1; /* `find_rows` may write one more */
        *floats += count * table->width;
    }
}

static int
make_rows(Workspace *workspace)
{
    const Network *network = &workspace->step->network;
    for (int pass = 0; pass < 2; pass++) {
        int64_t rows = 0, floats = 1;
        place_rows(workspace, workspace->token_parts, &network->embedding, workspace->tokens, &rows,
                   &floats);
        place_rows(workspace, workspace->ngram_parts, &network->bigrams, workspace->ngrams, &rows,
                   &floats);
        if (pass == 0) {
            workspace->rows = malloc((size_t)rows * sizeof(int64_t));
            workspace->row_gradients = malloc((size_t)floats * sizeof(float));
        }
        if (workspace->rows == NULL || workspace->row_gradients == NULL) {
            return -1;
        }
    }
    return 0;
}

static void
update_part(const Table *table, const RowGradients *part, const Trained *trained, Adam adam)
{
    update_table(trained->values, part->rows, part->gradients, part->count, table->width,
                 part->rows, trained->means, trained->squares, adam);
}

static void
sum_token_part(Workspace *workspace, int part)
{
    const Network *network = &workspace->step->network;
    int32_t *places = workspace->places + part * rows_of_part(&network->embedding);
    RowGradients *found = &workspace->token_parts[part];
    find_rows(found, &network->embedding, workspace->tokens, workspace->blocks, part, places);
    sum_token_gradients(found, network, workspace->tokens, workspace->blocks, part, places,
                        workspace->slopes, sum_count(workspace->step));
}

/* No other gradient depends on the rows of n-grams, so they are updated at once. */
static void
train_ngram_part(Workspace *workspace, int part)
{
    const Step *step = workspace->step;
    const Table *table = &step->network.bigrams;
    const int64_t before = PARTS * rows_of_part(&step->network.embedding);
    int32_t *places = workspace->places + before + part * rows_of_part(table);
    RowGradients *found = &workspace->ngram_parts[part];
    find_rows(found, table, workspace->ngrams, workspace->blocks, part, places);
    sum_ngram_gradients(found, &step->network, workspace->ngrams, workspace->blocks, part, places,
                        workspace->slopes, sum_count(step));
    update_part(table, found, &step->bigrams, step->optimizer.tables);
}

/* Phase 2 for a tile of the heads' matrices; with the last chunk also for a part of the tables,
 * then for a member's vectors. */
static void
sum_gradients(void *context, int64_t index, int worker)
{
    Workspace *workspace = context;
    const int64_t tiles = all_tiles(workspace);
    (void)worker;
    if (index < tiles) {
        add_tile_at(workspace, index);
    }
    else if (index < tiles + PARTS) {
        sum_token_part(workspace, (int)(index - tiles));
    }
    else if (index < tiles + 2 * PARTS) {
        train_ngram_part(workspace, (int)(index - tiles - PARTS));
    }
    else {
        sum_vectors(workspace, index - tiles - 2 * PARTS);
    }
}

WIDE static void
update_values(float *restrict values, const float *restrict gradient, float *restrict mean,
              float *restrict square, int64_t count, Adam adam)
{
    adam_update(values, gradient, mean, square, count, adam.beta1, adam.beta2, adam.epsilon,
                adam.rate, adam.root_factor);
}

/* AdamW, as in torch, of a range of the heads. */
static void
update_heads(const Workspace *workspace, int64_t start, int64_t end)
{
    const Step *step = workspace->step;
    const Sizes *sizes = &step->sizes;
    const Heads heads = heads_at(step->heads.values, sizes, 0);
    float *const matrices[] = {heads.feed_forward, heads.classifier, heads.shortcut};
    float *const ends[] = {heads.feed_forward_bias, heads.classifier_bias, heads.shortcut_bias};
    const int64_t rows[] = {sizes->features, sizes->hidden, sizes->features};
    float *const values = step->heads.values;
    for (int i = 0; i < MATRICES; i++) {
        float *value = matrices[i] < values + start ? values + start : matrices[i];
        for (; rows[i] > 1 && value < ends[i] && value < values + end; value++) {
            *value *= step->optimizer.decay;
        }
    }
    update_values(values + start, workspace->head_gradients + start, step->heads.means + start,
                  step->heads.squares + start, end - start, step->optimizer.heads);
}

/* Phase 3 for a part of the tokens' rows, or a range of the heads. */
static void
update(void *context, int64_t index, int worker)
{
    Workspace *workspace = context;
    const Step *step = workspace->step;
    (void)worker;
    if (index < PARTS) {
        update_part(&step->network.embedding, &workspace->token_parts[index], &step->embedding,
                    step->optimizer.tables);
    }
    else {
        const int64_t start = (index - PARTS) * HEADS_AT_ONCE;
        update_heads(workspace, start, smaller(start + HEADS_AT_ONCE, head_count(&step->sizes)));
    }
}

static void
prepare_member(void *context, int64_t member, int worker)
{
    Workspace *workspace = context;
    const Sizes *sizes = &workspace->step->sizes;
    const Heads heads = heads_at(workspace->step->heads.values, sizes, member);
    (void)worker;
    pad_heads(&workspace->matrices[member], &heads, sizes);
}

/* Phases 1 and 2, chunk by chunk. */
static StepStatus
compute_gradients(Workspace *workspace, Team *team)
{
    const int64_t members = workspace->step->sizes.members, tiles = all_tiles(workspace);
    team_run(team, members, prepare_member, workspace);
    for (; workspace->first < workspace->blocks; workspace->first += workspace->chunk) {
        const int64_t left = workspace->blocks - workspace->first;
        const int is_last = left <= workspace->chunk;
        workspace->here = smaller(left, workspace->chunk);
        team_run(team, workspace->here, train_block, workspace);
        for (int64_t i = 0; i < workspace->here; i++) {
            if (workspace->results[workspace->first + i].is_wrong) {
                return STEP_WITH_A_WRONG_ID;
            }
        }
        if (is_last && make_rows(workspace) < 0) {
            return STEP_WITHOUT_MEMORY;
        }
        team_run(team, tiles + (is_last ? 2 * PARTS + members : 0), sum_gradients, workspace);
    }
    return STEP_DONE;
}

static void
sum_results(const Workspace *workspace, double *loss, int64_t *right)
{
    for (int64_t block = 0; block < workspace->blocks; block++) {
        *loss += workspace->results[block].loss;
        *right += workspace->results[block].right;
    }
}

/* Take a step; nothing is trained unless it returns `STEP_DONE`. Writes the loss before the step,
 * and the number of texts that were predicted correctly. */
static StepStatus
take_step(const Step *step, double *loss, int64_t *right)
{
    Workspace workspace = {.step = step, .blocks = pieces(step->targets.batch, BLOCK)};
    const int64_t columns = step->sizes.members * BLOCK * step->sizes.label_columns;
    const int64_t most = MOST_LOGITS / columns;
    workspace.chunk = smaller(workspace.blocks, most < FEWEST_BLOCKS ? FEWEST_BLOCKS : most);
    Team *team = team_start((int)smaller(step->threads, workspace.blocks));
    StepStatus status = STEP_WITHOUT_MEMORY;
    if (make_workspace(&workspace, place_tokens(step, NULL), team_size(team)) == 0) {
        place_tokens(step, workspace.starts);
        status = compute_gradients(&workspace, team);
    }
    if (status == STEP_DONE) {
        const int64_t ranges = pieces(head_count(&step->sizes), HEADS_AT_ONCE);
        team_run(team, PARTS + ranges, update, &workspace);
        sum_results(&workspace, loss, right);
    }
    team_end(team);
    free_workspace(&workspace);
    return status;
}

#endif
