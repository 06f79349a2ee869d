/* A block of texts in training: its tokens, and forward and backward to the gradients of each
 * text's sums. For `step.h`. */

#ifndef WAVE_NETWORK_BLOCKS_H
#define WAVE_NETWORK_BLOCKS_H

#include "workspace.h"

/* Token dropout: copy the tokens of a text whose chance is at least the dropout, and always its
 * first one. Returns whether all its ids are in the vocabulary. */
static int
draw_tokens(Workspace *workspace, int64_t text)
{
    const Step *step = workspace->step;
    const int64_t start = workspace->starts[text], *bounds = step->offsets + step->chosen[text];
    const int64_t length = bounds[1] - bounds[0];
    const int32_t *ids = step->ids + bounds[0];
    const uint32_t vocabulary = (uint32_t)step->network.embedding.count;
    int32_t *drawn = workspace->ids + start;
    int64_t count = 0;
    int is_wrong = 0;
    for (int64_t t = 0; t < length; t++) {
        is_wrong |= (uint32_t)ids[t] >= vocabulary;
    }
    if (step->chances == NULL) {
        memcpy(drawn, ids, (size_t)length * sizeof(int32_t));
        count = length;
    }
    else {
        const float *chances = step->chances + start;
        for (int64_t t = 0; t < length; t++) {
            drawn[count] = ids[t];
            count += t == 0 || chances[t] >= step->dropout;
        }
    }
    workspace->ends[text] = start + count;
    return !is_wrong;
}

/* Draw the tokens of a block, hash its n-grams, and list where rows occur. Returns whether all ids
 * are in the vocabulary. */
static int
draw_block(Workspace *workspace, int64_t block, int64_t texts)
{
    const int64_t first = block * BLOCK;
    const int64_t *starts = workspace->starts, *ends = workspace->ends;
    Occurrences *tokens = &workspace->tokens[block], *ngrams = &workspace->ngrams[block];
    for (int64_t text = first; text < first + texts; text++) {
        if (!draw_tokens(workspace, text)) {
            return 0;
        }
        write_buckets(&workspace->step->network, workspace->ids + starts[text],
                      ends[text] - starts[text], workspace->buckets + starts[text]);
    }
    tokens->items = workspace->occurrences + 2 * starts[first];
    list_rows(tokens, workspace->ids, starts, ends, first, texts);
    ngrams->items = tokens->items + tokens->starts[PARTS];
    list_rows(ngrams, workspace->buckets, starts, ends, first, texts);
    return 1;
}

/* Copy one member's columns from a block of all members', padded by zeros, or back. */
static void
features_of_member(float *features, const float *of_all, const Sizes *sizes, int64_t member,
                   int64_t texts)
{
    const int64_t columns = sizes->feature_columns;
    memset(features, 0, (size_t)(BLOCK * columns) * sizeof(float));
    for (int64_t i = 0; i < texts; i++) {
        memcpy(features + i * columns, of_all + (i * sizes->members + member) * sizes->features,
               (size_t)sizes->features * sizeof(float));
    }
}

static void
gradient_of_member(float *of_all, const float *gradient, const Sizes *sizes, int64_t member,
                   int64_t texts)
{
    for (int64_t i = 0; i < texts; i++) {
        memcpy(of_all + (i * sizes->members + member) * sizes->features,
               gradient + i * sizes->feature_columns, (size_t)sizes->features * sizeof(float));
    }
}

/* Return the activations of a block of this chunk for one member. */
static Block
block_at(const Workspace *workspace, const Scratch *scratch, int64_t member, int64_t index)
{
    const Sizes *sizes = &workspace->step->sizes;
    const int64_t row = (member * workspace->chunk + index) * BLOCK;
    return (Block){
        .features = workspace->features + row * sizes->feature_columns,
        .hidden = scratch->hidden,
        .gelu_slopes = scratch->gelu_slopes,
        .normed = scratch->normed,
        .scaled = workspace->scaled + row * sizes->hidden_columns,
        .logits = workspace->logits + row * sizes->label_columns,
        .hidden_gradient = workspace->hidden_gradient + row * sizes->hidden_columns,
        .features_gradient = scratch->features_gradient,
    };
}

/* Forward, loss and backward of one member's heads for a block of this chunk; returns the loss. */
static double
train_heads(Workspace *workspace, Scratch *scratch, int64_t member, int64_t index, int64_t texts)
{
    const Step *step = workspace->step;
    const Sizes *sizes = &step->sizes;
    const int64_t number = workspace->first + index, count = vector_count(sizes);
    const Heads heads = heads_at(step->heads.values, sizes, member);
    float *vectors = workspace->vectors + (member * workspace->blocks + number) * count;
    VectorGradients gradients;
    Block block = block_at(workspace, scratch, member, index);
    memset(vectors, 0, (size_t)count * sizeof(float));
    place_vectors(&gradients, sizes, vectors);
    features_of_member(block.features, scratch->text_features, sizes, member, texts);
    forward_heads(&block, &workspace->matrices[member], &heads, sizes);
    const double loss = block_loss(block.logits, scratch->probabilities, scratch->targets,
                                   &step->targets, step->chosen + number * BLOCK, texts, sizes);
    backward_heads(&block, &workspace->matrices[member], &heads, &gradients, sizes);
    gradient_of_member(scratch->text_gradient, block.features_gradient, sizes, member, texts);
    return loss;
}

/* Train a block of this chunk, up to the gradients that `step.h` sums. */
static void
train_block(void *context, int64_t index, int worker)
{
    Workspace *workspace = context;
    const Step *step = workspace->step;
    const Sizes *sizes = &step->sizes;
    const int64_t block = workspace->first + index, first = block * BLOCK;
    const int64_t left = step->targets.batch - first, texts = left < BLOCK ? left : BLOCK;
    const int64_t columns = sum_count(step);
    BlockResult *result = &workspace->results[block];
    Scratch *scratch = &workspace->scratch[worker];
    if (!draw_block(workspace, block, texts)) {
        result->is_wrong = 1;
        return;
    }
    memset(scratch->probabilities, 0, (size_t)(BLOCK * sizes->labels) * sizeof(float));
    for (int64_t i = 0; i < texts; i++) {
        const int64_t start = workspace->starts[first + i];
        const int64_t length = workspace->ends[first + i] - start;
        double none;
        forward_sums(&step->network, workspace->ids + start, workspace->buckets + start, length,
                     scratch->sums, &none);
        forward_features(&step->network, length, scratch->sums, &none,
                         scratch->text_features + i * columns, NULL);
        scratch->best[i] = write_targets(scratch->targets + i * sizes->labels, &step->targets,
                                         step->chosen[first + i]);
    }
    for (int64_t member = 0; member < sizes->members; member++) {
        result->loss += train_heads(workspace, scratch, member, index, texts)
                        / (double)sizes->members;
    }
    for (int64_t i = 0; i < texts; i++) {
        const int64_t text = first + i;
        write_slopes(&step->network, workspace->ends[text] - workspace->starts[text],
                     scratch->text_features + i * columns, scratch->text_gradient + i * columns,
                     workspace->slopes + text * columns);
        result->right += is_right(scratch->probabilities + i * sizes->labels, &step->targets,
                                  step->chosen[text], scratch->best[i], sizes->members);
    }
}

#endif
