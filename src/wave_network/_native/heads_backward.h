/* Backward of the heads of a local wave network, for a block of texts. For `step.h`. */

#ifndef WAVE_NETWORK_HEADS_BACKWARD_H
#define WAVE_NETWORK_HEADS_BACKWARD_H

#include "heads.h"

/* The gradients of a member's vectors, contiguous; the classifier's bias and the shortcut's have
 * the same. */
typedef struct {
    float *norm, *norm_bias, *feed_forward_bias, *logits_bias;
} VectorGradients;

static inline int64_t
place_vectors(VectorGradients *vectors, const Sizes *sizes, float *start)
{
    const Part parts[] = {
        {&vectors->norm, sizes->hidden},
        {&vectors->norm_bias, sizes->hidden},
        {&vectors->feed_forward_bias, sizes->hidden},
        {&vectors->logits_bias, sizes->labels},
    };
    return place_parts(parts, 4, start);
}

/* Backward from one text's LayerNorm to GELU's input, in place; adds the gradients of the norm's
 * parameters. */
INLINE void
backward_norm(float *restrict hidden_gradient, const float *restrict normed,
              const float *restrict gelu_slopes, const float *restrict norm,
              float *restrict norm_gradient, float *restrict bias_gradient, float factor,
              int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        norm_gradient[i] += hidden_gradient[i] * normed[i];
        bias_gradient[i] += hidden_gradient[i];
        hidden_gradient[i] *= norm[i];
    }
    const float mean = sum_of(hidden_gradient, count) / (float)count;
    const float along = dot(hidden_gradient, normed, count) / (float)count;
    for (int64_t i = 0; i < count; i++) {
        hidden_gradient[i] = (hidden_gradient[i] - mean - normed[i] * along) * factor
                             * gelu_slopes[i];
    }
}

/* Backward from the gradient at a block's logits, which replaced them, to one member's features;
 * adds the gradients of the vectors. */
WIDE static void
backward_heads(Block *block, const Matrices *matrices, const Heads *heads,
               const VectorGradients *vectors, const Sizes *sizes)
{
    const int64_t columns = sizes->feature_columns, hidden = sizes->hidden_columns;
    const int64_t labels = sizes->label_columns;
    const Factor logits = {block->logits, labels, 1};
    const Factor hidden_gradient = {block->hidden_gradient, hidden, 1};
    memset(block->features_gradient, 0, (size_t)(BLOCK * columns) * sizeof(float));
    memset(block->hidden_gradient, 0, (size_t)(BLOCK * hidden) * sizeof(float));
    multiply(block->hidden_gradient, hidden, logits, matrices->transposed_classifier, hidden, BLOCK,
             sizes->labels, hidden);
    multiply(block->features_gradient, columns, logits, matrices->transposed_shortcut, columns,
             BLOCK, sizes->labels, columns);
    for (int64_t text = 0; text < BLOCK; text++) {
        const int64_t start = text * hidden;
        backward_norm(block->hidden_gradient + start, block->normed + start,
                      block->gelu_slopes + start, heads->norm, vectors->norm, vectors->norm_bias,
                      block->deviations[text], sizes->hidden);
        add_to(vectors->feed_forward_bias, block->hidden_gradient + start, sizes->hidden);
        add_to(vectors->logits_bias, block->logits + text * labels, sizes->labels);
    }
    multiply(block->features_gradient, columns, hidden_gradient, matrices->transposed_feed_forward,
             columns, BLOCK, sizes->hidden, columns);
}

#endif
