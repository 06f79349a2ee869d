/* Forward and backward of the heads of a local wave network, for a block of texts. For
 * `train_step.c`. */

#ifndef WAVE_NETWORK_HEADS_H
#define WAVE_NETWORK_HEADS_H

#include "waves.h"

enum { BLOCK = 16, LANES = 8 }; /* texts per block; floats per wide register */

/* Sizes of the heads; columns are zero-padded to whole registers. */
typedef struct {
    int64_t members, features, hidden, labels, feature_columns, hidden_columns, label_columns;
} Sizes;

/* A member's heads, or their gradients, in torch's layout: no padding, all in one array, layer by
 * layer, member by member. */
typedef struct {
    float *feed_forward, *feed_forward_bias, *norm, *norm_bias, *classifier, *classifier_bias,
        *shortcut, *shortcut_bias;
    int64_t count; /* of all members */
} Heads;

/* The matrices of the heads, padded: (inputs, columns); transposed: (outputs, columns). */
typedef struct {
    float *feed_forward, *classifier, *shortcut, *transposed_feed_forward, *transposed_classifier,
        *transposed_shortcut, *feed_forward_gradient, *classifier_gradient, *shortcut_gradient;
} Matrices;

/* The workspace: activations and gradients of a block, for all members (members, texts, columns),
 * for one member at a time (texts, columns), and for one text (columns,). */
typedef struct {
    float *features, *features_gradient;
    float *hidden, *gelu_slopes, *normed, *scaled, *hidden_gradient, *logits, *logits_gradient;
    float *targets, *probabilities; /* (texts, labels); probabilities are summed over the members */
    float *sums, *slopes, *text_features, *text_gradient;
    int64_t best[BLOCK]; /* the most probable class of each text's target */
    float deviations[BLOCK];
} Block;

static inline int64_t
padded(int64_t count)
{
    return (count + LANES - 1) / LANES * LANES;
}

static inline Sizes
sizes_of(int64_t members, int64_t features, int64_t hidden, int64_t labels)
{
    return (Sizes){members,          features,       hidden,        labels,
                   padded(features), padded(hidden), padded(labels)};
}

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
    heads.count = 0;
    for (int i = 0; i < 8; i++) {
        *parts[i] = all + heads.count + member * counts[i];
        heads.count += sizes->members * counts[i];
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

/* Set the pointers to a member's matrices; returns their number of floats. */
static inline int64_t
place_matrices(Matrices *matrices, const Sizes *sizes, float *start)
{
    const int64_t features = sizes->feature_columns, hidden = sizes->hidden_columns;
    const int64_t labels = sizes->label_columns;
    const Part parts[] = {
        {&matrices->feed_forward, sizes->features * hidden},
        {&matrices->feed_forward_gradient, features * hidden},
        {&matrices->transposed_feed_forward, sizes->hidden * features},
        {&matrices->classifier, sizes->hidden * labels},
        {&matrices->classifier_gradient, hidden * labels},
        {&matrices->transposed_classifier, sizes->labels * hidden},
        {&matrices->shortcut, sizes->features * labels},
        {&matrices->shortcut_gradient, features * labels},
        {&matrices->transposed_shortcut, sizes->labels * features},
    };
    return place_parts(parts, sizeof(parts) / sizeof(parts[0]), start);
}

static inline int64_t
place_block(Block *block, const Sizes *sizes, float *start)
{
    const int64_t features = sizes->feature_columns, hidden = sizes->hidden_columns;
    const int64_t labels = sizes->label_columns, text_columns = sizes->members * sizes->features;
    const Part parts[] = {
        {&block->features, sizes->members * BLOCK * features},
        {&block->features_gradient, sizes->members * BLOCK * features},
        {&block->hidden, BLOCK * hidden},
        {&block->gelu_slopes, BLOCK * hidden},
        {&block->normed, BLOCK * hidden},
        {&block->scaled, BLOCK * hidden},
        {&block->hidden_gradient, BLOCK * hidden},
        {&block->logits, BLOCK * labels},
        {&block->logits_gradient, BLOCK * labels},
        {&block->targets, BLOCK * sizes->labels},
        {&block->probabilities, BLOCK * sizes->labels},
        {&block->sums, text_columns},
        {&block->slopes, text_columns},
        {&block->text_features, text_columns},
        {&block->text_gradient, text_columns},
    };
    return place_parts(parts, sizeof(parts) / sizeof(parts[0]), start);
}

/* Compute e^x in float32 without a call, so that loops are vectorised (Cephes' polynomial). */
INLINE float
exponential(float x)
{
    const float round = 12582912.0f; /* 1.5 * 2^23: adding it rounds to a whole number */
    x = x > 88.0f ? 88.0f : x;
    x = x < -87.0f ? -87.0f : x;
    const float power = (x * 1.44269504f + round) - round;
    const float rest = (x - power * 0.693359375f) + power * 2.12194440e-4f;
    float value = 1.9875691500e-4f;
    value = value * rest + 1.3981999507e-3f;
    value = value * rest + 8.3334519073e-3f;
    value = value * rest + 4.1665795894e-2f;
    value = value * rest + 1.6666665459e-1f;
    value = value * rest + 5.0000001201e-1f;
    value = value * rest * rest + rest + 1.0f;
    const float whole = power >= -127.0f ? power : 0.0f; /* NaN, which stays in `rest`, is none */
    const uint32_t bits = ((uint32_t)(int32_t)whole + 127) << 23;
    float scale;
    memcpy(&scale, &bits, sizeof(scale));
    return value * scale;
}

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

#ifdef __GNUC__
typedef float Lanes __attribute__((vector_size(LANES * sizeof(float)), aligned(4), may_alias));

/* Multiply four rows of a (strides `a_row` and `a_column`) by one register of columns of b, and add
 * the product to c. */
INLINE void
multiply_block(float *restrict c, const float *restrict a, int64_t a_row, int64_t a_column,
               const float *restrict b, int64_t inner, int64_t columns)
{
    Lanes *first = (Lanes *)c, *second = (Lanes *)(c + columns);
    Lanes *third = (Lanes *)(c + 2 * columns), *fourth = (Lanes *)(c + 3 * columns);
    Lanes sums[] = {*first, *second, *third, *fourth};
    for (int64_t k = 0; k < inner; k++) {
        const Lanes row = *(const Lanes *)(b + k * columns);
        const float *factors = a + k * a_column;
        sums[0] += factors[0] * row;
        sums[1] += factors[a_row] * row;
        sums[2] += factors[2 * a_row] * row;
        sums[3] += factors[3 * a_row] * row;
    }
    *first = sums[0];
    *second = sums[1];
    *third = sums[2];
    *fourth = sums[3];
}
#else
INLINE void
multiply_block(float *restrict c, const float *restrict a, int64_t a_row, int64_t a_column,
               const float *restrict b, int64_t inner, int64_t columns)
{
    for (int64_t k = 0; k < inner; k++) {
        for (int64_t i = 0; i < 4; i++) {
            for (int64_t lane = 0; lane < LANES; lane++) {
                c[i * columns + lane] += a[i * a_row + k * a_column] * b[k * columns + lane];
            }
        }
    }
}
#endif

/* Add the product of a, (rows, inner), and b, (inner, columns), to c, (rows, columns). Rows are a
 * multiple of 4, columns of LANES. */
INLINE void
multiply(float *restrict c, const float *restrict a, int64_t a_row, int64_t a_column,
         const float *restrict b, int64_t rows, int64_t inner, int64_t columns)
{
    for (int64_t i = 0; i < rows; i += 4) {
        for (int64_t j = 0; j < columns; j += LANES) {
            multiply_block(c + i * columns + j, a + i * a_row, a_row, a_column, b + j, inner,
                           columns);
        }
    }
}

INLINE float
dot(const float *restrict a, const float *restrict b, int64_t count)
{
    float sums[LANES] = {0}, rest = 0;
    int64_t i = 0;
    for (; i + LANES <= count; i += LANES) {
        for (int64_t lane = 0; lane < LANES; lane++) {
            sums[lane] += a[i + lane] * b[i + lane];
        }
    }
    for (; i < count; i++) {
        rest += a[i] * b[i];
    }
    for (int64_t lane = 0; lane < LANES; lane++) {
        rest += sums[lane];
    }
    return rest;
}

INLINE float
sum_of(const float *values, int64_t count)
{
    float sums[LANES] = {0}, rest = 0;
    int64_t i = 0;
    for (; i + LANES <= count; i += LANES) {
        for (int64_t lane = 0; lane < LANES; lane++) {
            sums[lane] += values[i + lane];
        }
    }
    for (; i < count; i++) {
        rest += values[i];
    }
    for (int64_t lane = 0; lane < LANES; lane++) {
        rest += sums[lane];
    }
    return rest;
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

/* Compute one member's logits of a block. */
WIDE static void
forward_heads(Block *block, const float *features, const Matrices *matrices, const Heads *heads,
              const Sizes *sizes)
{
    const int64_t columns = sizes->feature_columns, hidden = sizes->hidden_columns;
    const int64_t labels = sizes->label_columns;
    for (int64_t text = 0; text < BLOCK; text++) {
        memcpy(block->hidden + text * hidden, heads->feed_forward_bias,
               (size_t)sizes->hidden * sizeof(float));
        for (int64_t k = 0; k < sizes->labels; k++) {
            block->logits[text * labels + k] = heads->classifier_bias[k] + heads->shortcut_bias[k];
        }
    }
    multiply(block->hidden, features, columns, 1, matrices->feed_forward, BLOCK, sizes->features,
             hidden);
    activate(block->hidden, block->gelu_slopes, BLOCK * hidden);
    for (int64_t text = 0; text < BLOCK; text++) {
        const int64_t start = text * hidden;
        block->deviations[text] = normalize(block->normed + start, block->scaled + start,
                                            block->hidden + start, heads, sizes->hidden);
    }
    multiply(block->logits, block->scaled, hidden, 1, matrices->classifier, BLOCK, sizes->hidden,
             labels);
    multiply(block->logits, features, columns, 1, matrices->shortcut, BLOCK, sizes->features,
             labels);
}

/* Backward from one text's LayerNorm to GELU's input, in place; adds the gradients of the norm's
 * parameters. */
INLINE void
backward_norm(float *restrict hidden_gradient, const float *restrict normed,
              const float *restrict gelu_slopes, const Heads *heads, const Heads *gradients,
              float factor, int64_t count)
{
    float *restrict norm_gradient = gradients->norm, *restrict bias_gradient = gradients->norm_bias;
    for (int64_t i = 0; i < count; i++) {
        norm_gradient[i] += hidden_gradient[i] * normed[i];
        bias_gradient[i] += hidden_gradient[i];
        hidden_gradient[i] *= heads->norm[i];
    }
    const float mean = sum_of(hidden_gradient, count) / (float)count;
    const float along = dot(hidden_gradient, normed, count) / (float)count;
    for (int64_t i = 0; i < count; i++) {
        hidden_gradient[i] = (hidden_gradient[i] - mean - normed[i] * along) * factor
                             * gelu_slopes[i];
    }
}

/* Backward from a block's logits to one member's features; adds the gradients of the heads. */
WIDE static void
backward_heads(Block *block, const float *features, float *features_gradient,
               const Matrices *matrices, const Heads *heads, const Heads *gradients,
               const Sizes *sizes)
{
    const int64_t columns = sizes->feature_columns, hidden = sizes->hidden_columns;
    const int64_t labels = sizes->label_columns;
    memset(features_gradient, 0, (size_t)(BLOCK * columns) * sizeof(float));
    memset(block->hidden_gradient, 0, (size_t)(BLOCK * hidden) * sizeof(float));
    multiply(matrices->classifier_gradient, block->scaled, 1, hidden, block->logits_gradient,
             hidden, BLOCK, labels);
    multiply(matrices->shortcut_gradient, features, 1, columns, block->logits_gradient, columns,
             BLOCK, labels);
    multiply(block->hidden_gradient, block->logits_gradient, labels, 1,
             matrices->transposed_classifier, BLOCK, sizes->labels, hidden);
    multiply(features_gradient, block->logits_gradient, labels, 1, matrices->transposed_shortcut,
             BLOCK, sizes->labels, columns);
    for (int64_t text = 0; text < BLOCK; text++) {
        const int64_t start = text * hidden;
        backward_norm(block->hidden_gradient + start, block->normed + start,
                      block->gelu_slopes + start, heads, gradients, block->deviations[text],
                      sizes->hidden);
        add_to(gradients->feed_forward_bias, block->hidden_gradient + start, sizes->hidden);
        add_to(gradients->classifier_bias, block->logits_gradient + text * labels, sizes->labels);
    }
    multiply(matrices->feed_forward_gradient, features, 1, columns, block->hidden_gradient, columns,
             BLOCK, hidden);
    multiply(features_gradient, block->hidden_gradient, hidden, 1,
             matrices->transposed_feed_forward, BLOCK, sizes->hidden, columns);
}

static void
pad_matrix(const float *matrix, int64_t rows, int64_t columns, float *padded_matrix,
           float *transposed)
{
    for (int64_t i = 0; i < rows; i++) {
        for (int64_t j = 0; j < columns; j++) {
            padded_matrix[i * padded(columns) + j] = matrix[i * columns + j];
            transposed[j * padded(rows) + i] = matrix[i * columns + j];
        }
    }
}

static void
pad_heads(const Matrices *matrices, const Heads *heads, const Sizes *sizes)
{
    pad_matrix(heads->feed_forward, sizes->features, sizes->hidden, matrices->feed_forward,
               matrices->transposed_feed_forward);
    pad_matrix(heads->classifier, sizes->hidden, sizes->labels, matrices->classifier,
               matrices->transposed_classifier);
    pad_matrix(heads->shortcut, sizes->features, sizes->labels, matrices->shortcut,
               matrices->transposed_shortcut);
}

static void
unpad_matrix(float *matrix, const float *padded_matrix, int64_t rows, int64_t columns)
{
    for (int64_t i = 0; i < rows; i++) {
        memcpy(matrix + i * columns, padded_matrix + i * padded(columns),
               (size_t)columns * sizeof(float));
    }
}

/* Copy the gradients, without padding. */
static void
unpad_gradients(const Heads *gradients, const Matrices *matrices, const Sizes *sizes)
{
    unpad_matrix(gradients->feed_forward, matrices->feed_forward_gradient, sizes->features,
                 sizes->hidden);
    unpad_matrix(gradients->classifier, matrices->classifier_gradient, sizes->hidden,
                 sizes->labels);
    unpad_matrix(gradients->shortcut, matrices->shortcut_gradient, sizes->features, sizes->labels);
    memcpy(gradients->shortcut_bias, gradients->classifier_bias,
           (size_t)sizes->labels * sizeof(float));
}

#endif
