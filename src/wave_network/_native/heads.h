/* The heads of a local wave network, and their forward pass for a block of texts. For `step.h` and
 * `heads_forward.c`. */

#ifndef WAVE_NETWORK_HEADS_H
#define WAVE_NETWORK_HEADS_H

#include "multiply.h"

#include <math.h>
#include <stdlib.h>

enum { BLOCK = 16 }; /* texts per block */

/* Sizes of the heads; columns are zero-padded. */
typedef struct {
    int64_t members, features, hidden, labels, feature_columns, hidden_columns, label_columns;
} Sizes;

static inline Sizes
sizes_of(int64_t members, int64_t features, int64_t hidden, int64_t labels)
{
    return (Sizes){members,          features,       hidden,        labels,
                   padded(features), padded(hidden), padded(labels)};
}

/* A member's heads, or their gradients, in torch's layout: no padding. */
typedef struct {
    float *feed_forward, *feed_forward_bias, *norm, *norm_bias, *classifier, *classifier_bias,
        *shortcut, *shortcut_bias;
} Heads;

/* Return a member's heads in an array of all, which goes layer by layer, then member by member. */
static inline Heads
heads_at(float *all, const Sizes *sizes, int64_t member)
{
    Heads heads;
    float **parts[] = {&heads.feed_forward, &heads.feed_forward_bias, &heads.norm,
                       &heads.norm_bias,    &heads.classifier,        &heads.classifier_bias,
                       &heads.shortcut,     &heads.shortcut_bias};
    const int64_t counts[] = {sizes->features * sizes->hidden,
                              sizes->hidden,
                              sizes->hidden,
                              sizes->hidden,
                              sizes->hidden * sizes->labels,
                              sizes->labels,
                              sizes->features * sizes->labels,
                              sizes->labels};
    for (int i = 0; i < 8; i++) {
        *parts[i] = all + member * counts[i];
        all += sizes->members * counts[i];
    }
    return heads;
}

/* Count the parameters of all members' heads. */
static inline int64_t
head_count(const Sizes *sizes)
{
    const int64_t inputs = sizes->features + sizes->hidden;
    return sizes->members
           * (sizes->features * sizes->hidden + 3 * sizes->hidden + (inputs + 2) * sizes->labels);
}

/* Set pointers to the parts of one array, or none if `start` is NULL; returns its length. */
typedef struct {
    float **start;
    int64_t count;
} Part;

static inline int64_t
place_parts(const Part *parts, int count, float *start)
{
    int64_t total = 0;
    for (int i = 0; i < count; i++) {
        *parts[i].start = start == NULL ? NULL : start + total;
        total += parts[i].count;
    }
    return total;
}

/* A member's matrices, padded: (inputs, columns); transposed: (outputs, columns). Predicting needs
 * no transposed ones. */
typedef struct {
    float *feed_forward, *classifier, *shortcut, *transposed_feed_forward, *transposed_classifier,
        *transposed_shortcut;
} Matrices;

static inline int64_t
place_matrices(Matrices *matrices, const Sizes *sizes, float *start, int transposed)
{
    const int64_t features = sizes->feature_columns, hidden = sizes->hidden_columns;
    const int64_t labels = sizes->label_columns;
    const Part parts[] = {
        {&matrices->feed_forward, sizes->features * hidden},
        {&matrices->classifier, sizes->hidden * labels},
        {&matrices->shortcut, sizes->features * labels},
        {&matrices->transposed_feed_forward, sizes->hidden * features},
        {&matrices->transposed_classifier, sizes->labels * hidden},
        {&matrices->transposed_shortcut, sizes->labels * features},
    };
    matrices->transposed_feed_forward = NULL;
    return place_parts(parts, transposed ? 6 : 3, start);
}

static void
pad_matrix(const float *matrix, int64_t rows, int64_t columns, float *padded_matrix,
           float *transposed)
{
    const int64_t stride = padded(columns), transposed_stride = padded(rows);
    for (int64_t i = 0; i < rows; i++) {
        memcpy(padded_matrix + i * stride, matrix + i * columns, (size_t)columns * sizeof(float));
        for (int64_t j = 0; transposed != NULL && j < columns; j++) {
            transposed[j * transposed_stride + i] = matrix[i * columns + j];
        }
    }
}

static void
pad_heads(const Matrices *matrices, const Heads *heads, const Sizes *sizes)
{
    const int transposed = matrices->transposed_feed_forward != NULL;
    pad_matrix(heads->feed_forward, sizes->features, sizes->hidden, matrices->feed_forward,
               matrices->transposed_feed_forward);
    pad_matrix(heads->classifier, sizes->hidden, sizes->labels, matrices->classifier,
               transposed ? matrices->transposed_classifier : NULL);
    pad_matrix(heads->shortcut, sizes->features, sizes->labels, matrices->shortcut,
               transposed ? matrices->transposed_shortcut : NULL);
}

/* Activations and gradients of a block for one member: (texts, columns). */
typedef struct {
    float *features, *hidden, *gelu_slopes, *normed, *scaled, *logits;
    float *hidden_gradient, *features_gradient; /* for the backward pass */
    float deviations[BLOCK];                    /* 1 / standard deviation of each text's hidden */
} Block;

/* Compute GELU (tanh approximation) in place, and its derivatives. */
INLINE void
activate(float *restrict values, float *restrict slopes, int64_t count)
{
    const float root = 0.7978845608f, cube = 0.044715f; /* sqrt(2 / pi) */
    for (int64_t i = 0; i < count; i++) {
        const float x = values[i];
        const float tanh = 1 - 2 / (exponential(2 * root * x * (1 + cube * x * x)) + 1);
        slopes[i] = 0.5f * (1 + tanh)
                    + 0.5f * x * (1 - tanh * tanh) * root * (1 + 3 * cube * x * x);
        values[i] = 0.5f * x * (1 + tanh);
    }
}

/* LayerNorm of one text, also without scale and shift; returns 1 / standard deviation. */
INLINE float
normalize(float *restrict normed, float *restrict scaled, const float *restrict hidden,
          const Heads *heads, int64_t count)
{
    const float mean = sum_of(hidden, count) / (float)count;
    for (int64_t i = 0; i < count; i++) {
        normed[i] = hidden[i] - mean;
    }
    const float factor = 1 / sqrtf(dot(normed, normed, count) / (float)count + 1e-5f);
    for (int64_t i = 0; i < count; i++) {
        normed[i] *= factor;
        scaled[i] = normed[i] * heads->norm[i] + heads->norm_bias[i];
    }
    return factor;
}

/* Compute one member's logits of a block, and of their columns without a label zeros. */
WIDE static void
forward_heads(Block *block, const Matrices *matrices, const Heads *heads, const Sizes *sizes)
{
    const int64_t columns = sizes->feature_columns, hidden = sizes->hidden_columns;
    const int64_t labels = sizes->label_columns;
    const Factor features = {block->features, columns, 1}, scaled = {block->scaled, hidden, 1};
    memset(block->hidden, 0, (size_t)(BLOCK * hidden) * sizeof(float));
    memset(block->logits, 0, (size_t)(BLOCK * labels) * sizeof(float));
    for (int64_t text = 0; text < BLOCK; text++) {
        memcpy(block->hidden + text * hidden, heads->feed_forward_bias,
               (size_t)sizes->hidden * sizeof(float));
        for (int64_t k = 0; k < sizes->labels; k++) {
            block->logits[text * labels + k] = heads->classifier_bias[k] + heads->shortcut_bias[k];
        }
    }
    multiply(block->hidden, hidden, features, matrices->feed_forward, hidden, BLOCK,
             sizes->features, hidden);
    activate(block->hidden, block->gelu_slopes, BLOCK * hidden);
    for (int64_t text = 0; text < BLOCK; text++) {
        const int64_t start = text * hidden;
        block->deviations[text] = normalize(block->normed + start, block->scaled + start,
                                            block->hidden + start, heads, sizes->hidden);
    }
    multiply(block->logits, labels, scaled, matrices->classifier, labels, BLOCK, sizes->hidden,
             labels);
    multiply(block->logits, labels, features, matrices->shortcut, labels, BLOCK, sizes->features,
             labels);
}

#endif
